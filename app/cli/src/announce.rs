//! Writes the file by which the user tells others of a share.

use app::ports::{Outputs as _, Ports as _};
use app::question::Question;

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
    let addresses = told_addresses(&args.called.address, &session.settings()?)?;
    let ports = session.library()?;
    let model = naming::model(&**ports.store(), &args.model).await?;
    let own = session.key()?;
    let manifest = kept_manifest(&**ports.store(), &model).await?;
    let created = session.now();
    let expires = args.called.until(created);
    let places = texts(&addresses);
    let announcement = app::announce::draft(&model, own.key(), addresses, created, expires)
        .map_err(|error| Fault::blamed(&error))?;
    ports.outputs().check_file(&args.out).map_err(|error| Fault::blamed(&error))?;
    let length = announcement.len() as u64;
    let stop = format!("delete {}; nobody can fetch without your yes to serve", args.out.display());
    let question = Question::publish(&manifest, length, &places.join(", "), expires, stop);
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    own.keep(session.terminal)?;
    let now = session.now();
    let consent = prompt::write_down(session.terminal, yes, &**ports.journal(), now).await?;
    let model_id = model.model_id.clone();
    app::announce::announce(&ports, model.artifact, model_id, announcement, &args.out, consent)
        .await
        .map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&format!(
        "Written to {}. Nothing was sent: hand the file over yourself.",
        args.out.display()
    ));
    Ok(with_model(Outcome::new(), &model)
        .with_text("announcement.path", args.out.display())
        .with("addresses", places)
        .with_text("expires_utc", expires)
        .told())
}
