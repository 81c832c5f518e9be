//! One file a screen: a state machine that neither waits nor touches anything.
//!
//! A screen hears a message and returns an [`Action`]: the work it wants done, which
//! [`crate::task`] does, and the errands it wants run, which the window does.

pub mod activity;
pub mod bench;
pub mod import;
pub mod library;
pub mod peers;
pub mod receipts;
pub mod settings;
pub mod share;
pub mod storage;

use std::path::PathBuf;
use std::sync::Arc;

use app::settings::Settings;
use iced::advanced::widget::Id;
use verifier::Sha256;

use crate::widget::piece_map::Zoom;

/// Every screen, in the order of the sidebar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// What is kept on this machine.
    Library,
    /// Getting a model from peers.
    Import,
    /// Letting peers have a model.
    Share,
    /// Who is known.
    Peers,
    /// What was verified.
    Receipts,
    /// How much room it takes.
    Storage,
    /// What was agreed to and what moved.
    Activity,
    /// How fast this machine verifies.
    Bench,
    /// What the user can set.
    Settings,
}

impl Place {
    /// Every screen, in the order of the sidebar.
    pub const ALL: [Self; 9] = [
        Self::Library,
        Self::Import,
        Self::Share,
        Self::Peers,
        Self::Receipts,
        Self::Storage,
        Self::Activity,
        Self::Bench,
        Self::Settings,
    ];

    /// The screen's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Library => "Library",
            Self::Import => "Import",
            Self::Share => "Share",
            Self::Peers => "Peers",
            Self::Receipts => "Receipts",
            Self::Storage => "Storage",
            Self::Activity => "Activity",
            Self::Bench => "Bench",
            Self::Settings => "Settings",
        }
    }

    /// The screen of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

/// Tells one ask from every other.
///
/// The answer carries it, so that a late one to an older ask is told from the one that is awaited,
/// and changes nothing on a card that is about something else.
#[derive(Debug, Clone, Default)]
pub struct Run(Arc<()>);

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a screen asks for.
#[derive(Debug)]
#[must_use]
pub struct Action<W> {
    /// Work for [`crate::task`], in this order.
    pub work: Vec<W>,
    /// What the window itself does.
    pub errands: Vec<Errand>,
}

impl<W> Action<W> {
    /// Nothing.
    pub const fn none() -> Self {
        Self { work: Vec::new(), errands: Vec::new() }
    }

    /// Some work.
    pub fn work(work: W) -> Self {
        Self { work: vec![work], errands: Vec::new() }
    }

    /// An errand.
    pub fn errand(errand: Errand) -> Self {
        Self { work: Vec::new(), errands: vec![errand] }
    }

    /// The same and some work more.
    pub fn and_work(mut self, work: W) -> Self {
        self.work.push(work);
        self
    }

    /// The same and an errand more.
    pub fn and(mut self, errand: Errand) -> Self {
        self.errands.push(errand);
        self
    }
}

/// What a screen asks of the window.
#[derive(Debug, Clone)]
pub enum Errand {
    /// Show another screen.
    Go(Place),
    /// Show how to serve this model.
    Share(Sha256),
    /// Show how to make a share of this file.
    Prepare(PathBuf),
    /// Show this receipt.
    Receipt(PathBuf),
    /// Put a text on the clipboard.
    Copy(String),
    /// Something changed that other screens show too.
    Changed(Changed),
    /// Say a line at the window's edge.
    Tell(String),
    /// Say the same to the desktop, for people who look elsewhere.
    Notify {
        /// What happened, in a few words.
        title: String,
        /// The same as a sentence.
        body: String,
    },
    /// Use these settings from now on, and keep them.
    Set(Box<Settings>),
    /// Zoom the piece map with this name.
    Zoom(Id, Zoom),
    /// Scroll the list with this name to an offset, in logical pixels.
    Scroll(Id, f32),
    /// Give the keyboard to what has this name.
    Focus(Id),
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The models that are kept.
    Library,
    /// The peers that are known.
    Peers,
    /// What was agreed to, or what moved.
    Activity,
}
