//! Imports an artifact from many peers: the whole flow, top to bottom.

mod error;
mod keeping;
pub mod live;
mod plan;
pub mod room;

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use verifier::consent::Act;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::Source;
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;
use verifier::{Bitfield, Geometry};

use keeping::Keeping;

pub use error::ImportError;
pub use plan::{Admitted, Called, Plan};

use crate::assemble::{Assembling, Assembly};
use crate::event::Event;
use crate::lease::Lease;
use crate::ports::{
    Clock as _, Draft as _, Journal as _, JournalError, Named, Outputs as _, PieceStore as _,
    Ports, Record, Spend, What,
};

/// What an import is made with, beside its plan.
#[derive(Debug)]
pub struct Settings {
    /// The version of this program, for the receipt.
    pub verifier_version: Version,
    /// Signs the receipt, if given.
    pub signer: Option<SigningKey>,
    /// Whether the internal checksum is compared.
    pub rule: ChecksumRule,
}

/// A finished import.
#[derive(Debug)]
pub struct Imported {
    /// Where artifact and receipt are.
    pub named: Named,
    /// The receipt.
    pub receipt: Receipt,
    /// Who gave how much, by peer id.
    pub contributions: Vec<Contribution>,
    /// Pieces that were kept before anyone was asked.
    pub pieces_local: u64,
    /// From the first call to the last piece kept.
    pub transfer_time: Duration,
    /// Bytes that the peers gave.
    pub bytes_fetched: u64,
}

