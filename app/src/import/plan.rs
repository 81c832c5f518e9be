//! What an import will do, worked out before anyone is asked for anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use verifier::boundary::PeerAddress;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::manifest::Manifest;
use verifier::request::ImportRequest;
use verifier::scalars::{Id, UtcTime};
use verifier::{Bitfield, Geometry, Root, Sha256};

use super::ImportError;
use super::wanted::{Called, Wanted, fetch_limit};
use crate::consent::{Consent, open_grants};
use crate::lease::keeps_manifest;
use crate::ports::{
    Access, Begin, Clock as _, Journal as _, JournalError, KnownPeer, Liar, Lie, Outputs as _,
    PieceStore as _, Ports, ReserveError, Spend, Stem, Terms,
};

/// An import that could be made: what will move, from whom, where to. Only a person's consent is
/// missing.
#[derive(Debug, Clone)]
pub struct Plan {
    request: ImportRequest,
    manifest: Arc<Manifest>,
    wanted: Wanted,
    folder: PathBuf,
    stem: Stem,
    have: Bitfield,
    not_paired: Vec<PeerId>,
    blocked: Vec<KnownPeer>,
    banned: Vec<(KnownPeer, Lie)>,
    earlier: Vec<Id>,
}

impl Plan {
    /// Works out what the request means here. Nothing touches the network.
    ///
    /// # Errors
    ///
    /// [`ImportError`] if the output cannot be placed, pieces are kept under another manifest, no
    /// peer of the request is paired with this installation while pieces are missing, the store
    /// fails, or the consent log does not hold.
    pub async fn new<P: Ports>(
        ports: &P,
        request: ImportRequest,
        folder: PathBuf,
    ) -> Result<Self, ImportError> {
        let manifest = request.manifest();
        let chunking = manifest.chunking().ok_or(ImportError::NoChunking)?;
        let count = chunking.geometry.piece_count();
        let stem = Stem::new(manifest.model_id(), manifest.model_version());
        ports.outputs().check(&folder, &stem)?;
        let store = ports.store();
        let kept = store.model(manifest.artifact_sha256()).await.map_err(ImportError::Store)?;
        if let Some(kept) = &kept
            && kept.manifest_sha256 != manifest.sha256()
            && keeps_manifest(&**store, kept, manifest).await.map_err(ImportError::Store)?
        {
            let (model_id, model_version) = (kept.model_id.clone(), kept.model_version.clone());
            return Err(ReserveError::OtherManifest { model_id, model_version }.into());
        }
        let have = kept.map_or_else(|| Bitfield::empty(count), |kept| kept.have);
        let known = store.peers().await.map_err(ImportError::Store)?;
        let liars = store.liars().await.map_err(ImportError::Store)?;
        let now = ports.clock().now();
        let standing = ports.journal().standing(now).await?;
        let plan = Self::of(request, folder, have, &known, &liars)?;
        let acts = [Act::Fetch, Act::Import, Act::Cache];
        Ok(Self { earlier: open_grants(&standing, plan.artifact(), &acts, now), ..plan })
    }

    /// What the request means where these pieces are kept, these peers are known and these lied.
    ///
    /// # Errors
    ///
    /// [`ImportError::NoPairedPeer`] if no peer of the request is known while pieces are missing,
    /// and [`ImportError::NoChunking`] if there are no pieces.
    pub fn of(
        request: ImportRequest,
        folder: PathBuf,
        have: Bitfield,
        known: &[KnownPeer],
        liars: &BTreeMap<PeerId, Liar>,
    ) -> Result<Self, ImportError> {
        let manifest = Arc::new(request.manifest().clone());
        let chunking = manifest.chunking().ok_or(ImportError::NoChunking)?;
        let stem = Stem::new(manifest.model_id(), manifest.model_version());
        let (mut called, mut not_paired) = (Vec::new(), Vec::new());
        let (mut blocked, mut banned) = (Vec::new(), Vec::new());
        for offer in request.usable() {
            let liar = liars.get(&offer.peer_id());
            let ban = liar.filter(|liar| liar.is_banned).and_then(Liar::last);
            match known.iter().find(|peer| peer.id == offer.peer_id()) {
                Some(peer) if peer.access == Access::Blocked => blocked.push(peer.clone()),
                Some(peer) if ban.is_some() => {
                    banned.extend(ban.map(|lie| (peer.clone(), lie.clone())));
                }
                Some(peer) => called.push(Called {
                    id: peer.id,
                    label: peer.label.clone(),
                    addresses: all_of(offer.addresses(), &peer.addresses),
                    offered: offer.pieces(),
                    lied: liar.and_then(Liar::last).cloned(),
                }),
                None => not_paired.push(offer.peer_id()),
            }
        }
        if called.is_empty() && !have.is_full() {
            return Err(match (banned.into_iter().next(), blocked.first()) {
                (Some((peer, lie)), _) => ImportError::AllBanned(peer.label, Box::new(lie)),
                (None, Some(peer)) => ImportError::AllBlocked(peer.label.clone()),
                (None, None) => ImportError::NoPairedPeer,
            });
        }
        let wanted = Wanted {
            model_id: manifest.model_id().clone(),
            model_version: manifest.model_version().clone(),
            artifact: manifest.artifact_sha256(),
            geometry: chunking.geometry,
            root: chunking.root,
            called,
            begin: Begin::Front,
        };
        let earlier = Vec::new();
        Ok(Self {
            request,
            manifest,
            wanted,
            folder,
            stem,
            have,
            not_paired,
            blocked,
            banned,
            earlier,
        })
    }

