//! What is kept: nothing goes without a word, and what is bad is said to be bad.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use app::import::Settings;
use app::library::{export, find, recheck};
use app::ports::{Clock as _, Patience, PieceStore as _, Ports as _};
use app::question::{Question, Serving};
use app::serve::{bind, serve};
use desktop::wiring::Wiring as _;
use serde_json::Value;
use tokio::runtime::Runtime;
use verifier::consent::Act;
use verifier::manifest::{Manifest, Options};
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;

use crate::harness::{Companion, Model, Scene, midway};
use crate::window::Wired;

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

#[test]
fn a_recheck_says_what_is_bad_for_as_long_as_it_is() {
    let scene = Scene::of_strangers(1, Model::FINE);
    let owner = &scene.peers[0];
    let (one, all) = (["library", "recheck", "tiny"], ["library", "recheck", "--all"]);
    let sound = owner.run(&one).done();
    assert_eq!((&sound["state"], &sound["corrupt"]), (&"whole".into(), &0.into()));
    scene.rot(owner);

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

#[test]
fn an_import_fetches_a_piece_that_went_bad_anew() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut cut = scene.import(&["--consent", Scene::YES, "--download-limit", "256KiB"]);
    midway(&mut cut);
    cut.kill();
    assert!(scene.importer.kept() < scene.pieces);
    // In the run that finds it.
    scene.rot(&scene.importer);
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.came_out();
    assert_eq!(scene.importer.run(&["library", "recheck", "tiny"]).done()["state"], "whole");

    // Or, where nobody agreed to fetching because nothing was missing, in the next.
    for name in crate::harness::files(&scene.out()) {
        fs::remove_file(scene.out().join(name)).unwrap();
    }
    scene.rot(&scene.importer);
    let refused = scene.import(&["--consent", Scene::YES]).ends().refused(1, "library.damaged");
    assert_eq!(refused["field"], "pieces");
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(scene.came_out()["transfer.pieces_fetched"], scene.pieces.to_string());
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_disk_gives_a_piece_back_no_more_refuses_that_piece_and_stays() {
    let scene = Scene::new(2, Model::FINE);
    let mut servers = scene.serve_all(&["--upload-limit", "1MiB"]);
    // The memory of the process that reads it: opened without complaint, read with EIO.
    let (kept, aside) = (scene.peers[0].kept_file(), scene.path("aside"));
    fs::rename(&kept, &aside).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", &kept).unwrap();
    let imported = scene.import(&["--consent", Scene::YES]).ends();
    imported.done();
    assert!(!imported.err.contains("peer-0 is gone"), "{imported}");
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.peer_count"], "1", "all comes from the other peer");

    let served = servers.remove(0).stop();
    assert_eq!(served.done()["ended"], "stopped", "{served}");
    fs::rename(&aside, &kept).unwrap();
    let list = scene.peers[0].run(&["library", "list"]).done();
    assert_eq!(list["model"][0]["state"], "damaged", "{list}");
    // Its bytes are there all the while, and count again once they were read.
    let told = scene.peers[0].run(&["library", "recheck", "tiny"]).done();
    assert_eq!((&told["checked"], &told["state"]), (&scene.pieces.into(), &"whole".into()));
}

#[test]
fn what_is_served_exported_handed_over_or_checked_is_not_given_up_meanwhile() {
    let scene = Scene::new(1, Model::SMALL);
    scene.peers[0].run(&["library", "unpin", "tiny"]).done();
    let out = scene.out();
    Runtime::new().unwrap().block_on(async {
        let set = app::settings::Settings::default();
        let ports = Wired::default().open(&scene.peers[0].data, &set).unwrap().ports;
        let store = Arc::clone(ports.store());
        let model = store.models().await.unwrap().remove(0);
        let artifact = model.artifact;
        let used = store.accounts().await.unwrap();
        store.set_quota(used.live + used.index + 4_096).await.unwrap();
        let may_go = || async { store.would_evict(1 << 20).await.is_ok() };
        assert!(may_go().await);

        // Serving holds it for as long as peers may call, whether one is there or not.
        let now = ports.clock().now();
        let manifest = store.manifest(artifact).await.unwrap().unwrap();
        let manifest = Manifest::parse(&manifest, Options::default()).unwrap();
        let bound = bind(&ports, artifact, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert!(!may_go().await, "its address is taken");
        let peers = store.peers().await.unwrap();
        let serving = Serving {
            manifest: &manifest,
            listen: bound.address(),
            peers: &peers,
            known: &peers,
            standing: &[],
            now,
            offer: None,
        };
        let question = Question::serve(&serving, None, now.plus(60), "end the test");
        let yes = question.agree(&[Act::Serve]).unwrap();
        let consent = yes.write_down(&**ports.journal(), now).await.unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = serve(&ports, bound, consent, |_| {}, async { drop(stopped.await) });
        let mut serving = std::pin::pin!(serving);
        assert!(futures::poll!(&mut serving).is_pending());
        assert!(!may_go().await, "it is being served");
        stop.send(()).unwrap();
        serving.await.unwrap();
        assert!(may_go().await);

        let verifier_version = Version::parse("1").unwrap();
        let settings = Settings {
            verifier_version,
            signer: None,
            rule: ChecksumRule::Verify,
            patience: Patience::default(),
        };
        let mut exporting = std::pin::pin!(export(&ports, artifact, out.clone(), settings, |_| {}));
        assert!(futures::poll!(&mut exporting).is_pending() && !may_go().await);
        exporting.await.unwrap();
        let mut finding = std::pin::pin!(find(&ports, artifact, &out, |_| {}));
        assert!(futures::poll!(&mut finding).is_pending() && !may_go().await);
        finding.await.unwrap();
        let mut checking = std::pin::pin!(recheck(&ports, &model, |_| {}));
        assert!(futures::poll!(&mut checking).is_pending() && !may_go().await);
        checking.await.unwrap();
        assert!(may_go().await);
    });
}

/// Puts a second model into a companion's library that may go, and leaves no room for another.
fn fill(companion: &Companion) {
    companion.run(&["sample", "old.slm", "--bytes", "3MiB", "--seed", "7"]).done();
    let mut words = vec!["share", "prepare", "old.slm", "--consent", "cache"];
    words.extend(["--license-route", "/license.md", "--model-card-route", "/card.md"]);
    companion.run(&words).done();
    companion.run(&["library", "unpin", "old"]).done();
    let taken = companion.run(&["library", "quota"]).done();
    let used: u64 = ["live", "index"].map(|key| taken[key].as_u64().unwrap()).iter().sum();
    companion.run(&["library", "quota", &(used + (1 << 20)).to_string()]).done();
}

/// Checks that a result and the activity name the model that made room.
fn gave_up_old(companion: &Companion, result: &Value) {
    assert_eq!(result["evicted_count"], 1, "{result}");
    let gone = &result["evicted"][0];
    assert_eq!(gone["id"], "old");
    assert!(gone["bytes"].as_u64().unwrap() >= 3 << 20, "{result}");
    let activity = companion.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap();
    let evicted = entries.iter().find(|entry| entry["what"] == "evicted").unwrap();
    assert_eq!(evicted["detail"]["bytes"], gone["bytes"], "{activity}");
    let library = companion.run(&["library", "list"]).done();
    let ids = library["model"].as_array().unwrap().iter().map(|model| model["id"].as_str());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("tiny")]);
}

