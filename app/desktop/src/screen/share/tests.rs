//! The screen as its users meet it.

mod cards;
mod files;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use app::ports::{Access, KnownPeer, Model, Pin};
use app::serve::live::{Allowed, Live, Snapshot};
use app::serve::{Ended, Event, Served};
use app::share::Names;
use iced::Size;
use iced_test::Simulator;
use verifier::consent::Scope;
use verifier::identity::{PeerId, SigningKey};
use verifier::manifest::Manifest;
use verifier::scalars::{Label, UtcTime};
use verifier::slm::{Quantisation, Shape, write_sample};
use verifier::{Bitfield, ChunkAlgorithm};

use super::{Fresh, Happened, Look, Message, Purpose, Servable, ServerMessage, Share, Work};
use crate::context::{Book, Context};
use crate::headless::{SCALE_FACTOR, open};
use crate::theme::Scale;

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);
const SIZE: Size = Size::new(1_032.0, 780.0);
const MIB: u64 = 1 << 20;

/// A small model, surveyed and named.
struct Sample {
    survey: app::share::Survey,
    manifest: Manifest,
}

impl Sample {
    fn new() -> Self {
        let mut file = std::io::Cursor::new(Vec::new());
        let shape = Shape::near(4 * MIB, Quantisation::Q4_0).unwrap();
        write_sample(&shape, Quantisation::Q4_0, 7, &mut file).unwrap();
        let survey = app::share::survey(file, ChunkAlgorithm::FixedSizeMerkleV0, None);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let survey = runtime.block_on(survey).unwrap();
        let (license, card) = ("/license.md".to_owned(), "/card.md".to_owned());
        let names = Names { license, card, ..Names::guess("tiny-1.0", "local") };
        let manifest = names.draft(&survey, NOW).unwrap();
        Self { survey, manifest }
    }

    fn model(&self) -> Model {
        Model {
            model_id: self.manifest.model_id().clone(),
            model_version: self.manifest.model_version().clone(),
            artifact: self.manifest.artifact_sha256(),
            manifest_sha256: self.manifest.sha256(),
            geometry: *self.survey.list.geometry(),
            root: self.survey.list.root(),
            have: Bitfield::full(self.survey.list.geometry().piece_count()),
            pin: Pin::Pinned,
            last_use: NOW,
            last_verified: Some(NOW),
            outside: None,
        }
    }

    fn fresh(&self) -> Arc<Fresh> {
        Arc::new(Fresh {
            model: self.model(),
            listen: SocketAddr::from(([0, 0, 0, 0], 9410)),
            addresses: Vec::new(),
            hosts: vec!["mmp://192.168.1.20".to_owned()],
            file: PathBuf::from("/home/anna/tiny-1.0.minimodel-offer"),
        })
    }

    fn look(&self) -> Arc<Look> {
        let allowed = Allowed {
            scope: Scope::Peer(id(2)),
            used: MIB,
            limit: 8 * MIB,
            from: NOW,
            until: NOW.plus(7_200),
        };
        Arc::new(Look { models: vec![Servable { model: self.model(), allowed: vec![allowed] }] })
    }
}

fn id(seed: u8) -> PeerId {
    SigningKey::from_seed([seed; 32]).public_key().peer_id()
}

fn book() -> Book {
    let known = |seed, label: &str, access| KnownPeer {
        id: id(seed),
        label: Label::parse(label).unwrap(),
        addresses: Vec::new(),
        added: NOW,
        access,
    };
    let peers = [
        known(2, "anna-laptop", Access::Open),
        known(3, "ben", Access::Open),
        known(4, "cleo", Access::Blocked),
    ];
    Book { own: id(1), peers: peers.into() }
}

fn context(book: &Book) -> Context<'_> {
    let (scale, size) = (Scale::default(), Size::new(1_180.0, 780.0));
    Context { scale, scale_factor: SCALE_FACTOR, now: NOW, book, size }
}

/// Does something to the screen as it is shown; what it says.
fn use_it(screen: &Share, act: impl FnOnce(&mut Simulator<'_, Message>)) -> Vec<Message> {
    let book = book();
    let mut ui = open(SIZE, screen.view(&context(&book)));
    act(&mut ui);
    ui.into_messages().collect()
}

fn press(screen: &mut Share, text: &str) -> super::Action {
    let said = use_it(screen, |ui| {
        ui.click(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    });
    let [message] = &said[..] else { panic!("{text}: {said:?}") };
    screen.update(message.clone())
}

fn sees(screen: &Share, text: &str) {
    use_it(screen, |ui| {
        ui.find(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    });
}

/// A screen that shows what can be served.
fn shown(sample: &Sample) -> Share {
    let mut screen = Share::default();
    let action = screen.enter();
    let [Work::Look(number)] = action.work[..] else { panic!("{action:?}") };
    let _action = screen.update(Message::Looked(number, Ok(sample.look())));
    screen
}

/// The form by which the model is served.
fn offering(screen: &mut Share, sample: &Sample) {
    let artifact = sample.model().artifact;
    let action = screen.show(artifact);
    assert!(matches!(&action.work[..], [Work::Open(Purpose::Serve, found)] if *found == artifact));
    let opened = Message::Opened(Purpose::Serve, artifact, Ok(sample.fresh()));
    let _action = screen.update(opened);
}

/// What a server tells that has gone on for two seconds.
fn live() -> Arc<Snapshot> {
    use app::ports::ServeNews;

    let sample = Sample::new();
    let artifact = sample.model().artifact;
    let mut live = Live::default();
    let at = std::time::Duration::from_secs;
    live.hear(&Event::Listening(SocketAddr::from(([0, 0, 0, 0], 9410))), at(0));
    let from = SocketAddr::from(([192, 168, 1, 66], 40_000));
    let stranger = ServeNews::TurnedAway { from, why: "the peer is not paired".to_owned() };
    for news in [
        ServeNews::Called(id(2)),
        ServeNews::Sent { peer: id(2), artifact, bytes: 3 * MIB },
        stranger,
    ] {
        live.hear(&Event::Callers(news), at(1));
    }
    Arc::new(live.snapshot(at(2)))
}

fn happened(number: u64, happened: Happened) -> Message {
    Message::Server(number, ServerMessage::Happened(happened))
}

fn served(ended: Ended) -> Arc<Served> {
    Arc::new(Served { ended, taken: [(id(2), 3 * MIB)].into(), taken_back: Vec::new() })
}
