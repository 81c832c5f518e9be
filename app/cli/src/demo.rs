//! The demo: the whole path on this machine, from sample to verified receipt.

pub mod liar;

use crate::args::DemoArgs;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `demo`.
pub async fn run<W: Wiring>(_s: &mut Session<'_, W>, _a: &DemoArgs) -> Result<Outcome, Fault> {
    Err(Fault::usage("demo", "not yet", ""))
}
