//! Serving and telling of it: forms, cards, and servers that run.

use std::path::PathBuf;
use std::sync::Arc;

use app::naming::short_peer;
use app::ports::Standing;
use app::problem::Problem;
use app::question::{Question, Serving, Told};
use app::serve::Ended;
use app::serve::live::{Allowed, Snapshot};
use verifier::consent::{Act, ConsentLog, GrantTerms, Scope};
use verifier::identity::PeerId;
use verifier::scalars::Id;

use super::{
    Happened, MIB, Message, NOW, Purpose, SIZE, Sample, Share, Work, book, context, happened, id,
    live, offering, press, sees, served, shown, use_it,
};
use crate::headless::{assert_drawn, open};
use crate::screen::share::{Announced, Order, Telling, Wanted, announcing};
use crate::screen::{Changed, Errand, Run};
use crate::theme::{Scale, dark, light};
use crate::words;

/// Has the question about the order made, as the work does.
fn ask(screen: &mut Share, sample: &Sample, run: Run, order: &Order) {
    ask_beside(screen, sample, run, order, &[]);
}

/// The same where these grants stand.
fn ask_beside(screen: &mut Share, sample: &Sample, run: Run, order: &Order, standing: &[Standing]) {
    let book = book();
    let peers: Vec<_> =
        book.peers.iter().filter(|peer| order.peers.contains(&peer.id)).cloned().collect();
    let serving = Serving {
        manifest: &sample.manifest,
        listen: order.listen,
        peers: &peers,
        known: &book.peers,
        standing,
        now: NOW,
        offer: Some(Told { file: &order.file, places: "mmp://192.168.1.20:9410" }),
    };
    let question = Question::serve(&serving, Some(order.limit), NOW.plus(order.span), "press Stop");
    let _action = screen.update(Message::Asked(run, Ok(Box::new(question))));
}

/// What stands in a log of one grant to serve the sample's model.
fn standing(sample: &Sample, peer: PeerId, used: u64) -> Standing {
    let terms = GrantTerms {
        id: Id::parse("g-older").unwrap(),
        act: Act::Serve,
        model_id: sample.manifest.model_id().clone(),
        artifact_sha256: sample.manifest.artifact_sha256(),
        scope: Scope::Peer(peer),
        byte_limit: 3 * MIB,
        granted: NOW,
        expires: NOW.plus(3_600),
    };
    let mut log = ConsentLog::empty();
    log.extend(&log.grant_line(&terms).unwrap()).unwrap();
    Standing { grant: log.grants()[0].clone(), used, live: used < 3 * MIB }
}

/// Serves to anna-laptop and ben, through form and card; the work that comes of it.
fn serve(screen: &mut Share, sample: &Sample) -> Work {
    offering(screen, sample);
    let _action = press(screen, "anna-laptop");
    let _action = press(screen, "ben");
    let mut action = press(screen, "Continue");
    let Some(Work::Ask(run, order)) = action.work.pop() else { panic!("{action:?}") };
    ask(screen, sample, run, &order);
    assert!(
        use_it(screen, |ui| drop(ui.click("Serve tiny 1.0 to anna-laptop and ben"))).is_empty()
    );
    let _action = press(screen, "Serve: let these peers take the bytes while this program runs");
    let mut action = press(screen, "Serve tiny 1.0 to anna-laptop and ben");
    action.work.pop().unwrap()
}

#[test]
fn nothing_is_served_without_a_ticked_box() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let work = serve(&mut screen, &sample);
    let Work::Serve(starting) = work else { panic!("{work:?}") };
    assert_eq!(starting.order.peers, [id(2), id(3)]);
    assert_eq!(starting.order.limit, sample.model().geometry.byte_count() * 2);
    assert_eq!(starting.yes.terms().len(), 2);
    assert_eq!(starting.until, NOW.plus(86_400));
    assert_eq!(screen.at_work().unwrap(), "Serving tiny 1.0 to 2 peers");
}

