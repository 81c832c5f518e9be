//! What is waited for is said, and every wait has an end.

use super::world::{Setup, World, id, millis, secs, set};
use crate::Ending;
use crate::import::{Consent, Input, News, Patience, PeerState};
use crate::wire::{Frame, refusal};

fn patient(pieces: u32, peers: u8) -> World {
    World::new(Setup { pieces, peers, patience: Patience::Forever, ..Setup::default() })
}

/// What is said after two seconds.
fn said(world: &mut World) -> String {
    world.pass(millis(2_300));
    world.sentence().unwrap()
}

#[test]
fn a_wait_is_one_sentence_with_its_end() {
    let ends = "It ends when nothing has come for 60 seconds.";
    let mut world = World::new(Setup { pieces: 7, peers: 2, ..Setup::default() });
    let sentence = said(&mut world);
    assert_eq!(
        sentence,
        format!(
            "Waiting for anna to answer the call: its companion must be running, and serve the model, \
             or know its piece list if it imports it too. {ends}"
        )
    );
    let anna = world.current(0);
    world.input(Input::Connected(anna));
    assert!(said(&mut world).starts_with("Waiting for anna to say what it has of the model. "));
    world.ends(anna, Ending::HungUp);
    world.ends(world.current(1), Ending::HungUp);
    world.pass(millis(300));
    let sentence = world.sentence().unwrap();
    let text =
        "Waiting for 7 missing pieces. Who is away is called again and again: anna hung up; bert";
    assert!(sentence.starts_with(text), "{sentence}");
    world.pass(millis(500));
    let bert = world.open(1, "######.");
    assert_eq!(world.sentence(), None, "something came");
    world.asks(bert);
    let sentence = said(&mut world);
    assert!(sentence.starts_with("Waiting for bert to send: it owes some of 7 missing pieces. "));
    (0..6).for_each(|index| world.gives(bert, index));
    let sentence = said(&mut world);
    let text = "Waiting for 1 missing piece, which no connected peer has: one that gets them ends the wait";
    assert!(sentence.starts_with(text), "{sentence}");
    assert!(world.news.contains(&News::Moving));
}

#[test]
fn where_no_connection_is_free_that_is_said() {
    let mut world = World::new(Setup::default());
    for _ in 0..3 {
        world.input(Input::NoSlot(world.current(0)));
        world.pass(secs(1));
    }
    world.input(Input::NoSlot(world.current(0)));
    world.pass(millis(300));
    assert!(world.sentence().unwrap().starts_with("Waiting for a free connection: "));
}

#[test]
fn a_wait_takes_the_time_that_it_names() {
    for time in [1, 7, 60] {
        let patience = Patience::For(secs(time));
        let mut world = World::new(Setup { pieces: 1, patience, ..Setup::default() });
        let start = world.now;
        while world.done.is_none() {
            world.pass(millis(10));
        }
        assert_eq!(world.now.since(start), secs(time));
        let seconds = if time == 1 { "1 second".to_owned() } else { format!("{time} seconds") };
        let why = &world.exhausted().why;
        assert_eq!(*why, format!("nothing came for {seconds}; anna does not answer the call"));
    }
}

#[test]
fn who_waits_says_so_and_goes_on_when_a_peer_comes() {
    for (patience, end) in [
        (Patience::Forever, "It waits until you cancel it."),
        (Patience::Wait(secs(48 * 3_600)), "It ends when nothing has come for 2 days."),
    ] {
        let mut world = World::new(Setup { pieces: 1, peers: 1, patience, ..Setup::default() });
        for _ in 0..1_000 {
            world.ends(world.current(0), Ending::NotLetIn);
            world.pass(secs(31));
            let sentence = world.sentence().unwrap();
            let text =
                "Waiting for anna, which is called again and again: it does not let you in: they";
            assert!(sentence.starts_with(text), "{sentence}");
            assert!(
                sentence.contains("give them your ticket") && sentence.ends_with(end),
                "{sentence}"
            );
        }
        let told = world.news.iter().filter(|news| matches!(news, News::Waiting(_))).count();
        assert_eq!(told, 1, "it is called, and still the same is waited for");
        let anna = world.open(0, "#");
        world.gives(anna, 0);
        assert_eq!(world.done, Some(Ok(())));
    }
}

