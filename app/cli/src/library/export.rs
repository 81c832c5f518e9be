//! Puts a model that is kept whole into a folder.

use app::import::Settings;
use app::library::{Event, export};
use app::ports::{Patience, Ports as _};
use app::quantity::Size;

use super::with_model;
use crate::args::ExportArgs;
use crate::fault::Fault;
use crate::naming;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::session::Session;
use crate::stop::unless_stopped;
use crate::wiring::Wiring;

/// `library export`.
pub(super) async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    ports: &W::Library,
    args: &ExportArgs,
) -> Result<Outcome, Fault> {
    let model = naming::model(&**ports.store(), &args.model).await?;
    let settings = Settings {
        verifier_version: app::verify::program_version()?,
        signer: session.signer(args.signing)?,
        rule: args.slm_checksum.rule(),
        patience: Patience::default(),
    };
    let terminal = &mut *session.terminal;
    let total = model.geometry.byte_count();
    let size = u64::from(model.geometry.piece_size());
    // Once both files have their names, that is told.
    terminal.listen();
    let mut progress = Progress::start("export", total, 0, terminal.paint());
    let on = |event: Event| match event {
        Event::Written { done, .. } => {
            progress.reach(total.min(u64::from(done).saturating_mul(size)));
        }
        _ => progress.doing("writing the receipt"),
    };
    let exported = {
        let work = export(ports, model.artifact, args.folder.clone(), settings, on);
        let work = async { work.await.map_err(|error| Fault::blamed(&error)) };
        let advice = "No file was left behind. Run it again.";
        unless_stopped(terminal.wished(), "the export", advice, work).await
    };
    progress.finish();
    let exported = exported?;
    let named = &exported.named;
    terminal.say(&format!("{} is there, {}.", named.artifact.display(), Size(total)));
    terminal.say(&format!("  receipt  {}", named.receipt.display()));
    if let Some(forgotten) = &exported.forgotten {
        terminal.say(forgotten);
    }
    let author = session.say_author(exported.receipt.signer().copied());
    let terminal = &mut *session.terminal;
    let warned = exported.trouble.as_ref().map(|trouble| terminal.warn(trouble));
    terminal.say("Open it in TinyRustLM with its own file picker; nothing is sent to it.");
    Ok(with_model(Outcome::new(), &model)
        .warn(warned)
        .with_text("artifact.path", named.artifact.display())
        .with_text("receipt.path", named.receipt.display())
        .with("way", exported.way.as_str())
        .with_text("receipt.sha256", exported.receipt.sha256())
        .with("signed_by", author.as_str())
        .told())
}
