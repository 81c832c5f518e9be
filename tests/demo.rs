//! The demo, as a newcomer starts it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Answer, Companion, Turn, files};

#[test]
fn the_demo_moves_a_model_from_four_peers() {
    let show = play(&["--size", "8MiB"]);
    let value = show.checked(4);
    assert!(value["peers"].as_array().unwrap().iter().all(|peer| peer["banned"] == false));
}

#[test]
fn the_demo_names_the_liar_and_does_without_it() {
    let show = play(&["--size", "8MiB", "--liar"]);
    let value = show.checked(4);
    let peers = value["peers"].as_array().unwrap();
    let (banned, honest): (Vec<_>, Vec<_>) = peers.iter().partition(|peer| peer["banned"] == true);
    assert_eq!(banned.len(), 1, "{value}");
    let name = banned[0]["label"].as_str().unwrap();
    assert!(show.answer.err.contains(&format!("{name} (")), "{}", show.answer);
    assert!(show.answer.err.contains("lied and is banned"), "{}", show.answer);
    let most = honest.iter().map(|peer| peer["pieces"].as_u64().unwrap()).max().unwrap();
    assert!(banned[0]["pieces"].as_u64().unwrap() < most, "{value}");
}

#[test]
fn the_demo_finishes_although_a_peer_is_killed() {
    let show = play(&["--size", "8MiB", "--kill"]);
    let value = show.checked(4);
    let killed = |peer: &&Value| peer["killed"] == true;
    assert_eq!(value["peers"].as_array().unwrap().iter().filter(killed).count(), 1, "{value}");
}

#[test]
fn the_demo_lets_several_importers_share_what_one_source_sends() {
    let show =
        play(&["--importers", "3", "--size", "2MiB", "--source-limit", "2MiB", "--keep", "kept"]);
    let value = show.answer.done();
    assert_eq!(value["verdict"], "ok");
    let bytes = value["artifact_bytes"].as_u64().unwrap();
    let importers = value["importers"].as_array().unwrap();
    assert_eq!(importers.len(), 3);
    let sum = |key: &str| importers.iter().map(|one| one[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("bytes_from_source") + sum("bytes_from_others"), 3 * bytes, "{value}");
    assert!(sum("bytes_given") >= sum("bytes_from_others"), "{value}");
    assert!(value["source_sent"].as_u64().unwrap() >= sum("bytes_from_source"), "{value}");
    for number in ["seconds_alone", "seconds_all", "ratio", "source_artifacts"] {
        assert!(value[number].as_f64().unwrap() > 0.0, "{number}: {value}");
    }
    let manifest = show.folder.path().join("kept/demo-model.manifest");
    for (number, importer) in importers.iter().enumerate() {
        let receipt = importer["receipt"].as_str().unwrap();
        let artifact = receipt.replace(".minimodel-receipt", ".slm");
        let words = ["verify-receipt", receipt, manifest.to_str().unwrap(), &artifact];
        let data = format!("kept/importer-{number}");
        Companion::new(show.folder.path(), &data).run(&words).done();
    }
}

#[test]
fn a_demo_that_is_kept_can_be_checked_by_hand() {
    let show = play(&["--size", "2MiB", "--peers", "2", "--keep", "kept"]);
    show.checked(2);
    let kept = show.folder.path().join("kept");
    let names = files(&kept);
    for name in ["importer", "out", "peer-0", "peer-1"] {
        assert!(names.iter().any(|there| there == name), "{name} is not among {names:?}");
    }
    let out = kept.join("out");
    let named = |end: &str| {
        let name = files(&out).into_iter().find(|name| name.ends_with(end)).unwrap();
        out.join(name).to_str().unwrap().to_owned()
    };
    let (artifact, receipt) = (named(".slm"), named(".minimodel-receipt"));
    let manifest = kept.join("demo-model.manifest").to_str().unwrap().to_owned();
    let importer = Companion::new(&kept, "importer");
    importer.run(&["verify-receipt", &receipt, &manifest, &artifact]).done();
    let library = importer.run(&["library", "list"]).done();
    assert_eq!(library["model"][0]["kept"], library["model"][0]["pieces"]);
    assert_eq!(fs::read(&artifact).unwrap(), fs::read(kept.join("demo-model.slm")).unwrap());

    let again = ["demo", "--size", "2MiB", "--keep", "kept"];
    let stranger = Companion::new(show.folder.path(), "stranger");
    stranger.refuses(&again, 3, "output.exists");
}

#[test]
fn a_demo_that_nobody_could_finish_is_not_begun() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let words = ["demo", "--peers", "1", "--liar", "--keep", "kept"];
    Companion::new(folder.path(), "data").refuses(&words, 2, "usage.arguments");
    assert!(!folder.path().join("kept").exists());
}

/// A demo that has ended.
struct Show {
    answer: Answer,
    folder: tempfile::TempDir,
    _turn: Turn,
}

/// Plays a demo in a temporary folder of its own.
fn play(words: &[&str]) -> Show {
    let turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let mut line = vec!["demo"];
    line.extend(words);
    let answer = Companion::new(folder.path(), "unused").run(&line);
    assert!(!folder.path().join("unused").exists(), "the demo used the user's own data folder");
    Show { answer, folder, _turn: turn }
}

impl Show {
    /// What the demo answered, after a look at what it must always say.
    #[track_caller]
    fn checked(&self, peers: usize) -> Value {
        let value = self.answer.done();
        assert_eq!(value["verdict"], "ok");
        for number in ["seconds_processor", "mib_per_s", "peak_rss_bytes"] {
            assert!(value[number].as_f64().unwrap() > 0.0, "{number}: {value}");
        }
        // The pieces come before the files, and the files before the demo is over.
        let times = ["seconds_transfer", "seconds_import", "seconds_total"];
        let times = times.map(|time| value[time].as_f64().unwrap());
        assert!(times[0] > 0.0 && times.is_sorted(), "{value}");
        let given = value["peers"].as_array().unwrap();
        assert_eq!(given.len(), peers);
        let sum = |key: &str| given.iter().map(|peer| peer[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("pieces"), value["pieces"].as_u64().unwrap(), "{value}");
        assert_eq!(sum("bytes"), value["artifact_bytes"].as_u64().unwrap(), "{value}");
        let ids = given.iter().map(|peer| peer["id"].as_str().unwrap());
        assert!(ids.clone().all(|id| id.starts_with("mmpeer1")), "{value}");
        assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), peers);
        let receipt = Path::new(value["receipt"].as_str().unwrap());
        assert!(receipt.is_absolute(), "{value}");
        value
    }
}