/// Imports what the plan names, under a consent that it uses up.
///
/// Nothing touches the network before room is reserved. Pieces are kept one by one, so nothing is
/// lost when `stop` resolves or the future is dropped: the same plan goes on from there. Stopping
/// also writes down what was fetched. The output gets its name only when every check has passed;
/// once it gets it, `stop` comes too late.
///
/// # Errors
///
/// [`ImportError`]; no output file is left behind, and pieces that were kept stay kept.
pub async fn import<P: Ports>(
    ports: &P,
    plan: Plan,
    consent: crate::consent::Consent,
    settings: Settings,
    mut on: impl FnMut(Event) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Imported, ImportError> {
    let stop = pin!(stop);
    let admitted = Admitted::new(plan, consent)?;
    let mut given: BTreeMap<PeerId, u64> = BTreeMap::new();
    let mut has_begun = false;
    let mut hear = |event: Event| {
        has_begun = true;
        if let Event::Kept { source: Source::Peer(peer), bytes, .. } = &event {
            *given.entry(*peer).or_default() += *bytes;
        }
        on(event);
    };
    let outcome = run(ports, &admitted, settings, &mut hear, stop).await;
    if !has_begun && let Err(error) = admitted.take_back(ports).await {
        tracing::error!(%error, "cannot take back what was granted");
    }
    let plan = admitted.plan();
    let record = |what, peer, bytes| Record {
        time: ports.clock().now(),
        what,
        model_id: plan.manifest().model_id().clone(),
        artifact: plan.artifact(),
        peer,
        bytes,
        note: String::new(),
    };
    let mut records: Vec<Record> =
        given.into_iter().map(|(peer, bytes)| record(What::Fetched, Some(peer), bytes)).collect();
    records.push(match &outcome {
        Ok(imported) => record(What::Imported, None, imported.bytes_fetched),
        Err(error) => {
            let note = match error {
                ImportError::Stopped => error.to_string(),
                error => crate::blame::Blamed::code(error).to_string(),
            };
            Record { note, ..record(What::Failed, None, 0) }
        }
    });
    for record in records {
        // The import's own outcome matters more than whether it could be written down.
        if let Err(failure) = ports.journal().record(record).await {
            tracing::error!(%failure, "cannot write down the import");
        }
    }
    outcome
}

async fn run<P: Ports>(
    ports: &P,
    admitted: &Admitted,
    settings: Settings,
    on: &mut (impl FnMut(Event) + Send),
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<Imported, ImportError> {
    let plan = admitted.plan();
    ports.outputs().check(plan.folder(), plan.stem())?;
    spend(ports, plan, Act::Import, None, plan.geometry().byte_count())?;
    if admitted.may_cache() {
        spend(ports, plan, Act::Cache, None, plan.geometry().byte_count())?;
    }
    let output_bytes = plan.geometry().byte_count();
    let lease =
        Lease::take(ports, plan.manifest(), *plan.geometry(), plan.root(), output_bytes).await?;
    on(Event::Reserved { have: lease.held.have.clone() });
    for peer in plan.not_paired() {
        on(Event::NotPaired(*peer));
    }
    for peer in plan.blocked() {
        on(Event::Blocked(peer.id));
    }

    let assembling = Assembling::start(Assembly {
        store: Arc::clone(ports.store()),
        outputs: Arc::clone(ports.outputs()),
        folder: plan.folder().to_owned(),
        stem: plan.stem().clone(),
        manifest: Arc::clone(plan.manifest_arc()),
        geometry: *plan.geometry(),
        rule: settings.rule,
    });
    let mut keeping = Keeping::new(ports, plan, &assembling, lease.held.have.clone());
    keeping.advance();
    let started = Instant::now();
    if !keeping.have.is_full() {
        let pulled = tokio::select! {
            pulled = keeping.pull(lease.held.list.clone(), on) => pulled,
            () = &mut stop => Err(ImportError::Stopped),
        };
        if let Err(error) = pulled {
            // The temporary output is removed before anyone hears that the import has ended.
            assembling.abandon().await;
            return Err(error);
        }
    }
    let transfer_time = started.elapsed();
    let Keeping { given, local, .. } = keeping;
    on(Event::Verifying);
    tokio::select! {
        () = assembling.ended() => {}
        () = &mut stop => {
            assembling.abandon().await;
            return Err(ImportError::Stopped);
        }
    }
    let (draft, artifact) = assembling.finish().await?;

    let contributions = contributions(given);
    let bytes_fetched = contributions.iter().map(|peer| peer.bytes).sum();
    let transfer = Transfer {
        request_id: plan.request().request_id().clone(),
        request_sha256: plan.request().sha256(),
        peers: contributions.clone(),
        pieces_local: u64::from(local.count()),
        bytes_local: bytes_of(&local, plan.geometry()),
    };
    let file_name = plan.stem().artifact();
    let receipt = Receipt::write(
        &artifact,
        &Facts {
            created_utc: ports.clock().now(),
            verifier_version: settings.verifier_version,
            file_name: &file_name,
            transfer: Some(transfer),
            signer: settings.signer.as_ref(),
        },
    )?;
    on(Event::Naming);
    let (named, receipt) = tokio::task::spawn_blocking(move || {
        draft.name(&artifact, &receipt).map(|named| (named, receipt))
    })
    .await
    .map_err(|join| ImportError::Store(join.into()))??;

    finish(ports, admitted, lease).await?;
    let pieces_local = u64::from(local.count());
    Ok(Imported { named, receipt, contributions, pieces_local, transfer_time, bytes_fetched })
}

/// Writes down the whole verification; what the user did not let this program cache is forgotten.
async fn finish<P: Ports>(
    ports: &P,
    admitted: &Admitted,
    lease: Lease<P::Store>,
) -> Result<(), ImportError> {
    let plan = admitted.plan();
    let now = ports.clock().now();
    ports.store().verified(plan.artifact(), now).await.map_err(ImportError::Store)?;
    drop(lease);
    if !admitted.may_cache() {
        ports.store().forget(plan.artifact()).await.map_err(ImportError::Store)?;
    }
    Ok(())
}

fn spend<P: Ports>(
    ports: &P,
    plan: &Plan,
    act: Act,
    peer: Option<PeerId>,
    bytes: u64,
) -> Result<(), JournalError> {
    let model_id = plan.manifest().model_id().clone();
    let spend = Spend { act, model_id, artifact: plan.artifact(), peer, bytes };
    ports.journal().spend(&spend, ports.clock().now())
}

fn contributions(given: BTreeMap<PeerId, (u64, u64)>) -> Vec<Contribution> {
    let mut peers: Vec<_> =
        given.into_iter().map(|(id, (pieces, bytes))| Contribution { id, pieces, bytes }).collect();
    peers.sort_by_cached_key(|peer| peer.id.to_string());
    peers
}

fn bytes_of(pieces: &Bitfield, geometry: &Geometry) -> u64 {
    pieces.pieces(geometry).map(|index| u64::from(geometry.length(index))).sum()
}
