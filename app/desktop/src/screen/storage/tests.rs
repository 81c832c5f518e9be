//! The storage as its users meet it.

use std::sync::{Arc, LazyLock};

use app::library::{Budget, Ended};
use app::ports::{Abilities, Accounts, Day, Evictable, Lowering, Pin};
use app::problem::Problem;
use app::quantity::Size;
use iced::keyboard::key::Named;
use tokio::sync::oneshot::error::TryRecvError;
use verifier::identity::SigningKey;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Code, Sha256};

use super::{
    Action, Check, Found, Message, ModelQuota, Progress, Seen, Storage, Taken, Trouble, Work,
};
use crate::context::{Book, Context};
use crate::headless::{self, SCALE_FACTOR};
use crate::screen::{Changed, Errand, Place};
use crate::theme::{self, Scale};

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
const MIB: u64 = 1 << 20;

static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let own = SigningKey::from_seed([0; 32]).public_key().peer_id();
    Book { own, peers: Arc::new([]) }
});

fn context(percent: u16) -> Context<'static> {
    Context {
        scale: Scale::new(f32::from(percent) / 100.0),
        scale_factor: SCALE_FACTOR,
        now: NOW,
        book: &BOOK,
        size: iced::Size::new(1_180.0, 780.0),
    }
}

fn ago(hours: u64) -> UtcTime {
    UtcTime::from_unix(NOW.unix() - hours * 3_600)
}

fn seen() -> Seen {
    let taken = |name: &str, own: u64, shared: u64, pin| Taken {
        name: name.to_owned(),
        own: own * MIB,
        shared: shared * MIB,
        pin,
        last_use: ago(own),
    };
    Seen {
        accounts: Accounts {
            live: 1_740 * MIB,
            shared: 120 * MIB,
            index: 9 * MIB,
            reserved: 300 * MIB,
            quota: 4_096 * MIB,
            free: 38_000 * MIB,
        },
        abilities: Abilities { clones: false, holes: true, modes: true, locks: true },
        quotas: vec![ModelQuota {
            model_id: Id::parse("storyteller").unwrap(),
            bytes: 2_048 * MIB,
            taken: 1_536 * MIB,
        }],
        models: vec![
            taken("storyteller 2.1", 620, 180, Pin::Unpinned),
            taken("storyteller 1.0", 410, 180, Pin::Pinned),
            taken("tiny-chat 1.0", 330, 0, Pin::Unpinned),
            taken("verse 3", 20, 0, Pin::Unpinned),
        ],
        oldest: Some(Day::of(ago(72))),
    }
}

/// The screen after its first look.
fn shown(seen: Seen) -> Storage {
    let mut storage = Storage::default();
    let [Work::Look(number)] = storage.enter().work[..] else { panic!("it does not look") };
    let _none = storage.update(Message::Looked(number, Ok(Arc::new(seen))));
    storage
}

fn hear(storage: &mut Storage, messages: Vec<Message>) -> Action {
    let mut all = Action::none();
    for message in messages {
        let action = storage.update(message);
        all.work.extend(action.work);
        all.errands.extend(action.errands);
    }
    all
}

/// A window that is high enough for all of the screen.
fn open(storage: &Storage) -> iced_test::Simulator<'_, Message> {
    headless::open((1_032.0, 2_000.0), storage.view(&context(100)))
}

fn press(storage: &mut Storage, label: &str) -> Action {
    let messages: Vec<Message> = {
        let mut ui = open(storage);
        if let Err(error) = ui.click(label) {
            panic!("{label}: {error}");
        }
        ui.into_messages().collect()
    };
    hear(storage, messages)
}

fn says(storage: &Storage, words: &str) -> bool {
    open(storage).find(words).is_ok()
}

fn problem(what: &str) -> Problem {
    Problem::new(Code::new("io", "failed"), what, "Check the disk.")
}

#[test]
fn it_says_what_the_disk_can_do_and_which_models_have_a_quota_of_their_own() {
    let storage = shown(seen());
    for words in [
        "no: files cannot share blocks: an output takes room of its own",
        "yes: a model takes the room of those pieces that are here",
        "yes: only you may read the library and the secret key",
        "yes: a second program is kept out of the library",
        "storyteller may take 2.00 GiB in all versions together, and takes 1.50 GiB",
    ] {
        assert!(says(&storage, words), "{words}");
    }
}

