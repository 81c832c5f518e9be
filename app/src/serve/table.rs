//! What lies ready for callers, behind the consent log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::piece::PieceList;
use verifier::scalars::Label;
use verifier::{PieceIndex, Sha256};

use super::ServeError;
use crate::ports::{
    Clock, Journal, Model, Opened, PieceStore, Ports, ReadError, Refusal, Shelf, Spend,
};

/// What lies ready for callers: one artifact of the library, behind the consent log.
pub(super) struct Table<S, J, C> {
    store: Arc<S>,
    journal: Arc<J>,
    clock: C,
    model: Model,
    list: Arc<PieceList>,
    /// Shared with every piece that was given out and is not sent yet.
    lent: Arc<()>,
}

/// A piece on its way.
struct Lent {
    bytes: Bytes,
    _lent: Arc<()>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<S: PieceStore, J: Journal, C: Clock + Clone> Table<S, J, C> {
    pub(super) async fn new<P>(ports: &P, artifact: Sha256) -> Result<Self, ServeError>
    where
        P: Ports<Store = S, Journal = J, Clock = C>,
    {
        let store = Arc::clone(ports.store());
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
        Ok(Self {
            store,
            journal: Arc::clone(ports.journal()),
            clock: ports.clock().clone(),
            model,
            list,
            lent: Arc::default(),
        })
    }

    /// What is served.
    pub(super) const fn model(&self) -> &Model {
        &self.model
    }

    /// Whether a piece is on its way.
    pub(super) fn is_lending(&self) -> bool {
        Arc::strong_count(&self.lent) > 1
    }

    /// The length of the shortest piece, in bytes.
    pub(super) fn least_piece(&self) -> u64 {
        let geometry = self.list.geometry();
        let last = geometry.index(geometry.piece_count().saturating_sub(1));
        u64::from(last.map_or(0, |last| geometry.length(last)))
    }

    /// Checks the grant and holds the bytes, which count once they went out. Another artifact than
    /// this one is never granted, and a peer that was forgotten or blocked meanwhile is granted
    /// nothing.
    fn may(&self, peer: PeerId, artifact: Sha256, bytes: u64) -> bool {
        if artifact != self.model.artifact || !self.knows(peer) {
            return false;
        }
        let model_id = self.model.model_id.clone();
        let spend = Spend { act: Act::Serve, model_id, artifact, peer: Some(peer), bytes };
        self.journal.hold(&spend, self.clock.now()).is_ok()
    }
}

impl<S: PieceStore, J: Journal, C: Clock + Clone> Shelf for Table<S, J, C> {
    fn knows(&self, peer: PeerId) -> bool {
        self.store.lets_in(peer)
    }

    async fn label(&self, peer: PeerId) -> Option<Label> {
        let known = self.store.peers().await.unwrap_or_default();
        known.into_iter().find(|known| known.id == peer).map(|known| known.label)
    }

    async fn open(&self, peer: PeerId, artifact: Sha256) -> Option<Opened> {
        self.grants(peer, artifact).then_some(())?;
        let have = self.store.model(artifact).await.ok()??.have;
        Some(Opened { list: Arc::clone(&self.list), have })
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
        let lent = Arc::clone(&self.lent);
        let length = u64::from(self.list.geometry().length(index));
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
        Ok(Bytes::from_owner(Lent { bytes, _lent: lent }))
    }

    fn landed(&self) -> mpsc::UnboundedReceiver<(Sha256, PieceIndex)> {
        mpsc::unbounded_channel().1
    }
}
