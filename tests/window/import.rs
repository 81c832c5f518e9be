//! Imports that are clicked through, from real processes that serve.

use app::settings::Settings;
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::stage::Stage;
use crate::harness::{Model, Scene, files, grants};

/// What the boxes of the card say.
pub const BOXES: [&str; 3] = ["Fetch: ", "Import: ", "Cache: "];

/// The window of the scene's importer.
pub fn window(scene: &Scene) -> Stage {
    let settings = Settings { imports: Some(scene.out()), ..Settings::default() };
    Stage::open_with(&scene.importer.data, settings)
}

/// Lets request and manifest fall on the window, and waits for the card.
pub fn ask(stage: &mut Stage, scene: &Scene) -> String {
    stage.go(Place::Import);
    stage.drop_file(&scene.path("request.json"));
    stage.drop_file(&scene.path("tiny.manifest"));
    stage.until_said("Fetch and import from")
}

/// Ticks these boxes, and presses the button that says yes.
pub fn agree(stage: &mut Stage, boxes: &[&str], button: &str) {
    for name in boxes {
        stage.click_on(name);
    }
    stage.click(button);
}

#[test]
fn an_import_is_clicked_through_to_its_receipt() {
    let scene = Scene::new(2, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let mut stage = window(&scene);
    let button = ask(&mut stage, &scene);
    assert_eq!(button, "Fetch and import from peer-0 and peer-1");
    agree(&mut stage, &BOXES, &button);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(servers);
    scene.came_out();
    stage.click("Show the receipt");
    stage.until_said("Receipts");
    stage.go(Place::Library);
    stage.until_said("tiny");
    stage.ask_to_close();
    stage.until("the window closes", |stage| stage.is_closed.then_some(()));
    drop(stage);
    assert_eq!(scene.importer.kept(), scene.pieces);
    for act in ["fetch", "import", "cache"] {
        let wanted = if act == "fetch" { 2 } else { 1 };
        assert_eq!(grants(&scene.importer, act).len(), wanted, "{act}");
    }
}

#[test]
fn an_import_needs_no_pointer() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let mut stage = window(&scene);
    let button = ask(&mut stage, &scene);
    let space = || (Key::Named(Named::Space), Modifiers::empty());
    for text in BOXES.into_iter().chain([button.as_str()]) {
        stage.tab_to(text);
        let (key, modifiers) = space();
        stage.press(key, modifiers);
    }
    stage.until_said("tiny 1.0 is here, and verified");
    drop(servers);
    scene.came_out();
}

#[test]
fn a_cancelled_import_leaves_no_file_and_goes_on_later() {
    let scene = Scene::new(1, Model::FINE);
    let servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    let mut stage = window(&scene);
    let button = ask(&mut stage, &scene);
    agree(&mut stage, &BOXES, &button);
    stage.until("some pieces are kept", |stage| {
        let said = stage.said();
        let kept = said.iter().find_map(|text| text.split_once(" of 2.0").map(|(kept, _)| kept));
        kept.filter(|kept| !kept.starts_with("0 ")).map(|_| ())
    });
    // Closing asks while it runs.
    stage.ask_to_close();
    stage.until_said("Close the companion?");
    stage.click("Stay open");
    stage.click("Cancel");
    stage.until_said("The import of tiny 1.0 was stopped");
    scene.nothing_came_out();
    drop(servers);
    // The offers that the request names are of servers that are gone, so there are new ones.
    for file in files(&scene.path("")) {
        if file.ends_with(".minimodel-offer") || file == "request.json" {
            std::fs::remove_file(scene.path(&file)).unwrap();
        }
    }
    let servers = scene.serve_all(&[]);
    stage.click("New import");
    let button = ask(&mut stage, &scene);
    stage.until_said("kept already");
    agree(&mut stage, &BOXES, &button);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(servers);
    let receipt = scene.came_out();
    assert_ne!(receipt["transfer.pieces_local"], "0");
}
