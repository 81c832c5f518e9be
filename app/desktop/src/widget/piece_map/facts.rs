//! What is known of one piece, and the same in words.

use app::ports::Day;
use verifier::PieceIndex;
use verifier::identity::PeerId;
use verifier::piece::Source;
use verifier::scalars::UtcTime;

use super::piece::State;
use crate::words;

/// All that is known of one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which piece.
    pub index: PieceIndex,
    /// Where it starts in the artifact, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u32,
    /// Its digest with its tag, if the piece list is known.
    pub digest: Option<String>,
    /// How far it has come.
    pub state: State,
    /// Who gave it or was asked for it, if that was written down.
    pub source: Option<Source>,
    /// When it was last verified, if ever.
    pub verified: Option<UtcTime>,
    /// How often a peer was asked for it, up to 255 times.
    pub attempts: u8,
}

impl Facts {
    /// The facts in one line, with each peer called as `name` says.
    pub fn line(&self, name: impl Fn(PeerId) -> String) -> String {
        let mut line = format!("piece {}: {}", self.index.get(), self.state.as_str());
        match (self.state, self.source) {
            (_, None) => {}
            (State::Asked, Some(Source::Peer(peer))) => {
                line.push_str(&format!(" of {}", name(peer)));
            }
            (_, Some(Source::Peer(peer))) => line.push_str(&format!(", from {}", name(peer))),
            (_, Some(Source::Local)) => line.push_str(", from no known peer"),
        }
        if let Some(time) = self.verified {
            // What is dated by the day is told so.
            line.push_str(&match Day::of(time).start() == time {
                true => format!(", verified on {}", words::date(time)),
                false => format!(", verified {time}"),
            });
        }
        match self.attempts {
            0 => {}
            1 => line.push_str(", 1 attempt"),
            u8::MAX => line.push_str(", 255 attempts or more"),
            attempts => line.push_str(&format!(", {attempts} attempts")),
        }
        let noun = if self.length == 1 { "byte" } else { "bytes" };
        line.push_str(&format!(", {} {noun} at {}", self.length, self.offset));
        if let Some(digest) = &self.digest {
            line.push_str(&format!(", {digest}"));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use verifier::Geometry;
    use verifier::identity::SigningKey;
    use verifier::piece::Source;
    use verifier::scalars::UtcTime;

    use super::Facts;
    use crate::widget::piece_map::piece::State;

    #[test]
    fn the_line_says_what_is_known() {
        let geometry = Geometry::new(40, 16).unwrap();
        let anna = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let mut facts = Facts {
            index: geometry.index(1).unwrap(),
            offset: 16,
            length: 16,
            digest: None,
            state: State::Missing,
            source: None,
            verified: None,
            attempts: 0,
        };
        let line = |facts: &Facts| facts.line(|_| "anna".to_owned());
        assert_eq!(line(&facts), "piece 1: missing, 16 bytes at 16");
        facts =
            Facts { state: State::Asked, source: Some(Source::Peer(anna)), attempts: 1, ..facts };
        assert_eq!(line(&facts), "piece 1: asked of anna, 1 attempt, 16 bytes at 16");
        facts = Facts {
            state: State::Kept,
            verified: Some(UtcTime::from_unix(1)),
            attempts: 2,
            digest: Some("sha256:00".to_owned()),
            ..facts
        };
        assert_eq!(
            line(&facts),
            "piece 1: kept, from anna, verified 1970-01-01T00:00:01Z, 2 attempts, \
             16 bytes at 16, sha256:00"
        );
        facts.verified = Some(UtcTime::from_unix(0));
        assert!(line(&facts).contains("from anna, verified on 1970-01-01, 2 attempts"));
    }
}
