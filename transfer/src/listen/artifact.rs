//! What is read for callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use app::ports::Provider;
use bytes::Bytes;
use engine::upload::Refusal;
use engine::wire::{DIGEST_LEN, DigestsHead};
use tokio::sync::OnceCell;
use verifier::identity::PeerId;
use verifier::merkle::{PieceTree, Proof};
use verifier::piece::PieceList;
use verifier::{PieceIndex, Sha256};

use super::telling;

/// An artifact that is open to a caller: its list, and the tree over it once a proof was wanted.
pub(super) struct Artifact {
    pub(super) sha256: Sha256,
    list: Arc<PieceList>,
    tree: OnceCell<Option<PieceTree>>,
}

impl Artifact {
    /// The digests of that part of the list, one behind the other.
    pub(super) fn digests(&self, head: DigestsHead) -> Bytes {
        let (first, count) = (head.first as usize, head.count as usize);
        let digests = self.list.digests().get(first..).unwrap_or_default().iter().take(count);
        let mut bytes = Vec::with_capacity(count * DIGEST_LEN as usize);
        digests.for_each(|digest| bytes.extend_from_slice(digest.as_bytes()));
        bytes.into()
    }

    pub(super) fn index(&self, index: u32) -> Option<PieceIndex> {
        self.list.geometry().index(index)
    }

    async fn proof(&self, index: PieceIndex) -> Option<Proof> {
        let tree = self.tree.get_or_init(async || {
            let list = Arc::clone(&self.list);
            let plant = move || PieceTree::new(list.root().algorithm(), list.digests());
            tokio::task::spawn_blocking(plant).await.ok().flatten()
        });
        tree.await.as_ref()?.proof(index.get())
    }
}

/// The artifacts that are open to any caller, so that each has one tree.
#[derive(Default)]
pub(super) struct Artifacts(BTreeMap<Sha256, Weak<Artifact>>);

impl Artifacts {
    pub(super) fn open(&mut self, sha256: Sha256, list: Arc<PieceList>) -> Arc<Artifact> {
        if let Some(open) = self.0.get(&sha256).and_then(Weak::upgrade) {
            return open;
        }
        self.0.retain(|_, artifact| artifact.strong_count() > 0);
        let artifact = Arc::new(Artifact { sha256, list, tree: OnceCell::new() });
        self.0.insert(sha256, Arc::downgrade(&artifact));
        artifact
    }
}

/// A piece that was read, and waits to be sent.
pub(super) struct Ready {
    pub(super) bytes: Bytes,
    /// Its proof, one sibling behind the other.
    pub(super) proof: Bytes,
}

/// What one ask is about.
pub(super) struct Ask {
    pub(super) peer: PeerId,
    pub(super) artifact: Arc<Artifact>,
    pub(super) index: PieceIndex,
    pub(super) proven: bool,
}

impl Ask {
    /// Reads the piece, its grant checked, and makes its proof if that is wanted.
    pub(super) async fn read(&self, provider: &impl Provider) -> Result<Ready, Refusal> {
        let artifact = &self.artifact;
        let piece = provider.piece(self.peer, artifact.sha256, self.index).await;
        let bytes = piece.map_err(telling::heard)?;
        if bytes.len() != artifact.list.geometry().length(self.index) as usize {
            tracing::error!(
                index = self.index.get(),
                found = bytes.len(),
                "a piece has a wrong length"
            );
            return Err(Refusal::Failed);
        }
        let proof = match self.proven {
            true => artifact.proof(self.index).await.ok_or(Refusal::Failed)?.siblings().concat(),
            false => Vec::new(),
        };
        Ok(Ready { bytes, proof: proof.into() })
    }
}
