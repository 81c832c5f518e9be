//! What a person has to know before saying yes, and the yes itself.
//!
//! A question holds the very terms that a yes to it writes down, so what is shown and what is
//! granted cannot differ. The command asks it in the terminal, the window on a card.

mod serve;

use std::collections::BTreeMap;
use std::path::Path;

use verifier::Sha256;
use verifier::consent::{Act, Scope};
use verifier::identity::PeerId;
use verifier::manifest::Manifest;
use verifier::request::Offer;
use verifier::scalars::{Id, UtcTime};

use crate::consent::Consent;
use crate::import::{Called, Plan};
use crate::library::RepairPlan;
use crate::naming::short_peer;
use crate::ports::{Access, Evictable, Journal, JournalError, KnownPeer, Liar, Lie, Terms};
use crate::quantity::Size;

pub use serve::{Serving, Told};

/// Everything a person has to know before saying yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What will be done, to what.
    pub what: String,
    /// The artifact.
    pub artifact: Sha256,
    /// The acts without which nothing happens.
    pub required: Vec<Act>,
    /// Acts that may be left out of a yes.
    pub optional: Vec<Act>,
    /// How many bytes may move.
    pub bytes: String,
    /// Whom it concerns, one a line; empty if no peer is concerned.
    pub peers: Vec<String>,
    /// The licence route of the manifest.
    pub license: String,
    /// The model card's route.
    pub card: String,
    /// What else there is to know, as a word and what it says.
    pub facts: Vec<(&'static str, String)>,
    /// Earlier grants under which others may have the model as well. A yes leaves them, unless
    /// [`Self::ending_older`] says that they end with it.
    pub older: Vec<Older>,
    /// Earlier grants to do the same, whose place a yes takes: they end with it.
    pub replaced: Vec<Id>,
    /// When the yes ends.
    pub until: UtcTime,
    /// How to stop it before.
    pub stop: String,
    /// What a yes to each act means, in full.
    pub terms: Vec<Terms>,
}

/// An earlier grant that is live, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// The grant.
    pub grant: Id,
    /// Who may have what until when under it.
    pub what: String,
}

/// A yes to some acts of one question, said by a person; it is used up by writing it down.
///
/// Only [`Question::agree`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yes {
    artifact: Sha256,
    terms: Vec<Terms>,
    instead_of: Vec<Id>,
}

/// What a yes to the act means, as people are told.
pub const fn meaning(act: Act) -> &'static str {
    match act {
        Act::Fetch => "Fetch: ask these peers for the bytes",
        Act::Import => "Import: put the verified file and its receipt into the folder",
        Act::Cache => "Cache: keep the pieces in the library of this machine",
        Act::Serve => "Serve: let these peers take the bytes while this program runs",
        Act::Publish => "Publish: write the file that tells of it",
    }
}

impl Question {
    /// Asks whether the plan may be carried out; `stop` says how it is stopped.
    pub fn import(plan: &Plan, until: UtcTime, stop: impl Into<String>) -> Self {
        let manifest = plan.manifest();
        let missing = plan.bytes_missing();
        let kept = match plan.have().count() {
            0 => String::new(),
            1 => ", 1 piece is kept already".to_owned(),
            local => format!(", {local} pieces are kept already"),
        };
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let what = format!(
            "Import {name} ({}) into {}",
            Size(manifest.byte_count()),
            plan.folder().display()
        );
        let is_here = missing == 0;
        let required = if is_here { &[Act::Import][..] } else { &[Act::Fetch, Act::Import] };
        let bytes = if is_here {
            "nothing to fetch, all pieces are kept already; nobody is called".to_owned()
        } else {
            let limit = Size(plan.fetch_limit());
            format!("{} to fetch{kept}; at most {limit} from each peer", Size(missing))
        };
        let peers = plan.called().iter().map(called).chain(banned(plan.banned()));
        let terms = plan.terms(&[Act::Fetch, Act::Import, Act::Cache], until);
        Self {
            required: required.to_vec(),
            optional: vec![Act::Cache],
            peers: if is_here { Vec::new() } else { peers.collect() },
            ..Self::about(manifest, what, bytes, until, stop.into(), terms)
        }
        .in_place_of(plan.earlier().to_vec())
    }

