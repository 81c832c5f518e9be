//! What is said of those who call.

use std::collections::BTreeSet;
use std::net::IpAddr;

use app::ports::{Refusal, ServeNews};
use verifier::identity::PeerId;

use crate::outcome::printable;

/// What is said of callers: of one who calls again and again in vain, once.
#[derive(Debug, Default)]
pub struct Callers {
    turned_away: BTreeSet<(IpAddr, String)>,
    /// Who asked for what it may not have, and was sent nothing since.
    refused: BTreeSet<PeerId>,
}

impl Callers {
    /// So many that were turned away are remembered.
    const MOST: usize = 64;

    /// What there is to say of it; `name` is what people call a peer.
    pub fn line(&mut self, news: ServeNews, name: impl Fn(PeerId) -> String) -> Option<String> {
        match news {
            ServeNews::TurnedAway { from, why } => {
                let line = format!("turned away a caller from {from}: {}", printable(&why));
                if self.turned_away.len() >= Self::MOST {
                    self.turned_away.clear();
                }
                self.turned_away.insert((from.ip(), why)).then_some(line)
            }
            ServeNews::Refused { peer, refusal: Refusal::NotServed } => {
                let line = || format!("{} asked for what you do not share with it now", name(peer));
                self.refused.insert(peer).then(line)
            }
            ServeNews::Called(peer) | ServeNews::Left(peer) if self.refused.contains(&peer) => None,
            ServeNews::Called(peer) => Some(format!("{} called", name(peer))),
            ServeNews::Left(peer) => Some(format!("{} left", name(peer))),
            ServeNews::Sent { peer, .. } => self
                .refused
                .remove(&peer)
                .then(|| format!("{} called and is sent what it asked for", name(peer))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use app::ports::{Refusal, ServeNews};
    use verifier::Sha256;
    use verifier::identity::SigningKey;

    use super::Callers;

    #[test]
    fn of_one_that_calls_again_and_again_in_vain_it_is_said_once() {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let mut callers = Callers::default();
        let mut line = |news| callers.line(news, |_| "gina".to_owned());
        let refused = ServeNews::Refused { peer, refusal: Refusal::NotServed };
        let asked = Some("gina asked for what you do not share with it now".to_owned());
        assert_eq!(line(ServeNews::Called(peer)).as_deref(), Some("gina called"));
        assert_eq!(line(refused.clone()), asked);
        for _ in 0..3 {
            for news in [ServeNews::Left(peer), ServeNews::Called(peer), refused.clone()] {
                assert_eq!(line(news), None);
            }
        }
        let sent = ServeNews::Sent { peer, artifact: Sha256::of(b"x"), bytes: 9 };
        let told = line(sent.clone());
        assert_eq!(told.as_deref(), Some("gina called and is sent what it asked for"));
        assert_eq!(line(sent), None);
        assert_eq!(line(ServeNews::Left(peer)).as_deref(), Some("gina left"));

        // Two strangers in turn are told once each.
        for told in [true, false, false] {
            for from in ["192.0.2.1:1", "192.0.2.2:1"] {
                let from = from.parse().unwrap();
                let why = "it is not paired with you".to_owned();
                assert_eq!(line(ServeNews::TurnedAway { from, why }).is_some(), told);
            }
        }
    }
}
