//! What is set once is used where nothing is typed.

use std::fs;

use crate::harness::{Companion, Model, Scene, Turn, lines};

#[test]
fn what_is_set_is_shown_and_can_be_reset() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    let all = || anna.run(&["settings"]).done()["settings"].clone();
    let made = all();
    assert_eq!((&made["listen"], &made["label"]), (&"0.0.0.0:9410".into(), &"".into()));
    assert!(!anna.data.exists(), "showing makes nothing");

    let set = |name, value| anna.run(&["settings", "set", name, value]).done()[name].clone();
    assert_eq!(set("upload_limit", "2 MiB"), "2MiB");
    assert_eq!(set("label", "anna-laptop"), "anna-laptop");
    assert_eq!(all()["upload_limit"], "2MiB");
    for (name, value) in
        [("connections", "0"), ("peer-limit", "900"), ("theme", "pink"), ("imports", "models")]
    {
        let fault = anna.refuses(&["settings", "set", name, value], 2, "usage.arguments");
        assert_eq!(fault["field"].as_str().unwrap(), name.replace('-', "_"));
    }
    assert_eq!(anna.run(&["settings", "set", "window", "1"]).status, Some(2));
    assert_eq!(anna.run(&["settings", "reset", "label"]).done()["label"], "");
    anna.run(&["settings", "reset", "upload-limit"]).done();
    assert_eq!(all(), made);
}

#[test]
fn a_broken_file_is_told_and_left_as_it_is() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    anna.run(&["settings", "set", "theme", "dark"]).done();
    let file = anna.data.join("settings.json");
    fs::write(&file, "{\"colour\": 1}").unwrap();
    for words in [&["settings"][..], &["settings", "set", "theme", "light"], &["peer", "invite"]] {
        anna.refuses(words, 2, "usage.arguments");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"colour\": 1}");
}

#[test]
fn an_invitation_says_what_is_set() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    anna.run(&["settings", "set", "label", "anna-laptop"]).done();
    let places = "mmp://192.168.1.20:9000, mmp://anna.example:9000";
    anna.run(&["settings", "set", "addresses", places]).done();
    let invitation = anna.run(&["peer", "invite"]).done();
    assert_eq!(invitation["label"], "anna-laptop");
    let told: Vec<&str> = places.split(", ").collect();
    assert_eq!(invitation["addresses"], serde_json::json!(told));
    let other = ["peer", "invite", "--label", "anna", "--address", "mmp://127.0.0.1:9"];
    assert_eq!(anna.run(&other).done()["label"], "anna");
}

#[test]
fn limits_and_signatures_are_as_they_were_set() {
    let scene = Scene::new(1, Model::SMALL);
    scene.peers[0].run(&["settings", "set", "upload_limit", "1MiB"]).done();
    scene.importer.run(&["settings", "set", "sign_receipts", "yes"]).done();
    let _servers = scene.serve_all(&[]);
    let imported = scene.import(&["--consent", Scene::YES]).ends().done();
    let seconds: f64 = imported["transfer.seconds"].as_str().unwrap().parse().unwrap();
    assert!(seconds > 0.5, "2 MiB at 1 MiB a second took {seconds} s");
    let receipt = lines(&scene.out().join("tiny-1.0.minimodel-receipt"));
    assert!(receipt.contains_key("receipt.signature"), "{receipt:?}");

    let unsigned = ["write-import-receipt", "tiny.manifest", "tiny.slm", "plain", "--no-sign"];
    scene.importer.run(&unsigned).done();
    let receipt = lines(&scene.path("plain"));
    assert!(!receipt.contains_key("receipt.signature"), "{receipt:?}");
}
