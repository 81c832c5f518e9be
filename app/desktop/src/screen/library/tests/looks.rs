//! The library as it looks; the pictures are under `snapshots/`.

use super::{Library, Message, Work, context, headless, models, press, shown};
use crate::screen::library::message::News;
use crate::theme;

fn drawn(library: &Library, percent: u16, name: &str) {
    for (theme_name, theme) in [("light", theme::light()), ("dark", theme::dark())] {
        let mut ui = headless::open((1_032.0, 780.0), library.view(&context(percent)));
        headless::assert_drawn(&mut ui, &theme, &format!("{name}-{theme_name}"));
    }
}

#[test]
fn the_library_looks_as_it_did() {
    let mut library = shown(models());
    let _none = super::hear(&mut library, vec![Message::Select(models()[2].model.artifact)]);
    drawn(&library, 100, "library");
}

#[test]
fn a_model_that_is_being_placed_looks_as_it_did() {
    let mut library = shown(models());
    let action = press(&mut library, "Show file…");
    let Work::Find { run, .. } = action.work[0] else { panic!("{action:?}") };
    let found = News::Found(run, "/home/anna/Models".into(), Ok(app::library::Found::Absent));
    let _none = super::hear(&mut library, vec![Message::News(found)]);
    drawn(&library, 100, "library-placing");
}

#[test]
fn a_question_about_a_repair_looks_as_it_did() {
    drawn(&super::repaired::asked(), 100, "library-repair");
}

#[test]
fn the_library_in_large_letters_looks_as_it_did() {
    drawn(&shown(models()), 200, "library-large");
}

#[test]
fn an_empty_library_looks_as_it_did() {
    drawn(&shown(Vec::new()), 100, "library-empty");
}
