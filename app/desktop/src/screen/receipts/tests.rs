//! The screen as its users meet it.

mod fixture;

use std::path::PathBuf;
use std::sync::Arc;

use app::verify::{self, Meter};
use iced::keyboard::key::Named;
use iced_test::Simulator;
use verifier::manifest::Options;

use super::{
    AgainMessage, CheckMessage, Choice, Ended, FilesMessage, ManifestFrom, Message, ReadingMessage,
    Receipts, View, Work, Written,
};
use crate::context::Context;
use crate::headless::{assert_drawn, open};
use crate::screen::{Errand, Run};
use crate::theme::{Scale, dark, light};
use fixture::{MODEL, NOW, PATH, SIZE, book, context, key, listed, read};

fn show<'a>(screen: &'a Receipts, cx: &Context<'a>) -> Simulator<'a, Message> {
    open(SIZE, screen.view(cx))
}

/// Whether the text stands on the screen.
fn says(screen: &Receipts, text: &str) -> bool {
    let book = book();
    show(screen, &context(&book)).find(text).is_ok()
}

/// The same in a window that is as high as the screen is long.
fn says_in_full(screen: &Receipts, text: &str) -> bool {
    let book = book();
    open((1_032.0, 4_000.0), screen.view(&context(&book))).find(text).is_ok()
}

/// Presses what has this text on it, and lets the screen hear what it says.
fn press(screen: &mut Receipts, text: &str) -> super::Action {
    let book = book();
    let messages: Vec<Message> = {
        let mut ui = show(screen, &context(&book));
        ui.click(text).unwrap();
        ui.into_messages().collect()
    };
    let [message] = &messages[..] else { panic!("{text}: {messages:?}") };
    screen.update(message.clone())
}

/// A screen with a list of so many receipts.
fn with_list(count: u64) -> Receipts {
    let mut screen = Receipts::default();
    let action = screen.enter();
    let [Work::List { folder: None, turn }] = &action.work[..] else { panic!("{action:?}") };
    let outcome = Ok(listed(count));
    let _none = screen.update(Message::Files(FilesMessage::Listed { turn: *turn, outcome }));
    screen
}

/// A screen on which the first receipt is read.
fn reading(signed: bool) -> Receipts {
    signed_by(signed.then_some(1))
}

/// The same, signed by whom that seed stands for.
fn signed_by(seed: Option<u8>) -> Receipts {
    let mut screen = with_list(20);
    let action = screen.update(Message::Files(FilesMessage::Open(0)));
    let [Work::Read { path, turn }] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(path, &PathBuf::from(PATH));
    let outcome = Ok(Arc::new(read(seed.map(key).as_ref())));
    let _none = screen.update(Message::Read { turn: *turn, path: path.clone(), outcome });
    screen
}

fn again(screen: &mut Receipts, message: AgainMessage) -> super::Action {
    screen.update(Message::Reading(ReadingMessage::Again(message)))
}

#[test]
fn a_search_leaves_what_has_the_name_of_a_peer_in_it() {
    let mut screen = with_list(1_000);
    assert!(says(&screen, "1,000 receipts, newest first"));
    assert!(says(&screen, "tiny-stories 1.0") && !says(&screen, "tiny-stories 1.900"));
    for (text, found) in [
        ("ANNA", "572 of 1,000 receipts found"),
        ("gpt-nano 1.10", "5 of 1,000 receipts found"),
        ("2026-11-22", "1 of 1,000 receipts found"),
        ("receipt.missing-key", "142 of 1,000 receipts found"),
        ("nobody", "0 of 1,000 receipts found"),
    ] {
        let action = screen.update(Message::Files(FilesMessage::Search(text.to_owned())));
        assert!(matches!(&action.errands[..], [Errand::Scroll(..)]));
        assert!(says(&screen, found), "{text}");
    }
}

#[test]
fn the_keyboard_goes_through_the_list_and_opens_a_receipt() {
    let mut screen = with_list(20);
    let action = press(&mut screen, "tiny-stories 1.0");
    assert!(matches!(&action.work[..], [Work::Read { .. }]));
    let _none = screen.update(Message::Close);
    let book = book();
    let messages: Vec<Message> = {
        let mut ui = show(&screen, &context(&book));
        ui.click("tiny-stories 1.0").unwrap();
        ui.tap_key(Named::ArrowDown);
        ui.tap_key(Named::Enter);
        ui.into_messages().collect()
    };
    let moved = |message: &&Message| {
        matches!(message, Message::Files(FilesMessage::Moved { place: 1, .. }))
    };
    let _none = screen.update(messages.iter().find(moved).unwrap().clone());
    let action = screen.update(messages.last().unwrap().clone());
    let [Work::Read { path, .. }] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(path.file_name().unwrap(), "1.minimodel-receipt");
}

