//! What is served to whom, and what becomes of a connection when that ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use app::ports::{PullError, PullSource, Refusal, ServeNews};
use engine::wire::{Arrival, Decoder, Frame, Hello, Refuse, Side, VERSION, close, refusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use verifier::Sha256;

use super::CALLER;
use super::harness::{Artifact, Memory, identity, pull_in_vain, serve};
use super::rogues::{self, encoded};
use crate::dial::Call;

/// A caller to which an artifact is open.
struct Caller {
    call: Call,
    decoder: Decoder,
    heard: VecDeque<Frame>,
}

impl Caller {
    async fn open(source: &PullSource, artifact: Sha256) -> Self {
        let call = rogues::call(source).await;
        let mut caller = Self { call, decoder: Decoder::new(Side::Called), heard: VecDeque::new() };
        caller.say(Frame::Hello(Hello { version: VERSION, asks: 256 })).await;
        caller.say(Frame::Open(*artifact.as_bytes())).await;
        assert!(matches!(caller.hear().await, Some(Frame::Hello(_))));
        assert!(matches!(caller.hear().await, Some(Frame::Opened(_))));
        caller
    }

    async fn say(&mut self, frame: Frame) {
        self.call.write_all(&encoded(&frame)).await.unwrap();
        self.call.flush().await.unwrap();
    }

    /// The next frame; nothing once it is hung up on.
    async fn hear(&mut self) -> Option<Frame> {
        while self.heard.is_empty() {
            let mut bytes = [0; 4_096];
            let length = self.call.read(&mut bytes).await.ok().filter(|length| *length > 0)?;
            let mut rest = &bytes[..length];
            while let Some(arrival) = self.decoder.next(&mut rest).unwrap() {
                if let Arrival::Frame(frame) = arrival {
                    self.heard.push_back(frame);
                }
            }
        }
        self.heard.pop_front()
    }

    /// All that is still said, until it is hung up on.
    async fn hear_all(mut self) -> Vec<Frame> {
        let mut all = Vec::new();
        while let Some(frame) = self.hear().await {
            all.push(frame);
        }
        all
    }
}

#[tokio::test]
async fn not_granted_and_not_held_are_the_same_to_the_byte() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let held = serve(1, Memory { granted: Arc::default(), ..Memory::whole(&artifact) }).await;
    let not_held = serve(2, Memory::whole(&Artifact::new(999, 512))).await;
    let one = rogues::raw_open(&held.source, artifact.sha256).await;
    let other = rogues::raw_open(&not_held.source, artifact.sha256).await;
    assert!(!one.is_empty());
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_grant_taken_back_ends_the_pieces() {
    let artifact = Artifact::new(64 * 1_024, 1_024);
    let served = serve(1, Memory { revoked_after: 10, ..Memory::whole(&artifact) }).await;
    let outcome = pull_in_vain(&artifact, vec![served.source]).await;
    assert!(matches!(outcome.result, Err(PullError::Exhausted { missing: 54, .. })));
    assert_eq!(outcome.pieces.len(), 10);
    let mut news = served.news;
    let refused =
        ServeNews::Refused { peer: identity(CALLER).peer_id(), refusal: Refusal::NotServed };
    while news.recv().await.unwrap() != refused {}
}

#[tokio::test]
async fn a_caller_whose_grant_was_taken_back_is_told_so_and_hears_no_more() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let (land, provider) = Memory::landing(&artifact);
    let granted = Arc::clone(&provider.granted);
    let served = serve(1, provider).await;
    let first = artifact.list.geometry().index(0).unwrap();
    let done = Frame::Close(close::DONE);
    let refused = Frame::Refuse(Refuse { index: Some(0), code: refusal::NOT_SERVED });

    let (asked, said) = (vec![refused, done.clone()], Some(Frame::Ask(0)));
    let rows = [(said, asked), (Some(Frame::Learn), vec![done.clone()]), (None, vec![done])];
    for (said, heard) in rows {
        granted.store(true, Ordering::Relaxed);
        let mut caller = Caller::open(&served.source, artifact.sha256).await;
        let mut same_peer = Caller::open(&served.source, artifact.sha256).await;
        // It hears of what lands as long as it may.
        land.send((artifact.sha256, first)).unwrap();
        assert_eq!(same_peer.hear().await, Some(Frame::Have(0)));
        assert_eq!(caller.hear().await, Some(Frame::Have(0)));

        granted.store(false, Ordering::Relaxed);
        match said {
            Some(frame) => caller.say(frame).await,
            None => land.send((artifact.sha256, first)).unwrap(),
        }
        assert_eq!(caller.hear_all().await, heard);
        assert_eq!(same_peer.hear_all().await, [Frame::Close(close::DONE)]);
    }
}

#[tokio::test]
async fn grants_are_looked_at_once_for_all_that_lands_in_a_short_time() {
    let artifact = Artifact::new(21 * 1_024, 1_024);
    let (land, provider) = Memory::landing(&artifact);
    let checked = Arc::clone(&provider.checked);
    let served = serve(1, provider).await;
    let mut caller = Caller::open(&served.source, artifact.sha256).await;
    let before = checked.load(Ordering::Relaxed);
    for index in artifact.list.geometry().indices() {
        land.send((artifact.sha256, index)).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for index in 0..21 {
        assert_eq!(caller.hear().await, Some(Frame::Have(index)));
    }
    let checks = checked.load(Ordering::Relaxed) - before;
    assert!((1..21).contains(&checks), "{checks}");
}

#[tokio::test]
async fn of_two_artifacts_that_land_together_a_caller_hears_of_its_own() {
    let artifact = Artifact::new(4 * 1_024, 1_024);
    let (land, provider) = Memory::landing(&artifact);
    let served = serve(1, provider).await;
    let mut caller = Caller::open(&served.source, artifact.sha256).await;
    let other = Sha256::of(b"another artifact");
    let piece = |index| artifact.list.geometry().index(index).unwrap();
    for (artifact, index) in [(other, 1), (artifact.sha256, 0), (other, 2), (artifact.sha256, 3)] {
        land.send((artifact, piece(index))).unwrap();
    }
    assert_eq!(caller.hear().await, Some(Frame::Have(0)));
    assert_eq!(caller.hear().await, Some(Frame::Have(3)));
}
