//! The screen as its users meet it.

use std::path::PathBuf;
use std::sync::Arc;

use app::problem::Problem;
use app::settings::{Setting, Settings, Start, Theme as Colours};
use iced::keyboard::key::Named;
use iced::{Size, Theme};
use iced_test::Simulator;
use verifier::identity::SigningKey;
use verifier::scalars::UtcTime;

use super::{Folders, Message, Preferences, Section, Work};
use crate::context::{Book, Context};
use crate::headless::{SCALE_FACTOR, assert_drawn, open};
use crate::screen::{Errand, Place};
use crate::theme::{Scale, dark, light};

const SIZE: Size = Size::new(1032.0, 780.0);
/// High enough for everything to be in sight.
const WHOLE: Size = Size::new(1032.0, 1420.0);

fn book() -> Book {
    Book { own: SigningKey::from_seed([1; 32]).public_key().peer_id(), peers: Arc::new([]) }
}

fn context(book: &Book) -> Context<'_> {
    Context {
        scale: Scale::default(),
        scale_factor: SCALE_FACTOR,
        now: UtcTime::from_unix(1_795_348_800),
        book,
        size: Size::new(SIZE.width + 148.0, SIZE.height),
    }
}

fn folders(imports: Option<&str>) -> Folders {
    Folders {
        data: PathBuf::from("/home/anna/.local/share/minimodel"),
        downloads: Some(PathBuf::from("/home/anna/Downloads")),
        imports: imports.map(PathBuf::from),
        is_there: true,
    }
}

/// The screen of settings as they were made, in its first moment.
fn screen() -> Preferences {
    let mut screen = Preferences::new(Settings::default());
    let action = screen.enter(&Settings::default());
    assert!(matches!(action.work[..], [Work::Look(None)]));
    update(&mut screen, Message::Looked(Ok(folders(None))));
    screen
}

/// The work that a message asks for, and the settings that it sets.
fn update(screen: &mut Preferences, message: Message) -> (Vec<Work>, Option<Settings>) {
    let action = screen.update(message);
    let set = action.errands.into_iter().find_map(|errand| match errand {
        Errand::Set(settings) => Some(*settings),
        _ => None,
    });
    (action.work, set)
}

