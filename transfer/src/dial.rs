//! Calling a peer: every address is judged before it is called.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::Ending;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use verifier::boundary::{AddressError, PeerAddress};
use verifier::identity::PeerId;
use verifier::{Code, Coded as _};

use crate::identity::{Identity, TlsError, Verdict, caller_config, peer_of};

/// A connection to the peer that was called, and to no one else.
pub(crate) type Call = TlsStream<BufReader<TcpStream>>;

/// How much is read from the socket at a time, in bytes.
///
/// TLS asks for 4 KiB at a time; without the buffer each would be a call into the system.
const READ_AHEAD: usize = 256 << 10;

/// How long an address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// After how long the next address of a peer is tried beside those that have not answered yet.
const STAGGER: Duration = Duration::from_millis(250);
/// How long a name may take to be resolved.
const RESOLVE: Duration = Duration::from_secs(5);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many attempts are under way at a time.
const AT_ONCE: usize = 8;
/// How many IPs of one name are called.
const MOST_IPS: usize = 8;

/// Why a peer could not be called; the text is read after the peer's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DialError {
    /// The peer has no address.
    #[error("has no address in its offer: ask them for another one")]
    NoAddress,
    /// No address leads to the peer.
    #[error("cannot be reached: {}", listed(.0))]
    Missed(Vec<Missed>),
    /// TLS cannot be set up.
    #[error("cannot be called: {0}")]
    Tls(#[from] TlsError),
}

/// An address that does not lead to the peer.
#[derive(Debug, thiserror::Error)]
#[error("{address} {why}")]
pub(crate) struct Missed {
    address: PeerAddress,
    why: Miss,
}

/// Why an address does not lead to the peer; the text is read after the address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Miss {
    /// It leads where nothing may be called.
    #[error("must not be called: {0}")]
    Refused(AddressError),
    /// Nobody knows its name now.
    #[error("cannot be found: {0}")]
    Unknown(io::Error),
    /// It does not answer.
    #[error("{}", unreachable(.0))]
    Unreachable(io::Error),
    /// Another key than the peer's answers.
    #[error("is answered by somebody else")]
    SomebodyElse,
    /// Whoever answers hung up before a key was shown.
    #[error("hangs up before it says who it is, perhaps because too many call it now")]
    HungUp,
    /// Whoever answers speaks no TLS, or not as peers do.
    #[error("is answered by something else than a companion: {0}")]
    Handshake(io::Error),
    /// Whoever answers does not speak the protocol.
    #[error("is answered, but {0}")]
    Protocol(TlsError),
}

impl DialError {
    /// Whether calling again cannot help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::NoAddress | Self::Tls(_) => true,
            Self::Missed(all) => all.iter().all(|missed| matches!(missed.why, Miss::Refused(_))),
        }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Missed(all) => match all.first().map(|missed| &missed.why) {
                Some(Miss::Refused(source)) if self.is_final() => source.code(),
                _ => Code::new("session", "unreachable"),
            },
            Self::NoAddress => Code::new("session", "unreachable"),
            Self::Tls(_) => Code::new("session", "handshake"),
        }
    }
}

impl From<DialError> for Ending {
    fn from(error: DialError) -> Self {
        let (code, again) = (error.code(), !error.is_final());
        Self::Unreachable { why: error.to_string(), code, again }
    }
}

/// The addresses, each with what is wrong with it; of many, how many others there are.
fn listed(all: &[Missed]) -> String {
    /// So many are told one by one.
    const MOST: usize = 3;

    let mut told: Vec<String> = all.iter().take(MOST).map(ToString::to_string).collect();
    if all.len() > MOST {
        told.push(format!("and {} more", all.len() - MOST));
    }
    told.join(", ")
}

fn unreachable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "takes no calls now".to_owned(),
        io::ErrorKind::TimedOut => "does not answer".to_owned(),
        _ => format!("does not answer: {error}"),
    }
}

/// Calls the peer at all of its addresses, each a moment after the one before; the first that
/// answers with its key is the call, and the others are dropped. Gives the address that led there.
///
/// # Errors
///
/// [`DialError`] if none does.
pub(crate) async fn dial(
    identity: &Identity,
    peer: PeerId,
    addresses: &[PeerAddress],
) -> Result<(Call, PeerAddress), DialError> {
    let connector = TlsConnector::from(caller_config(identity, peer)?);
    let attempt = async |address: &PeerAddress| {
        let called = dial_one(&connector, address).await;
        called.map(|call| (call, address.clone())).map_err(|why| {
            tracing::debug!(%peer, %address, %why, "address does not lead to the peer");
            Missed { address: address.clone(), why }
        })
    };
    first_of(addresses.iter().map(attempt)).await.map_err(|missed| {
        if missed.is_empty() { DialError::NoAddress } else { DialError::Missed(missed) }
    })
}

async fn dial_one(connector: &TlsConnector, address: &PeerAddress) -> Result<Call, Miss> {
    let ips = resolve(address).await?;
    let sockets = ips.into_iter().take(MOST_IPS).map(|ip| SocketAddr::new(ip, address.port()));
    let call = first_of(sockets.map(|socket| shake_hands(connector, socket))).await;
    call.map_err(|mut missed| {
        let none = || Miss::Unreachable(io::ErrorKind::AddrNotAvailable.into());
        missed.pop().unwrap_or_else(none)
    })
}

