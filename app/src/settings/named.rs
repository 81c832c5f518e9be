//! Each setting by its name, as text that people type and read.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Settings, SettingsError, Start, Theme};
use crate::quantity::Limit;

/// One thing that can be set. Where the window was is none: the window keeps that by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// [`Settings::imports`].
    Imports,
    /// [`Settings::listen`].
    Listen,
    /// [`Settings::addresses`].
    Addresses,
    /// [`Settings::label`].
    Label,
    /// [`Settings::upload_limit`].
    UploadLimit,
    /// [`Settings::peer_limit`].
    PeerLimit,
    /// [`Settings::download_limit`].
    DownloadLimit,
    /// [`Settings::connections`].
    Connections,
    /// [`Settings::sign_receipts`].
    SignReceipts,
    /// [`Settings::theme`].
    Theme,
    /// [`Settings::text_percent`].
    TextPercent,
    /// [`Settings::start`].
    Start,
    /// [`Settings::notify`].
    Notify,
}

impl Setting {
    /// All of them, in the order that people read them.
    pub const ALL: [Self; 13] = [
        Self::Imports,
        Self::Listen,
        Self::Addresses,
        Self::Label,
        Self::UploadLimit,
        Self::PeerLimit,
        Self::DownloadLimit,
        Self::Connections,
        Self::SignReceipts,
        Self::Theme,
        Self::TextPercent,
        Self::Start,
        Self::Notify,
    ];

    /// Its name, which is that of the member in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imports => "imports",
            Self::Listen => "listen",
            Self::Addresses => "addresses",
            Self::Label => "label",
            Self::UploadLimit => "upload_limit",
            Self::PeerLimit => "peer_limit",
            Self::DownloadLimit => "download_limit",
            Self::Connections => "connections",
            Self::SignReceipts => "sign_receipts",
            Self::Theme => "theme",
            Self::TextPercent => "text_percent",
            Self::Start => "start",
            Self::Notify => "notify",
        }
    }

    /// Those that are bytes a second.
    pub const RATES: [Self; 3] = [Self::UploadLimit, Self::PeerLimit, Self::DownloadLimit];

    /// The setting of that name; a hyphen counts as an underscore.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        Self::ALL.into_iter().find(|setting| setting.as_str() == name)
    }

    /// What can be typed for it, as a clause.
    pub const fn takes(self) -> &'static str {
        match self {
            Self::Imports => "a folder's whole path; nothing for the downloads folder",
            Self::Listen => "an address and port, such as 0.0.0.0:9410",
            Self::Addresses => {
                "up to 8 addresses such as mmp://192.168.1.20:9410, with commas between them; \
                 nothing for this machine's own"
            }
            Self::Label => "a plain name; nothing for a part of the peer id",
            Self::UploadLimit | Self::PeerLimit | Self::DownloadLimit => {
                "bytes a second from 4KiB up, such as 2MiB; 0 or none for no limit"
            }
            Self::Connections => "a number from 1 to 1024",
            Self::SignReceipts | Self::Notify => "yes or no",
            Self::Theme => "system, light or dark",
            Self::TextPercent => "a number from 75 to 200",
            Self::Start => "library or last",
        }
    }
}

impl Settings {
    /// The most bytes a second by one of [`Setting::RATES`]; 0 for no limit, and of what is no
    /// rate.
    pub(super) const fn rate(&self, setting: Setting) -> u64 {
        match setting {
            Setting::UploadLimit => self.upload_limit,
            Setting::PeerLimit => self.peer_limit,
            Setting::DownloadLimit => self.download_limit,
            _ => 0,
        }
    }

    /// What is set, as it can be typed; empty where the program chooses.
    pub fn text(&self, setting: Setting) -> String {
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        match setting {
            Setting::Imports => {
                self.imports.as_ref().map_or_else(String::new, |path| path.display().to_string())
            }
            Setting::Listen => self.listen.to_string(),
            Setting::Addresses => self.addresses.join(", "),
            Setting::Label => self.label.clone().unwrap_or_default(),
            Setting::UploadLimit | Setting::PeerLimit | Setting::DownloadLimit => {
                Limit(self.rate(setting)).to_string()
            }
            Setting::Connections => self.connections.to_string(),
            Setting::SignReceipts => yes(self.sign_receipts),
            Setting::Theme => self.theme.as_str().to_owned(),
            Setting::TextPercent => self.text_percent.to_string(),
            Setting::Start => self.start.as_str().to_owned(),
            Setting::Notify => yes(self.notify),
        }
    }