/// The form for one model is left while its question is being made, and the form for another is
/// waited on when the answer comes.
#[test]
fn a_late_question_to_serve_does_not_stand_above_the_terms_of_another_order() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let form = |screen: &mut Share, peer: &str| {
        offering(screen, &sample);
        let _action = press(screen, peer);
        let mut action = press(screen, "Continue");
        let Some(Work::Ask(run, order)) = action.work.pop() else { panic!("{action:?}") };
        (run, order)
    };
    let (late, order) = form(&mut screen, "anna-laptop");
    let _action = screen.update(Message::Back);
    let (run, newer) = form(&mut screen, "ben");
    ask(&mut screen, &sample, late.clone(), &order);
    sees(&screen, "Who may have it");
    let problem = Problem::machine("cannot read", &std::io::Error::other("gone"));
    let _action = screen.update(Message::Asked(late.clone(), Err(problem.clone())));
    ask(&mut screen, &sample, run, &newer);
    // What is late after the card is shown does not take it away either.
    ask(&mut screen, &sample, late.clone(), &order);
    let _action = screen.update(Message::Asked(late, Err(problem)));
    let _action =
        press(&mut screen, "Serve: let these peers take the bytes while this program runs");
    let mut action = press(&mut screen, "Serve tiny 1.0 to ben");
    let Some(Work::Serve(starting)) = action.work.pop() else { panic!("{action:?}") };
    let scopes: Vec<_> = starting.yes.terms().iter().map(|terms| terms.scope).collect();
    assert_eq!((starting.order.peers, scopes), (vec![id(3)], vec![Scope::Peer(id(3))]));
}

#[test]
fn a_late_announcement_does_not_replace_or_close_a_newer_one() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let artifact = sample.model().artifact;
    let form = |screen: &mut Share, span: &str| {
        let _action = screen.update(Message::Open(Purpose::Announce, artifact));
        let opened = Message::Opened(Purpose::Announce, artifact, Ok(sample.fresh()));
        let _action = screen.update(opened);
        let span = announcing::Message::Span(span.to_owned());
        let _action = screen.update(Message::Announcing(span));
        let mut action = press(screen, "Continue");
        let Some(Work::Draft(run, telling)) = action.work.pop() else { panic!("{action:?}") };
        (run, telling)
    };
    let drafted = |telling: &Telling| {
        let until = NOW.plus(telling.span);
        let question =
            Question::publish(&sample.manifest, 900, "mmp://192.168.1.20:9410", until, "x");
        let (model, telling) = (sample.model(), telling.clone());
        Box::new(Announced { telling, model, bytes: vec![0; 900], question })
    };
    let (late, older) = form(&mut screen, "1h");
    let _action = screen.update(Message::Back);
    let (run, newer) = form(&mut screen, "2h");
    let _action = screen.update(Message::Drafted(late, Ok(drafted(&older))));
    sees(&screen, "What it says");
    let _action = screen.update(Message::Drafted(run, Ok(drafted(&newer))));
    let _action = press(&mut screen, "Publish: write the file that tells of it");
    let mut action = press(&mut screen, "Write that I have tiny");
    let Some(Work::Announce(run, announced, _)) = action.work.pop() else { panic!("{action:?}") };
    assert_eq!(announced.telling.span, 7_200);
    // It is written while another form is filled in: that is told, and the form stays.
    let _action = screen.update(Message::Back);
    let _newest = form(&mut screen, "3h");
    let action = screen.update(Message::Announced(run.clone(), Ok("/home/anna/a".into())));
    assert!(matches!(&action.errands[..], [Errand::Tell(_), Errand::Changed(Changed::Activity)]));
    sees(&screen, "What it says");
}

#[test]
fn a_file_that_was_chosen_for_one_form_is_not_taken_for_another() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    offering(&mut screen, &sample);
    let mut action = press(&mut screen, "Choose…");
    let Some(Work::Choose(late, wanted)) = action.work.pop() else { panic!("{action:?}") };
    offering(&mut screen, &sample);
    let _action = screen.update(Message::Chosen(late, wanted.clone(), Some("/tmp/late".into())));
    let mut action = press(&mut screen, "Choose…");
    let Some(Work::Choose(run, same)) = action.work.pop() else { panic!("{action:?}") };
    assert_eq!(same, wanted);
    let _action = screen.update(Message::Chosen(run, wanted, Some("/tmp/newer".into())));
    let mut action = press(&mut screen, "Choose…");
    let Some(Work::Choose(_, Wanted::New(path))) = action.work.pop() else { panic!("{action:?}") };
    assert_eq!(path, PathBuf::from("/tmp/newer"));
}

