//! Metadata routes: where people read about a model, never where its bytes come from.

use std::fmt;

use crate::advice::Advice;
use crate::boundary::{
    HUB_HOSTS, PROJECT_HOSTS, first_bad_char, is_dns_name, is_numeric, last_label,
};
use crate::code::{Code, Coded};
use crate::excerpt::Excerpt;

/// The grammar of metadata routes (docs/formats.md 6.1).
pub struct RouteGrammar;

impl RouteGrammar {
    /// The longest route, in bytes.
    pub const MAX_BYTES: usize = 2_048;
    /// Endings of files that hold a model's bytes, or an archive that may.
    pub const MODEL_ENDINGS: &[&str] = &[
        ".slm",
        ".safetensors",
        ".gguf",
        ".ggml",
        ".onnx",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".h5",
        ".npz",
        ".adp1",
        ".asp1",
        ".alr1",
        ".zip",
        ".tar",
        ".gz",
        ".7z",
        ".wasm",
    ];
}

/// A route to metadata: a path on the publisher's site or an `https` URL.
///
/// Software never fetches it to obtain an artifact's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    text: String,
    kind: RouteKind,
    host: String,
}

/// The two forms of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// A path that starts with `/`.
    Relative,
    /// A URL that starts with `https://`.
    Https,
}

impl RouteKind {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relative => "relative",
            Self::Https => "https",
        }
    }
}

impl Route {
    /// Reads a route by the rules U1 to U14.
    ///
    /// # Errors
    ///
    /// [`RouteError`] (`route.…`) for the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        if text.is_empty() {
            return Err(RouteError::Empty);
        }
        if text.len() > RouteGrammar::MAX_BYTES {
            return Err(RouteError::TooLong { bytes: text.len() });
        }
        if let Some(found) = first_bad_char(text) {
            return Err(RouteError::BadChar { found });
        }
        let (kind, rest) = split_scheme(text)?;
        check_marks(text)?;
        let (host, path) = match kind {
            RouteKind::Relative => ("", rest.strip_prefix('/')),
            RouteKind::Https => split_authority(rest)?,
        };
        let route = Self { text: text.to_owned(), kind, host: host.to_owned() };
        route.check_path(path)?;
        Ok(route)
    }

    /// The route's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its form.
    pub const fn kind(&self) -> RouteKind {
        self.kind
    }

    /// The host of a URL without its port; empty for a relative route.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host is one of the project's own.
    pub fn is_project_host(&self) -> bool {
        PROJECT_HOSTS.contains(&self.host)
    }

    /// Whether the host belongs to the model hub.
    pub fn is_hub_host(&self) -> bool {
        HUB_HOSTS.contains(&self.host)
    }

    /// Checks the path, which comes without its first `/`; `None` if there is not even that.
    fn check_path(&self, path: Option<&str>) -> Result<(), RouteError> {
        let mut segments: Vec<&str> =
            path.map(|path| path.split('/').collect()).unwrap_or_default();
        if segments.last() == Some(&"") {
            segments.pop();
        }
        if segments.is_empty() && self.kind == RouteKind::Relative {
            return Err(RouteError::NoPath);
        }
        for segment in &segments {
            check_segment(segment)?;
        }
        let is = |word: &str| segments.iter().any(|segment| segment.eq_ignore_ascii_case(word));
        let (hub, project) = (self.is_hub_host(), self.is_project_host());
        let own = self.kind == RouteKind::Relative || project || hub;
        if (own && is("resolve")) || (hub && is("raw")) {
            return Err(RouteError::HubBytes { route: self.text.clone() });
        }
        let last = segments.last().map(|last| last.to_ascii_lowercase()).unwrap_or_default();
        match RouteGrammar::MODEL_ENDINGS.iter().find(|ending| last.ends_with(*ending)) {
            Some(ending) => Err(RouteError::ModelBytes { ending }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a metadata route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// There is no text.
    #[error("route is empty")]
    Empty,
    /// The route is longer than allowed.
    #[error("route has {bytes} bytes, expected at most {}", RouteGrammar::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The route has a character that is not allowed.
    #[error("route has the character `{}`, which none may have", Excerpt(&found.to_string()))]
    BadChar {
        /// The character.
        found: char,
    },
    /// The route starts with `//`.
    #[error("route begins with `//`, expected one `/` or `https://`")]
    DoubleSlash,
    /// The route neither starts with `/` nor with `https://`.
    #[error("route `{}` begins neither with `/` nor with `https://`", Excerpt(route))]
    Scheme {
        /// The route.
        route: String,
    },
    /// The route has a `#`.
    #[error("route has a `#`, expected no fragment")]
    Fragment,
    /// The route has a `?`.
    #[error("route has a `?`, expected no query")]
    Query,
    /// The route has a `%`.
    #[error("route has a `%`, expected none")]
    Percent,
    /// The authority has an `@`.
    #[error("route has the authority `{}`, expected no `@` in it", Excerpt(authority))]
    UserInfo {
        /// What stands between `https://` and the path.
        authority: String,
    },
    /// The host is not a DNS name of two labels or more.
    #[error("route has the host `{}`, expected a DNS name of two labels or more", Excerpt(host))]
    Host {
        /// The host.
        host: String,
    },
    /// The port is not 443.
    #[error("route has the port `{}`, expected 443 or none", Excerpt(port))]
    Port {
        /// What stands after the colon.
        port: String,
    },
    /// A relative route has no path.
    #[error("route is `/`, expected a path behind it")]
    NoPath,
    /// Two slashes follow one another in the path.
    #[error("route has `//` in its path, expected no empty segment")]
    EmptySegment,
    /// The path has a segment `.` or `..`.
    #[error("route has the segment `{}`, expected none that leads elsewhere", Excerpt(segment))]
    Traversal {
        /// The segment.
        segment: String,
    },
    /// The route is one by which a hub or a project host hands out files.
    #[error("route `{}` has a segment by which model bytes are handed out", Excerpt(route))]
    HubBytes {
        /// The route.
        route: String,
    },
    /// The route names a file that holds a model's bytes.
    #[error("route ends with `{ending}`, expected no file of model bytes")]
    ModelBytes {
        /// The ending.
        ending: &'static str,
    },
}

impl Coded for RouteError {
    fn code(&self) -> Code {
        Code::new(
            "route",
            match self {
                Self::Empty | Self::DoubleSlash | Self::NoPath | Self::EmptySegment => "syntax",
                Self::TooLong { .. } => "too-long",
                Self::BadChar { .. } => "bad-char",
                Self::Scheme { .. } => "scheme",
                Self::Fragment => "fragment",
                Self::Query => "query",
                Self::Percent => "percent",
                Self::UserInfo { .. } => "userinfo",
                Self::Host { .. } => "host",
                Self::Port { .. } => "port",
                Self::Traversal { .. } => "traversal",
                Self::HubBytes { .. } => "hub-bytes",
                Self::ModelBytes { .. } => "model-bytes",
            },
        )
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::HubBytes { .. } | Self::ModelBytes { .. } => {
                "Name a page for people to read; a model's bytes come from peers alone."
            }
            _ => "Write an https address or a path, such as https://example.org/tiny or /tiny.",
        })
    }
}

