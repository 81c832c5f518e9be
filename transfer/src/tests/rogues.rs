//! Peers that break the protocol, byte by byte, and callers that only listen.

use std::sync::Arc;
use std::time::Duration;

use app::ports::{PullNews, PullSource};
use engine::wire::{
    self, BlockHead, DigestsHead, Frame, HEADER_LEN, Header, Hello, Kind, Opened, ProofHead,
    Refuse, Side, VERSION,
};
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use verifier::boundary::PeerAddress;
use verifier::merkle::PieceTree;
use verifier::{Bitfield, Sha256};

use super::harness::{Artifact, Memory, Outcome, identity, label, pull_all, serve};
use crate::dial::{Call, dial};
use crate::identity::listener_config;

pub(super) type Stream = TlsStream<TcpStream>;

/// What a rogue does when it is asked for its first piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    Short,
    Long,
    Unasked,
    Twice,
    Crumbs,
    Shuffled,
    NoSuchPiece,
    FalseCancel,
    OverLong,
    UnknownKind,
    Garbage,
    OutOfTurn,
    TwiceHad,
    ManyPings,
    HangUp,
    Nothing,
}

async fn trick(trick: Trick) -> Outcome {
    let artifact = Artifact::new(24 * 16_384, 16_384);
    // It gets everything a moment later, so that the rogue is asked first.
    let honest = Memory { lands: true, have: Bitfield::empty(24), ..Memory::whole(&artifact) };
    let honest = serve(2, honest).await;
    let sources = vec![rogue(1, &artifact, trick).await, honest.source.clone()];
    let outcome = pull_all(&artifact, sources).await;
    assert!(outcome.result.is_ok(), "{trick:?}: {:?} {:?}", outcome.result, outcome.news);
    assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes, "{trick:?}");
    outcome
}

fn bans(outcome: &Outcome) -> Vec<String> {
    let rogue = identity(1).peer_id();
    let code = |news: &PullNews| match news {
        PullNews::Banned { peer, code, untrue, .. } => {
            assert_eq!((*peer, *untrue), (rogue, None), "it lied about nothing");
            Some(code.to_string())
        }
        _ => None,
    };
    outcome.news.iter().filter_map(code).collect()
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_banned_and_costs_only_itself() {
    let tricks = [
        (Trick::Short, "session.unasked"),
        (Trick::Long, "session.block-length"),
        (Trick::Unasked, "session.unasked"),
        (Trick::Twice, "session.unasked"),
        (Trick::Crumbs, "session.block-length"),
        (Trick::Shuffled, "session.order"),
        (Trick::NoSuchPiece, "session.unasked"),
        (Trick::FalseCancel, "session.unasked"),
        (Trick::OverLong, "frame.length"),
        (Trick::UnknownKind, "frame.kind"),
        (Trick::OutOfTurn, "session.unexpected"),
        (Trick::Garbage, "frame.kind"),
        (Trick::TwiceHad, "session.flood"),
        (Trick::ManyPings, "session.flood"),
    ];
    join_all(tricks.map(async |(how, code)| {
        let outcome = trick(how).await;
        assert_eq!(bans(&outcome), [code], "{how:?}: {:?}", outcome.news);
    }))
    .await;
}

#[tokio::test]
async fn whoever_hangs_up_is_lost_but_not_banned() {
    let outcome = trick(Trick::HangUp).await;
    assert!(bans(&outcome).is_empty());
    assert!(outcome.news.iter().any(|news| matches!(news, PullNews::Lost { .. })));
}

#[tokio::test]
async fn a_silent_peers_pieces_are_asked_of_others() {
    let start = std::time::Instant::now();
    let outcome = trick(Trick::Nothing).await;
    assert!(bans(&outcome).is_empty());
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
}

/// A peer that has everything, and plays its trick when it is asked for a piece.
async fn rogue(seed: u8, artifact: &Artifact, trick: Trick) -> PullSource {
    let artifact = artifact.clone();
    listen(seed, &artifact.clone(), move |mut stream| {
        let artifact = artifact.clone();
        async move {
            greet(&mut stream, &artifact, &artifact).await;
            let index = loop {
                match read(&mut stream).await {
                    Some(Frame::Ask(index)) => break index,
                    Some(Frame::AskProven(index)) => {
                        prove(&mut stream, &artifact, index).await;
                        break index;
                    }
                    Some(Frame::Learn) => recite(&mut stream, &artifact).await,
                    Some(_) => {}
                    None => return,
                }
            };
            let bytes = play(trick, &artifact, index);
            stream.write_all(&bytes).await.ok();
            stream.flush().await.ok();
            if trick != Trick::HangUp {
                while read(&mut stream).await.is_some() {}
            }
        }
    })
    .await
}

fn play(trick: Trick, artifact: &Artifact, index: u32) -> Vec<u8> {
    let geometry = artifact.list.geometry();
    let piece = artifact.piece(geometry.index(index).unwrap());
    let length = geometry.piece_size();
    let block = |index: u32, offset: u32, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap();
        let mut frame = encoded(&Frame::Block(BlockHead { index, offset, length }));
        frame.extend_from_slice(bytes);
        frame
    };
    match trick {
        Trick::Short => [block(index, 0, &piece[..8_192]), block(index + 1, 0, &piece)].concat(),
        Trick::Long => block(index, 0, &[piece.as_ref(), b"more"].concat()),
        Trick::Unasked => block(index + 9, 0, &piece),
        Trick::Twice => [block(index, 0, &piece), block(index, 0, &piece)].concat(),
        Trick::Crumbs => block(index, 0, &piece[..10]),
        Trick::Shuffled => {
            [block(index, 0, &piece[..8_192]), block(index, 0, &piece[..8_192])].concat()
        }
        Trick::NoSuchPiece => block(geometry.piece_count(), 0, &piece),
        Trick::FalseCancel => {
            encoded(&Frame::Refuse(Refuse { index: Some(index), code: wire::refusal::CANCELLED }))
        }
        Trick::OverLong => [&u32::MAX.to_le_bytes()[..], &[Kind::Block as u8]].concat(),
        Trick::UnknownKind => vec![0, 0, 0, 0, 99],
        Trick::Garbage => vec![0xA5; length as usize],
        Trick::OutOfTurn => encoded(&Frame::Hello(Hello { version: VERSION, asks: 1 })),
        Trick::TwiceHad => encoded(&Frame::Have(index)),
        Trick::ManyPings => encoded(&Frame::Ping).repeat(9),
        Trick::HangUp | Trick::Nothing => Vec::new(),
    }
}

