//! What is prepared and handed out, what a look makes, and whose word a receipt is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use verifier::Sha256;
use verifier::consent::{Act, ConsentLog, GrantTerms, Scope};
use verifier::scalars::{Id, UtcTime};

use crate::harness::{Companion, Model, ROUTES, Scene, Turn, files, grants, lines};

/// Someone with a model in a folder, and nothing prepared.
fn newcomer(folder: &Path) -> Companion {
    let anna = Companion::new(folder, "anna");
    anna.run(&["sample", "tiny.slm", "--bytes", "64KiB"]).done();
    anna
}

#[test]
fn commands_that_only_look_make_nothing_and_say_so() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let nobody = Companion::new(folder.path(), "mistyped");
    for (words, empty) in [
        (&["peer", "list"][..], "peer_count"),
        (&["library", "list"], "model_count"),
        (&["library", "recheck", "--all"], "model_count"),
        (&["library", "quota"], "live"),
        (&["library", "room", "1MiB"], "evicted_count"),
        (&["share", "list"], "share_count"),
        (&["consent", "list"], "grant_count"),
        (&["consent", "check"], "lines"),
        (&["activity"], "entry_count"),
        (&["share", "stop", "tiny"], ""),
        (&["settings"], ""),
    ] {
        let answer = nobody.run(words);
        assert!(empty.is_empty() || answer.done()[empty] == 0, "{answer}");
        assert!(answer.err.contains("There is no library in "), "{answer}");
        assert!(!nobody.data.exists(), "something was made: {answer}");
    }
    for words in [
        &["peer", "id"][..],
        &["peer", "rename", "anna", "ben"],
        &["peer", "block", "anna"],
        &["peer", "unblock", "anna"],
        &["peer", "remove", "anna"],
        &["library", "map", "tiny"],
        &["library", "manifest", "tiny"],
        &["library", "pin", "tiny"],
        &["library", "unpin", "tiny"],
        &["library", "forget", "tiny", "--yes"],
        &["library", "recheck", "tiny"],
        &["library", "export", "tiny", "."],
        &[
            "announce",
            "tiny",
            "--out",
            "a",
            "--address",
            "mmp://127.0.0.1:9",
            "--consent",
            "publish",
        ],
        &["share", "serve", "tiny", "--to", "anna", "--consent", "serve"],
    ] {
        let fault = nobody.refuses(words, 2, "usage.arguments");
        assert_eq!(fault["field"], "--data-dir", "{words:?}");
        assert!(fault["advice"].as_str().unwrap().contains("--data-dir DIR"), "{fault}");
        assert!(!nobody.data.exists(), "{words:?} made something");
    }
    nobody.refuses(&["consent", "revoke", "g-1"], 1, "consent.unknown-grant");
    nobody.refuses(&["peer", "add", "mmticket0:x", "--yes"], 1, "ticket.base64");
    assert!(!nobody.data.exists());
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn an_import_without_a_library_makes_none() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let friend = Companion::new(&scene.path(""), "friend");
    scene.peers[0].learns_of(&friend);
    let server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);
    let words = scene.import_words(&["--consent", Scene::YES]);
    scene.importer.refuses(&words, 1, "request.no-usable-offer");
    assert!(!scene.importer.data.exists());
    drop(server);
}

#[test]
fn a_new_identity_is_told_once() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9"];
    let told = |said: &str| said.contains("A new identity was made");
    assert!(told(&anna.run(&invite).err));
    assert!(!told(&anna.run(&invite).err));
    assert_eq!(anna.run(&["peer", "id"]).done()["peer_id"], anna.id());
    assert_eq!(files(&anna.data), ["identity.key"], "a key needs no library");
}

#[test]
fn a_no_makes_no_identity() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    let ben = Companion::new(folder.path(), "ben");
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "ben"];
    let ticket = ben.run(&invite).done()["ticket"].as_str().unwrap().to_owned();
    let key = anna.data.join("identity.key");
    let add = ["peer", "add", &ticket];
    anna.refuses(&add, 1, "consent.denied");
    anna.refuses(&[&add[..], &["--expect-code", "1"]].concat(), 1, "consent.denied");
    assert!(!anna.data.exists(), "a no made something");

    anna.prepares("tiny.slm", &[]);
    let announce =
        ["announce", "tiny", "--out", "tiny.announcement", "--address", "mmp://127.0.0.1:9"];
    anna.refuses(&announce, 1, "consent.denied");
    let serve = ["share", "serve", "tiny", "--listen", "127.0.0.1:0", "--to"];
    anna.refuses(&[&serve[..], &["nobody", "--consent", "serve"]].concat(), 2, "usage.arguments");
    assert!(!key.exists(), "a no made a key");

    // After a yes there is one; lost, it is missed by those who know it.
    let added = anna.run(&[&add[..], &["--yes"]].concat());
    assert!(added.err.contains("A new identity was made"), "{added}");
    fs::remove_file(&key).unwrap();
    let declined = anna.run(&[&serve[..], &["ben"]].concat());
    declined.refused(1, "consent.denied");
    assert!(declined.err.contains("any more, and ben knows you by it"), "{declined}");
    assert!(!declined.err.contains("A new identity was made"), "{declined}");
    assert!(!key.exists(), "a no made a key");
}

