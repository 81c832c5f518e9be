//! The screen as its users meet it.

use std::sync::Arc;

use app::activity::Totals;
use app::pairing::{Pairing, own_label};
use app::ports::{Access, KnownPeer, Liar, Lie, Untrue};
use app::problem::Problem;
use iced::Size;
use iced_test::Simulator;
use verifier::boundary::PeerAddress;
use verifier::digest::ChunkDigest;
use verifier::identity::{SigningKey, pair_code};
use verifier::request::{Ticket, TicketTerms};
use verifier::scalars::{Id, Label, UtcTime, Version};
use verifier::{ChunkAlgorithm, Sha256};

use super::{Entry, Errand, Invited, Look, Message, Peers, Work, adding, book, own};
use crate::context::{Book, Context};
use crate::headless::{SCALE_FACTOR, assert_drawn, open};
use crate::screen::{Changed, Run};
use crate::theme::{Scale, dark, light};

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
const SIZE: Size = Size::new(1_032.0, 780.0);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn peer(seed: u8, label: &str, access: Access) -> KnownPeer {
    KnownPeer {
        id: key(seed).public_key().peer_id(),
        label: Label::parse(label).unwrap(),
        addresses: vec![PeerAddress::parse("mmp://192.168.1.21:9410").unwrap()],
        added: UtcTime::from_unix(NOW.unix() - 90_000),
        access,
    }
}

fn look(peers: Vec<KnownPeer>) -> Arc<Look> {
    let own = key(1).public_key();
    let entry = |peer: KnownPeer| Entry {
        code: pair_code(&own, &peer.id.public_key()),
        totals: Some(Totals { given: 17_160_000, taken: 4_096 }),
        liar: Liar::default(),
        peer,
    };
    let addresses = vec!["mmp://192.168.1.20:9410".to_owned()];
    let peers = peers.into_iter().map(entry).collect();
    Arc::new(Look { own, label: "peer vens".to_owned(), addresses, peers })
}

fn two() -> Vec<KnownPeer> {
    vec![peer(2, "anna-laptop", Access::Open), peer(3, "ben", Access::Blocked)]
}

fn screen(peers: Vec<KnownPeer>) -> Peers {
    let mut screen = Peers::default();
    let action = screen.enter();
    let [Work::Look(number)] = action.work[..] else { panic!("{action:?}") };
    let _action = screen.update(Message::Looked(number, Ok(look(peers))));
    screen
}

fn ticket(seed: u8) -> String {
    let key = key(seed);
    let terms = TicketTerms {
        label: own_label(key.public_key().peer_id()).unwrap(),
        addresses: vec![PeerAddress::parse("mmp://192.168.1.22:9410").unwrap()],
        issued: NOW,
        expires: NOW.plus(86_400),
    };
    Ticket::sign(&terms, &key).unwrap()
}

fn pairing() -> Box<Pairing> {
    Box::new(Pairing::read(&ticket(4), &key(1).public_key(), None, NOW).unwrap())
}

fn book() -> Book {
    Book { own: key(1).public_key().peer_id(), peers: two().into() }
}

fn context(book: &Book) -> Context<'_> {
    let (scale, size) = (Scale::default(), Size::new(1_180.0, 780.0));
    Context { scale, scale_factor: SCALE_FACTOR, now: NOW, book, size }
}

