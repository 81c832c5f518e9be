//! What is kept: listed, checked again, and put into folders.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Model, Scene, files, lines};

const SLM: &str = "tiny-1.0.slm";
const RECEIPT: &str = "tiny-1.0.minimodel-receipt";

/// A folder that is made for what comes out.
fn folder(scene: &Scene, name: &str) -> PathBuf {
    let folder = scene.path(name);
    fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn a_model_that_is_kept_is_put_into_a_folder_with_a_receipt_of_a_local_file() {
    let scene = Scene::new(1, Model::SMALL);
    let owner = &scene.peers[0];
    let out = folder(&scene, "exports");
    let answer = owner.run(&["library", "export", "tiny", "exports", "--sign"]).done();
    assert_eq!(files(&out), [RECEIPT, SLM]);
    assert_eq!(answer["artifact.path"], out.join(SLM).to_str().unwrap());
    let same = fs::read(out.join(SLM)).unwrap() == fs::read(scene.path("tiny.slm")).unwrap();
    assert!(same, "what came out is not what was kept");
    let receipt = lines(&out.join(RECEIPT));
    assert_eq!(receipt["transfer.kind"], "local-file");
    assert_eq!(receipt["receipt.signer"], owner.id());
    let words = ["exports/tiny-1.0.minimodel-receipt", "tiny.manifest", "exports/tiny-1.0.slm"];
    owner.run(&["verify-receipt", words[0], words[1], words[2]]).done();

    let export = ["library", "export", "tiny", "exports"];
    owner.refuses(&export, 3, "output.exists");
    owner.refuses(&["library", "export", "tiny", "nowhere"], 3, "output.unsafe");
    assert_eq!(files(&out), [RECEIPT, SLM]);
    fs::remove_file(out.join(SLM)).unwrap();
    owner.refuses(&export, 3, "output.exists");
    assert_eq!(files(&out), [RECEIPT], "half a pair in the way is left as it is");
}

#[test]
fn a_model_that_rotted_is_found_out_and_does_not_come_out() {
    let scene = Scene::new(1, Model::SMALL);
    let owner = &scene.peers[0];
    let before = owner.run(&["library", "recheck", "--all"]).done();
    assert_eq!((&before["model_count"], &before["corrupt"]), (&1.into(), &0.into()));
    scene.rot(owner);

    let out = folder(&scene, "exports");
    let export = ["library", "export", "tiny", "exports"];
    let told = owner.refuses(&export, 1, "library.damaged");
    assert!(told["message"].as_str().unwrap().contains("is damaged: 1 of"), "{told}");
    assert_eq!(files(&out), [""; 0]);
    let all = owner.run(&["library", "recheck", "--all"]).refused(1, "library.damaged");
    assert_eq!(all["corrupt"], 1, "what was found by reading stays found: {all}");
    let list = owner.run(&["library", "list"]).done();
    assert_eq!(list["model"][0]["corrupt"], 1, "{list}");
    assert_eq!(list["model"][0]["kept"], scene.pieces - 1);
    // Now it is known not to be whole, and nothing is even begun.
    let told = owner.refuses(&export, 1, "library.damaged");
    assert!(told["message"].as_str().unwrap().contains("is damaged: 1 of"), "{told}");
    assert_eq!(files(&out), [""; 0]);
}

#[test]
fn checking_everything_names_what_is_corrupt() {
    let scene = Scene::new(1, Model::FINE);
    let owner = &scene.peers[0];
    scene.rot(owner);
    let all = owner.run(&["library", "recheck", "--all"]).refused(1, "library.damaged");
    assert_eq!(all["corrupt"], 1, "{all}");
    assert_eq!(all["model"][0]["corrupt"], 1, "{all}");
    let again = owner.run(&["library", "recheck", "tiny"]).refused(1, "library.damaged");
    assert_eq!((&again["corrupt"], &again["checked"]), (&1.into(), &(scene.pieces - 1).into()));
}
