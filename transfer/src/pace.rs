//! Deadlines, limits on bytes a second and on connections, and how fast a peer is.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::MIN_BLOCK;

/// How long an address may take to accept a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// After how long the next address of a peer is tried beside those that have not answered yet.
pub(crate) const STAGGER: Duration = Duration::from_millis(250);
/// How long a name may take to be resolved.
pub(crate) const RESOLVE: Duration = Duration::from_secs(5);
/// How long a handshake may take, and the hello after it.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a peer may take to open an artifact, or to send one more part of the piece list.
pub(crate) const OPEN: Duration = Duration::from_secs(15);
/// How much longer the whole piece list may take for each of its parts.
pub(crate) const LIST_FRAME: Duration = Duration::from_secs(5);
/// After how long a side that has nothing to say says that it is there.
pub(crate) const STAY: Duration = Duration::from_secs(30);
/// After how long of silence a caller is hung up on.
pub(crate) const IDLE: Duration = Duration::from_secs(120);
/// How long one block may take to be sent.
pub(crate) const SEND: Duration = Duration::from_secs(60);
/// How long a peer may be silent before it is left with one ask.
pub(crate) const SNUB: Duration = Duration::from_secs(4);
/// How long a peer may be silent before it is hung up on.
pub(crate) const DROP: Duration = Duration::from_secs(15);

/// What the program may use of the network; every limit can be changed while sessions run.
#[derive(Debug)]
pub struct Limits {
    pub(crate) upload: Bucket,
    pub(crate) download: Bucket,
    peer: AtomicU64,
    connections: AtomicU32,
    handshakes: AtomicU32,
    connected: AtomicU32,
    in_flight: AtomicU64,
}

impl Limits {
    /// The most connections unless set otherwise.
    pub const CONNECTIONS: u32 = 64;
    /// The most callers that have not said who they are, unless set otherwise.
    pub const HANDSHAKES: u32 = 32;
    /// The most bytes asked for and not yet kept unless set otherwise.
    pub const IN_FLIGHT: u64 = 32 << 20;

    /// No limit on bytes a second, and the default ones on connections and bytes in flight.
    pub fn new() -> Self {
        Self {
            upload: Bucket::default(),
            download: Bucket::default(),
            peer: AtomicU64::new(0),
            connections: AtomicU32::new(Self::CONNECTIONS),
            handshakes: AtomicU32::new(Self::HANDSHAKES),
            connected: AtomicU32::new(0),
            in_flight: AtomicU64::new(Self::IN_FLIGHT),
        }
    }

    /// The most bytes sent a second; 0 is no limit.
    pub fn upload(&self) -> u64 {
        self.upload.rate.load(Ordering::Relaxed)
    }

    /// Sets the most bytes sent a second; 0 is no limit.
    pub fn set_upload(&self, bytes_a_second: u64) {
        self.upload.rate.store(bytes_a_second, Ordering::Relaxed);
    }

    /// The most bytes sent a second to each peer; 0 is no limit.
    pub fn peer(&self) -> u64 {
        self.peer.load(Ordering::Relaxed)
    }

    /// Sets the most bytes sent a second to each peer; 0 is no limit.
    pub fn set_peer(&self, bytes_a_second: u64) {
        self.peer.store(bytes_a_second, Ordering::Relaxed);
    }

    /// The most bytes received a second; 0 is no limit.
    pub fn download(&self) -> u64 {
        self.download.rate.load(Ordering::Relaxed)
    }

    /// Sets the most bytes received a second; 0 is no limit.
    pub fn set_download(&self, bytes_a_second: u64) {
        self.download.rate.store(bytes_a_second, Ordering::Relaxed);
    }

    /// The most connections at a time, called and calling together.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sets the most connections; those that are open stay open.
    pub fn set_connections(&self, connections: u32) {
        self.connections.store(connections, Ordering::Relaxed);
    }

    /// The most callers at a time that have not said who they are, beside the connections.
    pub fn handshakes(&self) -> u32 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Sets the most callers at a time that have not said who they are.
    pub fn set_handshakes(&self, handshakes: u32) {
        self.handshakes.store(handshakes, Ordering::Relaxed);
    }

    /// The most bytes of pieces that an import has asked for and not yet kept.
    ///
    /// Every peer may be asked for two pieces whatever the limit.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Sets the most bytes in flight; what is asked already stays asked.
    pub fn set_in_flight(&self, bytes: u64) {
        self.in_flight.store(bytes, Ordering::Relaxed);
    }

    /// How many connections are open now.
    pub fn connected(&self) -> u32 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Takes one of the connections, given back when the value is dropped.
    pub(crate) fn connect(self: &Arc<Self>) -> Option<Connected> {
        let most = self.connections();
        self.connected
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < most).then_some(open + 1)
            })
            .ok()
            .map(|_| Connected(Arc::clone(self)))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// One connection, counted.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Limits>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a number of bytes through a second, and a quarter of a second's worth at once.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    rate: AtomicU64,
    spent: Mutex<Option<Instant>>,
}

impl Bucket {
    /// The most bytes that are moved at a time.
    const SIP: u32 = 16 << 10;
    /// How long bytes may be saved up.
    const BURST: Duration = Duration::from_millis(250);
    /// After how long a waiting caller looks whether the limit was changed.
    const LOOK: Duration = Duration::from_millis(250);