#[test]
fn every_byte_has_a_name() {
    let storage = shown(seen());
    for words in [
        "2.00 GiB of the quota of 4.00 GiB are taken or promised, 1.99 GiB are left",
        "models 1.69 GiB",
        "index 9.00 MiB",
        "promised to imports 300.00 MiB",
        "left 1.99 GiB",
        "this library 1.70 GiB",
        "free 37.10 GiB",
        "storyteller 2.1",
        "800.00 MiB",
        "pinned, stays",
    ] {
        assert!(says(&storage, words), "{words}");
    }
}

#[test]
fn a_library_above_its_quota_and_a_full_device_are_told() {
    let over = Accounts { quota: 1_000 * MIB, ..seen().accounts };
    let storage = shown(Seen { accounts: over, ..seen() });
    assert!(says(
        &storage,
        "The library takes more than its quota. What is kept stays; nothing new fits until \
         something is forgotten or the quota is raised."
    ));
    let full = Accounts { free: MIB, ..seen().accounts };
    let storage = shown(Seen { accounts: full, ..seen() });
    assert!(says(
        &storage,
        "The device has less room than the quota leaves: imports end where the device is full."
    ));
}

#[test]
fn the_quota_is_set_by_what_is_typed_and_nonsense_is_named() {
    let mut storage = shown(seen());
    assert!(press(&mut storage, "Set the quota").work.is_empty(), "nothing is typed");
    let _none = hear(&mut storage, vec![Message::TypeQuota("4 parsecs".to_owned())]);
    assert!(press(&mut storage, "Set the quota").work.is_empty());
    let told = "`parsecs` is not a unit; use B, KiB, MiB, GiB, TiB, KB, MB, GB or TB";
    assert!(says(&storage, told), "{storage:?}");
    let messages: Vec<Message> = {
        let mut ui = open(&storage);
        ui.click("4 parsecs").unwrap();
        ui.typewrite("8");
        ui.into_messages().collect()
    };
    assert!(matches!(&messages[..], [Message::TypeQuota(_)]), "{messages:?}");
    let _none = hear(&mut storage, vec![Message::TypeQuota("8GiB".to_owned())]);
    assert!(!says(&storage, told));
    let messages: Vec<Message> = {
        let mut ui = open(&storage);
        ui.click("8GiB").unwrap();
        ui.tap_key(Named::Enter);
        ui.into_messages().collect()
    };
    let action = hear(&mut storage, messages);
    let [Work::SetQuota(run, bytes)] = &action.work[..] else { panic!("{action:?}") };
    let bytes = *bytes;
    assert_eq!(bytes, 8 << 30);
    let action = storage.update(Message::QuotaSet(run.clone(), Ok(bytes)));
    assert!(matches!(&action.errands[..], [Errand::Tell(_), Errand::Changed(Changed::Library)]));
    let _none = hear(&mut storage, vec![Message::TypeQuota("9GiB".to_owned())]);
    let action = press(&mut storage, "Set the quota");
    let [Work::SetQuota(newer, _)] = &action.work[..] else { panic!("{action:?}") };
    let _told = storage.update(Message::QuotaSet(run.clone(), Ok(bytes)));
    assert_eq!(storage.quota.typed, "9GiB", "a late answer took away what was typed");
    let failed = Message::QuotaSet(newer.clone(), Err(problem("the index is gone")));
    let _none = storage.update(failed);
    assert!(says(&storage, "The index is gone"));
}

