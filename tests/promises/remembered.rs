//! What is remembered of those who lied.

use std::fs;

use crate::harness::{Model, Running, Scene, until};

/// Starts the demo's liar as a peer of the scene: every piece that it sends is wrong.
fn lies(scene: &Scene, number: usize, more: &[&str]) -> Running {
    let offer = format!("peer-{number}.minimodel-offer");
    let mut words = vec!["demo-liar", "tiny", "--to", "importer", "--consent", "serve"];
    words.extend(["--until-input-ends", "--offer", &offer]);
    words.extend(more);
    let liar = scene.peers[number].start(&words);
    until("an offer is written", || scene.path(&offer).is_file().then_some(()));
    liar
}

#[test]
fn the_liar_of_the_demo_serves_this_machine_only() {
    let scene = Scene::new(1, Model::SMALL);
    let peer = &scene.peers[0];
    let honest = ["share", "serve", "tiny", "--to", "importer", "--demo-corrupt", "1"];
    assert_eq!(peer.run(&honest).status, Some(2), "an honest server can be told to lie");
    let abroad = ["demo-liar", "tiny", "--to", "importer", "--listen", "0.0.0.0:0"];
    let refused = peer.refuses(&abroad, 2, "usage.arguments");
    assert_eq!(refused["field"], "--listen");
    for words in [&["help"][..], &["help", "demo"], &["share", "serve", "--help"]] {
        let help = peer.run_in_lines(words).out;
        assert!(!help.contains("liar ") && !help.contains("corrupt"), "{help}");
    }
    // What is set says to listen everywhere and to be called from outside.
    peer.run(&["settings", "set", "listen", "0.0.0.0:0"]).done();
    peer.run(&["settings", "set", "addresses", "mmp://192.168.1.20:9410"]).done();
    let liar = lies(&scene, 0, &[]);
    let offer = fs::read_to_string(scene.path("peer-0.minimodel-offer")).unwrap();
    assert!(offer.contains("mmp://127.0.0.1:") && !offer.contains("192.168"), "{offer}");
    assert!(liar.said().contains(" on 127.0.0.1:"), "{}", liar.said());
    let warned = "warning   wrong bytes are sent in every piece";
    assert!(liar.said().contains(warned), "{}", liar.said());
    liar.stop().done();
}

#[test]
fn a_lie_outlives_its_import_until_a_person_lifts_the_ban() {
    let scene = Scene::new(2, Model::SMALL);
    let importer = &scene.importer;
    let liar = lies(&scene, 1, &[]);
    let request = |out: &str| {
        let words = ["request", "new", "tiny.manifest", "peer-1.minimodel-offer", "--out", out];
        importer.run(&[&words[..], &["--consent", "fetch"]].concat())
    };
    let first = request("l.json");
    first.done();
    assert!(!first.err.contains("wrong bytes"), "{first}");
    let words = ["import-peer-request", "l.json", "tiny.manifest", "out", "--consent", Scene::YES];
    let failed = importer.run(&words).refused(3, "io.failed");
    let advice = failed["advice"].as_str().unwrap();
    assert!(advice.contains("peer-1 lied and is banned"), "{advice}");
    assert!(advice.contains("minimodel peer unban") && !advice.contains("ask it"), "{advice}");
    assert_eq!(liar.said().matches("importer called").count(), 1, "{}", liar.said());

    // Who it was, what it sent and in place of what is written down, for people and programs.
    let listed = || {
        let peers = importer.run(&["peer", "list"]).done();
        let peers = peers["peer"].as_array().unwrap();
        peers.iter().find(|peer| peer["label"] == "peer-1").unwrap().clone()
    };
    let peer = listed();
    assert_eq!((&peer["banned"], &peer["lies"][0]["model_id"]), (&true.into(), &"tiny".into()));
    let lie = &peer["lies"][0];
    let piece = lie["piece"].as_u64().unwrap();
    let [wanted, came] = ["wanted", "came"].map(|key| lie[key].as_str().unwrap().to_owned());
    assert!(wanted.starts_with("sha256:") && came.starts_with("sha256:") && wanted != came);
    let told = importer.run_in_lines(&["peer", "list"]).err;
    let what = format!("piece {piece} of tiny 1.0 on ");
    for part in [&what, &wanted, &came, "peer-1", "minimodel peer unban"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let activity = importer.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap();
    let banned = entries.iter().find(|entry| entry["what"] == "banned").unwrap();
    let note = banned["detail"]["note"].as_str().unwrap();
    let bare = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    for part in [format!("piece {piece}"), bare(&wanted), bare(&came)] {
        assert!(note.contains(&part), "{part}: {note}");
    }

    // Nobody else has it: that is said, with the way out, and nobody is called.
    let refused = importer.run(&words).refused(1, "request.no-usable-offer");
    assert!(refused["message"].as_str().unwrap().contains(&what), "{refused}");
    assert!(refused["advice"].as_str().unwrap().contains("minimodel peer unban"), "{refused}");
    let asked = request("banned.json");
    assert!(asked.err.contains("it is banned") && asked.err.contains(&what), "{asked}");
    // Unblocking lifts no ban, and says so.
    importer.run(&["peer", "block", "peer-1"]).done();
    let unblocked = importer.run(&["peer", "unblock", "peer-1"]);
    assert!(unblocked.err.contains("peer-1 may call again, but lied and stays banned"));
    unblocked.done();
    // Nor does removing and adding it make it honest.
    importer.run(&["peer", "remove", "peer-1"]).done();
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "peer-1"];
    let invitation = scene.peers[1].run(&invite).done();
    let added = importer.run(&["peer", "add", invitation["ticket"].as_str().unwrap(), "--yes"]);
    added.done();
    assert!(added.err.contains("peer-1 lied before and stays banned"), "{added}");
    assert_eq!(listed()["banned"], true);

    // Together with another, the other alone is called, and the question says why.
    let honest = scene.serves(0, "importer", &[]);
    scene.request("request.json", &[]);
    let imported = scene.import(&["--consent", Scene::YES]).stop();
    imported.done();
    assert!(imported.err.contains("is banned and not called"), "{imported}");
    assert!(imported.err.contains(&what), "{imported}");
    honest.stop().done();
    assert_eq!(liar.said().matches("importer called").count(), 1, "{}", liar.said());

    // A person lifts it; the next question says all the same what was.
    assert_eq!(importer.run(&["peer", "unban", "peer-1"]).done()["was_banned"], true);
    assert_eq!(importer.run(&["peer", "unban", "peer-1"]).done()["was_banned"], false);
    assert_eq!((&listed()["banned"], &listed()["lies"][0]), (&false.into(), lie));
    let activity = importer.run(&["activity"]).done();
    let lifted = activity["entry"].as_array().unwrap().iter();
    let lifted: Vec<_> = lifted.filter(|entry| entry["what"] == "unbanned").collect();
    assert_eq!((lifted.len(), &lifted[0]["model_id"]), (1, &"tiny".into()));
    importer.run(&["library", "forget", "tiny", "--yes"]).done();
    fs::create_dir(scene.path("again")).unwrap();
    let words = ["import-peer-request", "l.json", "tiny.manifest", "again"];
    let asked = importer.run(&words);
    asked.refused(1, "consent.denied");
    assert!(asked.err.contains("it lied before") && asked.err.contains(&what), "{asked}");
    liar.stop().done();
}