/// How fast a peer sends: so many bytes, then a pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) bytes: usize,
    pub(super) pause: Duration,
}

/// A peer that has everything and sends it as slowly as the flow says.
pub(super) async fn dripping(seed: u8, artifact: &Artifact, flow: Flow) -> PullSource {
    let artifact = artifact.clone();
    listen(seed, &artifact.clone(), move |mut stream| {
        let artifact = artifact.clone();
        async move {
            greet(&mut stream, &artifact, &artifact).await;
            while let Some(frame) = read(&mut stream).await {
                match frame {
                    Frame::Ask(index) => drip(&mut stream, &artifact, index, flow).await,
                    Frame::AskProven(index) => {
                        prove(&mut stream, &artifact, index).await;
                        drip(&mut stream, &artifact, index, flow).await;
                    }
                    Frame::Learn => recite(&mut stream, &artifact).await,
                    _ => {}
                }
            }
        }
    })
    .await
}

async fn drip(stream: &mut Stream, artifact: &Artifact, index: u32, flow: Flow) {
    let piece = artifact.piece(artifact.list.geometry().index(index).unwrap());
    for (place, block) in piece.chunks(wire::MAX_BLOCK as usize).enumerate() {
        let length = u32::try_from(block.len()).unwrap();
        let offset = u32::try_from(place).unwrap() * wire::MAX_BLOCK;
        let head = encoded(&Frame::Block(BlockHead { index, offset, length }));
        stream.write_all(&head).await.ok();
        for drop in block.chunks(flow.bytes) {
            if stream.write_all(drop).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(flow.pause).await;
        }
    }
}

