//! What was recorded: sums, receipts, and what a session leaves when it is ended.

use std::fs;

use serde_json::Value;

use crate::harness::{Companion, Model, Scene, files, grants, midway, until};

#[cfg(unix)]
#[test]
fn an_import_that_any_signal_ends_tidies_up_and_is_written_down() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    for signal in ["HUP", "TERM", "INT"] {
        let mut import = scene.import(&["--consent", Scene::YES]);
        midway(&mut import);
        import.ends_by(signal).refused(3, "io.failed");
        scene.nothing_came_out();
        let entries = activity(&scene.importer);
        let failed = entries.iter().find(|entry| entry["what"] == "failed").unwrap();
        assert_eq!(failed["detail"]["note"], "the import was stopped", "{signal}");
    }
    let failed = activity(&scene.importer);
    assert_eq!(failed.iter().filter(|entry| entry["what"] == "failed").count(), 3);
}

#[cfg(unix)]
#[test]
fn a_server_that_any_signal_ends_has_written_down_what_it_gave() {
    let scene = Scene::new(1, Model::FINE);
    for signal in ["HUP", "TERM", "INT"] {
        let server = scene.serve_all(&["--upload-limit", "256KiB"]).pop().unwrap();
        let mut import = scene.import(&["--consent", Scene::YES]);
        let told = midway(&mut import);
        let served = server.ends_by(signal).done();
        assert_eq!(served["ended"], "stopped", "{signal}");
        let bytes = served["peer"][0]["bytes"].as_u64().unwrap();
        let entries = activity(&scene.peers[0]);
        let newest = entries.iter().find(|entry| entry["what"] == "served").unwrap();
        assert!(
            bytes > 0 && newest["detail"]["bytes"].as_u64() >= Some(bytes),
            "{signal}: {newest}"
        );
        drop((import, told));
        for file in ["peer-0.minimodel-offer", "request.json"] {
            fs::remove_file(scene.path(file)).unwrap();
        }
    }
}

#[test]
fn a_server_that_is_killed_has_written_down_all_but_the_last_second() {
    let scene = Scene::new(1, Model::FINE);
    let server = scene.serve_all(&["--upload-limit", "256KiB"]).pop().unwrap();
    let mut import = scene.import(&["--consent", Scene::YES]);
    midway(&mut import);
    until("what was given is written down", || {
        (grants(&scene.peers[0], "serve")[0]["bytes_used"].as_u64()? > 0).then_some(())
    });
    server.kill();
    drop(import);
    let used = grants(&scene.peers[0], "serve")[0]["bytes_used"].as_u64().unwrap();
    let entries = activity(&scene.peers[0]);
    let served: Vec<_> = entries.iter().filter(|entry| entry["what"] == "served").collect();
    let [served] = served[..] else { panic!("{served:?}") };
    // It was killed between two writings at the worst.
    let written = served["detail"]["bytes"].as_u64().unwrap();
    assert!(used > 0 && written >= used && written < scene.bytes, "{written} and {used}");
}

#[test]
fn one_peer_has_one_sum_wherever_it_is_shown() {
    let scene = Scene::new(1, Model::FINE);
    let server = scene.serve_all(&["--upload-limit", "512KiB"]).pop().unwrap();
    // Whatever was asked for and did not come is no part of any sum.
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    cut.kill();
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.came_out();
    let served = server.stop().done();

    let taken = served["peer"][0]["bytes"].as_u64().unwrap();
    assert!(taken >= scene.bytes);
    assert_eq!(sums(&scene.peers[0], "serve", "bytes_taken", "served"), [taken; 3]);
    let [used, given, told] = sums(&scene.importer, "fetch", "bytes_given", "fetched");
    assert_eq!(used, given);
    assert!(told >= used && used <= scene.bytes, "{told} and {used} of {}", scene.bytes);
}

#[test]
fn a_receipt_after_a_resume_names_who_gave_the_first_pieces() {
    let scene = Scene::new(2, Model::FINE);
    let mut servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    servers.pop().unwrap().stop().done();
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    cut.kill();
    servers.pop().unwrap().stop().done();
    let kept = scene.importer.kept();
    assert!(kept > 0 && kept < scene.pieces);

    for file in ["peer-0.minimodel-offer", "peer-1.minimodel-offer", "request.json"] {
        fs::remove_file(scene.path(file)).unwrap();
    }
    let _servers = scene.serve_all(&[]);
    // The first peer is not even asked any more.
    scene.peers[0].run(&["share", "stop", "tiny"]).done();
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    answer.done();
    let told = format!("{kept} piece{} here already", if kept == 1 { " was" } else { "s were" });
    assert!(answer.err.contains(&told), "{told}: {answer}");
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.pieces_local"], "0");
    assert_eq!(receipt["transfer.peer_count"], "2");
    let first = scene.peers[0].id();
    let place = (0..2).find(|place| receipt[&format!("transfer.peer.{place}.id")] == first);
    let pieces = &receipt[&format!("transfer.peer.{}.pieces", place.unwrap())];
    assert_eq!(*pieces, kept.to_string());
}

