//! Disks that are full before, during and at the very end of an import.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Model, ROUTES, Running, Scene, SmallDisk, until};

const YES: [&str; 2] = ["--consent", Scene::YES];
/// Slow enough that a disk can be filled midway.
const SLOWLY: [&str; 4] = ["--consent", Scene::YES, "--download-limit", "1MiB"];

/// Waits until an import has said so often that it is paused.
#[track_caller]
fn pauses(import: &Running, times: usize) {
    let said = || import.said().matches("Paused: the disk of ").count() >= times;
    until("an import is paused", || said().then_some(()));
}

/// Waits until an import keeps some pieces.
#[track_caller]
fn begins(import: &mut Running) {
    import.says("an import fetches", |line| line.starts_with("import: ").then_some(()));
}

#[test]
fn an_import_pauses_on_a_full_disk_and_goes_on() {
    let scene = Scene::new(1, Model::FINE);
    let Some(disk) = SmallDisk::mount(&scene.out(), 4 << 20) else { return };
    let _servers = scene.serve_all(&[]);

    // Full before: refused before anything is asked of anybody.
    disk.fill(1 << 20);
    let refused = scene.import(&YES).ends().refused(3, "io.failed");
    assert_eq!((&refused["field"], scene.importer.kept()), (&"device".into(), 0));
    disk.empty();

    // Full midway, then with room for the artifact and for nothing else.
    let mut import = scene.import(&SLOWLY);
    begins(&mut import);
    disk.fill(0);
    pauses(&import, 1);
    let taken = |name: &str| {
        let found = fs::metadata(scene.out().join(name)).unwrap();
        std::os::unix::fs::MetadataExt::blocks(&found) * 512
    };
    let hidden = crate::harness::files(&scene.out());
    let output = hidden.iter().find(|name| **name != ".filler").unwrap();
    let left = (scene.bytes.next_multiple_of(4_096)).saturating_sub(taken(output));
    disk.empty();
    disk.fill(left);
    import.says("there is room again", |line| line.contains("There is room again").then_some(()));
    pauses(&import, 2);
    disk.empty();
    let done = import.ends();
    done.done();
    scene.came_out();
}

#[test]
fn an_import_without_cache_pauses_on_a_full_disk_of_its_output_and_goes_on() {
    let scene = Scene::new(1, Model::FINE);
    let Some(disk) = SmallDisk::mount(&scene.out(), 4 << 20) else { return };
    let _servers = scene.serve_all(&[]);
    let words = ["--consent", "fetch,import", "--download-limit", "1MiB"];
    let mut import = scene.import(&words);
    begins(&mut import);
    disk.fill(0);
    pauses(&import, 1);
    let out = scene.out();
    assert!(import.said().contains(&format!("Paused: the disk of {}", out.display())));
    disk.empty();
    import.ends().done();
    scene.came_out();
}

#[test]
fn a_library_that_is_full_pauses_an_import_for_longer_than_its_patience() {
    let mut scene = Scene::new(1, Model::FINE);
    let small = scene.path("small");
    fs::create_dir(&small).unwrap();
    let Some(disk) = SmallDisk::mount(&small, 32 << 20) else { return };
    let copied = Command::new("cp").arg("-a").args([&scene.importer.data, &small]).status();
    assert!(copied.unwrap().success());
    scene.importer.data = small.join("importer");
    let _servers = scene.serve_all(&[]);
    let mut import = scene.import(&[&SLOWLY[..], &["--patience", "2s"]].concat());
    begins(&mut import);
    disk.fill(0);
    pauses(&import, 1);
    std::thread::sleep(Duration::from_millis(2_500));
    disk.empty();
    import.ends().done();
    scene.came_out();
    let checked = scene.importer.run(&["library", "recheck", "--all"]).done();
    assert_eq!((&checked["corrupt"], &checked["missing"]), (&0.into(), &0.into()));
}

#[test]
fn a_paused_import_can_be_cancelled_and_goes_on_later() {
    let scene = Scene::new(1, Model::FINE);
    let Some(disk) = SmallDisk::mount(&scene.out(), 4 << 20) else { return };
    let _servers = scene.serve_all(&[]);
    let mut import = scene.import(&SLOWLY);
    begins(&mut import);
    disk.fill(0);
    pauses(&import, 1);
    assert_ne!(import.interrupt().status, Some(0));
    disk.empty();
    scene.nothing_came_out();
    assert!(scene.importer.kept() > 0);
    scene.import(&YES).ends().done();
    scene.came_out();
}

/// A scene whose importer keeps the model on a small disk.
fn on_a_small_disk(bytes: u64) -> Option<(Scene, SmallDisk)> {
    let mut scene = Scene::new(1, Model::SMALL);
    let small = scene.path("small");
    fs::create_dir(&small).unwrap();
    let disk = SmallDisk::mount(&small, bytes)?;
    scene.importer.data = small.join("importer");
    let kept = ["share", "prepare", "tiny.slm", "--manifest", "tiny.manifest"];
    scene.importer.run(&[&kept[..], &["--consent", "cache"]].concat()).done();
    Some((scene, disk))
}

