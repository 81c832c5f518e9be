//! What is set in the window is kept, and figures are measured and saved.

use app::bench::{Report, Work};
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
    stage.go(Place::Settings);
    stage.until_said(&anna.data.display().to_string());
    stage.paste("label", "anna-laptop");
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("Saved.");
    stage.paste("connections", "x");
    stage.until_said("`64x` is not a number from 1 to 1024.");
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

#[test]
fn figures_are_measured_saved_and_compared() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::open(&folder.path().join("data"));
    stage.click("Make my key and start");
    stage.go(Place::Bench);
    for (field, text) in [("bench-size", "1MiB"), ("bench-samples", "3"), ("bench-cores", "1")] {
        stage.clear(field);
        stage.paste(field, text);
    }
    stage.click("Measure");
    stage.until_said("Cancel");
    stage.until_said("SHA-256, pieces in memory");
    stage.until("the run is over", |stage| {
        stage.said().iter().any(|text| text == "Measure").then_some(())
    });
    let file = folder.path().join("figures.json");
    stage.click("Save…");
    stage.paste("bench-path", file.to_str().unwrap());
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("Saved to ");
    let report = Report::open(&file).unwrap();
    assert_eq!(report.samples, 3);
    assert!(report.rows.iter().any(|row| row.work == Work::Container));
    assert!(!report.rows.iter().any(|row| matches!(row.work, Work::Pieces { cores: 2.., .. })));

    stage.click("Copy as JSON");
    assert_eq!(stage.clipboard.as_ref().unwrap().as_bytes(), std::fs::read(&file).unwrap());
    stage.click("Compare with…");
    stage.paste("bench-path", file.to_str().unwrap());
    stage.press(Key::Named(Named::Enter), Modifiers::empty());
    stage.until_said("same +0 %");
}