async fn shake_hands(connector: &TlsConnector, socket: SocketAddr) -> Result<Call, Miss> {
    let stream = timeout(CONNECT, TcpStream::connect(socket)).await;
    let stream = stream.map_err(|_| unanswered())?.map_err(Miss::Unreachable)?;
    stream.set_nodelay(true).map_err(Miss::Unreachable)?;
    // The name is not sent and not looked at: the key is all that counts.
    let name = ServerName::IpAddress(socket.ip().into());
    let stream = BufReader::with_capacity(READ_AHEAD, stream);
    let call = timeout(HANDSHAKE, connector.connect(name, stream)).await;
    let call = call.map_err(|_| unanswered())?.map_err(|error| match Verdict::of(&error) {
        Some(Verdict::SomebodyElse) => Miss::SomebodyElse,
        Some(Verdict::HungUp) => Miss::HungUp,
        _ => Miss::Handshake(error),
    })?;
    peer_of(call.get_ref().1).map_err(Miss::Protocol)?;
    Ok(call)
}

fn unanswered() -> Miss {
    Miss::Unreachable(io::ErrorKind::TimedOut.into())
}

/// Starts the attempts in their order, the next one when the last fails or takes a moment; gives
/// the first result, and drops the attempts that are under way then.
///
/// # Errors
///
/// What each attempt failed with, if all did.
async fn first_of<T, E>(
    attempts: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut waiting = attempts.into_iter().fuse();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if running.len() < AT_ONCE {
            running.extend(waiting.next());
        }
        match timeout(STAGGER, running.next()).await {
            Ok(Some(Ok(first))) => return Ok(first),
            Ok(Some(Err(error))) => failed.push(error),
            Ok(None) => return Err(failed),
            // Another one is started meanwhile.
            Err(_) => {}
        }
    }
}

/// The IPs that the address stands for now, every one of them allowed.
async fn resolve(address: &PeerAddress) -> Result<Vec<IpAddr>, Miss> {
    let ips = match address.ip() {
        Some(ip) => vec![ip],
        None => {
            let looked_up = tokio::net::lookup_host((address.host(), address.port()));
            let found = timeout(RESOLVE, looked_up).await.map_err(|_| unanswered())?;
            found.map_err(Miss::Unknown)?.map(|socket| socket.ip()).collect()
        }
    };
    judge(address, ips)
}

fn judge(address: &PeerAddress, ips: Vec<IpAddr>) -> Result<Vec<IpAddr>, Miss> {
    address.check_resolved(&ips).map_err(Miss::Refused)?;
    Ok(ips)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};
    use verifier::Coded as _;
    use verifier::boundary::PeerAddress;

    use super::{DialError, Miss, Missed, first_of, judge, resolve};

    #[test]
    fn one_denied_ip_spoils_the_name() {
        let name = PeerAddress::parse("mmp://friend.example:4000").unwrap();
        let good = "192.168.1.7".parse().unwrap();
        assert_eq!(judge(&name, vec![good]).unwrap(), [good]);
        let bad = "169.254.169.254".parse().unwrap();
        let none = judge(&name, Vec::new()).unwrap_err();
        assert!(
            matches!(none, Miss::Refused(error) if error.code().to_string() == "address.unresolved")
        );
        let why = judge(&name, vec![good, bad]).unwrap_err();
        let refused = DialError::Missed(vec![Missed { address: name, why }]);
        assert_eq!(refused.code().to_string(), "address.denied-ip");
        assert!(refused.is_final());
    }

    #[tokio::test]
    async fn an_ip_stands_for_itself() {
        let address = PeerAddress::parse("mmp://[::1]:4000").unwrap();
        assert_eq!(resolve(&address).await.unwrap(), ["::1".parse::<std::net::IpAddr>().unwrap()]);
    }

    /// Attempts that take so many milliseconds and then succeed, or fail.
    async fn race(attempts: &[(u64, bool)]) -> (Result<usize, Vec<usize>>, Duration) {
        let start = Instant::now();
        let attempts = attempts.iter().enumerate().map(async |(place, (millis, succeeds))| {
            sleep(Duration::from_millis(*millis)).await;
            if *succeeds { Ok(place) } else { Err(place) }
        });
        (first_of(attempts).await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_start_one_after_the_other_and_the_first_that_succeeds_ends_them_all() {
        let millis = Duration::from_millis;
        let slow = [(60_000, true); 8];
        assert_eq!(race(&[(300, true), (100, true)]).await, (Ok(0), millis(300)));
        assert_eq!(race(&[(5_000, true), (100, true)]).await, (Ok(1), millis(350)));
        assert_eq!(race(&[(10, false), (10, true)]).await, (Ok(1), millis(20)));
        assert_eq!(race(&[(10, false), (10, false)]).await, (Err(vec![0, 1]), millis(20)));
        assert_eq!(race(&[]).await, (Err(Vec::new()), Duration::ZERO));
        let late = race(&[&slow[..7], &[(100, true)]].concat()).await;
        assert_eq!(late, (Ok(7), millis(7 * 250 + 100)));
        let crowded = race(&[&slow[..], &[(100, true)]].concat()).await;
        assert_eq!(crowded.0, Ok(0), "so many are not under way at a time");
    }
}