/// Whether the model lies in the folder for what comes out.
fn is_exported(scene: &Scene) -> bool {
    fs::read(scene.out().join("tiny-1.0.slm")).unwrap() == fs::read(scene.path("tiny.slm")).unwrap()
}

#[test]
fn a_full_disk_keeps_nobody_from_looking_and_forgetting() {
    let Some((scene, disk)) = on_a_small_disk(24 << 20) else { return };
    let owner = &scene.importer;
    disk.fill(0);
    let list = owner.run(&["library", "list"]);
    assert!(list.err.contains("is full, so nothing can be written down there"), "{}", list.err);
    let list = list.done();
    assert_eq!(
        (&list["model"][0]["state"], &list["model"][0]["kept"]),
        (&"whole".into(), &scene.pieces.into())
    );
    assert_eq!(owner.run(&["library", "quota"]).done()["free"], 0);
    let checked = owner.run(&["library", "recheck", "--all"]).done();
    assert_eq!(checked["model"][0]["checked"], scene.pieces);
    owner.run(&["library", "unpin", "tiny"]).done();
    assert_eq!(owner.run(&["library", "list"]).done()["model"][0]["pinned"], false);
    for words in [&["activity"][..], &["consent", "list"], &["peer", "list"], &["settings"]] {
        owner.run(words).done();
    }
    owner.run(&["library", "export", "tiny", "out"]).done();
    assert!(is_exported(&scene));
    let gone = owner.run(&["library", "forget", "tiny", "--yes"]);
    assert!(!gone.err.contains("ERROR"), "{}", gone.err);
    assert!(gone.done()["freed_bytes"].as_u64().unwrap() >= scene.bytes);
    assert_eq!(owner.run(&["library", "list"]).done()["model_count"], 0);
}

#[test]
fn a_data_folder_that_may_only_be_read_is_listed_checked_and_exported_from() {
    let Some((scene, disk)) = on_a_small_disk(24 << 20) else { return };
    let owner = &scene.importer;
    disk.close();
    assert_eq!(owner.kept(), scene.pieces);
    for words in [&["recheck", "--all"][..], &["map", "tiny"], &["export", "tiny", "out"]] {
        let answer = owner.run(&[&["library"][..], words].concat());
        assert!(!answer.err.contains("ERROR"), "{}", answer.err);
        answer.done();
    }
    assert!(is_exported(&scene));
    let told = owner.refuses(&["library", "forget", "tiny", "--yes"], 3, "io.failed");
    assert!(told["message"].as_str().unwrap().contains("a disk that may only be read"), "{told}");
}

#[test]
fn a_share_pauses_on_a_full_disk_and_goes_on_or_says_what_helps() {
    let Some((scene, disk)) = on_a_small_disk(96 << 20) else { return };
    let owner = &scene.importer;
    let paused = |bytes: &str, seed: &str, lists: usize| {
        let name = format!("big{seed}.slm");
        owner.run(&["sample", &name, "--bytes", bytes, "--seed", seed]).done();
        let words = ["share", "prepare", &name, "--consent", "cache", "--chunk-size", "16KiB"];
        let running = owner.start(&[&words[..], &ROUTES].concat());
        let has_begun = || {
            let names = crate::harness::files(&owner.data.join("store/artifacts"));
            (names.iter().filter(|it| it.ends_with(".list")).count() == lists).then_some(())
        };
        until("room was made for the model", has_begun);
        running.signal("STOP");
        disk.fill(0);
        running.signal("CONT");
        pauses(&running, 1);
        running
    };
    let goes_on = paused("34MiB", "2", 2);
    disk.empty();
    let answer = goes_on.ends();
    assert!(answer.err.contains("There is room again: keeping goes on."), "{}", answer.err);
    assert!(answer.err.contains("a browser is not expected to load it"), "{}", answer.err);
    answer.done();
    let stopped = paused("16MiB", "3", 3).interrupt().refused(3, "io.failed");
    let advice = stopped["advice"].as_str().unwrap();
    assert!(advice.starts_with("Free some space on the disk of "), "{advice}");
    assert!(advice.contains("run the same command again"), "{advice}");
    disk.empty();
    let list = owner.run(&["library", "list"]).done();
    assert_eq!(list["model"][0]["state"], "whole");
    assert!(list["model"][1]["kept"].as_u64() < list["model"][1]["pieces"].as_u64(), "{list}");
}

#[test]
fn an_export_asks_for_room_before_its_first_byte() {
    let scene = Scene::new(1, Model::SMALL);
    let Some(_disk) = SmallDisk::mount(&scene.out(), 1 << 20) else { return };
    let words = ["library", "export", "tiny", "out"];
    let told = scene.peers[0].refuses(&words, 3, "io.failed");
    assert_eq!(told["field"], "device");
    let said = told["message"].as_str().unwrap();
    assert!(said.contains("do not fit: the disk of ") && said.contains("out has "), "{said}");
    scene.nothing_came_out();
}
