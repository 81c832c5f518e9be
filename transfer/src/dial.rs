//! Calling a peer: every address is judged before it is called.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use verifier::boundary::{AddressError, PeerAddress};
use verifier::identity::PeerId;
use verifier::{Code, Coded as _};

use crate::identity::{Identity, TlsError, caller, peer_of};
use crate::pace;

/// A connection to the peer that was called, and to no one else.
pub(crate) type Call = TlsStream<BufReader<TcpStream>>;

/// How much is read from the socket at a time, in bytes.
///
/// TLS asks for 4 KiB at a time; without the buffer each would be a call into the system.
const READ_AHEAD: usize = 256 << 10;

/// Why a peer could not be called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DialError {
    /// The peer has no address.
    #[error("the peer has no address")]
    NoAddress,
    /// The address leads where nothing may be called.
    #[error("{address} must not be called: {source}")]
    Refused {
        /// The address.
        address: PeerAddress,
        /// The rule it breaks.
        source: AddressError,
    },
    /// The address does not answer.
    #[error("{address} does not answer: {source}")]
    Unreachable {
        /// The address.
        address: PeerAddress,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever answers the address is not the peer, or does not know us.
    #[error("{address} is not the peer, or does not let this installation in: {source}")]
    Handshake {
        /// The address.
        address: PeerAddress,
        /// What TLS said.
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl DialError {
    /// Whether calling again cannot help.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::NoAddress | Self::Refused { .. } | Self::Tls(_))
    }
}

impl DialError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Refused { source, .. } => source.code(),
            Self::NoAddress | Self::Unreachable { .. } => Code::new("session", "unreachable"),
            Self::Handshake { .. } | Self::Tls(_) => Code::new("session", "handshake"),
        }
    }
}

/// Calls the peer at the first of its addresses that answers with its key.
///
/// # Errors
///
/// The [`DialError`] of the last address.
pub(crate) async fn dial(
    identity: &Identity,
    peer: PeerId,
    addresses: &[PeerAddress],
) -> Result<Call, DialError> {
    let connector = TlsConnector::from(caller(identity, peer)?);
    let mut last = DialError::NoAddress;
    for address in addresses {
        match dial_one(&connector, address).await {
            Ok(call) => return Ok(call),
            Err(error) => {
                tracing::debug!(%peer, %address, %error, "address does not lead to the peer");
                // One address that may answer yet outweighs those that never will.
                if last.is_final() || !error.is_final() {
                    last = error;
                }
            }
        }
    }
    Err(last)
}

async fn dial_one(connector: &TlsConnector, address: &PeerAddress) -> Result<Call, DialError> {
    let stream = connect(address).await?;
    let handshake = |source| DialError::Handshake { address: address.clone(), source };
    let ip = stream.peer_addr().map_err(handshake)?.ip();
    // The name is not sent and not looked at: the key is all that counts.
    let name = ServerName::IpAddress(ip.into());
    let stream = BufReader::with_capacity(READ_AHEAD, stream);
    let call = timeout(pace::HANDSHAKE, connector.connect(name, stream)).await;
    let call = call.map_err(|_| handshake(io::ErrorKind::TimedOut.into()))?.map_err(handshake)?;
    peer_of(call.get_ref().1)?;
    Ok(call)
}

async fn connect(address: &PeerAddress) -> Result<TcpStream, DialError> {
    let unreachable = |source| DialError::Unreachable { address: address.clone(), source };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for ip in resolve(address).await? {
        let stream = TcpStream::connect(SocketAddr::new(ip, address.port()));
        match timeout(pace::CONNECT, stream).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(unreachable)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(unreachable(last))
}

/// The IPs that the address stands for now, every one of them allowed.
async fn resolve(address: &PeerAddress) -> Result<Vec<IpAddr>, DialError> {
    let ips = match address.ip() {
        Some(ip) => vec![ip],
        None => {
            let looked_up = tokio::net::lookup_host((address.host(), address.port()));
            let unreachable = |source| DialError::Unreachable { address: address.clone(), source };
            let found = timeout(pace::RESOLVE, looked_up).await;
            let found = found.map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?;
            found.map_err(unreachable)?.map(|socket| socket.ip()).collect()
        }
    };
    judge(address, ips)
}

fn judge(address: &PeerAddress, ips: Vec<IpAddr>) -> Result<Vec<IpAddr>, DialError> {
    address
        .check_resolved(&ips)
        .map_err(|source| DialError::Refused { address: address.clone(), source })?;
    Ok(ips)
}

#[cfg(test)]
mod tests {
    use verifier::boundary::PeerAddress;

    use super::{judge, resolve};

    #[test]
    fn one_denied_ip_spoils_the_name() {
        let name = PeerAddress::parse("mmp://friend.example:4000").unwrap();
        let good = "192.168.1.7".parse().unwrap();
        assert_eq!(judge(&name, vec![good]).unwrap(), [good]);
        let bad = "169.254.169.254".parse().unwrap();
        let refused = judge(&name, vec![good, bad]).unwrap_err();
        assert_eq!(refused.code().to_string(), "address.denied-ip");
        assert!(refused.is_final());
        let none = judge(&name, Vec::new()).unwrap_err();
        assert_eq!(none.code().to_string(), "address.unresolved");
    }

    #[tokio::test]
    async fn an_ip_stands_for_itself() {
        let address = PeerAddress::parse("mmp://[::1]:4000").unwrap();
        assert_eq!(resolve(&address).await.unwrap(), ["::1".parse::<std::net::IpAddr>().unwrap()]);
    }
}