#[test]
fn of_several_that_are_away_each_is_said_why() {
    let mut world = patient(2, 5);
    let endings = [Ending::HungUp, Ending::Refused(refusal::NOT_SERVED), Ending::Silent];
    for (number, ending) in (1..).zip(endings) {
        world.ends(world.current(number), ending);
    }
    world.ends(world.current(4), Ending::HungUp);
    world.open(0, "#.");
    world.gives(world.current(0), 0);
    let sentence = said(&mut world);
    let text = "Waiting for 1 missing piece, which no connected peer has: one that gets them ends the \
                wait. Who is away is called again and again: bert hung up; cleo does not share this \
                model with you now: ask them to; dora fell silent; and 1 more. It waits";
    assert!(sentence.starts_with(text), "{sentence}");
}

#[test]
fn a_long_time_is_told_in_large_units() {
    for (time, text) in
        [(60, "60 seconds"), (90, "90 seconds"), (120, "2 minutes"), (7_200, "2 hours")]
    {
        let patience = Patience::Wait(secs(time));
        let mut world = World::new(Setup { patience, ..Setup::default() });
        let sentence = said(&mut world);
        assert!(sentence.ends_with(&format!("nothing has come for {text}.")), "{sentence}");
    }
}

/// All end in vain, and this is said of each peer.
fn said_of_each(world: &World) -> Vec<&str> {
    world.exhausted().why.split("; ").skip(1).collect()
}

#[test]
fn what_is_said_of_a_slow_peer_that_is_not_asked_is_not_that_it_has_nothing() {
    let patience = Patience::For(secs(12));
    let mut world = World::new(Setup { pieces: 1, peers: 3, patience, ..Setup::default() });
    let slow = world.open(0, "#");
    let silent = world.open(1, "#");
    world.open(2, ".");
    world.pass(secs(4));
    assert_eq!((world.asks(slow), world.asks(silent)), ("0 -0".to_owned(), "0".to_owned()));
    world.refuses(slow, 0, refusal::CANCELLED);
    world.pass(secs(8));
    let said = [
        "anna was too slow, and is not asked now",
        "bert fell silent",
        "cleo has none of the missing pieces",
    ];
    assert_eq!(said_of_each(&world), said);
}

#[test]
fn a_piece_that_a_silent_peer_has_is_not_said_to_be_with_nobody() {
    let mut world = World::new(Setup { pieces: 1, peers: 2, ..Setup::default() });
    world.open(0, "#");
    let bert = world.open(1, "#");
    world.pass(secs(4));
    world.ends(bert, Ending::HungUp);
    let sentence = said(&mut world);
    let text =
        "Waiting for 1 missing piece: anna has what is missing, or some of it, but fell silent. ";
    assert!(sentence.starts_with(text), "{sentence}");
}

#[test]
fn whether_waiting_longer_may_help_is_told() {
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    world.ends(world.current(0), Ending::NotLetIn);
    world.ends(world.current(1), Ending::HungUp);
    world.pass(secs(70));
    assert!(world.exhausted().anyone, "one of them may come back");
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    world.ends(world.current(0), Ending::NotLetIn);
    world.ends(world.current(1), Ending::Refused(refusal::NOT_SERVED));
    assert!(world.exhausted().anyone, "both said no, and may say yes to who waits for that");
    let mut world = World::new(Setup { peers: 2, ..Setup::default() });
    world.ends(world.current(0), Ending::HaveMap);
    world.ends(world.current(1), Ending::Denied);
    assert!(!world.exhausted().anyone, "neither is called again");
}

#[test]
fn nobody_to_be_called_ends_the_import_at_once() {
    let world = World::new(Setup { pieces: 3, peers: 0, ..Setup::default() });
    let exhausted = world.exhausted();
    assert_eq!((exhausted.missing, exhausted.why.as_str()), (3, "nobody is left to be called"));
}

