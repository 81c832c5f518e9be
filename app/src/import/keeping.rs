//! Verified pieces on their way into the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use verifier::Bitfield;
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::piece::Source;

use super::ImportError;
use super::pause::Pauses;
use super::wanted::{Called, Wanted};
use crate::assemble::Assembling;
use crate::event::Event;
use crate::ports::{
    Availability, Clock as _, Draft, Failure, Journal as _, JournalError, Liar, Lie, Outputs,
    Patience, Peers as _, PieceStore as _, Ports, Pull, PullError, PullNews, PullSource, Pulled,
    Purpose, Record, Settled, Untrue, What,
};

/// How many messages of a pull may wait; pieces among them are bounded in bytes by the engine.
const PULL_QUEUE: usize = 64;

/// Verified pieces on their way into the store, and what that means for the output.
pub(crate) struct Keeping<'a, P: Ports> {
    ports: &'a P,
    wanted: &'a Wanted,
    /// The output that is made meanwhile, if one is.
    assembling: Option<&'a Assembling<<P::Outputs as Outputs>::Draft>>,
    pub(crate) have: Bitfield,
    /// The pieces that peers gave, kept by now or about to be.
    taken: Bitfield,
    /// How many pieces were here before anyone was asked for one.
    before: u32,
    frontier: u32,
    /// Bytes that peers gave.
    given: BTreeMap<PeerId, u64>,
    /// What the consent log said last of each peer that may not be asked any more.
    denied: BTreeMap<PeerId, Arc<JournalError>>,
    /// How many peers were connected, and how many missing pieces none of them had, when that was
    /// logged last.
    copies: Option<(usize, u32)>,
    /// Who was banned last for a lie.
    liar: Option<verifier::scalars::Label>,
}

type Kept = (VerifiedSummary, Result<(), Failure>);

#[derive(Clone, Copy)]
struct VerifiedSummary {
    index: verifier::PieceIndex,
    source: Source,
    bytes: u64,
}

impl<'a, P: Ports> Keeping<'a, P> {
    pub(crate) fn new(
        ports: &'a P,
        wanted: &'a Wanted,
        assembling: Option<&'a Assembling<<P::Outputs as Outputs>::Draft>>,
        have: Bitfield,
    ) -> Self {
        let (before, given) = (have.count(), BTreeMap::new());
        let (taken, denied) = (Bitfield::empty(have.len()), BTreeMap::new());
        Self {
            ports,
            wanted,
            assembling,
            have,
            taken,
            before,
            frontier: 0,
            given,
            denied,
            copies: None,
            liar: None,
        }
    }

