//! Live snapshots, from made-up events at made-up moments.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, SigningKey};
use verifier::manifest::{Draft, Options};
use verifier::piece::Source;
use verifier::request::{ImportDraft, ImportRequest, Offer, OfferTerms, PieceSet};
use verifier::scalars::{Id, Label, UtcTime};
use verifier::{Bitfield, ChunkAlgorithm, Code, Geometry, Root, Sha256};

use super::{Live, Presence, Stage};
use crate::event::Event;
use crate::import::Plan;
use crate::ports::{Access, JournalError, KnownPeer, PullNews};

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
const PIECE: u64 = 16_384;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn peer(seed: u8) -> PeerId {
    key(seed).public_key().peer_id()
}

/// Ten pieces, of which the first two are kept; anna offers all, ben the last five.
fn plan() -> Plan {
    let geometry = Geometry::new(10 * PIECE, 16_384).unwrap();
    let root = Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]);
    let mut draft = Draft::sample(Sha256::of(b"artifact"));
    draft.set_chunking(&geometry, &root);
    let manifest = draft.write().unwrap();
    let offers = [(1, 0), (2, 5)].map(|(seed, first)| {
        let mut pieces = Bitfield::empty(10);
        pieces.insert_range(first, 9);
        let terms = OfferTerms {
            addresses: vec![PeerAddress::parse("mmp://10.0.0.7:9410").unwrap()],
            model_id: Id::parse("tiny").unwrap(),
            manifest_sha256: manifest.sha256(),
            artifact_sha256: manifest.artifact_sha256(),
            geometry,
            root,
            pieces: PieceSet::of(&pieces).unwrap(),
            issued: NOW,
            expires: NOW.plus(600),
        };
        Offer::sign(&terms, &key(seed)).unwrap()
    });
    let draft = ImportDraft {
        request_id: Id::parse("req").unwrap(),
        manifest: &manifest,
        options: Options::default(),
        offers: &offers,
        valid_for: 600,
    };
    let bytes = draft.write(NOW).unwrap();
    let request = ImportRequest::parse(&bytes, manifest.bytes(), Options::default(), NOW).unwrap();
    let known = [(1, "anna"), (2, "ben")].map(|(seed, label)| KnownPeer {
        id: peer(seed),
        label: Label::parse(label).unwrap(),
        addresses: Vec::new(),
        added: NOW,
        access: Access::Open,
    });
    let mut have = Bitfield::empty(10);
    have.insert_range(0, 1);
    Plan::of(request, PathBuf::from("/models"), have, &known, &BTreeMap::new()).unwrap()
}

struct Scene {
    plan: Plan,
    live: Live,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        let (plan, start) = (plan(), Instant::now());
        let live = Live::new(&plan, start);
        Self { plan, live, start }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn hear(&mut self, millis: u64, event: Event) {
        let now = self.at(millis);
        self.live.hear(&event, now);
    }

    fn news(&mut self, millis: u64, news: PullNews) {
        self.hear(millis, Event::Peers(news));
    }

    fn gives(&mut self, millis: u64, seed: u8, index: u32) {
        let index = self.plan.geometry().index(index).unwrap();
        let source = Source::Peer(peer(seed));
        self.hear(millis, Event::Verified { index, source, bytes: PIECE });
        self.hear(millis, Event::Kept { index, source, bytes: PIECE });
    }

    fn sees(&mut self, millis: u64) -> super::Snapshot {
        let now = self.at(millis);
        self.live.snapshot(now)
    }
}

