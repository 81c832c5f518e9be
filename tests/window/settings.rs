//! What is set in the window is kept, and holds for the command.

use app::settings::{Settings, Theme};
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};
use store::{Layout, load_settings};

use super::stage::Stage;
use crate::harness::{Companion, Turn};

#[test]
fn what_is_set_is_kept_and_holds_for_the_command() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    let mut stage = Stage::open(&anna.data);
    stage.click("Make my key and start");
    stage.until_said("Storage");
    stage.go(Place::Settings);
    stage.until_said(&anna.data.display().to_string());
    stage.paste("label", "anna-laptop");
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("Saved.");
    stage.paste("listen", "x");
    stage.until_said("`0.0.0.0:9410x` is not an address and port, such as 0.0.0.0:9410.");
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.tab_to("Dark");
    stage.press(Key::Named(Named::Space), Modifiers::empty());
    assert!(stage.is_dark(), "colours hold at once");
    let wanted = Settings {
        label: Some("anna-laptop".to_owned()),
        theme: Theme::Dark,
        ..Settings::default()
    };
    stage.until("the settings are kept", |_| {
        let kept = load_settings(&Layout::new(&anna.data)).unwrap();
        (kept == wanted).then_some(())
    });
    drop(stage);
    assert_eq!(anna.run(&["settings"]).done()["settings"]["theme"], "dark");
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9"];
    assert_eq!(anna.run(&invite).done()["label"], "anna-laptop");
}

/// Presses the control that is labelled so, by the keyboard.
fn choose(stage: &mut Stage, label: &str) {
    stage.tab_to(label);
    stage.press(Key::Named(Named::Space), Modifiers::empty());
}

fn close(stage: &mut Stage) {
    stage.ask_to_close();
    stage.until("the window closes", |stage| stage.is_closed.then_some(()));
}

#[test]
fn what_the_command_set_meanwhile_is_kept_when_the_window_sets_something_and_closes() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    let kept = || load_settings(&Layout::new(&anna.data)).unwrap();
    let mut stage = Stage::open(&anna.data);
    stage.click("Make my key and start");
    stage.until_said("Storage");
    anna.run(&["settings", "set", "label", "anna-laptop"]).done();
    stage.go(Place::Settings);
    choose(&mut stage, "Dark");
    stage.until("the theme is kept", |_| (kept().theme == Theme::Dark).then_some(()));
    assert_eq!(kept().label.as_deref(), Some("anna-laptop"));
    anna.run(&["settings", "set", "connections", "7"]).done();
    close(&mut stage);
    let kept = kept();
    assert_eq!((kept.connections, kept.label.as_deref()), (7, Some("anna-laptop")));
    assert_eq!(kept.window.screen.as_deref(), Some("Settings"));
}

#[test]
fn settings_that_cannot_be_read_are_left_as_they_are_by_the_window() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let path = Layout::new(folder.path()).settings();
    let mine = "{\"label\": \"anna-laptop\", \"colour\": 1}";
    std::fs::write(&path, mine).unwrap();
    let mut stage = Stage::open(folder.path());
    stage.click("Make my key and start");
    stage.until_said("Storage");
    stage.go(Place::Settings);
    choose(&mut stage, "Dark");
    stage.until_said("The settings are not kept");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
    stage.go(Place::Bench);
    close(&mut stage);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), mine);
}
