//! What the program may use of the network.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{Bucket, Rate};
use tokio::sync::watch;

use crate::connection::Clock;

/// What the program may use of the network; every limit can be changed while connections are open.
#[derive(Debug)]
pub struct Limits {
    upload: AtomicU64,
    peer: AtomicU64,
    download: AtomicU64,
    connections: AtomicU32,
    handshakes: AtomicU32,
    in_flight: AtomicU64,
    connected: AtomicU32,
    /// Everything that is downloaded passes here.
    passing: Mutex<Bucket>,
    clock: Clock,
    changed: watch::Sender<()>,
}

impl Limits {
    /// The most connections unless set otherwise.
    pub const CONNECTIONS: u32 = 64;
    /// The most callers that have not said who they are, unless set otherwise.
    pub const HANDSHAKES: u32 = 32;
    /// The most bytes asked for and not yet kept unless set otherwise.
    pub const IN_FLIGHT: u64 = 32 << 20;

    /// No limit on bytes a second, and the default ones on everything else.
    pub fn new() -> Self {
        let clock = Clock::start();
        Self {
            upload: AtomicU64::new(0),
            peer: AtomicU64::new(0),
            download: AtomicU64::new(0),
            connections: AtomicU32::new(Self::CONNECTIONS),
            handshakes: AtomicU32::new(Self::HANDSHAKES),
            in_flight: AtomicU64::new(Self::IN_FLIGHT),
            connected: AtomicU32::new(0),
            passing: Mutex::new(Bucket::new(None, clock.now())),
            clock,
            changed: watch::Sender::new(()),
        }
    }

    /// The most bytes sent a second; 0 is no limit.
    pub fn upload(&self) -> u64 {
        self.upload.load(Ordering::Relaxed)
    }

    /// Sets the most bytes sent a second; 0 is no limit.
    pub fn set_upload(&self, bytes_a_second: u64) {
        self.upload.store(bytes_a_second, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// The most bytes sent a second to each peer; 0 is no limit.
    pub fn peer(&self) -> u64 {
        self.peer.load(Ordering::Relaxed)
    }

    /// Sets the most bytes sent a second to each peer; 0 is no limit.
    pub fn set_peer(&self, bytes_a_second: u64) {
        self.peer.store(bytes_a_second, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// The most bytes received a second; 0 is no limit.
    pub fn download(&self) -> u64 {
        self.download.load(Ordering::Relaxed)
    }

    /// Sets the most bytes received a second; 0 is no limit.
    pub fn set_download(&self, bytes_a_second: u64) {
        self.download.store(bytes_a_second, Ordering::Relaxed);
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.set(rate(bytes_a_second), self.clock.now());
        drop(passing);
        self.changed.send_replace(());
    }

    /// The most connections at a time, called and calling together.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sets the most connections; those that are open stay open.
    pub fn set_connections(&self, connections: u32) {
        self.connections.store(connections, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// The most callers at a time that have not said who they are, beside the connections.
    pub fn handshakes(&self) -> u32 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Sets the most callers at a time that have not said who they are.
    pub fn set_handshakes(&self, handshakes: u32) {
        self.handshakes.store(handshakes, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// The most bytes of pieces that an import has asked for and not yet kept; one piece at least,
    /// whatever the limit.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Sets the most bytes in flight; what is asked already stays asked.
    pub fn set_in_flight(&self, bytes: u64) {
        self.in_flight.store(bytes, Ordering::Relaxed);
        self.changed.send_replace(());
    }

    /// How many connections are open now.
    pub fn connected(&self) -> u32 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Hears of every change from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What an import may use.
    pub(crate) fn of_import(&self) -> engine::import::Limits {
        engine::import::Limits { in_flight: self.in_flight(), download: rate(self.download()) }
    }

    /// What callers may use, so many of which are counted in [`Self::connected`].
    pub(crate) fn of_uploads(&self, callers: u32) -> engine::upload::Limits {
        let others = self.connected().saturating_sub(callers);
        engine::upload::Limits {
            connections: self.connections().saturating_sub(others),
            handshakes: self.handshakes(),
            upload: rate(self.upload()),
            peer: rate(self.peer()),
        }
    }

    /// Takes one of the connections for a call, given back when the value is dropped.
    pub(crate) fn connect(self: &Arc<Self>) -> Option<Connected> {
        let most = self.connections();
        let relaxed = Ordering::Relaxed;
        let taken =
            self.connected.fetch_update(relaxed, relaxed, |open| (open < most).then_some(open + 1));
        taken.ok().map(|_| Connected(Arc::clone(self)))
    }

    /// Counts a caller, given back when the value is dropped; whether there is a place for it is
    /// decided elsewhere.
    pub(crate) fn count(self: &Arc<Self>) -> Connected {
        self.connected.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// How many bytes to receive at a time so that they flow evenly; nothing if there is no limit.
    pub(crate) fn portion(&self) -> Option<u32> {
        /// So that several connections share the rate.
        const MOST: u32 = 16 << 10;

        (self.download() != 0).then(|| {
            let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
            passing.portion(1).unwrap_or(MOST).clamp(1, MOST)
        })
    }

    /// Waits until so many bytes may have been received.
    pub(crate) async fn pass(&self, bytes: u32) {
        /// After how long it is looked again whether the limit was changed.
        const LOOK: Duration = Duration::from_millis(250);

        loop {
            let now = self.clock.now();
            let passing =
                self.passing.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, now);
            let Err(when) = passing else { return };
            tokio::time::sleep(when.since(now).min(LOOK)).await;
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// A limit as users set it, where 0 is none.
const fn rate(bytes_a_second: u64) -> Rate {
    NonZeroU64::new(bytes_a_second)
}

/// One connection, counted.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Limits>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Limits;

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_and_can_be_lifted_while_someone_waits() {
        let limits = Arc::new(Limits::new());
        let start = Instant::now();
        limits.pass(u32::MAX).await;
        assert_eq!((start.elapsed(), limits.portion()), (Duration::ZERO, None));

        limits.set_download(100_000);
        for _ in 0..100 {
            limits.pass(10_000).await;
        }
        let took = start.elapsed();
        assert!(
            took > Duration::from_millis(9_500) && took <= Duration::from_millis(10_500),
            "{took:?}"
        );

        limits.pass(100_000_000).await;
        let waiting = tokio::spawn({
            let limits = Arc::clone(&limits);
            async move { limits.pass(1).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        limits.set_download(0);
        tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap();
    }

    #[test]
    fn connections_are_counted_and_given_back() {
        let limits = Arc::new(Limits::new());
        limits.set_connections(2);
        let (one, two) = (limits.connect(), limits.connect());
        assert!(one.is_some() && two.is_some() && limits.connect().is_none());
        drop(one);
        assert_eq!(limits.connected(), 1);
        assert!(limits.connect().is_some());
    }

    #[test]
    fn callers_and_calls_share_the_connections() {
        let limits = Arc::new(Limits::new());
        limits.set_connections(3);
        let (_caller, _call) = (limits.count(), limits.connect().unwrap());
        assert_eq!(limits.of_uploads(1).connections, 2);
    }

    #[test]
    fn a_change_is_told() {
        let limits = Limits::new();
        let mut changes = limits.watch();
        limits.set_peer(1 << 20);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(limits.of_uploads(0).peer.unwrap().get(), 1 << 20);
    }
}