#[test]
fn a_late_answer_does_not_replace_a_newer_one() {
    let mut screen = with_list(2);
    let first = screen.enter();
    let second = screen.update(Message::Chosen(Choice::Folder, 0, Some("/elsewhere".into())));
    let turn = |action: &super::Action| match &action.work[..] {
        [Work::List { turn, .. }] => *turn,
        work => panic!("{work:?}"),
    };
    for (turn, count) in [(turn(&second), 5), (turn(&first), 9)] {
        let outcome = Ok(listed(count));
        let _none = screen.update(Message::Files(FilesMessage::Listed { turn, outcome }));
        assert!(says(&screen, "5 receipts, newest first"));
    }
}

#[test]
fn an_empty_folder_and_one_that_cannot_be_read_say_what_to_do() {
    let screen = with_list(0);
    assert!(says(&screen, "No receipts in this folder") && says(&screen, "Choose a folder…"));
    let mut screen = Receipts::default();
    let _list = screen.enter();
    let missing = app::receipts::list(&PathBuf::from("/nowhere/at/all"), 1).unwrap_err();
    let failed = FilesMessage::Listed { turn: 1, outcome: Err(missing) };
    let _none = screen.update(Message::Files(failed));
    assert!(says(&screen, "io.failed"));
    assert!(says(&screen, "Check the path: nothing of that name is there."));
    assert!(matches!(&press(&mut screen, "Try again").work[..], [Work::List { .. }]));
}

#[test]
fn a_receipt_is_read_with_each_check_in_words() {
    let screen = reading(true);
    for text in [
        &*format!(
            "The receipt is signed with this installation's own key ({}). The signature belongs \
             to this receipt, and to no other.",
            app::naming::short_peer(key(1).public_key().peer_id())
        ),
        "2 peers gave 1008.0 KiB; 16.0 KiB came from no peer that was known then.",
        "Publisher's signature",
        "The manifest is not signed by its publisher, so nothing proves who made it.",
    ] {
        assert!(says(&screen, text), "{text}");
    }
    let screen = reading(false);
    let unsigned = "The receipt is not signed, so it proves nothing about who wrote it. Verifying it \
                    again against the file shows whether what it says is true.";
    assert!(says(&screen, unsigned));
    let key = |seed| app::naming::short_peer(key(seed).public_key().peer_id());
    for (seed, words) in [
        (2, format!("The receipt is signed with the key of your peer anna ({}).", key(2))),
        (
            9,
            format!(
                "The receipt is signed with a key that is unknown here ({}), so it does not say \
                 who wrote it: you are paired with nobody of that key.",
                key(9)
            ),
        ),
    ] {
        let more = "The signature belongs to this receipt, and to no other.";
        assert!(says(&signed_by(Some(seed)), &format!("{words} {more}")), "{words}");
    }
}

#[test]
fn verifying_again_shows_what_the_verifier_says() {
    let folder = tempfile::tempdir().unwrap();
    let slm = folder.path().join("tiny.slm");
    let mut screen = reading(false);
    for (changed, text) in
        [(false, "Verified just now."), (true, "artifact.sha256 at artifact.sha256")]
    {
        let mut bytes = MODEL.bytes.clone();
        if changed {
            bytes[100_000] ^= 1;
        }
        std::fs::write(&slm, &bytes).unwrap();
        // A model that is dropped on the screen is verified at once: the library has the manifest.
        let action = screen.dropped(slm.clone());
        let [Work::Verify { receipt, manifest, slm, meter, turn }] = &action.work[..] else {
            panic!("{action:?}")
        };
        let ManifestFrom::Library(manifest) = manifest else { panic!("{manifest:?}") };
        let options = Options::default();
        let outcome = verify::receipt(receipt.bytes(), manifest, options, slm, meter).map(Arc::new);
        assert_eq!(meter.read(), bytes.len() as u64);
        let progress =
            AgainMessage::Progress { turn: *turn, read: 1 << 19, length: meter.length() };
        let _none = again(&mut screen, progress);
        assert!(says(&screen, "512.0 KiB of 1.00 MiB read"));
        let ended = AgainMessage::Ended { turn: *turn, ended: Ended { at: NOW, outcome } };
        let _none = again(&mut screen, ended);
        assert!(says(&screen, text), "{text}");
    }
}

