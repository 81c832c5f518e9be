//! Where others call this machine: what tickets, offers and announcements say.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use verifier::boundary::{AddressError, PeerAddress};
use verifier::request::PeerMessages;
use verifier::{Advice, Code, Coded as _, Remedy};

use crate::blame::{Blame, Blamed};
use crate::pairing::DEFAULT_PORT;

/// Why others cannot be told where to call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressesError {
    /// What was given is no address of a peer.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// One was given twice.
    #[error("the address {0} is given twice")]
    Twice(PeerAddress),
    /// More were given than can be told.
    #[error("{0} addresses are given, and {max} at most can be told", max = PeerMessages::V0.max_addresses)]
    TooMany(usize),
    /// None was given, and none can be found.
    #[error("this machine is in no network, so it has no address to tell")]
    NoNetwork,
}

impl Blamed for AddressesError {
    fn blame(&self) -> Blame {
        Blame::Input
    }

    fn code(&self) -> Code {
        match self {
            Self::Address(error) => error.code(),
            Self::Twice(_) | Self::TooMany(_) | Self::NoNetwork => Code::new("usage", "arguments"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Address(error) => error.field(),
            Self::Twice(_) | Self::TooMany(_) | Self::NoNetwork => "address".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Address(error) => error.advice(),
            Self::Twice(_) | Self::TooMany(_) => {
                "Leave out what is too much, then try again.".into()
            }
            Self::NoNetwork => Advice::new(
                "Say where others call this machine, for example mmp://192.168.1.20:9410.",
            )
            .by(Remedy::TellAddress),
        }
    }
}

/// The addresses to tell others: those given, else this machine's own in its network, at the port
/// (the one that is used where nobody chose one, if it is 0).
///
/// # Errors
///
/// [`AddressesError`] if one given is not an address, or none was given and none can be found.
pub fn own(given: &[String], port: u16) -> Result<Vec<PeerAddress>, AddressesError> {
    if given.is_empty() {
        let ip = outward_ip().ok_or(AddressesError::NoNetwork)?;
        let port = if port == 0 { DEFAULT_PORT } else { port };
        return Ok(vec![PeerAddress::from_socket(ip, port)?]);
    }
    if given.len() > PeerMessages::V0.max_addresses {
        return Err(AddressesError::TooMany(given.len()));
    }
    let mut addresses = Vec::new();
    for text in given {
        let address = PeerAddress::parse(text)?;
        if addresses.contains(&address) {
            return Err(AddressesError::Twice(address));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// The addresses to tell others while calls are taken at `listening`: those given, else the address
/// itself, else this machine's own in its network.
///
/// Those given are meant for calls at the port `usual`; where they say it and calls are taken at
/// another one, that one is said instead.
///
/// # Errors
///
/// [`AddressesError`] as [`own`].
pub fn of_listener(
    given: &[String],
    usual: u16,
    listening: SocketAddr,
) -> Result<Vec<PeerAddress>, AddressesError> {
    let port = listening.port();
    if given.is_empty() && !listening.ip().is_unspecified() {
        return Ok(vec![PeerAddress::from_socket(listening.ip(), port)?]);
    }
    let moved = |address: PeerAddress| -> Result<_, AddressesError> {
        match address.as_str().strip_suffix(&format!(":{usual}")) {
            Some(host) if port != usual => Ok(PeerAddress::parse(&format!("{host}:{port}"))?),
            _ => Ok(address),
        }
    };
    let mut addresses = Vec::new();
    for address in own(given, port)? {
        let address = moved(address)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// The address that this machine would call from. Nothing is sent: a datagram socket is only
/// given a destination, from the range that is set aside for documentation.
fn outward_ip() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::{AddressesError, Blamed as _, of_listener, own};

    fn said(given: &[&str], listening: &str) -> Vec<String> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        let addresses = of_listener(&given, 9410, listening.parse().unwrap()).unwrap();
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_that_are_given_are_checked() {
        let good = ["mmp://127.0.0.1:9410".to_owned()];
        assert_eq!(own(&good, 1).unwrap().len(), 1);
        let bad = ["mmp://minimodel.org:9410".to_owned()];
        assert_eq!(own(&bad, 1).unwrap_err().code().to_string(), "address.project-host");
        let twice = [good[0].clone(), good[0].clone()];
        assert!(matches!(own(&twice, 1), Err(AddressesError::Twice(_))));
        let many: Vec<String> = (1..=9).map(|port| format!("mmp://127.0.0.1:{port}")).collect();
        assert!(matches!(own(&many, 1), Err(AddressesError::TooMany(9))));
    }

    #[test]
    fn others_are_told_the_port_that_takes_their_calls() {
        assert_eq!(said(&[], "192.168.1.20:7000"), ["mmp://192.168.1.20:7000"]);
        let given = ["mmp://192.168.1.20:9410", "mmp://anna.example:80"];
        assert_eq!(said(&given, "0.0.0.0:9410"), given);
        let moved = ["mmp://192.168.1.20:7000", "mmp://anna.example:80"];
        assert_eq!(said(&given, "0.0.0.0:7000"), moved);
        let both = ["mmp://192.168.1.20:9410", "mmp://192.168.1.20:7000"];
        assert_eq!(said(&both, "0.0.0.0:7000"), ["mmp://192.168.1.20:7000"]);
    }
}
