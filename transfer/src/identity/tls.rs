//! TLS 1.3 with raw public keys: no authority, no name, only the key that is expected.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::crypto::ring::{kx_group, sign};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig,
    SignatureScheme,
};
use verifier::identity::{PeerId, PublicKey};

use super::Identity;
use super::verdict::{somebody_else, stranger};
use engine::wire::PROTOCOL;

/// Says whether a peer may call.
pub(crate) type Knows = dyn Fn(PeerId) -> bool + Send + Sync;

/// Why TLS is not to be had, or the other side is not a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TlsError {
    /// The TLS library does not take the key or the suites.
    #[error("cannot set up TLS")]
    Setup(#[from] rustls::Error),
    /// The handshake ended without the protocol's name or without a key.
    #[error("the other side does not speak {}", String::from_utf8_lossy(PROTOCOL))]
    Protocol,
}

/// TLS for calling exactly this peer.
pub(crate) fn caller_config(
    identity: &Identity,
    peer: PeerId,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(provider());
    let pinned = Arc::new(Pinned { peer, algorithms: provider.signature_verification_algorithms });
    let key = certified(identity)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// TLS for being called by the peers that `knows` lets in.
pub(crate) fn listener_config(
    identity: &Identity,
    knows: Arc<Knows>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(provider());
    let paired = Arc::new(Paired { knows, algorithms: provider.signature_verification_algorithms });
    let key = certified(identity)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(paired)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Whose session it is, once the handshake is over.
///
/// # Errors
///
/// [`TlsError::Protocol`] if the other side did not agree on the protocol's name.
pub(crate) fn peer_of(connection: &rustls::CommonState) -> Result<PeerId, TlsError> {
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(TlsError::Protocol);
    }
    let key = connection.peer_certificates().and_then(|keys| keys.first());
    let key = key.and_then(|key| PublicKey::from_spki_der(key).ok());
    key.map(|key| key.peer_id()).ok_or(TlsError::Protocol)
}

fn provider() -> CryptoProvider {
    let (aes, chacha) = (TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256);
    CryptoProvider {
        cipher_suites: if has_aes() { vec![aes, chacha] } else { vec![chacha, aes] },
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1],
        ..rustls::crypto::ring::default_provider()
    }
}

/// Whether the processor has instructions for AES, without which ChaCha20 is the faster one.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

fn certified(identity: &Identity) -> Result<Arc<CertifiedKey>, TlsError> {
    let der = identity.signing_key().to_pkcs8_der();
    let key = sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice()))?;
    let spki = identity.signing_key().public_key().to_spki_der();
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.to_vec())], key)))
}

/// Accepts one peer's key and no other.
#[derive(Debug)]
struct Pinned {
    peer: PeerId,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Accepts the keys of peers that the user paired with.
struct Paired {
    knows: Arc<Knows>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paired")
    }
}

fn no_tls12() -> rustls::Error {
    rustls::Error::PeerIncompatible(rustls::PeerIncompatible::ServerDoesNotSupportTls12Or13)
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.peer.public_key().to_spki_der() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(somebody_else())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(cert.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Paired {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Takes any key that is one: whose it is, is judged when the caller has proven it.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match PublicKey::from_spki_der(end_entity) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(_) => Err(CertificateError::BadEncoding.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(cert.as_ref());
        let proven = verify_tls13_signature_with_raw_key(message, &spki, dss, &self.algorithms)?;
        // The key is the caller's own from here on, so that nobody is turned away in another's name.
        let key = PublicKey::from_spki_der(cert).map_err(|_| CertificateError::BadEncoding)?;
        if (self.knows)(key.peer_id()) { Ok(proven) } else { Err(stranger(key.peer_id())) }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
