//! What the user set: folders, addresses, limits, and how the window looks.
//!
//! One small JSON file in the data folder. What it does not say is as it was made; what it says
//! beyond this program's knowledge, or out of range, is an error that names the member.

mod named;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use verifier::boundary::PeerAddress;
use verifier::scalars::Label;
use verifier::{Advice, Code, Coded};

use crate::pairing::DEFAULT_PORT;
use crate::quantity::Limit;

pub use named::Setting;

/// Everything the user can set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where imports go; the downloads folder of the account where it is `None`.
    pub imports: Option<PathBuf>,
    /// Where calls are taken while something is served.
    pub listen: SocketAddr,
    /// What tickets and offers say to call; this machine's address in its network where it is empty.
    pub addresses: Vec<String>,
    /// The name that tickets say; a part of the peer id where it is `None`.
    pub label: Option<String>,
    /// The most bytes a second to peers, 0 for no limit.
    pub upload_limit: u64,
    /// The most bytes a second to each peer, 0 for no limit.
    pub peer_limit: u64,
    /// The most bytes a second from peers, 0 for no limit.
    pub download_limit: u64,
    /// The most connections at a time.
    pub connections: u32,
    /// Whether receipts are signed with this installation's key.
    pub sign_receipts: bool,
    /// The colours of the window.
    pub theme: Theme,
    /// How large text is, in percent.
    pub text_percent: u16,
    /// What the window shows when it starts.
    pub start: Start,
    /// Whether the desktop is told when an import ends or needs a decision.
    pub notify: bool,
    /// Where the window was when it was closed.
    pub window: Window,
}

/// The colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// What the desktop says.
    #[default]
    System,
    /// For bright surroundings.
    Light,
    /// For dark surroundings.
    Dark,
}

/// What the window shows when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The library.
    #[default]
    Library,
    /// The screen that was shown last.
    Last,
}

/// Where the window was, in logical pixels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// Width and height.
    pub size: Option<(f32, f32)>,
    /// Whether it filled the screen.
    pub maximized: bool,
    /// The name of the screen that was shown.
    pub screen: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            imports: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT),
            addresses: Vec::new(),
            label: None,
            upload_limit: 0,
            peer_limit: 0,
            download_limit: 0,
            connections: Self::CONNECTIONS,
            sign_receipts: false,
            theme: Theme::System,
            text_percent: 100,
            start: Start::Library,
            notify: true,
            window: Window::default(),
        }
    }
}

/// Why settings are not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file is longer than any settings.
    #[error("the settings have more than {} bytes", Settings::MAX_BYTES)]
    TooLarge,
    /// The file is no settings.
    #[error("the settings cannot be read")]
    Text(#[source] serde_json::Error),
    /// A value is not one that can be set.
    #[error("{member}: {why}")]
    Value {
        /// Which one.
        member: &'static str,
        /// What is wrong with it, as one clause.
        why: String,
    },
}

impl Coded for SettingsError {
    fn code(&self) -> Code {
        Code::new("usage", "arguments")
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Value { member, .. } => member,
            Self::TooLarge | Self::Text(_) => "settings",
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::Value { .. } => "Give it a value that it takes.",
            Self::TooLarge | Self::Text(_) => {
                "Correct that file, or rename it to have all settings as they were made."
            }
        })
    }
}

impl Settings {
    /// The longest file, in bytes.
    pub const MAX_BYTES: usize = 65_536;
    /// How large text may be, in percent.
    pub const TEXT_PERCENT: RangeInclusive<u16> = 75..=200;
    /// How many connections there may be at a time.
    pub const CONNECTION_RANGE: RangeInclusive<u32> = 1..=1_024;
    /// The most addresses that a ticket can say.
    pub const MAX_ADDRESSES: usize = 8;
    const CONNECTIONS: u32 = 64;

    /// Reads a settings file.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if it is too long, no settings, or sets what cannot be.
    pub fn read(bytes: &[u8]) -> Result<Self, SettingsError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(SettingsError::TooLarge);
        }
        if bytes.is_empty() {
            return Err(SettingsError::Text(serde::de::Error::custom("the file is empty")));
        }
        let settings: Self = serde_json::from_slice(bytes).map_err(SettingsError::Text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Writes the settings file, after the same checks as reading it.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if a value cannot be.
    pub fn write(&self) -> Result<Vec<u8>, SettingsError> {
        self.check()?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(SettingsError::Text)?;
        bytes.push(b'\n');
        if bytes.len() > Self::MAX_BYTES {
            return Err(SettingsError::TooLarge);
        }
        Ok(bytes)
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] with the first that cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |member, why: String| Err(SettingsError::Value { member, why });
        if !Self::TEXT_PERCENT.contains(&self.text_percent) {
            return wrong("text_percent", format!("{} is not from 75 to 200", self.text_percent));
        }
        for setting in Setting::RATES {
            if let Err(error) = Limit::new(self.rate(setting)) {
                return wrong(setting.as_str(), format!("{error}, or 0 for no limit"));
            }
        }
        if !Self::CONNECTION_RANGE.contains(&self.connections) {
            return wrong("connections", format!("{} is not from 1 to 1024", self.connections));
        }
        if self.addresses.len() > Self::MAX_ADDRESSES {
            return wrong("addresses", format!("{} are more than 8", self.addresses.len()));
        }
        for address in &self.addresses {
            if let Err(error) = PeerAddress::parse(address) {
                return wrong("addresses", error.to_string());
            }
        }
        if let Some(label) = &self.label
            && let Err(error) = Label::parse(label)
        {
            return wrong("label", error.to_string());
        }
        if self.imports.as_ref().is_some_and(|folder| !folder.is_absolute()) {
            return wrong("imports", "the folder's path does not start at the root".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsError, Theme};

    #[test]
    fn what_is_written_is_read_again() {
        let settings = Settings {
            imports: Some("/home/anna/models".into()),
            addresses: vec!["mmp://192.168.1.20:9410".to_owned()],
            label: Some("anna".to_owned()),
            theme: Theme::Dark,
            text_percent: 125,
            ..Settings::default()
        };
        let bytes = settings.write().unwrap();
        assert_eq!(Settings::read(&bytes).unwrap(), settings);
        assert_eq!(Settings::read(b"{}").unwrap(), Settings::default());
        assert_eq!(Settings::read(b"{\"theme\": \"light\"}").unwrap().theme, Theme::Light);
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        for (text, member) in [
            ("{\"text_percent\": 10}", "text_percent"),
            ("{\"upload_limit\": 900}", "upload_limit"),
            ("{\"download_limit\": 1}", "download_limit"),
            ("{\"peer_limit\": 4095}", "peer_limit"),
            ("{\"connections\": 0}", "connections"),
            ("{\"addresses\": [\"mmp://minimodel.org:9410\"]}", "addresses"),
            ("{\"label\": \"-\"}", "label"),
            ("{\"imports\": \"models\"}", "imports"),
        ] {
            let error = Settings::read(text.as_bytes()).unwrap_err();
            let SettingsError::Value { member: found, .. } = error else { panic!("{error}") };
            assert_eq!(found, member);
        }
        for text in ["", "7", "{\"colour\": 1}", "{\"theme\": \"pink\"}"] {
            assert!(
                matches!(Settings::read(text.as_bytes()), Err(SettingsError::Text(_))),
                "{text}"
            );
        }
        let long = vec![b' '; Settings::MAX_BYTES + 1];
        assert!(matches!(Settings::read(&long), Err(SettingsError::TooLarge)));
    }
}
