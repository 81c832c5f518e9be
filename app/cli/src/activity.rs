//! What was agreed to, moved and taken back, in one time line.

use app::activity::{Entry, timeline};
use app::naming::short;
use app::ports::{KnownPeer, Record, Standing, What};
use app::quantity::Size;
use serde_json::{Value, json};

use crate::args::ActivityArgs;
use crate::consent;
use crate::fault::Fault;
use crate::naming;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::wiring::Wiring;

/// `activity`.
///
/// # Errors
///
/// [`Fault`] if the disk fails.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &ActivityArgs,
) -> Result<Outcome, Fault> {
    let journal = session.journal()?;
    let warning = consent::warning(session, &*journal).await?;
    let mut entries = timeline(&*journal, args.most, session.now())
        .await
        .map_err(|error| Fault::blamed(&error))?;
    entries.truncate(args.most);
    if entries.is_empty() && warning.is_none() {
        session.terminal.say("Nothing was agreed to and nothing has moved yet.");
        session.say_if_new()?;
    }
    let known = session.known();
    for entry in &entries {
        session.terminal.say(&line(entry, &known));
    }
    let values: Vec<Value> = entries.iter().map(value).collect();
    Ok(Outcome::new().warn(warning).with("entry_count", values.len()).with("entry", values).told())
}

fn line(entry: &Entry, known: &[KnownPeer]) -> String {
    let model = format!("{} ({})", entry.model_id(), short(entry.artifact()));
    let peer = entry.peer().map(|peer| naming::person(known, peer));
    let with =
        |word: &str| peer.as_ref().map_or_else(String::new, |peer| format!(" {word} {peer}"));
    let what = match entry {
        Entry::Granted(Standing { grant, .. }) => {
            let limit = Size(grant.byte_limit());
            let act = grant.act().as_str();
            format!(
                "yes to {act} {model}{}, at most {limit}, until {}",
                with("for"),
                grant.expires()
            )
        }
        Entry::Revoked(Standing { grant, .. }) => {
            format!("took back the yes to {} {model}{}", grant.act().as_str(), with("for"))
        }
        Entry::Moved(record) => moved(record, &model, with),
    };
    format!("{}  {what}", entry.time())
}

fn moved(record: &Record, model: &str, with: impl Fn(&str) -> String) -> String {
    let bytes = Size(record.bytes);
    let note = printable(&record.note);
    match record.what {
        What::Imported if note.is_empty() => format!("imported {model}, {bytes} from peers"),
        What::Imported => format!("imported {model}, {bytes} from peers; {note}"),
        What::Failed => format!("an import of {model} ended: {note}"),
        What::Fetched => format!("fetched {bytes} of {model}{}", with("from")),
        What::Banned => format!("a lie about {model}{}, banned: {note}", with("by")),
        What::Unbanned => format!("lifted the ban for a lie about {model}{}", with("by")),
        What::Faulted => format!("an import of {model} went on{}: {note}", with("without")),
        What::Served => format!("served {bytes} of {model}{}", with("to")),
        What::Evicted => format!("gave up {model} to make room, {bytes}"),
        What::Repaired => format!("repaired {model}, {bytes} from peers"),
        What::Unrepaired => format!("a repair of {model} ended: {note}"),
    }
}

fn value(entry: &Entry) -> Value {
    let (what, detail) = match entry {
        Entry::Granted(standing) => ("granted", json!({ "grant": consent::value(standing) })),
        Entry::Revoked(standing) => ("revoked", json!({ "grant": consent::value(standing) })),
        Entry::Moved(record) => (
            record.what.as_str(),
            json!({ "bytes": record.bytes, "note": printable(&record.note) }),
        ),
    };
    json!({
        "time_utc": entry.time().to_string(),
        "what": what,
        "model_id": entry.model_id().to_string(),
        "artifact_sha256": entry.artifact().to_string(),
        "peer": entry.peer().map(|peer| peer.to_string()),
        "detail": detail,
    })
}
