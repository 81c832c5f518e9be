//! Pulls over real TLS on loopback sockets.

mod crowds;
mod grants;
mod harness;
mod hostile;
mod rogues;
mod strangers;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use app::naming::short_peer;
use app::ports::{
    Listener as _, Peers as _, PullError, PullNews, PullSource, Pulled, ServeNews, Settled, Untrue,
};
use tokio::sync::mpsc;
use verifier::boundary::PeerAddress;
use verifier::{Bitfield, Code};

use crate::{Limits, Swarm, TlsListener};
use harness::{
    Artifact, Memory, Outcome, called, identity, pull_all, pull_in_vain, serve, serve_with,
};

const CALLER: u8 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_peers_share_out_an_artifact() {
    let artifact = Artifact::new(200 * 16_384 - 77, 16_384);
    let mut sources = Vec::new();
    for seed in 1..=4 {
        sources.push(serve(seed, Memory::whole(&artifact)).await.source);
    }
    let Outcome { result, pieces, news, lists, .. } = pull_all(&artifact, sources.clone()).await;
    result.unwrap();
    assert_eq!(lists, 1);
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
    for source in sources {
        let connected = |news: &PullNews| matches!(news, PullNews::Connected { peer, .. } if *peer == source.id);
        assert!(news.iter().any(connected), "{news:?}");
    }
    assert!(!news.iter().any(|news| matches!(news, PullNews::Banned { .. })), "{news:?}");
}

#[tokio::test]
async fn pieces_of_sixteen_mebibytes_pass_in_blocks() {
    let artifact = Artifact::new((40 << 20) + 3, 16 << 20);
    let source = serve(1, Memory::whole(&artifact)).await.source;
    let Outcome { result, pieces, .. } = pull_all(&artifact, vec![source]).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
}

#[tokio::test]
async fn peers_with_parts_make_a_whole() {
    let artifact = Artifact::new(40 * 1_024, 1_024);
    let (mut low, mut high) = (Bitfield::empty(40), Bitfield::empty(40));
    low.insert_range(0, 24);
    high.insert_range(15, 39);
    let sources = vec![
        serve(1, Memory { have: low, ..Memory::whole(&artifact) }).await.source,
        serve(2, Memory { have: high, ..Memory::whole(&artifact) }).await.source,
    ];
    let Outcome { result, pieces, .. } = pull_all(&artifact, sources).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
}

#[tokio::test]
async fn a_liar_is_banned_and_its_pieces_come_from_others() {
    let artifact = Artifact::new(64 * 16_384, 16_384);
    let slow = Duration::from_millis(2);
    let liar = Memory { lies: true, ..Memory::whole(&artifact) };
    let honest = Memory { delay: slow, ..Memory::whole(&artifact) };
    let sources = vec![serve(1, liar).await.source, serve(2, honest).await.source];
    let banned = sources[0].id;
    let Outcome { result, pieces, news, .. } = pull_all(&artifact, sources).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
    // By the proof that came with it, or by the list, whichever was there first.
    let is_ban = |news: &&PullNews| match news {
        PullNews::Banned { peer, code, untrue: Some(untrue), call: 1, .. } if *peer == banned => {
            match untrue {
                Untrue::Piece { index, wanted, came, .. } => {
                    *code == Code::new("piece", "digest")
                        && wanted != came
                        && artifact.list.digests().get(*index as usize) == Some(wanted)
                }
                Untrue::Proof { wanted, came, .. } => {
                    *code == Code::new("proof", "root")
                        && wanted != came
                        && *wanted == artifact.list.root()
                }
                Untrue::List { .. } => false,
            }
        }
        _ => false,
    };
    assert_eq!(news.iter().filter(is_ban).count(), 1, "{news:?}");
}

#[tokio::test]
async fn a_list_that_does_not_prove_bans_its_peer() {
    let artifact = Artifact::new(10 * 1_024, 1_024);
    let other = Artifact::new(10 * 1_024 - 1, 1_024);
    let sources = vec![
        rogues::with_false_list(1, &artifact, &other).await,
        serve(2, Memory { delay: Duration::from_millis(1), ..Memory::whole(&artifact) })
            .await
            .source,
    ];
    let banned = sources[0].id;
    // The rogue is called alone first, so that it is the one to be asked for the list.
    let alone = pull_all(&artifact, vec![sources[0].clone()]).await;
    assert!(matches!(alone.result, Err(PullError::Exhausted { missing: 10, .. })));
    let is_ban = |news: &PullNews| {
        matches!(news, PullNews::Banned { peer, code, untrue: Some(Untrue::List { wanted, .. }), .. }
            if *peer == banned && *code == Code::new("chunk-list", "root")
                && *wanted == artifact.list.root())
    };
    assert!(alone.news.iter().any(is_ban), "{:?}", alone.news);
    assert_eq!(alone.lists, 0);
    let both = pull_all(&artifact, sources).await;
    both.result.unwrap();
    assert_eq!(artifact.assemble(&both.pieces), artifact.bytes);
}

