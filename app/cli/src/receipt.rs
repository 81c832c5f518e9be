//! Reads and checks receipts.

use app::receipts::{self, Author, Provenance, Signers};
use app::verify::Finding;
use serde_json::json;

use crate::args::{ReceiptCommand, ReceiptListArgs, ReceiptShowArgs};
use crate::fault::Fault;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::verify;
use crate::wiring::Wiring;

/// `receipt …`.
///
/// # Errors
///
/// [`Fault`], by what was asked.
pub fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &ReceiptCommand,
) -> Result<Outcome, Fault> {
    match command {
        ReceiptCommand::List(args) => list(session, args),
        ReceiptCommand::Show(args) => show(session, args),
        ReceiptCommand::Verify(args) => verify::receipt(session, args),
    }
}

fn list<W: Wiring>(session: &mut Session<'_, W>, args: &ReceiptListArgs) -> Result<Outcome, Fault> {
    let listing = receipts::list(&args.folder, receipts::MOST)?;
    let (own, peers) = session.signers();
    let signers = Signers { own, peers: &peers };
    let mut values = Vec::new();
    let mut are_unknown = false;
    for entry in &listing.entries {
        let name = printable(&entry.path.file_name().unwrap_or_default().to_string_lossy());
        match &entry.content {
            Ok(summary) => {
                let from = match summary.provenance {
                    Provenance::LocalFile => "local-file",
                    Provenance::Peers { .. } => "consent-peer-transfer",
                };
                let author = signers.author(summary.signer);
                are_unknown |= matches!(author, Author::Unknown(_));
                session.terminal.say(&format!(
                    "{name}  {} {}  {} bytes  {from}  {}  {}",
                    summary.model_id,
                    summary.model_version,
                    summary.byte_count,
                    summary.created,
                    author.brief()
                ));
                values.push(json!({
                    "file": name,
                    "model_id": summary.model_id.to_string(),
                    "model_version": summary.model_version.to_string(),
                    "artifact_sha256": summary.artifact.to_string(),
                    "created_utc": summary.created.to_string(),
                    "signer": summary.signer.map(|signer| signer.to_string()),
                    "signed_by": author.as_str(),
                }));
            }
            Err(problem) => {
                let what = printable(&problem.what);
                session.terminal.say(&format!("{name}  not a valid receipt: {what}"));
                values.push(json!({"file": name, "code": problem.code.to_string()}));
            }
        }
    }
    if listing.entries.is_empty() {
        let place = match args.folder.as_os_str() {
            here if here == "." => "this folder".to_owned(),
            folder => folder.display().to_string(),
        };
        session.terminal.say(&format!("No receipts in {place}."));
    } else {
        if are_unknown && let Some(missing) = session.keys_missing() {
            session.terminal.say(&missing);
        }
        session.terminal.say("Check one against its files with `minimodel receipt verify`.");
    }
    if listing.left_out > 0 {
        session.terminal.say(&format!("{} files more are not listed.", listing.left_out));
    }
    Ok(Outcome::new()
        .with("receipt_count", listing.entries.len())
        .with("left_out", listing.left_out)
        .with("receipt", values)
        .told())
}

fn show<W: Wiring>(session: &mut Session<'_, W>, args: &ReceiptShowArgs) -> Result<Outcome, Fault> {
    let (receipt, summary) = receipts::read(&args.receipt)?;
    let mut outcome = Outcome::new();
    for (key, value) in receipt.values() {
        outcome = outcome.with_text(key, value);
        if let Some(finding) = key.strip_prefix("check.").and_then(|_| Finding::said(value)) {
            let (name, meaning) = (receipts::name(key), receipts::explain(key, finding));
            session.terminal.say(&format!("{name} ({value}): {meaning}"));
        }
    }
    session.terminal.say("The receipt holds together.");
    session.terminal.say(&summary.provenance.sentence());
    let author = session.say_author(receipt.signer().copied());
    session.terminal.say("Whether it belongs to a file is checked by `minimodel receipt verify`.");
    Ok(outcome.with("signed_by", author.as_str()))
}
