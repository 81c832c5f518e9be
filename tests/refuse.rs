//! Whom nothing is given, and what is not begun.

use std::fs;

use crate::harness::{Companion, Model, ROUTES, Running, Scene, until};

#[test]
fn a_stranger_gets_nothing() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let friend = Companion::new(&scene.path(""), "friend");
    scene.importer.learns_of(&scene.peers[0]);
    scene.peers[0].learns_of(&friend);
    let server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);

    gives_up(&scene);
    let said = gives_nothing(server);
    assert!(said.contains("turned away a caller from 127.0.0.1:"), "{said}");
    assert!(!said.contains("called"), "{said}");
}

#[test]
fn a_paired_peer_without_a_grant_gets_nothing() {
    let scene = Scene::new(1, Model::SMALL);
    let friend = Companion::new(&scene.path(""), "friend");
    scene.peers[0].learns_of(&friend);
    let server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);

    gives_up(&scene);
    let said = gives_nothing(server);
    assert!(said.contains("importer called"), "{said}");
}

#[test]
fn peers_that_are_not_paired_here_are_not_called() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    scene.peers[0].learns_of(&scene.importer);
    let server = scene.serve_all(&[]).pop().unwrap();
    let named = refused(&scene, "request.json", "tiny.manifest", 1, "request.no-usable-offer");
    assert_eq!(named, "peer_offers");
    let said = gives_nothing(server);
    assert!(!said.contains("called") && !said.contains("turned away"), "{said}");
}

#[test]
fn a_request_is_for_one_manifest_only() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let other = Companion::new(&scene.path(""), "other");
    let mut words = vec!["--model-id", "tiny", "--model-version", "1.0", "--chunk-size", "64KiB"];
    words.extend(["--display-name", "Another tiny", "--out", "other.manifest"]);
    other.prepares("tiny.slm", &words);

    let named = refused(&scene, "request.json", "other.manifest", 1, "request.manifest-mismatch");
    assert_eq!(named, "manifest_sha256");
    fs::write(scene.path("cut.manifest"), "manifest.version=0\n").unwrap();
    refused(&scene, "request.json", "cut.manifest", 1, "manifest.missing-key");
    let mut text = fs::read_to_string(scene.path("tiny.manifest")).unwrap();
    text.push_str("artifact.url=https://example.org/tiny.slm\n");
    fs::write(scene.path("url.manifest"), text).unwrap();
    let named = refused(&scene, "request.json", "url.manifest", 1, "boundary.forbidden-key");
    assert_eq!(named, "artifact.url");
}

#[test]
fn an_offer_that_somebody_changed_is_refused() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let elsewhere = |name: &str, changed: &str| {
        let text = fs::read_to_string(scene.path(name)).unwrap();
        let with_another = text.replace("mmp://127.0.0.1:", "mmp://127.0.0.2:");
        assert_ne!(text, with_another);
        fs::write(scene.path(changed), with_another).unwrap();
    };
    elsewhere("peer-0.minimodel-offer", "changed.minimodel-offer");
    let words = ["request", "new", "tiny.manifest", "changed.minimodel-offer", "--out", "new.json"];
    scene.importer.refuses(&words, 1, "offer.signature");
    assert!(!scene.path("new.json").exists());

    elsewhere("request.json", "changed.json");
    let named = refused(&scene, "changed.json", "tiny.manifest", 1, "offer.signature");
    assert!(named.contains("signature"), "{named}");
}

#[test]
fn a_request_ends_with_its_time() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.request("short.json", &["--for", "1s"]);
    until("the request expires", || {
        let answer = scene.importer.run(&["check-request", "short.json", "tiny.manifest"]);
        (answer.status != Some(0)).then(|| answer.refused(1, "request.expired"))
    });
    refused(&scene, "short.json", "tiny.manifest", 1, "request.expired");
}

