//! Pairs two installations: tickets that people exchange, and the code that both screens show.

use std::borrow::Cow;
use std::path::Path;

use verifier::boundary::PeerAddress;
use verifier::consent::{Act, Scope};
use verifier::identity::{PeerId, PublicKey, pair_code};
use verifier::request::{Ticket, TicketError};
use verifier::scalars::{Id, Label, ScalarError, UtcTime};
use verifier::{Advice, Code, Coded as _};

use crate::blame::{Blame, Blamed, CONSENT_DENIED, IO_FAILED, machine_advice};
use crate::consent::take_back;
use crate::naming::{short_peer, tail};
use crate::ports::{
    Access, Clock as _, Failure, Journal, JournalError, KnownPeer, Liar, PieceStore as _, Ports,
    Record, What,
};

/// The port that peers are called on where nobody chose one.
pub const DEFAULT_PORT: u16 = 9410;

/// Why two installations are not paired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// The ticket is wrong.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// The ticket is this installation's own.
    #[error("this is your own ticket")]
    Own,
    /// The two screens show different codes.
    #[error("the pair code here is {here}, not {there}")]
    Code {
        /// What this screen shows.
        here: String,
        /// What the other one is said to show.
        there: String,
    },
    /// Another peer has the name already.
    #[error("another peer is called {label} already ({})", short_peer(*.peer))]
    Label {
        /// The name.
        label: Label,
        /// Who has it.
        peer: PeerId,
    },
    /// The peer is blocked, and what it may have cannot be taken back.
    #[error("{label} is blocked, but what you agreed to for it could not be taken back: {source}")]
    NotTakenBack {
        /// The peer.
        label: Label,
        /// Why.
        source: JournalError,
    },
    /// What the peer may have cannot be taken back, so it is not forgotten.
    #[error("nothing was changed, because the peer's grants cannot be taken back: {0}")]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error("cannot use the list of peers")]
    Store(#[source] Failure),
}

impl Blamed for PairingError {
    fn blame(&self) -> Blame {
        match self {
            Self::Ticket(_) | Self::Own | Self::Label { .. } => Blame::Input,
            Self::Code { .. } => Blame::Refused,
            Self::Journal(error) | Self::NotTakenBack { source: error, .. } => error.blame(),
            Self::Store(_) => Blame::Machine,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Ticket(error) => error.code(),
            Self::Own | Self::Label { .. } => Code::new("usage", "arguments"),
            Self::Code { .. } => CONSENT_DENIED,
            Self::Journal(error) | Self::NotTakenBack { source: error, .. } => error.code(),
            Self::Store(_) => IO_FAILED,
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Ticket(error) => error.field(),
            Self::Own => "ticket".into(),
            Self::Label { .. } => "label".into(),
            Self::Code { .. } => "pair_code".into(),
            Self::Journal(error) | Self::NotTakenBack { source: error, .. } => error.field(),
            Self::Store(_) => "store".into(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Ticket(error) => error.advice(),
            Self::Own => {
                "Give it to the other person, and add the ticket that they give you.".into()
            }
            Self::Label { .. } => "Choose another name for this peer.".into(),
            Self::Code { .. } => {
                "Do not pair: one of you has a ticket that somebody changed. Exchange tickets \
                 again by a way you trust."
                    .into()
            }
            Self::Journal(error) | Self::NotTakenBack { source: error, .. } => error.advice(),
            Self::Store(failure) => machine_advice(failure.as_ref()),
        }
    }
}

/// The name that an installation goes by where nobody chose one.
///
/// # Errors
///
/// None in practice: the end of a peer id is always part of a label.
pub fn own_label(id: PeerId) -> Result<Label, ScalarError> {
    Label::parse(&format!("peer {}", tail(id, 4)))
}

/// Says that the key that these peers know is gone from the data folder; `None` if nobody knew it.
pub fn key_lost(peers: &[KnownPeer], data: &Path) -> Option<String> {
    let names: Vec<&str> = peers.iter().map(|peer| peer.label.as_str()).collect();
    let (last, first) = names.split_last()?;
    let (names, know) = match first {
        [] => ((*last).to_owned(), "knows"),
        first => (format!("{} and {last}", first.join(", ")), "know"),
    };
    Some(format!(
        "There is no key in {} any more, and {names} {know} you by it. Put a copy of identity.key \
         back if you have one; with a new identity, pair with each of them anew.",
        data.display()
    ))
}

/// A ticket that was read and waits for the user, who has to compare the pair code.
#[derive(Debug, Clone)]
pub struct Pairing {
    ticket: Ticket,
    label: Label,
    code: String,
}

impl Pairing {
    /// Reads a ticket; `own` is this installation's key, and `label` the name that the peer gets
    /// here, else its own word for itself.
    ///
    /// # Errors
    ///
    /// [`PairingError`] if the ticket is wrong, or is this installation's own.
    pub fn read(
        text: &str,
        own: &PublicKey,
        label: Option<Label>,
        now: UtcTime,
    ) -> Result<Self, PairingError> {
        let ticket = Ticket::parse(text, now)?;
        let id = ticket.peer_id();
        if id == own.peer_id() {
            return Err(PairingError::Own);
        }
        let label = label.unwrap_or_else(|| ticket.label().clone());
        let code = pair_code(own, &id.public_key());
        Ok(Self { ticket, label, code })
    }

