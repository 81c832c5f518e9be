//! The library and its storage, clicked and typed through over the real disk.

use std::fs;

use app::settings::Settings;
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::stage::Stage;
use crate::harness::{Model, Scene, files, grants};
use crate::repair::rotten;

const SLM: &str = "tiny-1.0.slm";
const RECEIPT: &str = "tiny-1.0.minimodel-receipt";

/// The window of the scene's only peer, who has the model; files go to the scene's folder.
fn open(scene: &Scene) -> Stage {
    let settings = Settings { imports: Some(scene.out()), ..Settings::default() };
    let mut stage = Stage::open_with(&scene.peers[0].data, settings);
    stage.until_said("whole");
    stage
}

#[test]
fn a_kept_model_becomes_a_file_that_is_verified_before_it_is_shown() {
    let scene = Scene::new(1, Model::SMALL);
    let mut stage = open(&scene);
    stage.click("Show file…");
    stage.until_said("Write and show");
    assert_eq!(files(&scene.out()), [""; 0]);
    stage.click("Write and show");
    stage.until_said("tiny 1.0 is verified.");
    assert_eq!(files(&scene.out()), [RECEIPT, SLM]);
    let path = scene.out().join(SLM);
    stage.click("Copy the path");
    assert_eq!(stage.clipboard.as_deref(), path.to_str());
    stage.click("Done");

    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    stage.click("Show file…");
    stage.until_said("is not the file that was verified");
    stage.click("Choose another folder…");
    stage.until_said("Write and show");
}

#[test]
fn a_model_is_checked_again_and_forgotten_by_keys_alone() {
    let scene = Scene::new(1, Model::SMALL);
    scene.rot(&scene.peers[0]);
    let enter = |stage: &mut Stage, label: &str| {
        stage.tab_to(label);
        stage.press(Key::Named(Named::Enter), Modifiers::empty());
    };
    let mut stage = open(&scene);
    enter(&mut stage, "Check again");
    let checked = scene.pieces;
    stage.until_said(&format!("tiny 1.0: damaged: 1 piece corrupt, {checked} pieces checked."));
    stage.until_said(&format!(
        "{} of {} pieces kept, 0 missing, 1 corrupt",
        scene.pieces - 1,
        scene.pieces
    ));
    enter(&mut stage, "Done");
    enter(&mut stage, "Forget…");
    stage.until_said("come free.");
    enter(&mut stage, "Forget it");
    stage.until_said("Nothing is kept yet");
    stage.until_said("tiny 1.0 is forgotten;");
    drop(stage);
    assert_eq!(scene.peers[0].kept(), 0);
}

#[test]
fn the_storage_sets_a_quota_tells_what_would_go_and_checks_everything() {
    let scene = Scene::new(1, Model::SMALL);
    scene.rot(&scene.peers[0]);
    scene.peers[0].run(&["library", "unpin", "tiny"]).done();
    let mut stage = open(&scene);
    stage.go(Place::Storage);
    stage.until_said("of the quota of 4.00 GiB");
    stage.paste("quota", "64MiB");
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("of the quota of 64.00 MiB");
    stage.paste("room", "62MiB");
    stage.click("What would go?");
    stage.until_said("these would go, in this order:");
    stage.click("Check again");
    let read = format!("{} pieces of 1 model were read, 2.00 MiB; not all is sound.", scene.pieces);
    stage.until_said(&read);
    stage.until_said("1 piece corrupt");
    // What was found stays found, also where nothing new is.
    stage.click("Check again");
    let read = format!("{} pieces of 1 model were read,", scene.pieces - 1);
    stage.until_said(&read);
    stage.until_said("1 piece corrupt");
    drop(stage);
    let quota = scene.peers[0].run(&["library", "quota"]).done();
    assert_eq!(quota["quota"], 64 << 20);
}

#[test]
fn what_rotted_is_fetched_again_after_a_tick_and_a_yes() {
    let (scene, address) = rotten();
    let server = scene.serves_again(0, "importer", &address);
    let mut stage = Stage::open_with(&scene.importer.data, Settings::default());
    stage.until_said("whole");
    stage.click("Check again");
    stage.until_said("3 pieces corrupt");
    stage.click("Repair…");
    assert_eq!(stage.until_said("Fetch 48"), "Fetch 48.0 KiB from peer-0");
    // Nothing is ticked.
    stage.click_on("Fetch 48");
    assert!(stage.said().iter().any(|text| text.starts_with("Fetch: ")), "it began");
    stage.click_on("Fetch: ");
    stage.click_on("Fetch 48");
    stage.until_said("tiny 1.0 is whole again: 3 pieces came, 48.0 KiB");
    stage.until_said(&format!("all {} pieces are kept", scene.pieces));
    drop(stage);
    let served = server.stop().done();
    assert_eq!(served["peer"][0]["bytes"], 48 << 10);
    assert!(grants(&scene.importer, "fetch").iter().all(|grant| grant["live"] == false));
}
