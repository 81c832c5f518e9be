//! Which entries of the time line are shown.

use app::activity::Entry;
use verifier::identity::PeerId;
use verifier::scalars::Id;

use super::Line;
use crate::words;

/// Some kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Every entry.
    #[default]
    All,
    /// What was agreed to and taken back.
    Consents,
    /// What moved.
    Transfers,
}

/// What the user wants to see.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// These kinds.
    pub which: Which,
    /// What this peer is concerned in.
    pub peer: Option<PeerId>,
    /// What is about this model.
    pub model: Option<Id>,
    /// What has this text in it.
    pub search: String,
}

impl Pick {
    /// Whether everything is shown.
    pub fn is_all(&self) -> bool {
        self.which == Which::All
            && self.peer.is_none()
            && self.model.is_none()
            && self.search.trim().is_empty()
    }

    /// The lines to show: a line for each day, then its entries.
    pub(super) fn lines(&self, entries: &[Entry], searched: &[String]) -> Vec<Line> {
        let wanted = self.search.trim().to_lowercase();
        let mut lines = Vec::new();
        let mut day = String::new();
        for (place, (entry, searched)) in entries.iter().zip(searched).enumerate() {
            if !self.takes(entry) || !searched.contains(&wanted) {
                continue;
            }
            let of = words::date(entry.time());
            if of != day {
                day.clone_from(&of);
                lines.push(Line::Day(of));
            }
            lines.push(Line::Entry(place));
        }
        lines
    }

    fn takes(&self, entry: &Entry) -> bool {
        let is_wanted = match (self.which, entry) {
            (Which::All, _) => true,
            (Which::Consents, Entry::Granted(_) | Entry::Revoked(_)) => true,
            (Which::Transfers, Entry::Moved(_)) => true,
            (Which::Consents | Which::Transfers, _) => false,
        };
        is_wanted
            && self.peer.is_none_or(|peer| entry.peer() == Some(peer))
            && self.model.as_ref().is_none_or(|model| entry.model_id() == model)
    }
}
