//! What a repair is about: what it fetches, what is asked, what came of it.

use app::library::{Checked, RepairPlan};
use app::problem::Problem;
use app::question::{Question, Yes};
use verifier::Sha256;
use verifier::identity::PeerId;

use crate::widget::consent::{self, Card};

/// A repair that could be made, and the question about it.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// What it fetches.
    pub plan: RepairPlan,
    /// What is asked before it.
    pub question: Question,
}

/// What looking for what to repair came to.
#[derive(Debug, Clone)]
pub enum Looked {
    /// Pieces are bad or missing.
    Needed(Box<Outlook>),
    /// It is whole and sound.
    Sound(Checked),
    /// It is not kept any more.
    Gone,
}

/// A repair that the user said yes to.
#[derive(Debug)]
pub struct Start {
    /// What it fetches.
    pub plan: RepairPlan,
    /// The yes.
    pub yes: Yes,
}

/// What a repair fetched.
#[derive(Debug, Clone)]
pub struct Mended {
    /// How many pieces came.
    pub pieces: u64,
    /// What each peer gave, in bytes.
    pub given: Vec<(PeerId, u64)>,
    /// What failed when the model was whole.
    pub troubles: Vec<Problem>,
}

/// What the user does about a repair.
#[derive(Debug, Clone)]
pub enum Message {
    /// Look what this model lacks, and ask.
    Ask(Sha256),
    /// Choose whom to ask for it.
    Choose,
    /// Ask this peer too, or not any more.
    Tick(PeerId),
    /// Ask those that are ticked.
    AskThese,
    /// Something on the card.
    Card(consent::Message),
}

/// The card, and the plan that it is about.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) plan: RepairPlan,
    pub(super) card: Card,
}
