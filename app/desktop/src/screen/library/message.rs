//! What the library's screen hears, and the work it wants done.

use std::path::PathBuf;
use std::sync::Arc;

use app::library::{Checked, Found, Snapshot};
use app::ports::{Footprint, Pin};
use app::problem::Problem;
use tokio::sync::oneshot;
use verifier::Sha256;
use verifier::identity::PeerId;

use super::arrange::{Column, Filter};
use super::repair;
use crate::widget::list::Scroll;
use crate::widget::map_panel;
use crate::widget::piece_map::Pieces;

/// Ends long work when it is fired or its other end is dropped.
pub type Stop = oneshot::Receiver<()>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at everything that is kept.
    Look(u64),
    /// Look at every piece of a model.
    Map {
        /// The number of this look.
        number: u64,
        /// The model.
        artifact: Sha256,
    },
    /// Pin or unpin a model.
    Pin(Sha256, Pin),
    /// Write a model's manifest into the folder that imports go to.
    HandOut(Sha256),
    /// Find out what a model takes.
    Weigh(Sha256),
    /// Forget a model.
    Forget(Sha256),
    /// Read every kept piece of a model again.
    Recheck {
        /// The number of this work.
        run: u64,
        /// The model.
        artifact: Sha256,
        /// Ends it.
        stop: Stop,
    },
    /// Read every kept piece of a model again, and work out how what is bad or missing is fetched.
    LookWhatIsBad {
        /// The number of this work.
        run: u64,
        /// The model.
        artifact: Sha256,
        /// Whom to ask; if it is nobody, whoever is known to have the model.
        whom: Vec<PeerId>,
        /// Ends it.
        stop: Stop,
    },
    /// Fetch what is bad or missing.
    Repair {
        /// The number of this work.
        run: u64,
        /// What the user said yes to.
        start: Box<repair::Start>,
        /// Ends it.
        stop: Stop,
    },
    /// Look for a model's file where imports go, and verify it.
    Find {
        /// The number of this work.
        run: u64,
        /// The model.
        artifact: Sha256,
        /// Ends it.
        stop: Stop,
    },
    /// Put a model into a folder, unless its file is there; that one is verified.
    Export {
        /// The number of this work.
        run: u64,
        /// The model.
        artifact: Sha256,
        /// The folder.
        folder: PathBuf,
        /// Ends it.
        stop: Stop,
    },
    /// Show a file in the file manager.
    Reveal {
        /// The number of this work.
        run: u64,
        /// The file.
        path: PathBuf,
    },
    /// Let the user choose a folder.
    Browse {
        /// The number of the work it is for.
        run: u64,
        /// Where to begin.
        folder: PathBuf,
    },
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// The library as it was at a look.
    Looked(u64, Result<Arc<Snapshot>, Problem>),
    /// The pieces of the selected model as they were at a look; `None` if it is not kept.
    Mapped(u64, Result<Option<Pieces>, Problem>),
    /// Show only what has these words.
    Search(String),
    /// Show only these.
    Show(Filter),
    /// Sort by this, or the other way.
    Sort(Column),
    /// Show all again.
    Everything,
    /// The list is scrolled so far.
    Scrolled(Scroll),
    /// Show this model.
    Select(Sha256),
    /// Show the model on this line of the list; a line is so high.
    Move(usize, f32),
    /// Something on the map.
    Map(map_panel::Message),
    /// The problem was read.
    Dismiss,
    /// Add a file of the user's own.
    Add,
    /// Import, or import again.
    Import,
    /// Share this model.
    Share(Sha256),
    /// Put a text on the clipboard.
    Copy(String),
    /// Pin or unpin this model.
    Pin(Sha256, Pin),
    /// It is pinned or unpinned, or is not.
    Pinned(Result<(), Problem>),
    /// Write this model's manifest to a file.
    HandOut(Sha256),
    /// It is in this file, or could not be written.
    HandedOut(Result<PathBuf, Problem>),
    /// Something about a repair.
    Repair(repair::Message),
    /// Do something that takes time or is asked about first.
    Do(Command),
    /// What comes of it.
    News(News),
}

/// Something that takes time, or is asked about first.
#[derive(Debug, Clone)]
pub enum Command {
    /// Ask whether to forget this model.
    AskToForget(Sha256),
    /// Forget it.
    Forget,
    /// Read every kept piece of this model again.
    Recheck(Sha256),
    /// Find this model's file.
    Find(Sha256),
    /// The folder that is typed.
    Folder(String),
    /// Choose the folder in a dialog.
    Browse,
    /// Put the model into the folder that is typed.
    Export,
    /// Show the file in the file manager again.
    Reveal,
    /// Choose another folder than the one in which the file was changed.
    Elsewhere,
    /// Stop, or leave what is asked or told.
    Leave,
}

/// What comes of work; the number says of which.
#[derive(Debug, Clone)]
pub enum News {
    /// What a model takes; `None` if it is not kept.
    Weighed(Sha256, Result<Option<Footprint>, Problem>),
    /// It is forgotten, and so many bytes came free.
    Forgotten(Sha256, Result<Option<u64>, Problem>),
    /// So much of it is done.
    Reached(u64, Part),
    /// Every kept piece was read; `None` if the model is not kept any more.
    Checked(u64, Result<Option<Checked>, Problem>),
    /// What is bad or missing is known.
    LookedWhatIsBad(u64, Result<repair::Looked, Problem>),
    /// So much of it came, and what it waits for.
    Repairing(u64, Part, Option<String>),
    /// What was bad or missing came, or did not.
    Repaired(u64, Result<repair::Mended, Problem>),
    /// The file was looked for in this folder.
    Found(u64, PathBuf, Result<Found, Problem>),
    /// The file is there and is sound.
    Exported(u64, Result<Placed, Problem>),
    /// It is shown in the file manager, or cannot be.
    Revealed(u64, Result<(), Problem>),
    /// This folder was chosen in the dialog.
    Chosen(u64, Option<PathBuf>),
}

/// A sound file of a model.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Where it is.
    pub path: PathBuf,
    /// That it is not known any more whether peers gave it, if so.
    pub forgotten: Option<String>,
    /// What failed when it was there.
    pub trouble: Option<Problem>,
}

/// How much of something is done, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What is done.
    pub done: u64,
    /// Of how much.
    pub of: u64,
    /// How much in a second of the last few; 0 if that is not known.
    pub rate: u64,
}
