//! No way to a transfer leads around the consent card: a crawl presses whatever can be pressed.

use std::collections::BTreeSet;

use app::settings::Settings;
use desktop::screen::Place;
use iced::Point;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::import::{BOXES, agree, ask, open};
use super::stage::{Reached, Stage};
use crate::harness::{Model, Running, Scene, files};

/// What the boxes say without which no button says yes, and what parts from the peer that the
/// import is about; the crawl presses everything but these.
const LOCKS: [&str; 6] = ["Import:", "Serve:", "Cache:", "Publish:", "Forget peer-0", "Block"];
/// The screens on which something can be agreed to, and those that lead there.
const SCREENS: [Place; 7] = [
    Place::Import,
    Place::Share,
    Place::Library,
    Place::Storage,
    Place::Peers,
    Place::Receipts,
    Place::Activity,
];
/// The most that is pressed on one screen.
const MOST: usize = 60;

/// The first control in sight that was not pressed yet, and may be.
fn fresh(stage: &mut Stage, pressed: &BTreeSet<String>) -> Option<Reached> {
    stage.controls().into_iter().find(|control| {
        let is_lock =
            control.texts.iter().any(|text| LOCKS.iter().any(|lock| text.starts_with(lock)));
        !is_lock && !control.texts.is_empty() && !pressed.contains(&control.texts.join("|"))
    })
}

fn nothing_moved(scene: &Scene, servers: &[Running], after: &str) {
    let log = std::fs::read(scene.importer.data.join("consent.log")).unwrap_or_default();
    assert!(log.is_empty(), "after `{after}` there is a grant: {}", String::from_utf8_lossy(&log));
    assert_eq!(files(&scene.out()), [""; 0], "after `{after}`");
    for server in servers {
        let said = server.said();
        assert!(!said.contains("importer called"), "after `{after}` a peer was called: {said}");
    }
}

#[test]
fn whatever_is_pressed_nothing_moves_before_the_boxes_are_ticked() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let mut stage = open(&scene, Settings::default());
    ask(&mut stage, &scene);
    let mut pressed_in_all = 0;
    for place in SCREENS {
        let mut pressed = BTreeSet::new();
        for _ in 0..MOST {
            // Whatever sheet was opened.
            stage.press(Key::Named(Named::Escape), Modifiers::empty());
            stage.go(place);
            if place == Place::Import
                && !stage.said().iter().any(|text| text.starts_with("Import:"))
            {
                // The crawl closed what it was about.
                ask(&mut stage, &scene);
            }
            let Some(control) = fresh(&mut stage, &pressed) else { break };
            let name = control.texts.join("|");
            stage.click_at(control.bounds.center());
            nothing_moved(&scene, &servers, &name);
            pressed.insert(name);
            pressed_in_all += 1;
        }
    }
    assert!(pressed_in_all > 40, "only {pressed_in_all} controls were found");
    stage.click_at(Point::ORIGIN);

    // Every choice of boxes but the right ones leaves the button without effect.
    ask_anew(&mut stage, &scene);
    for boxes in [&[][..], &[BOXES[0]], &[BOXES[1]], &[BOXES[2]], &[BOXES[0], BOXES[2]]] {
        agree(&mut stage, boxes);
        nothing_moved(&scene, &servers, &format!("{boxes:?} and the button"));
        // A second click takes the tick away.
        for name in boxes {
            stage.click_on(name);
        }
    }

    // With them it begins: the crawl would have seen it.
    agree(&mut stage, &BOXES);
    stage.until_said("tiny 1.0 is here, and verified");
    drop(servers);
    scene.came_out();
}

/// Starts from a card on which nothing is ticked.
fn ask_anew(stage: &mut Stage, scene: &Scene) {
    stage.go(Place::Import);
    if stage.said().iter().any(|text| text == "New import") {
        stage.click("New import");
    }
    let said = stage.said();
    if let Some(remove) = said.iter().find(|text| *text == "No") {
        stage.click(&remove.clone());
    }
    ask(stage, scene);
}