#[test]
fn what_would_go_is_listed_in_its_order_and_an_older_answer_is_not_shown() {
    let mut storage = shown(seen());
    let ask = |storage: &mut Storage, size: &str| {
        let _none = hear(storage, vec![Message::TypeRoom(size.to_owned())]);
        let action = press(storage, "What would go?");
        let [Work::WouldGo(number, size)] = action.work[..] else { panic!("{action:?}") };
        (number, size)
    };
    let (first, small) = ask(&mut storage, "1MiB");
    let _none = storage.update(Message::WouldGo(first, small, Ok(Vec::new())));
    assert!(says(&storage, "1.00 MiB more fit as it is; nothing would go."));
    let (second, large) = ask(&mut storage, "3GiB");
    assert_eq!(large, Size(3 << 30));
    let evictable = Evictable {
        artifact: Sha256::of(b"verse"),
        model_id: Id::parse("verse").unwrap(),
        model_version: Version::parse("3").unwrap(),
        last_use: ago(30),
        bytes: 20 * MIB,
    };
    let _none = storage.update(Message::WouldGo(second, large, Ok(vec![evictable])));
    let _none = storage.update(Message::WouldGo(first, small, Ok(Vec::new())));
    assert!(says(&storage, "So that 3.00 GiB more fit, these would go, in this order:"));
    assert!(says(&storage, "20.00 MiB, last used 1 day ago"));
    let (third, huge) = ask(&mut storage, "9TiB");
    let _none = storage.update(Message::WouldGo(third, huge, Err(problem("it does not fit"))));
    assert!(says(&storage, "It does not fit"));
}

fn progress() -> Progress {
    Progress {
        model: "tiny-chat 1.0".to_owned(),
        bytes: 300 * MIB,
        of: 1_560 * MIB,
        rate: 42 * MIB,
        ends_in: Some(25),
        bad: 3,
    }
}

fn found() -> Found {
    let trouble = |name: &str, what: &str| Trouble { name: name.to_owned(), what: what.to_owned() };
    let troubles = [
        trouble("storyteller 2.1", "3 pieces corrupt"),
        trouble("storyteller 1.0", "not read: the store failed"),
    ];
    let (pieces, bytes, left) = (5_000, 1_250 * MIB, 0);
    Found { pieces, models: 4, bytes, left, ended: Ended::Done, troubles: troubles.into() }
}

#[test]
fn everything_is_checked_and_what_is_corrupt_is_listed() {
    let mut storage = shown(seen());
    assert!(says(
        &storage,
        "Reads kept pieces again and verifies them, those first that were verified longest ago. \
         Pieces that rotted on the disk count as missing from then on. The oldest check of a piece: \
         3 days ago."
    ));
    let action = press(&mut storage, "Check again");
    assert!(matches!(action.work[..], [Work::Check(Budget { time: None, rate: None }, _)]));
    let _none = storage.update(Message::Checking(Arc::new(progress())));
    assert!(says(
        &storage,
        "tiny-chat 1.0: 300.00 MiB of 1.52 GiB, 42.00 MiB/s, 30 s left; ends in 25 s at the latest"
    ));
    assert!(says(&storage, "3 pieces found to be bad so far."), "it is told while it goes on");
    let action = storage.update(Message::Checked(Ok(Arc::new(found()))));
    assert!(matches!(action.errands[..], [Errand::Changed(Changed::Library)]));
    assert!(says(&storage, "5,000 pieces of 4 models were read, 1.22 GiB; not all is sound."));
    assert!(says(&storage, "storyteller 2.1") && says(&storage, "3 pieces corrupt"));
    let action = press(&mut storage, "Repair in the library…");
    assert!(matches!(action.errands[..], [Errand::Go(Place::Library)]));
    let _none = press(&mut storage, "Done");
    assert!(!says(&storage, "3 pieces corrupt"));
}

#[test]
fn a_check_keeps_to_what_is_typed_and_nonsense_is_named() {
    let mut storage = shown(seen());
    let typed = |time: &str, rate: &str| {
        vec![Message::TypeTime(time.to_owned()), Message::TypeRate(rate.to_owned())]
    };
    for (time, rate, told) in [
        ("soon", "", "`soon`"),
        ("31d", "", "use 30d at most"),
        ("", "fast", "`fast`"),
        ("", "1KiB", "use 4KiB at least"),
    ] {
        let _none = hear(&mut storage, typed(time, rate));
        assert!(press(&mut storage, "Check again").work.is_empty(), "{time} {rate}");
        let Check::Failed(problem) = &storage.check else { panic!("{storage:?}") };
        assert!(problem.what.contains(told), "{}", problem.what);
    }
    let _none = hear(&mut storage, typed("10m", "50MiB"));
    let action = press(&mut storage, "Check again");
    let [Work::Check(budget, _)] = &action.work[..] else { panic!("{action:?}") };
    let time = Some(std::time::Duration::from_secs(600));
    assert_eq!(*budget, Budget { time, rate: Some(50 * MIB) });
}

