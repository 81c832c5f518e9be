//! Models that are made ready, served and taken back by clicks, to real processes that import.

use app::settings::Settings;
use desktop::screen::Place;

use super::stage::Stage;
use crate::harness::{Companion, Model, Running, Scene, grants, midway, until};

/// The window of a companion that serves on a port that the system picks.
fn window(companion: &Companion, scene: &Scene, upload: u64) -> Stage {
    let settings = Settings {
        imports: Some(scene.path("")),
        listen: "127.0.0.1:0".parse().unwrap(),
        upload_limit: upload,
        ..Settings::default()
    };
    Stage::open_with(&companion.data, settings)
}

/// Clicks up to the question whether the model may be served to the importer.
fn ask(stage: &mut Stage) {
    stage.go(Place::Share);
    stage.until_said("Ready to be served");
    stage.click("Serve tiny…");
    stage.until_said("Who may have it");
    stage.click("importer");
    stage.click("Continue");
}

/// Serves the model to the importer, and starts its import.
fn serve(stage: &mut Stage, scene: &Scene) -> Running {
    ask(stage);
    stage.until_said("Serve: let these peers");
    let is_served = |scene: &Scene| !grants(&scene.peers[0], "serve").is_empty();
    stage.click("Serve tiny 1.0 to importer");
    assert!(!is_served(scene), "a button alone is no yes");
    stage.click_on("Serve: let these peers");
    stage.click("Serve tiny 1.0 to importer");
    stage.until_said("serving");
    let offer = scene.path("tiny-1.0.minimodel-offer");
    stage.until("the offer is written", |_| offer.is_file().then_some(()));
    let offer = offer.to_str().unwrap();
    let request = ["request", "new", "tiny.manifest", offer, "--out", "request.json"];
    scene.importer.run(&[&request[..], &["--consent", "fetch"]].concat()).done();
    scene.import(&["--consent", Scene::YES])
}

#[test]
fn a_model_is_served_to_a_peer_by_clicks() {
    let scene = Scene::new(1, Model::SMALL);
    let mut stage = window(&scene.peers[0], &scene, 0);
    let import = serve(&mut stage, &scene);
    import.ends().done();
    scene.came_out();
    stage.until_said("took 2.");
    stage.until_said("away");
    stage.ask_to_close();
    stage.until_said("Serving tiny 1.0 to 1 peer");
    stage.click("Stay open");
    stage.click("Stop serving tiny");
    stage.until_said("You stopped it. What your yes granted is taken back.");
    assert!(is_taken_back(&scene));
    stage.ask_to_close();
    stage.until("the window closes", |stage| stage.is_closed.then_some(()));
}

/// Whether nobody may have the model any more, and somebody might before.
fn is_taken_back(scene: &Scene) -> bool {
    let grants = grants(&scene.peers[0], "serve");
    !grants.is_empty() && grants.iter().all(|grant| grant["live"] == false)
}

#[test]
fn closing_the_window_takes_back_what_it_serves() {
    let scene = Scene::new(1, Model::SMALL);
    let mut stage = window(&scene.peers[0], &scene, 0);
    serve(&mut stage, &scene).ends().done();
    assert!(!is_taken_back(&scene));
    stage.ask_to_close();
    stage.until_said("Serving tiny 1.0 to 1 peer");
    stage.click("Stop it and close");
    stage.until("the window closes", |stage| stage.is_closed.then_some(()));
    drop(stage);
    assert!(is_taken_back(&scene));
}

#[test]
fn a_server_that_cannot_listen_is_granted_nothing() {
    let scene = Scene::new(1, Model::SMALL);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let imports = Some(scene.path(""));
    let settings = Settings { imports, listen, ..Settings::default() };
    let mut stage = Stage::open_with(&scene.peers[0].data, settings);
    ask(&mut stage);
    stage.until_said(&format!("io.failed at {listen}"));
    drop(stage);
    assert!(grants(&scene.peers[0], "serve").is_empty());
}

#[test]
fn taking_it_back_stops_the_bytes() {
    let scene = Scene::new(1, Model::FINE);
    let mut stage = window(&scene.peers[0], &scene, 256 << 10);
    let mut import = serve(&mut stage, &scene);
    midway(&mut import);
    stage.click("Take back from importer");
    stage.until_said("It ended by itself");
    import.ends().refused(3, "io.failed");
    scene.nothing_came_out();
    assert!(scene.importer.kept() < scene.pieces);
}

