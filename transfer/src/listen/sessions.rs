//! The sessions of peers that called: so many a peer, within the limit on connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use verifier::identity::PeerId;

use crate::pace::{Connected, Limits, SNUB};

/// The sessions of every peer.
#[derive(Debug)]
pub(super) struct Sessions {
    limits: Arc<Limits>,
    peers: Mutex<HashMap<PeerId, Vec<Place>>>,
}

/// One session of a peer.
#[derive(Debug)]
struct Place {
    active: Arc<Mutex<Instant>>,
    make_way: Arc<Notify>,
    _connected: Connected,
}

/// Why a peer gets no session now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Busy {
    /// It has as many as a peer may have, and uses them all.
    #[error("has {} sessions already, and uses them all", Sessions::A_PEER)]
    Peer,
    /// All connections are taken.
    #[error("was told that this machine is busy: it has as many connections as it may have")]
    Connections,
}

impl Sessions {
    /// The most sessions that one peer may have at a time.
    pub(super) const A_PEER: usize = 2;

    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self { limits, peers: Mutex::default() }
    }

    /// Counts a session of the peer until the result is dropped. Where there is no place for it,
    /// the peer's session that has been silent for longest makes way, if one has been for a while.
    pub(super) fn enter(this: &Arc<Self>, peer: PeerId) -> Result<Entered, Busy> {
        let now = Instant::now();
        let mut peers = this.lock();
        let places = peers.entry(peer).or_default();
        let entered = (|| {
            if places.len() >= Self::A_PEER {
                make_way(places, now).ok_or(Busy::Peer)?;
            }
            let connected = this.limits.connect().or_else(|| {
                make_way(places, now)?;
                this.limits.connect()
            });
            let connected = connected.ok_or(Busy::Connections)?;
            let (active, make_way) = (Arc::new(Mutex::new(now)), Arc::<Notify>::default());
            let entered = Entered {
                all: Arc::clone(this),
                peer,
                active: Arc::clone(&active),
                make_way: Arc::clone(&make_way),
            };
            places.push(Place { active, make_way, _connected: connected });
            Ok(entered)
        })();
        if places.is_empty() {
            peers.remove(&peer);
        }
        entered
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Vec<Place>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the session that has been silent for longest; nothing if each was active just now.
fn make_way(places: &mut Vec<Place>, now: Instant) -> Option<()> {
    let active = |place: &Place| *place.active.lock().unwrap_or_else(PoisonError::into_inner);
    let (oldest, since) = places.iter().map(active).enumerate().min_by_key(|(_, since)| *since)?;
    let is_silent = now.saturating_duration_since(since) >= SNUB;
    is_silent.then(|| places.remove(oldest).make_way.notify_one())
}

/// One session, counted.
#[derive(Debug)]
pub(super) struct Entered {
    all: Arc<Sessions>,
    peer: PeerId,
    active: Arc<Mutex<Instant>>,
    make_way: Arc<Notify>,
}

impl Entered {
    /// Something was heard from the peer, or taken by it.
    pub(super) fn moves(&self) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Resolves when the place is given to another session of the peer.
    pub(super) async fn made_way(&self) {
        self.make_way.notified().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut peers = self.all.lock();
        if let Some(places) = peers.get_mut(&self.peer) {
            places.retain(|place| !Arc::ptr_eq(&place.active, &self.active));
            if places.is_empty() {
                peers.remove(&self.peer);
            }
        }
    }
}
