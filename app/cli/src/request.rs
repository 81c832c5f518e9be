//! Makes import requests from a manifest and the offers of peers.

use std::collections::BTreeSet;

use app::input;
use app::naming::short_peer;
use verifier::request::{ImportDraft, Offer};
use verifier::scalars::Id;

use crate::args::{RequestCommand, RequestNewArgs};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `request …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &RequestCommand,
) -> Result<Outcome, Fault> {
    match command {
        RequestCommand::New(args) => new(session, args),
    }
}

fn new<W: Wiring>(session: &mut Session<'_, W>, args: &RequestNewArgs) -> Result<Outcome, Fault> {
    let options = args.options.options();
    let manifest = app::verify::manifest(&args.manifest, options)?;
    let mut offers = Vec::new();
    for path in &args.offers {
        let bytes = input::read(path, input::OFFER)?;
        offers.push(Offer::parse(&bytes).map_err(|error| Fault::coded_in(path, &error))?);
    }
    let now = session.now();
    let request_id = random_id()?;
    let draft = ImportDraft {
        request_id: request_id.clone(),
        manifest: &manifest,
        options,
        offers: &offers,
        valid_for: args.span.0,
    };
    let bytes = draft.write(now).map_err(|error| Fault::coded(&error))?;
    session.write(&args.out, &bytes)?;
    let peers: BTreeSet<String> = offers.iter().map(|offer| offer.peer_id().to_string()).collect();
    let shown: Vec<String> = offers.iter().map(|offer| short_peer(offer.peer_id())).collect();
    session.terminal.say(&format!(
        "The request asks {} for {} {}, until {}.",
        shown.join(", "),
        manifest.model_id(),
        manifest.model_version(),
        now.plus(args.span.0)
    ));
    session.terminal.say(&format!(
        "Import with: minimodel import-peer-request {} {} FOLDER",
        args.out.display(),
        args.manifest.display()
    ));
    Ok(Outcome::new()
        .with_text("request.path", args.out.display())
        .with_text("request_id", request_id)
        .with_text("request_sha256", verifier::Sha256::of(&bytes))
        .with("peers", peers.into_iter().collect::<Vec<_>>())
        .with_text("expires_utc", now.plus(args.span.0))
        .told())
}

fn random_id() -> Result<Id, Fault> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::machine("the system gives no random number", &error))?;
    let text = format!("request-{:016x}", u64::from_be_bytes(bytes));
    Id::parse(&text).map_err(|error| Fault::machine("cannot name the request", &error))
}