    /// How many bytes to move at a time so that they flow evenly; nothing if there is no limit.
    pub(crate) fn sip(&self) -> Option<u32> {
        let rate = self.rate.load(Ordering::Relaxed);
        let burst = u32::try_from(rate / 4).unwrap_or(u32::MAX);
        (rate != 0).then(|| burst.clamp(MIN_BLOCK, Self::SIP))
    }

    /// Waits until so many bytes may pass.
    pub(crate) async fn take(&self, bytes: u32) {
        while let Err(wait) = self.try_take(bytes, Instant::now()) {
            tokio::time::sleep(wait.min(Self::LOOK)).await;
        }
    }

    /// Takes the bytes, or says how long to wait.
    ///
    /// `spent` is the time by which all that has passed would have passed at the limit: bytes
    /// pass while that is not in the future.
    fn try_take(&self, bytes: u32, now: Instant) -> Result<(), Duration> {
        let rate = self.rate.load(Ordering::Relaxed);
        if rate == 0 {
            return Ok(());
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(Self::BURST).unwrap_or(now);
        let from = spent.unwrap_or(earliest).max(earliest);
        if from > now {
            return Err(from - now);
        }
        let micros = u64::from(bytes) * 1_000_000 / rate;
        *spent = Some(from + Duration::from_micros(micros));
        Ok(())
    }
}

/// When something last came. So few bytes that a piece of them would take for ever are nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    since: Instant,
    bytes: u64,
}

impl Progress {
    /// Fewer bytes than this are nothing until there are more of them.
    const LEAST: u64 = 4 << 10;

    pub(crate) const fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Bytes came.
    pub(crate) const fn add(&mut self, bytes: u64, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= Self::LEAST {
            *self = Self::new(now);
        }
    }

    /// For how long nothing has come.
    pub(crate) fn still(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Nothing could come since then, because this side was busy.
    pub(crate) fn excuse(&mut self, since: Instant, now: Instant) {
        self.since = (self.since + now.saturating_duration_since(since)).min(now);
    }
}

/// How fast bytes came over the last second or two, not counting time in which none were awaited.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    now: Window,
    before: Window,
    mark: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    bytes: u64,
    micros: u64,
}

impl Meter {
    const WINDOW: u64 = 1_000_000;
    /// Under this time, in microseconds, there is nothing to go by.
    const LEAST: u64 = 2_000;

    /// Bytes are awaited from now on.
    pub(crate) const fn resume(&mut self, now: Instant) {
        self.mark = Some(now);
    }

    /// No bytes are awaited from now on.
    pub(crate) const fn pause(&mut self) {
        self.mark = None;
    }

    /// Bytes came.
    pub(crate) fn add(&mut self, bytes: u64, now: Instant) {
        self.now.bytes += bytes;
        self.now.micros += self.silent(now).map_or(0, micros);
        self.mark = Some(now);
        if self.now.micros >= Self::WINDOW {
            self.before = std::mem::take(&mut self.now);
        }
    }

    /// For how long bytes have been awaited in vain; nothing while none are awaited.
    pub(crate) fn silent(&self, now: Instant) -> Option<Duration> {
        self.mark.map(|mark| now.saturating_duration_since(mark))
    }

    /// Bytes a second; nothing while there is too little to go by.
    pub(crate) fn rate(&self, now: Instant) -> Option<u64> {
        let waited = self.silent(now).map_or(0, micros);
        let time = self.now.micros + self.before.micros + waited;
        if time < Self::LEAST {
            return None;
        }
        let bytes = u128::from(self.now.bytes + self.before.bytes);
        u64::try_from(bytes * 1_000_000 / u128::from(time)).ok()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Bucket, Limits, MIN_BLOCK, Meter};

    #[tokio::test(start_paused = true)]
    async fn a_rate_holds_and_can_be_lifted_while_someone_waits() {
        let limits = Arc::new(Limits::new());
        let start = Instant::now();
        limits.upload.take(u32::MAX).await;
        assert_eq!(start.elapsed(), Duration::ZERO);

        assert_eq!(limits.upload.sip(), None);
        limits.set_upload(100_000);
        assert_eq!(limits.upload.sip(), Some(Bucket::SIP));
        for _ in 0..100 {
            limits.upload.take(10_000).await;
        }
        let took = start.elapsed();
        assert!(took > Duration::from_secs(9) && took < Duration::from_secs(11), "{took:?}");

        limits.upload.take(100_000_000).await;
        let waiting = tokio::spawn({
            let limits = Arc::clone(&limits);
            async move { limits.upload.take(1).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        limits.set_upload(0);
        tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap();
    }

    #[test]
    fn under_a_low_limit_many_sessions_move_little_at_a_time() {
        let limits = Limits::new();
        limits.set_upload(20 << 10);
        assert_eq!(limits.upload.sip(), Some(5 << 10));
        limits.set_upload(1);
        assert_eq!(limits.upload.sip(), Some(MIN_BLOCK));
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
    fn a_meter_counts_only_the_time_in_which_bytes_are_awaited() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut meter = Meter::default();
        meter.resume(at(0));
        assert_eq!(meter.rate(at(0)), None);
        meter.add(1_000, at(100));
        assert_eq!(meter.rate(at(100)), Some(10_000));
        meter.pause();
        assert_eq!(meter.rate(at(9_000)), Some(10_000));
        assert_eq!(meter.silent(at(9_000)), None);
        meter.resume(at(9_000));
        assert_eq!(meter.silent(at(9_900)), Some(Duration::from_millis(900)));
        assert_eq!(meter.rate(at(9_900)), Some(1_000));
    }
}
