//! Peer addresses: where another user's companion is called.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::advice::Advice;
use crate::boundary::{
    HUB_HOSTS, PROJECT_HOSTS, first_bad_char, is_dns_name, is_numeric, last_label,
};
use crate::code::{Code, Coded};
use crate::excerpt::Excerpt;

/// Which addresses may be called (docs/formats.md 6.2).
pub struct AddressPolicy;

impl AddressPolicy {
    /// The longest address, in bytes.
    pub const MAX_BYTES: usize = 300;
    /// What an address starts with.
    pub const SCHEME: &str = "mmp://";
    /// Where clouds hand out secrets to the machines they run.
    const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
    const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x254);

    /// Whether the address must never be called, whatever name led to it.
    ///
    /// Loopback, private and link-local addresses are allowed: they are where one's own machines
    /// and friends are.
    pub fn denies(ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => {
                let [first, ..] = ip.octets();
                first == 0 || first >= 224 || ip == Self::METADATA_V4
            }
            IpAddr::V6(ip) => Self::denies_v6(ip),
        }
    }

    fn denies_v6(ip: Ipv6Addr) -> bool {
        let [a, b, c, d, e, f, ..] = ip.segments();
        let compatible = [a, b, c, d, e, f] == [0; 6] && ip != Ipv6Addr::LOCALHOST;
        let mapped = [a, b, c, d, e, f] == [0, 0, 0, 0, 0, 0xFFFF];
        let translated = [a, b, c, d, e, f] == [0x64, 0xFF9B, 0, 0, 0, 0];
        let six_to_four = a == 0x2002;
        let teredo = [a, b] == [0x2001, 0];
        let multicast = a >> 8 == 0xFF;
        compatible
            || mapped
            || translated
            || six_to_four
            || teredo
            || multicast
            || ip == Self::METADATA_V6
    }
}

/// Where a peer is called: `mmp://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    text: String,
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr, String),
    Dns(String),
}

/// The three forms of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// Four decimal numbers.
    Ipv4,
    /// An RFC 5952 text in brackets.
    Ipv6,
    /// A name to be resolved.
    Dns,
}

impl HostKind {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Dns => "dns",
        }
    }
}

