//! Entries and grants in words.

use app::activity::Entry;
use app::naming::short;
use app::ports::{Record, Standing, What};
use verifier::consent::{Act, Grant, Scope};
use verifier::scalars::UtcTime;

use crate::context::Context;
use crate::widget::page;
use crate::words;

/// What happened, as a sentence.
pub(super) fn sentence(cx: &Context<'_>, entry: &Entry) -> String {
    match entry {
        Entry::Granted(Standing { grant, .. }) => format!(
            "You agreed that {}, at most {}, until {}.",
            allowed(cx, grant),
            words::bytes(grant.byte_limit()),
            words::minute(grant.expires())
        ),
        Entry::Revoked(Standing { grant, .. }) => {
            format!("You took back that {}.", allowed(cx, grant))
        }
        Entry::Moved(record) => moved(cx, record),
    }
}

/// What a grant allows, as a clause; names of peers and models keep their own spelling.
pub(super) fn allowed(cx: &Context<'_>, grant: &Grant) -> String {
    let model = grant.model_id();
    let who = match grant.scope() {
        Scope::Peer(peer) => page::printable(&cx.name(peer)),
        Scope::AnyPaired => "any paired peer".to_owned(),
        Scope::None => "nobody".to_owned(),
    };
    match grant.act() {
        Act::Serve => format!("{who} may take {model}"),
        Act::Fetch => format!("{model} may be fetched from {who}"),
        Act::Import => format!("{model} may be put among your files"),
        Act::Cache => format!("{model} may be kept in the library"),
        Act::Publish => format!("a file may be written that tells of {model}"),
    }
}

fn moved(cx: &Context<'_>, record: &Record) -> String {
    let model = &record.model_id;
    let bytes = words::bytes(record.bytes);
    let who =
        record.peer.map_or_else(|| "a peer".to_owned(), |peer| page::printable(&cx.name(peer)));
    match record.what {
        What::Imported if record.bytes == 0 => {
            format!("{model} was imported from pieces that were here already.")
        }
        What::Imported => format!("{model} was imported; peers gave {bytes}."),
        What::Failed => format!("An import of {model} ended without the model."),
        What::Fetched => format!("{who} gave {bytes} of {model}."),
        What::Banned => {
            format!("{who} sent wrong bytes for {model} and was banned.")
        }
        What::Unbanned => {
            format!("You lifted the ban of {who} for wrong bytes of {model}.")
        }
        What::Faulted => {
            format!("{who} broke the protocol and was left out of an import of {model}.")
        }
        What::Served => format!("{who} took {bytes} of {model}."),
        What::Evicted => format!("{model} was given up to make room; {bytes} came free."),
        What::Repaired => format!("{model} was repaired; peers gave {bytes}."),
        What::Unrepaired => format!("A repair of {model} ended before it was whole."),
    }
}

/// What else there is to say, on one quiet line.
pub(super) fn detail(now: UtcTime, entry: &Entry) -> String {
    let clock: String = entry.time().to_string().chars().skip(11).take(8).collect();
    let mut parts = vec![clock, short(entry.artifact())];
    match entry {
        Entry::Granted(standing) => parts.push(standing_now(now, standing)),
        Entry::Revoked(standing) => parts.push(format!("grant {}", standing.grant.id())),
        Entry::Moved(record) => parts.extend(note(record)),
    }
    parts.join(" · ")
}

/// What became of a grant.
pub(super) fn standing_now(now: UtcTime, standing: &Standing) -> String {
    let used = words::bytes(standing.used);
    match standing.grant.revoked() {
        Some(_) => format!("taken back, {used} used"),
        None if standing.live => format!("live, {used} used"),
        None if standing.grant.expires() <= now => format!("over, {used} used"),
        None if standing.left() == 0 => format!("used up, {used} used"),
        None => format!("dated ahead of the clock, not live before {}", standing.grant.granted()),
    }
}

/// The code of what failed, or whatever else was noted.
pub(super) fn note(record: &Record) -> Option<String> {
    let note = page::printable(&record.note);
    (!note.is_empty()).then_some(note)
}

/// All that a search looks at; `peer` is the peer's id and name.
pub(super) fn searched(entry: &Entry, peer: &str) -> String {
    let (kind, more) = match entry {
        Entry::Granted(Standing { grant, .. }) => {
            ("agreed", format!("{} {}", grant.act(), grant.id()))
        }
        Entry::Revoked(Standing { grant, .. }) => {
            ("took back revoked", format!("{} {}", grant.act(), grant.id()))
        }
        Entry::Moved(record) => (record.what.as_str(), record.note.clone()),
    };
    format!("{}\n{kind}\n{more}\n{}\n{}\n{peer}", entry.time(), entry.model_id(), entry.artifact())
}
