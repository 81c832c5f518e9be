//! A connection as docs/protocol.md tells it, with a key, a ticket and addresses as docs/formats.md tells them.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXUPPER};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, StreamOwned,
};
use serde_json::{Value, json};

/// What a `SubjectPublicKeyInfo` of an Ed25519 key begins with.
const SPKI: [u8; 12] = *b"\x30\x2A\x30\x05\x06\x03\x2B\x65\x70\x03\x21\x00";
/// What the PKCS #8 form of a seed begins with (RFC 8410).
const PKCS8: [u8; 16] = *b"\x30\x2E\x02\x01\x00\x30\x05\x06\x03\x2B\x65\x70\x04\x22\x04\x20";
/// The application protocol.
const ALPN: &[u8] = b"minimodel/0";
/// After so long without a byte a test has failed.
const SILENCE: Duration = Duration::from_secs(40);

/// The kinds of frames.
pub mod kind {
    pub const HELLO: u8 = 1;
    pub const OPEN: u8 = 2;
    pub const OPENED: u8 = 3;
    pub const LEARN: u8 = 4;
    pub const DIGESTS: u8 = 5;
    pub const ASK: u8 = 6;
    pub const BLOCK: u8 = 7;
    pub const HAVE: u8 = 8;
    pub const CANCEL: u8 = 9;
    pub const REFUSE: u8 = 10;
    pub const CLOSE: u8 = 11;
    pub const PING: u8 = 12;
    pub const ASK_PROVEN: u8 = 13;
    pub const PROOF: u8 = 14;
}

/// Writes a frame of these members.
pub fn frame(kind: u8, members: &[&[u8]]) -> Vec<u8> {
    let body = members.concat();
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_le_bytes()[..], &[kind], &body].concat()
}

/// Who calls: a key pair.
#[derive(Debug)]
pub struct Caller(Arc<dyn SigningKey>);

impl Caller {
    pub fn of(seed: [u8; 32]) -> Self {
        let pkcs8 = [&PKCS8[..], &seed].concat();
        Self(ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap())
    }

    /// The id by which others know it.
    pub fn id(&self) -> String {
        let spki = self.0.public_key().unwrap();
        let key = spki.strip_prefix(&SPKI).unwrap();
        bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse("mmpeer").unwrap(), key).unwrap()
    }

    /// An invitation to pair with this one, for as long as one of somebody else holds.
    pub fn ticket(&self, label: &str, other: &str) -> String {
        let other = other.strip_prefix("mmticket0:").unwrap();
        let other = BASE64URL_NOPAD.decode(other.as_bytes()).unwrap();
        let mut ticket: Value = serde_json::from_slice(&other).unwrap();
        ticket["peer_id"] = json!(self.id());
        ticket["label"] = json!(label);
        ticket.as_object_mut().unwrap().remove("signature");
        // Members are written in the order of their names, without white space.
        let signed = format!("minimodel/v0/peer-ticket\0{ticket}");
        let signer = self.0.choose_scheme(&[SignatureScheme::ED25519]).unwrap();
        let signature = signer.sign(signed.as_bytes()).unwrap();
        ticket["signature"] = json!(HEXUPPER.encode(&signature));
        format!("mmticket0:{}", BASE64URL_NOPAD.encode(ticket.to_string().as_bytes()))
    }

    /// Calls a peer at an address, and comes back when this side of the handshake is over.
    ///
    /// # Errors
    ///
    /// If the handshake fails on this side, as when another key answers there. What fails on the other
    /// side is heard where the first frame was due.
    pub fn call(&self, address: &str, peer_id: &str) -> io::Result<Call> {
        let (hrp, key) = bech32::decode(peer_id).unwrap();
        assert_eq!(hrp.as_str(), "mmpeer");
        let provider = Arc::new(ring::default_provider());
        let only = Only {
            spki: [&SPKI[..], &key].concat(),
            algorithms: provider.signature_verification_algorithms,
        };
        let spki = self.0.public_key().unwrap().to_vec();
        let shown = CertifiedKey::new(vec![CertificateDer::from(spki)], Arc::clone(&self.0));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(only))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(
                shown,
            ))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_sni = false;
        config.resumption = Resumption::disabled();

        let mut socket = TcpStream::connect(address.strip_prefix("mmp://").unwrap())?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_nodelay(true)?;
        let nobody = ServerName::try_from("peer").unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), nobody).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        assert_eq!(tls.alpn_protocol(), Some(ALPN));
        Ok(Call(StreamOwned::new(tls, socket)))
    }
}

/// Lets one key answer and no other.
#[derive(Debug)]
struct Only {
    spki: Vec<u8>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _more: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if **shown == *self.spki {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _shown: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!("nothing older than TLS 1.3 is offered")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(&**shown);
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// A connection to a peer.
#[derive(Debug)]
pub struct Call(StreamOwned<ClientConnection, TcpStream>);

impl Call {
    /// Sends frames in one flight.
    pub fn say(&mut self, frames: &[Vec<u8>]) {
        self.0.write_all(&frames.concat()).unwrap();
        self.0.flush().unwrap();
    }

    /// The next frame, its kind and its body.
    ///
    /// # Errors
    ///
    /// If the connection ended or broke.
    pub fn hear_any(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let [length @ .., kind] = head;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap();
        assert!(length <= 262_152, "a frame of kind {kind} has {length} bytes");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }

    /// The next frame that answers something.
    pub fn hear(&mut self) -> (u8, Vec<u8>) {
        loop {
            let heard = self.hear_any().unwrap();
            if ![kind::HAVE, kind::PING].contains(&heard.0) {
                return heard;
            }
        }
    }

    /// The body of the next frame that answers something, which has to be of a kind.
    #[track_caller]
    pub fn hears(&mut self, kind: u8) -> Vec<u8> {
        let (heard, body) = self.hear();
        assert_eq!(heard, kind, "{body:02X?}");
        body
    }

    /// Everything that comes until the stream ends, as it came. TLS may leave its end unsaid.
    pub fn hear_out(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut all) {
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        }
        all
    }
}