#[test]
fn nothing_missing_is_done_at_once() {
    let world = World::new(Setup { have: Some(set("########")), ..Setup::default() });
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn a_disk_that_takes_its_time_is_no_peers_fault() {
    let mut world = World::new(Setup { pieces: 2, in_flight: 1, ..Setup::default() });
    world.keeping = false;
    let anna = world.open(0, "##");
    world.gives(anna, 0);
    for _ in 0..20 {
        world.pass(secs(10));
        world.says(anna, Frame::Ping);
    }
    let text = "Waiting for this machine's disk to keep what came. The import goes on when it has.";
    assert_eq!(world.sentence().as_deref(), Some(text));
    let (_, piece) = world.deliveries.pop_front().unwrap();
    world.input(Input::Settled(piece, Consent::Given));
    assert_eq!(world.sentence(), None);
    assert_eq!(world.asks(anna), "0 1");
    // Patience goes on where it stopped.
    for _ in 0..5 {
        world.pass(secs(10));
        world.says(anna, Frame::Ping);
    }
    assert_eq!(world.done, None);
    world.pass(secs(11));
    assert!(world.done.is_some());
}

#[test]
fn who_is_left_with_a_piece_on_the_way_to_the_disk_is_done_when_it_is_there() {
    let mut world = World::new(Setup { pieces: 1, ..Setup::default() });
    world.keeping = false;
    let anna = world.open(0, "#");
    world.gives(anna, 0);
    world.ends(anna, Ending::NotLetIn);
    assert_eq!(world.done, None);
    let (_, piece) = world.deliveries.pop_front().unwrap();
    world.input(Input::Settled(piece, Consent::Given));
    assert_eq!(world.done, Some(Ok(())));
}

#[test]
fn the_snapshot_says_who_has_what_and_where_everything_is() {
    let mut world = World::new(Setup { pieces: 5, peers: 3, ..Setup::default() });
    let anna = world.open_for(0, &set("###.."), 1);
    world.open_for(1, &set("##..."), 1);
    world.gives(anna, 0);
    let next = world.engine.session(0).unwrap().asks.front().unwrap().index;
    world.block(anna, next, 0, 1_024);
    let snapshot = world.engine.snapshot();
    assert_eq!(snapshot.coming, 1_024);
    assert_eq!(snapshot.availability, [2, 2, 1, 0, 0]);
    assert_eq!((snapshot.single, snapshot.unavailable), (1, 2));
    assert!(!snapshot.can_finish());
    assert_eq!(world.picture(), "#??..");
    let states: Vec<_> = snapshot.peers.iter().map(|peer| peer.state.clone()).collect();
    assert!(matches!(
        states[..],
        [PeerState::Owes { .. }, PeerState::Owes { .. }, PeerState::Calling]
    ));
    assert_eq!(snapshot.peers[0].have, Some(set("###..")));
    assert_eq!((snapshot.peers[0].given, snapshot.peers[0].asked), (1 << 20, 1));
    assert_eq!(snapshot.peers[2].have, None);
}

#[test]
fn a_wait_for_this_machines_disk_alone_has_a_deadline() {
    let mut world = World::new(Setup { pieces: 2, ..Setup::default() });
    world.keeping = false;
    let anna = world.open(0, "#.");
    world.gives(anna, 0);
    world.input(Input::Denied(id(0)));
    world.pass(secs(3_600));
    assert!(world.engine.deadline().is_some());
    assert!(world.sentence().unwrap().starts_with("Waiting for this machine's disk"));
}

#[test]
fn what_was_pinged_while_this_machine_slept_is_no_flood() {
    let mut world = World::new(Setup::default());
    let anna = world.open(0, "########");
    world.now = world.now + secs(3_600);
    world.input(Input::Tick);
    for _ in 0..300 {
        world.says(anna, Frame::Ping);
    }
    assert!(!matches!(world.state(0), PeerState::Banned { .. }));
}