#[test]
fn a_refused_prepare_leaves_nothing_behind() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    fs::write(folder.path().join("bad.slm"), "no model").unwrap();
    let prepare =
        |slm, more: &[&'static str]| [&["share", "prepare", slm][..], &ROUTES, more].concat();
    let yes = ["--consent", "cache"];
    let nowhere = ["--consent", "cache", "--out", "nowhere/tiny.manifest"];
    anna.refuses(&prepare("bad.slm", &yes), 1, "slm.too-short");
    anna.refuses(&prepare("tiny.slm", &[]), 1, "consent.denied");
    anna.refuses(&prepare("tiny.slm", &nowhere), 3, "output.unsafe");
    assert_eq!(files(folder.path()), ["bad.slm", "tiny.slm"]);

    // A library that is too small for it is as it was: no model, no manifest, no yes.
    anna.run(&["library", "quota", "1KiB"]).done();
    let fault = anna.refuses(&prepare("tiny.slm", &yes), 3, "io.failed");
    assert_eq!(fault["field"], "quota");
    assert_eq!(anna.run(&["library", "list"]).done()["model_count"], 0);
    assert_eq!(anna.run(&["consent", "list"]).done()["grant_count"], 0);
    assert!(!folder.path().join("tiny.manifest").exists());
    assert!(!anna.data.join("identity.key").exists(), "nothing here needs a key");
}

#[test]
fn the_yes_to_keep_a_share_takes_the_place_of_what_a_killed_one_left() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    anna.run(&["library", "quota", "1GiB"]).done();
    // What a run leaves that is killed between its yes and its last piece.
    let granted = UtcTime::from_unix(seconds_now() - 5);
    let terms = GrantTerms {
        id: Id::parse("g-killed").unwrap(),
        act: Act::Cache,
        model_id: Id::parse("tiny").unwrap(),
        artifact_sha256: Sha256::of(&fs::read(folder.path().join("tiny.slm")).unwrap()),
        scope: Scope::None,
        byte_limit: 1 << 20,
        granted,
        expires: granted.plus(86_400),
    };
    let line = ConsentLog::parse(b"").unwrap().grant_line(&terms).unwrap();
    fs::write(anna.data.join("consent.log"), line).unwrap();
    assert_eq!(grants(&anna, "cache")[0]["live"], true);

    let words = [&["share", "prepare", "tiny.slm", "--consent", "cache"][..], &ROUTES].concat();
    let answer = anna.run(&words);
    answer.done();
    assert!(answer.err.contains("1 earlier grant for this model that has not ended"), "{answer}");
    let left = grants(&anna, "cache");
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|grant| grant["live"] == false), "{left:?}");
}

/// Seconds since 1970.
fn seconds_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_licence_is_never_invented() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    let prepare = |more: &[&'static str]| {
        [&["share", "prepare", "tiny.slm", "--consent", "cache"][..], more].concat()
    };
    let fault = anna.refuses(&prepare(&[]), 2, "usage.arguments");
    assert_eq!(fault["field"], "--license-route");
    let fault = anna.refuses(&prepare(&["--license-route", "/l.md"]), 2, "usage.arguments");
    assert_eq!(fault["field"], "--model-card-route");
    let wrong = ["--license-route", "http://x.org/l.md", "--model-card-route", "/c.md"];
    assert_eq!(anna.refuses(&prepare(&wrong), 1, "route.scheme")["field"], "license.route");
    assert_eq!(files(folder.path()), ["tiny.slm"]);
    anna.run(&prepare(&["--license-route", "/l.md", "--model-card-route", "/c.md"])).done();
    let manifest = lines(&folder.path().join("tiny.manifest"));
    assert_eq!((&*manifest["license.route"], &*manifest["model_card.route"]), ("/l.md", "/c.md"));
}