    /// The same with one thing set to what was typed, by the same rules as the file.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] if it cannot be.
    pub fn with(&self, setting: Setting, text: &str) -> Result<Self, SettingsError> {
        let text = text.trim();
        let wrong = |why: String| SettingsError::Value { member: setting.as_str(), why };
        let unknown = || wrong(format!("`{text}` is not {}", setting.takes()));
        let yes = || match text {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(unknown()),
        };
        let limit = || match text.parse() {
            Ok(Limit(bytes)) => Ok(bytes),
            Err(error) => Err(wrong(format!("{error}, or none"))),
        };
        let given = || Some(text).filter(|text| !text.is_empty());
        let mut new = self.clone();
        match setting {
            Setting::Imports => new.imports = given().map(PathBuf::from),
            Setting::Listen => new.listen = text.parse().map_err(|_| unknown())?,
            Setting::Addresses => {
                let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
                new.addresses = parts.map(str::to_owned).collect();
            }
            Setting::Label => new.label = given().map(str::to_owned),
            Setting::UploadLimit => new.upload_limit = limit()?,
            Setting::PeerLimit => new.peer_limit = limit()?,
            Setting::DownloadLimit => new.download_limit = limit()?,
            Setting::Connections => new.connections = text.parse().map_err(|_| unknown())?,
            Setting::SignReceipts => new.sign_receipts = yes()?,
            Setting::Theme => new.theme = Theme::named(text).ok_or_else(unknown)?,
            Setting::TextPercent => {
                let digits = text.trim_end_matches('%').trim_end();
                new.text_percent = digits.parse().map_err(|_| unknown())?;
            }
            Setting::Start => new.start = Start::named(text).ok_or_else(unknown)?,
            Setting::Notify => new.notify = yes()?,
        }
        new.check()?;
        Ok(new)
    }

    /// The same with one thing as it was made.
    #[must_use]
    pub fn as_made(&self, setting: Setting) -> Self {
        self.taking(setting, &Self::default())
    }

    /// The same with one thing as it is in others.
    #[must_use]
    pub fn taking(&self, setting: Setting, others: &Self) -> Self {
        let mut new = self.clone();
        let others = others.clone();
        match setting {
            Setting::Imports => new.imports = others.imports,
            Setting::Listen => new.listen = others.listen,
            Setting::Addresses => new.addresses = others.addresses,
            Setting::Label => new.label = others.label,
            Setting::UploadLimit => new.upload_limit = others.upload_limit,
            Setting::PeerLimit => new.peer_limit = others.peer_limit,
            Setting::DownloadLimit => new.download_limit = others.download_limit,
            Setting::Connections => new.connections = others.connections,
            Setting::SignReceipts => new.sign_receipts = others.sign_receipts,
            Setting::Theme => new.theme = others.theme,
            Setting::TextPercent => new.text_percent = others.text_percent,
            Setting::Start => new.start = others.start,
            Setting::Notify => new.notify = others.notify,
        }
        new
    }
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name)
    }
}

impl Start {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Library, Self::Last];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Last => "last",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Setting, Settings};

    #[test]
    fn what_is_shown_can_be_typed_again() {
        let typed = [
            (Setting::Imports, "/home/anna/models"),
            (Setting::Listen, "[::1]:9000"),
            (Setting::Addresses, "mmp://192.168.1.20:9410, mmp://anna.example:1"),
            (Setting::Label, "anna"),
            (Setting::UploadLimit, "2MiB"),
            (Setting::PeerLimit, "64KiB"),
            (Setting::DownloadLimit, "150000"),
            (Setting::Connections, "7"),
            (Setting::SignReceipts, "yes"),
            (Setting::Theme, "dark"),
            (Setting::TextPercent, "125"),
            (Setting::Start, "last"),
            (Setting::Notify, "no"),
        ];
        assert_eq!(typed.map(|(setting, _)| setting), Setting::ALL);
        let mut settings = Settings::default();
        for (setting, text) in typed {
            settings = settings.with(setting, text).unwrap();
            assert_eq!(settings.text(setting), text);
            assert_eq!(Setting::named(setting.as_str()), Some(setting));
            assert_eq!(serde_json::to_value(setting).unwrap(), setting.as_str());
        }
        for setting in Setting::ALL {
            assert_ne!(settings.text(setting), Settings::default().text(setting), "{setting:?}");
            settings = settings.as_made(setting);
            let made = settings.text(setting);
            assert_eq!(settings.with(setting, &made).unwrap(), settings, "{setting:?}");
        }
        assert_eq!(settings, Settings::default());
        assert_eq!(Setting::named("upload-limit"), Some(Setting::UploadLimit));
        assert_eq!(Setting::named("window"), None);
    }

    #[test]
    fn limits_are_typed_as_people_say_them() {
        for (text, bytes) in [("", 0), ("none", 0), ("0", 0), ("64 KiB/s", 65_536), ("4096", 4_096)]
        {
            let settings = Settings::default().with(Setting::UploadLimit, text).unwrap();
            assert_eq!(settings.upload_limit, bytes, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_its_name() {
        for (setting, text, part) in [
            (Setting::Imports, "models", "root"),
            (Setting::Listen, "9410", "such as 0.0.0.0:9410"),
            (Setting::Addresses, "mmp://minimodel.org:9410", "project"),
            (Setting::Label, "-", ""),
            (Setting::UploadLimit, "fast", "start with a number"),
            (Setting::DownloadLimit, "2 parsec", "unit"),
            (
                Setting::PeerLimit,
                "900",
                "900 bytes a second are less than 4 KiB a second; use 4KiB",
            ),
            (Setting::Connections, "0", "from 1 to 1024"),
            (Setting::Connections, "many", "from 1 to 1024"),
            (Setting::SignReceipts, "maybe", "yes or no"),
            (Setting::Theme, "pink", "light"),
            (Setting::TextPercent, "10", "75"),
            (Setting::Start, "never", "library"),
            (Setting::Notify, "", "yes or no"),
        ] {
            let error = Settings::default().with(setting, text).unwrap_err().to_string();
            assert!(error.starts_with(setting.as_str()) && error.contains(part), "{error}");
        }
    }
}
