//! The window and the command do the same.

use std::fs;

use app::settings::Settings;

use super::copy;
use super::import::{BOXES, agree, ask, open};
use crate::harness::{Model, Scene, lines};

/// What depends on when a receipt was written.
const TIMES: [&str; 2] = ["receipt.created_utc", "receipt.sha256"];

#[test]
fn the_window_and_the_command_write_the_same_receipt_bar_its_times() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let untouched = scene.path("untouched");
    copy(&scene.importer.data, &untouched);

    scene.import(&["--consent", Scene::YES]).ends().done();
    let by_command = scene.came_out();
    fs::remove_dir_all(scene.out()).unwrap();
    fs::create_dir(scene.out()).unwrap();
    fs::remove_dir_all(&scene.importer.data).unwrap();
    fs::rename(&untouched, &scene.importer.data).unwrap();

    let mut stage = open(&scene, Settings::default());
    ask(&mut stage, &scene);
    agree(&mut stage, &BOXES);
    stage.until_said("tiny 1.0 is here, and verified");
    let by_window = lines(&scene.out().join("tiny-1.0.minimodel-receipt"));
    drop((stage, servers));

    let keys: Vec<_> = by_command.keys().chain(by_window.keys()).collect();
    for key in keys {
        if !TIMES.contains(&key.as_str()) {
            assert_eq!(by_command.get(key), by_window.get(key), "{key}");
        }
    }
    scene.came_out();
}
