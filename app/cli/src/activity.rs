//! What was agreed to, moved and taken back, in one time line.

use app::command::records::{Event, Happened, Moved, ShowActivity};
use app::naming::short;
use app::ports::What;
use app::quantity::Size;

use crate::args::ActivityArgs;
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
    let done = session.ask(ShowActivity { most: args.most }).await?;
    if done.reply.entry.is_empty() && done.warnings.is_empty() {
        session.terminal.say("Nothing was agreed to and nothing has moved yet.");
        session.say_if_new()?;
    }
    for event in &done.reply.entry {
        session.terminal.say(&line(event));
    }
    Ok(Outcome::of(&done).told())
}

fn line(event: &Event) -> String {
    let model = format!("{} ({})", event.model_id, short(event.artifact_sha256));
    let with = |word: &str| match event.peer {
        Some(peer) => format!(" {word} {}", naming::named(event.peer_label.as_ref(), peer)),
        None => String::new(),
    };
    let what = match &event.happened {
        Happened::Granted { grant } => {
            let (act, limit) = (grant.act.as_str(), Size(grant.byte_limit));
            let until = grant.expires_utc;
            format!("yes to {act} {model}{}, at most {limit}, until {until}", with("for"))
        }
        Happened::Revoked { grant } => {
            format!("took back the yes to {} {model}{}", grant.act.as_str(), with("for"))
        }
        Happened::Moved { what, detail } => moved(*what, detail, &model, with),
    };
    format!("{}  {what}", event.time_utc)
}

fn moved(what: What, detail: &Moved, model: &str, with: impl Fn(&str) -> String) -> String {
    let (bytes, note) = (Size(detail.bytes), printable(&detail.note));
    match what {
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
