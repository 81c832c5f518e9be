//! Whose word a receipt is.

use verifier::identity::PeerId;
use verifier::scalars::Label;

use crate::naming::short_peer;
use crate::ports::{Access, KnownPeer};

/// Who signed a receipt, as far as this installation knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// Nobody signed it.
    Nobody,
    /// This installation.
    Own(PeerId),
    /// A peer that the user paired with.
    Peer(PeerId, Label),
    /// A peer that the user paired with, and has blocked.
    Blocked(PeerId, Label),
    /// A key that is not known here.
    Unknown(PeerId),
}

/// The keys that this installation knows: its own, if it has one, and those of its peers.
#[derive(Debug, Clone, Copy)]
pub struct Signers<'a> {
    /// Its own.
    pub own: Option<PeerId>,
    /// Those of its peers.
    pub peers: &'a [KnownPeer],
}

impl Signers<'_> {
    /// Who that signer is; `None` is nobody.
    pub fn author(&self, signer: Option<PeerId>) -> Author {
        let Some(signer) = signer else { return Author::Nobody };
        if self.own == Some(signer) {
            return Author::Own(signer);
        }
        let known = self.peers.iter().find(|peer| peer.id == signer);
        match known {
            None => Author::Unknown(signer),
            Some(peer) if peer.access == Access::Blocked => {
                Author::Blocked(signer, peer.label.clone())
            }
            Some(peer) => Author::Peer(signer, peer.label.clone()),
        }
    }
}

impl Author {
    /// The word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Own(_) => "own",
            Self::Peer(..) | Self::Blocked(..) => "peer",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Whose word the receipt is, as a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Nobody => {
                "The receipt is not signed, so it proves nothing about who wrote it.".to_owned()
            }
            Self::Own(id) => format!(
                "The receipt is signed with this installation's own key ({}).",
                short_peer(*id)
            ),
            Self::Peer(id, label) => format!(
                "The receipt is signed with the key of your peer {label} ({}).",
                short_peer(*id)
            ),
            Self::Blocked(id, label) => format!(
                "The receipt is signed with the key of {label}, whom you have blocked ({}).",
                short_peer(*id)
            ),
            Self::Unknown(id) => format!(
                "The receipt is signed with a key that is unknown here ({}), so it does not say \
                 who wrote it: you are paired with nobody of that key.",
                short_peer(*id)
            ),
        }
    }

    /// The same in a few words.
    pub fn brief(&self) -> String {
        match self {
            Self::Nobody => "not signed, proves nothing about who wrote it".to_owned(),
            Self::Own(_) => "signed with your own key".to_owned(),
            Self::Peer(_, label) => format!("signed by {label}"),
            Self::Blocked(_, label) => format!("signed by {label}, whom you have blocked"),
            Self::Unknown(id) => format!("signed with an unknown key ({})", short_peer(*id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use verifier::identity::{PeerId, SigningKey};
    use verifier::scalars::{Label, UtcTime};

    use super::{Author, Signers};
    use crate::ports::{Access, KnownPeer};

    fn id(seed: u8) -> PeerId {
        SigningKey::from_seed([seed; 32]).public_key().peer_id()
    }

    #[test]
    fn a_receipt_says_whose_word_it_is() {
        let anna = KnownPeer {
            id: id(2),
            label: Label::parse("anna").unwrap(),
            addresses: Vec::new(),
            added: UtcTime::from_unix(0),
            access: Access::Open,
        };
        let blocked = KnownPeer { id: id(4), access: Access::Blocked, ..anna.clone() };
        let peers = [anna, blocked];
        let [anna, _] = &peers;
        let signers = Signers { own: Some(id(1)), peers: &peers };
        for (signer, author, said) in [
            (None, Author::Nobody, "proves nothing about who wrote it"),
            (Some(id(1)), Author::Own(id(1)), "this installation's own key"),
            (Some(id(2)), Author::Peer(id(2), anna.label.clone()), "your peer anna"),
            (
                Some(id(4)),
                Author::Blocked(id(4), anna.label.clone()),
                "anna, whom you have blocked",
            ),
            (Some(id(3)), Author::Unknown(id(3)), "unknown here"),
        ] {
            let found = signers.author(signer);
            assert_eq!(found, author);
            assert!(found.sentence().contains(said), "{}", found.sentence());
        }
        let strangers = Signers { own: None, peers: &[] };
        assert_eq!(strangers.author(Some(id(1))).as_str(), "unknown");
    }
}
