//! What an import waits for, as one sentence.

use std::time::Duration;

use verifier::scalars::Label;

use crate::session::SessionError;

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
    pub(super) peers: Vec<(Label, Whereabouts)>,
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
    /// It owes pieces.
    Owing,
    /// The user's consent does not cover asking it.
    Denied,
    /// It was lost, and is called again soon.
    Resting {
        /// What it did, to be read after its name.
        why: String,
    },
    /// It is not called again.
    Gone {
        /// What it did, to be read after its name.
        why: String,
    },
}

impl Whereabouts {
    /// Why the peer is of no use now, to be read after its name.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Calling => "does not answer the call".to_owned(),
            Self::Queued => "was not called, because no connection is free".to_owned(),
            Self::Connected => "has none of the missing pieces".to_owned(),
            Self::Owing => SessionError::Silent.to_string(),
            Self::Denied => SessionError::Denied.to_string(),
            Self::Resting { why } | Self::Gone { why } => why.clone(),
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
        format!("{} missing piece{}", survey.left, if survey.left == 1 { "" } else { "s" })
    } else {
        "the piece list".to_owned()
    };
    let find = |wanted: fn(&Whereabouts) -> bool| {
        survey.peers.iter().find(|(_, whereabouts)| wanted(whereabouts))
    };
    let wait = if let Some((peer, _)) = find(|w| *w == Whereabouts::Owing) {
        format!("Waiting for {peer} to send: it owes some of {what}")
    } else if find(|w| *w == Whereabouts::Connected).is_some() {
        format!("Waiting for {what}, which no connected peer has: one that gets them ends the wait")
    } else if let Some((peer, _)) = find(|w| *w == Whereabouts::Calling) {
        format!("Waiting for {peer} to answer the call: its companion must be running and serving")
    } else if let Some((peer, Whereabouts::Resting { why })) =
        find(|w| matches!(w, Whereabouts::Resting { .. }))
    {
        format!("Waiting to call {peer} again, because it {why}")
    } else if find(|w| *w == Whereabouts::Queued).is_some() {
        "Waiting for a free connection: one that ends, or a higher limit, ends the wait".to_owned()
    } else {
        format!("Waiting for {what}, which nobody who is left has")
    };
    Some(format!("{wait}. {}", end(patience)))
}

/// When an import ends that waits in vain.
fn end(patience: Duration) -> String {
    format!("The import ends when nothing has come for {}.", seconds(patience))
}

/// A time in whole seconds.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use verifier::scalars::Label;

    use super::{Survey, Whereabouts, sentence};

    fn survey(whereabouts: &[Whereabouts]) -> Survey {
        let peer = Label::parse("anna").unwrap();
        let peers = whereabouts.iter().map(|w| (peer.clone(), w.clone())).collect();
        Survey { still: Duration::from_secs(3), held: false, left: 7, listed: true, peers }
    }

    #[test]
    fn a_wait_is_one_sentence_with_its_end() {
        let patience = Duration::from_secs(30);
        let resting = Whereabouts::Resting { why: "hung up".to_owned() };
        for (whereabouts, expected) in [
            (vec![resting.clone()], "to call anna again, because it hung up"),
            (vec![resting.clone(), Whereabouts::Calling], "for anna to answer the call"),
            (vec![Whereabouts::Calling, Whereabouts::Connected], "7 missing pieces, which no"),
            (vec![Whereabouts::Connected, Whereabouts::Owing], "for anna to send: it owes"),
            (vec![Whereabouts::Queued], "a free connection"),
            (vec![], "nobody who is left"),
        ] {
            let sentence = sentence(&survey(&whereabouts), patience).unwrap();
            assert!(sentence.contains(expected), "{sentence}");
            assert!(sentence.ends_with("nothing has come for 30 seconds."), "{sentence}");
        }
        let moving = Survey { still: Duration::ZERO, ..survey(std::slice::from_ref(&resting)) };
        assert_eq!(sentence(&moving, patience), None);
        let held = Survey { held: true, ..survey(&[resting]) };
        assert_eq!(sentence(&held, patience), None);
    }
}