impl PeerAddress {
    /// Reads an address by the rules W1 to W13.
    ///
    /// # Errors
    ///
    /// [`AddressError`] (`address.…`) for the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() || text.len() > AddressPolicy::MAX_BYTES {
            return Err(AddressError::Length { bytes: text.len() });
        }
        if let Some(found) = first_bad_char(text).or_else(|| text.chars().find(|c| *c == '%')) {
            return Err(AddressError::BadChar { found });
        }
        let rest = text
            .strip_prefix(AddressPolicy::SCHEME)
            .ok_or_else(|| AddressError::Scheme { address: text.to_owned() })?;
        if rest.contains('@') {
            return Err(AddressError::UserInfo);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(AddressError::Path { rest: rest.to_owned() });
        }
        let (host, bracketed, port) = split_port(rest)?;
        let port = read_port(port)?;
        let host = if bracketed { read_ipv6(host)? } else { read_name(host)? };
        Ok(Self { text: text.to_owned(), host, port })
    }

    /// The address of a socket, if the policy lets it be called.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if the IP is denied (`address.denied-ip`) or the port is 0
    /// (`address.port`).
    pub fn from_socket(ip: IpAddr, port: u16) -> Result<Self, AddressError> {
        match ip {
            IpAddr::V4(ip) => Self::parse(&format!("{}{ip}:{port}", AddressPolicy::SCHEME)),
            IpAddr::V6(ip) => Self::parse(&format!("{}[{ip}]:{port}", AddressPolicy::SCHEME)),
        }
    }

    /// Judges the IPs that the host's name was resolved to, by rule W14.
    ///
    /// To be repeated at every dial, and only a checked IP called. A host that is an IP itself
    /// passes, since it was judged when it was read.
    ///
    /// # Errors
    ///
    /// [`AddressError::Unresolved`] (`address.unresolved`) if there is none,
    /// [`AddressError::Denied`] (`address.denied-ip`) if one is denied.
    pub fn check_resolved(&self, ips: &[IpAddr]) -> Result<(), AddressError> {
        let Host::Dns(name) = &self.host else { return Ok(()) };
        if ips.is_empty() {
            return Err(AddressError::Unresolved { host: name.clone() });
        }
        match ips.iter().find(|ip| AddressPolicy::denies(**ip)) {
            Some(ip) => Err(AddressError::Denied { ip: ip.to_string() }),
            None => Ok(()),
        }
    }

    /// The address's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        match &self.host {
            Host::Ip(_, text) | Host::Dns(text) => text,
        }
    }

    /// The host's form.
    pub const fn host_kind(&self) -> HostKind {
        match self.host {
            Host::Ip(IpAddr::V4(_), _) => HostKind::Ipv4,
            Host::Ip(IpAddr::V6(_), _) => HostKind::Ipv6,
            Host::Dns(_) => HostKind::Dns,
        }
    }

    /// The host's IP, unless it is a name to be resolved.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ip(ip, _) => Some(ip),
            Host::Dns(_) => None,
        }
    }

    /// The port, from 1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not the address of a peer, or why it must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The address is empty or too long.
    #[error("address has {bytes} bytes, expected 1 to {}", AddressPolicy::MAX_BYTES)]
    Length {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The address has a character that is not allowed.
    #[error("address has the character `{}`, which none may have", Excerpt(&found.to_string()))]
    BadChar {
        /// The character.
        found: char,
    },
    /// The address does not start with `mmp://`.
    #[error("address `{}` does not begin with `{}`", Excerpt(address), AddressPolicy::SCHEME)]
    Scheme {
        /// The address.
        address: String,
    },
    /// The address names a user.
    #[error("address has an `@`, expected no user")]
    UserInfo,
    /// Something follows the host and the port.
    #[error("address has `{}`, expected HOST:PORT and nothing else", Excerpt(rest))]
    Path {
        /// What follows `mmp://`.
        rest: String,
    },
    /// The address has no port, or not one within 1 to 65535.
    #[error("port is `{}`, expected 1 to 65535", Excerpt(port))]
    Port {
        /// The port, empty if there is none.
        port: String,
    },
    /// The host is neither an IP in its usual spelling nor a DNS name.
    #[error(
        "host is `{}`, expected a DNS name in lower case or an IP in its one spelling",
        Excerpt(host)
    )]
    Host {
        /// The host.
        host: String,
    },
    /// The host is one of the project's own.
    #[error("host is `{}`, a project host, expected a peer's own", Excerpt(host))]
    ProjectHost {
        /// The host.
        host: String,
    },
    /// The host belongs to the model hub.
    #[error("host is `{}`, a hub host, expected a peer's own", Excerpt(host))]
    HubHost {
        /// The host.
        host: String,
    },
    /// The IP must never be called.
    #[error("IP is `{}`, expected one outside the ranges that are never called", Excerpt(ip))]
    Denied {
        /// The IP.
        ip: String,
    },
    /// The name was resolved to no IP.
    #[error("host `{}` was resolved to no IP, expected one or more", Excerpt(host))]
    Unresolved {
        /// The name.
        host: String,
    },
}

impl AddressError {
    /// The suffix under which a document reports it.
    ///
    /// An address that leads where nothing may be called is `unsafe-address`; any other fault is
    /// `bad-address`.
    pub const fn document_suffix(&self) -> &'static str {
        if self.is_unsafe() { "unsafe-address" } else { "bad-address" }
    }

    /// Whether it leads where nothing may be called.
    pub(crate) const fn is_unsafe(&self) -> bool {
        matches!(self, Self::ProjectHost { .. } | Self::HubHost { .. } | Self::Denied { .. })
    }
}

impl Coded for AddressError {
    fn code(&self) -> Code {
        Code::new(
            "address",
            match self {
                Self::Length { .. } => "too-long",
                Self::BadChar { .. } => "bad-char",
                Self::Scheme { .. } => "scheme",
                Self::UserInfo => "userinfo",
                Self::Path { .. } => "path",
                Self::Port { .. } => "port",
                Self::Host { .. } => "host",
                Self::ProjectHost { .. } => "project-host",
                Self::HubHost { .. } => "hub-host",
                Self::Denied { .. } => "denied-ip",
                Self::Unresolved { .. } => "unresolved",
            },
        )
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::Port { .. } => {
                "Put the port behind the host, for example mmp://192.168.1.20:9410."
            }
            Self::ProjectHost { .. } | Self::HubHost { .. } => {
                "Give the address of a person's own machine; project servers and model hubs never \
                 send artifact bytes."
            }
            Self::Denied { .. } => {
                "Give an address at which a person's own machine is called, for example \
                 mmp://192.168.1.20:9410."
            }
            Self::Unresolved { .. } => {
                "Check the name and this machine's network, or give the IP instead of the name."
            }
            _ => "Write it as mmp://HOST:PORT, for example mmp://192.168.1.20:9410.",
        })
    }
}

