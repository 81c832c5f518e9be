//! What is ready to be served, behind the consent log.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::piece::PieceList;
use verifier::scalars::{Id, Label};
use verifier::{Geometry, PieceIndex, Sha256};

use super::ServeError;
use crate::ports::{
    Clock, Failure, Journal, Landed, Model, Opened, PieceStore, Ports, Provider, ReadError,
    Refusal, Spend,
};

/// What is ready to be served: one artifact of the library, behind the consent log.
pub(super) struct Share<S, J, C> {
    store: Arc<S>,
    journal: Arc<J>,
    clock: C,
    subject: Subject,
    /// Nobody is answered before it is known: no piece could be proven to them.
    list: OnceLock<Arc<PieceList>>,
    /// Shared with every piece that was given out and is not sent yet.
    in_flight: Arc<()>,
}

/// What is served.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) model_id: Id,
    pub(super) artifact: Sha256,
    pub(super) geometry: Geometry,
}

impl Subject {
    /// The length of the shortest piece, in bytes.
    pub(super) fn least_piece(&self) -> u64 {
        let last = self.geometry.index(self.geometry.piece_count().saturating_sub(1));
        u64::from(last.map_or(0, |last| self.geometry.length(last)))
    }
}

/// A piece in flight.
struct InFlight {
    bytes: Bytes,
    _in_flight: Arc<()>,
}

impl AsRef<[u8]> for InFlight {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<S: PieceStore, J: Journal, C: Clock + Clone> Share<S, J, C> {
    /// Of what is kept.
    pub(super) async fn of_kept<P>(ports: &P, artifact: Sha256) -> Result<Self, ServeError>
    where
        P: Ports<Store = S, Journal = J, Clock = C>,
    {
        let store = ports.store();
        let model = store
            .model(artifact)
            .await
            .map_err(ServeError::Store)?
            .ok_or(ServeError::Unknown(artifact))?;
        let list = store
            .list(artifact)
            .await
            .map_err(ServeError::Store)?
            .ok_or_else(|| ServeError::Empty(model.model_id.clone()))?;
        let Model { model_id, geometry, .. } = model;
        let share = Self::of_coming(ports, Subject { model_id, artifact, geometry });
        Ok(Self { list: list.into(), ..share })
    }

    /// Of what is to come, by an import.
    pub(super) fn of_coming<P>(ports: &P, subject: Subject) -> Self
    where
        P: Ports<Store = S, Journal = J, Clock = C>,
    {
        Self {
            store: Arc::clone(ports.store()),
            journal: Arc::clone(ports.journal()),
            clock: ports.clock().clone(),
            subject,
            list: OnceLock::new(),
            in_flight: Arc::default(),
        }
    }

    /// What is served.
    pub(super) const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether callers can be answered.
    pub(super) fn is_ready(&self) -> bool {
        self.list.get().is_some()
    }

    /// Resolves once callers can be answered.
    pub(super) async fn ready(&self) -> Result<(), Failure> {
        let artifact = self.subject.artifact;
        let mut landed = self.store.landed();
        while !self.is_ready() {
            if let Some(list) = self.store.list(artifact).await? {
                self.list.get_or_init(|| list);
                break;
            }
            loop {
                match landed.recv().await {
                    Ok(Landed::List(of)) if of == artifact => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    // The store is gone, and so is the import.
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        }
        Ok(())
    }

    /// Whether a piece is in flight.
    pub(super) fn is_sending(&self) -> bool {
        Arc::strong_count(&self.in_flight) > 1
    }

    /// Checks the grant and holds the bytes, which count once they went out. Another artifact than
    /// this one is never granted, and a peer that was forgotten or blocked meanwhile is granted
    /// nothing.
    fn may(&self, peer: PeerId, artifact: Sha256, bytes: u64) -> bool {
        if artifact != self.subject.artifact || !self.knows(peer) {
            return false;
        }
        let model_id = self.subject.model_id.clone();
        let spend = Spend { act: Act::Serve, model_id, artifact, peer: Some(peer), bytes };
        self.journal.hold(&spend, self.clock.now()).is_ok()
    }
}

impl<S: PieceStore, J: Journal, C: Clock + Clone> Provider for Share<S, J, C> {
    fn knows(&self, peer: PeerId) -> bool {
        self.store.lets_in(peer)
    }

    async fn label(&self, peer: PeerId) -> Option<Label> {
        let known = self.store.peers().await.unwrap_or_default();
        known.into_iter().find(|known| known.id == peer).map(|known| known.label)
    }

    async fn open(&self, peer: PeerId, artifact: Sha256) -> Option<Opened> {
        self.grants(peer, artifact).then_some(())?;
        let list = Arc::clone(self.list.get()?);
        let have = self.store.model(artifact).await.ok()??.have;
        Some(Opened { list, have })
    }

    fn grants(&self, peer: PeerId, artifact: Sha256) -> bool {
        self.may(peer, artifact, 0)
    }

    async fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Bytes, Refusal> {
        let in_flight = Arc::clone(&self.in_flight);
        let length = u64::from(self.subject.geometry.length(index));
        if !self.may(peer, artifact, length) {
            return Err(Refusal::NotServed);
        }
        let bytes = self.store.read(artifact, index).await.map_err(|error| {
            if let ReadError::Failed(failure) = error {
                tracing::error!(%failure, "cannot read a piece that was asked for");
            }
            // That piece alone: the peer may have all others.
            Refusal::NotHad
        })?;
        Ok(Bytes::from_owner(InFlight { bytes, _in_flight: in_flight }))
    }

    fn landed(&self) -> mpsc::UnboundedReceiver<(Sha256, PieceIndex)> {
        let (tell, told) = mpsc::unbounded_channel();
        let (store, artifact) = (Arc::downgrade(&self.store), self.subject.artifact);
        let landing = Landing { landed: self.store.landed(), store, artifact };
        tokio::spawn(landing.tell(tell));
        told
    }
}

/// What lands of one artifact; it keeps no store open.
struct Landing<S> {
    store: Weak<S>,
    artifact: Sha256,
    landed: broadcast::Receiver<Landed>,
}

impl<S: PieceStore> Landing<S> {
    /// Tells of it until nobody listens.
    async fn tell(mut self, tell: mpsc::UnboundedSender<(Sha256, PieceIndex)>) {
        loop {
            let landed = tokio::select! {
                landed = self.landed.recv() => landed,
                () = tell.closed() => return,
            };
            let pieces = match landed {
                Ok(Landed::Piece(artifact, index)) if artifact == self.artifact => vec![index],
                Ok(_) => continue,
                // What was missed is among what is there.
                Err(RecvError::Lagged(_)) => self.there().await,
                Err(RecvError::Closed) => return,
            };
            // Whether anybody still listens is looked at next.
            for index in pieces {
                let _heard = tell.send((self.artifact, index));
            }
        }
    }

    async fn there(&self) -> Vec<PieceIndex> {
        let Some(store) = self.store.upgrade() else { return Vec::new() };
        let model = store.model(self.artifact).await.ok().flatten();
        model.map(|model| model.have.pieces(&model.geometry).collect()).unwrap_or_default()
    }
}
