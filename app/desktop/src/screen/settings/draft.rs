//! What is typed and not kept yet.

use app::settings::{Setting, Settings, SettingsError};

/// What is typed, each with how it stands.
#[derive(Debug)]
pub(super) struct Drafts(Vec<Draft>);

/// What is typed for one thing.
#[derive(Debug)]
pub(super) struct Draft {
    setting: Setting,
    /// What is in the field.
    pub(super) text: String,
    /// How it stands.
    pub(super) stand: Stand,
}

/// How what is typed stands to what is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// It is what is set.
    Same,
    /// It is what is set, since just now.
    Saved,
    /// It can be set.
    Ready,
    /// It cannot be set, for this reason.
    Wrong(String),
}

impl Drafts {
    /// What has a field of its own; the rest is chosen.
    const TYPED: [Setting; 8] = [
        Setting::Imports,
        Setting::Listen,
        Setting::Addresses,
        Setting::Label,
        Setting::UploadLimit,
        Setting::PeerLimit,
        Setting::DownloadLimit,
        Setting::Connections,
    ];

    pub(super) fn of(settings: &Settings) -> Self {
        let draft = |setting| Draft { setting, text: settings.text(setting), stand: Stand::Same };
        Self(Self::TYPED.map(draft).into())
    }

    /// Takes over what is set elsewhere, where nothing else is being typed.
    pub(super) fn refresh(&mut self, settings: &Settings) {
        for draft in &mut self.0 {
            if matches!(draft.stand, Stand::Same | Stand::Saved) {
                *draft = Draft { text: settings.text(draft.setting), stand: Stand::Same, ..*draft };
            }
        }
    }

    pub(super) fn get(&self, setting: Setting) -> Option<&Draft> {
        self.0.iter().find(|draft| draft.setting == setting)
    }

    fn get_mut(&mut self, setting: Setting) -> Option<&mut Draft> {
        self.0.iter_mut().find(|draft| draft.setting == setting)
    }

    pub(super) fn typed(&mut self, setting: Setting, text: String, settings: &Settings) {
        let Some(draft) = self.get_mut(setting) else { return };
        draft.stand = match settings.with(setting, &text) {
            Ok(new) if new == *settings => Stand::Same,
            Ok(_) => Stand::Ready,
            Err(SettingsError::Value { why, .. }) => Stand::Wrong(why),
            Err(error) => Stand::Wrong(error.to_string()),
        };
        draft.text = text;
    }

    /// The settings with what was typed, if it can be set and is not yet.
    pub(super) fn take(&mut self, setting: Setting, settings: &Settings) -> Option<Settings> {
        let draft = self.get_mut(setting).filter(|draft| draft.stand == Stand::Ready)?;
        let new = settings.with(setting, &draft.text).ok()?;
        draft.text = new.text(setting);
        draft.stand = Stand::Saved;
        Some(new)
    }

    /// Shows what is set now.
    pub(super) fn reset(&mut self, setting: Setting, settings: &Settings) {
        if let Some(draft) = self.get_mut(setting) {
            draft.text = settings.text(setting);
            draft.stand = Stand::Saved;
        }
    }
}
