//! What the tests show: a model of 256 pieces that anna and ben have, and a small one that is
//! really there.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use app::event::Event;
use app::import::live::Live;
use app::import::room::Room;
use app::import::{Imported, Library, Plan};
use app::ports::{Access, Accounts, Evictable, KnownPeer, Liar, Lie, Named, PullNews, Untrue, Way};
use app::question::Question;
use app::request::{Document, Gathered, Kind, name};
use iced::Size;
use tokio::sync::oneshot;
use verifier::artifact::{self, Extras};
use verifier::boundary::PeerAddress;
use verifier::consent::Act;
use verifier::digest::ChunkDigest;
use verifier::identity::{PeerId, SigningKey};
use verifier::manifest::{Draft, Manifest};
use verifier::piece::{PieceStream, Source};
use verifier::receipt::{Contribution, Facts, Receipt, Transfer};
use verifier::request::{Offer, OfferTerms, PieceSet};
use verifier::scalars::{Id as Name, Label, UtcTime, Version};
use verifier::slm::{ChecksumRule, Quantisation, Shape, write_sample};
use verifier::{Bitfield, ChunkAlgorithm, Code, Geometry, Root, Sha256};

use super::super::{Action, Done, Gather, Id, Import, Job, Message, Outlook, Run, Shot};
use crate::context::{Book, Context};
use crate::headless::SCALE_FACTOR;
use crate::theme::Scale;
use crate::widget::consent;
use crate::widget::piece_map::Pieces;

pub(super) const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
pub(super) const FOLDER: &str = "/home/anna/models";
const NAMES: [&str; 3] = ["anna", "ben", "cem"];
const PIECE: u32 = 262_144;
const PIECES: u32 = 256;

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

pub(super) fn peer(seed: u8) -> PeerId {
    key(seed).public_key().peer_id()
}

pub(super) fn address() -> PeerAddress {
    PeerAddress::parse("mmp://192.168.1.20:9410").unwrap()
}

fn known() -> Vec<KnownPeer> {
    let peers = (1..).zip(NAMES).map(|(seed, label)| KnownPeer {
        id: peer(seed),
        label: Label::parse(label).unwrap(),
        addresses: vec![address()],
        added: NOW,
        access: Access::Open,
    });
    peers.collect()
}

pub(super) fn context() -> Context<'static> {
    static BOOK: OnceLock<Book> = OnceLock::new();
    let book = BOOK.get_or_init(|| Book { own: peer(9), peers: known().into() });
    Context {
        scale: Scale::default(),
        scale_factor: SCALE_FACTOR,
        now: NOW,
        book,
        size: Size::new(1_180.0, 780.0),
    }
}

fn manifest() -> Manifest {
    let geometry = Geometry::new(u64::from(PIECE) * u64::from(PIECES), PIECE).unwrap();
    let mut draft = Draft::sample(Sha256::of(b"artifact"));
    draft.set_chunking(&geometry, &Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [7; 32]));
    draft.write().unwrap()
}

fn document(path: &str, kind: Kind, bytes: &[u8]) -> Document {
    Document { path: PathBuf::from(path), kind, bytes: bytes.into() }
}

/// A manifest, and offers of so many peers.
pub(super) fn gathered(peers: u8) -> Gathered {
    let manifest = manifest();
    let chunking = manifest.chunking().unwrap();
    let mut gathered = Gathered::default();
    let path = "/home/anna/Downloads/tiny-1.0.manifest";
    gathered.add(document(path, Kind::Manifest, manifest.bytes())).unwrap();
    for (seed, name) in (1..=peers).zip(NAMES) {
        let terms = OfferTerms {
            addresses: vec![address()],
            model_id: manifest.model_id().clone(),
            manifest_sha256: manifest.sha256(),
            artifact_sha256: manifest.artifact_sha256(),
            geometry: chunking.geometry,
            root: chunking.root,
            pieces: PieceSet::of(&Bitfield::full(PIECES)).unwrap(),
            issued: NOW,
            expires: NOW.plus(86_400),
        };
        let offer = Offer::sign(&terms, &key(seed)).unwrap();
        let path = format!("/home/anna/Downloads/{name}.minimodel-offer");
        gathered.add(document(&path, Kind::Offer, offer.bytes())).unwrap();
    }
    gathered
}

fn plan(peers: u8) -> Plan {
    plan_with(peers, &BTreeMap::new())
}

