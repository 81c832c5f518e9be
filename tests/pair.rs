//! Two installations get to know each other, or do not.

use serde_json::Value;

use crate::harness::{Companion, Model, Scene, Turn, grants};

fn ticket(of: &Companion) -> String {
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", &of.name];
    of.run(&invite).done()["ticket"].as_str().unwrap().to_owned()
}

#[test]
fn both_see_one_code_and_a_wrong_one_pairs_nobody() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let [anna, ben] = ["anna", "ben"].map(|name| Companion::new(folder.path(), name));
    let (of_anna, of_ben) = (ticket(&anna), ticket(&ben));
    let wrong = ["peer", "add", &of_ben, "--expect-code", "1234"];
    assert_eq!(anna.refuses(&wrong, 1, "consent.denied")["field"], "pair_code");
    anna.refuses(&["peer", "add", &of_anna, "--yes"], 2, "usage.arguments");
    anna.refuses(&["peer", "add", &of_ben], 1, "consent.denied");
    assert_eq!(anna.run(&["peer", "list"]).done()["peer_count"], 0);

    let there = anna.run(&["peer", "add", &of_ben, "--yes"]).done();
    let code = there["pair_code"].as_str().unwrap().replace(' ', "-");
    ben.run(&["peer", "add", &of_anna, "--expect-code", &code]).done();
    assert_eq!(labels(&ben), ["anna"]);
}

#[test]
fn no_two_peers_go_by_one_name() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let names = ["anna", "ben", "cleo"];
    let [anna, ben, cleo] = names.map(|name| Companion::new(folder.path(), name));
    anna.learns_of(&ben);
    let taken = ["peer", "add", &ticket(&cleo), "--yes", "--label", "ben"];
    anna.refuses(&taken, 2, "usage.arguments");
    anna.learns_of(&cleo);

    anna.refuses(&["peer", "rename", "cleo", "ben"], 2, "usage.arguments");
    anna.refuses(&["peer", "rename", "nobody", "dora"], 2, "usage.arguments");
    anna.refuses(&["peer", "rename", "cleo", "a/b"], 2, "usage.arguments");
    let renamed = anna.run(&["peer", "rename", "cleo", "dora"]).done();
    assert_eq!(renamed["peer_id"], cleo.id());
    let mut now = labels(&anna);
    now.sort();
    assert_eq!(now, ["ben", "dora"]);
    anna.run(&["peer", "remove", "dora"]).done();
    assert_eq!(labels(&anna), ["ben"]);
}

fn labels(of: &Companion) -> Vec<String> {
    let list = of.run(&["peer", "list"]).done();
    let peers = list["peer"].as_array().unwrap().iter();
    peers.map(|peer: &Value| peer["label"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_blocked_peer_is_not_served_and_not_called() {
    let scene = Scene::new(2, Model::SMALL);
    let [anna, ben] = [0, 1].map(|number| &scene.peers[number]);
    anna.run(&["peer", "block", "importer"]).done();
    let serve = ["share", "serve", "tiny", "--to", "importer", "--consent", "serve"];
    let refused = anna.refuses(&serve, 2, "usage.arguments");
    assert_eq!(refused["field"], "--to");
    assert_eq!(blocked(anna), [true]);
    anna.run(&["peer", "unblock", "importer"]).done();
    assert_eq!(blocked(anna), [false]);

    let _servers = scene.serve_all(&[]);
    scene.importer.run(&["peer", "block", "peer-0"]).done();
    let mut import = scene.import(&["--consent", Scene::YES]);
    import.says("the blocked one is named", |line| {
        line.contains("you have blocked it: not called").then_some(())
    });
    import.ends().done();
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.peer_count"], "1");
    assert_eq!(receipt["transfer.peer.0.id"], ben.id());
}

#[test]
fn an_import_whose_peers_are_all_blocked_does_not_begin() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.importer.run(&["peer", "block", "peer-0"]).done();
    scene.importer.refuses(
        &scene.import_words(&["--consent", Scene::YES]),
        1,
        "request.no-usable-offer",
    );
    scene.importer.run(&["peer", "add", &ticket(&scene.peers[0]), "--yes"]).done();
    assert_eq!(blocked(&scene.importer), [true], "a ticket alone unblocks nobody");
    scene.importer.run(&["peer", "unblock", "peer-0"]).done();
    scene.import(&["--consent", Scene::YES]).ends().done();
}

#[test]
fn blocking_and_removing_take_back_what_the_peer_may_have() {
    for (word, is_by_id) in [("block", true), ("remove", false)] {
        let scene = Scene::new(1, Model::SMALL);
        let peer = &scene.peers[0];
        let importer = if is_by_id { scene.importer.id() } else { scene.importer.name.clone() };
        let server = scene.serve_all(&[]).pop().unwrap();
        // The library is the server's: the book cannot be changed, the grants can.
        let told = peer.run(&["peer", word, &importer]).refused(3, "io.failed");
        assert_eq!(told["revoked"].as_array().unwrap().len(), 1, "{told}");
        let said = told["message"].as_str().unwrap();
        assert!(said.starts_with("One grant is taken back. That is all that was done: "), "{said}");
        assert_eq!(server.ends().done()["ended"], "no-grant");
        std::fs::remove_file(scene.path("peer-0.minimodel-offer")).unwrap();
        drop(scene.serves(0, "importer", &[]));
        let told = peer.run(&["peer", word, "importer"]).done();
        assert_eq!(told["revoked"].as_array().unwrap().len(), 1, "{told}");
        assert!(grants(peer, "serve").iter().all(|grant| grant["live"] == false));
    }
}

fn blocked(of: &Companion) -> Vec<bool> {
    let list = of.run(&["peer", "list"]).done();
    let peers = list["peer"].as_array().unwrap().iter();
    peers.map(|peer: &Value| peer["blocked"].as_bool().unwrap()).collect()
}
