//! The boundary: project servers, hub routes and unsafe addresses are refused by name
//! (docs/formats.md 6).
//!
//! A route has at most 2,048 bytes, an address at most 300; reading either takes time and memory in
//! proportion. Nothing here resolves a name or opens a connection.
//!
//! ```
//! use verifier::boundary::{PROJECT_HOSTS, PeerAddress, Route};
//! use verifier::code::Coded as _;
//!
//! let address = PeerAddress::parse("mmp://192.168.1.20:9410")?;
//! assert_eq!((address.host(), address.port()), ("192.168.1.20", 9410));
//! assert!(PROJECT_HOSTS.contains("cdn.MiniModel.org."));
//! let refused = PeerAddress::parse("mmp://cdn.minimodel.org:9410").unwrap_err();
//! assert_eq!(refused.code().to_string(), "address.project-host");
//!
//! assert_eq!(Route::parse("https://example.org/card.md")?.host(), "example.org");
//! let refused = Route::parse("https://example.org/tiny.slm").unwrap_err();
//! assert_eq!(refused.to_string(), "route ends with `.slm`, expected no file of model bytes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod route;

pub use address::{AddressError, AddressPolicy, HostKind, PeerAddress};
pub use route::{Route, RouteError, RouteGrammar, RouteKind};

/// The project's own hosts, which never run, serve or relay an artifact's bytes (docs/formats.md
/// 6), provisional.
pub const PROJECT_HOSTS: HostList = HostList(&[
    "minimodel.com",
    "minimodel.org",
    "mirust.com",
    "tinyrustlm.com",
    "slmcomposer.com",
    "modelbreeder.com",
]);

/// The hosts of the model hub, from which no artifact's bytes are taken (docs/formats.md 6),
/// provisional.
pub const HUB_HOSTS: HostList =
    HostList(&["huggingface.co", "hf.co", "hf.space", "huggingface.cloud"]);

/// Hosts that are refused by name, together with every host under them.
#[derive(Debug, Clone, Copy)]
pub struct HostList(&'static [&'static str]);

impl HostList {
    /// Whether the host is in the list or under an entry, in any case, with or without one
    /// trailing dot.
    pub fn contains(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        self.0.iter().any(|entry| {
            host.strip_suffix(entry).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// The list's own entries.
    pub const fn entries(&self) -> &'static [&'static str] {
        self.0
    }
}

/// A character that no route and no address may have.
fn first_bad_char(text: &str) -> Option<char> {
    text.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^{}`|".contains(*c))
}

/// Whether the host is made of DNS labels in lower case: at most 253 bytes, no trailing dot.
fn is_dns_name(host: &str) -> bool {
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a resolver might take the label for a number: all digits, or `0x` and hex digits.
fn is_numeric(label: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    label.bytes().all(|b| b.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(hex))
}

fn last_label(host: &str) -> &str {
    host.rsplit('.').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::{HUB_HOSTS, PROJECT_HOSTS};

    #[test]
    fn a_list_has_its_entries_and_what_is_under_them() {
        for host in ["minimodel.org", "A.MiniModel.org.", "x.y.mirust.com"] {
            assert!(PROJECT_HOSTS.contains(host), "{host}");
        }
        for host in ["notminimodel.org", "minimodel.org..", "minimodel.org.example", ""] {
            assert!(!PROJECT_HOSTS.contains(host), "{host}");
        }
        assert!(HUB_HOSTS.contains("cdn-lfs.hf.co"));
    }
}