#[test]
fn what_was_prepared_here_is_local_in_a_receipt() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let prepare = ["share", "prepare", "tiny.slm", "--manifest", "tiny.manifest"];
    scene.importer.run(&[&prepare[..], &["--consent", "cache"]].concat()).done();
    scene.import(&["--consent", "fetch,import"]).ends().done();
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.pieces_local"], scene.pieces.to_string());
    assert_eq!(receipt["transfer.peer_count"], "0");
}

#[test]
fn an_import_without_cache_leaves_a_model_that_was_there() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.importer.run(&["library", "pin", "tiny"]).done();
    take_away(&scene);
    let answer = scene.import(&["--consent", "fetch,import"]).ends();
    assert_eq!(answer.done()["library"], "kept-before");
    assert!(answer.err.contains("It stays in the library, where it was before."), "{answer}");
    scene.came_out();
    let library = scene.importer.run(&["library", "list"]).done();
    assert_eq!(
        (&library["model_count"], &library["model"][0]["pinned"]),
        (&1.into(), &true.into())
    );
    assert_eq!(scene.importer.kept(), scene.pieces);
}

#[cfg(unix)]
#[test]
fn what_is_kept_for_an_import_without_cache_is_told_and_goes_at_its_end() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--bytes", "64MiB"]);
    let slow = ["--consent", "fetch,import", "--download-limit", "256KiB"];
    let mut cut = scene.import(&slow);
    midway(&mut cut);
    let answer = cut.interrupt();
    answer.refused(3, "io.failed");
    assert!(answer.err.contains("`minimodel library forget tiny` deletes it"), "{answer}");
    // In the folder of the output, and named.
    let [hidden] = &files(&scene.out())[..] else { panic!("one file is in the making") };
    assert!(answer.err.contains(&**hidden), "{answer}");
    let list = scene.importer.run(&["library", "list"]).done();
    assert!(list["model"][0]["outside"].as_str().unwrap().ends_with(&**hidden), "{list}");
    assert!(scene.importer.kept() > 0);
    // It can be deleted.
    scene.importer.run(&["library", "forget", "tiny", "--yes"]).done();
    scene.nothing_came_out();
    let mut cut = scene.import(&slow);
    midway(&mut cut);
    cut.interrupt().refused(3, "io.failed");
    let answer = scene.import(&["--consent", "fetch,import"]).ends().done();
    assert_eq!(answer["library"], "forgets");
    scene.came_out();
    assert_eq!(scene.importer.kept(), 0);

    // Pieces that are there by a yes to cache stay.
    take_away(&scene);
    let mut cut = scene.import(&["--consent", Scene::YES, "--download-limit", "256KiB"]);
    midway(&mut cut);
    cut.interrupt();
    let answer = scene.import(&["--consent", "fetch,import"]).ends().done();
    assert_eq!(answer["library"], "kept-before");
    assert_eq!(scene.importer.kept(), scene.pieces);
}

#[test]
fn what_fails_after_both_files_are_named_is_a_warning() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut import = scene.import(&["--consent", Scene::YES, "--download-limit", "1MiB"]);
    midway(&mut import);
    // The library's own manifest cannot be written any more, nor can the record of what moved.
    let manifests = scene.importer.data.join("store/artifacts");
    for name in files(&manifests) {
        let path = manifests.join(name);
        fs::remove_file(&path).unwrap();
        fs::create_dir_all(path.join("in the way")).unwrap();
    }
    let record = scene.importer.data.join("transfers.log");
    let _gone = fs::remove_file(&record);
    fs::create_dir(&record).unwrap();

    let answer = import.ends();
    assert_eq!(answer.done()["warnings"], serde_json::json!(["not-written-down"]));
    for told in ["does not know that the model was verified", "is not in the record"] {
        assert!(answer.err.contains("minimodel: warning: the "), "{answer}");
        assert!(answer.err.contains(told), "{told}: {answer}");
    }
    scene.came_out();
}