#[test]
fn a_verification_that_is_cancelled_or_left_is_stopped() {
    for leave in [Message::Reading(ReadingMessage::Again(AgainMessage::Cancel)), Message::Close] {
        let mut screen = reading(false);
        let action = again(&mut screen, AgainMessage::Start);
        let [Work::Verify { meter, turn, .. }] = &action.work[..] else { panic!("{action:?}") };
        assert!(says(&screen, "Cancel"));
        let _none = screen.update(leave);
        let outcome = check_model(meter);
        assert!(outcome.is_err(), "the meter stops what reads under it");
        let late = Ended { at: NOW, outcome: Err(outcome.unwrap_err()) };
        let _none = again(&mut screen, AgainMessage::Ended { turn: *turn, ended: late });
        assert!(!says(&screen, "io.failed"));
    }
}

/// Checks the model under a meter, from a file of its own.
fn check_model(
    meter: &Meter,
) -> Result<verifier::artifact::VerifiedArtifact, app::problem::Problem> {
    let folder = tempfile::tempdir().unwrap();
    let slm = folder.path().join("tiny.slm");
    std::fs::write(&slm, &MODEL.bytes).unwrap();
    let rule = verifier::slm::ChecksumRule::Verify;
    verify::artifact(&MODEL.manifest, &slm, &verifier::artifact::Extras::default(), rule, meter)
}

#[test]
fn what_comes_of_another_receipts_verification_is_not_taken_for_this_ones() {
    let mut screen = reading(false);
    let first = again(&mut screen, AgainMessage::Start);
    let action = screen.update(Message::Files(FilesMessage::Open(0)));
    let [Work::Read { path, turn }] = &action.work[..] else { panic!("{action:?}") };
    let outcome = Ok(Arc::new(read(None)));
    let _none = screen.update(Message::Read { turn: *turn, path: path.clone(), outcome });
    let _second = again(&mut screen, AgainMessage::Start);
    let [Work::Verify { meter, turn, .. }] = &first.work[..] else { panic!("{first:?}") };
    let stopped = Ended { at: NOW, outcome: Err(check_model(meter).unwrap_err()) };
    let _none = again(&mut screen, AgainMessage::Ended { turn: *turn, ended: stopped });
    assert!(says(&screen, "Cancel") && !says(&screen, "io.failed"));
}

#[test]
fn a_receipt_that_another_screen_shows_comes_with_the_list() {
    let mut screen = Receipts::default();
    let action = screen.dropped(PATH.into());
    assert!(matches!(&action.work[..], [Work::Read { .. }, Work::List { folder: None, .. }]));
    let action = screen.dropped(PATH.into());
    assert!(matches!(&action.work[..], [Work::Read { .. }]));
}

#[test]
fn a_receipt_is_copied_and_exported_under_a_name_of_ones_own() {
    let mut screen = reading(true);
    let action = press(&mut screen, "Copy");
    let [Errand::Copy(text)] = &action.errands[..] else { panic!("{action:?}") };
    assert!(verifier::receipt::Receipt::parse(text.as_bytes()).is_ok());

    let _none = press(&mut screen, "Export…");
    let action = press(&mut screen, "Write the copy");
    let [Work::Export { run: first, to, .. }] = &action.work[..] else { panic!("{action:?}") };
    assert!(to.ends_with("tiny-stories-1.0-copy.minimodel-receipt"));
    let taken = app::ports::OutputError::Exists(to.clone());
    let problem = app::problem::Problem::blamed(&taken);
    let (advice, outcome) = (problem.advice.clone(), Err(problem));
    let written = ReadingMessage::Written(first.clone(), to.clone(), outcome);
    let _none = screen.update(Message::Reading(written));
    assert!(says(&screen, &advice));
    let _none = screen.update(Message::Reading(ReadingMessage::To("/tmp/other".to_owned())));
    let action = press(&mut screen, "Write the copy");
    let [Work::Export { run, to, .. }] = &action.work[..] else { panic!("{action:?}") };
    let done =
        |run: &Run| Message::Reading(ReadingMessage::Written(run.clone(), to.clone(), Ok(())));
    let _told = screen.update(done(first));
    assert!(says(&screen, "Write the copy"), "it is about the copy before");
    let action = screen.update(done(run));
    assert!(matches!(&action.errands[..], [Errand::Tell(line)] if line.contains("/tmp/other")));
    assert!(!says(&screen, "Write the copy"));
}

