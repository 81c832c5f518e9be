//! How long a peer is waited for: as long as its bytes come, and no longer than is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use app::ports::{
    Patience, Peers as _, PullError, PullNews, PullSource, Pulled, ServeNews, Settled,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use verifier::Bitfield;
use verifier::boundary::PeerAddress;

use super::CALLER;
use super::harness::{
    Artifact, Memory, Outcome, identity, label, pull_all, pull_in_vain, pull_while, serve,
};
use super::rogues::{Flow, dripping};
use crate::Swarm;

#[tokio::test]
async fn a_slow_peer_is_waited_for_as_long_as_its_bytes_come() {
    let artifact = Artifact::new(512 << 10, 512 << 10);
    let slow = Flow { bytes: 16_384, pause: Duration::from_millis(60) };
    let source = dripping(1, &artifact, slow).await;
    let start = Instant::now();
    // Its one piece takes longer than an import waits in vain.
    let Outcome { result, pieces, news, .. } = pull_in_vain(&artifact, vec![source]).await;
    result.unwrap();
    let coming = |news: &PullNews| matches!(news, PullNews::Coming(bytes) if *bytes > 0);
    assert!(news.iter().any(coming), "{news:?}");
    assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
}

#[tokio::test]
async fn a_byte_now_and_then_keeps_no_import_waiting() {
    let artifact = Artifact::new(512 << 10, 512 << 10);
    let trickle = Flow { bytes: 1, pause: Duration::from_millis(50) };
    let source = dripping(1, &artifact, trickle).await;
    let outcome = pull_in_vain(&artifact, vec![source]).await;
    let Err(PullError::Exhausted { missing: 1, why, .. }) = outcome.result else {
        panic!("{:?}", outcome.result)
    };
    assert!(why.contains("nothing came for 1 second; "), "{why}");
}

#[tokio::test]
async fn a_trickle_keeps_no_piece_from_a_peer_that_sends() {
    let artifact = Artifact::new(8 * 65_536, 65_536);
    let trickle = Flow { bytes: 1, pause: Duration::from_millis(50) };
    let slow = Flow { bytes: 16_384, pause: Duration::from_millis(20) };
    let sources = vec![dripping(1, &artifact, trickle).await, dripping(2, &artifact, slow).await];
    let Outcome { result, pieces, .. } = pull_all(&artifact, sources).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
}

#[tokio::test]
async fn an_import_that_waits_finishes_once_the_peer_grants_it_the_model() {
    let artifact = Artifact::new(8 * 16_384, 16_384);
    let granted = Arc::new(AtomicBool::new(false));
    let provider = Memory { granted: Arc::clone(&granted), ..Memory::whole(&artifact) };
    let mut served = serve(1, provider).await;
    let source = served.source.clone();
    let grant = async {
        // Not before the second call.
        for _ in 0..2 {
            while !matches!(served.news.recv().await.unwrap(), ServeNews::Called(_)) {}
        }
        granted.store(true, Ordering::Relaxed);
    };
    let pull = pull_while(&artifact, vec![source], Arc::default(), Patience::Forever);
    let (Outcome { result, pieces, news, .. }, ()) = tokio::join!(pull, grant);
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
    let no = |news: &PullNews| matches!(news, PullNews::Lost { why, .. } if why == "does not share this model with you now: ask them to");
    assert!(news.iter().any(no), "{news:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_takes_the_time_that_it_names() {
    let artifact = Artifact::new(1_024, 1_024);
    let id = identity(1).peer_id();
    let addresses = vec![PeerAddress::parse("mmp://127.0.0.1:1").unwrap()];
    let source = PullSource { id, label: label(id), addresses, offered: Bitfield::full(1) };
    let (out, mut pulled) = mpsc::channel(64);
    let swarm = Swarm::new(Arc::new(identity(CALLER)), Arc::default());
    let start = Instant::now();
    let (pull, _settle) = artifact.pull(vec![source], out);
    let pull = swarm.pull(pull);
    let listen = async {
        let mut waits = Vec::new();
        while let Some(message) = pulled.recv().await {
            if let Pulled::News(PullNews::Waiting(sentence)) = message {
                waits.push(sentence);
            }
        }
        waits
    };
    let (result, waits) = tokio::join!(pull, listen);
    let took = start.elapsed();
    let named = "It ends when nothing has come for 60 seconds.";
    assert!(!waits.is_empty() && waits.iter().all(|wait| wait.ends_with(named)), "{waits:?}");
    let Err(PullError::Exhausted { why, .. }) = result else { panic!("{result:?}") };
    assert!(why.starts_with("nothing came for 60 seconds; "), "{why}");
    assert!(took >= Duration::from_secs(60) && took < Duration::from_secs(61), "{took:?}");
}

#[tokio::test]
async fn how_many_pieces_have_one_copy_is_told_again_as_they_come() {
    let artifact = Artifact::new(64 * 1_024, 1_024);
    let slow = Memory { delay: Duration::from_millis(100), ..Memory::whole(&artifact) };
    let source = serve(1, slow).await.source;
    let (out, mut pulled) = mpsc::channel(8);
    let (pull, settle) = artifact.pull(vec![source], out);
    let receive = async {
        let mut most = 0;
        while let Some(message) = pulled.recv().await {
            match message {
                Pulled::List(list, answer) => {
                    answer.send(Bitfield::full(list.geometry().piece_count())).unwrap();
                }
                Pulled::Ask { answer, .. } => drop(answer.send(true)),
                Pulled::Piece(piece) => settle.send(Settled::Kept(piece.index())).unwrap(),
                Pulled::News(PullNews::Availability(told)) => {
                    if !told.peers.is_empty() && told.single < most {
                        return;
                    }
                    most = most.max(told.single);
                }
                Pulled::Release { .. } | Pulled::News(_) => {}
            }
        }
        panic!("it was told once, and not again");
    };
    let swarm = Swarm::new(Arc::new(identity(CALLER)), Arc::default());
    tokio::select! {
        result = swarm.pull(pull) => panic!("it came to its end: {result:?}"),
        () = receive => {}
    }
}
