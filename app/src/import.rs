//! Imports an artifact from many peers: the whole flow, top to bottom.

mod error;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use verifier::consent::Act;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::Source;
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;
use verifier::{Bitfield, Geometry};

pub use error::ImportError;
pub use plan::{Admitted, Called, Plan};

use crate::assemble::{Assembling, Assembly};
use crate::event::Event;
use crate::lease::Lease;
use crate::ports::{
    Clock as _, Draft as _, Failure, Journal as _, JournalError, Named, Outputs, Peers as _,
    PieceStore, Ports, Pull, PullError, PullNews, PullSource, Pulled, Record, Spend, What,
};

/// How many messages of a pull may wait; pieces among them are bounded in bytes by the engine.
const PULL_QUEUE: usize = 64;

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
/// Nothing touches the network before room is reserved. Pieces are kept one by one, so dropping
/// the future loses none: the same plan goes on from there. The output gets its name only when
/// every check has passed.
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
) -> Result<Imported, ImportError> {
    let admitted = Admitted::new(plan, consent)?;
    let mut given: BTreeMap<PeerId, u64> = BTreeMap::new();
    let mut hear = |event: Event| {
        if let Event::Kept { source: Source::Peer(peer), bytes, .. } = &event {
            *given.entry(*peer).or_default() += *bytes;
        }
        on(event);
    };
    let outcome = run(ports, &admitted, settings, &mut hear).await;
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
            let note = crate::blame::Blamed::code(error).to_string();
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
        on(Event::Blocked(*peer));
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
    if !keeping.have.is_full()
        && let Err(error) = keeping.pull(lease.held.list.clone(), on).await
    {
        // The temporary output is removed before anyone hears that the import has ended.
        drop(assembling.finish().await);
        return Err(error);
    }
    let transfer_time = started.elapsed();
    let Keeping { given, local, .. } = keeping;
    on(Event::Verifying);
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

/// Verified pieces on their way into the store, and what that means for the output.
struct Keeping<'a, P: Ports> {
    ports: &'a P,
    plan: &'a Plan,
    assembling: &'a Assembling<<P::Outputs as Outputs>::Draft>,
    have: Bitfield,
    local: Bitfield,
    frontier: u32,
    given: BTreeMap<PeerId, (u64, u64)>,
    denied: Option<JournalError>,
}

type Kept = (VerifiedSummary, Result<(), Failure>);

#[derive(Clone, Copy)]
struct VerifiedSummary {
    index: verifier::PieceIndex,
    source: Source,
    bytes: u64,
}

impl<'a, P: Ports> Keeping<'a, P> {
    fn new(
        ports: &'a P,
        plan: &'a Plan,
        assembling: &'a Assembling<<P::Outputs as Outputs>::Draft>,
        have: Bitfield,
    ) -> Self {
        let local = have.clone();
        let given = BTreeMap::new();
        Self { ports, plan, assembling, have, local, frontier: 0, given, denied: None }
    }

    /// Pulls what is missing and keeps it, until nothing is missing or nobody is left to ask.
    async fn pull(
        &mut self,
        list: Option<Arc<verifier::piece::PieceList>>,
        on: &mut (impl FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        if self.plan.called().is_empty() {
            return Err(ImportError::NoPairedPeer);
        }
        let (out, mut pulled) = mpsc::channel(PULL_QUEUE);
        let pull = self.ports.peers().pull(Pull {
            artifact: self.plan.artifact(),
            geometry: *self.plan.geometry(),
            root: self.plan.root(),
            list,
            missing: self.have.complement(),
            sources: self.plan.called().iter().map(Called::source).collect::<Vec<PullSource>>(),
            out,
        });
        let mut pull = std::pin::pin!(pull);
        let mut ended: Option<Result<(), PullError>> = None;
        let mut keeps: FuturesUnordered<BoxFuture<'static, Kept>> = FuturesUnordered::new();
        loop {
            tokio::select! {
                outcome = &mut pull, if ended.is_none() => ended = Some(outcome),
                Some(message) = pulled.recv() => self.take(message, &mut keeps, on).await?,
                Some((piece, outcome)) = keeps.next(), if !keeps.is_empty() => {
                    outcome.map_err(ImportError::Store)?;
                    self.kept(piece, on);
                }
                else => break,
            }
            if self.assembling.has_ended() && !self.have.is_full() {
                // It failed; the caller asks it why.
                return Ok(());
            }
            if self.have.is_full() {
                return Ok(());
            }
        }
        match (ended, self.denied.take()) {
            (_, Some(denied)) => Err(denied.into()),
            (Some(Err(error)), None) => Err(error.into()),
            _ => Err(PullError::Cancelled.into()),
        }
    }

    async fn take(
        &mut self,
        message: Pulled,
        keeps: &mut FuturesUnordered<BoxFuture<'static, Kept>>,
        on: &mut (impl FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        match message {
            Pulled::List(list, answer) => {
                let artifact = self.plan.artifact();
                let have =
                    self.ports.store().learn(artifact, list).await.map_err(ImportError::Store)?;
                self.have = have.clone();
                self.local = have.clone();
                // The pull that asked may have ended; then nobody waits for the answer.
                drop(answer.send(have.complement()));
                on(Event::ListProven { have });
                self.advance();
            }
            Pulled::Ask { peer, bytes, answer } => {
                let spent = spend(self.ports, self.plan, Act::Fetch, Some(peer), bytes);
                let _ = answer.send(spent.is_ok());
                if let Err(denied) = spent {
                    self.denied = Some(denied);
                }
            }
            Pulled::Piece(piece) => {
                // Asked for under a grant, and looked at again now: a yes that was taken back
                // meanwhile holds for what is still on its way.
                if let Source::Peer(peer) = piece.source() {
                    spend(self.ports, self.plan, Act::Fetch, Some(peer), 0)?;
                }
                let store = Arc::clone(self.ports.store());
                let artifact = self.plan.artifact();
                let summary = VerifiedSummary {
                    index: piece.index(),
                    source: piece.source(),
                    bytes: piece.bytes().len() as u64,
                };
                keeps.push(Box::pin(async move { (summary, store.keep(artifact, piece).await) }));
            }
            Pulled::News(news) => {
                if let PullNews::Banned { peer, code, why } = &news {
                    self.banned(*peer, format!("{code}: {why}")).await;
                }
                on(Event::Peers(news));
            }
        }
        Ok(())
    }

    fn kept(&mut self, piece: VerifiedSummary, on: &mut (impl FnMut(Event) + Send)) {
        if !self.have.insert(piece.index) {
            return;
        }
        if let Source::Peer(peer) = piece.source {
            let (pieces, bytes) = self.given.entry(peer).or_default();
            *pieces += 1;
            *bytes += piece.bytes;
        }
        on(Event::Kept { index: piece.index, source: piece.source, bytes: piece.bytes });
        self.advance();
    }

    fn advance(&mut self) {
        let geometry = self.plan.geometry();
        let before = self.frontier;
        while geometry.index(self.frontier).is_some_and(|index| self.have.contains(index)) {
            self.frontier += 1;
        }
        if self.frontier != before {
            self.assembling.reach(self.frontier);
        }
    }

    async fn banned(&self, peer: PeerId, note: String) {
        let record = Record {
            time: self.ports.clock().now(),
            what: What::Banned,
            model_id: self.plan.manifest().model_id().clone(),
            artifact: self.plan.artifact(),
            peer: Some(peer),
            bytes: 0,
            note,
        };
        if let Err(failure) = self.ports.journal().record(record).await {
            tracing::error!(%failure, "cannot write down the lie");
        }
    }
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
