use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;

use app::Blamed as _;
use app::ports::{Broken, Journal as _, JournalError, Record, Spend, Terms, What};
use app::question::Question;
use verifier::Sha256;
use verifier::consent::{Act, ConsentError, ConsentLog, Grant, Scope};
use verifier::identity::SigningKey;
use verifier::scalars::{Id, UtcTime};

use super::Journal;
use crate::layout::Layout;

const START: u64 = 1_800_000_000;

fn at(seconds: u64) -> UtcTime {
    UtcTime::from_unix(START + seconds)
}

fn terms(act: Act, byte_limit: u64) -> Terms {
    Terms {
        act,
        model_id: Id::parse("tiny").unwrap(),
        artifact: Sha256::of(b"artifact"),
        scope: Scope::None,
        byte_limit,
        expires: at(1000),
    }
}

fn spend(act: Act, bytes: u64) -> Spend {
    let model_id = Id::parse("tiny").unwrap();
    Spend { act, model_id, artifact: Sha256::of(b"artifact"), peer: None, bytes }
}

fn is_denied(outcome: Result<(), JournalError>) -> bool {
    match outcome {
        Ok(()) => false,
        Err(JournalError::Consent(ConsentError::Denied { .. })) => true,
        Err(other) => panic!("{other:?}"),
    }
}

async fn give(journal: &Journal, terms: Terms, now: UtcTime) -> Result<Grant, JournalError> {
    Ok(journal.grant(vec![terms], Vec::new(), now).await?.remove(0))
}

fn layout() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    layout.create().unwrap();
    (folder, layout)
}

