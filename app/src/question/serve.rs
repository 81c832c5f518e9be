//! The question whether peers may have a model.

use std::net::SocketAddr;
use std::path::Path;

use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::manifest::Manifest;
use verifier::scalars::UtcTime;

use super::{Older, Question};
use crate::naming::short_peer;
use crate::ports::{KnownPeer, Standing, Terms};
use crate::quantity::Size;

/// What a grant to serve allows each peer where nothing is said, as a multiple of the model's size:
/// what was lost on the way is asked for again.
const SERVE_FACTOR: u64 = 2;

/// What is to be served, where, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct Serving<'a> {
    /// The model's manifest.
    pub manifest: &'a Manifest,
    /// Where calls are taken.
    pub listen: SocketAddr,
    /// Who may have it.
    pub peers: &'a [KnownPeer],
    /// Everybody whom the user is paired with, for their names.
    pub known: &'a [KnownPeer],
    /// Every grant of the log.
    pub standing: &'a [Standing],
    /// Now.
    pub now: UtcTime,
    /// The offer that will be written, if one will.
    pub offer: Option<Told<'a>>,
}

/// A file that tells whoever gets it where this machine is called.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The file.
    pub file: &'a Path,
    /// The addresses in it.
    pub places: &'a str,
}

impl Serving<'_> {
    /// The earlier grants under which anybody may have the model as well, now or later.
    fn older(&self) -> impl Iterator<Item = Older> {
        let is_older = |standing: &&Standing| {
            let grant = &standing.grant;
            standing.is_open(self.now)
                && grant.act() == Act::Serve
                && grant.artifact_sha256() == self.manifest.artifact_sha256()
                && grant.model_id() == self.manifest.model_id()
        };
        self.standing.iter().filter(is_older).map(|standing| Older {
            grant: standing.grant.id().clone(),
            what: format!(
                "{} may have it {}until {}, {} left, by an earlier yes",
                self.whom(standing.grant.scope()),
                standing.begins(self.now).map(|from| format!("from {from} ")).unwrap_or_default(),
                standing.grant.expires(),
                Size(standing.left())
            ),
        })
    }

    fn whom(&self, scope: Scope) -> String {
        match scope {
            Scope::Peer(peer) => self.name(peer),
            Scope::AnyPaired => "any paired peer".to_owned(),
            Scope::None => "nobody".to_owned(),
        }
    }

    fn name(&self, peer: PeerId) -> String {
        match self.known.iter().find(|known| known.id == peer) {
            Some(known) => format!("{} ({})", known.label, short_peer(peer)),
            None => short_peer(peer),
        }
    }
}

impl Question {
    /// Asks whether the peers may have the model, each so many bytes; twice the model's size where
    /// `limit` is `None`.
    ///
    /// Everybody is named to whom the model will be open, those of earlier grants among them.
    pub fn serve(
        serving: &Serving<'_>,
        limit: Option<u64>,
        until: UtcTime,
        stop: impl Into<String>,
    ) -> Self {
        let Serving { manifest, listen, peers, offer, .. } = serving;
        let size = manifest.byte_count();
        let limit = limit.unwrap_or(size.saturating_mul(SERVE_FACTOR));
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let what = format!("Serve {name} ({}) on {listen}", Size(size));
        let bytes = format!("at most {} to each peer", Size(limit));
        let terms = peers.iter().map(|peer| Terms {
            act: Act::Serve,
            model_id: manifest.model_id().clone(),
            artifact: manifest.artifact_sha256(),
            scope: Scope::Peer(peer.id),
            byte_limit: limit,
            expires: until,
        });
        let terms = terms.collect();
        let told = offer.map(|Told { file, places }| {
            let says = format!("which says your peer id, that you have the model, and {places}");
            ("offer", format!("{}, {says}", file.display()))
        });
        Self {
            required: vec![Act::Serve],
            peers: peers.iter().map(|peer| serving.name(peer.id)).collect(),
            facts: told.into_iter().collect(),
            older: serving.older().collect(),
            ..Self::about(manifest, what, bytes, until, stop.into(), terms)
        }
    }
}
