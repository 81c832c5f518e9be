//! Bytes that went out and were not told of yet.

use std::collections::BTreeMap;
use std::time::Duration;

use app::ports::ServeNews;
use tokio::time::Instant;
use verifier::Sha256;
use verifier::identity::PeerId;

/// Bytes that went out, told of together: whoever hears of them is woken each time.
#[derive(Debug)]
pub(super) struct Untold {
    bytes: BTreeMap<(PeerId, Sha256), u64>,
    sum: u64,
    /// When the first of them went out.
    since: Instant,
}

impl Untold {
    /// So many are told of at once,
    const MOST: u64 = 1 << 20;
    /// and fewer after so long.
    const AFTER: Duration = Duration::from_millis(2);

    pub(super) fn new() -> Self {
        Self { bytes: BTreeMap::new(), sum: 0, since: Instant::now() }
    }

    pub(super) fn add(&mut self, peer: PeerId, artifact: Sha256, bytes: u32) {
        if self.bytes.is_empty() {
            self.since = Instant::now();
        }
        let bytes = u64::from(bytes);
        let sum = self.bytes.entry((peer, artifact)).or_default();
        *sum = sum.saturating_add(bytes);
        self.sum = self.sum.saturating_add(bytes);
    }

    /// When they are to be told of, if there are any.
    pub(super) fn due(&self) -> Option<Instant> {
        let after = if self.sum < Self::MOST { Self::AFTER } else { Duration::ZERO };
        (!self.bytes.is_empty()).then(|| self.since + after)
    }

    /// All of them, which are told of with this.
    pub(super) fn take(&mut self) -> impl Iterator<Item = ServeNews> + use<> {
        self.sum = 0;
        let bytes = std::mem::take(&mut self.bytes).into_iter();
        bytes.map(|((peer, artifact), bytes)| ServeNews::Sent { peer, artifact, bytes })
    }
}

#[cfg(test)]
mod tests {
    use app::ports::ServeNews;
    use tokio::time::Instant;
    use verifier::Sha256;
    use verifier::identity::SigningKey;

    use super::Untold;

    #[tokio::test(start_paused = true)]
    async fn bytes_wait_for_a_moment_and_are_told_in_one_sum_a_peer_and_artifact() {
        let peer = |seed| SigningKey::from_seed([seed; 32]).public_key().peer_id();
        let (anna, ben) = (peer(1), peer(2));
        let (one, other) = (Sha256::of(b"one"), Sha256::of(b"other"));
        let mut untold = Untold::new();
        assert_eq!((untold.due(), untold.take().count()), (None, 0));

        let start = Instant::now();
        untold.add(anna, one, 7);
        tokio::time::advance(Untold::AFTER / 2).await;
        untold.add(anna, other, 5);
        untold.add(ben, one, 3);
        untold.add(anna, one, 1);
        assert_eq!(untold.due(), Some(start + Untold::AFTER));
        let told: Vec<_> = untold.take().collect();
        assert_eq!(told.len(), 3);
        for (peer, artifact, bytes) in [(anna, one, 8), (anna, other, 5), (ben, one, 3)] {
            assert!(told.contains(&ServeNews::Sent { peer, artifact, bytes }), "{told:?}");
        }
        assert_eq!((untold.due(), untold.take().count()), (None, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn many_bytes_do_not_wait() {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let mut untold = Untold::new();
        untold.add(peer, Sha256::of(b"one"), 1 << 20);
        assert_eq!(untold.due(), Some(Instant::now()));
    }
}
