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
    liar.stop().done();
}
