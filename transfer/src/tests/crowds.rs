//! Who is let in when many call, and which address leads to a peer that has many.

use std::sync::Arc;
use std::time::Duration;

use app::ports::{PullError, PullNews, ServeNews};
use engine::wire::{Frame, Hello, VERSION};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use verifier::boundary::PeerAddress;

use super::harness::{Artifact, Memory, Outcome, pull_all, pull_in_vain, serve, serve_with};
use super::rogues;
use crate::Limits;

#[tokio::test]
async fn silent_strangers_keep_no_paired_peer_out() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let source = serve(1, Memory::whole(&artifact)).await.source;
    let address = (source.addresses[0].ip().unwrap(), source.addresses[0].port());
    let mut strangers = Vec::new();
    for _ in 0..2 * Limits::CONNECTIONS {
        strangers.push(TcpStream::connect(address).await.unwrap());
    }
    let Outcome { result, pieces, .. } = pull_all(&artifact, vec![source]).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
    // The oldest made way.
    assert_eq!(strangers[0].read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_connection_of_a_peer_replaces_its_oldest_silent_one() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let mut served = serve(1, Memory::whole(&artifact)).await;
    let mut oldest = rogues::call(&served.source).await;
    let mut newer = rogues::call(&served.source).await;
    for _ in 0..2 {
        assert!(matches!(served.news.recv().await.unwrap(), ServeNews::Called(_)));
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(4)).await;
    tokio::time::resume();
    pull_all(&artifact, vec![served.source.clone()]).await.result.unwrap();
    // It said hello, and hung up; the other one is still there.
    let mut said = Vec::new();
    oldest.read_to_end(&mut said).await.ok();
    let still_there =
        tokio::time::timeout(Duration::from_millis(100), newer.read_to_end(&mut said));
    assert!(still_there.await.is_err());
}

#[tokio::test]
async fn an_importer_that_left_two_dead_connections_is_let_in_at_once() {
    let artifact = Artifact::new(64 * 16_384, 16_384);
    let served = serve(1, Memory::whole(&artifact)).await;
    let mut dead = Vec::new();
    for _ in 0..2 {
        let mut call = rogues::call(&served.source).await;
        let mut bytes = Vec::new();
        let first = [
            Frame::Hello(Hello { version: VERSION, asks: 256 }),
            Frame::Open(*artifact.sha256.as_bytes()),
        ];
        first.into_iter().chain((0..64).map(Frame::Ask)).for_each(|frame| {
            frame.encode(&mut bytes).unwrap();
        });
        call.write_all(&bytes).await.unwrap();
        call.flush().await.unwrap();
        // Hello, and the beginning of opened; nothing after that is ever read.
        call.read_exact(&mut [0; 9 + 5]).await.unwrap();
        dead.push(call);
    }
    let Outcome { result, pieces, news, .. } = pull_all(&artifact, vec![served.source]).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
    assert!(!news.iter().any(|news| matches!(news, PullNews::Lost { .. })), "{news:?}");
}

#[tokio::test]
async fn a_busy_peer_is_said_to_be_busy() {
    let artifact = Artifact::new(1_024, 1_024);
    let full = Arc::new(Limits::new());
    full.set_connections(0);
    let full = serve_with(1, Memory::whole(&artifact), full).await;
    let taken = serve(2, Memory::whole(&artifact)).await;
    let _sessions = [rogues::call(&taken.source).await, rogues::call(&taken.source).await];
    for (served, told) in [(full, "machine is busy"), (taken, "has 2 connections already")] {
        let label = served.source.label.clone();
        let outcome = pull_in_vain(&artifact, vec![served.source]).await;
        let Err(PullError::Exhausted { why, .. }) = outcome.result else { panic!() };
        assert!(
            why.ends_with(&format!("; {label} is busy: it takes no more connections now")),
            "{why}"
        );
        let mut news = served.news;
        while let Some(item) = news.recv().await {
            if let ServeNews::TurnedAway { why, .. } = item {
                assert!(why.contains(told), "{why}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn seven_dead_addresses_do_not_hide_the_one_that_answers() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let mut source = serve(1, Memory::whole(&artifact)).await.source;
    let mut silent = Vec::new();
    for _ in 0..7 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let dead = PeerAddress::from_socket(address.ip(), address.port()).unwrap();
        source.addresses.insert(0, dead);
        silent.push(listener);
    }
    let Outcome { result, pieces, .. } = pull_all(&artifact, vec![source]).await;
    result.unwrap();
    assert_eq!(artifact.assemble(&pieces), artifact.bytes);
}

#[tokio::test]
async fn somebody_else_at_one_address_does_not_hide_the_peer_at_another() {
    let artifact = Artifact::new(8 * 1_024, 1_024);
    let mut source = serve(1, Memory::whole(&artifact)).await.source;
    let other = serve(2, Memory::whole(&artifact)).await.source;
    source.addresses.splice(0..0, other.addresses);
    pull_all(&artifact, vec![source]).await.result.unwrap();
}