    /// Asks whether what is bad or missing of a kept model may be fetched; `stop` says how it is
    /// stopped.
    pub fn repair(plan: &RepairPlan, until: UtcTime, stop: impl Into<String>) -> Self {
        let manifest = plan.manifest();
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let pieces = match plan.pieces_missing() {
            1 => "1 piece that is".to_owned(),
            more => format!("{more} pieces that are"),
        };
        let what = format!("Repair {name}: fetch the {pieces} bad or missing");
        let (bytes, limit) = (Size(plan.bytes_missing()), Size(plan.fetch_limit()));
        let bytes = format!("{bytes} to fetch; at most {limit} from each peer");
        let called = plan.called().iter().map(called);
        Self {
            required: vec![Act::Fetch],
            peers: called.chain(banned(plan.banned())).collect(),
            ..Self::about(manifest, what, bytes, until, stop.into(), plan.terms(until))
        }
        .in_place_of(plan.earlier().to_vec())
        .giving_up(plan.evicted())
    }

    /// Asks whether a request may be written that says that the user agrees to fetch from these
    /// peers. A yes to it grants nothing: whoever imports by the request is asked again.
    pub fn request(
        manifest: &Manifest,
        offers: &[Offer],
        known: &[KnownPeer],
        liars: &BTreeMap<PeerId, Liar>,
        until: UtcTime,
        out: &Path,
    ) -> Self {
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let size = Size(manifest.byte_count());
        let what = format!("Write a request which says that you agree to fetch {name} ({size})");
        let bytes = "none now; the import asks you again before it fetches".to_owned();
        let stop = format!("delete {}; nothing is fetched by it alone", out.display());
        let peers = offers.iter().map(|offer| {
            let addresses: Vec<String> =
                offer.addresses().iter().map(ToString::to_string).collect();
            let lied = match liars.get(&offer.peer_id()).map(|liar| (liar.is_banned, liar.last())) {
                Some((true, Some(lie))) => format!("; it is banned: it sent wrong bytes for {lie}"),
                Some((false, Some(lie))) => lied_before(lie),
                _ => String::new(),
            };
            let id = short_peer(offer.peer_id());
            let (who, note) = match known.iter().find(|peer| peer.id == offer.peer_id()) {
                Some(peer) if peer.access == Access::Blocked => {
                    (format!("{} ({id})", peer.label), "; you have blocked it, so it is not called")
                }
                Some(peer) => (format!("{} ({id})", peer.label), ""),
                None => (id, "; you are not paired with it, so it is not called"),
            };
            format!("{who} at {}{note}{lied}", addresses.join(", "))
        });
        Self {
            required: vec![Act::Fetch],
            peers: peers.collect(),
            ..Self::about(manifest, what, bytes, until, stop, Vec::new())
        }
    }

    /// Asks whether an artifact's pieces may be kept, to be served later.
    pub fn keep(manifest: &Manifest, until: UtcTime, stop: impl Into<String>) -> Self {
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let what = format!("Keep {name} in the library, ready to be served");
        let bytes = format!("{} on this disk; nothing is sent", Size(manifest.byte_count()));
        let terms = Terms {
            act: Act::Cache,
            model_id: manifest.model_id().clone(),
            artifact: manifest.artifact_sha256(),
            scope: Scope::None,
            byte_limit: manifest.byte_count(),
            expires: until,
        };
        Self {
            required: vec![Act::Cache],
            ..Self::about(manifest, what, bytes, until, stop.into(), vec![terms])
        }
    }

    /// Asks whether an offer may be written of a model that is not here yet. It grants nobody
    /// anything: whoever serves is asked again.
    pub fn promise(
        manifest: &Manifest,
        offer: &Offer,
        until: UtcTime,
        stop: impl Into<String>,
    ) -> Self {
        let places: Vec<String> = offer.addresses().iter().map(ToString::to_string).collect();
        let (length, places) = (offer.bytes().len() as u64, places.join(", "));
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let what =
            format!("Write an offer which says that you will serve {name} while you import it");
        Self { what, ..Self::publish(manifest, length, &places, until, stop) }
    }

    /// Asks whether a file may be written that tells whoever gets it that the model is here;
    /// `length` is the file's, and `places` are the addresses in it.
    pub fn publish(
        manifest: &Manifest,
        length: u64,
        places: &str,
        until: UtcTime,
        stop: impl Into<String>,
    ) -> Self {
        let name = format!("{} {}", manifest.model_id(), manifest.model_version());
        let what = format!("Write that you have {name}");
        let bytes = format!("{length} bytes of text, no bytes of the model");
        let terms = Terms {
            act: Act::Publish,
            model_id: manifest.model_id().clone(),
            artifact: manifest.artifact_sha256(),
            scope: Scope::None,
            byte_limit: length,
            expires: until,
        };
        Self {
            required: vec![Act::Publish],
            peers: vec![format!("whoever gets the file learns your peer id and {places}")],
            ..Self::about(manifest, what, bytes, until, stop.into(), vec![terms])
        }
    }

