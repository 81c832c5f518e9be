//! An import that was cut off goes on from what it has.

use std::fs;

use serde_json::Value;

use crate::harness::{Companion, Model, ROUTES, Running, Scene, files, grants, midway};

#[test]
fn after_a_power_cut_no_kept_piece_is_asked_for_twice() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let slow = ["--consent", Scene::YES, "--download-limit", "256KiB"];
    let mut cut: Running = scene.import(&slow);
    let told = midway(&mut cut);
    cut.kill();

    let kept = scene.importer.kept();
    assert!(kept > 0 && kept < scene.pieces, "{kept} of {} pieces are kept", scene.pieces);
    let bytes = kept * (16 << 10);
    assert!(bytes >= told, "{told} bytes were told to be kept, {bytes} are");
    assert!(!scene.out().join("tiny-1.0.slm").exists());

    let before = asked_for(&scene.importer);
    let answer = scene.import(&["--consent", Scene::YES]).ends().done();
    let receipt = scene.came_out();
    let fetched = asked_for(&scene.importer) - before;
    // The last piece is shorter.
    assert!((scene.bytes..scene.bytes + (16 << 10)).contains(&(fetched + bytes)));
    // The receipt names who gave the pieces, in whichever import.
    assert_eq!(receipt["transfer.pieces_local"], "0");
    assert_eq!(receipt["transfer.pieces_fetched"], scene.pieces.to_string());
    assert_eq!(answer["transfer.bytes_fetched"], scene.bytes.to_string());
    assert_eq!(scene.importer.kept(), scene.pieces);
}

#[test]
fn what_was_repaired_without_a_piece_list_can_be_served() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.rot(&scene.importer);
    scene.importer.refuses(&["library", "recheck", "tiny"], 1, "library.damaged");
    let manifests = fs::read_dir(scene.importer.data.join("store/artifacts")).unwrap();
    let mut paths = manifests.map(|entry| entry.unwrap().path());
    let list = paths.find(|path| path.extension().is_some_and(|end| end == "list")).unwrap();
    fs::remove_file(&list).unwrap();
    fs::remove_dir_all(scene.out()).unwrap();
    fs::create_dir(scene.out()).unwrap();

    let before = asked_for(&scene.importer);
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(asked_for(&scene.importer) - before, 16 << 10, "one piece, and no list");
    assert!(list.exists(), "the list of what is kept is known again");
}

#[test]
fn an_import_that_is_cut_off_again_and_again_still_arrives() {
    let scene = Scene::new(2, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut kept = 0;
    for _ in 0..2 {
        let mut cut = scene.import(&["--consent", Scene::YES, "--download-limit", "256KiB"]);
        midway(&mut cut);
        cut.kill();
        let now = scene.importer.kept();
        assert!(now >= kept, "{kept} pieces were kept, now {now}");
        kept = now;
    }
    scene.import(&["--consent", Scene::YES]).ends().done();
    // What was on the disk and not yet acknowledged when the process was killed is kept, but who
    // gave it is not known.
    let local: u32 = scene.came_out()["transfer.pieces_local"].parse().unwrap();
    assert!(local <= 8, "{local} pieces are of nobody");
}

/// The yes of somebody who does not want the model in the library.
const NOT_KEPT: [&str; 2] = ["--consent", "fetch,import"];

#[test]
fn an_import_without_cache_goes_on_from_its_hidden_file_after_a_kill() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut cut = scene.import(&[&NOT_KEPT[..], &["--download-limit", "256KiB"]].concat());
    let told = midway(&mut cut);
    cut.kill();
    let kept = scene.importer.kept();
    assert!(kept * (16 << 10) >= told && kept < scene.pieces, "{kept}");
    let [hidden] = &files(&scene.out())[..] else { panic!("one file is in the making") };
    assert!(hidden.starts_with(".minimodel-"), "{hidden}");
    let papers = files(&scene.importer.data.join("store/artifacts"));
    assert!(!papers.iter().any(|name| name.ends_with(".part")), "{papers:?}");

    let before = asked_for(&scene.importer);
    let answer = scene.import(&NOT_KEPT).ends().done();
    let fetched = asked_for(&scene.importer) - before;
    // The last piece is shorter.
    let bytes = fetched + kept * (16 << 10);
    assert!((scene.bytes..scene.bytes + (16 << 10)).contains(&bytes), "{bytes}");
    assert_eq!(answer["library"], "forgets");
    scene.came_out();
    assert_eq!(scene.importer.kept(), 0);
    assert_eq!(files(&scene.importer.data.join("store/artifacts")), [""; 0]);
}

