//! The screen as its users meet it.

use std::sync::Arc;

use app::activity::{Entry, Look};
use app::ports::{Broken, Chain, KnownPeer, Record, Standing, What};
use app::problem::Problem;
use iced::Size;
use iced::keyboard::key::Named;
use iced_test::Simulator;
use verifier::Sha256;
use verifier::consent::{Act, ConsentError, ConsentLog, GrantTerms, Scope};
use verifier::identity::{PeerId, SigningKey};
use verifier::scalars::{Id, Label, UtcTime};

use super::{Activity, Looked, Message, Which, Work};
use crate::context::{Book, Context};
use crate::headless::{assert_drawn, open};
use crate::screen::{Changed, Errand};
use crate::theme::{Scale, dark, light};

/// 2026-11-22, noon.
const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
const SIZE: (f32, f32) = (1_032.0, 780.0);

fn peer(seed: u8) -> PeerId {
    SigningKey::from_seed([seed; 32]).public_key().peer_id()
}

/// This machine is 1, anna 2, ben 3.
fn book() -> Book {
    let known = [(2, "anna"), (3, "ben")].map(|(seed, label)| KnownPeer {
        id: peer(seed),
        label: Label::parse(label).unwrap(),
        addresses: Vec::new(),
        added: NOW,
        access: app::ports::Access::Open,
    });
    Book { own: peer(1), peers: known.into() }
}

fn context(book: &Book) -> Context<'_> {
    let size = Size::new(1_180.0, 780.0);
    Context { scale: Scale::default(), scale_factor: 2.0, now: NOW, book, size }
}

fn ago(seconds: u64) -> UtcTime {
    UtcTime::from_unix(NOW.unix() - seconds)
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// What the user agreed to, as a real log has it.
fn log() -> ConsentLog {
    let mut log = ConsentLog::empty();
    let grants = [
        ("g-1", Act::Fetch, "tiny", Scope::Peer(peer(2)), 40_650, 90_000, 3_600),
        ("g-2", Act::Cache, "tiny", Scope::None, 20_352, 90_000, 3_600),
        ("g-3", Act::Serve, "tiny", Scope::Peer(peer(2)), 40_704, 7_000, 90_000),
        ("g-4", Act::Serve, "tiny", Scope::Peer(peer(3)), 40_704, 7_000, 90_000),
        ("g-5", Act::Serve, "gpt-nano", Scope::AnyPaired, 1 << 30, 6_000, 600_000),
        ("g-6", Act::Publish, "gpt-nano", Scope::None, 2_048, 5_000, 6_000),
    ];
    for (name, act, model, scope, byte_limit, seconds, span) in grants {
        let terms = GrantTerms {
            id: id(name),
            act,
            model_id: id(model),
            artifact_sha256: Sha256::of(model.as_bytes()),
            scope,
            byte_limit,
            granted: ago(seconds),
            expires: ago(seconds).plus(span),
        };
        let line = log.grant_line(&terms).unwrap();
        log.extend(&line).unwrap();
    }
    let line = log.revoke_line(&id("g-4"), ago(1_800)).unwrap();
    log.extend(&line).unwrap();
    log
}

fn record(
    seconds: u64,
    what: What,
    model: &str,
    from: Option<u8>,
    bytes: u64,
    note: &str,
) -> Record {
    Record {
        time: ago(seconds),
        what,
        model_id: id(model),
        artifact: Sha256::of(model.as_bytes()),
        peer: from.map(peer),
        bytes,
        note: note.to_owned(),
    }
}

fn records() -> Vec<Record> {
    vec![
        record(89_000, What::Banned, "tiny", Some(3), 0, "piece.digest"),
        record(88_990, What::Fetched, "tiny", Some(2), 20_352, ""),
        record(88_990, What::Imported, "tiny", None, 20_352, ""),
        record(40_000, What::Evicted, "old-llama", None, 52_428_800, ""),
        record(30_000, What::Failed, "gpt-nano", None, 0, "io.failed"),
        record(1_700, What::Served, "tiny", Some(2), 20_352, ""),
    ]
}

/// What the journal says; `more` transfers lie further back.
fn look(more: u64) -> Look {
    let log = log();
    let standing = log.grants().iter().map(|grant| Standing {
        grant: grant.clone(),
        used: if grant.id().as_str() == "g-3" { 20_352 } else { 0 },
        live: grant.is_live(NOW),
    });
    let standing: Vec<Standing> = standing.collect();
    let mut entries: Vec<Entry> = records().into_iter().map(Entry::Moved).collect();
    let old = |n| record(100_000 + n * 3_000, What::Served, "tiny", Some(3), n + 1, "");
    entries.extend((0..more).map(|n| Entry::Moved(old(n))));
    entries.extend(standing.iter().cloned().map(Entry::Granted));
    let revoked = standing.iter().filter(|standing| standing.grant.revoked().is_some());
    entries.extend(revoked.cloned().map(Entry::Revoked));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.time()));
    let chain = Chain {
        lines: log.records(),
        first: log.grants().first().map(|grant| grant.granted()),
        last: log.last_time(),
        head: log.head(),
        torn: 0,
        broken: None,
    };
    let live = standing.into_iter().filter(|standing| standing.live).collect();
    Look { entries, left_out: false, live: Ok(live), chain: Ok(chain), transfers: Ok(()) }
}