fn plan_with(peers: u8, liars: &BTreeMap<PeerId, Liar>) -> Plan {
    let request = gathered(peers).request(name(7).unwrap(), NOW).unwrap();
    let have = Bitfield::empty(PIECES);
    Plan::of(request, PathBuf::from(FOLDER), have, &known(), liars).unwrap()
}

pub(super) fn outlook(peers: u8) -> Outlook {
    outlook_of(plan(peers))
}

/// The same where some of them lied before.
pub(super) fn outlook_with(peers: u8, liars: &BTreeMap<PeerId, Liar>) -> Outlook {
    outlook_of(plan_with(peers, liars))
}

fn outlook_of(plan: Plan) -> Outlook {
    let question = Question::import(&plan, NOW.plus(86_400), "press Cancel");
    let accounts = Accounts {
        live: 700 << 20,
        shared: 0,
        index: 4 << 20,
        reserved: 0,
        quota: 4 << 30,
        free: 90 << 30,
    };
    let room = Room { accounts, wanted: 64 << 20, evicted: Vec::new(), refusal: None };
    Outlook { plan, question, room }
}

/// A model that makes room.
pub(super) fn old() -> Evictable {
    Evictable {
        artifact: Sha256::of(b"old"),
        model_id: Name::parse("old").unwrap(),
        model_version: Version::parse("2").unwrap(),
        last_use: NOW,
        bytes: 1 << 20,
    }
}

/// Wrong bytes in the place of piece 3.
pub(super) fn untrue() -> Untrue {
    let [wanted, came] = [1, 2].map(|byte| ChunkDigest::from_bytes([byte; 32]));
    Untrue::Piece { index: 3, algorithm: ChunkAlgorithm::FixedSizeMerkleV0, wanted, came }
}

/// The number of the plan that an action asks for.
pub(super) fn plan_asked(action: Action) -> Option<u64> {
    action.work.into_iter().find_map(|work| match work.job {
        Job::Plan { number, .. } => Some(number),
        _ => None,
    })
}

/// Gives the first import all it needs; the number of the plan it asks for.
pub(super) fn complete(import: &mut Import, peers: u8) -> u64 {
    complete_as(import, Id(0), peers)
}

pub(super) fn complete_as(import: &mut Import, id: Id, peers: u8) -> u64 {
    let _none = import.update(Message::Folder(1, Some(PathBuf::from(FOLDER))));
    let mut number = None;
    for document in gathered(peers).documents() {
        let read = Message::Gather(id, Gather::Read(Ok(document.clone())));
        number = plan_asked(import.update(read)).or(number);
    }
    number.unwrap()
}

/// What this peer was caught at.
pub(super) fn liar(seed: u8, is_banned: bool) -> (PeerId, Liar) {
    let lie = Lie {
        time: NOW,
        model_id: Name::parse("tiny").unwrap(),
        model_version: Version::parse("1.0").unwrap(),
        artifact: Sha256::of(b"tiny"),
        untrue: untrue(),
    };
    (peer(seed), Liar { lies: vec![lie], is_banned })
}

/// A screen that shows the card.
pub(super) fn ready(peers: u8) -> Import {
    let mut import = Import::default();
    let number = complete(&mut import, peers);
    let planned = Gather::Planned(number, Ok(Box::new(outlook(peers))));
    let action = import.update(Message::Gather(Id(0), planned));
    assert!(action.work.is_empty());
    import
}

/// What a person does to say yes.
pub(super) fn agree() -> [consent::Message; 3] {
    [
        consent::Message::Tick(Act::Fetch),
        consent::Message::Tick(Act::Import),
        consent::Message::Agree,
    ]
}

/// Does this to the card of the first import; the work that comes of it.
pub(super) fn answer(
    import: &mut Import,
    messages: impl IntoIterator<Item = consent::Message>,
) -> Vec<Job> {
    let mut jobs = Vec::new();
    for message in messages {
        let action = import.update(Message::Gather(Id(0), Gather::Card(message)));
        jobs.extend(action.work.into_iter().map(|work| work.job));
    }
    jobs
}

/// A screen on which an import runs, and what hears it being stopped.
pub(super) fn begun(peers: u8) -> (Import, oneshot::Receiver<()>) {
    let mut import = ready(peers);
    let mut asked = answer(&mut import, agree());
    let Some(Job::Start(start)) = asked.pop() else { panic!("{asked:?}") };
    (import, start.stop)
}

