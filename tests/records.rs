//! What is written down: receipts in a folder, and the log of what was agreed to.

use std::fs;
use std::path::Path;

use crate::harness::{Companion, Turn};

/// An installation that has prepared a model of its own, with its manifest beside it.
fn prepared(folder: &Path) -> Companion {
    let anna = Companion::new(folder, "anna");
    anna.run(&["sample", "tiny.slm", "--bytes", "64KiB"]).done();
    anna.prepares("tiny.slm", &["--out", "tiny.manifest"]);
    anna
}

#[test]
fn receipts_of_a_folder_are_listed_and_each_check_is_explained() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = prepared(folder.path());
    fs::write(folder.path().join("a.minimodel-receipt"), b"").unwrap();
    let name = "b.minimodel-receipt";
    anna.run(&["write-import-receipt", "tiny.manifest", "tiny.slm", name, "--sign"]).done();
    let listed = anna.run(&["receipt", "list"]).done();
    assert_eq!((&listed["receipt_count"], &listed["left_out"]), (&2.into(), &0.into()));
    assert_eq!(listed["receipt"][0]["file"], name);
    assert_eq!(listed["receipt"][1]["code"], "receipt.missing-key");
    let shown = anna.run(&["receipt", "show", name]);
    assert_eq!(shown.done()["check.signature"], "not-present");
    assert!(shown.err.contains("every byte is the one it names"), "{shown}");
}

#[test]
fn the_log_of_consents_is_checked_line_by_line() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = prepared(folder.path());
    let checked = anna.run(&["consent", "check"]).done();
    assert_eq!((&checked["lines"], &checked["torn_bytes"]), (&1.into(), &0.into()));
    assert_eq!(checked["first_utc"], checked["last_utc"]);
    assert!(checked["last_sha256"].as_str().unwrap().starts_with("sha256:"));

    let log = anna.data.join("consent.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replace("\"seq\":0", "\"seq\":1")).unwrap();
    anna.refuses(&["consent", "check"], 1, "consent.sequence");
}