/// A peer that shows one artifact and recites the piece list of another.
pub(super) async fn with_false_list(seed: u8, artifact: &Artifact, other: &Artifact) -> PullSource {
    let (shown, told) = (artifact.clone(), other.clone());
    listen(seed, artifact, move |mut stream| {
        let (shown, told) = (shown.clone(), told.clone());
        async move {
            greet(&mut stream, &shown, &told).await;
            while let Some(frame) = read(&mut stream).await {
                if frame == Frame::Learn {
                    recite(&mut stream, &told).await;
                }
            }
        }
    })
    .await
}

pub(super) async fn listen<F, T>(seed: u8, artifact: &Artifact, session: F) -> PullSource
where
    F: Fn(Stream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let identity = identity(seed);
    let id = identity.peer_id();
    let tls = TlsAcceptor::from(listener_config(&identity, Arc::new(|_| true)).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = tls.accept(stream).await {
                tokio::spawn(session(stream));
            }
        }
    });
    let addresses = vec![PeerAddress::from_socket(address.ip(), address.port()).unwrap()];
    let offered = Bitfield::full(artifact.list.geometry().piece_count());
    PullSource { id, label: label(id), addresses, offered }
}

pub(super) async fn greet(stream: &mut Stream, artifact: &Artifact, told: &Artifact) {
    send(stream, &Frame::Hello(Hello { version: VERSION, asks: 64 })).await;
    assert!(matches!(read(stream).await, Some(Frame::Hello(_))));
    assert!(matches!(read(stream).await, Some(Frame::Open(_))));
    assert_eq!(artifact.list.geometry().piece_count(), told.list.geometry().piece_count());
    opened(stream, artifact).await;
}

pub(super) async fn opened(stream: &mut Stream, artifact: &Artifact) {
    let geometry = artifact.list.geometry();
    let opened = Opened {
        byte_count: geometry.byte_count(),
        piece_size: geometry.piece_size(),
        algorithm: 0,
        root: *artifact.list.root().as_bytes(),
        have: Bitfield::full(geometry.piece_count()).as_bytes().to_vec(),
    };
    send(stream, &Frame::Opened(opened)).await;
}

pub(super) async fn recite(stream: &mut Stream, artifact: &Artifact) {
    let digests = artifact.list.digests();
    let count = u32::try_from(digests.len()).unwrap();
    let mut bytes = encoded(&Frame::Digests(DigestsHead { first: 0, count }));
    bytes.extend(digests.iter().flat_map(|digest| *digest.as_bytes()));
    stream.write_all(&bytes).await.ok();
    stream.flush().await.ok();
}

pub(super) async fn prove(stream: &mut Stream, artifact: &Artifact, index: u32) {
    let list = &artifact.list;
    let tree = PieceTree::new(list.root().algorithm(), list.digests()).unwrap();
    let siblings = tree.proof(index).unwrap().siblings().concat();
    let count = u32::try_from(siblings.len() / 32).unwrap();
    let mut bytes = encoded(&Frame::Proof(ProofHead { index, count }));
    bytes.extend(siblings);
    stream.write_all(&bytes).await.ok();
    stream.flush().await.ok();
}

pub(super) fn encoded(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).unwrap();
    bytes
}

pub(super) async fn send(stream: &mut Stream, frame: &Frame) {
    stream.write_all(&encoded(frame)).await.ok();
    stream.flush().await.ok();
}

pub(super) async fn read(stream: &mut Stream) -> Option<Frame> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await.ok()?;
    let header = Header::decode(header, Side::Caller).ok()?;
    let mut body = vec![0; header.length as usize];
    stream.read_exact(&mut body).await.ok()?;
    Frame::decode(header, &body).ok()
}

/// Calls a peer and says nothing.
pub(super) async fn call(source: &PullSource) -> Call {
    dial(&identity(super::CALLER), source.id, &source.addresses).await.unwrap().0
}

/// Everything that a peer says to someone who opens this artifact.
pub(super) async fn raw_open(source: &PullSource, artifact: Sha256) -> Vec<u8> {
    let mut call = call(source).await;
    let mut bytes = Vec::new();
    Frame::Hello(Hello { version: VERSION, asks: 64 }).encode(&mut bytes).unwrap();
    Frame::Open(*artifact.as_bytes()).encode(&mut bytes).unwrap();
    call.write_all(&bytes).await.unwrap();
    call.flush().await.unwrap();
    let mut said = Vec::new();
    call.read_to_end(&mut said).await.ok();
    said
}