/// Takes `HOST:PORT` apart; says whether the host stood in brackets.
fn split_port(rest: &str) -> Result<(&str, bool, &str), AddressError> {
    let bad_host = || AddressError::Host { host: rest.to_owned() };
    let no_port = || AddressError::Port { port: String::new() };
    if let Some(inner) = rest.strip_prefix('[') {
        let (host, after) = inner.split_once(']').ok_or_else(bad_host)?;
        let port = after.strip_prefix(':').ok_or_else(no_port)?;
        return Ok((host, true, port));
    }
    let (host, port) = rest.split_once(':').ok_or_else(no_port)?;
    if port.contains(':') {
        return Err(bad_host());
    }
    Ok((host, false, port))
}

fn read_port(text: &str) -> Result<u16, AddressError> {
    let error = || AddressError::Port { port: text.to_owned() };
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().map_err(|_| error()) } else { Err(error()) }
}

fn read_ipv6(host: &str) -> Result<Host, AddressError> {
    let error = || AddressError::Host { host: host.to_owned() };
    let ip: Ipv6Addr = host.parse().map_err(|_| error())?;
    if AddressPolicy::denies(ip.into()) {
        return Err(AddressError::Denied { ip: host.to_owned() });
    }
    if ip.to_string() != host {
        return Err(error());
    }
    Ok(Host::Ip(ip.into(), host.to_owned()))
}

fn read_name(host: &str) -> Result<Host, AddressError> {
    if PROJECT_HOSTS.contains(host) {
        return Err(AddressError::ProjectHost { host: host.to_owned() });
    }
    if HUB_HOSTS.contains(host) {
        return Err(AddressError::HubHost { host: host.to_owned() });
    }
    let error = || AddressError::Host { host: host.to_owned() };
    if !is_dns_name(host) {
        return Err(error());
    }
    if !is_numeric(last_label(host)) {
        return Ok(Host::Dns(host.to_owned()));
    }
    let ip: Ipv4Addr = host.parse().map_err(|_| error())?;
    if AddressPolicy::denies(ip.into()) {
        return Err(AddressError::Denied { ip: host.to_owned() });
    }
    Ok(Host::Ip(ip.into(), host.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::{AddressPolicy, HostKind, PeerAddress};
    use crate::code::Coded;

    #[test]
    fn an_address_has_one_spelling() {
        let address = PeerAddress::parse("mmp://[2001:db8::1]:443").unwrap();
        assert_eq!((address.host(), address.port()), ("2001:db8::1", 443));
        assert_eq!(address.host_kind(), HostKind::Ipv6);
        for (text, wanted) in [
            ("mmp://[2001:DB8::1]:443", "host"),
            ("mmp://[64:ff9a::1.2.3.4]:443", "host"),
            ("mmp://[2002::1]:443", "denied-ip"),
            ("mmp://1.2.3.4:65536", "port"),
            ("mmp://a.0x:1", "host"),
            ("mmp://a.0x7g:1", "ok"),
            ("mmp://1.2.3.4.:1", "host"),
        ] {
            let got = PeerAddress::parse(text).map_or_else(|e| e.code().suffix(), |_| "ok");
            assert_eq!(got, wanted, "{text}");
        }
    }

    #[test]
    fn a_message_says_what_was_found_and_what_was_expected() {
        let message = |text: &str| PeerAddress::parse(text).unwrap_err().to_string();
        assert_eq!(message("mmp://a.b:0"), "port is `0`, expected 1 to 65535");
        assert_eq!(message(""), "address has 0 bytes, expected 1 to 300");
        assert_eq!(message("http://a.b:1"), "address `http://a.b:1` does not begin with `mmp://`");
        assert_eq!(message("mmp://hf.co:1"), "host is `hf.co`, a hub host, expected a peer's own");
    }

    #[test]
    fn every_resolved_ip_is_judged() {
        let address = PeerAddress::parse("mmp://peer.example.org:9000").unwrap();
        let ips = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert!(address.check_resolved(&ips(&["10.0.0.1", "fe80::1"])).is_ok());
        assert!(address.check_resolved(&ips(&["10.0.0.1", "0.0.0.0"])).is_err());
        assert!(address.check_resolved(&[]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_returns_and_what_is_accepted_is_kept(text in "(mmp://)?[ -~é]{0,30}") {
            if let Ok(address) = PeerAddress::parse(&text) {
                prop_assert_eq!(address.as_str(), text);
            }
        }

        #[test]
        fn a_socket_has_an_address_unless_it_is_denied(ip: IpAddr, port in 1u16..) {
            let denied = AddressPolicy::denies(ip);
            prop_assert_eq!(PeerAddress::from_socket(ip, port).is_err(), denied);
        }
    }
}
