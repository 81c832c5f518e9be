//! An import that runs: its progress, its map, its peers, and why it waits.

mod view;

use std::path::PathBuf;

use app::import::live::Snapshot;
use app::problem::Problem;
use app::request::Gathered;
use tokio::sync::oneshot;
use verifier::Sha256;

use super::ended::{Ended, How};
use crate::screen::Errand;
use crate::widget::map_panel::{self, MapPanel, Shows};
use crate::widget::piece_map::Pieces;

pub(super) use view::{is_wide, map};

/// What happens while an import runs, or after it.
#[derive(Debug, Clone)]
pub enum Message {
    /// How it stands.
    Live(Box<Shot>),
    /// Something about the map.
    Map(map_panel::Message),
    /// Stop it.
    Cancel,
    /// It ended.
    Ended(Box<How>),
    /// Import the same once more.
    Again,
    /// Show the receipt.
    Receipt,
    /// Show this file in the file manager.
    Reveal(PathBuf),
    /// It is shown, or cannot be.
    Revealed(Result<(), Problem>),
    /// Copy this path.
    Copy(PathBuf),
}

/// How an import stands, with all its pieces.
#[derive(Debug, Clone)]
pub struct Shot {
    /// How it stands.
    pub live: Snapshot,
    /// Its pieces.
    pub pieces: Pieces,
}

/// What is imported.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) artifact: Sha256,
    pub(super) gathered: Gathered,
    pub(super) folder: PathBuf,
}

/// An import that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) subject: Subject,
    panel: MapPanel,
    progress: Progress,
    halt: Halt,
}

/// What was heard of an import.
#[derive(Debug)]
enum Progress {
    /// Nothing yet.
    Starting,
    Heard(Box<Shot>),
}

/// The way to stop an import; dropping it stops the import too.
#[derive(Debug)]
enum Halt {
    Ready(oneshot::Sender<()>),
    Said,
}

impl Running {
    pub(super) fn new(subject: Subject, cancel: oneshot::Sender<()>) -> Self {
        Self {
            subject,
            panel: MapPanel::new("import-map", Shows::State),
            progress: Progress::Starting,
            halt: Halt::Ready(cancel),
        }
    }

    /// Its name in the line of imports, with how far it is.
    pub(super) fn title(&self) -> String {
        match &self.progress {
            Progress::Starting => format!("{}, starting", self.subject.name),
            Progress::Heard(shot) => {
                let Snapshot { kept, total, paused, .. } = &shot.live;
                let percent = u128::from(*kept) * 100 / u128::from((*total).max(1));
                let how = if paused.is_some() { "paused at " } else { "" };
                format!("{}, {how}{percent} %", self.subject.name)
            }
        }
    }

    /// Hears what happens; an errand, if the window has to do something.
    pub(super) fn update(&mut self, message: Message) -> Option<Errand> {
        match message {
            Message::Live(shot) => self.progress = Progress::Heard(shot),
            Message::Map(message) => return self.panel.update(message),
            Message::Cancel => {
                if let Halt::Ready(cancel) = std::mem::replace(&mut self.halt, Halt::Said) {
                    // An import that has ended meanwhile no longer listens.
                    cancel.send(()).ok();
                }
            }
            _ => {}
        }
        None
    }

    /// The import as it ended.
    pub(super) fn end(self, how: How) -> Ended {
        let shot = match self.progress {
            Progress::Starting => None,
            Progress::Heard(shot) => Some(*shot),
        };
        Ended::new(self.subject, how, shot, self.panel)
    }
}
