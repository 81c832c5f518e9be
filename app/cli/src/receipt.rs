//! Reads and checks receipts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use app::input;
use serde_json::json;
use verifier::receipt::Receipt;

use crate::args::{ReceiptCommand, ReceiptListArgs, ReceiptShowArgs};
use crate::fault::Fault;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::verify;
use crate::wiring::Wiring;

/// What receipt files end with.
const EXTENSION: &str = "minimodel-receipt";
/// The most receipts that are listed.
const MOST: usize = 10_000;

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
        ReceiptCommand::Verify(args) => verify::receipt(args),
    }
}

fn list<W: Wiring>(session: &mut Session<'_, W>, args: &ReceiptListArgs) -> Result<Outcome, Fault> {
    let paths = receipts_in(&args.folder)?;
    let mut values = Vec::new();
    for path in &paths {
        let name = printable(&path.file_name().unwrap_or_default().to_string_lossy());
        match read(path) {
            Ok(receipt) => {
                let value = |key| receipt.value(key).unwrap_or("-").to_owned();
                session.terminal.say(&format!(
                    "{name}  {} {}  {} bytes  {}  {}",
                    value("model.id"),
                    value("model.version"),
                    value("artifact.byte_count"),
                    value("transfer.kind"),
                    value("receipt.created_utc")
                ));
                values.push(json!({
                    "file": name,
                    "model_id": value("model.id"),
                    "model_version": value("model.version"),
                    "artifact_sha256": value("artifact.sha256"),
                    "created_utc": value("receipt.created_utc"),
                }));
            }
            Err(fault) => {
                session.terminal.say(&format!("{name}  not a valid receipt: {}", fault.what()));
                values.push(json!({"file": name, "code": fault.code().to_string()}));
            }
        }
    }
    if paths.is_empty() {
        session.terminal.say(&format!("No receipts in {}.", args.folder.display()));
    } else {
        session.terminal.say("Check one against its files with `minimodel receipt verify`.");
    }
    Ok(Outcome::new().with("receipt_count", paths.len()).with("receipt", values).told())
}

fn receipts_in(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |error: &std::io::Error| Fault::io("read", folder, error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let path = entry.map_err(|error| failed(&error))?.path();
        if path.extension() == Some(OsStr::new(EXTENSION)) && paths.len() < MOST {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn show<W: Wiring>(session: &mut Session<'_, W>, args: &ReceiptShowArgs) -> Result<Outcome, Fault> {
    let receipt = read(&args.receipt)?;
    let mut outcome = Outcome::new();
    for (key, value) in receipt.values() {
        outcome = outcome.with_text(key, value);
    }
    session.terminal.say(match receipt.signer() {
        Some(_) => "The receipt holds together, and is signed by the installation it names.",
        None => {
            "The receipt holds together. It is not signed, so it proves nothing about who wrote it."
        }
    });
    session.terminal.say("Whether it belongs to a file is checked by `minimodel receipt verify`.");
    Ok(outcome)
}

fn read(path: &Path) -> Result<Receipt, Fault> {
    let bytes = input::read(path, input::RECEIPT)?;
    Receipt::parse(&bytes).map_err(|error| Fault::coded_in(path, &error))
}
