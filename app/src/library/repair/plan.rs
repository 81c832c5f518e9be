//! What a repair will do, worked out before anyone is asked for anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::manifest::Manifest;
use verifier::piece::Source;
use verifier::scalars::{Id, UtcTime};
use verifier::{Bitfield, Sha256};

use super::RepairError;
use crate::consent::open_grants;
use crate::import::bytes_of;
use crate::import::wanted::{Called, Wanted, fetch_limit};
use crate::lease::reservation;
use crate::library::read_manifest;
use crate::ports::{
    Access, Begin, Clock as _, Evictable, Journal as _, KnownPeer, Liar, Lie, Model,
    PieceStore as _, Ports, Standing, Terms,
};
use crate::sources::sources;

/// Whom a repair calls.
#[derive(Debug, Clone)]
pub enum Whom {
    /// These paired peers.
    These(Vec<PeerId>),
    /// Every paired peer that is known to have had the model: it gave pieces of it, the user once
    /// agreed to fetch it from there, or it took pieces of it from here.
    Known,
}

/// A repair that could be made. Only a person's consent is missing.
#[derive(Debug, Clone)]
pub struct Plan {
    manifest: Arc<Manifest>,
    wanted: Wanted,
    have: Bitfield,
    banned: Vec<(KnownPeer, Lie)>,
    earlier: Vec<Id>,
    evicted: Vec<Evictable>,
}

impl Plan {
    /// Works out what is to be fetched of a model, as it stands now, and from whom. Nothing touches
    /// the network, and nothing is read again: whoever wants to know what is bad checks first.
    ///
    /// # Errors
    ///
    /// [`RepairError`] if nothing is missing, the manifest is not sound any more, nobody can be
    /// called, there is no room, the store fails, or the consent log does not hold.
    pub async fn new<P: Ports>(
        ports: &P,
        artifact: Sha256,
        whom: &Whom,
    ) -> Result<Self, RepairError> {
        let store = ports.store();
        let model = store.model(artifact).await.map_err(RepairError::Store)?;
        let model = model.ok_or(RepairError::Forgotten)?;
        if model.have.is_full() {
            return Err(RepairError::Whole);
        }
        let manifest = store.manifest(artifact).await.map_err(RepairError::Store)?;
        let manifest = manifest.ok_or(RepairError::LacksManifest)?;
        let manifest = read_manifest(&manifest).map_err(|_| RepairError::LacksManifest)?;
        let now = ports.clock().now();
        let standing = ports.journal().standing(now).await?;
        let known = store.peers().await.map_err(RepairError::Store)?;
        let liars = store.liars().await.map_err(RepairError::Store)?;
        let meant = match whom {
            Whom::These(peers) => peers.iter().copied().collect(),
            Whom::Known => {
                let sources = sources(&**store, artifact, &model.geometry).await;
                let sources = sources.map_err(RepairError::Store)?.map(|(_, source)| source);
                known_to_have(sources, &standing, artifact)
            }
        };
        let reservation = reservation(&manifest, model.geometry, model.root, None);
        let plan = Self::of(model, manifest, &meant, &known, &liars)?;
        let evicted = store.would_reserve(reservation).await?;
        let earlier = open_grants(&standing, artifact, &[Act::Fetch], now);
        Ok(Self { earlier, evicted, ..plan })
    }

    /// What a repair of the model means where these peers are known, of whom these are meant, and
    /// these lied.
    ///
    /// # Errors
    ///
    /// [`RepairError`] if nobody can be called.
    pub fn of(
        model: Model,
        manifest: Arc<Manifest>,
        meant: &BTreeSet<PeerId>,
        known: &[KnownPeer],
        liars: &BTreeMap<PeerId, Liar>,
    ) -> Result<Self, RepairError> {
        let Chosen { called, banned } = choose(meant, known, liars, &model)?;
        let wanted = Wanted {
            model_id: model.model_id,
            model_version: model.model_version,
            artifact: model.artifact,
            geometry: model.geometry,
            root: model.root,
            called,
            begin: Begin::Front,
        };
        let (earlier, evicted) = (Vec::new(), Vec::new());
        Ok(Self { manifest, wanted, have: model.have, banned, earlier, evicted })
    }