#[test]
fn an_import_is_followed_from_its_first_call_to_its_name() {
    let mut scene = Scene::new();
    let seen = scene.sees(0);
    assert_eq!((seen.stage, seen.kept, seen.total), (Stage::Preparing, 2 * PIECE, 10 * PIECE));
    let holds: Vec<_> = seen.peers.iter().map(|peer| (peer.label.as_str(), peer.holds)).collect();
    assert_eq!(holds, [("anna", 8), ("ben", 5)]);

    scene.hear(100, Event::Reserved { have: scene.plan.have().clone() });
    let sentence = scene.sees(200).sentence;
    assert_eq!(sentence, "Calling anna and ben: the first that answers ends this wait.");
    scene.news(300, PullNews::Connected { peer: peer(1), pieces: 8 });
    assert_eq!(scene.sees(300).sentence, "Waiting for the first piece from anna.");
    scene.news(400, PullNews::Coming(PIECE / 2));
    let sentence = scene.sees(400).sentence;
    assert_eq!(
        sentence,
        "Waiting for the first piece from anna; 8.0 KiB came of pieces that are not whole yet."
    );
    scene.news(500, PullNews::Coming(0));

    for piece in 0..4 {
        scene.gives(1_000 + u64::from(piece) * 500, 1, 2 + piece);
    }
    let seen = scene.sees(2_800);
    assert_eq!((seen.fetched, seen.kept, seen.pieces_kept), (4 * PIECE, 6 * PIECE, 6));
    assert!(seen.rate > PIECE && seen.rate < 2 * PIECE, "{}", seen.rate);
    assert_eq!(seen.left, Some(Duration::from_secs((4 * PIECE).div_ceil(seen.rate))));
    assert_eq!(seen.peers[0].bytes, 4 * PIECE);
    assert!(seen.peers[0].rate >= seen.rate);
    assert_eq!(seen.peers[1].rate, 0);
    assert_eq!(seen.history.samples.len(), 5);
    let bytes = seen.history.samples.iter().sum::<u64>() / 2;
    assert!((4 * PIECE - 8..=4 * PIECE).contains(&bytes), "{bytes}");
    assert_eq!(seen.sentence, "Waiting for 4 more pieces from anna.");

    scene.hear(3_000, Event::Verifying);
    let seen = scene.sees(9_000);
    assert_eq!((seen.stage, seen.rate, seen.left), (Stage::Verifying, 0, None));
    assert!(seen.history.samples.len() <= 6, "the graph goes on after the last piece");
    scene.hear(9_100, Event::Naming);
    assert_eq!(scene.sees(9_200).stage, Stage::Naming);
}

#[test]
fn an_import_that_is_paused_says_so_until_there_is_room() {
    let mut scene = fetching();
    scene.gives(1_000, 1, 2);
    scene.hear(1_100, Event::Paused(Arc::from(std::path::Path::new("/mnt/stick"))));
    scene.news(1_200, PullNews::Waiting("Waiting for this machine's disk.".to_owned()));
    let seen = scene.sees(1_300);
    let text = "Paused: the disk of /mnt/stick is full. It goes on by itself when there is room.";
    assert_eq!((seen.sentence.as_str(), seen.left), (text, None));
    // It may also be the last that is written.
    scene.hear(1_400, Event::Naming);
    assert_eq!(scene.sees(1_500).sentence, text);
    scene.hear(1_600, Event::Resumed);
    let seen = scene.sees(1_700);
    assert_eq!((seen.paused, seen.stage), (None, Stage::Naming));
    assert!(!seen.sentence.contains("Paused"), "{}", seen.sentence);
}

/// An import that fetches of anna.
fn fetching() -> Scene {
    let mut scene = Scene::new();
    scene.hear(0, Event::Reserved { have: scene.plan.have().clone() });
    scene.news(0, PullNews::Connected { peer: peer(1), pieces: 8 });
    scene
}

#[test]
fn bytes_are_in_the_rate_as_they_come_and_once() {
    let mut scene = fetching();
    scene.news(1_000, PullNews::Coming(PIECE / 2));
    assert_eq!(scene.sees(1_000).rate, PIECE / 2);
    scene.news(2_000, PullNews::Coming(3 * PIECE));
    scene.gives(2_000, 1, 2);
    scene.gives(2_000, 1, 3);
    assert_eq!(scene.sees(2_000).rate, 3 * PIECE / 2);
    scene.news(3_000, PullNews::Coming(PIECE));
    assert_eq!(scene.sees(3_000).rate, PIECE);
    // What was lost with a connection comes again.
    scene.news(3_500, PullNews::Lost { peer: peer(1), why: "hung up".to_owned() });
    scene.news(4_000, PullNews::Coming(0));
    scene.news(4_000, PullNews::Coming(PIECE));
    assert_eq!(scene.sees(4_000).rate, PIECE);
}

