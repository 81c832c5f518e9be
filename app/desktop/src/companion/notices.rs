//! What is said at the window's edge: what was done, and what went wrong beside any screen.

use std::time::{Duration, Instant};

use app::problem::Problem;

/// How long a line stays that nobody has to answer.
const STAY: Duration = Duration::from_secs(8);
/// The most that is said at a time; the oldest goes first.
const MOST: usize = 4;

/// One thing that is said.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    /// Something was done; it goes away by itself.
    Told(String, Instant),
    /// Something went wrong; it stays until it is dismissed.
    Failed(Problem),
}

/// What is said at the window's edge, oldest first.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<Notice>);

impl Notices {
    pub(super) fn tell(&mut self, line: String) {
        self.0.retain(|notice| !matches!(notice, Notice::Told(told, _) if *told == line));
        self.push(Notice::Told(line, Instant::now()));
    }

    pub(super) fn fail(&mut self, problem: Problem) {
        self.push(Notice::Failed(problem));
    }

    fn push(&mut self, notice: Notice) {
        self.0.push(notice);
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    pub(super) fn dismiss(&mut self, place: usize) {
        if place < self.0.len() {
            self.0.remove(place);
        }
    }

    pub(super) fn age(&mut self) {
        self.0.retain(|notice| !matches!(notice, Notice::Told(_, at) if at.elapsed() > STAY));
    }

    pub(super) fn are_fading(&self) -> bool {
        self.0.iter().any(|notice| matches!(notice, Notice::Told(..)))
    }

    pub(super) fn all(&self) -> &[Notice] {
        &self.0
    }
}
