//! Writes the offer of a model that is to be served while it is imported.

use app::ports::{Outputs as _, Ports as _};
use app::question::Question;

use crate::args::PromiseArgs;
use crate::check::texts;
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::peer::told_addresses;
use crate::prompt;
use crate::session::Session;
use crate::verify::with_manifest;
use crate::wiring::Wiring;

/// `share offer`.
///
/// # Errors
///
/// [`Fault`]; then no file is left behind.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &PromiseArgs,
) -> Result<Outcome, Fault> {
    let manifest = app::verify::manifest(&args.manifest, args.options.options())?;
    let addresses = told_addresses(&args.called.address, &session.settings()?)?;
    let ports = session.library()?;
    let own = session.key()?;
    let issued = session.now();
    let expires = args.called.until(issued);
    let offer = app::serve::promise(&manifest, own.key(), addresses, issued, expires)
        .map_err(|error| Fault::blamed(&error))?;
    ports.outputs().check_file(&args.out).map_err(|error| Fault::blamed(&error))?;
    let stop = format!("delete {}; nobody can fetch without your yes to serve", args.out.display());
    let question = Question::promise(&manifest, &offer, expires, stop);
    let yes = prompt::consent(session.terminal, &args.agreed.acts, &question)?;
    own.keep(session.terminal)?;
    let now = session.now();
    let consent = prompt::write_down(session.terminal, yes, &**ports.journal(), now).await?;
    let (artifact, model_id) = (manifest.artifact_sha256(), manifest.model_id().clone());
    let (bytes, out) = (offer.bytes().to_vec(), &args.out);
    app::announce::announce(&ports, artifact, model_id, bytes, out, consent)
        .await
        .map_err(|error| Fault::blamed(&error))?;
    session.terminal.say(&format!(
        "Written to {}. Hand it to whoever is to fetch from you; serve them with \
         `import-peer-request … --serve-to PEER`.",
        args.out.display()
    ));
    Ok(with_manifest(Outcome::new(), &manifest)
        .with_text("offer.path", args.out.display())
        .with("addresses", texts(offer.addresses()))
        .with_text("expires_utc", expires)
        .told())
}