/// An import of the large model as it stands after a while: anna and ben give, cem lied.
pub(super) fn shot(after: Duration) -> Shot {
    let plan = plan(3);
    let start = Instant::now();
    let mut live = Live::new(&plan, start);
    let mut pieces = Pieces::missing(*plan.geometry());
    let at = |millis: u64| start + Duration::from_millis(millis);
    let mut hear = |millis, event: Event| {
        live.hear(&event, at(millis));
        pieces.hear(&event, NOW);
    };
    hear(0, Event::Reserved { have: plan.have().clone() });
    for (seed, pieces) in [(1, 256), (2, 256), (3, 256)] {
        hear(20, Event::Peers(PullNews::Connected { peer: peer(seed), pieces }));
    }
    let code = Code::new("piece", "digest");
    let why = "sent wrong bytes: piece 3 is not the one its digest names".to_owned();
    let untrue = Some(untrue());
    let (call, ban) = (1, Duration::from_millis(70));
    hear(90, Event::Peers(PullNews::Banned { peer: peer(3), code, why, untrue, call, after: ban }));
    let last = u64::try_from(after.as_millis()).unwrap();
    let bytes = u64::from(PIECE);
    for (number, index) in plan.geometry().indices().enumerate() {
        // Faster and slower by turns.
        let number = u64::try_from(number).unwrap();
        let millis = 100 + number * 28 + (number / 24 % 3) * 150;
        if millis > last {
            continue;
        }
        let giver = peer(if number % 5 < 3 { 1 } else { 2 });
        hear(millis, Event::Peers(PullNews::Asked { peer: giver, index }));
        let source = Source::Peer(giver);
        if millis + 700 < last {
            hear(millis, Event::Verified { index, source, bytes });
            hear(millis, Event::Kept { index, source, bytes });
        } else if millis + 500 < last {
            hear(millis, Event::Verified { index, source, bytes });
        } else if millis + 420 < last {
            hear(millis, Event::Peers(PullNews::Arrived { peer: giver, index }));
        }
    }
    Shot { live: live.snapshot(start + after), pieces }
}

/// A small import that is really done: a file of two pieces, verified, with its receipt.
pub(super) fn done() -> Box<Done> {
    static DONE: OnceLock<Done> = OnceLock::new();
    Box::new(DONE.get_or_init(|| Done::of(&imported())).clone())
}

fn imported() -> Imported {
    let mut file = Cursor::new(Vec::new());
    let length = write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file).unwrap();
    let file = file.into_inner();
    let geometry = Geometry::new(length, 16_384).unwrap();
    let mut stream = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry).unwrap();
    stream.update(&file);
    let (_, root) = stream.finish().unwrap();
    let mut draft = Draft::sample(Sha256::of(&file));
    draft.set_chunking(&geometry, &root);
    let manifest = Arc::new(draft.write().unwrap());
    let extras = Extras::default();
    let verified =
        artifact::verify(&manifest, &file[..], length, &extras, ChecksumRule::Verify).unwrap();
    let contributions = vec![
        Contribution { id: peer(1), pieces: 1, bytes: 16_384 },
        Contribution { id: peer(2), pieces: 1, bytes: length - 16_384 },
    ];
    let transfer = Transfer {
        request_id: Name::parse("request-1").unwrap(),
        request_sha256: Sha256::of(b"request"),
        peers: contributions.clone(),
        pieces_local: 0,
        bytes_local: 0,
    };
    let key = key(9);
    let facts = Facts {
        created_utc: NOW,
        verifier_version: Version::parse("0.1.0").unwrap(),
        file_name: "tiny-1.0.slm",
        transfer: Some(transfer),
        signer: Some(&key),
    };
    let receipt = Receipt::write(&verified, &facts).unwrap();
    let folder = PathBuf::from(FOLDER);
    Imported {
        named: Named {
            artifact: folder.join("tiny-1.0.slm"),
            receipt: folder.join("tiny-1.0.minimodel-receipt"),
        },
        way: Way::Cloned,
        receipt,
        contributions,
        pieces_local: 0,
        pieces_before: 0,
        givers: 2,
        transfer_time: Duration::from_millis(2_400),
        import_time: Duration::from_millis(3_100),
        bytes_fetched: length,
        library: Library::Keeps,
        troubles: Vec::new(),
    }
}

/// A message to the first import.
pub(super) fn run(message: Run) -> Message {
    Message::Run(Id(0), message)
}