#[tokio::test]
async fn a_stranger_is_refused_in_the_handshake() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let mut served = serve(1, Memory { known: vec![], ..Memory::whole(&artifact) }).await;
    let outcome = pull_in_vain(&artifact, vec![served.source]).await;
    let Err(PullError::Exhausted { missing: 4, why, .. }) = outcome.result else {
        panic!("{:?}", outcome.result)
    };
    assert!(why.contains("they have not added you yet, or have removed or blocked you"), "{why}");
    let ServeNews::TurnedAway { why, .. } = served.news.recv().await.unwrap() else { panic!() };
    let caller = short_peer(identity(CALLER).peer_id());
    assert_eq!(why, format!("{caller} is not paired with you"));
}

#[tokio::test]
async fn nobody_is_answered_before_the_sessions_run() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let (news, mut heard) = mpsc::channel(100);
    let listener = TlsListener::new(Arc::new(identity(1)), Arc::default());
    let address = "127.0.0.1:0".parse().unwrap();
    let listening = listener.listen(address, Arc::new(Memory::whole(&artifact)), news);
    let (source, sessions) = called(1, listening.await.unwrap(), 4);
    let run = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(heard.try_recv().is_err(), "a caller was answered");
        sessions.await
    };
    tokio::select! {
        outcome = pull_all(&artifact, vec![source]) => outcome.result.unwrap(),
        ended = run => panic!("{ended:?}"),
    }
}

#[tokio::test]
async fn someone_else_at_the_peers_address_is_not_talked_to() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let mut served = serve(1, Memory::whole(&artifact)).await;
    let mut source = served.source.clone();
    source.id = identity(9).peer_id();
    let outcome = pull_in_vain(&artifact, vec![source]).await;
    let Err(PullError::Exhausted { why, .. }) = outcome.result else { panic!() };
    assert!(why.ends_with("is answered by somebody else"), "{why}");
    let ServeNews::TurnedAway { why, .. } = served.news.recv().await.unwrap() else { panic!() };
    assert_eq!(why, "it looked for somebody else at this address");
}

#[tokio::test]
async fn a_peer_lost_midway_costs_only_itself() {
    let artifact = Artifact::new(100 * 16_384, 16_384);
    let slow = Duration::from_millis(3);
    let dies = serve(1, Memory { delay: slow, ..Memory::whole(&artifact) }).await;
    let lives = serve(2, Memory { delay: slow, ..Memory::whole(&artifact) }).await;
    let lost = dies.source.id;
    let sources = vec![dies.source.clone(), lives.source.clone()];
    let mut pulling = tokio::spawn(async move {
        let outcome = pull_all(&artifact, sources).await;
        (artifact, outcome)
    });
    assert!(tokio::time::timeout(Duration::from_millis(60), &mut pulling).await.is_err());
    dies.hang_up();
    let (artifact, outcome) = pulling.await.unwrap();
    outcome.result.unwrap();
    assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes);
    let is_lost = |news: &PullNews| matches!(news, PullNews::Lost { peer, .. } if *peer == lost);
    assert!(outcome.news.iter().any(is_lost), "{:?}", outcome.news);
}

#[tokio::test]
async fn pieces_that_land_at_a_peer_are_asked_for() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let provider = Memory { lands: true, have: Bitfield::empty(8), ..Memory::whole(&artifact) };
    let source = serve(1, provider).await.source;
    let outcome = pull_all(&artifact, vec![source]).await;
    outcome.result.unwrap();
    assert_eq!(artifact.assemble(&outcome.pieces), artifact.bytes);
}

#[tokio::test]
async fn nothing_is_asked_without_consent() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let source = serve(1, Memory::whole(&artifact)).await.source;
    let (result, pieces) = pull_allowed(&artifact, vec![source], 2 * 1_024).await;
    assert_eq!(pieces, 2);
    let Err(PullError::Exhausted { missing: 6, why, .. }) = result else { panic!("{result:?}") };
    assert!(why.contains("consent"), "{why}");
}

#[tokio::test]
async fn consent_to_exactly_the_artifact_is_enough_though_a_peer_is_slow() {
    let artifact = Artifact::new(20 * 1_024, 1_024);
    let slow = Memory { delay: Duration::from_millis(150), ..Memory::whole(&artifact) };
    let sources =
        vec![serve(1, slow).await.source, serve(2, Memory::whole(&artifact)).await.source];
    let (result, pieces) = pull_allowed(&artifact, sources, 20 * 1_024).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(pieces, 20);
}