fn with(look: Look) -> Activity {
    let mut screen = Activity::default();
    let action = screen.enter();
    let [Work::Look { turn }] = &action.work[..] else { panic!("{action:?}") };
    let book = book();
    let looked = Arc::new(Looked::new(look, |id| Some(book.name(id))));
    let _none = screen.update(Message::Looked { turn: *turn, looked });
    screen
}

fn show<'a>(screen: &'a Activity, cx: &Context<'a>) -> Simulator<'a, Message> {
    open(SIZE, screen.view(cx))
}

fn says(screen: &Activity, text: &str) -> bool {
    let book = book();
    show(screen, &context(&book)).find(text).is_ok()
}

fn press(screen: &mut Activity, text: &str) -> super::Action {
    let book = book();
    let messages: Vec<Message> = {
        let mut ui = show(screen, &context(&book));
        ui.click(text).unwrap();
        ui.into_messages().collect()
    };
    let [message] = &messages[..] else { panic!("{text}: {messages:?}") };
    screen.update(message.clone())
}

/// Presses a part of the time line, which lies in a list and not all in sight.
fn found(screen: &mut Activity, text: &str) -> usize {
    let _errand = screen.update(Message::Search(text.to_owned()));
    screen.lines.iter().filter(|line| matches!(line, super::Line::Entry(_))).count()
}

#[test]
fn what_happened_is_told_in_words() {
    let mut screen = with(look(0));
    for (search, text) in [
        ("g-3", "You agreed that anna may take tiny, at most 39.7 KiB, until 2026-11-23 11:03."),
        ("revoked", "You took back that ben may take tiny."),
        ("fetched", "anna gave 19.8 KiB of tiny."),
        ("imported", "tiny was imported; peers gave 19.8 KiB."),
        ("banned", "ben sent wrong bytes for tiny and was banned."),
        ("evicted", "old-llama was given up to make room; 50.00 MiB came free."),
        ("io.failed", "An import of gpt-nano ended without the model."),
        (
            "publish",
            "You agreed that a file may be written that tells of gpt-nano, at most 2.0 KiB, until 2026-11-22 12:16.",
        ),
    ] {
        assert_eq!(found(&mut screen, search), 1, "{search}");
        assert!(says(&screen, text), "{text}");
    }
    let _errand = screen.update(Message::Search("io.failed".to_owned()));
    let action = press(&mut screen, "An import of gpt-nano ended without the model.");
    assert!(action.work.is_empty());
    assert!(says(&screen, "io.failed"));
}

