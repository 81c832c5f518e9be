//! What was agreed to: to whom, until when, act by act, and nothing before a yes.

use crate::harness::{Model, Scene, grants};

#[test]
fn an_unknown_grant_among_others_takes_none_back() {
    let scene = Scene::new(1, Model::SMALL);
    let peer = &scene.peers[0];
    let server = scene.serve_all(&[]).pop().unwrap();
    let live = || grants(peer, "serve").iter().filter(|grant| grant["live"] == true).count();
    let grant = grants(peer, "serve").pop().unwrap();
    let grant = grant["id"].as_str().unwrap();
    let refused =
        peer.refuses(&["consent", "revoke", grant, "g-nobody"], 1, "consent.unknown-grant");
    assert_eq!((refused["field"].as_str(), live()), (Some("g-nobody"), 1));
    peer.run(&["consent", "revoke", grant, grant]).done();
    assert_eq!(live(), 0);
    server.stop().done();
}
