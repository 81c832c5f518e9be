//! Makes import requests from a manifest and the offers of peers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use app::input;
use app::ports::{JournalError, PieceStore as _, Ports as _};
use app::question::Question;
use app::request::{self, Document, Kind, Written};
use verifier::scalars::Id;

use crate::args::{RequestCommand, RequestNewArgs};
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::prompt;
use crate::session::Session;
use crate::wiring::Wiring;

/// `request …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &RequestCommand,
) -> Result<Outcome, Fault> {
    match command {
        RequestCommand::New(args) => new(session, args).await,
    }
}

async fn new<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &RequestNewArgs,
) -> Result<Outcome, Fault> {
    let read = |path: &PathBuf, kind, limit| {
        let bytes = input::read(path, limit)?.into();
        Ok::<_, Fault>(Document { path: path.clone(), kind, bytes })
    };
    let manifest = read(&args.manifest, Kind::Manifest, input::MANIFEST)?;
    let offers = args
        .offers
        .iter()
        .map(|path| read(path, Kind::Offer, input::OFFER))
        .collect::<Result<Vec<_>, _>>()?;
    let now = session.now();
    let request_id = random_id()?;
    let options = args.options.options();
    let written =
        request::write(request_id.clone(), &manifest, options, &offers, args.span.0, now)?;
    session.check_file(&args.out)?;
    // The request says that the user agrees to fetch, so it is written only after they said so.
    let Written { bytes, manifest, offers } = written;
    // While another process has the library, who lied is said before the import alone.
    let liars = match session.look_quietly() {
        Ok(Some(library)) => library.store().liars().await.unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let until = now.plus(args.span.0);
    let known = session.known();
    let question = Question::request(&manifest, &offers, &known, &liars, until, &args.out);
    prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    if until <= session.now() {
        return Err(Fault::blamed(&JournalError::Late(until)));
    }
    session.write(&args.out, &bytes)?;
    let peers: BTreeSet<String> = offers.iter().map(|offer| offer.peer_id().to_string()).collect();
    let shown: Vec<String> =
        offers.iter().map(|offer| naming::person(&known, offer.peer_id())).collect();
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
    request::name(u64::from_be_bytes(bytes))
        .map_err(|error| Fault::machine("cannot name the request", &error))
}
