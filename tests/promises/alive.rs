//! What is kept alive: an import while one of several ends, a server while files run out.

use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{Model, Scene, free_address, grants, midway};

/// Slow enough that something can happen midway.
const SLOW: [&str; 2] = ["--download-limit", "512KiB"];

#[test]
fn one_peers_consent_that_ends_costs_that_peer_only() {
    let scene = Scene::new(2, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let mut import = scene.import(&[&["--consent", Scene::YES][..], &SLOW].concat());
    midway(&mut import);
    let (gone, id) = (&scene.peers[0], scene.peers[0].id());
    let grants = grants(&scene.importer, "fetch");
    let grant = grants.iter().find(|grant| grant["peer"] == id.as_str()).unwrap();
    scene.importer.run(&["consent", "revoke", grant["id"].as_str().unwrap()]).done();

    let answer = import.ends();
    answer.done();
    let told =
        format!("{} is not asked any more: the yes to fetch `tiny` was taken back", gone.name);
    assert_eq!(answer.err.matches(&told).count(), 1, "{answer}");
    let receipt = scene.came_out();
    let other = scene.peers[1].id();
    let gave = |id: &str| {
        let place = (0..2)
            .find(|at| receipt.get(&format!("transfer.peer.{at}.id")) == Some(&id.to_owned()));
        place.map_or(0, |at| receipt[&format!("transfer.peer.{at}.pieces")].parse::<u64>().unwrap())
    };
    assert!(gave(&other) > 0 && gave(&id) < scene.pieces, "{receipt:?}");
}

#[test]
fn an_import_waits_for_a_peer_that_comes_later_if_it_is_told_to() {
    let scene = Scene::new(1, Model::SMALL);
    let place = free_address();
    let server = scene.serves(0, "importer", &["--listen", &place]);
    scene.request("request.json", &[]);
    server.stop().done();

    // Whoever waits for a second only is told why it ended.
    let answer = scene.import(&["--consent", Scene::YES, "--patience", "1s"]).ends();
    let told = answer.refused(3, "io.failed")["message"].as_str().unwrap().to_owned();
    assert!(told.contains("peer-0"), "{answer}");
    assert!(
        answer
            .err
            .contains("--wait waits for them until you stop it, --wait TIME for as long as that."),
        "{answer}"
    );

    let mut import = scene.import(&["--consent", Scene::YES, "--wait"]);
    import.says("it waits", |line| line.starts_with("Waiting ").then_some(()));
    let _server = scene.serves_again(0, "importer", &place);
    let answer = import.ends();
    answer.done();
    assert!(answer.err.contains("peer-0 is connected"), "{answer}");
    scene.came_out();
}

#[test]
fn an_import_that_waits_goes_on_when_the_peer_shares_the_model_with_it() {
    let scene = Scene::new(2, Model::SMALL);
    scene.peers[0].pairs_with(&scene.peers[1]);
    let place = free_address();
    scene.serves(1, "importer", &[]).stop().done();
    scene.serves(0, "importer", &["--listen", &place]).stop().done();
    scene.request("request.json", &[]);

    let server = scene.serves_again(0, "peer-1", &place);
    let mut import = scene.import(&["--consent", Scene::YES, "--wait", "2h"]);
    let said = import.says("what it waits for", |line| {
        let told = line.starts_with("Waiting ") && line.contains("peer-0 does not share");
        told.then(|| line.to_owned())
    });
    let asks =
        "peer-0 does not share this model with you now: ask them to; peer-1 cannot be reached";
    assert!(said.contains(asks), "{said}");
    assert!(said.ends_with("It ends when nothing has come for 2 hours."), "{said}");
    server.stop().done();
    let _server = scene.serves_again(0, "importer", &place);
    import.ends().done();
    scene.came_out();
}

#[test]
fn a_peer_that_comes_and_goes_uses_up_no_consent() {
    let scene = Scene::new(1, Model::FINE);
    let place = free_address();
    let mut server = scene.serves(0, "importer", &["--listen", &place]);
    scene.request("request.json", &[]);
    let mut import = scene.import(&[&["--consent", Scene::YES][..], &SLOW].concat());
    for _ in 0..2 {
        midway(&mut import);
        server.kill();
        server = scene.serves_again(0, "importer", &place);
    }
    let answer = import.ends();
    answer.done();
    assert!(!answer.err.contains("is not asked any more"), "{answer}");
}

#[test]
fn an_import_tells_who_has_what_while_it_runs() {
    let scene = Scene::new(2, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let answer =
        scene.import(&[&["--consent", Scene::YES, "--events", "-v"][..], &SLOW].concat()).ends();
    assert_eq!(answer.status, Some(0), "{answer}");
    let lines: Vec<Value> =
        answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, events) = lines.split_last().unwrap();
    assert_eq!(last["result"], "verified");
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert_eq!(of("kept").len() as u64, scene.pieces);
    let whole = |told: &&&Value| told["copies"] == serde_json::json!([[scene.pieces, 2]]);
    let copies = of("availability");
    let both = copies.iter().find(whole).unwrap();
    assert_eq!((&both["unavailable"], &both["can_finish"]), (&0.into(), &true.into()));
    let ids: Vec<&str> =
        both["peer"].as_array().unwrap().iter().map(|peer| peer["id"].as_str().unwrap()).collect();
    assert!(scene.peers.iter().all(|peer| ids.contains(&peer.id().as_str())), "{both}");
    assert!(answer.err.contains("2 peers are connected; all that is missing is there"), "{answer}");
}

#[cfg(unix)]
#[test]
fn a_server_with_few_files_lets_a_paired_peer_in_beside_sixty_callers() {
    let scene = Scene::new(1, Model::SMALL);
    let mut server = scene.serves_with_few_files(0, "importer", 40);
    scene.request("request.json", &[]);
    let said = server.says("it says how many connections it has", |line| {
        line.contains("This process may have 40 files open").then(|| line.to_owned())
    });
    assert!(said.contains(" of the 64 connections at a time."), "{said}");
    let address = server.says("it says where", |line| {
        let (_, place) = line.strip_prefix("serving ")?.split_once(" on ")?;
        place.split([',', ';']).next().map(str::to_owned)
    });
    let callers: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(&address).unwrap()).collect();
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.came_out();
    drop(callers);
    let served = server.stop().done();
    assert_eq!(served["peer"][0]["bytes"], scene.bytes);
}