#[test]
fn preparing_again_gives_the_manifest_that_offers_name() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    let path = |name: &str| folder.path().join(name);
    let first = anna.prepares("tiny.slm", &["--chunk-size", "16KiB"]);
    assert_eq!(first["already_here"], false);
    let manifest = fs::read(path("tiny.manifest")).unwrap();

    // Under another file name, and without saying anything of it again.
    fs::copy(path("tiny.slm"), path("copy.slm")).unwrap();
    let again = anna.run(&["share", "prepare", "copy.slm"]);
    assert!(again.err.contains("tiny 1 is here already"), "{again}");
    let again = again.done();
    assert_eq!((&again["already_here"], &again["model.id"]), (&true.into(), &"tiny".into()));
    assert_eq!(again["manifest.sha256"], first["manifest.sha256"]);
    assert_eq!(fs::read(path("copy.manifest")).unwrap(), manifest);
    anna.prepares("tiny.slm", &[]);

    for (option, value) in [
        ("--model-id", "other"),
        ("--model-version", "2"),
        ("--display-name", "Tiny"),
        ("--publisher", "somebody"),
        ("--license-route", "/other.md"),
        ("--chunk-size", "32KiB"),
        ("--algorithm", "blake3-tree-v0"),
    ] {
        let words = ["share", "prepare", "tiny.slm", "--out", "new.manifest", option, value];
        let fault = anna.refuses(&words, 2, "usage.arguments");
        assert_eq!(fault["field"], option);
        assert!(fault["advice"].as_str().unwrap().contains("library forget tiny"), "{fault}");
    }
    let text = String::from_utf8(manifest.clone()).unwrap();
    fs::write(path("new.manifest"), text.replace("/card.md", "/new.md")).unwrap();
    let words = ["share", "prepare", "tiny.slm", "--manifest", "new.manifest"];
    assert_eq!(anna.refuses(&words, 2, "usage.arguments")["field"], "manifest");

    let kept = anna.run(&["library", "list"]).done();
    assert_eq!(kept["model_count"], 1, "{kept}");
    assert_eq!(kept["model"][0]["manifest_sha256"], first["manifest.sha256"]);
    anna.run(&["library", "manifest", "tiny"]).done();
    assert_eq!(fs::read(path("tiny-1.manifest")).unwrap(), manifest);
    anna.refuses(&["library", "manifest", "tiny"], 3, "output.exists");
    anna.run(&["library", "manifest", "tiny", "--out", "mine"]).done();
    assert_eq!(fs::read(path("mine")).unwrap(), manifest);

    // Forgotten, it can be named anew.
    anna.run(&["library", "forget", "tiny", "--yes"]).done();
    let renamed = anna.prepares("tiny.slm", &["--model-id", "other", "--out", "other.manifest"]);
    assert_eq!((&renamed["model.id"], &renamed["already_here"]), (&"other".into(), &false.into()));
}

#[test]
fn a_receipt_says_whose_word_it_is() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    let [ben, cleo] = ["ben", "cleo"].map(|name| Companion::new(folder.path(), name));
    anna.prepares("tiny.slm", &[]);
    let write = |name, sign| {
        let words = ["write-import-receipt", "tiny.manifest", "tiny.slm", name, sign];
        anna.run(&words)
    };
    let unsigned = "The receipt is not signed, so it proves nothing about who wrote it.";
    let written = write("a.minimodel-receipt", "--no-sign");
    assert!(written.err.contains(unsigned), "{written}");
    let written = write("b.minimodel-receipt", "--sign");
    assert!(written.err.contains("this installation's own key"), "{written}");
    ben.learns_of(&anna);

    for (who, name, said, word, brief) in [
        (&anna, "a.minimodel-receipt", unsigned, "nobody", "not signed, proves nothing"),
        (&anna, "b.minimodel-receipt", "this installation's own key", "own", "your own key"),
        (&ben, "b.minimodel-receipt", "the key of your peer anna", "peer", "signed by anna"),
        (&cleo, "b.minimodel-receipt", "a key that is unknown here", "unknown", "an unknown key"),
    ] {
        let verify = ["verify-receipt", name, "tiny.manifest", "tiny.slm"];
        let again = ["receipt", "verify", name, "tiny.manifest", "tiny.slm"];
        for words in [&["receipt", "show", name][..], &verify, &again] {
            let answer = who.run(words);
            assert!(answer.err.contains(said), "{answer}");
            assert_eq!(answer.done()["signed_by"], word, "{answer}");
        }
        let list = who.run(&["receipt", "list"]);
        let line = list.err.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(brief), "{line}");
    }
    assert!(!cleo.data.exists(), "reading made something");
    let there = cleo.run(&["receipt", "show", "b.minimodel-receipt"]);
    assert!(there.err.contains("There is neither a key nor a library in"), "{there}");
    assert!(there.err.contains("The manifest is not signed by its publisher"), "{there}");
    ben.run(&["peer", "block", "anna"]).done();
    let shown = ben.run(&["receipt", "show", "b.minimodel-receipt"]);
    assert!(shown.err.contains("the key of anna, whom you have blocked"), "{shown}");
}

