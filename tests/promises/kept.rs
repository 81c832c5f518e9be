//! What is kept: nothing goes without a word, and what is bad is said to be bad.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Companion, Model, Scene};

/// Puts a copy of a folder where nothing is, or in the place of what is there.
fn put_copy(from: &Path, to: &Path) {
    let _gone = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            put_copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a companion says of its peers: their names, and whether they are blocked.
fn peers(companion: &Companion) -> Vec<(String, bool)> {
    let told = companion.run(&["peer", "list"]).done();
    let peer = |value: &Value| {
        (value["label"].as_str().unwrap().to_owned(), value["blocked"].as_bool().unwrap())
    };
    let mut peers: Vec<_> = told["peer"].as_array().unwrap().iter().map(peer).collect();
    peers.sort();
    peers
}

#[test]
fn an_index_that_opens_emptier_than_it_was_loses_no_peer_no_block_no_quota_and_no_pin() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let owner = &scene.peers[0];
    let place = scene.path("others");
    let [anna, ben, carl] = ["anna", "ben", "carl"].map(|name| Companion::new(&place, name));
    fs::create_dir(&place).unwrap();
    owner.run(&["library", "unpin", "tiny"]).done();
    let (index, emptier) = (owner.data.join("store/index"), scene.path("emptier"));
    put_copy(&index, &emptier);
    owner.learns_of(&anna);
    owner.learns_of(&ben);
    owner.run(&["peer", "block", "ben"]).done();
    owner.run(&["library", "quota", "77MiB"]).done();
    owner.run(&["library", "pin", "tiny"]).done();

    for lost in [false, true] {
        if lost {
            fs::remove_dir_all(&index).unwrap();
        } else {
            put_copy(&emptier, &index);
        }
        // The next change, made over an index that knows nothing of what was there.
        owner.learns_of(&carl);
        let known = ["anna", "ben", "carl"].map(|name| (name.to_owned(), name == "ben"));
        assert_eq!(peers(owner), known);
        assert_eq!(owner.run(&["library", "quota"]).done()["quota"], 77 << 20);
        let library = owner.run(&["library", "list"]).done();
        assert_eq!(library["model"][0]["pinned"], true, "{library}");
    }
}

#[test]
fn a_damaged_list_of_peers_is_refused_and_never_written_over() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    let [owner, anna, ben] =
        ["owner", "anna", "ben"].map(|name| Companion::new(&scene.path("."), name));
    owner.learns_of(&anna);
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "ben"];
    let ticket = ben.run(&invite).done()["ticket"].as_str().unwrap().to_owned();
    let book = owner.data.join("book.json");
    let good = fs::read_to_string(&book).unwrap();
    let damaged = good.replace("\"label\"", "\"labe");
    fs::write(&book, &damaged).unwrap();
    for words in
        [&["peer", "add", &ticket, "--yes"][..], &["peer", "list"], &["library", "quota", "1GiB"]]
    {
        let refused = owner.refuses(words, 3, "io.failed");
        assert_eq!(refused["field"], "book.json");
        assert!(refused["message"].as_str().unwrap().contains("book.json"), "{refused}");
        assert_eq!(fs::read_to_string(&book).unwrap(), damaged);
    }
    fs::write(&book, good).unwrap();
    assert_eq!(peers(&owner), [("anna".to_owned(), false)]);
}