#[test]
fn a_card_names_everybody_to_whom_the_model_will_be_open() {
    let sample = Sample::new();
    for (used, is_named) in [(MIB, true), (3 * MIB, false)] {
        let mut screen = shown(&sample);
        offering(&mut screen, &sample);
        let _action = press(&mut screen, "anna-laptop");
        let mut action = press(&mut screen, "Continue");
        let Some(Work::Ask(run, order)) = action.work.pop() else { panic!("{action:?}") };
        ask_beside(&mut screen, &sample, run, &order, &[standing(&sample, id(3), used)]);
        let end = "End what I granted of this before (may be left out)";
        let _action =
            press(&mut screen, "Serve: let these peers take the bytes while this program runs");
        if is_named {
            let until = NOW.plus(3_600);
            let ben = format!("ben ({})", short_peer(id(3)));
            sees(
                &screen,
                &format!("{ben} may have it until {until}, 2.00 MiB left, by an earlier yes"),
            );
            let _action = press(&mut screen, end);
        } else {
            use_it(&screen, |ui| assert!(ui.find(end).is_err()));
        }
        let mut action = press(&mut screen, "Serve tiny 1.0 to anna-laptop");
        let Some(Work::Serve(starting)) = action.work.pop() else { panic!("{action:?}") };
        assert_eq!(starting.yes.instead_of().len(), usize::from(is_named));
    }
}

#[test]
fn a_form_says_what_is_wrong_with_each_field() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    offering(&mut screen, &sample);
    sees(&screen, "Tick at least one peer.");
    sees(&screen, "cleo is blocked");
    let _action = press(&mut screen, "ben");
    let typed = crate::screen::share::offering::Message::Bytes("many".to_owned());
    let _action = screen.update(Message::Offering(typed));
    let listen = crate::screen::share::offering::Message::Listen("here".to_owned());
    let _action = screen.update(Message::Offering(listen));
    sees(&screen, "`many` does not start with a number");
    sees(&screen, "It is not an IP address and a port, such as 0.0.0.0:9410");
    let refused =
        screen.update(Message::Offering(crate::screen::share::offering::Message::Continue));
    assert!(refused.work.is_empty());
}

#[test]
fn a_second_server_gets_a_port_of_its_own() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let _action = screen.update(happened(starting.number, Happened::Live(live())));
    let Work::Serve(second) = serve(&mut screen, &sample) else { panic!() };
    assert_eq!((starting.order.listen.port(), second.order.listen.port()), (9410, 0));
    assert_eq!(second.order.usual, 9410);
    assert_ne!(starting.number, second.number);
}

#[test]
fn a_server_is_watched_taken_back_and_stopped() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let (number, mut stop) = (starting.number, starting.stop);
    sees(&screen, "starting");
    let _action = screen.update(happened(number, Happened::Live(live())));
    sees(&screen, "connected");
    sees(&screen, "not called yet");
    sees(&screen, "1 caller turned away, the last from 192.168.1.66:40000: the peer is not paired");
    let action = press(&mut screen, "Take back from ben");
    let artifact = sample.model().artifact;
    assert!(matches!(&action.work[..],
        [Work::TakeBack(found, Some(peer))] if (*found, *peer) == (artifact, id(3))));
    let action = screen.update(Message::TakenBack(Ok(1)));
    assert!(matches!(action.errands[0], Errand::Changed(Changed::Activity)));
    assert!(!stop.is_wished());
    let _action = press(&mut screen, "Stop serving tiny");
    assert!(stop.is_wished());
    sees(&screen, "stopping");
    let action = screen.update(happened(number, Happened::Ended(Ok(served(Ended::Stopped)))));
    assert_eq!(action.errands.len(), 1, "the user stopped it and need not be told");
    sees(&screen, "3.00 MiB went to 1 peer.");
    assert!(screen.at_work().is_none());
    let _action = press(&mut screen, "Dismiss");
    sees(&screen, "Ready to be served");
}

#[test]
fn a_grant_has_one_sum_wherever_it_is_shown() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let work = serve(&mut screen, &sample);
    let Work::Serve(starting) = work else { panic!("{work:?}") };
    // More went out under it than in this run, and than when the screen looked last.
    let allowed = Allowed { used: 5 * MIB, ..sample.look().models[0].allowed[0] };
    let seen = Snapshot { allowed: vec![allowed], ..(*live()).clone() };
    let rate = words::rate(seen.callers[0].rate);
    let _action = screen.update(happened(starting.number, Happened::Live(Arc::new(seen))));
    let sum = format!("took {} of {}", words::bytes(5 * MIB), words::bytes(8 * MIB));
    sees(&screen, &format!("{sum}, {rate}"));
    let ends = words::until(NOW, allowed.until);
    sees(&screen, &format!("anna-laptop may have it: {sum}, ends {ends}"));
}

