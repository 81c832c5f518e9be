//! What rotted is fetched again, and nothing else.

use std::fs;

use serde_json::Value;

use crate::harness::{Companion, Model, Running, Scene, free_address, grants, past};

/// The length of a piece of [`Model::FINE`].
const PIECE: u64 = 16 << 10;
const REPAIR: [&str; 5] = ["library", "repair", "tiny", "--patience", "15s"];
const AGREED: [&str; 2] = ["--consent", "fetch"];

/// An importer that has the model from one peer, which is called where its ticket says.
fn imported() -> (Scene, String) {
    let scene = Scene::new(1, Model::FINE);
    let address = free_address();
    tells_where(&scene.importer, &scene.peers[0], &address);
    let server = scene.serves(0, "importer", &["--listen", &address]);
    scene.request("request.json", &[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    server.stop().done();
    (scene, address)
}

/// The same, and three pieces rotted since.
pub(crate) fn rotten() -> (Scene, String) {
    let (scene, address) = imported();
    scene.rot_some(&scene.importer, 3);
    (scene, address)
}

/// Lets one learn where another one is called.
fn tells_where(one: &Companion, other: &Companion, address: &str) {
    let address = format!("mmp://{address}");
    let invite = ["peer", "invite", "--address", &address, "--label", &other.name];
    let invitation = other.run(&invite).done();
    one.run(&["peer", "add", invitation["ticket"].as_str().unwrap(), "--yes"]).done();
}

fn repair(companion: &Companion, more: &[&str]) -> Running {
    companion.start(&[&REPAIR, more].concat())
}

/// How many pieces of the model are kept, and how many are corrupt.
fn map(companion: &Companion) -> (u64, u64) {
    let map = companion.run(&["library", "map", "tiny"]).done();
    (map["kept"].as_u64().unwrap(), map["corrupt"].as_u64().unwrap())
}

/// The entries of a kind in the time line.
fn entries(companion: &Companion, what: &str) -> Vec<Value> {
    let activity = companion.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap().iter();
    entries.filter(|entry| entry["what"] == what).cloned().collect()
}

#[test]
fn only_what_rotted_is_sent_again_and_the_model_is_whole() {
    let (scene, address) = rotten();
    let server = scene.serves_again(0, "importer", &address);
    let given = grants(&scene.importer, "fetch").len();
    let answer = repair(&scene.importer, &AGREED).ends().done();
    assert_eq!((&answer["corrupt"], &answer["pieces_fetched"]), (&3.into(), &3.into()));
    assert_eq!(answer["bytes_fetched"], 3 * PIECE);
    assert_eq!(answer["peer"][0]["id"], scene.peers[0].id());
    assert_eq!(answer["state"], "whole");
    let served = server.stop().done();
    assert_eq!(served["peer"][0]["bytes"], 3 * PIECE, "what was not missing was sent: {served}");

    assert_eq!(map(&scene.importer), (scene.pieces, 0));
    fs::create_dir(scene.path("exports")).unwrap();
    scene.importer.run(&["library", "export", "tiny", "exports"]).done();
    let same = |name| fs::read(scene.path(name)).unwrap();
    assert!(same("exports/tiny-1.0.slm") == same("tiny.slm"), "it is not what was served");
    let consents = grants(&scene.importer, "fetch");
    assert_eq!(consents.len(), given + 1);
    assert!(consents.iter().all(|grant| grant["live"] == false), "{consents:?}");
    assert_eq!(consents[given]["byte_limit"], 6 * PIECE);
    let told = entries(&scene.importer, "repaired");
    assert_eq!((told.len(), &told[0]["detail"]["bytes"]), (1, &(3 * PIECE).into()));
    let fetched = entries(&scene.importer, "fetched");
    let moved = fetched.iter().map(|entry| entry["detail"]["bytes"].as_u64().unwrap());
    assert_eq!(moved.sum::<u64>(), scene.bytes + 3 * PIECE, "{fetched:?}");

    // There is nothing left to agree to.
    let again = scene.importer.run(&REPAIR).done();
    assert_eq!((&again["pieces_fetched"], &again["state"]), (&0.into(), &"whole".into()));
}

#[test]
fn without_a_yes_nothing_is_repaired_and_nobody_is_called() {
    let (scene, address) = rotten();
    let server = scene.serves_again(0, "importer", &address);
    let given = grants(&scene.importer, "fetch").len();
    let told = scene.importer.refuses(&REPAIR, 1, "consent.denied");
    assert_eq!((&told["field"], &told["corrupt"]), (&"fetch".into(), &3.into()));
    let other = [&REPAIR[..], &["--consent", "import"]].concat();
    scene.importer.refuses(&other, 1, "consent.denied");
    assert_eq!(grants(&scene.importer, "fetch").len(), given);
    assert_eq!(map(&scene.importer), (scene.pieces - 3, 3));
    assert!(!server.stop().err.contains("called"));
}

#[test]
fn a_repair_that_is_killed_keeps_what_came_and_the_next_one_fetches_the_rest() {
    let (scene, address) = imported();
    let rotten = 40;
    scene.rot_some(&scene.importer, rotten);
    let rotten = rotten as u64;
    let server = scene.serves_again(0, "importer", &address);
    let mut cut = repair(&scene.importer, &[&AGREED[..], &["--download-limit", "64KiB"]].concat());
    past(&mut cut, (scene.pieces - rotten + 1) * PIECE);
    cut.kill();
    let (kept, _) = map(&scene.importer);
    assert!(kept > scene.pieces - rotten && kept < scene.pieces, "{kept} of {}", scene.pieces);
    let answer = repair(&scene.importer, &AGREED).ends().done();
    let rest = scene.pieces - kept;
    assert_eq!((&answer["corrupt"], &answer["pieces_fetched"]), (&rest.into(), &rest.into()));
    assert_eq!(answer["state"], "whole");
    assert_eq!(map(&scene.importer), (scene.pieces, 0));
    server.stop().done();
}

#[test]
fn a_peer_that_does_not_share_the_model_any_more_says_so() {
    let (scene, address) = rotten();
    let friend = Companion::new(&scene.path(""), "friend");
    scene.peers[0].learns_of(&friend);
    let server = scene.serves_again(0, "friend", &address);
    let told = repair(&scene.importer, &AGREED).ends().refused(3, "io.failed");
    let said = told["message"].as_str().unwrap();
    assert!(said.contains("3 pieces are still to come") && said.contains("peer-0"), "{said}");
    assert_eq!(map(&scene.importer), (scene.pieces - 3, 3));
    assert_eq!(server.stop().done()["peer"].as_array().unwrap().len(), 0);
    assert_eq!(entries(&scene.importer, "unrepaired")[0]["detail"]["note"], "io.failed");
}

#[test]
fn who_gave_the_model_gets_it_back_from_who_took_it() {
    let (scene, _) = imported();
    let owner = &scene.peers[0];
    scene.rot_some(owner, 2);
    let address = free_address();
    tells_where(owner, &scene.importer, &address);
    let words = ["share", "serve", "tiny", "--to", "peer-0", "--consent", "serve"];
    let listen = ["--until-input-ends", "--listen", &address];
    let mut server = scene.importer.start(&[&words[..], &listen].concat());
    server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));

    let answer = repair(owner, &AGREED).ends().done();
    assert_eq!((&answer["pieces_fetched"], &answer["state"]), (&2.into(), &"whole".into()));
    assert_eq!(answer["peer"][0]["id"], scene.importer.id());
    assert_eq!(server.stop().done()["peer"][0]["bytes"], 2 * PIECE);
    assert_eq!(map(owner), (scene.pieces, 0));
}

#[test]
fn of_a_file_of_ones_own_the_giver_has_to_be_named() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    scene.rot(owner);
    let told = owner.refuses(&[&REPAIR[..], &AGREED].concat(), 1, "library.no-giver");
    let advice = told["advice"].as_str().unwrap();
    assert!(advice.starts_with("Share the same file again"), "{advice}");
    assert!(advice.contains("--from PEER"), "{advice}");
    let named = [&REPAIR[..], &AGREED, &["--from", "nobody"]].concat();
    owner.refuses(&named, 2, "usage.arguments");
    scene.importer.learns_of(owner);
    owner.run(&["peer", "block", "importer"]).done();
    let blocked = [&REPAIR[..], &AGREED, &["--from", "importer"]].concat();
    let told = owner.refuses(&blocked, 1, "library.no-giver");
    assert!(told["message"].as_str().unwrap().contains("blocked"), "{told}");
    assert_eq!(map(owner), (scene.pieces - 1, 1));
}