#[test]
fn a_peer_that_is_blocked_while_it_fetches_gets_no_more() {
    let scene = Scene::new(1, Model::FINE);
    let mut stage = window(&scene.peers[0], &scene, 256 << 10);
    let mut import = serve(&mut stage, &scene);
    midway(&mut import);
    stage.go(Place::Peers);
    stage.until_said("importer");
    stage.click("Block");
    stage.until_said("blocked");
    import.ends().refused(3, "io.failed");
    scene.nothing_came_out();
    assert!(scene.importer.kept() < scene.pieces);
    let live = |grant: &serde_json::Value| grant["live"] == true;
    assert!(!grants(&scene.peers[0], "serve").iter().any(live));
    stage.go(Place::Share);
    stage.until_said("It ended by itself");
    stage.click("Serve tiny…");
    stage.until_said("importer is blocked");
    drop(stage);
    let told = scene.peers[0].run(&["peer", "list"]).done();
    assert_eq!(told["peer"][0]["blocked"], true);
}

#[test]
fn a_file_is_made_ready_by_clicks() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    let peer = &scene.importer;
    peer.id();
    let mut stage = window(peer, &scene, 0);
    std::fs::copy(scene.path("tiny.slm"), scene.path("story-2.slm")).unwrap();
    std::fs::write(scene.path("bad.slm"), b"not a model").unwrap();
    stage.go(Place::Share);
    stage.drop_file(&scene.path("bad.slm"));
    stage.until_said("slm.");
    stage.drop_file(&scene.path("story-2.slm"));
    stage.until_said("The file is a valid .slm");
    stage.until_said("Say where the licence and the model card are read.");
    stage.paste("license-route", "/license.md");
    stage.paste("card-route", "/card.md");
    stage.click("Continue");
    stage.until_said("Cache: ");
    stage.click_on("Cache: ");
    stage.click("Keep story");
    stage.until_said("Ready to be served");
    let manifest = scene.path("story-2.manifest");
    until("the manifest is written", || manifest.is_file().then_some(()));
    drop(stage);
    let named = (manifest.to_str().unwrap(), scene.path("story-2.slm"));
    peer.run(&["verify-artifact", named.0, named.1.to_str().unwrap()]).done();
}

#[test]
fn a_file_that_is_here_already_keeps_its_manifest_in_the_window_too() {
    let scene = Scene::of_strangers(0, Model::SMALL);
    let peer = &scene.importer;
    peer.id();
    peer.prepares("tiny.slm", &["--model-id", "tiny", "--model-version", "1.0"]);
    let manifest = std::fs::read(scene.path("tiny.manifest")).unwrap();
    let text = String::from_utf8(manifest.clone()).unwrap();
    std::fs::write(scene.path("new.manifest"), text.replace("/card.md", "/new.md")).unwrap();
    std::fs::copy(scene.path("tiny.slm"), scene.path("story-2.slm")).unwrap();
    let mut stage = window(peer, &scene, 0);
    stage.go(Place::Share);
    stage.drop_file(&scene.path("story-2.slm"));
    stage.until_said("tiny 1.0 is here already");
    stage.drop_file(&scene.path("new.manifest"));
    stage.drop_file(&scene.path("story-2.slm"));
    stage.until_said("The library has this model already, as tiny 1.0 of another manifest");
    stage.go(Place::Library);
    stage.until_said("Write manifest");
    stage.click("Write manifest");
    let handed = scene.path("tiny-1.0.manifest");
    stage.until("the manifest is written", |_| handed.is_file().then_some(()));
    assert_eq!(std::fs::read(handed).unwrap(), manifest);
    drop(stage);
    let kept = peer.run(&["library", "list"]).done();
    let digest = verifier::Sha256::of(&manifest).to_string();
    assert_eq!(kept["model"][0]["manifest_sha256"], digest.as_str());
}

#[test]
fn two_windows_pair_by_tickets_and_see_one_code() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    scene.importer.id();
    let mut here = window(&scene.importer, &scene, 0);
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "peer-0"];
    let ticket = scene.peers[0].run(&invite).done()["ticket"].as_str().unwrap().to_owned();
    here.go(Place::Peers);
    here.until_said("You are paired with nobody yet");
    here.click("Invite somebody");
    here.until_said("The name that they see");
    here.click("Write the ticket");
    here.until_said("Your ticket");
    here.click("Copy ticket");
    let own = here.clipboard.clone().unwrap();
    assert!(own.starts_with("mmticket0:"));
    let there = scene.peers[0].run(&["peer", "add", &own, "--yes"]).done();
    here.click("Done");
    here.paste("ticket", &ticket);
    here.click("Read the ticket");
    here.until_said("Compare the pair code");
    let said = here.said();
    for group in there["pair_code"].as_str().unwrap().split(' ') {
        assert!(said.iter().any(|text| text == group), "{group} is not in {said:?}");
    }
    here.click("Pair with peer-0");
    here.until_said("1 peer");
    here.click("Remove");
    here.click("Forget peer-0");
    here.until_said("You are paired with nobody yet");
}
