//! What is kept is read again within a budget.

use crate::harness::{Model, Scene};

/// The length of a piece of [`Model::FINE`].
const PIECE: u64 = 16 << 10;

#[test]
fn a_scrub_without_a_budget_reads_everything_once_and_finds_what_rotted() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    let sound = owner.run(&["library", "scrub"]).done();
    assert_eq!((&sound["bytes_read"], &sound["bytes_left"]), (&scene.bytes.into(), &0.into()));
    assert_eq!((&sound["pieces_read"], &sound["ended"]), (&scene.pieces.into(), &"done".into()));
    assert_eq!((&sound["model_count"], &sound["corrupt"]), (&1.into(), &0.into()));

    scene.rot_some(owner, 2);
    let bad = owner.run(&["library", "scrub", "tiny", "--for", "10m", "--rate", "1GiB"]);
    let bad = bad.refused(1, "library.damaged");
    assert_eq!((&bad["corrupt"], &bad["model"][0]["corrupt"]), (&2.into(), &2.into()));
    assert!(bad["advice"].as_str().unwrap().contains("`minimodel library repair`"), "{bad}");
    // What is bad is not kept any more, and is told for as long as it is so.
    let again = owner.run(&["library", "scrub"]).refused(1, "library.damaged");
    assert_eq!((&again["pieces_read"], &again["corrupt"]), (&(scene.pieces - 2).into(), &2.into()));
    owner.refuses(&["library", "scrub", "nothing"], 2, "usage.arguments");
}

#[test]
fn a_scrub_ends_with_its_time_and_says_what_is_left() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    let words = ["library", "scrub", "--for", "1s", "--rate", "64KiB"];
    let cut = owner.run(&words).done();
    assert_eq!(cut["ended"], "time");
    let number = |key: &str| cut[key].as_u64().unwrap();
    assert!(number("bytes_read") >= PIECE, "{cut}");
    assert_eq!(number("bytes_read") + number("bytes_left"), scene.bytes);
}

#[cfg(unix)]
#[test]
fn a_scrub_that_is_interrupted_ends_and_counts_what_it_read() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    let mut cut = owner.start(&["library", "scrub", "--rate", "32KiB"]);
    cut.says("a scrub is under way", |line| line.starts_with("scrub: ").then_some(()));
    let told = cut.interrupt().refused(3, "io.failed");
    assert_eq!(told["ended"], "stopped");
    let number = |key: &str| told[key].as_u64().unwrap();
    assert!(number("bytes_read") >= PIECE && number("bytes_left") > 0, "{told}");
}

#[test]
fn a_scrub_that_is_killed_leaves_everything_and_the_next_one_finds_what_rotted() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    scene.rot_some(owner, 2);
    let mut cut = owner.start(&["library", "scrub", "--rate", "256KiB"]);
    cut.says("a scrub is under way", |line| line.starts_with("scrub: ").then_some(()));
    cut.kill();
    // Whatever of them the first one had come to by then.
    let told = owner.run(&["library", "scrub"]).refused(1, "library.damaged");
    assert_eq!((&told["corrupt"], &told["ended"]), (&2.into(), &"done".into()));
    assert_eq!(owner.kept(), scene.pieces - 2);
}

#[test]
fn where_nothing_is_kept_there_is_nothing_to_scrub() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let none = scene.importer.run(&["library", "scrub"]).done();
    assert_eq!((&none["pieces_read"], &none["model_count"]), (&0.into(), &0.into()));
    assert!(!scene.importer.data.join("store").exists());
}