#[test]
fn after_a_pause_rate_and_time_left_are_those_of_what_comes_then() {
    let mut scene = fetching();
    for piece in 0..3 {
        scene.gives(500 + 500 * u64::from(piece), 1, 2 + piece);
    }
    scene.news(3_500, PullNews::Waiting("Waiting for anna.".to_owned()));
    assert_eq!(scene.sees(3_500).left, None);
    scene.news(5_000, PullNews::Moving);
    scene.gives(5_500, 1, 5);
    scene.gives(6_000, 1, 6);
    let seen = scene.sees(6_000);
    assert_eq!((seen.rate, seen.peers[0].rate), (2 * PIECE, 2 * PIECE));
    assert_eq!(seen.left, Some(Duration::from_secs(2)), "three pieces, rounded up");
}

#[test]
fn a_peer_that_may_not_be_asked_any_more_is_told_so_and_not_waited_for() {
    let mut scene = Scene::new();
    scene.hear(0, Event::Reserved { have: scene.plan.have().clone() });
    scene.news(10, PullNews::Connected { peer: peer(1), pieces: 8 });
    scene.news(20, PullNews::Connected { peer: peer(2), pieces: 5 });
    scene.hear(
        100,
        Event::ConsentEnded(peer(1), Arc::new(JournalError::Late(UtcTime::from_unix(0)))),
    );
    scene.news(110, PullNews::Lost { peer: peer(1), why: "hung up".to_owned() });
    let seen = scene.sees(200);
    let why = "the time that you were shown is over: it ended at 1970-01-01T00:00:00Z".to_owned();
    assert_eq!(seen.peers[0].presence, Presence::NotAsked { why });
    assert_eq!(seen.sentence, "Waiting for the first piece from ben.");
    scene.news(300, PullNews::Lost { peer: peer(2), why: "hung up".to_owned() });
    assert_eq!(scene.sees(300).sentence, "Calling ben: the first that answers ends this wait.");
}

#[test]
fn a_peer_that_goes_or_lies_says_why_and_the_wait_names_it() {
    let mut scene = Scene::new();
    scene.hear(0, Event::Reserved { have: scene.plan.have().clone() });
    scene.news(10, PullNews::Connected { peer: peer(1), pieces: 8 });
    scene.news(20, PullNews::Connected { peer: peer(2), pieces: 5 });
    scene.gives(100, 2, 9);
    let code = Code::new("piece", "digest");
    scene.news(
        200,
        PullNews::Banned {
            peer: peer(2),
            code,
            why: "sent wrong bytes".to_owned(),
            untrue: None,
            call: 1,
            after: Duration::from_millis(180),
        },
    );
    scene.news(300, PullNews::Lost { peer: peer(1), why: "hung up".to_owned() });
    let wait = "Waiting for anna, which is called again and again: it hung up.".to_owned();
    scene.news(2_500, PullNews::Waiting(wait));

    let seen = scene.sees(3_000);
    assert_eq!(seen.peers[0].presence, Presence::Lost { why: "hung up".to_owned() });
    assert_eq!(
        seen.peers[1].presence,
        Presence::Banned { code, why: "sent wrong bytes".to_owned(), lied: false }
    );
    assert_eq!((seen.peers[1].rate, seen.peers[1].bytes), (0, PIECE));
    assert_eq!(seen.sentence, "Waiting for anna, which is called again and again: it hung up.");

    scene.news(4_000, PullNews::Connected { peer: peer(1), pieces: 7 });
    scene.gives(4_100, 1, 2);
    let seen = scene.sees(4_200);
    assert_eq!(seen.sentence, "Waiting for 6 more pieces from anna.");
    assert_eq!(seen.peers[0].presence, Presence::Connected);
}
