//! The window and the command do the same.

use std::fs;
use std::path::Path;

use super::import::{BOXES, agree, ask, window};
use crate::harness::{Model, Scene, lines};

/// What depends on when a receipt was written.
const TIMES: [&str; 2] = ["receipt.created_utc", "receipt.sha256"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

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

    let mut stage = window(&scene);
    let button = ask(&mut stage, &scene);
    agree(&mut stage, &BOXES, &button);
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
