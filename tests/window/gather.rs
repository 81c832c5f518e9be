//! What an import is made of: typed paths, offers without a request, and strangers' tickets.

use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::import::{BOXES, agree, window};
use crate::harness::{Model, Scene, grants};

#[test]
fn a_manifest_and_offers_are_typed_and_imported_without_a_pointer() {
    let scene = Scene::new(2, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let mut stage = window(&scene);
    stage.go(Place::Import);
    for name in ["tiny.manifest", "peer-0.minimodel-offer", "peer-1.minimodel-offer"] {
        // The field keeps the keyboard when the card comes, and is empty for the next path.
        stage.paste("import-file", scene.path(name).to_str().unwrap());
        stage.press(Key::Named(Named::Enter), Modifiers::empty());
    }
    let button = stage.until_said("Fetch and import from peer-0 and peer-1");
    for text in ["Import: ", "Fetch: ", button.as_str()] {
        stage.tab_to(text);
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
fn a_stranger_is_named_and_becomes_callable_by_its_ticket() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    scene.peers[0].learns_of(&scene.importer);
    let _server = scene.serves(0, "importer", &[]);
    scene.request("request.json", &[]);
    let mut stage = window(&scene);
    stage.go(Place::Import);
    stage.drop_file(&scene.path("request.json"));
    stage.drop_file(&scene.path("tiny.manifest"));
    stage.until_said("You are not paired with");

    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", "anna"];
    let invitation = scene.peers[0].run(&invite);
    // The peer's library is in use by its server, its key is not.
    let ticket = invitation.done()["ticket"].as_str().unwrap().to_owned();
    stage.paste("import-tickets", &ticket);
    stage.click("Read");
    stage.until_said("Their screen shows this code");
    stage.click_on("Their screen shows this code");
    let button = stage.until_said("Fetch and import from anna");
    agree(&mut stage, &BOXES, &button);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    scene.came_out();
}

#[test]
fn an_import_that_was_stopped_goes_on_with_one_press_and_a_new_yes() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "384KiB"]);
    let mut stage = window(&scene);
    let button = super::import::ask(&mut stage, &scene);
    agree(&mut stage, &BOXES, &button);
    stage.until("some pieces are kept", |stage| {
        let kept = stage.said().into_iter().find(|text| text.ends_with(" of 128 pieces"))?;
        (!kept.starts_with("0 ")).then_some(())
    });
    stage.click("Cancel");
    stage.until_said("The import of tiny 1.0 was stopped");
    scene.nothing_came_out();
    stage.click("Go on");
    let button = stage.until_said("Fetch and import from");
    agree(&mut stage, &BOXES, &button);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(stage);
    assert_ne!(scene.came_out()["transfer.pieces_local"], "0");
    let activity = scene.importer.run(&["activity"]).done();
    let entries = activity["entry"].as_array().unwrap();
    let find = |what| entries.iter().find(|entry| entry["what"] == what).unwrap();
    assert_eq!(find("failed")["detail"]["note"], "the import was stopped");
    assert_eq!(grants(&scene.importer, "fetch").len(), 2);
}
