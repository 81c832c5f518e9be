//! What is kept alive: an import while one of several ends, a server while files run out.

use std::net::{TcpListener, TcpStream};

use crate::harness::{Model, Scene};

#[test]
fn an_import_waits_for_a_peer_that_comes_later_if_it_is_told_to() {
    let scene = Scene::new(1, Model::SMALL);
    let place = free();
    let mut words = vec!["share", "serve", "tiny", "--listen", &place, "--to", "importer"];
    words.extend(["--consent", "serve", "--until-input-ends"]);
    let offer = ["--offer", "peer-0.minimodel-offer"];
    let serve = |more: &[&str]| {
        let mut server = scene.peers[0].start(&[&words[..], more].concat());
        server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));
        server
    };
    let server = serve(&offer);
    scene.request("request.json", &[]);
    server.stop().done();

    // Whoever waits for a second only is told why it ended.
    let answer = scene.import(&["--consent", Scene::YES, "--patience", "1s"]).ends();
    let told = answer.refused(3, "io.failed")["message"].as_str().unwrap().to_owned();
    assert!(told.contains("peer-0"), "{answer}");

    let mut import = scene.import(&["--consent", Scene::YES, "--wait"]);
    import.says("it waits", |line| line.starts_with("Waiting ").then_some(()));
    let _server = serve(&[]);
    let answer = import.ends();
    answer.done();
    assert!(answer.err.contains("peer-0 is connected"), "{answer}");
    scene.came_out();
}

/// An address that nobody listens on.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
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
    assert!(said.contains(" connections at a time instead of 64."), "{said}");
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
