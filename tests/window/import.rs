//! An import with clicks and keys alone, over the real disk and loopback.

use app::settings::Settings;
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::stage::Stage;
use crate::harness::{Model, Scene, free_address, grants};

/// What the button starts with that says yes.
const BUTTON: &str = "Fetch and import from";
/// What the boxes of the card start with.
pub const BOXES: [&str; 3] = ["Fetch: ", "Import: ", "Cache: "];

/// The window of the scene's importer, on its screen for imports.
pub fn open(scene: &Scene, settings: Settings) -> Stage {
    let settings = Settings { imports: Some(scene.out()), ..settings };
    let mut stage = Stage::open_with(&scene.importer.data, settings);
    stage.until_said("Library");
    stage.go(Place::Import);
    stage
}

/// Lets request and manifest fall on the window, and waits for the card; gives what is on the
/// button.
pub fn ask(stage: &mut Stage, scene: &Scene) -> String {
    stage.go(Place::Import);
    stage.drop_file(&scene.path("request.json"));
    stage.drop_file(&scene.path("tiny.manifest"));
    stage.until_said(BUTTON)
}

/// Ticks these boxes, and presses the button that says yes.
pub fn agree(stage: &mut Stage, boxes: &[&str]) {
    for name in boxes {
        stage.click_on(name);
    }
    stage.click_on(BUTTON);
}

#[test]
fn two_files_that_are_dropped_become_a_verified_model() {
    let scene = Scene::new(2, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let mut stage = open(&scene, Settings { sign_receipts: true, ..Settings::default() });
    stage.drop_file(&scene.path("request.json"));
    stage.until_said("The manifest is missing");
    stage.drop_file(&scene.path("tiny.manifest"));
    let button = stage.until_said(BUTTON);
    assert_eq!(button, "Fetch and import from peer-0 and peer-1");
    agree(&mut stage, &BOXES);
    stage.until_said("tiny 1.0 is here, and verified");
    stage.click("Show the receipt");
    stage.until_said("Receipts");
    drop(stage);
    let receipt = scene.came_out();
    assert_eq!(receipt["receipt.signer"], scene.importer.id());
    assert_eq!(receipt["transfer.pieces_fetched"], scene.pieces.to_string());
    assert_eq!(grants(&scene.importer, "fetch").len(), 2);
    assert_eq!(scene.importer.kept(), scene.pieces);
}

#[test]
fn a_manifest_and_offers_that_are_typed_are_imported_by_keyboard() {
    let scene = Scene::new(2, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let mut stage = open(&scene, Settings::default());
    for name in ["tiny.manifest", "peer-0.minimodel-offer", "peer-1.minimodel-offer"] {
        // The field keeps the keyboard when the card comes, and is empty for the next path.
        stage.paste("import-file", scene.path(name).to_str().unwrap());
        // The field keeps the keyboard when the card comes, and is empty for the next path.
        stage.press(Key::Named(Named::Enter), Modifiers::empty());
    }
    stage.until_said("Fetch and import from peer-0 and peer-1");
    for part in ["Import: ", "Fetch: ", BUTTON] {
        stage.tab_to(part);
        stage.press(Key::Named(Named::Space), Modifiers::empty());
    }
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    scene.came_out();
    // The box that was not ticked is not a yes.
    assert_eq!(grants(&scene.importer, "cache").len(), 0);
    assert_eq!(scene.importer.kept(), 0);
}

#[test]
fn an_import_that_is_cancelled_goes_on_from_what_it_has() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&[]);
    let slow = Settings { download_limit: 384 << 10, ..Settings::default() };
    let mut stage = open(&scene, slow);
    ask(&mut stage, &scene);
    agree(&mut stage, &BOXES);
    stage.until("some pieces are kept", |stage| {
        let kept = stage.said().into_iter().find(|text| text.ends_with(" of 128 pieces"))?;
        (!kept.starts_with("0 ")).then_some(())
    });
    stage.ask_to_close();
    stage.until_said("An import is under way: tiny 1.0");
    stage.click("Stay open");
    stage.click("Cancel");
    stage.until_said("The import of tiny 1.0 was stopped");
    scene.nothing_came_out();
    stage.click("Go on");
    stage.until_said(BUTTON);
    agree(&mut stage, &BOXES);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.pieces_local"], "0");
    let activity = scene.importer.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap();
    let find = |what| entries.iter().find(|entry| entry["what"] == what).unwrap();
    assert_eq!(find("failed")["detail"]["note"], "the import was stopped");
    let fetching = grants(&scene.importer, "fetch");
    assert_eq!(fetching.len(), 2);
    assert!(fetching.iter().all(|grant| grant["live"] == false), "{fetching:?}");
}

#[test]
fn a_peer_that_is_blocked_midway_costs_an_import_that_peer_only() {
    let scene = Scene::new(2, Model::FINE);
    // So slow that it would take half a minute.
    let _slow = scene.serves(0, "importer", &["--upload-limit", "64KiB"]);
    let place = free_address();
    let other = scene.serves(1, "importer", &["--listen", &place]);
    scene.request("request.json", &[]);
    other.stop().done();

    let mut stage = open(&scene, Settings::default());
    ask(&mut stage, &scene);
    agree(&mut stage, &BOXES);
    stage.until("some pieces are kept", |stage| {
        let kept = stage.said().into_iter().find(|text| text.ends_with(" of 128 pieces"))?;
        (!kept.starts_with("0 ")).then_some(())
    });
    stage.go(Place::Peers);
    stage.until_said("peer-0");
    stage.click("Block");
    stage.until_said("blocked");
    stage.go(Place::Import);
    stage.until_said("not asked any more: the yes to fetch `tiny` was taken back");
    // The window waits for whoever is left, and goes on when it comes.
    let _other = scene.serves_again(1, "importer", &place);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    scene.came_out();
}

#[test]
fn an_import_that_cannot_begin_any_more_is_granted_nothing() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let mut stage = open(&scene, Settings::default());
    ask(&mut stage, &scene);
    // Somebody takes the name while the card is shown.
    let taken = scene.out().join("tiny-1.0.slm");
    std::fs::write(&taken, b"another").unwrap();
    agree(&mut stage, &BOXES);
    stage.until_said("output.exists");
    drop(stage);
    assert_eq!(std::fs::read(&taken).unwrap(), b"another");
    let log = std::fs::read(scene.importer.data.join("consent.log")).unwrap_or_default();
    assert!(log.is_empty(), "{}", String::from_utf8_lossy(&log));
}

#[test]
fn a_stranger_is_named_and_becomes_callable_by_its_ticket() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    scene.peers[0].learns_of(&scene.importer);
    let _server = scene.serves(0, "importer", &[]);
    scene.request("request.json", &[]);
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "anna"];
    let mut stage = open(&scene, Settings::default());
    stage.drop_file(&scene.path("request.json"));
    stage.drop_file(&scene.path("tiny.manifest"));
    stage.until_said("You are not paired with");

    let invitation = scene.peers[0].run(&invite).done();
    stage.paste("import-tickets", invitation["ticket"].as_str().unwrap());
    stage.click("Read");
    stage.until_said("Their screen shows this code");
    stage.click_on("Their screen shows this code");
    let button = stage.until_said(BUTTON);
    assert_eq!(button, "Fetch and import from anna");
    agree(&mut stage, &BOXES);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    scene.came_out();
}
