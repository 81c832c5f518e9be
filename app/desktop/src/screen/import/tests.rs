//! The screen, clicked and typed at without a window.

mod looks;
mod scene;
mod yes;

use std::path::PathBuf;
use std::time::Duration;

use app::import::live::Presence;
use app::pairing::Pairing;
use app::problem::Problem;
use app::request::Document;
use iced_test::Simulator;
use tokio::sync::oneshot::error::TryRecvError;
use verifier::Code;
use verifier::consent::Act;
use verifier::identity::SigningKey;
use verifier::request::{Ticket, TicketTerms};
use verifier::scalars::Label;

use super::{Action, Gather, How, Id, Import, Job, Message, Pair, Refused, Run};
use crate::headless::open;
use crate::screen::{Changed, Errand};
use crate::widget::consent;
use crate::words;

use scene::{
    FOLDER, NOW, address, agree, answer, begun, context, done, gathered, key, old, outlook, peer,
    plan_asked, ready, run, shot,
};

/// The screen as it is drawn now.
fn see(import: &Import) -> Simulator<'_, Message> {
    open((1_032.0, 2_000.0), import.view(&context()))
}

/// Clicks a text; what the screen is told by that.
fn click(import: &Import, text: &str) -> Vec<Message> {
    let mut ui = see(import);
    ui.click(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    ui.into_messages().collect()
}

fn says(import: &Import, text: &str) -> bool {
    see(import).find(text).is_ok()
}

fn only(messages: Vec<Message>) -> Message {
    let [message] = messages.try_into().unwrap();
    message
}

fn jobs(action: Action) -> Vec<Job> {
    action.work.into_iter().map(|work| work.job).collect()
}

#[test]
fn an_empty_screen_says_what_to_do_next() {
    let mut import = Import::default();
    assert!(matches!(jobs(import.enter()).as_slice(), [Job::Folder(_)]));
    assert!(says(&import, "Choose files…"));
    assert!(says(&import, "Add"));
    let what = "Drop a request and its manifest on this window, or a manifest and the offers of \
                the peers that have the model. You can also choose the files, or type where they \
                are.";
    assert!(says(&import, what));
    assert!(import.at_work().is_none());
    let message = only(click(&import, "Choose files…"));
    assert!(matches!(jobs(import.update(message)).as_slice(), [Job::Choose]));
}

#[test]
fn a_path_can_always_be_typed() {
    let mut import = Import::default();
    let typed = "/somewhere/request.json";
    let mut ui = see(&import);
    ui.click(iced_test::selector::id("import-file")).unwrap();
    ui.typewrite("/");
    let messages: Vec<_> = ui.into_messages().collect();
    assert!(matches!(
        messages.as_slice(),
        [Message::Gather(_, Gather::Typed(text))] if text == "/"
    ));
    let _none = import.update(Message::Gather(Id(0), Gather::Typed(typed.to_owned())));
    let message = only(click(&import, "Add"));
    let asked = jobs(import.update(message));
    assert!(matches!(asked.as_slice(), [Job::Read(path)] if path == &PathBuf::from(typed)));
}

#[test]
fn documents_come_together_in_any_order_and_the_last_plan_counts() {
    let mut import = Import::default();
    let none = import.update(Message::Folder(1, Some(PathBuf::from(FOLDER))));
    assert!(none.work.is_empty());
    let documents = gathered(2);
    let mut numbers = Vec::new();
    for document in documents.documents().iter().rev() {
        let action = import.update(Message::Gather(Id(0), Gather::Read(Ok(document.clone()))));
        numbers.extend(plan_asked(action));
    }
    // The manifest comes last, so one plan is asked for; taking an offer away asks for another.
    assert_eq!(numbers.len(), 1);
    let again = import.update(Message::Gather(Id(0), Gather::Remove(0)));
    numbers.extend(plan_asked(again));
    let [first, second] = numbers.try_into().unwrap();
    let planned = |number, peers| {
        Message::Gather(Id(0), Gather::Planned(number, Ok(Box::new(outlook(peers)))))
    };
    let _none = import.update(planned(second, 1));
    assert!(says(&import, "Fetch and import from anna"));
    let _none = import.update(planned(first, 2));
    assert!(says(&import, "Fetch and import from anna"), "an older plan replaced a newer one");
}

#[test]
fn a_file_that_is_no_use_says_why_and_nothing_is_lost() {
    let mut import = Import::default();
    let bytes = b"mmticket0:abc".as_slice();
    let kind = app::request::Kind::of(bytes).unwrap();
    let ticket = Document { path: PathBuf::from("/t"), kind, bytes: bytes.into() };
    let _none = import.update(Message::Gather(Id(0), Gather::Read(Ok(ticket))));
    assert!(says(&import, "/t is a ticket"));
    let problem = Problem::new(Code::new("io", "failed"), "cannot open /x", "Check the path.");
    let _none = import.update(Message::Gather(Id(0), Gather::Read(Err(problem))));
    assert!(says(&import, "Cannot open /x"));
    let _none = import.update(Message::Gather(Id(0), Gather::Chosen(Vec::new())));
    assert!(says(&import, "Nothing was chosen. If no chooser opened, type the path instead."));
}

#[test]
fn a_yes_needs_both_boxes_and_the_button_names_act_and_peers() {
    let mut import = ready(2);
    let button = "Fetch and import from anna and ben";
    for part in ["Digest", "Folder", "Room", "Holds for", "Licence", "Model card", "They see"] {
        assert!(says(&import, part), "{part}");
    }
    assert!(click(&import, button).is_empty(), "the button can be pressed with nothing ticked");
    let fetch = only(click(&import, "Fetch: ask these peers for the bytes"));
    assert!(import.update(fetch).work.is_empty());
    assert!(click(&import, button).is_empty());
    let file = "Import: put the verified file and its receipt into the folder";
    let file = only(click(&import, file));
    assert!(import.update(file).work.is_empty());
    let agree = only(click(&import, button));
    let asked = jobs(import.update(agree));
    let [Job::Start(start)] = asked.as_slice() else { panic!("{asked:?}") };
    let acts: Vec<Act> = start.yes.terms().iter().map(|terms| terms.act).collect();
    assert_eq!(acts, [Act::Fetch, Act::Fetch, Act::Import]);
    assert_eq!(import.at_work().unwrap(), "An import is under way: tiny 1.0, starting.");
}

#[test]
fn a_card_is_about_one_folder() {
    let mut import = ready(1);
    let _none = import.update(Message::Gather(Id(0), Gather::FolderTyped("/other".to_owned())));
    assert!(!says(&import, "Fetch and import from anna"));
    // A plan that was asked for before says nothing about this folder.
    let late = Gather::Planned(1, Ok(Box::new(outlook(1))));
    let _none = import.update(Message::Gather(Id(0), late));
    assert!(!says(&import, "Fetch and import from anna"));
    let message = only(click(&import, "See what will move"));
    let asked = jobs(import.update(message));
    assert!(matches!(
        asked.as_slice(),
        [Job::Plan { folder, .. }] if folder == &PathBuf::from("/other")
    ));
}

#[test]
fn no_is_no() {
    let mut import = ready(1);
    let message = only(click(&import, "No"));
    let action = import.update(message);
    assert!(action.work.is_empty());
    assert!(matches!(action.errands.as_slice(), [Errand::Tell(_)]));
    assert!(!says(&import, "Fetch and import from anna"));
    assert!(says(&import, "See what will move"));
}

#[test]
fn the_card_says_who_lied_before_and_who_is_banned_and_not_asked() {
    let mut import = Import::default();
    let number = scene::complete(&mut import, 3);
    let liars = [scene::liar(2, false), scene::liar(3, true)].into();
    let planned = Gather::Planned(number, Ok(Box::new(scene::outlook_with(3, &liars))));
    let _none = import.update(Message::Gather(Id(0), planned));
    assert!(says(&import, "Fetch and import from anna and ben"));
    let super::State::Gathering(gathering) = &import.imports[0].state else { panic!() };
    let peers = gathering.question().unwrap().peers.join("\n");
    for (line, part) in peers.lines().zip([
        "anna",
        "; it lied before: it sent wrong bytes for piece 3 of tiny 1.0 on ",
        " is banned and not called: it sent wrong bytes for piece 3 of tiny 1.0 on ",
    ]) {
        assert!(line.contains(part), "{line}");
        assert!(says(&import, line), "{line}");
    }
}

#[test]
fn strangers_are_named_and_a_ticket_makes_them_callable() {
    let mut import = Import::default();
    let number = scene::complete(&mut import, 1);
    let problem = Problem::new(
        Code::new("request", "no-usable-offer"),
        "none of the request's peers is paired with this installation",
        "Pair with one of them first, then look again.",
    );
    let refused = Box::new(Refused { problem, strangers: vec![peer(1)] });
    let _none = import.update(Message::Gather(Id(0), Gather::Planned(number, Err(refused))));
    let short = app::naming::short_peer(peer(1));
    assert!(says(&import, &format!("You are not paired with {short}: not asked.")));

    let terms = TicketTerms {
        label: Label::parse("anna").unwrap(),
        addresses: vec![address()],
        issued: NOW,
        expires: NOW.plus(60),
    };
    let text = Ticket::sign(&terms, &key(1)).unwrap();
    let typed = Gather::Pair(Pair::Typed(text.clone()));
    let _none = import.update(Message::Gather(Id(0), typed));
    let message = only(click(&import, "Read"));
    let asked = jobs(import.update(message));
    let [Job::Ticket(read, asked)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(*asked, text);

    let own = SigningKey::from_seed([9; 32]).public_key();
    let pairing = Pairing::read(&text, &own, None, NOW).unwrap();
    let code = pairing.code().to_owned();
    let found = Gather::Pair(Pair::Found(read.clone(), vec![Ok(Box::new(pairing))]));
    let _none = import.update(Message::Gather(Id(0), found));
    assert!(says(&import, &code));
    let message = only(click(&import, "Their screen shows this code: pair with anna"));
    let asked = jobs(import.update(message));
    assert!(matches!(asked.as_slice(), [Job::Pair(pairing)] if pairing.peer() == peer(1)));
    let paired = Gather::Pair(Pair::Paired(peer(1), Ok(())));
    let action = import.update(Message::Gather(Id(0), paired));
    assert!(matches!(action.errands.as_slice(), [Errand::Changed(Changed::Peers)]));
    assert!(plan_asked(action).is_some(), "the import is not planned again");
    assert!(says(&import, "You are paired with anna now."));
}

#[test]
fn a_code_that_differs_pairs_nobody() {
    let mut import = Import::default();
    let terms = TicketTerms {
        label: Label::parse("anna").unwrap(),
        addresses: vec![address()],
        issued: NOW,
        expires: NOW.plus(60),
    };
    let text = Ticket::sign(&terms, &key(1)).unwrap();
    let own = SigningKey::from_seed([9; 32]).public_key();
    let pairing = Pairing::read(&text, &own, None, NOW).unwrap();
    let _none = import.update(Message::Gather(Id(0), Gather::Pair(Pair::Typed(text))));
    let asked = jobs(import.update(Message::Gather(Id(0), Gather::Pair(Pair::Read))));
    let [Job::Ticket(read, _)] = asked.as_slice() else { panic!("{asked:?}") };
    let found = |pairing| Gather::Pair(Pair::Found(read.clone(), vec![Ok(Box::new(pairing))]));
    let late = Gather::Pair(Pair::Found(Default::default(), vec![Ok(Box::new(pairing.clone()))]));
    let _none = import.update(Message::Gather(Id(0), late));
    assert!(!says(&import, "It differs"), "another text is in the field by now");
    let _none = import.update(Message::Gather(Id(0), found(pairing)));
    let message = only(click(&import, "It differs"));
    assert!(import.update(message).work.is_empty());
    let late = import.update(Message::Gather(Id(0), Gather::Pair(Pair::Same(peer(1)))));
    assert!(late.work.is_empty());
}

#[test]
fn cancel_stops_and_says_what_is_kept() {
    let (mut import, mut stop) = begun(2);
    let live = Box::new(shot(Duration::from_secs(3)));
    let _none = import.update(Message::Run(Id(0), Run::Live(live)));
    assert!(says(&import, "Who has it"));
    assert_eq!(stop.try_recv(), Err(TryRecvError::Empty));
    let cancel = only(click(&import, "Cancel"));
    let _none = import.update(cancel);
    assert_eq!(stop.try_recv(), Ok(()));
    assert!(says(&import, "Stopping…"));
    let action = import.update(Message::Run(Id(0), Run::Ended(Box::new(How::Stopped))));
    assert!(matches!(
        action.errands.as_slice(),
        [Errand::Tell(_), Errand::Changed(Changed::Library), Errand::Changed(Changed::Activity)]
    ));
    assert!(says(&import, "The import of tiny 1.0 was stopped"));
    assert!(import.at_work().is_none());
    let again = only(click(&import, "Go on"));
    assert!(plan_asked(import.update(again)).is_some(), "the same import is planned again");
    assert!(!says(&import, "Go on"));
}

#[test]
fn a_peer_that_may_not_be_asked_any_more_says_why() {
    let (mut import, _stop) = begun(2);
    let mut shot = shot(Duration::from_secs(3));
    let anna = &mut shot.live.peers[0];
    let why = "the yes to fetch `tiny` was taken back at 2026-11-22T12:00:00Z".to_owned();
    let gave = format!("gave {} in {} pieces", words::bytes(anna.bytes), anna.pieces);
    let line = format!("not asked any more: {why}; {gave}");
    anna.presence = Presence::NotAsked { why };
    let _none = import.update(Message::Run(Id(0), Run::Live(Box::new(shot))));
    assert!(says(&import, &line));
}

#[test]
fn what_was_given_up_for_an_import_is_told_however_it_ends() {
    let old = old();
    let line = format!("Given up to make room: {old} came free.");
    let problem = Problem::new(Code::new("io", "failed"), "the disk is full", "Free some space.");
    for how in [How::Stopped, How::Failed(problem), How::Done(done())] {
        let (mut import, _stop) = begun(1);
        let mut shot = shot(Duration::from_secs(3));
        shot.live.evicted = vec![old.clone()];
        let _none = import.update(Message::Run(Id(0), Run::Live(Box::new(shot))));
        let _none = import.update(Message::Run(Id(0), Run::Ended(Box::new(how))));
        assert!(says(&import, &line));
    }
}

#[test]
fn an_import_that_nobody_watches_any_more_stops() {
    let (import, mut stop) = begun(1);
    drop(import);
    assert_eq!(stop.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_failure_says_why_and_trying_again_asks_again() {
    let (mut import, _stop) = begun(1);
    let problem = Problem::new(Code::new("io", "failed"), "the disk is full", "Free some space.");
    let action = import.update(Message::Run(Id(0), Run::Ended(Box::new(How::Failed(problem)))));
    let [Errand::Notify { body, .. }, ..] = action.errands.as_slice() else { panic!("{action:?}") };
    assert!(body.contains("the disk is full"), "{body}");
    assert!(says(&import, "The disk is full"));
    let again = only(click(&import, "Try again"));
    let number = plan_asked(import.update(again)).unwrap();
    let planned = || Gather::Planned(number, Ok(Box::new(outlook(1))));
    let _none = import.update(Message::Gather(Id(0), planned()));
    assert!(!says(&import, "Fetch and import from anna"), "what was asked before is no answer");
    let _none = import.update(Message::Gather(Id(1), planned()));
    // The old yes is used up: nothing is ticked.
    assert!(click(&import, "Fetch and import from anna").is_empty());
}

#[test]
fn the_receipt_card_says_what_came_and_where_it_is() {
    let (mut import, _stop) = begun(2);
    let action = import.update(Message::Run(Id(0), Run::Ended(Box::new(How::Done(done())))));
    assert!(matches!(action.errands.first(), Some(Errand::Notify { .. })));
    assert!(says(&import, "tiny 1.0 is here, and verified"));
    assert!(says(
        &import,
        "Open it in TinyRustLM with its own file picker; nothing is sent to it."
    ));
    assert!(says(&import, "anna: 16.0 KiB in 1 piece"));
    let receipt = only(click(&import, "Show the receipt"));
    let action = import.update(receipt);
    assert!(
        matches!(action.errands.as_slice(), [Errand::Receipt(path)] if path == &done().receipt)
    );
    let reveal = only(click(&import, "Show in the file manager"));
    let asked = jobs(import.update(reveal));
    assert!(matches!(asked.as_slice(), [Job::Reveal(path)] if path == &done().model));
    let problem = Problem::new(Code::new("io", "failed"), "no file manager", "Copy the path.");
    let _none = import.update(Message::Run(Id(0), Run::Revealed(Err(problem))));
    assert!(says(&import, "No file manager"));
    let copy = only(click(&import, "Copy its path"));
    let action = import.update(copy);
    assert!(matches!(action.errands.as_slice(), [Errand::Copy(text)] if text.ends_with(".slm")));
}

#[test]
fn several_imports_run_side_by_side() {
    let (mut import, _stop) = begun(1);
    let new = only(click(&import, "New import"));
    let _none = import.update(new);
    assert!(says(&import, "tiny 1.0, starting"));
    assert!(says(&import, "Choose files…"));
    // What is dropped now goes to the new one.
    let action = import.dropped(PathBuf::from("/request.json"));
    assert_eq!(action.work.first().map(|work| work.id), Some(Id(1)));
    // Of one model, one import runs at a time.
    let number = scene::complete_as(&mut import, Id(1), 1);
    let planned = Gather::Planned(number, Ok(Box::new(outlook(1))));
    let _none = import.update(Message::Gather(Id(1), planned));
    assert!(!says(&import, "Fetch and import from anna"));
    let text = "tiny 1.0 is being imported already. Wait until that import has ended.";
    assert!(says(&import, text));
    // One that runs cannot be closed, one that does not can.
    let _none = import.update(Message::Close(Id(0)));
    let close = only(click(&import, "Close this one"));
    let _none = import.update(close);
    assert!(says(&import, "Cancel"));
    for _ in 0..40 {
        let _none = import.update(Message::New);
    }
    assert!(import.imports.len() <= super::MOST);
}

#[test]
fn words_that_come_too_late_change_nothing() {
    let (mut import, _stop) = begun(1);
    let tick = Gather::Card(consent::Message::Agree);
    assert!(import.update(Message::Gather(Id(0), tick)).work.is_empty());
    assert!(import.update(Message::Run(Id(7), Run::Cancel)).work.is_empty());
    let _none = import.update(Message::Run(Id(0), Run::Ended(Box::new(How::Stopped))));
    let live = Box::new(shot(Duration::from_secs(1)));
    let action = import.update(Message::Run(Id(0), Run::Live(live)));
    assert!(action.work.is_empty() && action.errands.is_empty());
    assert!(says(&import, "The import of tiny 1.0 was stopped"));
    // No answer to a question that was not asked.
    assert!(answer(&mut import, agree()).is_empty());
}

#[test]
fn an_import_that_is_paused_says_which_disk_is_full() {
    let (mut import, _stop) = begun(3);
    let mut shot = shot(Duration::from_secs(3));
    let place = std::path::Path::new("/mnt/stick");
    shot.live.paused = Some(place.into());
    shot.live.sentence = app::import::live::paused(place);
    let _none = import.update(run(Run::Live(Box::new(shot))));
    let text = "Paused: the disk of /mnt/stick is full. It goes on by itself when there is room.";
    assert!(says(&import, text));
}
