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
