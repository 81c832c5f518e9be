//! Hands out the manifest of a model that is kept.

use std::path::PathBuf;

use app::library::{DAMAGED, LACKS_MANIFEST, MEND_MANIFEST};
use app::ports::{PieceStore as _, Ports};

use super::{failed, with_model};
use crate::args::ManifestOfArgs;
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `library manifest`.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    ports: &W::Library,
    args: &ManifestOfArgs,
) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), &args.model).await?;
    let manifest = ports.store().manifest(model.artifact).await.map_err(failed)?;
    let manifest =
        manifest.ok_or_else(|| Fault::new(DAMAGED, "manifest", LACKS_MANIFEST, MEND_MANIFEST))?;
    let name = || PathBuf::from(format!("{}-{}.manifest", model.model_id, model.model_version));
    let path = args.out.clone().unwrap_or_else(name);
    session.write(&path, &manifest)?;
    session.terminal.say(&format!(
        "The manifest of {} {} is in {}.",
        model.model_id,
        model.model_version,
        path.display()
    ));
    Ok(with_model(Outcome::new(), &model)
        .with_text("manifest.path", path.display())
        .with_text("manifest.sha256", model.manifest_sha256)
        .told())
}