fn split_scheme(text: &str) -> Result<(RouteKind, &str), RouteError> {
    if text.starts_with("//") {
        return Err(RouteError::DoubleSlash);
    }
    if text.starts_with('/') {
        return Ok((RouteKind::Relative, text));
    }
    match text.strip_prefix("https://") {
        Some(rest) => Ok((RouteKind::Https, rest)),
        None => Err(RouteError::Scheme { route: text.to_owned() }),
    }
}

fn check_marks(text: &str) -> Result<(), RouteError> {
    for (mark, error) in
        [('#', RouteError::Fragment), ('?', RouteError::Query), ('%', RouteError::Percent)]
    {
        if text.contains(mark) {
            return Err(error);
        }
    }
    Ok(())
}

/// Takes `host[:443][/path]` apart; the path comes without its first `/`.
fn split_authority(rest: &str) -> Result<(&str, Option<&str>), RouteError> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    if authority.contains('@') {
        return Err(RouteError::UserInfo { authority: authority.to_owned() });
    }
    if authority.starts_with('[') {
        return Err(RouteError::Host { host: authority.to_owned() });
    }
    let host = match authority.split_once(':') {
        Some((host, "443")) => host,
        Some((_, port)) => return Err(RouteError::Port { port: port.to_owned() }),
        None => authority,
    };
    let last = last_label(host);
    if !host.contains('.') || !is_dns_name(host) || is_numeric(last) || last == "localhost" {
        return Err(RouteError::Host { host: host.to_owned() });
    }
    Ok((host, path))
}

fn check_segment(segment: &str) -> Result<(), RouteError> {
    if segment.is_empty() {
        return Err(RouteError::EmptySegment);
    }
    if matches!(segment, "." | "..") {
        return Err(RouteError::Traversal { segment: segment.to_owned() });
    }
    match segment.chars().find(|c| !c.is_ascii_alphanumeric() && !"._~@:+=,-".contains(*c)) {
        Some(found) => Err(RouteError::BadChar { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Route, RouteKind};
    use crate::code::Coded;

    #[test]
    fn a_route_is_a_path_or_a_url_without_traps() {
        let route = Route::parse("https://example.org:443/a/b/").unwrap();
        assert_eq!((route.kind(), route.host()), (RouteKind::Https, "example.org"));
        for (text, wanted) in [
            ("https://example.org", "ok"),
            ("https://example.org//", "syntax"),
            ("/resolve", "hub-bytes"),
            ("https://a.hf.space/RAW/x", "hub-bytes"),
            ("/x/model.SLM/", "model-bytes"),
            ("https://example.org:443:443/", "port"),
            ("https://-a.org/", "host"),
        ] {
            let got = Route::parse(text).map_or_else(|e| e.code().suffix(), |_| "ok");
            assert_eq!(got, wanted, "{text}");
        }
    }

    #[test]
    fn a_message_says_what_was_found_and_what_was_expected() {
        let message = |text: &str| Route::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("https://example.org:80/"),
            "route has the port `80`, expected 443 or none"
        );
        assert_eq!(message("/a\u{1B}"), "route has the character `\\u{1b}`, which none may have");
        let long = format!("ftp://{}", "x".repeat(2_000));
        assert_eq!(
            message(&long).len(),
            6 + 74 + "route `…` begins neither with `/` nor with `https://`".len()
        );
    }

    proptest! {
        #[test]
        fn any_text_returns_and_what_is_accepted_is_kept(text in "(/|https://)?[ -~é]{0,40}") {
            if let Ok(route) = Route::parse(&text) {
                prop_assert_eq!(route.as_str(), text);
            }
        }
    }
}
