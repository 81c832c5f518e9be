//! What an import waits for, as one sentence.

use std::time::Duration;

use verifier::identity::PeerId;

/// How an import stands.
#[derive(Debug)]
pub(super) struct Survey {
    /// For how long nothing has come.
    pub(super) still: Duration,
    /// Whether this side keeps the peers waiting.
    pub(super) held: bool,
    /// How many pieces have not arrived.
    pub(super) left: u32,
    /// Whether the piece list is known.
    pub(super) listed: bool,
    /// Where each peer is.
    pub(super) peers: Vec<(PeerId, Whereabouts)>,
}

/// Where a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It is being called.
    Calling,
    /// It is waited for until a connection is free.
    Queued,
    /// A session with it is open and it owes nothing.
    Connected,
    /// It owes pieces, and has been silent for so long.
    Owing {
        /// For how long.
        silent: Duration,
    },
    /// The user's consent does not cover asking it.
    Denied,
    /// It was lost, and is called again soon.
    Resting {
        /// Why it was lost.
        why: String,
    },
    /// It is not called again.
    Gone {
        /// Why.
        why: String,
    },
}

impl Whereabouts {
    /// Why the peer is of no use now, as one clause.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Calling => Some("it does not answer yet"),
            Self::Queued => Some("no connection is free to call it"),
            Self::Connected => Some("it has none of the missing pieces"),
            Self::Owing { .. } => Some("it is silent"),
            Self::Denied => Some("there is no consent to ask it for more"),
            Self::Resting { why } | Self::Gone { why } => Some(why),
        }
    }
}

/// After how long without a piece an import is said to wait.
const STILL: Duration = Duration::from_secs(2);

/// What the import waits for and what would end the wait; nothing while pieces come.
pub(super) fn sentence(survey: &Survey, patience: Duration) -> Option<String> {
    if survey.still < STILL || survey.held {
        return None;
    }
    let what = if survey.listed {
        format!("{} missing pieces", survey.left)
    } else {
        "the piece list".to_owned()
    };
    let find = |wanted: fn(&Whereabouts) -> bool| {
        survey.peers.iter().find(|(_, whereabouts)| wanted(whereabouts))
    };
    let wait = if let Some((peer, _)) = find(|w| matches!(w, Whereabouts::Owing { .. })) {
        format!("Waiting for {peer} to answer: it owes some of {what}, which others are asked too")
    } else if find(|w| *w == Whereabouts::Connected).is_some() {
        format!("Waiting for {what}, which no connected peer has: one that gets them ends the wait")
    } else if let Some((peer, _)) = find(|w| *w == Whereabouts::Calling) {
        format!("Waiting for {peer} to answer the call: its companion must be running and serving")
    } else if let Some((peer, Whereabouts::Resting { why })) =
        find(|w| matches!(w, Whereabouts::Resting { .. }))
    {
        format!("Waiting to call {peer} again, because {why}")
    } else if find(|w| *w == Whereabouts::Queued).is_some() {
        "Waiting for a free connection: one that ends, or a higher limit, ends the wait".to_owned()
    } else {
        format!("Waiting for {what}, which nobody who is left has")
    };
    Some(format!("{wait}; the import ends after {} seconds of this.", patience.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use verifier::identity::SigningKey;

    use super::{Survey, Whereabouts, sentence};

    fn survey(whereabouts: &[Whereabouts]) -> Survey {
        let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
        let peers = whereabouts.iter().map(|w| (peer, w.clone())).collect();
        Survey { still: Duration::from_secs(3), held: false, left: 7, listed: true, peers }
    }

    #[test]
    fn a_wait_is_one_sentence_with_its_end() {
        let patience = Duration::from_secs(30);
        let resting = Whereabouts::Resting { why: "the peer hung up".to_owned() };
        let silent = Duration::from_secs(3);
        for (whereabouts, expected) in [
            (vec![resting.clone()], "because the peer hung up"),
            (vec![resting.clone(), Whereabouts::Calling], "to answer the call"),
            (vec![Whereabouts::Calling, Whereabouts::Connected], "7 missing pieces, which no"),
            (vec![Whereabouts::Connected, Whereabouts::Owing { silent }], "to answer: it owes"),
            (vec![Whereabouts::Queued], "a free connection"),
            (vec![], "nobody who is left"),
        ] {
            let sentence = sentence(&survey(&whereabouts), patience).unwrap();
            assert!(sentence.contains(expected), "{sentence}");
            assert!(sentence.ends_with("30 seconds of this."), "{sentence}");
        }
        let moving = Survey { still: Duration::ZERO, ..survey(std::slice::from_ref(&resting)) };
        assert_eq!(sentence(&moving, patience), None);
        let held = Survey { held: true, ..survey(&[resting]) };
        assert_eq!(sentence(&held, patience), None);
    }
}