#[test]
fn an_export_says_which_peers_gave_the_pieces() {
    let scene = Scene::new(2, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    let imported = scene.came_out();
    fs::create_dir(scene.path("again")).unwrap();
    let exported = scene.importer.run(&["library", "export", "tiny", "again"]).done();
    assert_eq!(exported["signed_by"], "nobody");
    let path = scene.path("again").join("tiny-1.0.minimodel-receipt");
    let receipt = lines(&path);
    let transfer = |receipt: &BTreeMap<String, String>| {
        let mut keys = receipt.clone();
        keys.retain(|key, _| key.starts_with("transfer.") && !key.contains(".request_"));
        keys
    };
    assert_eq!(transfer(&receipt), transfer(&imported));
    assert_eq!(receipt["transfer.request_id"], "none");
    let slm = scene.path("again").join("tiny-1.0.slm");
    let words = ["verify-receipt", path.to_str().unwrap(), "tiny.manifest", slm.to_str().unwrap()];
    scene.importer.run(&words).done();
}

#[test]
fn whatever_writes_a_receipt_signs_it_as_is_set() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = newcomer(folder.path());
    anna.prepares("tiny.slm", &[]);
    anna.run(&["settings", "set", "sign_receipts", "yes"]).done();
    for name in ["signed", "unsigned"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let export = ["library", "export", "tiny"];
    let write = ["write-import-receipt", "tiny.manifest", "tiny.slm"];
    for (words, signed_by) in [
        ([&export[..], &["signed"]].concat(), "own"),
        ([&export[..], &["unsigned", "--no-sign"]].concat(), "nobody"),
        ([&write[..], &["a.minimodel-receipt"]].concat(), "own"),
        ([&write[..], &["b.minimodel-receipt", "--no-sign"]].concat(), "nobody"),
    ] {
        assert_eq!(anna.run(&words).done()["signed_by"], signed_by, "{words:?}");
    }
}

#[test]
fn an_export_says_that_who_gave_the_pieces_was_lost_with_the_index() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    fs::remove_dir_all(scene.importer.data.join("store/index")).unwrap();
    fs::create_dir(scene.path("again")).unwrap();
    let exported = scene.importer.run(&["library", "export", "tiny", "again"]);
    let said = "You fetched bytes of it from peer-0 once. Whether pieces that are here came so is \
                not known any more; the receipt counts them as local.";
    assert!(exported.err.contains(said), "{exported}");
    exported.done();
    let receipt = scene.path("again").join("tiny-1.0.minimodel-receipt");
    assert_eq!(lines(&receipt)["transfer.kind"], "local-file");
    let shown = scene.importer.run(&["receipt", "show", receipt.to_str().unwrap()]);
    assert!(shown.err.contains("came from no peer that was known here when"), "{shown}");
    // Who prepared the file has fetched nothing of it.
    fs::create_dir(scene.path("own")).unwrap();
    let exported = scene.peers[0].run(&["library", "export", "tiny", "own"]);
    assert!(!exported.err.contains("You fetched"), "{exported}");
}

#[test]
fn an_import_under_another_manifest_replaces_none() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.importer.prepares("tiny.slm", &["--model-id", "mine", "--out", "mine.manifest"]);
    let before = scene.importer.run(&["library", "list"]).done()["model"].clone();
    let words = scene.import_words(&["--consent", Scene::YES]);
    let fault = scene.importer.refuses(&words, 2, "usage.arguments");
    assert_eq!(fault["field"], "manifest");
    scene.nothing_came_out();
    let after = scene.importer.run(&["library", "list"]).done()["model"].clone();
    let named = |model: &Value| model[0]["manifest_sha256"].clone();
    assert_eq!(named(&before), named(&after));
    assert_eq!(scene.importer.run(&["consent", "list"]).done()["grant_count"], 1);
}