    fn about(
        manifest: &Manifest,
        what: String,
        bytes: String,
        until: UtcTime,
        stop: String,
        terms: Vec<Terms>,
    ) -> Self {
        Self {
            what,
            artifact: manifest.artifact_sha256(),
            required: Vec::new(),
            optional: Vec::new(),
            bytes,
            peers: Vec::new(),
            license: manifest.license_route().to_string(),
            card: manifest.model_card_route().to_string(),
            facts: Vec::new(),
            older: Vec::new(),
            replaced: Vec::new(),
            until,
            stop,
            terms,
        }
    }

    /// The same, with what is given up to make room.
    #[must_use]
    pub fn giving_up(mut self, evicted: &[Evictable]) -> Self {
        for (place, model) in evicted.iter().enumerate() {
            let word = if place == 0 { "gives up" } else { "" };
            self.facts.push((word, format!("{model}, to make room")));
        }
        self
    }

    /// The same, with a yes to which these earlier grants end.
    #[must_use]
    pub fn in_place_of(mut self, earlier: Vec<Id>) -> Self {
        let ends = match earlier.len() {
            0 => None,
            1 => Some("1 earlier grant for this model that has not ended".to_owned()),
            more => Some(format!("{more} earlier grants for this model that have not ended")),
        };
        self.facts.extend(ends.map(|ends| ("ends", ends)));
        self.replaced = earlier;
        self
    }

    /// Every act that it asks for, the required ones first.
    pub fn acts(&self) -> impl Iterator<Item = Act> {
        self.required.iter().chain(&self.optional).copied()
    }

    /// Turns what a person agreed to into a yes. Call it only after a person said yes to exactly
    /// these acts; acts that were not asked for count for nothing.
    ///
    /// # Errors
    ///
    /// The first required act that is not among them.
    pub fn agree(&self, agreed: &[Act]) -> Result<Yes, Act> {
        if let Some(missing) = self.required.iter().find(|act| !agreed.contains(act)) {
            return Err(*missing);
        }
        let asked: Vec<Act> = self.acts().filter(|act| agreed.contains(act)).collect();
        let terms = self.terms.iter().filter(|terms| asked.contains(&terms.act)).cloned();
        let instead_of = self.replaced.clone();
        Ok(Yes { artifact: self.artifact, terms: terms.collect(), instead_of })
    }

    /// The same yes, with which the earlier grants end. Call it only after a person said so.
    #[must_use]
    pub fn ending_older(&self, mut yes: Yes) -> Yes {
        yes.instead_of.extend(self.older.iter().map(|older| older.grant.clone()));
        yes
    }
}

impl Yes {
    /// The artifact it is about.
    pub const fn artifact(&self) -> Sha256 {
        self.artifact
    }

    /// What was agreed to.
    pub fn terms(&self) -> &[Terms] {
        &self.terms
    }

    /// The acts that were agreed to.
    pub fn acts(&self) -> Vec<Act> {
        self.terms.iter().map(|terms| terms.act).collect()
    }

    /// The earlier grants that end with it.
    pub fn instead_of(&self) -> &[Id] {
        &self.instead_of
    }

    /// Both as one, which is written down as one: all of it or nothing.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self.instead_of.extend(other.instead_of);
        self
    }

    /// Writes the yes down, and makes of it what a use case takes.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it cannot be written down, or is over by now; then nothing may be done.
    pub async fn write_down<J: Journal>(
        self,
        journal: &J,
        now: UtcTime,
    ) -> Result<Consent, JournalError> {
        if let Some(over) = self.terms.iter().find(|terms| terms.expires <= now) {
            return Err(JournalError::Late(over.expires));
        }
        Consent::given(journal, self.artifact, self.terms, self.instead_of, now).await
    }
}

/// A peer that is called, and where.
fn called(peer: &Called) -> String {
    let addresses: Vec<String> = peer.addresses.iter().map(ToString::to_string).collect();
    let lied = peer.lied.as_ref().map_or_else(String::new, lied_before);
    format!("{} ({}) at {}{lied}", peer.label, short_peer(peer.id), addresses.join(", "))
}

/// The peers that are not called because they lied.
fn banned(banned: &[(KnownPeer, Lie)]) -> impl Iterator<Item = String> + '_ {
    banned.iter().map(|(peer, lie)| {
        let id = short_peer(peer.id);
        format!("{} ({id}) is banned and not called: it sent wrong bytes for {lie}", peer.label)
    })
}

/// What a peer was caught at whose ban was lifted.
fn lied_before(lie: &Lie) -> String {
    format!("; it lied before: it sent wrong bytes for {lie}")
}