#[test]
fn an_import_without_cache_that_goes_on_in_another_folder_leaves_nothing_in_the_first() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut cut = scene.import(&[&NOT_KEPT[..], &["--download-limit", "256KiB"]].concat());
    midway(&mut cut);
    cut.kill();
    let kept = scene.importer.kept();
    fs::create_dir(scene.path("other")).unwrap();
    let words = ["import-peer-request", "request.json", "tiny.manifest", "other"];
    let before = asked_for(&scene.importer);
    scene.importer.run(&[&words[..], &NOT_KEPT].concat()).done();
    assert!(asked_for(&scene.importer) - before <= scene.bytes - (kept - 1) * (16 << 10));
    scene.nothing_came_out();
    let came = fs::read(scene.path("other/tiny-1.0.slm")).unwrap();
    assert!(came == fs::read(scene.path("tiny.slm")).unwrap());
    assert_eq!(scene.importer.kept(), 0);
}

#[cfg(unix)]
#[test]
fn an_import_that_is_interrupted_tidies_up_and_keeps_its_pieces() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut cut = scene.import(&["--consent", Scene::YES, "--download-limit", "256KiB"]);
    let told = midway(&mut cut);
    cut.interrupt().refused(3, "io.failed");
    scene.nothing_came_out();
    assert!(scene.importer.kept() * (16 << 10) >= told);

    // What came and how it ended is written down.
    let activity = scene.importer.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap();
    let find = |what| entries.iter().find(|entry| entry["what"] == what).unwrap();
    assert!(find("fetched")["detail"]["bytes"].as_u64().unwrap() >= told);
    assert_eq!(find("failed")["detail"]["note"], "the import was stopped");
}

#[test]
fn a_library_whose_index_is_lost_is_read_back_from_what_is_kept() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut cut = scene.import(&["--consent", Scene::YES, "--download-limit", "256KiB"]);
    midway(&mut cut);
    cut.kill();
    let kept = scene.importer.kept();
    let index = scene.importer.data.join("store/index");
    assert!(index.is_dir());
    fs::remove_dir_all(&index).unwrap();

    assert_eq!(scene.importer.kept(), kept);
}

/// How many bytes were asked for under all yeses to fetching.
fn asked_for(companion: &Companion) -> u64 {
    let used = |grant: &Value| grant["bytes_used"].as_u64().unwrap();
    grants(companion, "fetch").iter().map(used).sum()
}

#[test]
fn a_share_that_was_cut_off_before_it_kept_anything_is_made_by_the_same_command() {
    let scene = Scene::new(0, Model::SMALL);
    let owner = &scene.importer;
    let made = owner.prepares("tiny.slm", &[]);
    let kept = fs::read(scene.path("tiny.manifest")).unwrap();
    // As a process leaves it that is killed as soon as the manifest has its name.
    fs::remove_dir_all(&owner.data).unwrap();
    let again = owner.prepares("tiny.slm", &[]);
    assert_eq!(again["manifest.sha256"], made["manifest.sha256"]);
    assert!(fs::read(scene.path("tiny.manifest")).unwrap() == kept, "the manifest stays as it was");
    // That of another file, or one that says something else, is in the way.
    fs::remove_dir_all(&owner.data).unwrap();
    owner.run(&["sample", "other.slm", "--bytes", "2MiB", "--seed", "7"]).done();
    fs::rename(scene.path("other.slm"), scene.path("tiny.slm")).unwrap();
    let words = ["share", "prepare", "tiny.slm", "--consent", "cache"];
    let told = owner.refuses(&[&words[..], &ROUTES].concat(), 3, "output.exists");
    assert!(told["message"].as_str().unwrap().ends_with("tiny.manifest exists already"), "{told}");
}