#[test]
fn serving_that_ends_by_itself_is_told() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let ended = Happened::Ended(Ok(served(Ended::NoGrant)));
    let action = screen.update(happened(starting.number, ended));
    assert!(matches!(&action.errands[..],
        [Errand::Changed(Changed::Activity), Errand::Notify { title, .. }]
            if title == "tiny 1.0 is not served any more"));
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let problem = Problem::machine("cannot listen", &std::io::Error::other("taken"));
    let action = screen.update(happened(starting.number, Happened::Ended(Err(problem))));
    assert!(matches!(&action.errands[1], Errand::Notify { .. }));
    sees(&screen, "Cannot listen: taken");
}

#[test]
fn an_offer_that_cannot_be_written_can_be_written_elsewhere() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let _action = screen.update(happened(starting.number, Happened::Live(live())));
    let problem = Problem::machine("cannot write", &std::io::Error::other("full"));
    let failed = Happened::NotOffered(problem, b"offer".as_slice().into());
    let _action = screen.update(happened(starting.number, failed));
    sees(&screen, "Cannot write: full");
    let action = press(&mut screen, "Write the offer there");
    let [Work::WriteOffer(_, path, bytes)] = &action.work[..] else { panic!("{action:?}") };
    assert_eq!((path, &bytes[..]), (&starting.order.file, b"offer".as_slice()));
    let written = Happened::Offered(path.clone());
    let _action = screen.update(happened(starting.number, written));
    sees(&screen, "/home/anna/tiny-1.0.minimodel-offer");
}

#[test]
fn dropping_the_screen_stops_its_servers() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let mut stop = starting.stop;
    assert!(!stop.is_wished());
    drop(screen);
    assert!(stop.is_wished());
}

#[test]
fn a_grant_of_another_process_can_be_taken_back() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    sees(&screen, "anna-laptop may have it: took 1.00 MiB of 8.00 MiB, ends in 2 h 0 min");
    let action = press(&mut screen, "Take back from anna-laptop");
    assert!(matches!(&action.work[..], [Work::TakeBack(_, Some(peer))] if *peer == id(2)));
    let action = press(&mut screen, "Announce…");
    assert!(matches!(&action.work[..], [Work::Open(Purpose::Announce, _)]));
    let opened = Message::Opened(Purpose::Announce, sample.model().artifact, Ok(sample.fresh()));
    let _action = screen.update(opened);
    let action = press(&mut screen, "Continue");
    assert!(matches!(&action.work[..], [Work::Draft(_, telling)] if telling.span == 86_400));
}

#[test]
fn it_is_drawn() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    offering(&mut screen, &sample);
    let _action = press(&mut screen, "anna-laptop");
    let book = book();
    let view = screen.view(&context(&book));
    assert_drawn(&mut open(SIZE, view), &light(), "share-form-light");
    let Work::Serve(starting) = serve(&mut screen, &sample) else { panic!() };
    let _action = screen.update(happened(starting.number, Happened::Live(live())));
    let written = Happened::Offered(starting.order.file.clone());
    let _action = screen.update(happened(starting.number, written));
    for (theme, colours) in [(light(), "light"), (dark(), "dark")] {
        let view = screen.view(&context(&book));
        assert_drawn(&mut open(SIZE, view), &theme, &format!("share-{colours}"));
    }
    let large = crate::context::Context { scale: Scale::new(2.0), ..context(&book) };
    let view = screen.view(&large);
    assert_drawn(&mut open((1_032.0, 1_800.0), view), &light(), "share-large-light");
}

#[test]
fn a_limit_that_no_piece_fits_into_is_no_order() {
    let sample = Sample::new();
    let mut screen = shown(&sample);
    offering(&mut screen, &sample);
    let _action = press(&mut screen, "anna-laptop");
    let least = app::serve::least_piece(&sample.model());
    for (bytes, orders) in [(least - 1, 0), (least, 1)] {
        let typed = crate::screen::share::offering::Message::Bytes(bytes.to_string());
        let _action = screen.update(Message::Offering(typed));
        if orders == 0 {
            sees(&screen, &format!("No piece fits into it: the shortest has {least} bytes"));
        }
        let go_on = crate::screen::share::offering::Message::Continue;
        let action = screen.update(Message::Offering(go_on));
        assert_eq!(action.work.len(), orders, "{bytes}");
    }
}
