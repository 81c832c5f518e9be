//! What the storage's screen hears, and the work it wants done.

use std::sync::Arc;

use app::library::{Budget, Ended};
use app::ports::{Abilities, Accounts, Day, Evictable, Lowering, Pin};
use app::problem::Problem;
use app::quantity::Size;
use tokio::sync::oneshot;
use verifier::Sha256;
use verifier::scalars::{Id, UtcTime};

use crate::screen::Run;
use crate::widget::list::Scroll;

/// Ends long work when it is fired or its other end is dropped.
pub type Stop = oneshot::Receiver<()>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Look at what everything takes.
    Look(u64),
    /// Let the library take so many bytes; what would go for that is asked about first.
    SetQuota(Run, u64),
    /// The same, and have these go for it.
    Lower(Run, u64, Vec<Sha256>),
    /// Find out what would go so that so much more fits; the number says of which question.
    WouldGo(u64, Size),
    /// Read kept pieces again within a budget.
    Check(Budget, Stop),
}

/// What the library takes at one moment.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where the store's bytes are.
    pub accounts: Accounts,
    /// What the file system can do that it lies on.
    pub abilities: Abilities,
    /// The models that have a quota of their own, by name.
    pub quotas: Vec<ModelQuota>,
    /// What each model takes, the largest first.
    pub models: Vec<Taken>,
    /// The day of the oldest check of a kept piece; `None` if it is not known of all, or none is kept.
    pub oldest: Option<Day>,
}

/// The quota of one model.
#[derive(Debug, Clone)]
pub struct ModelQuota {
    /// The model, of which all versions count.
    pub model_id: Id,
    /// The most bytes that they may take together.
    pub bytes: u64,
    /// Bytes that they take.
    pub taken: u64,
}

/// What a model takes.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its name and version.
    pub name: String,
    /// Bytes that come free when it is forgotten.
    pub own: u64,
    /// Bytes that other models share with it.
    pub shared: u64,
    /// Whether it may be given up.
    pub pin: Pin,
    /// When it was last imported, served or read.
    pub last_use: UtcTime,
}

impl Taken {
    /// All bytes that it takes.
    pub fn all(&self) -> u64 {
        self.own.saturating_add(self.shared)
    }
}

/// How far it is to read everything again.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The model that is being read, or was last.
    pub model: String,
    /// Bytes that were read.
    pub bytes: u64,
    /// Of how many.
    pub of: u64,
    /// Bytes a second of the last few; 0 if that is not known.
    pub rate: u64,
    /// After how many seconds it ends at the latest.
    pub ends_in: Option<u64>,
    /// How many pieces were found to be bad.
    pub bad: u64,
}

/// What was found when kept pieces were read again.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many pieces were read.
    pub pieces: u64,
    /// Of how many models.
    pub models: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that were not.
    pub left: u64,
    /// What ended it.
    pub ended: Ended,
    /// What was found wrong.
    pub troubles: Arc<[Trouble]>,
}

/// What was found wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Its name and version.
    pub name: String,
    /// What is wrong, as one clause.
    pub what: String,
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// What everything took at a look.
    Looked(u64, Result<Arc<Seen>, Problem>),
    /// The problem was read.
    Dismiss,
    /// This is typed for the quota.
    TypeQuota(String),
    /// Set the quota that is typed.
    SetQuota,
    /// The quota is so many bytes, or stays as it was.
    QuotaSet(Run, Result<u64, Problem>),
    /// So many bytes are less than what is kept; this would go.
    QuotaOver(Run, u64, Lowering),
    /// Set that quota, and let it go.
    Lower,
    /// Leave the quota as it is.
    LeaveQuota,
    /// This is typed for what is to fit.
    TypeRoom(String),
    /// Find out what would go for it.
    AskForRoom,
    /// What would go, in this order.
    WouldGo(u64, Size, Result<Vec<Evictable>, Problem>),
    /// This is typed for how long it may be read.
    TypeTime(String),
    /// This is typed for how fast.
    TypeRate(String),
    /// Read everything again.
    Check,
    /// It is so far.
    Checking(Arc<Progress>),
    /// It has ended.
    Checked(Result<Arc<Found>, Problem>),
    /// Stop reading everything.
    StopChecking,
    /// What was found was read.
    CloseCheck,
    /// Show the library.
    Library,
    /// The list is scrolled so far.
    Scrolled(Scroll),
    /// The keyboard is on this line of the list; a line is so high.
    Move(usize, f32),
}