    /// The same for an import that serves meanwhile: it begins in a part of its own.
    pub(super) fn in_own_part(mut self) -> Self {
        self.wanted.begin = Begin::OwnPart;
        self
    }

    /// What is fetched, and whom it may be asked of.
    pub(super) const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The request.
    pub const fn request(&self) -> &ImportRequest {
        &self.request
    }

    /// The manifest of what is imported.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) const fn manifest_arc(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The artifact's SHA-256.
    pub fn artifact(&self) -> Sha256 {
        self.manifest.artifact_sha256()
    }

    /// What an act of this import takes of a grant.
    pub(super) fn spend(&self, act: Act, peer: Option<PeerId>, bytes: u64) -> Spend {
        self.wanted.spend(act, peer, bytes)
    }

    /// How the artifact is cut.
    pub const fn geometry(&self) -> &Geometry {
        &self.wanted.geometry
    }

    /// The root over its pieces.
    pub const fn root(&self) -> Root {
        self.wanted.root
    }

    /// The folder that the output goes to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The output's names.
    pub const fn stem(&self) -> &Stem {
        &self.stem
    }

    /// The pieces that are kept already.
    pub const fn have(&self) -> &Bitfield {
        &self.have
    }

    /// Bytes that are missing and will be fetched.
    pub fn bytes_missing(&self) -> u64 {
        super::bytes_of(&self.have.complement(), self.geometry())
    }

    /// The peers that will be called.
    pub fn called(&self) -> &[Called] {
        &self.wanted.called
    }

    /// Peers of the request that this installation is not paired with.
    pub fn not_paired(&self) -> &[PeerId] {
        &self.not_paired
    }

    /// Peers of the request that the user has blocked.
    pub fn blocked(&self) -> &[KnownPeer] {
        &self.blocked
    }

    /// Peers of the request that are banned, and what each was caught at last.
    pub fn banned(&self) -> &[(KnownPeer, Lie)] {
        &self.banned
    }

    /// Grants of earlier imports of the artifact that have not ended: a yes to this one takes their
    /// place.
    pub fn earlier(&self) -> &[Id] {
        &self.earlier
    }

    /// What a yes to these acts means, in full: fetching from each peer, importing, caching.
    pub fn terms(&self, acts: &[Act], expires: UtcTime) -> Vec<Terms> {
        let total = self.geometry().byte_count();
        let mut all = Vec::new();
        for act in acts {
            match act {
                Act::Fetch => all.extend(self.wanted.fetch_terms(total, expires)),
                _ => all.push(Terms {
                    act: *act,
                    model_id: self.manifest.model_id().clone(),
                    artifact: self.artifact(),
                    scope: Scope::None,
                    byte_limit: total,
                    expires,
                }),
            }
        }
        all
    }

    /// The most bytes that each peer may be asked for.
    pub const fn fetch_limit(&self) -> u64 {
        fetch_limit(self.wanted.geometry.byte_count())
    }
}

/// The addresses of both, each once.
fn all_of(offered: &[PeerAddress], known: &[PeerAddress]) -> Vec<PeerAddress> {
    let mut all = offered.to_vec();
    all.extend(known.iter().filter(|address| !offered.contains(address)).cloned());
    all
}

/// A plan and the yes it needs: only this lets an import begin.
#[derive(Debug)]
pub struct Admitted {
    plan: Plan,
    consent: Consent,
}

impl Admitted {
    /// Puts the two together.
    ///
    /// # Errors
    ///
    /// [`ImportError::NoConsent`] if the yes is to another artifact, or not to fetching and
    /// importing. Where nothing is missing, nothing needs fetching.
    pub fn new(plan: Plan, consent: Consent) -> Result<Self, ImportError> {
        if consent.artifact() != plan.artifact() {
            return Err(ImportError::NoConsent(Act::Import));
        }
        let needed: &[Act] =
            if plan.have.is_full() { &[Act::Import] } else { &[Act::Fetch, Act::Import] };
        match needed.iter().find(|act| !consent.covers(**act)) {
            Some(act) => Err(ImportError::NoConsent(*act)),
            None => Ok(Self { plan, consent }),
        }
    }

    /// The plan.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes back what is left of the yes.
    pub(super) async fn take_back<P: Ports>(&self, ports: &P) -> Result<(), JournalError> {
        self.consent.take_back(&**ports.journal(), ports.clock().now()).await.map(|_| ())
    }

    /// Whether peers may be asked for pieces.
    pub(super) fn may_fetch(&self) -> bool {
        self.consent.covers(Act::Fetch)
    }

    /// Whether the pieces may stay in the store when the import is done.
    pub fn may_cache(&self) -> bool {
        self.consent.covers(Act::Cache)
    }
}
