//! What is kept: nothing goes without a word, and what is bad is said to be bad.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Companion, Model, Scene, midway};

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

/// The only pack under a data folder.
fn pack(data: &Path) -> PathBuf {
    let packs = fs::read_dir(data.join("store/packs")).unwrap();
    let [pack] = &packs.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()[..] else {
        panic!("there is more than one pack, or none");
    };
    pack.clone()
}

#[test]
fn a_recheck_says_what_is_bad_for_as_long_as_it_is() {
    let scene = Scene::of_strangers(1, Model::FINE);
    let owner = &scene.peers[0];
    let (one, all) = (["library", "recheck", "tiny"], ["library", "recheck", "--all"]);
    let sound = owner.run(&one).done();
    assert_eq!((&sound["state"], &sound["corrupt"]), (&"whole".into(), &0.into()));
    let pack = pack(&owner.data);
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();

    for _ in 0..2 {
        let told = owner.refuses(&one, 1, "library.damaged");
        assert_eq!((&told["corrupt"], &told["missing"]), (&1.into(), &0.into()), "{told}");
        assert_eq!(told["corrupt_piece"].as_array().unwrap().len(), 1);
        assert_eq!(told["state"], "damaged");
        assert!(told["message"].as_str().unwrap().contains("damaged: 1 piece corrupt"), "{told}");
        let told = owner.refuses(&all, 1, "library.damaged");
        assert_eq!((&told["corrupt"], &told["model_count"]), (&1.into(), &1.into()), "{told}");
        assert_eq!(told["model"][0]["state"], "damaged");
        let list = owner.run(&["library", "list"]).done();
        assert_eq!(list["model"][0]["state"], "damaged", "{list}");
    }
    // Until it is there again.
    let prepare = ["share", "prepare", "tiny.slm", "--manifest", "tiny.manifest"];
    owner.run(&[&prepare[..], &["--consent", "cache"]].concat()).done();
    assert_eq!(owner.run(&one).done()["state"], "whole");
    owner.run(&all).done();
}

#[test]
fn a_recheck_of_a_model_that_never_was_whole_says_what_is_missing() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    cut.kill();
    for _ in 0..2 {
        let told = scene.importer.refuses(&["library", "recheck", "tiny"], 1, "library.incomplete");
        let missing = scene.pieces - told["checked"].as_u64().unwrap();
        assert_eq!((&told["missing"], &told["corrupt"]), (&missing.into(), &0.into()), "{told}");
        assert_eq!(told["state"], "incomplete");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_disk_gives_a_piece_back_no_more_refuses_that_piece_and_stays() {
    let scene = Scene::new(2, Model::FINE);
    let mut servers = scene.serve_all(&["--upload-limit", "1MiB"]);
    // The memory of the process that reads it: opened without complaint, read with EIO.
    let (pack, aside) = (pack(&scene.peers[0].data), scene.path("aside.pack"));
    fs::rename(&pack, &aside).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", &pack).unwrap();
    let imported = scene.import(&["--consent", Scene::YES]).ends();
    imported.done();
    assert!(!imported.err.contains("peer-0 is gone"), "{imported}");
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.peer_count"], "1", "all comes from the other peer");

    let served = servers.remove(0).stop();
    assert_eq!(served.done()["ended"], "stopped", "{served}");
    fs::rename(&aside, &pack).unwrap();
    let told = scene.peers[0].run(&["library", "recheck", "tiny"]).refused(1, "library.damaged");
    assert!(told["corrupt"].as_u64().unwrap() > 0, "what was refused is known to be bad: {told}");
}
