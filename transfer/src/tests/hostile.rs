//! Peers that are paired and hostile: floods, trickles, false proofs, other versions, many at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use app::ports::{PullNews, PullSource, Untrue};
use engine::wire::{
    Arrival, BlockHead, Decoder, FIRST_ASKS, Frame, Hello, Kind, MAX_HELLO, ProofHead, Refuse,
    Side, VERSION, close, refusal,
};
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Handle;
use tokio::time::sleep;
use verifier::identity::PeerId;
use verifier::merkle::PieceTree;
use verifier::{Bitfield, Code};

use super::harness::{Artifact, Memory, Outcome, pull_all, pull_in_vain, serve};
use super::rogues::{self, Stream, encoded, greet, listen, prove, read, send};

/// Who was banned, and for what.
fn banned(outcome: &Outcome) -> BTreeMap<PeerId, Code> {
    let ban = |news: &PullNews| match news {
        PullNews::Banned { peer, code, .. } => Some((*peer, *code)),
        _ => None,
    };
    outcome.news.iter().filter_map(ban).collect()
}

/// A peer that has everything, and answers each ask by these bytes after so long.
async fn answering(
    seed: u8,
    artifact: &Artifact,
    delay: Duration,
    answer: impl Fn(&Artifact, u32) -> Vec<u8> + Clone + Send + Sync + 'static,
) -> PullSource {
    let artifact = artifact.clone();
    listen(seed, &artifact.clone(), move |mut stream| {
        let (artifact, answer) = (artifact.clone(), answer.clone());
        async move {
            greet(&mut stream, &artifact, &artifact).await;
            while let Some(frame) = read(&mut stream).await {
                if let Frame::Ask(index) | Frame::AskProven(index) = frame {
                    sleep(delay).await;
                    let answer = answer(&artifact, index);
                    if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await
}

/// The proof of a piece and then the piece, where the proof's siblings went through this.
fn proven(artifact: &Artifact, index: u32, change: fn(&mut Vec<[u8; 32]>)) -> Vec<u8> {
    let list = &artifact.list;
    let tree = PieceTree::new(list.root().algorithm(), list.digests()).unwrap();
    let mut siblings = tree.proof(index).unwrap().siblings().to_vec();
    change(&mut siblings);
    let count = u32::try_from(siblings.len()).unwrap();
    let piece = artifact.piece(list.geometry().index(index).unwrap());
    let length = u32::try_from(piece.len()).unwrap();
    let mut bytes = encoded(&Frame::Proof(ProofHead { index, count }));
    bytes.extend(siblings.concat());
    bytes.extend(encoded(&Frame::Block(BlockHead { index, offset: 0, length })));
    bytes.extend(&piece[..]);
    bytes
}

#[tokio::test]
async fn a_false_proof_is_a_lie_and_one_of_another_length_is_none() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    for (change, code) in [
        ((|all| all[1][0] ^= 1) as fn(&mut Vec<[u8; 32]>), "proof.root"),
        (|all| all.truncate(2), "proof.length"),
        (|all| all.push([0; 32]), "proof.length"),
        (|all| all.clear(), "proof.length"),
    ] {
        let lie = move |artifact: &Artifact, index| proven(artifact, index, change);
        let liar = answering(1, &artifact, Duration::ZERO, lie);
        let outcome = pull_in_vain(&artifact, vec![liar.await]).await;
        assert!(outcome.pieces.is_empty());
        let bans = banned(&outcome);
        assert_eq!(bans.values().map(Code::to_string).collect::<Vec<_>>(), [code]);
        let untrue = outcome.news.iter().find_map(|news| match news {
            PullNews::Banned { untrue, .. } => Some(*untrue),
            _ => None,
        });
        let is_lie = matches!(untrue, Some(Some(Untrue::Proof { wanted, came, .. }))
            if wanted == artifact.list.root() && came != wanted);
        assert_eq!(is_lie, code == "proof.root", "{untrue:?}");
    }
}

/// Says so many bytes of what it was given, and then nothing.
#[derive(Debug, Clone, Copy)]
enum Trickle {
    BeforeHello,
    BeforeOpened,
    InTheFirstPiece,
    AfterAPiece,
}

/// A byte now and then, for ever.
async fn drip(stream: &mut Stream, bytes: &[u8]) {
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn trickling(seed: u8, artifact: &Artifact, when: Trickle) -> PullSource {
    let artifact = artifact.clone();
    listen(seed, &artifact.clone(), move |mut stream| {
        let artifact = artifact.clone();
        async move {
            let long_hello = [&[64, 0, 0, 0, Kind::Hello as u8][..], &[1; 64]].concat();
            match when {
                Trickle::BeforeHello => return drip(&mut stream, &long_hello).await,
                Trickle::BeforeOpened => {
                    send(&mut stream, &Frame::Hello(Hello { version: VERSION, asks: 256 })).await;
                    return drip(&mut stream, &[54, 0, 0, 0, Kind::Opened as u8, 0, 0, 0]).await;
                }
                Trickle::InTheFirstPiece | Trickle::AfterAPiece => {}
            }
            greet(&mut stream, &artifact, &artifact).await;
            let mut given = matches!(when, Trickle::InTheFirstPiece);
            while let Some(frame) = read(&mut stream).await {
                let (Frame::Ask(index) | Frame::AskProven(index)) = frame else { continue };
                if matches!(frame, Frame::AskProven(_)) {
                    prove(&mut stream, &artifact, index).await;
                }
                let piece = artifact.piece(artifact.list.geometry().index(index).unwrap());
                let length = u32::try_from(piece.len()).unwrap();
                send(&mut stream, &Frame::Block(BlockHead { index, offset: 0, length })).await;
                if std::mem::replace(&mut given, true) {
                    return drip(&mut stream, &piece).await;
                }
                stream.write_all(&piece).await.ok();
                stream.flush().await.ok();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_trickle_before_in_or_after_a_piece_costs_only_whoever_trickles() {
    let all = [
        Trickle::BeforeHello,
        Trickle::BeforeOpened,
        Trickle::InTheFirstPiece,
        Trickle::AfterAPiece,
    ];
    join_all(all.map(async |when| {
        let artifact = Artifact::new(24 * 16_384, 16_384);
        // It gets everything a moment later, so that the other is asked first.
        let honest = Memory { lands: true, have: Bitfield::empty(24), ..Memory::whole(&artifact) };
        let honest = serve(2, honest).await;
        let sources = vec![trickling(1, &artifact, when).await, honest.source.clone()];
        let outcome = pull_all(&artifact, sources).await;
        assert!(outcome.result.is_ok(), "{when:?}: {:?} {:?}", outcome.result, outcome.news);
        assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes, "{when:?}");
        assert_eq!(banned(&outcome), BTreeMap::new(), "{when:?}: to be slow is no fault");
    }))
    .await;
}

/// All that the called side says to whoever says this.
async fn answer_to(source: &PullSource, said: &[u8]) -> Vec<Frame> {
    let mut call = rogues::call(source).await;
    call.write_all(said).await.unwrap();
    call.flush().await.unwrap();
    let mut heard = Vec::new();
    call.read_to_end(&mut heard).await.ok();
    let (mut decoder, mut rest, mut frames) =
        (Decoder::new(Side::Called), heard.as_slice(), Vec::new());
    while let Some(arrival) = decoder.next(&mut rest).unwrap() {
        if let Arrival::Frame(frame) = arrival {
            frames.push(frame);
        }
    }
    frames
}

fn said(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(encoded).collect()
}

#[tokio::test]
async fn whoever_floods_a_server_is_hung_up_on_and_costs_only_itself() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let hello = Frame::Hello(Hello { version: VERSION, asks: 256 });
    let open = Frame::Open(*artifact.sha256.as_bytes());
    let after = |frames: &[Frame]| [said(&[hello.clone(), open.clone()]), said(frames)].concat();
    let floods = [
        ("cancels of nothing", after(&vec![Frame::Cancel(1); 1_000])),
        ("pings", after(&vec![Frame::Ping; 1_000])),
        ("haves, which callers do not say", after(&vec![Frame::Have(1); 1_000])),
        ("the same ask", after(&vec![Frame::Ask(1); 1_000])),
        ("asks of no piece", after(&[Frame::Ask(8)])),
        ("learn, twice", after(&[Frame::Learn, Frame::Learn])),
        ("open, twice", after(std::slice::from_ref(&open))),
        ("hello, twice", said(&[hello.clone(), hello.clone()])),
        ("an ask before open", said(&[hello.clone(), Frame::Ask(1)])),
        ("a ping before hello", said(&[Frame::Ping])),
        ("payload", [after(&[]), vec![9, 0, 0, 0, Kind::Block as u8]].concat()),
        ("4 GiB", after(&[]).into_iter().chain([0xFF; 5]).collect()),
    ];
    let served = serve(1, Memory::whole(&artifact)).await;
    for (flood, bytes) in floods {
        let heard = answer_to(&served.source, &bytes).await;
        assert_eq!(heard.last(), Some(&Frame::Close(close::FAULT)), "{flood}: {heard:?}");
        assert!(heard.len() < 16, "{flood}: {heard:?}");
    }
    let outcome = pull_all(&artifact, vec![served.source.clone()]).await;
    assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes);
}

#[tokio::test]
async fn an_older_version_is_told_so_and_a_newer_one_goes_on_in_ours() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let served = serve(1, Memory { granted: Arc::default(), ..Memory::whole(&artifact) }).await;
    let open = encoded(&Frame::Open(*artifact.sha256.as_bytes()));
    let hello = |version: u16, more: usize| {
        let length = u32::try_from(4 + more).unwrap().to_le_bytes();
        let head = [&length[..], &[Kind::Hello as u8]].concat();
        [head, version.to_le_bytes().to_vec(), vec![0, 1], vec![0xEE; more]].concat()
    };
    let ours = Frame::Hello(Hello { version: VERSION, asks: 1_024 });
    let old = answer_to(&served.source, &[hello(0, 0), open.clone()].concat()).await;
    assert_eq!(old, [ours.clone(), Frame::Close(close::VERSION)]);
    let refused = [
        ours,
        Frame::Refuse(Refuse { index: None, code: refusal::NOT_SERVED }),
        Frame::Close(close::DONE),
    ];
    let longest = MAX_HELLO as usize - 4;
    for (version, more) in [(VERSION, 0), (VERSION + 1, 0), (u16::MAX, longest)] {
        let heard = answer_to(&served.source, &[hello(version, more), open.clone()].concat()).await;
        assert_eq!(heard, refused, "version {version}");
    }
}

#[tokio::test]
async fn a_peer_of_an_older_version_is_left_and_one_of_a_newer_one_is_not() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let greeting = async |version: u16, more: &[u8]| {
        let length = u32::try_from(4 + more.len()).unwrap().to_le_bytes();
        let head = [&length[..], &[Kind::Hello as u8], &version.to_le_bytes(), &[0, 1]].concat();
        let (artifact, hello) = (artifact.clone(), [&head, more].concat());
        listen(1, &artifact.clone(), move |mut stream| {
            let (artifact, hello) = (artifact.clone(), hello.clone());
            async move {
                stream.write_all(&hello).await.ok();
                rogues::opened(&mut stream, &artifact).await;
                while let Some(frame) = read(&mut stream).await {
                    if let Frame::AskProven(index) = frame {
                        let piece = proven(&artifact, index, |_| {});
                        stream.write_all(&piece).await.ok();
                        stream.flush().await.ok();
                    }
                }
            }
        })
        .await
    };
    let newer = pull_all(&artifact, vec![greeting(9, &[0xEE; 60]).await]).await;
    newer.result.unwrap();
    assert_eq!(artifact.assemble(&newer.pieces), artifact.bytes);
    let older = pull_in_vain(&artifact, vec![greeting(0, &[]).await]).await;
    assert_eq!(banned(&older), BTreeMap::new());
    let Err(error) = older.result else { panic!("it is of another version") };
    assert!(format!("{error:?}").contains("speaks version 0 of the protocol"), "{error:?}");
}

/// What a peer answers an ask for a piece.
type Answer = fn(&Artifact, u32) -> Vec<u8>;

/// What is wrong with a bad peer, by its number.
const WRONGS: [(&str, Answer); 8] = [
    ("proof.root", |artifact, index| proven(artifact, index, |all| all[0][5] ^= 1)),
    ("proof.length", |artifact, index| proven(artifact, index, |all| all.truncate(2))),
    ("session.unasked", |artifact, index| proven(artifact, index ^ 1, |_| {})),
    ("session.flood", |_, index| encoded(&Frame::Have(index))),
    ("session.flood", |_, _| encoded(&Frame::Ping).repeat(9)),
    ("session.unexpected", |_, _| encoded(&Frame::Hello(Hello { version: VERSION, asks: 256 }))),
    ("frame.kind", |_, _| vec![0, 0, 0, 0, 77]),
    ("frame.length", |_, _| vec![0xFF, 0xFF, 0xFF, 0xFF, Kind::Digests as u8]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_32_peers_exactly_the_bad_half_is_blamed_and_nothing_leaks() {
    /// As many as all of the bad ones are asked for in their first flight, and some.
    const PIECES: u32 = 18 * FIRST_ASKS as u32;
    let artifact = Artifact::new(PIECES as usize * 1_024, 1_024);
    let alive = || Handle::current().metrics().num_alive_tasks();
    // It gets everything a moment later, so that each of the bad ones is asked for something.
    let honest = |number: u8| Memory {
        lands: true,
        have: Bitfield::empty(PIECES),
        delay: Duration::from_micros(u64::from(number) * 131 % 900),
        ..Memory::whole(&artifact)
    };
    let bad = async |number: u8| {
        let (_, wrong) = WRONGS[usize::from(number) % WRONGS.len()];
        let delay = Duration::from_millis(u64::from(number) * 37 % 50);
        answering(1 + number, &artifact, delay, wrong).await
    };
    // What a pair of them takes while nobody calls.
    let none = alive();
    let _idle = (serve(90, honest(0)).await, bad(91).await);
    sleep(Duration::from_millis(400)).await;
    let pair = alive() - none;
    let (mut sources, mut wrongs) = (Vec::new(), BTreeMap::new());
    for number in 0..16 {
        let bad = bad(number).await;
        wrongs.insert(bad.id, WRONGS[usize::from(number) % WRONGS.len()].0.to_owned());
        sources.extend([bad, serve(40 + number, honest(number)).await.source]);
    }
    let outcome = pull_all(&artifact, sources).await;
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes);
    let blamed = banned(&outcome).into_iter().map(|(peer, code)| (peer, code.to_string()));
    assert_eq!(blamed.collect::<BTreeMap<_, _>>(), wrongs);
    // Whoever is hung up on ends; what leaks would stay for ever.
    let mut looks = 0;
    while alive() > none + 17 * pair {
        looks += 1;
        assert!(looks < 200, "{} tasks are left, not {}", alive(), none + 17 * pair);
        sleep(Duration::from_millis(20)).await;
    }
}