/// Pulls under a consent to so many bytes; how many pieces came.
async fn pull_allowed(
    artifact: &Artifact,
    sources: Vec<PullSource>,
    mut allowed: u64,
) -> (Result<(), PullError>, u32) {
    let (out, mut pulled) = mpsc::channel(8);
    let swarm = Swarm::new(Arc::new(identity(CALLER)), Arc::default());
    let (pull, settle) = artifact.pull(sources, out);
    let pulling = tokio::spawn(async move { swarm.pull(pull).await });
    let mut pieces = 0;
    while let Some(message) = pulled.recv().await {
        match message {
            Pulled::Ask { bytes, answer, .. } => {
                let covered = bytes <= allowed;
                allowed -= if covered { bytes } else { 0 };
                answer.send(covered).unwrap();
            }
            Pulled::Release { bytes, .. } => allowed += bytes,
            Pulled::Piece(piece) => {
                pieces += 1;
                settle.send(Settled::Kept(piece.index())).unwrap();
            }
            Pulled::List(list, answer) => {
                answer.send(Bitfield::full(list.geometry().piece_count())).unwrap();
            }
            Pulled::News(_) => {}
        }
    }
    (pulling.await.unwrap(), pieces)
}

#[tokio::test]
async fn dropping_the_pull_hangs_up() {
    let artifact = Artifact::new(1_000 * 1_024, 1_024);
    let slow = Memory { delay: Duration::from_millis(5), ..Memory::whole(&artifact) };
    let mut served = serve(1, slow).await;
    let source = served.source.clone();
    let pulling = tokio::spawn(async move { pull_all(&artifact, vec![source]).await });
    while !matches!(served.news.recv().await.unwrap(), ServeNews::Sent { .. }) {}
    pulling.abort();
    while !matches!(served.news.recv().await.unwrap(), ServeNews::Left(_)) {}
}

#[tokio::test]
async fn a_receiver_that_goes_away_ends_the_pull() {
    let artifact = Artifact::new(64 * 1_024, 1_024);
    let source = serve(1, Memory::whole(&artifact)).await.source;
    let (out, pulled) = mpsc::channel(1);
    drop(pulled);
    let swarm = Swarm::new(Arc::new(identity(CALLER)), Arc::default());
    let outcome = swarm.pull(artifact.pull(vec![source], out).0).await;
    assert!(matches!(outcome, Err(PullError::Cancelled)));
}

#[tokio::test]
async fn rates_are_limited_on_both_sides() {
    let artifact = Artifact::new(12 * 65_536, 65_536);
    let upload = Arc::new(Limits::new());
    upload.set_upload(1 << 20);
    let source = serve_with(1, Memory::whole(&artifact), upload).await.source;
    let start = std::time::Instant::now();
    pull_all(&artifact, vec![source]).await.result.unwrap();
    // 768 KiB at 1 MiB a second, a quarter of a second's worth of it at once.
    assert!(start.elapsed() > Duration::from_millis(350), "{:?}", start.elapsed());

    let source = serve(2, Memory::whole(&artifact)).await.source;
    let download = Arc::new(Limits::new());
    download.set_download(1 << 20);
    let start = std::time::Instant::now();
    harness::pull_with(&artifact, vec![source], download).await.result.unwrap();
    assert!(start.elapsed() > Duration::from_millis(350), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_unreachable_peer_is_named_with_its_reason() {
    let artifact = Artifact::new(1_024, 1_024);
    let mut source = serve(1, Memory::whole(&artifact)).await.source;
    source.addresses = vec![PeerAddress::parse("mmp://127.0.0.1:1").unwrap()];
    let Err(PullError::Exhausted { why, .. }) =
        pull_in_vain(&artifact, vec![source.clone()]).await.result
    else {
        panic!()
    };
    let cannot =
        format!("{} cannot be reached: mmp://127.0.0.1:1 takes no calls now", source.label);
    assert!(why.contains(&cannot), "{why}");
}

#[tokio::test]
async fn one_peer_has_two_connections_at_most() {
    let artifact = Artifact::new(1_024, 1_024);
    let mut served = serve(1, Memory::whole(&artifact)).await;
    let _two = [rogues::call(&served.source).await, rogues::call(&served.source).await];
    let third = rogues::raw_open(&served.source, artifact.sha256);
    let told = async {
        loop {
            match served.news.recv().await.unwrap() {
                ServeNews::TurnedAway { why, .. } => break why,
                other => {
                    assert!(
                        matches!(other, ServeNews::Called(_) | ServeNews::Left(_)),
                        "{other:?}"
                    );
                }
            }
        }
    };
    let (said, why) = tokio::join!(third, told);
    assert!(why.contains("2 connections"), "{why}");
    assert!(said.ends_with(&[2, 0, 0, 0, 11, 1, 0]), "close, busy: {said:?}");
}
