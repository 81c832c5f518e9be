//! How a run went.

use std::time::Duration;

use engine::Moment;
use engine::import::Blame;

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Over every effect, of which machine and when.
    pub hash: u64,
    /// How many effects there were.
    pub effects: u64,
    /// When the last thing happened.
    pub end: Duration,
    /// Per machine, its import.
    pub imports: Vec<Option<Import>>,
    /// Per machine, how many bytes of pieces it sent.
    pub sent: Vec<u64>,
    /// The first rule that was broken.
    pub fault: Option<Fault>,
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at: Moment,
    /// On which machine.
    pub machine: usize,
    /// Which.
    pub what: String,
}

/// How an import stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// How it ended.
    pub outcome: Outcome,
    /// How many pieces are kept.
    pub kept: u32,
    /// How long it took from its start until all pieces were kept, or until now.
    pub time: Duration,
    /// When the first piece was kept, since its start.
    pub first: Option<Duration>,
    /// When bytes of a piece came last, since its start.
    pub last_byte: Duration,
    /// The same, from a machine that is no rogue.
    pub last_honest: Duration,
    /// Which machines are banned, and for what.
    pub banned: Vec<(usize, Blame)>,
    /// Per machine, how many pieces of it were kept.
    pub given: Vec<u32>,
    /// Bytes of pieces that came and were not kept.
    pub wasted: u64,
    /// How many asks there were.
    pub asks: u64,
    /// What was said of waiting, and when since its start.
    pub sentences: Vec<(Duration, String)>,
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has not.
    Running,
    /// All is kept.
    Done,
    /// Nobody could give what is missing, for this reason.
    Exhausted(String),
    /// It was stopped, or its machine ended.
    Stopped,
}

impl Report {
    /// The import of that machine.
    ///
    /// # Panics
    ///
    /// Unless it imports.
    pub fn import(&self, machine: usize) -> &Import {
        self.imports[machine].as_ref().expect("the machine imports")
    }
}

impl Import {
    /// Which machines are banned, in order.
    pub fn bans(&self) -> Vec<usize> {
        let mut bans: Vec<_> = self.banned.iter().map(|(machine, _)| *machine).collect();
        bans.sort_unstable();
        bans
    }
}