#[test]
fn a_count_that_cannot_be_written_down_is_a_warning_that_names_the_file() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut import = scene.import(&["--consent", Scene::YES, "--download-limit", "1MiB"]);
    midway(&mut import);
    let used = scene.importer.data.join("consent.used");
    until("something is in the way of the count", || {
        let _gone = fs::remove_file(&used);
        fs::create_dir(&used).ok()
    });
    let answer = import.ends();
    assert_eq!(answer.done()["warnings"], serde_json::json!(["not-written-down"]));
    let warned = "minimodel: warning: the import is not in the record of what moved, or not all of";
    let line = answer.err.lines().find(|line| line.starts_with(warned));
    assert!(line.is_some_and(|line| line.contains("consent.used")), "{answer}");
    assert!(answer.err.matches("cannot write down what moved").count() <= 1, "{answer}");
    scene.came_out();
}

#[cfg(unix)]
#[test]
fn what_was_not_imported_or_kept_counts_for_nothing() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "512KiB"]);
    let used = |act: &str| -> Vec<u64> {
        let grants = grants(&scene.importer, act);
        grants.iter().map(|grant| grant["bytes_used"].as_u64().unwrap()).collect()
    };
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    cut.interrupt().refused(3, "io.failed");
    let kept = scene.importer.kept();
    assert!(kept > 0 && kept < scene.pieces);
    assert_eq!(used("import"), [0]);
    let [cached] = used("cache")[..] else { panic!("one yes to cache") };
    assert!(cached > 0 && cached <= kept * (16 << 10), "{cached} of {kept} pieces");
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(used("import"), [0, scene.bytes]);
    assert_eq!(used("cache"), [cached, scene.bytes]);
}

#[test]
fn an_import_that_finds_a_damaged_piece_names_all_of_them_and_the_next_fetches_them() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    take_away(&scene);
    for _ in 0..3 {
        scene.rot(&scene.importer);
    }
    let refused = scene.import(&["--consent", Scene::YES]).ends().refused(1, "library.damaged");
    let told = "3 pieces that were kept are damaged and count as missing now";
    assert_eq!(refused["message"], told);
    assert_eq!(scene.importer.kept(), scene.pieces - 3);
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.came_out();
}

#[test]
fn a_result_names_a_peer_of_an_earlier_import_by_its_label() {
    let scene = Scene::new(2, Model::FINE);
    let mut servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    let other = servers.pop().unwrap();
    other.stop().done();
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    cut.kill();
    servers.pop().unwrap().stop().done();
    for file in ["peer-1.minimodel-offer", "request.json"] {
        fs::remove_file(scene.path(file)).unwrap();
    }
    let _server = scene.serves(1, "importer", &[]);
    let request = ["request", "new", "tiny.manifest", "peer-1.minimodel-offer"];
    let more = ["--out", "request.json", "--consent", "fetch"];
    scene.importer.run(&[&request[..], &more].concat()).done();
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    answer.done();
    for peer in ["peer-0", "peer-1"] {
        let start = format!("  {peer}  ");
        assert!(answer.err.lines().any(|line| line.starts_with(&start)), "{peer}: {answer}");
    }
    assert_eq!(scene.came_out()["transfer.peer_count"], "2");
}

/// Takes away what came out.
fn take_away(scene: &Scene) {
    for name in files(&scene.out()) {
        fs::remove_file(scene.out().join(name)).unwrap();
    }
}

/// One peer's bytes, as the list of consents, the list of peers and the time line say.
#[track_caller]
fn sums(one: &Companion, act: &str, way: &str, what: &str) -> [u64; 3] {
    let sum = |values: &[Value], of: &dyn Fn(&Value) -> Option<u64>| -> u64 {
        values.iter().filter_map(of).sum()
    };
    let used = sum(&grants(one, act), &|grant| grant["bytes_used"].as_u64());
    let list = one.run(&["peer", "list"]).done();
    let moved = sum(list["peer"].as_array().unwrap(), &|peer| peer[way].as_u64());
    let told = sum(&activity(one), &|entry| {
        (entry["what"] == what).then(|| entry["detail"]["bytes"].as_u64().unwrap())
    });
    [used, moved, told]
}

/// What an installation's time line says, newest first.
#[track_caller]
fn activity(one: &Companion) -> Vec<Value> {
    one.run(&["activity"]).done()["entry"].as_array().unwrap().clone()
}
