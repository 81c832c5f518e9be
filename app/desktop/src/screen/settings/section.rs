//! The parts of the screen, and what is set in each.

use app::settings::{Setting, Settings};

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where things lie.
    Folders,
    /// Where peers call.
    Addresses,
    /// How much may move.
    Limits,
    /// How the window looks.
    Appearance,
    /// What the window does when it starts.
    Start,
    /// What the desktop is told.
    Notifications,
    /// How receipts are written.
    Receipts,
}

impl Section {
    /// All of them, in the order of the screen.
    pub(super) const ALL: [Self; 7] = [
        Self::Folders,
        Self::Addresses,
        Self::Limits,
        Self::Appearance,
        Self::Start,
        Self::Notifications,
        Self::Receipts,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Folders => "Folders",
            Self::Addresses => "Addresses",
            Self::Limits => "Limits",
            Self::Appearance => "Appearance",
            Self::Start => "Start",
            Self::Notifications => "Notifications",
            Self::Receipts => "Receipts",
        }
    }

    /// What is set in it.
    pub(super) const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Folders => &[Setting::Imports],
            Self::Addresses => &[Setting::Listen, Setting::Addresses, Setting::Label],
            Self::Limits => &[
                Setting::UploadLimit,
                Setting::PeerLimit,
                Setting::DownloadLimit,
                Setting::Connections,
            ],
            Self::Appearance => &[Setting::Theme, Setting::TextPercent],
            Self::Start => &[Setting::Start],
            Self::Notifications => &[Setting::Notify],
            Self::Receipts => &[Setting::SignReceipts],
        }
    }

    /// Whether everything in it is as it was made.
    pub(super) fn is_as_made(self, settings: &Settings) -> bool {
        let made = |setting: &Setting| settings.as_made(*setting) == *settings;
        self.settings().iter().all(made)
    }
}

#[cfg(test)]
mod tests {
    use app::settings::Setting;

    use super::Section;

    #[test]
    fn everything_that_can_be_set_has_its_place() {
        let all: Vec<Setting> =
            Section::ALL.iter().flat_map(|section| section.settings()).copied().collect();
        assert_eq!(all.len(), Setting::ALL.len());
        assert!(Setting::ALL.iter().all(|setting| all.contains(setting)));
    }
}