    /// The peer.
    pub fn peer(&self) -> PeerId {
        self.ticket.peer_id()
    }

    /// The name that it gets here.
    pub const fn label(&self) -> &Label {
        &self.label
    }

    /// The same, with the name that it gets here.
    #[must_use]
    pub fn called(self, label: Label) -> Self {
        Self { label, ..self }
    }

    /// Where it says it can be called.
    pub fn addresses(&self) -> &[PeerAddress] {
        self.ticket.addresses()
    }

    /// The pair code, which the other screen has to show as well.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Compares the pair code with what the other screen is said to show; digits alone count.
    ///
    /// # Errors
    ///
    /// [`PairingError::Code`] if it is another.
    pub fn expect(&self, there: &str) -> Result<(), PairingError> {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        if digits(there) == digits(&self.code) {
            return Ok(());
        }
        let there = there.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect();
        Err(PairingError::Code { here: self.code.clone(), there })
    }
}

/// Keeps the peer, now that the user has compared the pair code and said yes. It gets nothing by
/// this alone; one that is blocked stays blocked.
///
/// # Errors
///
/// [`PairingError`] if another peer has the name already, or if the store fails.
pub async fn pair<P: Ports>(ports: &P, pairing: Pairing) -> Result<KnownPeer, PairingError> {
    let addresses = pairing.addresses().to_vec();
    let added = ports.clock().now();
    let id = pairing.peer();
    let known = ports.store().peers().await.map_err(PairingError::Store)?;
    let access = known.iter().find(|peer| peer.id == id).map_or(Access::Open, |peer| peer.access);
    keep(ports, KnownPeer { id, label: pairing.label, addresses, added, access }).await
}

/// Gives a peer another name.
///
/// # Errors
///
/// [`PairingError`] if another peer has the name already, or if the store fails.
pub async fn rename<P: Ports>(
    ports: &P,
    peer: KnownPeer,
    label: Label,
) -> Result<KnownPeer, PairingError> {
    keep(ports, KnownPeer { label, ..peer }).await
}

/// Blocks a peer: it is turned away as a stranger is, imports do not call it, and every live yes to
/// serving it or fetching from it is taken back; says which ones.
///
/// It holds at once: for servers and imports that run in this process or any other, within one
/// piece.
///
/// # Errors
///
/// [`PairingError`] if the journal or the store fails; call it again, whatever was done before.
pub async fn block<P: Ports>(ports: &P, peer: KnownPeer) -> Result<Vec<Id>, PairingError> {
    let peer = keep(ports, KnownPeer { access: Access::Blocked, ..peer }).await?;
    take_back_from(&**ports.journal(), peer.id, ports.clock().now())
        .await
        .map_err(|source| PairingError::NotTakenBack { label: peer.label, source })
}

/// Lets a blocked peer call and be called again. It gets nothing by this alone, and no ban is
/// lifted; says whether it has one.
///
/// # Errors
///
/// [`PairingError`] if the store fails.
pub async fn unblock<P: Ports>(
    ports: &P,
    peer: KnownPeer,
) -> Result<(KnownPeer, bool), PairingError> {
    let peer = keep(ports, KnownPeer { access: Access::Open, ..peer }).await?;
    let liars = ports.store().liars().await.map_err(PairingError::Store)?;
    let is_banned = liars.get(&peer.id).is_some_and(|liar| liar.is_banned);
    Ok((peer, is_banned))
}

/// What a peer may do once it is not blocked any more.
pub fn unblocked(peer: &Label, is_banned: bool) -> String {
    if is_banned {
        format!("{peer} may call again, but lied and stays banned: imports do not call it.")
    } else {
        format!("{peer} may call and be called again.")
    }
}

/// Lifts the ban of a peer that lied, and writes down that the user did; says whether there was
/// one. What it was caught at stays.
///
/// # Errors
///
/// [`PairingError`] if the journal fails, and nothing is lifted, or if the store does.
pub async fn unban<P: Ports>(ports: &P, peer: PeerId) -> Result<bool, PairingError> {
    let liars = ports.store().liars().await.map_err(PairingError::Store)?;
    let banned = liars.get(&peer).filter(|liar| liar.is_banned);
    if let Some(lie) = banned.and_then(Liar::last) {
        let record = Record {
            time: ports.clock().now(),
            what: What::Unbanned,
            model_id: lie.model_id.clone(),
            artifact: lie.artifact,
            peer: Some(peer),
            bytes: 0,
            note: String::new(),
        };
        ports.journal().record(record).await.map_err(JournalError::Failed)?;
    }
    ports.store().unban(peer).await.map_err(PairingError::Store)
}

/// Forgets a peer; every live yes to serving it or fetching from it is taken back, as by
/// [`block`]. Says which ones.
///
/// # Errors
///
/// [`PairingError`] if the journal or the store fails; call it again, whatever was done before.
pub async fn remove<P: Ports>(ports: &P, peer: PeerId) -> Result<Vec<Id>, PairingError> {
    let revoked = take_back_from(&**ports.journal(), peer, ports.clock().now()).await?;
    ports.store().remove_peer(peer).await.map_err(PairingError::Store)?;
    Ok(revoked)
}

/// Takes back every yes to serving one peer or fetching from it that is live or will be; says which
/// ones.
///
/// # Errors
///
/// [`JournalError`] if the log cannot be used.
pub async fn take_back_from<J: Journal>(
    journal: &J,
    peer: PeerId,
    now: UtcTime,
) -> Result<Vec<Id>, JournalError> {
    take_back(journal, now, |standing| {
        matches!(standing.grant.act(), Act::Serve | Act::Fetch)
            && standing.grant.scope() == Scope::Peer(peer)
    })
    .await
}

/// Keeps what is known of a peer; no two go by one name.
async fn keep<P: Ports>(ports: &P, peer: KnownPeer) -> Result<KnownPeer, PairingError> {
    let known = ports.store().peers().await.map_err(PairingError::Store)?;
    if let Some(other) = known.iter().find(|known| known.label == peer.label && known.id != peer.id)
    {
        return Err(PairingError::Label { label: peer.label, peer: other.id });
    }
    ports.store().add_peer(peer.clone()).await.map_err(PairingError::Store)?;
    Ok(peer)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use verifier::boundary::PeerAddress;
    use verifier::identity::SigningKey;
    use verifier::request::{Ticket, TicketTerms};
    use verifier::scalars::{Label, UtcTime};

    use super::{Blamed as _, Pairing, PairingError, key_lost, own_label, unblocked};
    use crate::ports::{Access, KnownPeer};

    const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);

