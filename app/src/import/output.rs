//! The output of an import: what is missing is pulled, and the whole assembled and verified.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verifier::artifact::VerifiedArtifact;
use verifier::identity::PeerId;
use verifier::piece::PieceList;
use verifier::receipt::Receipt;
use verifier::{Bitfield, PieceIndex};

use super::keeping::Keeping;
use super::pause::Pauses;
use super::{Admitted, ImportError, Plan, Settings};
use crate::assemble::{Assembling, Assembly, FULL_AGAIN, OnFull, Pace, mark_wrong};
use crate::blame::is_full;
use crate::event::Event;
use crate::ports::{Draft, Held, Named, OutputError, Outputs, PieceStore as _, Ports, ReadError};

/// A verified output that has no name yet, and what moved for it.
pub(super) struct Output<P: Ports> {
    pub(super) draft: <P::Outputs as Outputs>::Draft,
    pub(super) artifact: VerifiedArtifact,
    pub(super) moved: Moved,
}

/// What moved for an output.
#[derive(Default)]
pub(super) struct Moved {
    /// Bytes that each peer gave.
    pub(super) given: BTreeMap<PeerId, u64>,
    /// How many pieces were here before anyone was asked.
    pub(super) pieces_before: u64,
    /// How long the pieces took.
    pub(super) time: Duration,
}

/// What there is of the artifact.
struct Had {
    have: Bitfield,
    list: Option<Arc<PieceList>>,
}

/// Makes the output. If a piece that was here turns out to be bad, or one of the output is not what
/// was written, all that are here are checked, and the bad ones are fetched anew, once, unless the
/// yes is to importing alone.
///
/// # Errors
///
/// [`ImportError`]; the output is removed by then. [`ImportError::Damaged`] if bad pieces may not be
/// fetched: all of them count as missing.
pub(super) async fn make<P: Ports>(
    ports: &P,
    admitted: &Admitted,
    held: &Held,
    settings: &Settings,
    on: &mut (impl FnMut(Event) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<Output<P>, ImportError> {
    let plan = admitted.plan();
    let mut moved = Moved { pieces_before: held.have.count().into(), ..Moved::default() };
    let had = Had { have: held.have.clone(), list: held.list.clone() };
    let first = pull(ports, plan, had, settings, &mut moved, on, stop.as_mut()).await;
    let wrong = match first {
        Err(ImportError::Read { source: ReadError::Missing | ReadError::Corrupt, .. }) => {
            Vec::new()
        }
        Err(ImportError::Output(OutputError::Spoilt { pieces, .. })) => pieces,
        outcome => {
            let (draft, artifact) = outcome?;
            return Ok(Output { draft, artifact, moved });
        }
    };
    let before = moved.pieces_before;
    let had = tokio::select! {
        had = sound(ports, plan, &wrong) => had?,
        () = &mut stop => return Err(ImportError::Stopped),
    };
    if !had.have.is_full() && !admitted.may_fetch() {
        return Err(ImportError::Damaged(held.have.count().saturating_sub(had.have.count())));
    }
    on(Event::Reserved { have: had.have.clone() });
    let (draft, artifact) = pull(ports, plan, had, settings, &mut moved, on, stop).await?;
    moved.pieces_before = before;
    Ok(Output { draft, artifact, moved })
}

/// Reads all that is kept, so that everything bad is known, also of pieces that were wrong in an
/// output; what is left.
async fn sound<P: Ports>(ports: &P, plan: &Plan, wrong: &[PieceIndex]) -> Result<Had, ImportError> {
    let (store, artifact) = (ports.store(), plan.artifact());
    store.recheck(artifact, |_| {}).await.map_err(ImportError::Store)?;
    mark_wrong(&**store, artifact, wrong).await.map_err(ImportError::Store)?;
    let model = store.model(artifact).await.map_err(ImportError::Store)?;
    let list = store.list(artifact).await.map_err(ImportError::Store)?;
    let nothing = || Bitfield::empty(plan.geometry().piece_count());
    Ok(Had { have: model.map_or_else(nothing, |model| model.have), list })
}

async fn pull<P: Ports>(
    ports: &P,
    plan: &Plan,
    had: Had,
    settings: &Settings,
    moved: &mut Moved,
    on: &mut (impl FnMut(Event) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<(<P::Outputs as Outputs>::Draft, VerifiedArtifact), ImportError> {
    let pace = if had.have.is_full() { Pace::Foreground } else { Pace::Background };
    let assembling = Assembling::start(Assembly {
        outputs: Arc::clone(ports.outputs()),
        folder: plan.folder().to_owned(),
        stem: plan.stem().clone(),
        manifest: Arc::clone(plan.manifest_arc()),
        geometry: *plan.geometry(),
        rule: settings.rule,
        pace,
        full: OnFull::Wait,
    });
    let landed = ports.store().landed();
    let mut pauses = Pauses::new(plan.artifact(), landed, Some(assembling.full()));
    if let Some(list) = &had.list {
        assembling.proven(list);
    }
    let mut keeping = Keeping::new(ports, plan.wanted(), Some(&assembling), had.have);
    keeping.advance();
    let started = Instant::now();
    if !keeping.have.is_full() {
        let pulled = tokio::select! {
            pulled = keeping.pull(had.list, settings.patience, &mut pauses, on) => pulled,
            () = &mut stop => Err(ImportError::Stopped),
        };
        if let Err(error) = pulled {
            drop(keeping);
            // The temporary output is removed before anyone hears that the import has ended.
            assembling.abandon().await;
            return Err(error);
        }
    }
    moved.time = moved.time.saturating_add(started.elapsed());
    let (given, before) = keeping.end();
    moved.pieces_before = before;
    for (peer, bytes) in given {
        *moved.given.entry(peer).or_default() += bytes;
    }
    pauses.kept(on);
    on(Event::Verifying);
    loop {
        tokio::select! {
            () = assembling.ended() => break,
            () = pauses.changed() => pauses.tell(on),
            () = &mut stop => {
                assembling.abandon().await;
                return Err(ImportError::Stopped);
            }
        }
    }
    Ok(assembling.finish().await?)
}

/// Gives artifact and receipt their names. While there is no room for that on the disk it waits, and
/// can be stopped.
///
/// # Errors
///
/// [`ImportError`]; no output is left then.
pub(super) async fn name<D: Draft>(
    draft: D,
    artifact: VerifiedArtifact,
    receipt: Receipt,
    on: &mut (impl FnMut(Event) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<(Named, Receipt), ImportError> {
    let mut work = (draft, artifact, receipt);
    let mut is_paused = false;
    loop {
        let (outcome, done) = tokio::task::spawn_blocking(move || {
            let (draft, artifact, receipt) = &mut work;
            (draft.name(artifact, receipt), work)
        })
        .await
        .map_err(|join| ImportError::Store(join.into()))?;
        match outcome {
            Err(OutputError::Failed { folder, source }) if is_full(source.as_ref()) => {
                if !std::mem::replace(&mut is_paused, true) {
                    on(Event::Paused(folder.into()));
                }
            }
            outcome => {
                if is_paused {
                    on(Event::Resumed);
                }
                let (.., receipt) = done;
                return Ok((outcome?, receipt));
            }
        }
        work = done;
        tokio::select! {
            () = tokio::time::sleep(FULL_AGAIN) => {}
            () = &mut stop => return Err(ImportError::Stopped),
        }
    }
}