    /// The manifest of the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The pieces that are kept and sound, as far as is known.
    pub const fn have(&self) -> &Bitfield {
        &self.have
    }

    /// How many pieces will be fetched.
    pub fn pieces_missing(&self) -> u32 {
        self.have.complement().count()
    }

    /// Bytes that will be fetched.
    pub fn bytes_missing(&self) -> u64 {
        bytes_of(&self.have.complement(), &self.wanted.geometry)
    }

    /// The most bytes that each peer may be asked for.
    pub fn fetch_limit(&self) -> u64 {
        fetch_limit(self.bytes_missing())
    }

    /// The peers that will be called.
    pub fn called(&self) -> &[Called] {
        &self.wanted.called
    }

    /// Peers that are known to have the model but are banned, and what each was caught at last.
    pub fn banned(&self) -> &[(KnownPeer, Lie)] {
        &self.banned
    }

    /// What would be given up to make room.
    pub fn evicted(&self) -> &[Evictable] {
        &self.evicted
    }

    /// Grants to fetch the artifact that have not ended: a yes to this one takes their place.
    pub fn earlier(&self) -> &[Id] {
        &self.earlier
    }

    /// What a yes means, in full: fetching from each peer.
    pub fn terms(&self, expires: UtcTime) -> Vec<Terms> {
        self.wanted.fetch_terms(self.bytes_missing(), expires).collect()
    }
}

/// Who gave the model, was to give it, or took it, whatever became of them since.
fn known_to_have(
    sources: impl Iterator<Item = Source>,
    standing: &[Standing],
    artifact: Sha256,
) -> BTreeSet<PeerId> {
    let gave = sources.filter_map(|source| match source {
        Source::Peer(peer) => Some(peer),
        Source::Local => None,
    });
    let agreed = standing.iter().filter_map(|standing| match standing.grant.scope() {
        _ if standing.grant.artifact_sha256() != artifact => None,
        Scope::Peer(peer) if standing.grant.act() == Act::Fetch => Some(peer),
        Scope::Peer(peer) if standing.grant.act() == Act::Serve && standing.used > 0 => Some(peer),
        _ => None,
    });
    gave.chain(agreed).collect()
}

/// Whom to call, and who is banned.
struct Chosen {
    called: Vec<Called>,
    banned: Vec<(KnownPeer, Lie)>,
}

/// Of those that are meant, whom to call, and who is banned; blocked ones are left out.
fn choose(
    meant: &BTreeSet<PeerId>,
    known: &[KnownPeer],
    liars: &BTreeMap<PeerId, Liar>,
    model: &Model,
) -> Result<Chosen, RepairError> {
    let (mut called, mut banned) = (Vec::new(), Vec::new());
    let (mut blocked, mut nowhere) = (None, None);
    for peer in known.iter().filter(|peer| meant.contains(&peer.id)) {
        let liar = liars.get(&peer.id);
        let lied = liar.and_then(Liar::last).cloned();
        match (liar.is_some_and(|liar| liar.is_banned), lied) {
            _ if peer.access == Access::Blocked => blocked = Some(peer.label.clone()),
            (true, Some(lie)) => banned.push((peer.clone(), lie)),
            _ if peer.addresses.is_empty() => nowhere = Some(peer.label.clone()),
            (_, lied) => called.push(Called {
                id: peer.id,
                label: peer.label.clone(),
                addresses: peer.addresses.clone(),
                offered: Bitfield::full(model.geometry.piece_count()),
                lied,
            }),
        }
    }
    if !called.is_empty() {
        return Ok(Chosen { called, banned });
    }
    Err(match (nowhere, banned.into_iter().next(), blocked) {
        (Some(label), ..) => RepairError::NoAddress(label),
        (_, Some((peer, lie)), _) => RepairError::Banned(peer.label, Box::new(lie)),
        (_, _, Some(label)) => RepairError::Blocked(label),
        (None, None, None) => RepairError::NobodyKnown,
    })
}