#[test]
fn a_broken_model_is_not_prepared() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    let whole = fs::read(scene.path("tiny.slm")).unwrap();
    let mut magic = whole.clone();
    magic[0] ^= 1;
    let mut weights = whole.clone();
    let end = weights.len() - 1;
    weights[end] ^= 1;
    let short = whole[..whole.len() - 1].to_vec();
    for (bytes, code) in [
        (magic, "slm.bad-magic"),
        (weights, "slm.checksum-mismatch"),
        (short, "slm.checksum-mismatch"),
        (vec![0; 107], "slm.too-short"),
    ] {
        fs::write(scene.path("broken.slm"), bytes).unwrap();
        let words = ["share", "prepare", "broken.slm", "--consent", "cache"];
        scene.importer.refuses(&[&words[..], &ROUTES].concat(), 1, code);
        assert!(!scene.path("broken.manifest").exists(), "a manifest of {code} was written");
        assert_eq!(scene.importer.kept(), 0);
    }
}

#[test]
fn without_a_yes_to_caching_nothing_is_prepared() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    let words = ["share", "prepare", "tiny.slm"];
    scene.importer.refuses(&[&words[..], &ROUTES].concat(), 1, "consent.denied");
    assert!(!scene.path("tiny.manifest").exists());
    assert_eq!(scene.importer.kept(), 0);
}

#[test]
fn a_wrong_command_line_is_not_guessed_at() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    for words in [
        &["import-peer-request", "request.json"][..],
        &["import-peer-request", "r", "m", "out", "--consent", "everything"],
        &["import-peer-requests", "r", "m", "out"],
        &["share", "serve", "tiny"],
    ] {
        let answer = scene.importer.run_in_lines(words);
        assert_eq!(answer.refused_in_lines(2, "usage.arguments"), "-");
        let json = scene.importer.run(words);
        assert_eq!(json.status, Some(2), "{json}");
        assert!(json.out.contains(r#""code":"usage.arguments""#), "{json}");
    }
    assert!(!scene.importer.data.exists(), "a data folder was made");
    scene.nothing_came_out();
}

#[test]
fn what_is_not_there_is_said_plainly() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    for (request, manifest) in [("none.json", "tiny.manifest"), ("request.json", "none.manifest")] {
        refused(&scene, request, manifest, 3, "io.failed");
        let answer = scene.importer.run(&["check-request", request, manifest]);
        let value = answer.refused(3, "io.failed");
        assert!(value["message"].as_str().unwrap().contains("none."), "{answer}");
    }
    let words = ["import-peer-request", "request.json", "tiny.manifest", "nowhere"];
    scene.importer.refuses(&words, 3, "output.unsafe");
    assert!(!scene.path("nowhere").exists());
}

/// Checks that an import is refused and leaves nothing; gives the field that it names.
#[track_caller]
fn refused(scene: &Scene, request: &str, manifest: &str, status: i32, code: &str) -> String {
    let words = ["import-peer-request", request, manifest, "out", "--consent", Scene::YES];
    let value = scene.importer.refuses(&words, status, code);
    scene.nothing_came_out();
    assert_eq!(scene.importer.kept(), 0);
    value["field"].as_str().unwrap().to_owned()
}

/// Checks that an import ends because nobody gives anything, and leaves nothing.
#[track_caller]
fn gives_up(scene: &Scene) {
    scene.import(&["--consent", Scene::YES]).ends().refused(3, "io.failed");
    scene.nothing_came_out();
    assert_eq!(scene.importer.kept(), 0);
}

/// Stops a server and checks that it sent no piece; gives what it said.
#[track_caller]
fn gives_nothing(server: Running) -> String {
    let answer = server.stop();
    let value = answer.done();
    let sent = value["peer"].as_array().unwrap().iter().map(|peer| peer["bytes"].as_u64().unwrap());
    assert_eq!(sent.sum::<u64>(), 0, "{answer}");
    answer.err
}