#[test]
fn the_time_line_is_picked_by_kind_peer_and_model() {
    let mut screen = with(look(2));
    assert!(says(&screen, "15 entries"));
    for (which, count) in [(Which::Consents, 7), (Which::Transfers, 8), (Which::All, 15)] {
        let _errand = screen.update(Message::Which(which));
        assert_eq!(found(&mut screen, ""), count, "{which:?}");
    }
    let _none = press(&mut screen, "Peer or model…");
    let _errand = press(&mut screen, "ben");
    assert_eq!(found(&mut screen, ""), 5);
    assert!(says(&screen, "5 entries of 15"));
    let _errand = press(&mut screen, "ben ×");
    let _none = press(&mut screen, "Peer or model…");
    let _errand = press(&mut screen, "old-llama");
    assert_eq!(found(&mut screen, ""), 1);
    assert_eq!(found(&mut screen, "nothing like it"), 0);
    assert!(says(&screen, "Nothing found"));
}

#[test]
fn a_click_takes_a_grant_back_at_once() {
    let mut screen = with(look(0));
    assert!(says(&screen, "3 grants are live"));
    let action = press(&mut screen, "Revoke");
    let [Work::Revoke(grants)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(grants[..], [id("g-3")]);
    assert!(says(&screen, "Revoking…"));
    // Those that are on their way are not taken back twice.
    let action = press(&mut screen, "Revoke all");
    let [Work::Revoke(rest)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(rest[..], [id("g-5"), id("g-6")]);
    let action = screen.update(Message::Revoked(vec![id("g-3")], Ok(())));
    assert!(matches!(&action.errands[..], [Errand::Changed(Changed::Activity)]));
    let error = ConsentError::UnknownGrant(id("g-5"));
    let _errand = screen.update(Message::Revoked(rest.clone(), Err(Problem::coded(&error))));
    assert!(says(&screen, "consent.unknown-grant at grant_id"));
    assert!(!says(&screen, "Revoking…"));
}

#[test]
fn a_broken_chain_is_shown_and_the_transfers_all_the_same() {
    let rule = ConsentError::Chain { found: Sha256::of(b"a"), wanted: Sha256::of(b"b") };
    let error = Broken { log: "/data/consent.log".into(), lines: 3, rule };
    let whole = look(0);
    let broken = Chain { lines: 3, broken: Some(error.clone()), ..whole.chain.unwrap() };
    let moved = whole.entries.into_iter().filter(|entry| matches!(entry, Entry::Moved(_)));
    let problem = Problem::blamed(&app::ports::JournalError::Broken(Box::new(error)));
    let said = format!("T{}", problem.what.strip_prefix('t').unwrap());
    let place = "The first 3 lines of the consent log /data/consent.log hold, line 4 does not: ";
    assert!(said.starts_with(place), "{said}");
    let screen = with(Look {
        entries: moved.collect(),
        live: Err(problem),
        chain: Ok(broken),
        left_out: true,
        transfers: Ok(()),
    });
    for text in [
        said.as_str(),
        "consent.chain at prev",
        "anna took 19.8 KiB of tiny.",
        "6 entries, with the newest 10,000 transfers; older ones are left out",
    ] {
        assert!(says(&screen, text), "{text}");
    }
}

#[test]
fn a_log_that_is_ahead_of_the_clock_is_named() {
    let whole = look(0);
    let last = NOW.plus(40 * 86_400);
    let odd = app::consent::odd_time(last, NOW).unwrap();
    assert!(odd.contains("40 days ahead of this machine's clock"));
    let chain = Ok(Chain { last: Some(last), ..whole.chain.unwrap() });
    assert!(says(&with(Look { chain, ..look(0) }), &odd));
}

#[test]
fn a_grant_that_is_dated_ahead_says_from_when_and_can_be_revoked() {
    let terms = log().grants()[2].terms().clone();
    let granted = NOW.plus(7_200);
    let mut log = ConsentLog::empty();
    let line = log.grant_line(&GrantTerms { granted, expires: granted.plus(3_600), ..terms });
    log.extend(&line.unwrap()).unwrap();
    let ahead = Standing { grant: log.grants()[0].clone(), used: 0, live: false };
    let mut live = look(0).live.unwrap();
    live.retain(|standing| standing.grant.id().as_str() == "g-5");
    live.push(ahead.clone());
    let screen = with(Look { live: Ok(live), ..look(0) });
    assert!(says(&screen, "1 grant is live, 1 will be"));
    let end = granted.plus(3_600);
    let [from, until] = [granted, end].map(crate::words::minute);
    let over = crate::words::until(NOW, end);
    assert!(says(&screen, &format!("from {from} until {until}, over {over}")));
    let mut screen = with(Look { live: Ok(vec![ahead]), ..look(0) });
    assert!(says(&screen, "No grant is live, 1 will be"));
    let action = screen.update(Message::Revoke(id("g-3")));
    assert!(!action.work.is_empty(), "{action:?}");
}

#[test]
fn nothing_yet_says_what_to_do() {
    let chain =
        Chain { lines: 0, first: None, last: None, head: Sha256::of(b""), torn: 0, broken: None };
    let screen = with(Look {
        entries: Vec::new(),
        left_out: false,
        live: Ok(Vec::new()),
        chain: Ok(chain),
        transfers: Ok(()),
    });
    assert!(says(&screen, "Nothing has happened yet") && says(&screen, "No grant is live"));
    assert!(says(&screen, "The consent log is empty."));
}

#[test]
fn a_late_look_does_not_replace_a_newer_one() {
    let mut screen = with(look(0));
    let (first, second) = (screen.enter(), screen.enter());
    for (action, more) in [(second, 4), (first, 9)] {
        let [Work::Look { turn }] = &action.work[..] else { panic!("{action:?}") };
        let looked = Arc::new(Looked::new(look(more), |_| None));
        let _none = screen.update(Message::Looked { turn: *turn, looked });
        assert!(says(&screen, "17 entries"));
    }
}

#[test]
fn the_keyboard_goes_from_entry_to_entry_and_passes_over_days() {
    let mut screen = with(look(0));
    let book = book();
    let key = |screen: &Activity, key: Named| -> Option<Message> {
        let mut ui = show(screen, &context(&book));
        ui.click("anna took 19.8 KiB of tiny.").unwrap();
        ui.tap_key(key);
        ui.into_messages().last()
    };
    let places: Vec<bool> =
        screen.lines.iter().map(|line| matches!(line, super::Line::Entry(_))).collect();
    assert!(!places[0] && places[1]);
    let message = key(&screen, Named::Home).unwrap();
    assert!(matches!(message, Message::Moved { place: 0, .. }));
    let _errand = screen.update(message);
    assert_eq!(screen.selected, Some(1));
    let mut seen = vec![1];
    for _ in 1..places.len() {
        let place = screen.selected.unwrap() + 1;
        let _errand =
            screen.update(Message::Moved { place: place.min(places.len() - 1), line: 40.0 });
        seen.push(screen.selected.unwrap());
    }
    seen.dedup();
    let entries: Vec<usize> = (0..places.len()).filter(|place| places[*place]).collect();
    assert_eq!(seen, entries);
}

#[test]
fn ten_thousand_entries_are_scrolled_through_a_few_at_a_time() {
    let screen = with(look(10_000));
    assert!(says(&screen, "10,013 entries"));
    assert!(says(&screen, "anna took 19.8 KiB of tiny."));
    // The last one is out of sight, so it is not even made.
    assert!(!says(&screen, "ben took 9.7 KiB of tiny."));
}

#[test]
fn the_screen_looks_as_it_did() {
    for (name, theme) in [("light", light()), ("dark", dark())] {
        let book = book();
        let mut screen = with(look(30));
        assert_drawn(&mut show(&screen, &context(&book)), &theme, &format!("activity-{name}"));
        let _none = screen.update(Message::Choose);
        let _none = screen.update(Message::Select(1));
        assert_drawn(
            &mut show(&screen, &context(&book)),
            &theme,
            &format!("activity-chosen-{name}"),
        );
    }
    let book = book();
    let screen = with(look(30));
    let large = Context { scale: Scale::new(2.0), ..context(&book) };
    assert_drawn(&mut show(&screen, &large), &light(), "activity-large");
}
