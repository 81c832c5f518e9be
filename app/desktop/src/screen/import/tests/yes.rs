//! Nothing begins without the ticked boxes, whatever a person does in whatever order.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use verifier::consent::Act;

use super::super::{Gather, How, Id, Import, Job, Message, Pair, Run};
use super::scene::{FOLDER, complete, gathered, outlook, plan_asked, run};
use crate::widget::consent;

/// What a person does, or what comes of work that was asked for.
#[derive(Debug, Clone)]
enum Deed {
    Say(Message),
    /// The last plan that was asked for comes back, about so many peers.
    Planned(u8),
}

fn deeds() -> impl Strategy<Value = Deed> {
    let card = |message| Deed::Say(Message::Gather(Id(0), Gather::Card(message)));
    let gather = |message| Deed::Say(Message::Gather(Id(0), message));
    let documents = gathered(2).documents().to_vec();
    prop_oneof![
        16 => prop::sample::select(vec![Act::Fetch, Act::Import, Act::Cache, Act::Serve])
            .prop_map(move |act| card(consent::Message::Tick(act))),
        8 => Just(card(consent::Message::Agree)),
        1 => Just(card(consent::Message::Decline)),
        8 => (1_u8..3).prop_map(Deed::Planned),
        1 => prop::sample::select(documents).prop_map(move |it| gather(Gather::Read(Ok(it)))),
        1 => (0_usize..4).prop_map(move |place| gather(Gather::Remove(place))),
        1 => prop::sample::select(vec!["", FOLDER, "/other"])
            .prop_map(move |path| gather(Gather::FolderTyped(path.to_owned()))),
        1 => Just(gather(Gather::UseFolder)),
        1 => Just(gather(Gather::Again)),
        1 => Just(gather(Gather::FolderChosen(Some(PathBuf::from(FOLDER))))),
        1 => Just(gather(Gather::Pair(Pair::Read))),
        1 => Just(Deed::Say(Message::New)),
        1 => (0_u64..2).prop_map(|id| Deed::Say(Message::Show(Id(id)))),
        1 => Just(Deed::Say(Message::Close(Id(1)))),
        1 => Just(Deed::Say(Message::Folder(u64::MAX, Some(PathBuf::from(FOLDER))))),
        1 => Just(Deed::Say(run(Run::Cancel))),
        1 => Just(Deed::Say(run(Run::Again))),
        1 => Just(Deed::Say(run(Run::Ended(Box::new(How::Stopped))))),
    ]
}

/// What a person has ticked on the card that is shown, as a person sees it.
#[derive(Debug, Default)]
struct Seen {
    asked: Option<u64>,
    card: Option<Vec<Act>>,
}

impl Seen {
    /// Follows what happens, by the rules that the screen promises.
    fn follow(&mut self, message: &Message) {
        match message {
            Message::Gather(_, Gather::Planned(..)) => self.card = Some(Vec::new()),
            Message::Gather(_, Gather::Card(consent::Message::Tick(act))) => {
                if let Some(card) = &mut self.card {
                    match card.iter().position(|ticked| ticked == act) {
                        Some(place) => drop(card.remove(place)),
                        None => card.push(*act),
                    }
                }
            }
            Message::Gather(_, Gather::FolderTyped(_))
            | Message::Gather(_, Gather::Card(consent::Message::Decline)) => self.card = None,
            _ => {}
        }
    }

    fn is_ticked(&self, act: Act) -> bool {
        self.card.as_ref().is_some_and(|card| card.contains(&act))
    }
}

/// Does all that; how often an import began. What may not be is an error.
fn live(deeds: Vec<Deed>) -> Result<usize, TestCaseError> {
    let mut begun = 0;
    let mut import = Import::default();
    let mut seen = Seen { asked: Some(complete(&mut import, 2)), card: None };
    for deed in deeds {
        let message = match deed {
            Deed::Say(message) => message,
            Deed::Planned(peers) => {
                let Some(number) = seen.asked.take() else { continue };
                let planned = Gather::Planned(number, Ok(Box::new(outlook(peers))));
                Message::Gather(Id(0), planned)
            }
        };
        seen.follow(&message);
        let agrees = matches!(&message, Message::Gather(_, Gather::Card(consent::Message::Agree)));
        let action = import.update(message);
        for work in &action.work {
            if let Job::Start(start) = &work.job {
                prop_assert!(agrees, "something else than the button began an import");
                for act in [Act::Fetch, Act::Import] {
                    prop_assert!(seen.is_ticked(act), "began without {act:?}");
                }
                for terms in start.yes.terms() {
                    prop_assert!(seen.is_ticked(terms.act), "{:?} was not ticked", terms.act);
                }
                seen.card = None;
                begun += 1;
            }
        }
        if let Some(number) = plan_asked(action) {
            // What is shown is out of date, so the card goes until the new one is there.
            seen.asked = Some(number);
            seen.card = None;
        }
    }
    Ok(begun)
}

proptest! {
    #[test]
    fn nothing_begins_without_the_ticked_boxes(deeds in prop::collection::vec(deeds(), 1..60)) {
        live(deeds)?;
    }
}

#[test]
fn with_the_ticked_boxes_some_of_these_imports_begin() {
    let mut runner = TestRunner::deterministic();
    let many = prop::collection::vec(deeds(), 60);
    let begun = (0..200).map(|_| live(many.new_tree(&mut runner).unwrap().current()).unwrap());
    let begun = begun.sum::<usize>();
    assert!(begun > 20, "only {begun} began");
}
