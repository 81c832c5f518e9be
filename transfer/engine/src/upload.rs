//! Being called: who may come in, whom to answer next, who is hung up on.

mod message;

use crate::moment::Moment;

pub use message::{Caller, Effect, Input, Limits, News, Opened, Refusal, TurnedAway, Why};

/// Everything that is decided of callers.
///
/// The same four methods as [`crate::Engine`], and the same rules.
#[derive(Debug)]
pub struct Uploads {}

impl Uploads {
    /// Nobody has called yet.
    pub fn new(_limits: Limits, _now: Moment) -> Self {
        Self {}
    }

    /// Takes in what happened. All effects of what happened before must have been taken out.
    pub fn input(&mut self, _input: Input, _now: Moment) {}

    /// What is to be done next; nothing until something happens.
    #[expect(clippy::should_implement_trait, reason = "its end is not the end of what comes")]
    pub fn next(&mut self) -> Option<Effect> {
        None
    }

    /// By when [`Input::Tick`] has to be given in, and why.
    pub fn deadline(&self) -> Option<(Moment, Why)> {
        None
    }
}
