//! How the window starts: the first run, a library that is in use, settings that are kept.

use app::settings::{Settings, Theme};
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};
use store::{Layout, StoreLock, change_settings, load_settings};

use super::stage::Stage;
use crate::harness::Turn;

#[test]
fn the_first_run_explains_itself_before_it_makes_anything() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut stage = Stage::open(&data);
    stage.until_said("Nothing without your yes");
    assert!(!data.exists());
    stage.press(Key::Named(Named::Tab), Modifiers::empty());
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("Library");
    assert!(Layout::new(&data).identity_key().is_file());
}

#[test]
fn a_library_in_use_is_opened_when_it_is_free() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    layout.create().unwrap();
    std::fs::write(layout.identity_key(), [7; 32]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(layout.identity_key(), mode).unwrap();
    }
    let lock = StoreLock::take(&layout.lock(), "minimodel").unwrap();
    let mut stage = Stage::open(folder.path());
    let said = stage.until_said("in use by minimodel");
    assert!(said.contains(&std::process::id().to_string()), "{said}");
    stage.click("Try again");
    stage.until_said("in use by minimodel");
    drop(lock);
    stage.click("Try again");
    stage.until_said("Storage");
}

#[test]
fn keys_show_every_screen_and_what_they_do() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(folder.path());
    stage.click("Make my key and start");
    for (number, place) in (1..).zip(Place::ALL) {
        stage.press(Key::Character(number.to_string().into()), Modifiers::CTRL);
        stage.until(&format!("{place:?} is shown"), |stage| {
            // The name stands in the column of screens, and once more above the screen.
            let named = stage.said().iter().filter(|text| *text == place.name()).count();
            (named >= 2).then_some(())
        });
    }
    stage.press(Key::Character("?".into()), Modifiers::empty());
    stage.until_said("Ctrl 1 … Ctrl 9");
    // What lies under the sheet takes no key.
    assert_eq!(stage.controls().len(), 1);
    stage.press(Key::Named(Named::Escape), Modifiers::empty());
    assert!(!stage.said().iter().any(|text| text.contains("Ctrl 1")));
}

#[test]
fn where_the_window_was_is_kept_when_it_closes() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { theme: Theme::Dark, ..Settings::default() };
    change_settings(&Layout::new(folder.path()), |_| settings.clone()).unwrap();
    let mut stage = Stage::open_with(folder.path(), settings);
    stage.click("Make my key and start");
    stage.go(Place::Bench);
    stage.ask_to_close();
    stage.until("the window closes", |stage| stage.is_closed.then_some(()));
    let kept = load_settings(&Layout::new(folder.path())).unwrap();
    assert_eq!(kept.window.screen.as_deref(), Some("Bench"));
    assert_eq!(kept.theme, Theme::Dark);
}
