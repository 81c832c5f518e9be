//! What the network can do: slow is not dead, strangers take no place, and errors name people.

use std::net::TcpListener;

use crate::harness::{Companion, Model, Scene, until};

/// What is true of a peer that never added this one, and of one that blocked it.
const NOT_LET_IN: &str = "peer-0 does not let you in: they have not added you yet, or have removed \
                          or blocked you; give them your ticket, or ask them";

#[test]
fn errors_name_people_and_the_side_that_has_to_act() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let friend = Companion::new(&scene.path(""), "friend");
    scene.importer.learns_of(&scene.peers[0]);
    scene.peers[0].learns_of(&friend);
    let server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);

    // The other person has not added this one yet.
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    let told = answer.refused(3, "io.failed")["message"].as_str().unwrap().to_owned();
    assert!(told.ends_with(NOT_LET_IN), "{answer}");
    let (question, after) = answer.err.split_once("Agreed beforehand").unwrap();
    assert!(question.contains("peer-0 (mmpeer1") && !after.contains("mmpeer1"), "{answer}");
    let id = scene.importer.id();
    let stranger = format!("mmpeer1…{} is not paired with you", &id[id.len() - 6..]);
    let answer = server.stop();
    assert!(answer.err.contains(&stranger), "{answer}");

    // It has added this one, and blocked it.
    scene.peers[0].learns_of(&scene.importer);
    scene.peers[0].run(&["peer", "block", "importer"]).done();
    std::fs::remove_file(scene.path("peer-0.minimodel-offer")).unwrap();
    std::fs::remove_file(scene.path("request.json")).unwrap();
    let server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    let told = answer.refused(3, "io.failed")["message"].as_str().unwrap().to_owned();
    assert!(told.ends_with(NOT_LET_IN), "{answer}");
    let answer = server.stop();
    assert!(answer.err.contains("importer is blocked here"), "{answer}");

    // It is let in, and served nothing.
    scene.peers[0].run(&["peer", "unblock", "importer"]).done();
    std::fs::remove_file(scene.path("peer-0.minimodel-offer")).unwrap();
    std::fs::remove_file(scene.path("request.json")).unwrap();
    let _server = scene.serves(0, "friend", &[]);
    scene.request("request.json", &[]);
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    let told = answer.refused(3, "io.failed")["message"].as_str().unwrap().to_owned();
    assert!(
        told.ends_with("peer-0 does not share this model with you now: ask them to"),
        "{answer}"
    );

    // This one has blocked the other.
    scene.importer.run(&["peer", "block", "peer-0"]).done();
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    let told = answer.refused(1, "request.no-usable-offer")["message"].as_str().unwrap().to_owned();
    assert!(told.ends_with("such as peer-0"), "{answer}");

    // What is asked and listed names people, too.
    let words =
        ["request", "new", "tiny.manifest", "peer-0.minimodel-offer", "--out", "again.json"];
    let answer = scene.importer.run(&[&words[..], &["--consent", "fetch"]].concat());
    answer.done();
    for said in ["; you have blocked it, so it is not called", "The request asks peer-0 (mmpeer1…"]
    {
        assert!(answer.err.contains(said), "{answer}");
    }
    for words in [&["consent", "list"][..], &["activity"]] {
        let answer = scene.importer.run(words);
        answer.done();
        assert!(answer.err.contains("peer-0 (mmpeer1…"), "{answer}");
    }
    let answer = friend.run(&[
        "request",
        "new",
        "tiny.manifest",
        "peer-0.minimodel-offer",
        "--out",
        "x",
        "--consent",
        "fetch",
    ]);
    assert!(answer.err.contains("; you are not paired with it, so it is not called"), "{answer}");
}

#[test]
fn a_peer_is_called_at_the_addresses_of_its_offer_and_of_its_ticket() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let peer = &scene.peers[0];
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let known = format!("mmp://{free}");
    let invitation = peer.run(&["peer", "invite", "--address", &known, "--label", "peer-0"]).done();
    let ticket = invitation["ticket"].as_str().unwrap();
    scene.importer.run(&["peer", "add", ticket, "--yes"]).done();
    peer.learns_of(&scene.importer);

    // What its offer says leads nowhere.
    let (listen, nowhere) = (free.to_string(), "mmp://127.0.0.1:9");
    let mut words = vec!["share", "serve", "tiny", "--listen", &listen, "--address", nowhere];
    words.extend(["--to", "importer", "--consent", "serve", "--until-input-ends"]);
    words.extend(["--offer", "peer-0.minimodel-offer"]);
    let mut server = peer.start(&words);
    server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));
    until("an offer is written", || scene.path("peer-0.minimodel-offer").is_file().then_some(()));
    scene.request("request.json", &[]);
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    answer.done();
    assert!(answer.err.contains(&format!("at {nowhere}, {known}")), "{answer}");
    scene.came_out();
}