/// What comes of doing something to the screen; the last thing that it set.
#[track_caller]
fn on(screen: &mut Preferences, act: impl FnOnce(&mut Simulator<'_, Message>)) -> Option<Settings> {
    let book = book();
    let cx = context(&book);
    let mut ui = open(WHOLE, screen.view(&cx));
    act(&mut ui);
    let messages: Vec<Message> = ui.into_messages().collect();
    messages.into_iter().filter_map(|message| update(screen, message).1).last()
}

#[track_caller]
fn press(screen: &mut Preferences, label: &str) -> Option<Settings> {
    on(screen, |ui| {
        ui.click(label).unwrap();
    })
}

#[track_caller]
fn shows(screen: &Preferences, texts: &[&str]) {
    let book = book();
    let cx = context(&book);
    let mut ui = open(WHOLE, screen.view(&cx));
    for text in texts {
        assert!(ui.find(*text).is_ok(), "`{text}` is not shown");
    }
}

fn typed(setting: Setting, text: &str) -> Message {
    Message::Typed(setting, text.to_owned())
}

#[test]
fn everything_is_there_in_its_part() {
    let screen = screen();
    shows(&screen, &Section::ALL.map(Section::name));
    shows(&screen, &["/home/anna/.local/share/minimodel", "0.0.0.0:9410", "System", "100 %"]);
    shows(&screen, &["How much the library may take is set on"]);
}

#[test]
fn typing_alone_sets_nothing() {
    let mut screen = screen();
    let set = on(&mut screen, |ui| {
        ui.click(iced_test::selector::id(Setting::Label.as_str())).unwrap();
        ui.typewrite("a");
    });
    assert_eq!(set, None);
    shows(&screen, &["a", "Not saved yet: press Enter or Save."]);
}

#[test]
fn enter_and_the_button_save_and_say_so() {
    let mut screen = screen();
    update(&mut screen, typed(Setting::UploadLimit, "2 mib"));
    let set = on(&mut screen, |ui| {
        ui.click("2 mib").unwrap();
        ui.tap_key(Named::Enter);
    });
    assert_eq!(set.unwrap().upload_limit, 2 << 20);
    shows(&screen, &["2MiB", "Saved."]);
    // Saying it again changes nothing.
    assert_eq!(update(&mut screen, Message::Save(Setting::UploadLimit)).1, None);

    update(&mut screen, typed(Setting::Label, "anna"));
    assert_eq!(
        update(&mut screen, Message::Save(Setting::Label)).1.unwrap().label.unwrap(),
        "anna"
    );
}

#[test]
fn what_cannot_be_says_why_and_is_not_set() {
    for (setting, text, why) in [
        (Setting::Connections, "0", "0 is not from 1 to 1024."),
        (Setting::DownloadLimit, "fast", "`fast` does not start with a number, or none."),
        (
            Setting::PeerLimit,
            "900",
            "900 bytes a second are less than 4 KiB a second; use 4KiB at least, or none.",
        ),
        (Setting::Imports, "models", "The folder's path does not start at the root."),
    ] {
        let mut screen = screen();
        update(&mut screen, typed(setting, text));
        shows(&screen, &[why]);
        assert_eq!(update(&mut screen, Message::Save(setting)).1, None);
        // Typing what is set takes the complaint away.
        let set = Settings::default().text(setting);
        update(&mut screen, typed(setting, &set));
        let book = book();
        let cx = context(&book);
        assert!(open(WHOLE, screen.view(&cx)).find(why).is_err());
    }
}

#[test]
fn choices_hold_at_once() {
    let mut screen = screen();
    assert_eq!(press(&mut screen, "Dark").unwrap().theme, Colours::Dark);
    assert_eq!(press(&mut screen, "150 %").unwrap().text_percent, 150);
    assert_eq!(press(&mut screen, "Last screen").unwrap().start, Start::Last);
    let words = "Tell the desktop when an import ends or needs a decision";
    assert!(!press(&mut screen, words).unwrap().notify);
    assert!(press(&mut screen, words).unwrap().notify);
    let last = press(&mut screen, "Sign receipts with this machine's key").unwrap();
    let wanted = Settings {
        theme: Colours::Dark,
        text_percent: 150,
        start: Start::Last,
        sign_receipts: true,
        ..Settings::default()
    };
    assert_eq!(last, wanted);
}

#[test]
fn a_part_can_be_had_as_it_was_made() {
    let settings =
        Settings { upload_limit: 7, connections: 3, theme: Colours::Light, ..Settings::default() };
    let mut screen = screen();
    let _look = screen.enter(&settings);
    update(&mut screen, typed(Setting::DownloadLimit, "fast"));
    let set = update(&mut screen, Message::Reset(Section::Limits)).1.unwrap();
    assert_eq!(set, Settings { theme: Colours::Light, ..Settings::default() });
    // Only one part is left that was changed.
    assert_eq!(press(&mut screen, "As it was made"), Some(Settings::default()));
    let book = book();
    let cx = context(&book);
    assert!(open(WHOLE, screen.view(&cx)).find("As it was made").is_err());
}

#[test]
fn what_is_being_typed_outlives_a_look_at_another_screen() {
    let mut screen = screen();
    update(&mut screen, typed(Setting::Label, "anna-lap"));
    let elsewhere = Settings { connections: 9, ..Settings::default() };
    let _look = screen.enter(&elsewhere);
    shows(&screen, &["anna-lap", "9"]);
    let set = update(&mut screen, Message::Save(Setting::Label)).1.unwrap();
    assert_eq!((set.label.as_deref(), set.connections), (Some("anna-lap"), 9));
}

#[test]
fn the_folder_of_imports_can_be_chosen_and_is_looked_at() {
    let mut screen = screen();
    let book = book();
    let cx = context(&book);
    let mut ui = open(WHOLE, screen.view(&cx));
    ui.click("Choose…").unwrap();
    let messages: Vec<Message> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Choose]));
    assert!(matches!(update(&mut screen, Message::Choose).0[..], [Work::Choose]));
    let (work, set) = update(&mut screen, Message::Chosen(Some("/models".into())));
    assert_eq!(set.unwrap().imports, Some(PathBuf::from("/models")));
    assert!(matches!(&work[..], [Work::Look(Some(path))] if path.ends_with("models")));
    let gone = Folders { is_there: false, ..folders(Some("/models")) };
    update(&mut screen, Message::Looked(Ok(gone)));
    let warning = "This folder is not there: make it, or set another, before you import.";
    shows(&screen, &[warning]);
    // What an older look found is not heard.
    update(&mut screen, Message::Looked(Ok(folders(None))));
    shows(&screen, &[warning]);
    update(&mut screen, Message::Chosen(None));
    let failed = Problem::machine("the work ended early", &std::fmt::Error);
    let advice = failed.advice.clone();
    update(&mut screen, Message::Looked(Err(failed)));
    shows(&screen, &[&advice]);
}

#[test]
fn the_quota_is_on_another_screen() {
    let mut screen = screen();
    let action = screen.update(Message::Go(Place::Storage));
    assert!(matches!(action.errands[..], [Errand::Go(Place::Storage)]));
    let book = book();
    let cx = context(&book);
    let mut ui = open(WHOLE, screen.view(&cx));
    ui.click("Storage").unwrap();
    let messages: Vec<Message> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Go(Place::Storage)]));
}

#[track_caller]
fn draw(screen: &Preferences, cx: &Context<'_>, size: Size, theme: &Theme, name: &str) {
    let mut ui = open(size, screen.view(cx));
    assert_drawn(&mut ui, theme, name);
}

#[test]
fn it_looks_as_it_should() {
    let book = book();
    let cx = context(&book);
    let mut screen = screen();
    let settings = Settings { upload_limit: 2 << 20, text_percent: 110, ..Settings::default() };
    let _look = screen.enter(&settings);
    update(&mut screen, typed(Setting::Label, "anna-laptop"));
    update(&mut screen, Message::Save(Setting::Label));
    update(&mut screen, typed(Setting::Connections, "5000"));
    update(&mut screen, typed(Setting::Addresses, "mmp://192.168.1.20:9410"));
    draw(&screen, &cx, SIZE, &light(), "settings-light");
    draw(&screen, &cx, SIZE, &dark(), "settings-dark");
    draw(&screen, &cx, WHOLE, &dark(), "settings-whole");
    let large = Context { scale: Scale::new(2.0), ..cx };
    draw(&screen, &large, SIZE, &light(), "settings-large");
}
