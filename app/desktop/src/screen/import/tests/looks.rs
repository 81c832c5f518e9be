//! The screen as it looks; the pictures are under `snapshots/`.

use std::time::Duration;

use app::ports::Accounts;
use app::problem::Problem;
use iced::Theme;
use verifier::Code;

use super::super::{Gather, How, Id, Import, Message, Run};
use super::scene::{begun, complete, context, done, old, outlook, ready, run, shot};
use crate::context::Context;
use crate::headless::{assert_drawn, open};
use crate::theme::{self, Scale};

fn themes() -> [(&'static str, Theme); 2] {
    [("light", theme::light()), ("dark", theme::dark())]
}

/// Compares the screen with its pictures, in both themes.
fn looks(import: &Import, name: &str) {
    for (kind, theme) in themes() {
        let mut ui = open((1_032.0, 780.0), import.view(&context()));
        assert_drawn(&mut ui, &theme, &format!("{name}-{kind}"));
    }
}

fn running() -> Import {
    let (mut import, _stop) = begun(3);
    let _none = import.update(run(Run::Live(Box::new(shot(Duration::from_millis(6_200))))));
    import
}

#[test]
fn an_import_that_runs_looks_as_it_did() {
    let mut import = running();
    looks(&import, "import");
    let _none = import.update(Message::New);
    let _none = import.update(Message::Show(Id(0)));
    looks(&import, "import-several");
}

#[test]
fn gathering_looks_as_it_did() {
    let mut import = Import::default();
    looks(&import, "import-empty");
    import = ready(2);
    looks(&import, "import-card");
}

#[test]
fn an_end_looks_as_it_did() {
    let (mut import, _stop) = begun(3);
    let _none = import.update(run(Run::Live(Box::new(shot(Duration::from_secs(20))))));
    let _none = import.update(run(Run::Ended(Box::new(How::Done(done())))));
    looks(&import, "import-done");
}

#[test]
fn a_card_that_gives_models_up_says_so() {
    let mut import = Import::default();
    let number = complete(&mut import, 1);
    let mut outlook = outlook(1);
    outlook.room.accounts = Accounts { live: 4_000 << 20, ..outlook.room.accounts };
    let old = old();
    let line = format!("{old}, to make room");
    outlook.question = outlook.question.giving_up(&[old]);
    let planned = Gather::Planned(number, Ok(Box::new(outlook)));
    let _none = import.update(Message::Gather(Id(0), planned));
    let mut ui = open((1_032.0, 2_000.0), import.view(&context()));
    assert!(ui.find(line.as_str()).is_ok());
}

#[test]
fn what_does_not_fit_is_not_asked_for() {
    let mut import = Import::default();
    let number = complete(&mut import, 1);
    let mut outlook = outlook(1);
    let full = "134217728 bytes do not fit: 0 bytes are left of the quota of 4294967296";
    outlook.room.refusal = Some(Problem::new(Code::new("io", "failed"), full, "Raise the quota."));
    let planned = Gather::Planned(number, Ok(Box::new(outlook)));
    let _none = import.update(Message::Gather(Id(0), planned));
    let mut ui = open((1_032.0, 2_000.0), import.view(&context()));
    assert!(ui.find(full).is_ok());
    assert!(ui.find("Fetch and import from anna").is_err());
}

#[test]
fn large_text_still_fits() {
    let import = running();
    let cx = Context { scale: Scale::new(2.0), ..context() };
    let mut ui = open((1_032.0, 780.0), import.view(&cx));
    assert_drawn(&mut ui, &theme::light(), "import-large-text");
    let import = ready(2);
    let mut ui = open((1_032.0, 780.0), import.view(&cx));
    assert_drawn(&mut ui, &theme::light(), "import-card-large-text");
}