#[test]
fn what_an_import_gives_up_is_in_the_question_the_result_and_the_activity() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    fill(&scene.importer);
    let asked = scene.import(&[]).ends();
    asked.refused(1, "consent.denied");
    assert!(asked.err.contains("  gives up  old 1 ("), "{asked}");
    assert!(asked.err.contains(" MiB, to make room"), "{asked}");
    assert!(scene.importer.run(&["library", "map", "old"]).done()["missing"] == 0);

    let imported = scene.import(&["--consent", Scene::YES]).ends();
    assert!(imported.err.contains("Given up to make room: old 1 ("), "{imported}");
    gave_up_old(&scene.importer, &imported.done());
}

#[test]
fn what_a_share_gives_up_is_in_the_question_the_result_and_the_activity() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let other = Companion::new(&scene.path("."), "other");
    fill(&other);
    let prepare = ["share", "prepare", "tiny.slm", "--manifest", "tiny.manifest"];
    let asked = other.run(&prepare);
    asked.refused(1, "consent.denied");
    assert!(asked.err.contains("  gives up  old 1 ("), "{asked}");
    let kept = other.run(&[&prepare[..], &["--consent", "cache"]].concat());
    assert!(kept.err.contains("Given up to make room: old 1 ("), "{kept}");
    gave_up_old(&other, &kept.done());
}

