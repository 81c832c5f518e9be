//! What is bad or missing is asked for on a card, and its coming is told.

use std::collections::{BTreeMap, BTreeSet};

use app::library::RepairPlan;
use app::ports::{Access, KnownPeer};
use app::question::Question;
use tokio::sync::oneshot::error::TryRecvError;
use verifier::consent::Act;
use verifier::manifest::Draft;
use verifier::scalars::Label;

use super::*;
use crate::screen::library::repair::{self, Looked, Mended, Outlook};
use crate::widget::consent;

fn known() -> Vec<KnownPeer> {
    let peers = [(1, "anna"), (2, "ben")].into_iter();
    let known = peers.map(|(seed, label)| KnownPeer {
        id: peer(seed),
        label: Label::parse(label).unwrap(),
        addresses: vec![verifier::boundary::PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
        added: NOW,
        access: Access::Open,
    });
    known.collect()
}

/// What it takes to repair the model with corrupt pieces, from two peers.
fn outlook() -> Outlook {
    let model = models()[2].model.clone();
    let mut draft = Draft::sample(model.artifact);
    draft.set("model.id", "tiny-chat").unwrap().set("model.version", "0.9").unwrap();
    draft.set_chunking(&model.geometry, &model.root);
    let manifest = Arc::new(draft.write().unwrap());
    let meant = BTreeSet::from([peer(1), peer(2)]);
    let plan = RepairPlan::of(model, manifest, &meant, &known(), &BTreeMap::new()).unwrap();
    let question = Question::repair(&plan, NOW.plus(86_400), "press Stop");
    Outlook { plan, question }
}

/// The screen with the card.
pub(super) fn asked() -> Library {
    let mut library = shown(models());
    let damaged = models()[2].model.artifact;
    let _map = hear(&mut library, vec![Message::Select(damaged)]);
    let action = press(&mut library, "Repair…");
    let [Work::LookWhatIsBad { run, artifact, whom, .. }] = &action.work[..] else {
        panic!("{action:?}")
    };
    assert_eq!((*artifact, whom.len()), (damaged, 0));
    let part = Part { done: 1 << 20, of: 8 << 20, rate: 0 };
    let looked = News::LookedWhatIsBad(*run, Ok(Looked::Needed(Box::new(outlook()))));
    let news = [News::Reached(*run, part), looked];
    let _none = hear(&mut library, news.map(Message::News).to_vec());
    library
}

#[test]
fn a_repair_begins_only_when_its_box_is_ticked() {
    let mut library = asked();
    for words in [
        "Repair tiny-chat 0.9: fetch the 8 pieces that are bad or missing",
        "Fetch: ask these peers for the bytes",
        "your IP address",
    ] {
        assert!(says(&library, words), "{words}");
    }
    let bytes = outlook().plan.bytes_missing();
    let yes = format!("Fetch {} from 2 peers", crate::words::bytes(bytes));
    assert!(press(&mut library, &yes).work.is_empty(), "nothing is ticked");
    let tick = repair::Message::Card(consent::Message::Tick(Act::Fetch));
    let _none = library.update(Message::Repair(tick));
    let action = press(&mut library, &yes);
    let [Work::Repair { run, start, .. }] = &action.work[..] else { panic!("{action:?}") };
    let terms = start.yes.terms();
    assert_eq!(terms.iter().map(|terms| terms.act).collect::<Vec<_>>(), [Act::Fetch; 2]);
    assert!(terms.iter().all(|terms| terms.byte_limit == 2 * bytes));
    let part = Part { done: 1 << 20, of: bytes, rate: 0 };
    let said = Some("Waiting for anna.".to_owned());
    let _none = library.update(Message::News(News::Repairing(*run, part, said)));
    assert!(says(&library, "Waiting for anna."));
    let mended = Mended { pieces: 8, given: vec![(peer(1), bytes)], troubles: Vec::new() };
    let action = library.update(Message::News(News::Repaired(*run, Ok(mended))));
    assert!(matches!(
        action.errands[..],
        [Errand::Changed(Changed::Library), Errand::Changed(Changed::Activity)]
    ));
    let size = crate::words::bytes(bytes);
    assert!(says(
        &library,
        &format!(
            "tiny-chat 0.9 is whole again: 8 pieces came, {size}, and every piece was read again \
             and is sound."
        )
    ));
}

#[test]
fn a_no_repairs_nothing_and_stopping_ends_the_repair() {
    let mut library = asked();
    let action = press(&mut library, "No");
    assert!(action.work.is_empty() && matches!(action.errands[..], [Errand::Tell(_)]));
    assert!(!says(&library, "your IP address"));

    let mut library = asked();
    let tick = repair::Message::Card(consent::Message::Tick(Act::Fetch));
    let agree = repair::Message::Card(consent::Message::Agree);
    let mut action = hear(&mut library, [tick, agree].map(Message::Repair).to_vec());
    let Some(Work::Repair { run, mut stop, .. }) = action.work.pop() else { panic!("{action:?}") };
    assert_eq!(stop.try_recv(), Err(TryRecvError::Empty));
    let action = press(&mut library, "Stop");
    let [Errand::Tell(told), Errand::Changed(Changed::Library)] = &action.errands[..] else {
        panic!("{action:?}");
    };
    assert_eq!(told, "The repair is stopped. What came is kept.");
    assert_eq!(stop.try_recv(), Err(TryRecvError::Closed));
    let late = News::Repaired(run, Err(problem("anna hung up")));
    let _none = library.update(Message::News(late));
    assert!(!says(&library, "Anna hung up"));
}

#[test]
fn where_nobody_is_known_to_have_it_the_user_says_who_does() {
    static PAIRED: LazyLock<Book> = LazyLock::new(|| Book { own: peer(0), peers: known().into() });
    let cx = Context { book: &PAIRED, ..context(100) };
    let click = |library: &mut Library, label: &str| {
        let messages: Vec<Message> = {
            let mut ui = headless::open((1_032.0, 780.0), library.view(&cx));
            ui.click(label).unwrap();
            ui.into_messages().collect()
        };
        hear(library, messages)
    };
    let mut library = shown(models());
    let _map = hear(&mut library, vec![Message::Select(models()[2].model.artifact)]);
    let action = click(&mut library, "Repair…");
    let [Work::LookWhatIsBad { run, .. }] = &action.work[..] else { panic!("{action:?}") };
    let nobody = problem("it is not known of any of your peers that it has the model");
    let _none = library.update(Message::News(News::LookedWhatIsBad(*run, Err(nobody))));
    let _none = click(&mut library, "Choose whom to ask…");
    assert!(click(&mut library, "Look what it takes").work.is_empty(), "nobody is ticked");
    let _none = click(&mut library, "anna");
    let action = click(&mut library, "Look what it takes");
    let [Work::LookWhatIsBad { whom, .. }] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(*whom, [peer(1)]);
}

#[test]
fn a_model_that_is_sound_after_all_is_said_to_be_so() {
    let mut library = shown(models());
    let _map = hear(&mut library, vec![Message::Select(models()[2].model.artifact)]);
    let action = press(&mut library, "Repair…");
    let [Work::LookWhatIsBad { run, .. }] = &action.work[..] else { panic!("{action:?}") };
    let looked = News::LookedWhatIsBad(*run, Ok(Looked::Sound(sound(State::Whole))));
    let _none = library.update(Message::News(looked));
    assert!(says(&library, "tiny-chat 0.9: whole, every piece is sound, 1 piece checked."));
}
