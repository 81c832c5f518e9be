//! Callers that have not shown who they are: few at a time, fewer from one address, and the oldest
//! makes way first.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The handshakes that are not over, oldest first.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    from: IpAddr,
    make_way: Arc<Notify>,
}

impl Handshakes {
    /// The most handshakes at a time.
    pub(super) const MOST: usize = 32;
    /// The most of them that come from one address.
    pub(super) const MOST_OF_ONE: usize = 8;

    /// Takes in a caller until the result is dropped. Where there are too many, the oldest of that
    /// address makes way, or the oldest of all.
    pub(super) fn enter(this: &Arc<Self>, from: IpAddr) -> Handshaking {
        let from = origin(from);
        let mut waiting = this.lock();
        let of_one = waiting.iter().filter(|entry| entry.from == from).count();
        let oldest = if of_one >= Self::MOST_OF_ONE {
            waiting.iter().position(|entry| entry.from == from)
        } else {
            (waiting.len() >= Self::MOST).then_some(0)
        };
        if let Some(entry) = oldest.and_then(|place| waiting.remove(place)) {
            entry.make_way.notify_one();
        }
        let make_way = Arc::<Notify>::default();
        waiting.push_back(Entry { from, make_way: Arc::clone(&make_way) });
        Handshaking { all: Arc::clone(this), make_way }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one address: of IPv6, the network that one customer gets.
fn origin(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip @ IpAddr::V4(_) => ip,
    }
}

/// The place of one handshake.
#[derive(Debug)]
pub(super) struct Handshaking {
    all: Arc<Handshakes>,
    make_way: Arc<Notify>,
}

impl Handshaking {
    /// Resolves when the place is given to another caller.
    pub(super) async fn made_way(&self) {
        self.make_way.notified().await;
    }
}

impl Drop for Handshaking {
    fn drop(&mut self) {
        self.all.lock().retain(|entry| !Arc::ptr_eq(&entry.make_way, &self.make_way));
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use futures::FutureExt as _;

    use super::{Handshakes, Handshaking, origin};

    /// Whether it has to make way; it is told once.
    fn has_made_way(place: &Handshaking) -> bool {
        place.made_way().now_or_never().is_some()
    }

    #[test]
    fn one_address_keeps_nobody_else_out() {
        let all = Arc::default();
        let [crowd, other]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        let first = Handshakes::enter(&all, other);
        let many: Vec<_> = (0..100).map(|_| Handshakes::enter(&all, crowd)).collect();
        assert!(!has_made_way(&first));
        let stay = many.iter().rev().take_while(|place| !has_made_way(place)).count();
        assert_eq!(stay, Handshakes::MOST_OF_ONE);
        drop(many);
        assert_eq!(all.lock().len(), 1);
    }

    #[test]
    fn the_oldest_of_many_addresses_makes_way_first() {
        let all = Arc::default();
        let from = |host: u8| IpAddr::from([10, 0, 0, host]);
        let places: Vec<_> = (0..40).map(|host| Handshakes::enter(&all, from(host))).collect();
        let gone = places.iter().take_while(|place| has_made_way(place)).count();
        assert_eq!(gone, 40 - Handshakes::MOST);
        assert!(!places.iter().skip(gone).any(has_made_way));
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let ip = |text: &str| origin(text.parse().unwrap());
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:1"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
        assert_ne!(ip("10.0.0.1"), ip("10.0.0.2"));
    }
}
