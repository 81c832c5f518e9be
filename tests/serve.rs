//! Serving ends when its user wants it to, and goes no further than it was allowed.

use std::cmp::Reverse;

use serde_json::Value;

use crate::harness::{Companion, Model, Scene, grants, midway};

#[test]
fn stopping_a_share_stops_its_bytes() {
    stops_midway(|peer| {
        let answer = peer.run(&["share", "stop", "tiny"]).done();
        assert_eq!(answer["revoked"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn taking_a_grant_back_stops_its_bytes() {
    stops_midway(|peer| {
        let grant = grants(peer, "serve").pop().unwrap();
        peer.run(&["consent", "revoke", grant["id"].as_str().unwrap()]).done();
    });
}

/// Takes the peer's yes back while an import runs: the server must end by itself, the import
/// must keep what it has, and a new yes must let it go on from there.
#[track_caller]
fn stops_midway(take_back: impl Fn(&Companion)) {
    let scene = Scene::new(1, Model::FINE);
    let server = scene.serve_all(&["--upload-limit", "256KiB"]).pop().unwrap();
    let mut import = scene.import(&["--consent", Scene::YES]);
    midway(&mut import);
    take_back(&scene.peers[0]);

    let served = server.ends().done();
    assert_eq!(served["ended"], "no-grant");
    import.ends().refused(3, "io.failed");
    scene.nothing_came_out();
    let kept = scene.importer.kept();
    assert!(kept > 0 && kept < scene.pieces, "{kept} of {} pieces are kept", scene.pieces);
    let sent = served["peer"][0]["bytes"].as_u64().unwrap();
    assert!(sent >= kept * (16 << 10) && sent < scene.bytes, "{sent} bytes were sent");
    assert!(grants(&scene.peers[0], "serve").iter().all(|grant| grant["live"] == false));

    let told = scene.peers[0].run(&["activity"]).done();
    let entries = told["entry"].as_array().unwrap();
    for (what, act) in [("granted", "cache"), ("granted", "serve"), ("revoked", "serve")] {
        let is_it =
            |entry: &&Value| entry["what"] == what && entry["detail"]["grant"]["act"] == act;
        assert_eq!(entries.iter().filter(is_it).count(), 1, "{told}");
    }
    let moved = entries.iter().find(|entry| entry["what"] == "served").unwrap();
    assert_eq!(moved["detail"]["bytes"], sent);
    assert!(entries.is_sorted_by_key(|entry| Reverse(entry["time_utc"].as_str())), "{told}");

    std::fs::remove_file(scene.path("peer-0.minimodel-offer")).unwrap();
    std::fs::remove_file(scene.path("request.json")).unwrap();
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(scene.came_out()["transfer.pieces_local"], "0");
}

#[test]
fn an_importer_who_takes_the_yes_back_fetches_no_more() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    let mut import = scene.import(&["--consent", Scene::YES]);
    midway(&mut import);
    let grant = grants(&scene.importer, "fetch").pop().unwrap();
    scene.importer.run(&["consent", "revoke", grant["id"].as_str().unwrap()]).done();
    let refused = import.ends().refused(1, "consent.denied");
    let [told, advice] = ["message", "advice"].map(|key| refused[key].as_str().unwrap().to_owned());
    assert!(told.contains("the yes to fetch `tiny` was taken back at 2"), "{told}");
    assert!(
        advice.contains("Try again and say yes, if you want this to happen after all"),
        "{advice}"
    );
    scene.nothing_came_out();
    let kept = scene.importer.kept();
    assert!(kept > 0 && kept < scene.pieces, "{kept} of {} pieces are kept", scene.pieces);
}

#[test]
fn a_library_belongs_to_one_process_at_a_time() {
    let scene = Scene::new(1, Model::SMALL);
    let server = scene.serve_all(&[]).pop().unwrap();
    let pid = format!("process {}", server.pid());
    for words in [&["library", "list"][..], &["peer", "list"], &["library", "quota"]] {
        let value = scene.peers[0].refuses(words, 3, "io.failed");
        assert_eq!(value["field"], "data-dir");
        assert!(value["message"].as_str().unwrap().contains(&pid), "{value}");
    }
    server.stop().done();
    scene.peers[0].run(&["library", "list"]).done();
}

#[test]
fn a_library_comes_free_when_its_process_is_killed() {
    let scene = Scene::new(1, Model::SMALL);
    let server = scene.serve_all(&[]).pop().unwrap();
    server.kill();
    assert_eq!(scene.peers[0].kept(), scene.pieces);
}

#[test]
fn a_peer_takes_no_more_than_its_grant_allows() {
    let scene = Scene::new(1, Model::SMALL);
    let limit = 5 * (64 << 10) + 1;
    let server = scene.serve_all(&["--bytes", &limit.to_string()]).pop().unwrap();
    scene.import(&["--consent", Scene::YES]).ends().refused(3, "io.failed");
    scene.nothing_came_out();
    assert_eq!(scene.importer.kept(), 5);
    let served = server.stop().done();
    assert_eq!(served["peer"][0]["bytes"], 5 * (64 << 10));
}

#[test]
fn peers_that_may_each_give_less_than_half_make_the_whole_together() {
    let scene = Scene::new(3, Model::SMALL);
    let limit = scene.bytes * 9 / 20;
    let servers = scene.serve_all(&["--bytes", &limit.to_string()]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(scene.came_out()["transfer.peer_count"], "3");
    for server in servers {
        let served = server.stop().done();
        assert!(served["peer"][0]["bytes"].as_u64().unwrap() <= limit, "{served}");
    }
}
