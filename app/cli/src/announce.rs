//! Writes the file by which the user tells others of a share.

use app::announce::AnnounceError;
use app::ports::Ports as _;
use app::question::Question;
use verifier::announcement::{Announcement, AnnouncementTerms};
use verifier::request::PieceSet;

use crate::args::AnnounceArgs;
use crate::check::texts;
use crate::fault::Fault;
use crate::library::with_model;
use crate::naming;
use crate::outcome::Outcome;
use crate::peer::told_addresses;
use crate::prompt;
use crate::session::Session;
use crate::share::kept_manifest;
use crate::wiring::Wiring;

/// `announce`.
///
/// # Errors
///
/// [`Fault`]; then no file is left behind.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &AnnounceArgs,
) -> Result<Outcome, Fault> {
    let key = session.identity()?;
    let addresses = told_addresses(&args.address, &session.settings()?)?;
    let ports = session.open()?;
    let model = naming::model(&**ports.store(), &args.model).await?;
    let pieces = PieceSet::of(&model.have).ok_or_else(|| {
        let what = format!("no piece of {} is kept here", model.model_id);
        Fault::usage("model", what, "Prepare it first with `minimodel share prepare`.")
    })?;
    let manifest = kept_manifest(&**ports.store(), &model).await?;
    let created = session.now();
    let expires = created.plus(args.span.0);
    let terms = AnnouncementTerms {
        addresses,
        model_id: model.model_id.clone(),
        model_version: model.model_version.clone(),
        manifest_sha256: model.manifest_sha256,
        artifact_sha256: model.artifact,
        geometry: model.geometry,
        root: model.root,
        pieces,
        created,
        expires,
    };
    let announcement = Announcement::sign(&terms, &key).map_err(|error| Fault::coded(&error))?;
    let places = texts(&terms.addresses).join(", ");
    let length = announcement.len() as u64;
    let stop = format!("delete {}; nobody can fetch without your yes to serve", args.out.display());
    let question = Question::publish(&manifest, length, &places, expires, stop);
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    let consent = yes
        .write_down(&**ports.journal(), session.now())
        .await
        .map_err(|error| Fault::blamed(&error))?;
    let model_id = model.model_id.clone();
    app::announce::announce(&ports, model.artifact, model_id, announcement, &args.out, consent)
        .await
        .map_err(|error| fault(&error))?;
    session.terminal.say(&format!(
        "Written to {}. Nothing was sent: hand the file over yourself.",
        args.out.display()
    ));
    Ok(with_model(Outcome::new(), &model)
        .with_text("announcement.path", args.out.display())
        .with("addresses", texts(&terms.addresses))
        .with_text("expires_utc", expires)
        .told())
}

fn fault(error: &AnnounceError) -> Fault {
    match error {
        AnnounceError::Journal(error) => Fault::blamed(error),
        AnnounceError::Output(error) => Fault::blamed(error),
        _ => Fault::denied(error.to_string(), "Run it again and agree, if you want it."),
    }
}
