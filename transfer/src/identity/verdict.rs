//! What a handshake ended over, as far as its error tells.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, Error, OtherError};
use verifier::identity::PeerId;

/// Why two sides did not come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The caller proved its key, and it is not the key of a peer that may call.
    Stranger(PeerId),
    /// The peer that was called does not let this installation's key in.
    NotLetIn,
    /// Another key than that of the peer that was called answers.
    SomebodyElse,
    /// The caller expected another key than this installation's.
    SomebodyElseWanted,
    /// The other side hung up.
    HungUp,
}

impl Verdict {
    /// Reads the error of a handshake, or of the first reading after it.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        let is_end = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
        );
        match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(CertificateError::Other(OtherError(why)))) => {
                why.downcast_ref::<Stranger>().map(|stranger| Self::Stranger(stranger.0))
            }
            Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
                Some(Self::SomebodyElse)
            }
            Some(Error::AlertReceived(AlertDescription::CertificateUnknown)) => {
                Some(Self::NotLetIn)
            }
            Some(Error::AlertReceived(AlertDescription::AccessDenied)) => {
                Some(Self::SomebodyElseWanted)
            }
            Some(_) => None,
            None => is_end.then_some(Self::HungUp),
        }
    }
}

/// The key of somebody who may not call; the alert `certificate_unknown` tells it.
pub(super) fn stranger(peer: PeerId) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Stranger(peer)))))
}

/// A key that is not the one that was called; the alert `access_denied` tells its owner.
pub(super) const fn somebody_else() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

#[derive(Debug)]
struct Stranger(PeerId);

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not call", self.0)
    }
}

impl std::error::Error for Stranger {}