/// Does something to the screen as it is shown; what it says.
fn use_it(screen: &Peers, act: impl FnOnce(&mut Simulator<'_, Message>)) -> Vec<Message> {
    let book = book();
    // High enough that nothing has to be scrolled to.
    let mut ui = open((SIZE.width, 2_000.0), screen.view(&context(&book)));
    act(&mut ui);
    ui.into_messages().collect()
}

fn press(screen: &mut Peers, text: &'static str) -> super::Action {
    let said = use_it(screen, |ui| {
        ui.click(text).unwrap();
    });
    let [message] = &said[..] else { panic!("{text}: {said:?}") };
    screen.update(message.clone())
}

/// Has a text read that may be a ticket.
fn read(screen: &mut Peers, text: &str) -> Run {
    let action = screen.update(Message::Adding(adding::Message::Pasted(text.to_owned())));
    let [Work::Read(run, _)] = &action.work[..] else { panic!("{action:?}") };
    run.clone()
}

/// Has the ticket written that the form says.
fn write(screen: &mut Peers) -> Run {
    let action = screen.update(Message::Own(own::Message::Write));
    let [Work::Invite(run, _)] = &action.work[..] else { panic!("{action:?}") };
    run.clone()
}

#[test]
fn nobody_known_is_told_what_to_do() {
    let screen = screen(Vec::new());
    use_it(&screen, |ui| {
        ui.find("You are paired with nobody yet").unwrap();
        ui.find("Invite somebody").unwrap();
    });
}

#[test]
fn an_older_look_does_not_replace_a_newer_one() {
    let mut screen = Peers::default();
    let (_one, _two) = (screen.enter(), screen.enter());
    let _action = screen.update(Message::Looked(2, Ok(look(two()))));
    let _action = screen.update(Message::Looked(1, Ok(look(Vec::new()))));
    use_it(&screen, |ui| {
        ui.find("anna-laptop").unwrap();
    });
}

#[test]
fn an_invitation_becomes_a_ticket() {
    let mut screen = screen(two());
    let _action = press(&mut screen, "Invite somebody");
    let _action = screen.update(Message::Own(own::Message::Span("soon".to_owned())));
    let refused = screen.update(Message::Own(own::Message::Write));
    assert!(refused.work.is_empty());
    let _action = screen.update(Message::Own(own::Message::Span("1h".to_owned())));
    let action = press(&mut screen, "Write the ticket");
    let [Work::Invite(run, invitation)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!((invitation.label.as_str(), invitation.span), ("peer vens", 3_600));
    let invited = Invited {
        ticket: ticket(1),
        label: "peer vens".to_owned(),
        addresses: invitation.addresses.clone(),
        expires: NOW.plus(3_600),
    };
    let _action = screen.update(Message::Invited(run.clone(), Ok(invited)));
    let action = press(&mut screen, "Copy ticket");
    assert!(matches!(&action.errands[..], [Errand::Copy(text)] if *text == ticket(1)));
}

#[test]
fn pairing_waits_for_the_code_to_be_compared() {
    let mut screen = screen(two());
    let pasted = Message::Adding(adding::Message::Pasted(ticket(4)));
    let action = screen.update(pasted);
    let [Work::Read(run, text)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(*text, ticket(4));
    let _action = screen.update(Message::Read(run.clone(), Ok(pairing())));
    let code = pairing().code().to_owned();
    use_it(&screen, |ui| {
        for group in code.split(' ') {
            ui.find(group).unwrap();
        }
    });
    let heard = |code: &str| Message::Adding(adding::Message::Heard(code.to_owned()));
    let _action = screen.update(heard("1234"));
    let action = screen.update(Message::Adding(adding::Message::Pair));
    assert!(action.work.is_empty());
    use_it(&screen, |ui| {
        ui.find("consent.denied at pair_code").unwrap();
    });
    let _action = screen.update(heard(&code.replace(' ', "-")));
    let _action = screen.update(Message::Adding(adding::Message::Label("cleo".to_owned())));
    let action = press(&mut screen, "Pair with cleo");
    let [Work::Pair(run, pairing)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!(pairing.label().as_str(), "cleo");
    let again = screen.update(Message::Adding(adding::Message::Pair));
    assert!(again.work.is_empty(), "once is enough");
    let action = screen.update(Message::Paired(run.clone(), Ok(peer(4, "cleo", Access::Open))));
    assert!(matches!(action.errands[0], Errand::Changed(Changed::Peers)));
}

#[test]
fn a_late_answer_about_one_ticket_does_not_replace_the_codes_of_another() {
    let mut screen = screen(two());
    let late = read(&mut screen, &ticket(5));
    let run = read(&mut screen, &ticket(4));
    let _action = screen.update(Message::Read(run, Ok(pairing())));
    let of = |seed| Pairing::read(&ticket(seed), &key(1).public_key(), None, NOW).unwrap();
    let shows = |screen: &Peers| {
        let adding::Adding::Comparing(comparing) = &screen.adding else { panic!() };
        comparing.code().to_owned()
    };
    let _action = screen.update(Message::Read(late.clone(), Ok(Box::new(of(5)))));
    assert_eq!(shows(&screen), of(4).code());
    // Nor does one that comes while the other pairing is under way, or after it was left.
    let action = screen.update(Message::Adding(adding::Message::Pair));
    let [Work::Pair(sent, _)] = &action.work[..] else { panic!("{action:?}") };
    let _action = screen.update(Message::Adding(adding::Message::Leave));
    let run = read(&mut screen, &ticket(5));
    let _action = screen.update(Message::Read(run, Ok(Box::new(of(5)))));
    let action = screen.update(Message::Paired(sent.clone(), Ok(peer(4, "cleo", Access::Open))));
    assert_eq!(shows(&screen), of(5).code());
    assert!(
        matches!(action.errands[0], Errand::Changed(Changed::Peers)),
        "it is paired all the same"
    );
    let problem = Problem::machine("cannot use the library", &std::io::Error::other("full"));
    let action = screen.update(Message::Paired(sent.clone(), Err(problem)));
    assert!(matches!(&action.errands[..], [Errand::Tell(_)]));
}

#[test]
fn a_late_ticket_is_not_shown_as_the_one_that_is_being_written() {
    let mut screen = screen(two());
    let _action = press(&mut screen, "Invite somebody");
    let late = write(&mut screen);
    let _action = screen.update(Message::Own(own::Message::Label("other".to_owned())));
    let run = write(&mut screen);
    let invited = |label: &str| Invited {
        ticket: ticket(1),
        label: label.to_owned(),
        addresses: Vec::new(),
        expires: NOW.plus(3_600),
    };
    let _action = screen.update(Message::Invited(late, Ok(invited("peer vens"))));
    use_it(&screen, |ui| {
        ui.find("Write the ticket").unwrap();
    });
    let _action = screen.update(Message::Invited(run, Ok(invited("other"))));
    use_it(&screen, |ui| {
        ui.find("Copy ticket").unwrap();
    });
}

#[test]
fn a_wrong_ticket_is_told_beside_it() {
    let mut screen = screen(two());
    let problem = Problem::blamed(
        &Pairing::read("mmticket0:x", &key(1).public_key(), None, NOW).unwrap_err(),
    );
    let (code, advice) = (problem.code.to_string(), problem.advice.clone());
    let run = read(&mut screen, "mmticket0:x");
    let _action = screen.update(Message::Read(run, Err(problem)));
    use_it(&screen, |ui| {
        ui.find(advice.as_str()).unwrap();
    });
    assert!(code.starts_with("ticket."), "{code}");
}

#[test]
fn a_peer_is_forgotten_only_when_that_was_said_twice() {
    let mut screen = screen(two());
    let action = press(&mut screen, "Remove");
    assert!(action.work.is_empty());
    let _action = press(&mut screen, "Keep");
    let _action = press(&mut screen, "Remove");
    let action = press(&mut screen, "Forget anna-laptop");
    assert!(
        matches!(&action.work[..], [Work::Remove(peer)] if peer.label.as_str() == "anna-laptop")
    );
    let id = two()[0].id;
    let action = screen.update(Message::Done(id, Ok("anna-laptop is forgotten.".to_owned())));
    assert!(matches!(action.errands[0], Errand::Changed(Changed::Peers)));
}

#[test]
fn a_banned_peer_says_what_it_was_caught_at_and_is_called_again_by_a_button() {
    let [wanted, came] = [1, 2].map(|byte| ChunkDigest::from_bytes([byte; 32]));
    let algorithm = ChunkAlgorithm::FixedSizeMerkleV0;
    let untrue = Untrue::Piece { index: 7, algorithm, wanted, came };
    let lie = Lie {
        time: NOW,
        model_id: Id::parse("tiny").unwrap(),
        model_version: Version::parse("1.0").unwrap(),
        artifact: Sha256::of(b"tiny"),
        untrue,
    };
    let known = |is_banned| {
        let mut look = Arc::unwrap_or_clone(look(two()));
        look.peers[0].liar = Liar { lies: vec![lie.clone()], is_banned };
        Arc::new(look)
    };
    let mut screen = screen(two());
    let looked = |screen: &mut Peers, is_banned| {
        let action = screen.enter();
        let [Work::Look(number)] = action.work[..] else { panic!("{action:?}") };
        let _action = screen.update(Message::Looked(number, Ok(known(is_banned))));
    };
    looked(&mut screen, true);
    let [wanted, came] = untrue.digests();
    let digests = format!("Wanted {wanted}, came {came}");
    let said = format!("It sent wrong bytes for {lie}.");
    for text in ["banned", &said, &digests] {
        use_it(&screen, |ui| {
            ui.find(text).unwrap();
        });
    }
    let action = press(&mut screen, "Call anna-laptop again");
    assert!(matches!(&action.work[..], [Work::Unban(peer)] if peer.id == two()[0].id));
    let done = Message::Done(two()[0].id, Ok("anna-laptop is called again.".to_owned()));
    let _action = screen.update(done);
    looked(&mut screen, false);
    use_it(&screen, |ui| {
        ui.find(said.as_str()).expect("what it was caught at stays");
        assert!(ui.find("Call anna-laptop again").is_err());
    });
}

#[test]
fn blocking_renaming_and_their_failures_belong_to_one_peer() {
    let mut screen = screen(two());
    let action = press(&mut screen, "Unblock");
    assert!(matches!(&action.work[..], [Work::Unblock(peer)] if peer.label.as_str() == "ben"));
    let busy = screen.update(Message::Book(book::Message::Block(two().remove(0))));
    assert!(busy.work.is_empty(), "one thing at a time");
    let problem = Problem::machine("cannot use the library", &std::io::Error::other("full"));
    let _action = screen.update(Message::Done(two()[1].id, Err(problem)));
    use_it(&screen, |ui| {
        ui.find("Cannot use the library: full").unwrap();
    });
    let _action = press(&mut screen, "Dismiss");
    let action = press(&mut screen, "Block");
    assert!(matches!(&action.work[..], [Work::Block(_)]));
    let _action = screen.update(Message::Done(two()[0].id, Ok("blocked".to_owned())));
    let _action = press(&mut screen, "Rename");
    let typed = |text: &str| Message::Book(book::Message::Label(text.to_owned()));
    let _action = screen.update(typed("a/b"));
    assert!(screen.update(Message::Book(book::Message::Keep)).work.is_empty());
    let _action = screen.update(typed("anna"));
    let action = press(&mut screen, "Keep the name");
    assert!(matches!(&action.work[..], [Work::Rename(_, label)] if label == "anna"));
}

#[test]
fn it_is_drawn() {
    let mut comparing = screen(two());
    let run = read(&mut comparing, &ticket(4));
    let _action = comparing.update(Message::Read(run, Ok(pairing())));
    let book = book();
    for (theme, colours) in [(light(), "light"), (dark(), "dark")] {
        let view = comparing.view(&context(&book));
        assert_drawn(&mut open(SIZE, view), &theme, &format!("peers-{colours}"));
    }
    let mut given = screen(two());
    let _action = given.update(Message::Own(own::Message::Begin));
    let invited = Invited {
        ticket: ticket(1),
        label: "peer vens".to_owned(),
        addresses: vec!["mmp://192.168.1.20:9410".to_owned()],
        expires: NOW.plus(3_600),
    };
    let run = write(&mut given);
    let _action = given.update(Message::Invited(run, Ok(invited)));
    assert_drawn(&mut open(SIZE, given.view(&context(&book))), &light(), "peers-ticket-light");
    let large = Context { scale: Scale::new(2.0), ..context(&book) };
    let view = comparing.view(&large);
    assert_drawn(&mut open((1_032.0, 2_600.0), view), &light(), "peers-large-light");
}
