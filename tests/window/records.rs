//! Receipts and activity in the window, over real files and a real log.

use std::fs;

use desktop::screen::Place;

use super::stage::Stage;
use crate::harness::{Companion, Turn};

#[test]
fn a_file_is_checked_its_receipt_written_read_and_verified_again() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    anna.id();
    anna.run(&["sample", "tiny.slm", "--bytes", "64KiB"]).done();
    anna.prepares("tiny.slm", &["--out", "tiny.manifest"]);
    let path = |name: &str| folder.path().join(name);

    let mut stage = Stage::open(&anna.data);
    stage.until_said("Storage");
    stage.go(Place::Receipts);
    stage.click("Check a file");
    stage.drop_file(&path("tiny.manifest"));
    stage.paste("check-slm", path("tiny.slm").to_str().unwrap());
    stage.click("Check the file");
    stage.until_said("Every check passed");
    stage.click("Write the receipt");
    stage.until_said("It is not signed, so it proves nothing about who wrote it.");
    assert!(path("tiny.minimodel-receipt").is_file());
    // There is one already.
    stage.click("Check the file");
    stage.until_said("Write the receipt");
    stage.click("Write the receipt");
    stage.until_said("output.exists");

    // The receipt knows the file beside it, and the library has the manifest.
    stage.drop_file(&path("tiny.minimodel-receipt"));
    stage.until_said("What was verified");
    stage.drop_file(&path("tiny.slm"));
    let agree = "Receipt, manifest and file agree";
    stage.until_said(agree);
    let mut bytes = fs::read(path("tiny.slm")).unwrap();
    bytes[50_000] ^= 1;
    fs::write(path("tiny.slm"), bytes).unwrap();
    stage.drop_file(&path("tiny.slm"));
    stage.until_said("artifact.sha256");
}

#[test]
fn a_grant_is_taken_back_and_a_broken_log_is_told() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    anna.id();
    anna.run(&["sample", "tiny.slm", "--bytes", "64KiB"]).done();
    anna.prepares("tiny.slm", &[]);
    anna.learns_of(&Companion::new(folder.path(), "bert"));
    let words = ["share", "serve", "tiny", "--to", "bert", "--listen", "127.0.0.1:0"];
    let mut server = anna.start(&[&words[..], &["--consent", "serve"]].concat());
    server.says("bert may have it", |line| line.starts_with("serving ").then_some(()));
    // What a process that is killed granted stays.
    server.kill();
    let mut stage = Stage::open(&anna.data);
    stage.until_said("Storage");
    stage.go(Place::Activity);
    stage.until_said("1 grant is live");
    stage.until_said("used up, 63.5 KiB used");
    stage.click("Revoke");
    stage.until_said("No grant is live");
    stage.until_said("You took back that bert may take tiny.");
    stage.until_said("The consent log holds: 3 lines");

    let log = anna.data.join("consent.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replace("\"kind\"", "\"sort\"").replace("\"seq\":1", "\"seq\":2"))
        .unwrap();
    stage.click("Look again");
    stage.until_said("holds, line 2 does not");
    stage.until_said("consent.sequence");
}