    /// Pulls what is missing and keeps it, until nothing is missing or nobody is left to ask.
    pub(crate) async fn pull(
        &mut self,
        list: Option<Arc<verifier::piece::PieceList>>,
        patience: Patience,
        pauses: &mut Pauses,
        on: &mut (impl FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        if self.wanted.called.is_empty() {
            return Err(ImportError::NoPairedPeer);
        }
        let sources = self.sources().await?;
        let called = sources.len();
        let (out, mut pulled) = mpsc::channel(PULL_QUEUE);
        let (settle, settled) = mpsc::unbounded_channel();
        let pull = self.ports.peers().pull(Pull {
            artifact: self.wanted.artifact,
            geometry: self.wanted.geometry,
            root: self.wanted.root,
            list,
            missing: self.have.complement(),
            sources,
            patience,
            begin: self.wanted.begin,
            out,
            settled,
        });
        let mut pull = std::pin::pin!(pull);
        let mut ended: Option<Result<(), PullError>> = None;
        let mut keeps: FuturesUnordered<BoxFuture<'static, Kept>> = FuturesUnordered::new();
        // Kept, and not told yet to those who ask for more.
        let mut untold = Vec::new();
        let assembling = self.assembling;
        loop {
            tokio::select! {
                outcome = &mut pull, if ended.is_none() => ended = Some(outcome),
                Some(message) = pulled.recv() => self.take(message, &mut keeps, &settle, on).await?,
                Some((piece, outcome)) = keeps.next(), if !keeps.is_empty() => {
                    outcome.map_err(ImportError::Store)?;
                    untold.push(piece.index);
                    self.kept(piece, on);
                }
                () = keeps_up(assembling, self.frontier), if !untold.is_empty() => {
                    for index in untold.drain(..) {
                        // The pull may be over; then nobody waits to hear it.
                        settle.send(Settled::Kept(index)).ok();
                    }
                }
                () = pauses.changed(), if ended.is_none() || !keeps.is_empty() => pauses.tell(on),
                else => break,
            }
            if self.assembling.is_some_and(Assembling::has_ended) && !self.have.is_full() {
                // It failed; the caller asks it why.
                return Ok(());
            }
            if self.have.is_full() {
                return Ok(());
            }
        }
        let all_denied = self.denied.len() >= called;
        let denied = self.denied.pop_first().map(|(_, denied)| denied);
        match denied {
            Some(denied) if all_denied => Err(ImportError::Journal(denied)),
            denied => Err(ended_by(ended, denied, self.liar.take())),
        }
    }

    /// Whom to call: a peer that another import caught at a lie since the plan was made is not.
    async fn sources(&self) -> Result<Vec<PullSource>, ImportError> {
        let liars = self.ports.store().liars().await.map_err(ImportError::Store)?;
        let banned = |peer: &Called| liars.get(&peer.id).filter(|liar| liar.is_banned);
        let (left_out, called): (Vec<&Called>, _) =
            self.wanted.called.iter().partition(|peer| banned(peer).is_some());
        if let (Some(peer), true) = (left_out.first(), called.is_empty())
            && let Some(lie) = banned(peer).and_then(Liar::last)
        {
            return Err(ImportError::AllBanned(peer.label.clone(), Box::new(lie.clone())));
        }
        Ok(called.into_iter().map(Called::source).collect())
    }

    async fn take(
        &mut self,
        message: Pulled,
        keeps: &mut FuturesUnordered<BoxFuture<'static, Kept>>,
        settle: &mpsc::UnboundedSender<Settled>,
        on: &mut (impl FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        match message {
            Pulled::List(list, answer) => {
                let artifact = self.wanted.artifact;
                let learnt = self.ports.store().learn(artifact, Arc::clone(&list)).await;
                if let Some(assembling) = self.assembling {
                    assembling.proven(&list);
                }
                for index in learnt.map_err(ImportError::Store)?.pieces(&self.wanted.geometry) {
                    // Of what peers gave it is told one by one that it is kept.
                    if !self.taken.contains(index) && self.have.insert(index) {
                        self.before += 1;
                    }
                }
                // The pull that asked may have ended; then nobody waits for the answer.
                drop(answer.send(self.have.complement()));
                on(Event::ListProven { have: self.have.clone() });
                self.advance();
            }
            Pulled::Ask { peer, bytes, purpose, answer } => {
                let asked = self.wanted.spend(Act::Fetch, Some(peer), bytes);
                let held = self.ports.journal().hold(&asked, self.ports.clock().now());
                let _ = answer.send(held.is_ok());
                if let (Err(denied), Purpose::One) = (held, purpose) {
                    self.deny(peer, denied, on);
                }
            }
            Pulled::Release { peer, bytes } => {
                self.ports.journal().give_back(&self.wanted.spend(Act::Fetch, Some(peer), bytes));
            }
            Pulled::Piece(piece) => {
                // Asked for under a grant, and looked at again now: a yes that was taken back
                // meanwhile holds for what is still on its way.
                if let Source::Peer(peer) = piece.source() {
                    let nothing = self.wanted.spend(Act::Fetch, Some(peer), 0);
                    match self.ports.journal().spend(&nothing, self.ports.clock().now()) {
                        Ok(()) => {}
                        // Only that peer's; whoever else may be asked is asked.
                        Err(denied @ JournalError::Consent(_)) => {
                            self.deny(peer, denied, on);
                            settle.send(Settled::Denied(piece.index())).ok();
                            return Ok(());
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                let store = Arc::clone(self.ports.store());
                let artifact = self.wanted.artifact;
                let summary = VerifiedSummary {
                    index: piece.index(),
                    source: piece.source(),
                    bytes: piece.bytes().len() as u64,
                };
                self.taken.insert(summary.index);
                on(Event::Verified {
                    index: summary.index,
                    source: summary.source,
                    bytes: summary.bytes,
                });
                keeps.push(Box::pin(async move { (summary, store.keep(artifact, piece).await) }));
            }
            Pulled::News(news) => {
                if let PullNews::Banned { peer, code, why, untrue, .. } = &news {
                    self.banned(*peer, format!("{code}: it {why}"), *untrue).await;
                }
                if let PullNews::Availability(availability) = &news {
                    self.tell_copies(availability);
                }
                on(Event::Peers(news));
            }
        }
        Ok(())
    }

    /// A peer is not asked any more: that is told once.
    fn deny(&mut self, peer: PeerId, why: JournalError, on: &mut (impl FnMut(Event) + Send)) {
        let why = Arc::new(why);
        if self.denied.insert(peer, Arc::clone(&why)).is_none() {
            on(Event::ConsentEnded(peer, why));
        }
    }

    /// Logs who has what, where that is not as it was.
    fn tell_copies(&mut self, availability: &Availability) {
        let told = (availability.peers.len(), availability.unavailable);
        if self.copies != Some(told) {
            self.copies = Some(told);
            tracing::info!("{availability}");
        }
    }

    fn kept(&mut self, piece: VerifiedSummary, on: &mut (impl FnMut(Event) + Send)) {
        if !self.have.insert(piece.index) {
            return;
        }
        if let Source::Peer(peer) = piece.source {
            *self.given.entry(peer).or_default() += piece.bytes;
            let given = self.wanted.spend(Act::Fetch, Some(peer), piece.bytes);
            self.ports.journal().moved(&given, self.ports.clock().now());
        }
        on(Event::Kept { index: piece.index, source: piece.source, bytes: piece.bytes });
        self.advance();
    }

    /// What each peer gave in bytes, and how many pieces were here before.
    pub(crate) fn end(mut self) -> (BTreeMap<PeerId, u64>, u64) {
        (std::mem::take(&mut self.given), self.before.into())
    }

    pub(crate) fn advance(&mut self) {
        let geometry = &self.wanted.geometry;
        let before = self.frontier;
        while geometry.index(self.frontier).is_some_and(|index| self.have.contains(index)) {
            self.frontier += 1;
        }
        if self.frontier != before
            && let Some(assembling) = self.assembling
        {
            assembling.reach(self.frontier);
        }
    }

    /// Writes down what a peer did. A lie outlives the import: the peer is called by no other until
    /// a person lifts the ban. A broken protocol may be the fault of a program, and does not.
    async fn banned(&mut self, peer: PeerId, note: String, untrue: Option<Untrue>) {
        let (time, wanted) = (self.ports.clock().now(), self.wanted);
        if let Some(untrue) = untrue {
            let known = self.wanted.called.iter().find(|called| called.id == peer);
            self.liar = known.map(|called| called.label.clone());
            let lie = Lie {
                time,
                model_id: wanted.model_id.clone(),
                model_version: wanted.model_version.clone(),
                artifact: self.wanted.artifact,
                untrue,
            };
            if let Err(failure) = self.ports.store().lied(peer, lie).await {
                tracing::error!(%failure, "cannot remember the lie");
            }
        }
        let record = Record {
            time,
            what: if untrue.is_some() { What::Banned } else { What::Faulted },
            model_id: wanted.model_id.clone(),
            artifact: self.wanted.artifact,
            peer: Some(peer),
            bytes: 0,
            note,
        };
        if let Err(failure) = self.ports.journal().record(record).await {
            tracing::error!(%failure, "cannot write down what the peer did");
        }
    }
}

/// Resolves when the output is near the frontier, if there is one.
async fn keeps_up<D: Draft>(assembling: Option<&Assembling<D>>, frontier: u32) {
    if let Some(assembling) = assembling {
        assembling.keeps_up(frontier).await;
    }
}

/// Why a pull ended without all pieces. Where nobody is called again and consent does not cover
/// one of them any more, a new yes is what helps, whatever became of the others.
fn ended_by(
    ended: Option<Result<(), PullError>>,
    denied: Option<Arc<JournalError>>,
    liar: Option<verifier::scalars::Label>,
) -> ImportError {
    match (ended, denied, liar) {
        (Some(Err(PullError::Exhausted { anyone: false, .. })), Some(denied), _) => {
            ImportError::Journal(denied)
        }
        (Some(Err(pull)), _, Some(peer)) => ImportError::Lied { peer, pull },
        (Some(Err(pull)), _, None) => pull.into(),
        (Some(Ok(())) | None, ..) => PullError::Cancelled.into(),
    }
}

impl<P: Ports> Drop for Keeping<'_, P> {
    fn drop(&mut self) {
        // What was asked for and did not come, or came twice.
        for peer in &self.wanted.called {
            self.ports.journal().let_go(Act::Fetch, self.wanted.artifact, Some(peer.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use verifier::Remedy;
    use verifier::consent::{Act, ConsentError, Denial};
    use verifier::scalars::{Id, Label, UtcTime};

    use super::{JournalError, PullError, ended_by};
    use crate::blame::{Blamed as _, CONSENT_DENIED};

    #[test]
    fn where_one_peer_lied_and_another_may_not_be_asked_a_new_yes_is_advised() {
        let why = Denial::Revoked(UtcTime::from_unix(0));
        let model_id = Id::parse("tiny").unwrap();
        let denied = ConsentError::Denied { act: Act::Fetch, model_id, why };
        let denied = Arc::new(JournalError::Consent(denied));
        let ended = |anyone, denied| {
            let why = "ben lied".to_owned();
            let ended = Err(PullError::Exhausted { missing: 1, why, anyone });
            ended_by(Some(ended), denied, Some(Label::parse("ben").unwrap()))
        };
        let error = ended(false, Some(Arc::clone(&denied)));
        assert_eq!(error.code(), CONSENT_DENIED);
        assert!(error.advice().text().contains("say yes"), "{}", error.advice().text());
        assert_eq!(error.advice().remedy(), Some(Remedy::SeeGrants));
        // Somebody may come, or nobody was denied: it is not down to the yes.
        for error in [ended(true, Some(denied)), ended(false, None)] {
            assert_ne!(error.code(), CONSENT_DENIED, "{error}");
        }
    }
}
