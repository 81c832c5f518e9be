//! A run of the benchmark: what is told of it, and how far it has come.

use std::sync::{Arc, Weak};

use app::bench::{Report, Row, Work};
use app::problem::Problem;

/// Held by whoever wants a run to go on; dropping it stops the run.
#[derive(Debug)]
pub struct Going {
    _held: Arc<()>,
}

/// Whether somebody still wants a run to go on.
#[derive(Debug, Clone)]
pub struct Wanted(Weak<()>);

impl Going {
    /// A new run, and what the work asks whether to go on.
    pub fn new() -> (Self, Wanted) {
        let going = Arc::new(());
        let wanted = Wanted(Arc::downgrade(&going));
        (Self { _held: going }, wanted)
    }
}

impl Wanted {
    /// Whether to go on.
    pub fn is_so(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// What is told of a run.
#[derive(Debug, Clone)]
pub enum News {
    /// A work is about to be timed: number `place` of `of`, from 0.
    Begun {
        /// Which one.
        work: Work,
        /// Its place among all.
        place: usize,
        /// How many there are.
        of: usize,
    },
    /// So many samples of it are taken.
    Sampled(u32),
    /// It is measured.
    Measured(Row),
    /// The run is over.
    Ended(Ended),
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// Everything is measured.
    Done(Arc<Report>),
    /// Nobody wanted it to go on.
    Stopped,
    /// It failed.
    Failed(Problem),
}

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Running {
    /// Its number, by which its news are known.
    pub number: u64,
    /// The figures of the run before.
    pub before: Option<Arc<Report>>,
    /// What is measured so far.
    pub rows: Vec<Row>,
    samples: u32,
    at: At,
    going: Going,
}

/// Where a run is.
#[derive(Debug, Clone, Copy)]
enum At {
    /// The sample model is being made.
    Making,
    /// A work is being timed.
    Work { work: Work, place: usize, of: usize, sampled: u32 },
}

impl Running {
    /// A run that has just been started, with so many samples a work.
    pub(super) const fn new(
        number: u64,
        samples: u32,
        going: Going,
        before: Option<Arc<Report>>,
    ) -> Self {
        Self { number, before, rows: Vec::new(), samples, at: At::Making, going }
    }

    /// Hears how far it has come.
    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Begun { work, place, of } => {
                self.at = At::Work { work, place, of, sampled: 0 };
            }
            News::Sampled(taken) => {
                if let At::Work { sampled, .. } = &mut self.at {
                    *sampled = taken;
                }
            }
            News::Measured(row) => self.rows.push(row),
            News::Ended(_) => {}
        }
    }

    /// Ends it, as far as this machine goes.
    pub(super) fn stop(self) -> Option<Arc<Report>> {
        drop(self.going);
        self.before
    }

    /// How much of it is done, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a part of a bar, rounded to pixels anyway")]
    pub(super) fn fraction(&self) -> f32 {
        match self.at {
            At::Making => 0.0,
            At::Work { place, of, sampled, .. } => {
                let part = sampled as f32 / self.samples.max(1) as f32;
                (place as f32 + part.min(1.0)) / of.max(1) as f32
            }
        }
    }

    /// What it is doing.
    pub(super) fn line(&self) -> String {
        match self.at {
            At::Making => "Making the sample model".to_owned(),
            At::Work { work, place, of, .. } => format!("{} of {of}: {work}", place + 1),
        }
    }
}
