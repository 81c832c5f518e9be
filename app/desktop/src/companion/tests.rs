//! What the window shows around its screens.

use std::path::Path;

use app::problem::Problem;
use iced::Size;
use iced::widget::container;
use verifier::Code;
use verifier::scalars::UtcTime;

use super::close::Closing;
use super::message::Message;
use super::{frame, keys, welcome};
use crate::context::Context;
use crate::headless::{SCALE_FACTOR, assert_drawn, open};
use crate::screen::Place;
use crate::theme::{Scale, dark, light};

const SIZE: Size = Size::new(1_180.0, 780.0);

type Heard = Message<()>;

fn context(book: &crate::context::Book) -> Context<'_> {
    Context {
        scale: Scale::default(),
        scale_factor: SCALE_FACTOR,
        now: UtcTime::from_unix(1_795_348_800),
        book,
        size: SIZE,
    }
}

#[test]
fn the_first_page_is_shown_in_both_themes_and_starts() {
    let book = frame::nobody();
    let page =
        || welcome::view::<()>(&context(&book), Path::new("/home/anna/.local/share/minimodel"));
    for (theme, name) in [(light(), "welcome-light"), (dark(), "welcome-dark")] {
        assert_drawn(&mut open(SIZE, page()), &theme, name);
    }
    let mut ui = open(SIZE, page());
    ui.click("Make my key and start").unwrap();
    let messages: Vec<Heard> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Begin]), "{messages:?}");
}

#[test]
fn a_library_in_use_says_by_whom_and_offers_to_try_again() {
    let book = frame::nobody();
    let problem = Problem::new(
        Code::new("io", "failed"),
        "the library is in use by minimodel (process 4711)",
        "Close that program, or wait until it is done.",
    );
    let page = || frame::unopened::<()>(&context(&book), "The library is in use", &problem);
    for (theme, name) in [(light(), "held-light"), (dark(), "held-dark")] {
        assert_drawn(&mut open(SIZE, page()), &theme, name);
    }
    let mut ui = open(SIZE, page());
    ui.find("The library is in use by minimodel (process 4711)").unwrap();
    ui.click("Try again").unwrap();
    ui.click("Close").unwrap();
    let messages: Vec<Heard> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Retry, Message::Close]), "{messages:?}");
}

#[test]
fn the_column_leads_to_every_screen() {
    let book = frame::nobody();
    let mut ui = open(SIZE, frame::sidebar::<()>(&context(&book), Place::Library));
    for place in Place::ALL {
        ui.click(place.name()).unwrap();
    }
    let shown: Vec<Place> = ui
        .into_messages()
        .map(|message| match message {
            Message::Go(place) => place,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, Place::ALL);
}

#[test]
fn sheets_are_shown_in_both_themes() {
    let book = frame::nobody();
    let cx = context(&book);
    let closing = Closing {
        reasons: vec![
            "An import of tiny 1.0 is under way.".to_owned(),
            "story 2.1 is served to anna and ben.".to_owned(),
        ],
    };
    for (theme, colours) in [(light(), "light"), (dark(), "dark")] {
        let keys = container(keys::sheet::<()>(&cx)).padding(20.0);
        assert_drawn(&mut open((560.0, 420.0), keys), &theme, &format!("keys-{colours}"));
        let closing = container(closing.view::<()>(&cx)).padding(20.0);
        assert_drawn(&mut open((560.0, 240.0), closing), &theme, &format!("closing-{colours}"));
    }
    let mut ui = open((560.0, 240.0), closing.view::<()>(&cx));
    ui.click("Stay open").unwrap();
    ui.click("Stop it and close").unwrap();
    let messages: Vec<Heard> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Stay, Message::Close]), "{messages:?}");
}
