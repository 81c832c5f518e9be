//! Which models are shown, in which order, and how long that takes.

use std::time::{Duration, Instant};

use super::{Library, Message, context, headless, kept, models, press, shown};
use crate::screen::Errand;
use crate::screen::library::arrange::{Column, Counts, Direction, Filter, Order, arrange};
use crate::widget::page;

const BY_NAME: Order = Order { column: Column::Model, direction: Direction::Up };

fn names(query: &str, filter: Filter, order: Order) -> Vec<String> {
    let models = models();
    let name = |place: usize| {
        let model = &models[place].model;
        format!("{} {}", model.model_id, model.model_version)
    };
    arrange(&models, query, filter, order).into_iter().map(name).collect()
}

#[test]
fn words_and_filters_leave_what_has_them_all() {
    assert_eq!(names("", Filter::All, BY_NAME).len(), 5);
    assert_eq!(names("STORY 2", Filter::All, BY_NAME), ["storyteller 2.1"]);
    assert_eq!(names("story verse", Filter::All, BY_NAME).len(), 0);
    let digest = models()[4].model.artifact.to_string();
    assert_eq!(names(&digest[..20], Filter::All, BY_NAME), ["verse 3"]);
    for (filter, wanted) in [
        (Filter::Whole, vec!["storyteller 1.0", "tiny-chat 1.0", "verse 3"]),
        (Filter::Incomplete, vec!["storyteller 2.1", "tiny-chat 0.9"]),
        (Filter::Damaged, vec!["tiny-chat 0.9"]),
        (Filter::Pinned, vec!["storyteller 1.0", "tiny-chat 1.0"]),
    ] {
        assert_eq!(names("", filter, BY_NAME), wanted, "{filter:?}");
        assert_eq!(Counts::of(&models()).get(filter), wanted.len() as u64);
    }
}

#[test]
fn each_column_sorts_both_ways() {
    for (column, first, last) in [
        (Column::Model, "storyteller 1.0", "verse 3"),
        (Column::Size, "tiny-chat 1.0", "storyteller 1.0"),
        (Column::Pieces, "tiny-chat 1.0", "storyteller 1.0"),
        (Column::State, "tiny-chat 0.9", "verse 3"),
        (Column::Used, "tiny-chat 1.0", "verse 3"),
        (Column::Verified, "storyteller 2.1", "verse 3"),
    ] {
        let up = names("", Filter::All, Order { column, direction: Direction::Up });
        assert_eq!((up[0].as_str(), up[4].as_str()), (first, last), "{column:?}");
        let down = names("", Filter::All, Order { column, direction: Direction::Down });
        let ends = if column == Column::State { "storyteller 1.0" } else { last };
        assert_eq!(down[0].as_str(), ends, "{column:?}");
    }
}

#[test]
fn a_heading_that_is_pressed_again_turns_the_order_round() {
    let mut library = shown(models());
    let action = press(&mut library, "Size");
    assert!(matches!(action.errands[..], [Errand::Scroll(_, 0.0)]));
    assert_eq!(library.order, Order { column: Column::Size, direction: Direction::Down });
    let _none = press(&mut library, "Size ↓");
    assert_eq!(library.order, Order { column: Column::Size, direction: Direction::Up });
}

#[test]
fn typing_into_the_search_field_leaves_what_matches() {
    let mut library = shown(models());
    let messages: Vec<Message> = {
        let mut ui = headless::open((1_032.0, 780.0), library.view(&context(100)));
        ui.click(iced::advanced::widget::Id::from(page::SEARCH)).unwrap();
        ui.typewrite("z");
        ui.into_messages().collect()
    };
    assert!(matches!(&messages[..], [Message::Search(query)] if query == "z"), "{messages:?}");
    let _none = super::hear(&mut library, messages);
    assert!(super::says(&library, "No model is like that") && library.chosen().is_none());
    let _none = press(&mut library, "Show all models");
    assert!(library.query.is_empty() && library.chosen().is_some());
}

#[test]
fn a_thousand_models_are_arranged_once_and_few_lines_are_made() {
    let many = |count: usize| -> Library {
        shown((0..count).map(|number| kept(&format!("m-{number:04}"), "1", "##.", 5)).collect())
    };
    let library = many(1_000);
    assert_eq!(library.place(models()[0].model.artifact), None);
    let frames = |library: &Library| {
        let began = Instant::now();
        for _ in 0..5 {
            let mut ui = headless::open((1_032.0, 780.0), library.view(&context(100)));
            assert!(ui.find("m-0003").is_ok() && ui.find("m-0900").is_err());
        }
        began.elapsed()
    };
    let (few, all) = (frames(&many(60)), frames(&library));
    assert!(all < few * 4 + Duration::from_millis(500), "{all:?} for 1,000, {few:?} for 60");
}