fn parsed(layout: &Layout) -> ConsentLog {
    ConsentLog::parse(&fs::read(layout.consent_log()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_yes_taken_back_elsewhere_stops_the_next_spend() {
    let (_folder, layout) = layout();
    let serving = Journal::open(&layout).unwrap();
    let other = Journal::open(&layout).unwrap();
    assert!(is_denied(serving.spend(&spend(Act::Serve, 0), at(0))));
    let grant = give(&other, terms(Act::Serve, 100), at(0)).await.unwrap();
    serving.spend(&spend(Act::Serve, 10), at(1)).unwrap();
    assert!(is_denied(serving.spend(&spend(Act::Fetch, 10), at(1))));
    other.revoke(vec![grant.id().clone()], at(2)).await.unwrap();
    assert!(is_denied(serving.spend(&spend(Act::Serve, 0), at(2))));
    let again = serving.revoke(vec![grant.id().clone()], at(3)).await.unwrap_err();
    assert!(matches!(again, JournalError::Consent(ConsentError::UnknownGrant(_))));
    assert_eq!(parsed(&layout).records(), 2);
}

#[tokio::test]
async fn the_byte_limit_holds_over_spends_and_starts() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let grant = give(&journal, terms(Act::Import, 100), at(0)).await.unwrap();
    for _ in 0..3 {
        journal.spend(&spend(Act::Import, 30), at(0)).unwrap();
    }
    assert!(is_denied(journal.spend(&spend(Act::Import, 11), at(0))));
    drop(journal);
    let journal = Journal::open(&layout).unwrap();
    assert!(is_denied(journal.spend(&spend(Act::Import, 11), at(0))));
    journal.spend(&spend(Act::Import, 10), at(0)).unwrap();
    journal.spend(&spend(Act::Import, 0), at(0)).unwrap();
    assert!(is_denied(journal.spend(&spend(Act::Import, 1), at(0))));
    let standing = journal.standing(at(0)).await.unwrap();
    assert_eq!(standing.len(), 1);
    assert_eq!((standing[0].grant.id(), standing[0].used), (grant.id(), 100));
    assert_eq!((standing[0].left(), standing[0].live), (0, false));
    assert!(is_denied(journal.spend(&spend(Act::Import, 0), at(1000))));
}

#[tokio::test]
async fn two_processes_count_what_both_moved() {
    let (_folder, layout) = layout();
    let (one, two) = (Journal::open(&layout).unwrap(), Journal::open(&layout).unwrap());
    give(&one, terms(Act::Serve, 100), at(0)).await.unwrap();
    one.spend(&spend(Act::Serve, 30), at(0)).unwrap();
    two.spend(&spend(Act::Serve, 20), at(0)).unwrap();
    one.flush().unwrap();
    two.flush().unwrap();
    for journal in [&one, &two] {
        assert_eq!(journal.standing(at(0)).await.unwrap()[0].used, 50);
    }
    assert!(is_denied(one.spend(&spend(Act::Serve, 51), at(0))));
}

#[tokio::test]
async fn what_is_counted_is_written_down_by_itself() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    give(&journal, terms(Act::Serve, 1 << 40), at(0)).await.unwrap();
    journal.spend(&spend(Act::Serve, 1 << 30), at(0)).unwrap();
    journal.spend(&spend(Act::Serve, 1), at(0)).unwrap();
    let written = || {
        let text = fs::read_to_string(layout.consent_used()).unwrap_or_default();
        text.trim_end().ends_with(" 1073741825")
    };
    let start = std::time::Instant::now();
    while !written() {
        assert!(start.elapsed().as_secs() < 20);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[tokio::test]
async fn all_sums_are_of_what_moved() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let peer = SigningKey::from_seed([1; 32]).public_key().peer_id();
    let terms = Terms { scope: Scope::Peer(peer), ..terms(Act::Serve, 100) };
    give(&journal, terms, at(0)).await.unwrap();
    let ask = |bytes| Spend { peer: Some(peer), ..spend(Act::Serve, bytes) };
    // Asked for three times, as of a connection that breaks, and moved once.
    journal.hold(&ask(60), at(0)).unwrap();
    journal.hold(&ask(40), at(0)).unwrap();
    assert!(is_denied(journal.hold(&ask(1), at(0))));
    journal.moved(&ask(10), at(1));
    journal.moved(&ask(20), at(2));
    journal.let_go(Act::Serve, ask(0).artifact, Some(peer));
    journal.hold(&ask(70), at(2)).unwrap();
    assert!(is_denied(journal.hold(&ask(1), at(2))));

    // Another process reads the same as this one, once it is written down.
    journal.settle().await.unwrap();
    for journal in [&journal, &Journal::open(&layout).unwrap()] {
        assert_eq!(journal.standing(at(2)).await.unwrap()[0].used, 30);
        let total = app::activity::totals(journal, at(2)).await.unwrap()[&peer];
        assert_eq!((total.taken, total.given), (30, 0));
        let transfers = journal.transfers(9).await.unwrap();
        let moved: Vec<_> = transfers.iter().map(|moved| (moved.bytes, moved.time)).collect();
        assert_eq!(moved, [(30, at(2))]);
    }
}

#[tokio::test]
async fn what_moved_is_written_down_within_a_second_or_16_mib() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    give(&journal, terms(Act::Fetch, 1 << 40), at(0)).await.unwrap();
    journal.hold(&spend(Act::Fetch, 1 << 30), at(0)).unwrap();
    let other = Journal::open(&layout).unwrap();
    for (place, bytes) in [16 << 20, 1].into_iter().enumerate() {
        journal.moved(&spend(Act::Fetch, bytes), at(place as u64));
        let start = std::time::Instant::now();
        let sum = (16 << 20) + u64::from(place == 1);
        loop {
            let used = other.standing(at(0)).await.unwrap()[0].used;
            if used == sum {
                // What is counted stands in the record as well.
                let transfers = other.transfers(9).await.unwrap();
                assert_eq!((transfers[0].bytes, transfers[0].what), (sum, What::Fetched));
                break;
            }
            assert!(start.elapsed().as_secs() < 20);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[tokio::test]
async fn a_torn_rest_is_cut_and_the_log_goes_on() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    give(&journal, terms(Act::Serve, 1), at(0)).await.unwrap();
    let mut file = OpenOptions::new().append(true).open(layout.consent_log()).unwrap();
    file.write_all(b"{\"consent_kind\":\"revo").unwrap();
    journal.spend(&spend(Act::Serve, 0), at(0)).unwrap();
    let other = Journal::open(&layout).unwrap();
    give(&other, terms(Act::Fetch, 1), at(0)).await.unwrap();
    assert_eq!(parsed(&layout).records(), 2);
    journal.spend(&spend(Act::Fetch, 0), at(0)).unwrap();
}

#[tokio::test]
async fn a_log_that_was_changed_allows_nothing() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    give(&journal, terms(Act::Serve, 5), at(0)).await.unwrap();
    let good = fs::read(layout.consent_log()).unwrap();
    give(&journal, terms(Act::Fetch, 5), at(0)).await.unwrap();
    journal.spend(&spend(Act::Fetch, 0), at(0)).unwrap();

    // A log that shrank, or that another file took the place of, is read again.
    fs::write(layout.consent_log(), &good).unwrap();
    assert!(is_denied(journal.spend(&spend(Act::Fetch, 0), at(0))));
    journal.spend(&spend(Act::Serve, 0), at(0)).unwrap();
    fs::remove_file(layout.consent_log()).unwrap();
    assert!(is_denied(journal.spend(&spend(Act::Serve, 0), at(0))));
    fs::write(layout.consent_log(), &good).unwrap();
    journal.spend(&spend(Act::Serve, 0), at(0)).unwrap();

    let text = String::from_utf8(good).unwrap();
    let more = format!("{text}{}", text.replace("\"byte_limit\":5", "\"byte_limit\":9"));
    fs::write(layout.consent_log(), more).unwrap();
    for _ in 0..2 {
        let error = journal.spend(&spend(Act::Serve, 0), at(0)).unwrap_err();
        assert!(breaks_by_sequence(error));
    }
    let error = give(&journal, terms(Act::Serve, 1), at(0)).await.unwrap_err();
    assert!(breaks_by_sequence(error));
    // It can be opened, so that it can be checked; and nothing of it is changed.
    let broken = fs::read(layout.consent_log()).unwrap();
    let chain = Journal::open(&layout).unwrap().chain().await.unwrap();
    assert!(matches!(
        chain.broken,
        Some(Broken { rule: ConsentError::Sequence { .. }, lines: 1, .. })
    ));
    assert_eq!(fs::read(layout.consent_log()).unwrap(), broken);
}

fn breaks_by_sequence(error: JournalError) -> bool {
    let JournalError::Broken(broken) = error else { return false };
    matches!(*broken, Broken { rule: ConsentError::Sequence { .. }, lines: 1, .. })
}

#[tokio::test]
async fn a_long_rest_without_a_line_end_is_refused_and_kept() {
    let (_folder, layout) = layout();
    fs::write(layout.consent_log(), vec![b'x'; 2 << 20]).unwrap();
    let long = Journal::open(&layout).unwrap().standing(at(0)).await;
    let Err(JournalError::Broken(long)) = long else { panic!("{long:?}") };
    assert!(matches!(*long, Broken { rule: ConsentError::Json(_), lines: 0, .. }));
    let file = OpenOptions::new().write(true).open(layout.consent_log()).unwrap();
    file.set_len(65 << 20).unwrap();
    assert!(matches!(Journal::open(&layout), Err(JournalError::Failed(_))));
}

#[tokio::test]
async fn a_clock_that_was_put_back_breaks_no_order_and_a_new_yes_counts_now() {
    for ahead in [1, 20 * 60, 40 * 86_400] {
        let (_folder, layout) = layout();
        let journal = Journal::open(&layout).unwrap();
        let later = Terms { expires: at(ahead + 1_000), ..terms(Act::Serve, 1) };
        give(&journal, later, at(ahead)).await.unwrap();
        let grant = give(&journal, terms(Act::Fetch, 10), at(0)).await.unwrap();
        assert_eq!((grant.granted(), grant.expires()), (at(0), at(1_000)));
        journal.spend(&spend(Act::Fetch, 5), at(0)).unwrap();
        journal.spend(&spend(Act::Fetch, 4), at(999)).unwrap();
        assert!(is_denied(journal.spend(&spend(Act::Fetch, 1), at(1_000))));
        let standing = journal.standing(at(1)).await.unwrap();
        assert_eq!((standing[1].live, standing[1].used), (true, 9));

        journal.revoke(vec![grant.id().clone()], at(5)).await.unwrap();
        assert!(is_denied(journal.spend(&spend(Act::Fetch, 1), at(5))));
        assert_eq!(parsed(&layout).last_time(), Some(at(ahead.max(5))));
        let chain = journal.chain().await.unwrap();
        assert_eq!((chain.lines, chain.broken), (3, None));
    }
}

#[tokio::test]
async fn the_grants_of_one_yes_are_written_down_together_or_not_at_all() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let before = give(&journal, terms(Act::Serve, 1), at(0)).await.unwrap();
    let older = vec![before.id().clone()];
    let both = |limit| vec![terms(Act::Fetch, 1), terms(Act::Import, limit)];
    // The second of them breaks a rule.
    let error = journal.grant(both(u64::MAX), older.clone(), at(1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Consent(_)));
    assert_eq!(parsed(&layout).records(), 1);
    assert!(is_denied(journal.spend(&spend(Act::Fetch, 0), at(1))));

    let granted = journal.grant(both(1), older.clone(), at(1)).await.unwrap();
    assert_eq!(granted.iter().map(Grant::act).collect::<Vec<_>>(), [Act::Fetch, Act::Import]);
    let log = parsed(&layout);
    assert_eq!((log.records(), log.live(at(2)).len()), (4, 2));
    assert_eq!(log.grant(before.id()).unwrap().revoked(), Some(at(1)));
    // What has ended meanwhile is no hindrance.
    journal.grant(both(1), older, at(2)).await.unwrap();
}

#[tokio::test]
async fn grants_are_taken_back_together_or_not_at_all() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let terms = vec![terms(Act::Serve, 1), terms(Act::Fetch, 1)];
    let grants = journal.grant(terms, Vec::new(), at(0)).await.unwrap();
    let [one, two] = [&grants[0], &grants[1]].map(|grant| grant.id().clone());
    let nobody = Id::parse("g-nobody").unwrap();
    for wrong in [vec![one.clone(), nobody], vec![one.clone(), two.clone(), one.clone()]] {
        let error = journal.revoke(wrong, at(1)).await.unwrap_err();
        assert!(matches!(error, JournalError::Consent(ConsentError::UnknownGrant(_))));
        assert_eq!(parsed(&layout).live(at(1)).len(), 2);
    }
    journal.revoke(Vec::new(), at(1)).await.unwrap();
    journal.revoke(vec![one, two], at(1)).await.unwrap();
    assert!(parsed(&layout).live(at(1)).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_from_many_sides_keep_the_chain() {
    let (_folder, layout) = layout();
    let sides = [Journal::open(&layout).unwrap(), Journal::open(&layout).unwrap()].map(Arc::new);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let journal = Arc::clone(&sides[number % 2]);
        tasks.spawn(async move {
            let act = Act::ALL[number % 5];
            let grant = give(&journal, terms(act, 1), at(number as u64 % 7)).await.unwrap();
            if number % 3 == 0 {
                journal.revoke(vec![grant.id().clone()], at(0)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(parsed(&layout).records(), 27);
    assert_eq!(sides[0].standing(at(10)).await.unwrap().len(), 20);
    assert_eq!(parsed(&layout).live(at(10)).len(), 13);
}

#[tokio::test]
async fn transfers_are_written_down() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let record = Record {
        time: at(0),
        what: What::Imported,
        model_id: Id::parse("tiny").unwrap(),
        artifact: Sha256::of(b"artifact"),
        peer: None,
        bytes: 7,
        note: String::new(),
    };
    journal.record(record.clone()).await.unwrap();
    journal.record(record.clone()).await.unwrap();
    assert_eq!(journal.transfers(9).await.unwrap(), [record.clone(), record.clone()]);
    assert_eq!(journal.transfers(1).await.unwrap(), [record]);
}

#[tokio::test]
async fn a_tally_that_is_none_is_refused() {
    let (_folder, layout) = layout();
    fs::write(layout.consent_used(), "").unwrap();
    assert!(matches!(Journal::open(&layout), Err(JournalError::Failed(_))));
}

#[tokio::test]
async fn the_chain_is_checked_from_its_first_line() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let empty = journal.chain().await.unwrap();
    assert_eq!((empty.lines, empty.first, empty.last, empty.torn), (0, None, None, 0));
    let grant = give(&journal, terms(Act::Serve, 100), at(0)).await.unwrap();
    journal.revoke(vec![grant.id().clone()], at(7)).await.unwrap();
    let whole = journal.chain().await.unwrap();
    assert_eq!((whole.lines, whole.first, whole.last), (2, Some(at(0)), Some(at(7))));
    assert_eq!(whole.head, parsed(&layout).head());
    assert_eq!((whole.torn, whole.broken), (0, None));

    let bytes = fs::read(layout.consent_log()).unwrap();
    fs::write(layout.consent_log(), [&bytes[..], b"{\"act"].concat()).unwrap();
    let torn = journal.chain().await.unwrap();
    assert_eq!((torn.lines, torn.torn, torn.broken), (2, 5, None));

    // Another limit in the first line: the second one no longer follows.
    let text = String::from_utf8(bytes).unwrap();
    fs::write(layout.consent_log(), text.replace("\"byte_limit\":100", "\"byte_limit\":900"))
        .unwrap();
    let broken = journal.chain().await.unwrap();
    assert_eq!((broken.lines, broken.first), (1, Some(at(0))));
    let said = broken.broken.unwrap().to_string();
    let path = layout.consent_log();
    let place = format!(
        "the first line of the consent log {} holds, line 2 does not: prev is ",
        path.display()
    );
    assert!(said.starts_with(&place), "{said}");
    // What the lines say that hold is seen all the same, and allows nothing.
    let look = app::activity::look(&journal, 10, at(9)).await;
    assert!(look.live.is_err() && look.entries.len() == 1 && look.transfers.is_ok());
    let held = journal.holding(at(1)).await.unwrap();
    assert_eq!(held.iter().map(|held| held.live).collect::<Vec<_>>(), [false]);
}

#[tokio::test]
async fn a_look_shows_the_newest_transfers_and_says_that_there_are_more() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let serve = give(&journal, terms(Act::Serve, 100), at(0)).await.unwrap();
    give(&journal, terms(Act::Cache, 100), at(1)).await.unwrap();
    journal.revoke(vec![serve.id().clone()], at(5)).await.unwrap();
    for seconds in 2..5 {
        let record = Record {
            time: at(seconds),
            what: What::Evicted,
            model_id: Id::parse("tiny").unwrap(),
            artifact: Sha256::of(b"artifact"),
            peer: None,
            bytes: seconds,
            note: String::new(),
        };
        journal.record(record).await.unwrap();
    }
    let times = |look: &app::activity::Look| -> Vec<u64> {
        look.entries.iter().map(|entry| entry.time().unix() - START).collect()
    };
    let look = app::activity::look(&journal, 2, at(9)).await;
    assert_eq!((times(&look), look.left_out), (vec![5, 4, 3, 1, 0], true));
    let live = look.live.unwrap();
    assert_eq!(live.iter().map(|live| live.grant.act()).collect::<Vec<_>>(), [Act::Cache]);
    // By a clock that is behind it will be live: it stands there too.
    let behind = app::activity::look(&journal, 2, at(0)).await.live.unwrap();
    assert_eq!(behind.len(), 1);
    let look = app::activity::look(&journal, 3, at(9)).await;
    assert_eq!((times(&look), look.left_out), (vec![5, 4, 3, 2, 1, 0], false));
}

#[tokio::test]
async fn what_is_refused_says_whether_the_yes_was_used_up_over_or_taken_back() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let told = |now| {
        let refused = journal.hold(&spend(Act::Fetch, 60), at(now)).unwrap_err();
        assert_eq!(refused.code().to_string(), "consent.denied");
        refused.to_string()
    };
    assert_eq!(told(1), "the yes to fetch `tiny` was not given");
    let grant = give(&journal, terms(Act::Fetch, 100), at(1)).await.unwrap();
    journal.hold(&spend(Act::Fetch, 50), at(1)).unwrap();
    let used_up = "is used up: 50 bytes left of its 100 bytes, and 60 bytes were to move";
    assert_eq!(told(1), format!("the yes to fetch `tiny` {used_up}"));
    journal.let_go(Act::Fetch, Sha256::of(b"artifact"), None);
    let over = format!("is over: it ended at {}", at(1000));
    assert!(told(1000).ends_with(&over), "{}", told(1000));
    journal.revoke(vec![grant.id().clone()], at(2)).await.unwrap();
    let taken_back = format!("was taken back at {}", at(2));
    assert!(told(3).ends_with(&taken_back) && told(1000).ends_with(&taken_back), "{}", told(3));
}

#[tokio::test]
async fn a_yes_that_is_said_after_its_end_is_told_so_and_not_written_down() {
    let (_folder, layout) = layout();
    let journal = Journal::open(&layout).unwrap();
    let terms = terms(Act::Serve, 100);
    let (artifact, until) = (terms.artifact, terms.expires);
    let question = Question {
        what: "Serve tiny".to_owned(),
        artifact,
        required: vec![Act::Serve],
        optional: Vec::new(),
        bytes: "100 bytes".to_owned(),
        peers: Vec::new(),
        license: "/license.md".to_owned(),
        card: "/card.md".to_owned(),
        facts: Vec::new(),
        older: Vec::new(),
        replaced: Vec::new(),
        until,
        stop: "press Ctrl-C".to_owned(),
        terms: vec![terms],
    };
    let yes = question.agree(&[Act::Serve]).unwrap();
    let error = yes.clone().write_down(&journal, until).await.unwrap_err();
    assert!(error.to_string().starts_with("the time that you were shown is over"), "{error}");
    assert_eq!(error.code().to_string(), "consent.denied");
    assert!(error.advice().text().contains("Run it again"));
    assert!(!layout.consent_log().exists());
    yes.write_down(&journal, at(999)).await.unwrap();
}
