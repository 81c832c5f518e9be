//! What was recorded: sums, receipts, and what a session leaves when it is ended.

use serde_json::Value;

use crate::harness::{Companion, Model, Scene, midway};

#[cfg(unix)]
#[test]
fn an_import_that_any_signal_ends_tidies_up_and_is_written_down() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    for signal in ["HUP", "TERM", "INT"] {
        let mut import = scene.import(&["--consent", Scene::YES]);
        midway(&mut import);
        import.ends_by(signal).refused(3, "io.failed");
        scene.nothing_came_out();
        let entries = activity(&scene.importer);
        let failed = entries.iter().find(|entry| entry["what"] == "failed").unwrap();
        assert_eq!(failed["detail"]["note"], "the import was stopped", "{signal}");
    }
    let failed = activity(&scene.importer);
    assert_eq!(failed.iter().filter(|entry| entry["what"] == "failed").count(), 3);
}

#[cfg(unix)]
#[test]
fn a_server_that_any_signal_ends_has_written_down_what_it_gave() {
    let scene = Scene::new(1, Model::FINE);
    for signal in ["HUP", "TERM", "INT"] {
        let server = scene.serve_all(&["--upload-limit", "256KiB"]).pop().unwrap();
        let mut import = scene.import(&["--consent", Scene::YES]);
        let told = midway(&mut import);
        let served = server.ends_by(signal).done();
        assert_eq!(served["ended"], "stopped", "{signal}");
        let bytes = served["peer"][0]["bytes"].as_u64().unwrap();
        let entries = activity(&scene.peers[0]);
        let newest = entries.iter().find(|entry| entry["what"] == "served").unwrap();
        assert!(
            bytes > 0 && newest["detail"]["bytes"].as_u64() >= Some(bytes),
            "{signal}: {newest}"
        );
        drop((import, told));
        for file in ["peer-0.minimodel-offer", "request.json"] {
            std::fs::remove_file(scene.path(file)).unwrap();
        }
    }
}

/// What an installation's time line says, newest first.
#[track_caller]
fn activity(one: &Companion) -> Vec<Value> {
    one.run(&["activity"]).done()["entry"].as_array().unwrap().clone()
}