#[test]
fn a_damaged_manifest_is_told_and_mended_by_sharing_the_file_again() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let owner = &scene.peers[0];
    let recheck = ["library", "recheck", "tiny"];
    let manifest = || {
        let folder = owner.data.join("store/artifacts");
        let name = crate::harness::files(&folder).into_iter().find(|it| it.ends_with(".manifest"));
        folder.join(name.unwrap())
    };
    let mut damaged = fs::read(manifest()).unwrap();
    let place = damaged.windows(7).position(|at| at == b"license").unwrap();
    damaged[place + 6] = b'X';
    fs::write(manifest(), damaged).unwrap();

    for _ in 0..2 {
        let told = owner.refuses(&recheck, 1, "library.damaged");
        assert_eq!((&told["manifest_damaged"], &told["corrupt"]), (&true.into(), &0.into()));
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("its manifest is damaged or gone"), "{told}");
        owner.run(&["library", "recheck", "--all"]).refused(1, "library.damaged");
    }
    let list = owner.run(&["library", "list"]);
    list.done();
    assert!(list.err.contains("The manifest of tiny 1.0 is damaged or gone"), "{list}");
    owner.refuses(&["library", "manifest", "tiny"], 1, "library.damaged");
    fs::create_dir(scene.path("exports")).unwrap();
    owner.refuses(&["library", "export", "tiny", "exports"], 1, "library.damaged");
    // With the manifest that was handed out, which offers name.
    let prepare = ["share", "prepare", "tiny.slm", "--consent", "cache"];
    owner.run(&[&prepare[..], &["--manifest", "tiny.manifest"]].concat()).done();
    assert_eq!(owner.run(&recheck).done()["state"], "whole");
    // Or with a new one, if that is lost too.
    fs::remove_file(manifest()).unwrap();
    owner.refuses(&recheck, 1, "library.damaged");
    let names = ["--model-id", "tiny", "--model-version", "1.0", "--out", "new.manifest"];
    let cut = ["--chunk-size", Model::SMALL.piece];
    owner.run(&[&prepare[..], &names, &cut, &crate::harness::ROUTES].concat()).done();
    assert_eq!(owner.run(&recheck).done()["manifest_damaged"], false);
}

#[test]
fn lowering_the_quota_asks_before_anything_goes() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let owner = &scene.peers[0];
    owner.run(&["library", "unpin", "tiny"]).done();
    let quota = || owner.run(&["library", "quota"]).done()["quota"].clone();
    let before = quota();
    owner.refuses(&["library", "quota", "1MiB"], 1, "consent.denied");
    assert_eq!((quota(), owner.kept()), (before, scene.pieces));
    // One model's own quota asks alike.
    let of_model = ["library", "quota", "64KiB", "--model", "tiny"];
    owner.refuses(&of_model, 1, "consent.denied");
    owner.run(&["library", "quota", "1GiB", "--model", "tiny"]).done();
    let listed = owner.run(&["library", "list"]).done();
    assert_eq!(listed["model"][0]["quota"], 1 << 30);
    owner.run(&["library", "quota", "--lift", "--model", "tiny"]).done();
    let told = owner.run(&["library", "quota", "1MiB", "--yes"]).done();
    assert_eq!((&told["quota"], &told["evicted_count"]), (&(1 << 20).into(), &1.into()), "{told}");
    assert_eq!(owner.run(&["library", "list"]).done()["model_count"], 0);
}

#[test]
fn what_never_fits_is_refused_alike_by_room_and_prepare_and_nothing_is_given_up() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let owner = &scene.peers[0];
    owner.run(&["sample", "more.slm", "--bytes", "2MiB", "--seed", "5"]).done();
    // What is pinned stays, also under a quota that it exceeds.
    owner.run(&["library", "quota", "1MiB", "--yes"]).done();
    owner.run(&["library", "unpin", "tiny"]).done();
    let prepare = ["share", "prepare", "more.slm", "--consent", "cache"];
    for words in
        [&["library", "room", "2MiB"][..], &[&prepare[..], &crate::harness::ROUTES].concat()]
    {
        let told = owner.refuses(words, 3, "io.failed");
        assert_eq!(told["field"], "quota");
        assert!(told["message"].as_str().unwrap().ends_with("of the quota of 1.00 MiB"), "{told}");
    }
    assert_eq!(owner.kept(), scene.pieces);
}

#[cfg(unix)]
#[test]
fn a_lost_list_of_peers_is_told_and_a_folder_that_cannot_be_looked_into_is_not_empty() {
    let place = tempfile::tempdir().unwrap();
    let [anna, ben] = ["anna", "ben"].map(|name| Companion::new(place.path(), name));
    anna.learns_of(&ben);
    fs::remove_file(anna.data.join("book.json")).unwrap();
    let list = anna.run(&["peer", "list"]);
    list.done();
    assert!(list.err.contains("The list of paired peers, "), "{list}");
    std::os::unix::fs::symlink("carl", place.path().join("carl")).unwrap();
    let carl = Companion::new(place.path(), "carl");
    carl.run(&["library", "list"]).refused(3, "io.failed");
}