#[test]
fn stopping_ends_the_work_and_keeps_what_was_found() {
    let mut storage = shown(seen());
    let mut action = press(&mut storage, "Check again");
    let Some(Work::Check(_, mut stop)) = action.work.pop() else { panic!("{action:?}") };
    let _none = storage.update(Message::Checking(Arc::new(progress())));
    assert_eq!(stop.try_recv(), Err(TryRecvError::Empty));
    let _none = press(&mut storage, "Stop");
    assert_eq!(stop.try_recv(), Err(TryRecvError::Closed));
    assert!(says(&storage, "Stopping…"));
    let again = storage.update(Message::Check);
    assert!(again.work.is_empty(), "one check at a time");
    let stopped = Found { left: 9 * MIB, ended: Ended::Stopped, ..found() };
    let _look = storage.update(Message::Checked(Ok(Arc::new(stopped))));
    assert!(says(
        &storage,
        "5,000 pieces of 4 models were read, 1.22 GiB; not all is sound. It was stopped: 9.00 MiB \
         are left."
    ));
}

#[test]
fn nothing_kept_says_where_to_go() {
    let mut storage = shown(Seen { models: Vec::new(), ..seen() });
    let action = press(&mut storage, "Show the library");
    assert!(matches!(action.errands[..], [Errand::Go(Place::Library)]));
}

#[test]
fn a_failed_look_is_told_and_an_older_one_is_not_shown() {
    let mut storage = Storage::default();
    let [Work::Look(first)] = storage.enter().work[..] else { panic!() };
    let _none = storage.update(Message::Looked(first, Err(problem("the disk is gone"))));
    assert!(says(&storage, "The disk is gone"));
    let _look = storage.enter();
    let _none = storage.update(Message::Looked(first, Ok(Arc::new(seen()))));
    assert!(storage.seen.is_none());
}

#[test]
fn the_storage_looks_as_it_did() {
    let mut storage = shown(seen());
    let _work = press(&mut storage, "Check again");
    let _none = storage.update(Message::Checking(Arc::new(progress())));
    let large = shown(seen());
    for (name, theme) in [("light", theme::light()), ("dark", theme::dark())] {
        let mut ui = headless::open((1_032.0, 780.0), storage.view(&context(100)));
        headless::assert_drawn(&mut ui, &theme, &format!("storage-{name}"));
        let mut ui = headless::open((1_032.0, 780.0), large.view(&context(200)));
        headless::assert_drawn(&mut ui, &theme, &format!("storage-large-{name}"));
    }
}

#[test]
fn a_quota_below_what_is_kept_says_what_would_go_and_asks() {
    let evictable = Evictable {
        artifact: Sha256::of(b"storyteller"),
        model_id: Id::parse("storyteller").unwrap(),
        model_version: Version::parse("1.0").unwrap(),
        last_use: ago(9),
        bytes: 410 * MIB,
    };
    let lowering = Lowering { over: 300 * MIB, goes: vec![evictable] };
    let asked = |storage: &mut Storage| {
        let _none = hear(storage, vec![Message::TypeQuota("1GiB".to_owned())]);
        let action = press(storage, "Set the quota");
        let [Work::SetQuota(run, bytes)] = &action.work[..] else { panic!("{action:?}") };
        let over = Message::QuotaOver(run.clone(), *bytes, lowering.clone());
        let _none = storage.update(over);
    };
    let mut storage = shown(seen());
    asked(&mut storage);
    let text = "The library takes 300.00 MiB more than 1.00 GiB. These would go, in this order:";
    assert!(says(&storage, text) && says(&storage, "storyteller 1.0"));
    assert!(press(&mut storage, "Leave the quota as it is").work.is_empty());
    assert!(!says(&storage, text));
    asked(&mut storage);
    let action = press(&mut storage, "Set it and let them go");
    let [Work::Lower(_, bytes, agreed)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!((*bytes, &agreed[..]), (1 << 30, &[Sha256::of(b"storyteller")][..]));
}
