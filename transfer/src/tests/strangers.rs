//! Whoever is not paired, or speaks something else: no byte of the protocol, and no harm to others.

use std::collections::VecDeque;
use std::sync::Arc;

use app::ports::PullSource;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use verifier::Bitfield;
use verifier::boundary::PeerAddress;

use super::CALLER;
use super::harness::{Artifact, Memory, identity, label, pull_all, pull_in_vain, serve};
use crate::identity::{caller_config, listener_config};

fn address(source: &PullSource) -> (std::net::IpAddr, u16) {
    (source.addresses[0].ip().unwrap(), source.addresses[0].port())
}

/// Calls with that TLS, and reads until it is hung up on: what was heard after the handshake.
async fn call(source: &PullSource, config: Arc<ClientConfig>) -> Vec<u8> {
    let stream = TcpStream::connect(address(source)).await.unwrap();
    let name = ServerName::IpAddress(source.addresses[0].ip().unwrap().into());
    let mut heard = Vec::new();
    if let Ok(mut call) = TlsConnector::from(config).connect(name, stream).await {
        call.read_to_end(&mut heard).await.ok();
    }
    heard
}

/// Takes any certificate, and no raw key.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519, SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// A caller of the web, with these versions of TLS.
fn browser(versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let config = config.unwrap().dangerous().with_custom_certificate_verifier(Arc::new(Any));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"minimodel/0".to_vec()];
    Arc::new(config)
}

#[tokio::test]
async fn whoever_speaks_something_else_hears_no_byte_of_the_protocol() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let served = serve(1, Memory::whole(&artifact)).await;
    let named = |names: &[&[u8]]| {
        let mut config = (*caller_config(&identity(CALLER), served.source.id).unwrap()).clone();
        config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    };
    for (what, config) in [
        ("another application protocol", named(&[b"h2", b"http/1.1"])),
        ("a later family", named(&[b"minimodel/1"])),
        ("no application protocol", named(&[])),
        ("certificates", browser(&[&rustls::version::TLS13])),
        ("TLS 1.2", browser(&[&rustls::version::TLS12])),
        ("a key that is not paired", caller_config(&identity(77), served.source.id).unwrap()),
    ] {
        assert_eq!(call(&served.source, config).await, b"", "{what}");
    }
    // The same key and the right name are greeted.
    let stream = TcpStream::connect(address(&served.source)).await.unwrap();
    let name = ServerName::IpAddress(served.source.addresses[0].ip().unwrap().into());
    let config = named(&[b"h2", b"minimodel/0"]);
    let mut call = TlsConnector::from(config).connect(name, stream).await.unwrap();
    let mut hello = [0; 5];
    call.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello, [4, 0, 0, 0, 1]);
    pull_all(&artifact, vec![served.source.clone()]).await.result.unwrap();
}

#[tokio::test]
async fn a_server_of_another_application_protocol_is_no_peer() {
    let artifact = Artifact::new(1_024, 1_024);
    let identity = identity(1);
    let id = identity.peer_id();
    for names in [vec![b"h2".to_vec()], Vec::new()] {
        let mut config = (*listener_config(&identity, Arc::new(|_| true)).unwrap()).clone();
        config.alpn_protocols = names;
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = tls.accept(stream).await {
                    stream.read_to_end(&mut Vec::new()).await.ok();
                }
            }
        });
        let addresses = vec![PeerAddress::from_socket(at.ip(), at.port()).unwrap()];
        let source = PullSource { id, label: label(id), addresses, offered: Bitfield::full(1) };
        let outcome = pull_in_vain(&artifact, vec![source]).await;
        assert!(outcome.pieces.is_empty());
        let error = format!("{:?}", outcome.result.unwrap_err());
        assert!(error.contains("companion") || error.contains("does not speak"), "{error}");
    }
}

#[tokio::test]
async fn a_thousand_connections_of_strangers_keep_no_peer_out_and_leave_nothing() {
    let artifact = Artifact::new(64 * 1_024, 1_024);
    let served = serve(1, Memory::whole(&artifact)).await;
    let stranger = caller_config(&identity(78), served.source.id).unwrap();
    let crowd = async {
        let mut silent = VecDeque::new();
        for number in 0..1_000_u32 {
            if number % 20 == 0 {
                assert_eq!(call(&served.source, Arc::clone(&stranger)).await, b"");
            }
            silent.push_back(TcpStream::connect(address(&served.source)).await.unwrap());
            if silent.len() > 100 {
                // All but eight of them made way long ago.
                let mut oldest = silent.pop_front().unwrap();
                assert_eq!(oldest.read(&mut [0]).await.unwrap_or(0), 0);
            }
        }
        silent
    };
    let pulls = async {
        for _ in 0..4 {
            let outcome = pull_all(&artifact, vec![served.source.clone()]).await;
            outcome.result.unwrap();
            assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes);
        }
    };
    let (silent, ()) = tokio::join!(crowd, pulls);
    // While they are still there, and when they are gone.
    pull_all(&artifact, vec![served.source.clone()]).await.result.unwrap();
    drop(silent);
    pull_all(&artifact, vec![served.source.clone()]).await.result.unwrap();
}