#[test]
fn a_file_that_passes_gets_a_receipt_and_one_that_fails_says_where() {
    let mut screen = Receipts::default();
    let _none = screen.update(Message::Show(View::Check));
    // With nothing given there is nothing to press.
    let book = book();
    let mut ui = show(&screen, &context(&book));
    ui.click("Check the file").unwrap();
    assert_eq!(ui.into_messages().count(), 0);
    let _none = screen.dropped("/models/tiny.slm".into());
    let _none = screen.dropped("/models/tiny.manifest".into());
    let action = press(&mut screen, "Check the file");
    let [Work::Check { manifest, slm, turn, .. }] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(
        (manifest.to_str(), slm.to_str()),
        (Some("/models/tiny.manifest"), Some("/models/tiny.slm"))
    );
    let ended = Ended { at: NOW, outcome: Ok(Arc::clone(&MODEL.artifact)) };
    let _none = screen.update(Message::Check(CheckMessage::Ended { turn: *turn, ended }));
    assert!(says(&screen, "Every check passed just now."));
    let action = press(&mut screen, "Write the receipt");
    let [Work::Write { to, turn, .. }] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(to.to_str(), Some("/models/tiny.minimodel-receipt"));
    let outcome = Ok(Written { path: to.clone(), signed: false });
    let _none = screen.update(Message::Check(CheckMessage::Written { turn: *turn, outcome }));
    let said = "The receipt is at /models/tiny.minimodel-receipt. It is not signed, so it proves \
                nothing about who wrote it.";
    assert!(says(&screen, said));
    assert!(matches!(&press(&mut screen, "Read it").work[..], [Work::Read { .. }]));

    let _none = screen.update(Message::Show(View::Check));
    let action = press(&mut screen, "Check the file");
    let [Work::Check { turn, .. }] = &action.work[..] else { panic!("{action:?}") };
    let folder = tempfile::tempdir().unwrap();
    let slm = folder.path().join("tiny.slm");
    std::fs::write(&slm, &MODEL.bytes[1..]).unwrap();
    let rule = verifier::slm::ChecksumRule::Verify;
    let extras = verifier::artifact::Extras::default();
    let outcome =
        verify::artifact(&MODEL.manifest, &slm, &extras, rule, &Meter::default()).map(Arc::new);
    let ended = Ended { at: NOW, outcome };
    let _none = screen.update(Message::Check(CheckMessage::Ended { turn: *turn, ended }));
    for text in [
        "artifact.byte-count at artifact.byte_count",
        "The file has another length than the manifest says.",
        "No fault was found up to the check that failed.",
        "Not looked at, because a check before it failed.",
    ] {
        assert!(says(&screen, text), "{text}");
    }
}

#[test]
fn the_screen_looks_as_it_did() {
    for (name, theme) in [("light", light()), ("dark", dark())] {
        let book = book();
        let list = with_list(40);
        assert_drawn(&mut show(&list, &context(&book)), &theme, &format!("receipts-{name}"));
        let mut screen = reading(true);
        assert_drawn(&mut show(&screen, &context(&book)), &theme, &format!("receipt-{name}"));
        let mut long = open((1_032.0, 1_500.0), screen.view(&context(&book)));
        assert_drawn(&mut long, &theme, &format!("receipt-long-{name}"));
        drop(long);
        let _none = screen.update(Message::Reading(ReadingMessage::Keys));
        assert!(says_in_full(&screen, "slm.parameter_count"));

        let mut check = Receipts::default();
        let _none = check.dropped("/models/tiny-stories-1.0.slm".into());
        let _none = check.dropped("/models/tiny-stories-1.0.manifest".into());
        let _work = check.update(Message::Check(CheckMessage::Start));
        let ended = Ended { at: NOW, outcome: Ok(Arc::clone(&MODEL.artifact)) };
        let _none = check.update(Message::Check(CheckMessage::Ended { turn: 1, ended }));
        assert_drawn(&mut show(&check, &context(&book)), &theme, &format!("receipt-check-{name}"));
    }
}

#[test]
fn large_text_has_room() {
    let book = book();
    let large = Context { scale: Scale::new(2.0), ..context(&book) };
    let screen = reading(true);
    assert_drawn(&mut show(&screen, &large), &light(), "receipt-large");
    let list = with_list(40);
    assert_drawn(&mut show(&list, &large), &light(), "receipts-large");
}