    fn ticket(key: &SigningKey) -> String {
        let terms = TicketTerms {
            label: own_label(key.public_key().peer_id()).unwrap(),
            addresses: vec![PeerAddress::parse("mmp://127.0.0.1:9410").unwrap()],
            issued: NOW,
            expires: NOW.plus(60),
        };
        Ticket::sign(&terms, key).unwrap()
    }

    #[test]
    fn both_sides_see_one_code_and_compare_its_digits() {
        let [anna, ben] = [1, 2].map(|seed| SigningKey::from_seed([seed; 32]));
        let there = Pairing::read(&ticket(&anna), &ben.public_key(), None, NOW).unwrap();
        let here = Pairing::read(&ticket(&ben), &anna.public_key(), None, NOW).unwrap();
        assert_eq!(here.code(), there.code());
        assert_eq!(here.peer(), ben.public_key().peer_id());
        for same in
            [here.code().to_owned(), here.code().replace(' ', ""), here.code().replace(' ', "-")]
        {
            here.expect(&same).unwrap();
        }
        let short: String = here.code().chars().take(4).collect();
        let error = here.expect(&short).unwrap_err();
        assert_eq!(error.code().to_string(), "consent.denied");
    }

    #[test]
    fn nobody_pairs_with_themselves_or_by_an_old_ticket() {
        let anna = SigningKey::from_seed([1; 32]);
        let read = |now| Pairing::read(&ticket(&anna), &anna.public_key(), None, now);
        assert!(matches!(read(NOW), Err(PairingError::Own)));
        assert!(matches!(read(NOW.plus(3_600)), Err(PairingError::Ticket(_))));
    }

    #[test]
    fn a_lost_key_is_missed_by_those_who_know_it() {
        let peer = |seed, label: &str| KnownPeer {
            id: SigningKey::from_seed([seed; 32]).public_key().peer_id(),
            label: Label::parse(label).unwrap(),
            addresses: Vec::new(),
            added: UtcTime::from_unix(0),
            access: Access::Open,
        };
        let data = Path::new("/data");
        assert_eq!(key_lost(&[], data), None);
        let all = ["anna", "ben", "cleo"].map(|label| peer(label.as_bytes()[0], label));
        for (count, said) in
            [(1, "anna knows"), (2, "anna and ben know"), (3, "anna, ben and cleo know")]
        {
            let lost = key_lost(&all[..count], data).unwrap();
            assert!(lost.contains(&format!("in /data any more, and {said} you by it")), "{lost}");
        }
    }

    #[test]
    fn unblocking_promises_no_call_to_a_banned_peer() {
        let anna = Label::parse("anna").unwrap();
        assert_eq!(unblocked(&anna, false), "anna may call and be called again.");
        assert!(unblocked(&anna, true).contains("imports do not call it"));
    }
}
