//! What the uploads want done.

use std::sync::Arc;
use std::time::Duration;

use app::ports::{Provider, ServeNews};
use bytes::Bytes;
use engine::Ending;
use engine::upload::{Caller, Effect, Input, News, Refusal};
use engine::wire::{BlockHead, Frame};
use verifier::PieceIndex;
use verifier::identity::PeerId;

use super::{Answer, Call, Heard, Serving, State};
use crate::connection::Task;
use crate::listen::artifact::{Ask, Ready};
use crate::listen::telling;

/// So much news may wait before nobody hears of strangers.
const CROWDED: usize = 64;

impl<S: Provider> Serving<S> {
    pub(super) fn obey(&mut self, effect: Effect) {
        match effect {
            Effect::Open(caller, peer, sha256) => {
                let provider = Arc::clone(&self.provider);
                self.answers.push(Box::pin(async move {
                    Answer::Opened(caller, sha256, provider.open(peer, sha256).await)
                }));
            }
            Effect::Read { caller, peer, index, proven, .. } => {
                self.read(caller, peer, index, proven);
            }
            Effect::Send(caller, frame) => self.send(caller, &frame),
            Effect::Block(caller, head) => self.send_block(caller, head),
            Effect::Proof(caller, head) => {
                let proof = self.piece(caller, head.index).map(|(_, ready)| ready.proof.clone());
                self.send_payload(caller, &Frame::Proof(head), proof);
            }
            Effect::Digests(caller, head) => {
                if self.is_granted(caller) {
                    let call = self.calls.get(&caller);
                    let artifact = call.and_then(|call| call.artifact.as_ref());
                    let digests = artifact.map(|artifact| artifact.digests(head));
                    self.send_payload(caller, &Frame::Digests(head), digests);
                }
            }
            Effect::Discard(caller, index) => {
                if let Some(call) = self.calls.get_mut(&caller) {
                    call.pieces.remove(&index);
                }
            }
            Effect::HangUp(caller, within) => self.hang_up(caller, within),
            Effect::Tell(news) => self.tell_news(news),
        }
    }

    /// Hands over what was to be sent; of one turn, all in one piece.
    pub(super) fn flush(&mut self) {
        for caller in self.unflushed.drain(..) {
            if let Some(Call { state: State::Open(link, _), .. }) = self.calls.get_mut(&caller) {
                link.flush();
            }
        }
    }

    pub(super) fn tell_news(&mut self, news: News) {
        let news = match news {
            News::Called(peer) => ServeNews::Called(peer),
            News::Sent(peer, artifact, _, bytes) => {
                self.untold.add(peer, artifact, bytes);
                return;
            }
            News::Refused(peer, refusal) => {
                ServeNews::Refused { peer, refusal: telling::told(refusal) }
            }
            News::Left(peer) => ServeNews::Left(peer),
            News::TurnedAway(caller, peer, why) => {
                let Some(from) = self.calls.get(&caller).map(|call| call.from) else { return };
                // A crowd of strangers must not keep the paired ones waiting.
                if self.news.len() < CROWDED {
                    let provider = Arc::clone(&self.provider);
                    self.answers.push(Box::pin(async move {
                        Answer::News(telling::turned_away(from, peer, why, &*provider).await)
                    }));
                }
                return;
            }
        };
        // What went out before is told of before.
        self.tell_sent();
        self.news.push(news);
    }

    /// Tells of all bytes that went out.
    pub(super) fn tell_sent(&mut self) {
        self.untold.take().for_each(|sent| self.news.push(sent));
    }

    fn read(&mut self, caller: Caller, peer: PeerId, index: PieceIndex, proven: bool) {
        let call = self.calls.get(&caller);
        let Some(artifact) = call.and_then(|call| call.artifact.clone()) else { return };
        let (provider, ask) = (Arc::clone(&self.provider), Ask { peer, artifact, index, proven });
        self.answers
            .push(Box::pin(async move { Answer::Read(caller, index, ask.read(&*provider).await) }));
    }

    fn send(&mut self, caller: Caller, frame: &Frame) {
        if let Some(Call { state: State::Open(link, _), .. }) = self.calls.get_mut(&caller) {
            link.batch().frame(frame);
            self.unflushed.push(caller);
        }
    }

    fn send_payload(&mut self, caller: Caller, frame: &Frame, payload: Option<Bytes>) {
        let Some(Call { state: State::Open(link, _), .. }) = self.calls.get_mut(&caller) else {
            return;
        };
        match payload.filter(|payload| payload.len() == frame.payload() as usize) {
            Some(payload) => {
                link.batch().frame(frame);
                link.batch().payload(payload);
                self.unflushed.push(caller);
            }
            None => {
                tracing::error!(?frame, "what was to be sent is not here");
                let why = Ending::Lost("something was mislaid here".to_owned());
                self.happened.push_back(Input::Ended(caller, why));
            }
        }
    }

    /// Sends a block, if the grant holds still.
    fn send_block(&mut self, caller: Caller, head: BlockHead) {
        let Some((index, ready)) = self.piece(caller, head.index) else { return };
        let (from, to) = (head.offset as usize, head.offset as usize + head.length as usize);
        let bytes = (to <= ready.bytes.len()).then(|| ready.bytes.slice(from..to));
        let is_last = to == ready.bytes.len();
        if is_last && let Some(call) = self.calls.get_mut(&caller) {
            call.pieces.remove(&index);
        }
        if self.is_granted(caller) {
            self.send_payload(caller, &Frame::Block(head), bytes);
        } else {
            let refused = Input::Read(caller, index, Err(Refusal::NotServed));
            self.happened.push_back(refused);
        }
    }

    /// Whether the caller may still have what was opened to it; if not, what it asked for is
    /// refused, and it is hung up on.
    pub(super) fn is_granted(&mut self, caller: Caller) -> bool {
        let opened = self.calls.get(&caller).and_then(|call| {
            let artifact = call.artifact.as_ref()?;
            Some((call.peer?, artifact.sha256))
        });
        let Some((peer, artifact)) = opened else { return false };
        let is_granted = self.provider.grants(peer, artifact);
        if !is_granted {
            self.revoked.insert((peer, artifact));
        }
        is_granted
    }

    /// A piece that was read for the caller.
    fn piece(&self, caller: Caller, index: u32) -> Option<(PieceIndex, &Ready)> {
        let call = self.calls.get(&caller)?;
        let index = call.artifact.as_ref()?.index(index)?;
        call.pieces.get(&index).map(|ready| (index, ready))
    }

    fn hang_up(&mut self, caller: Caller, within: Duration) {
        self.leaving.remove(&caller);
        let Some(call) = self.calls.get_mut(&caller) else { return };
        let state = std::mem::replace(&mut call.state, State::Over);
        self.over.push(caller);
        if let State::Open(link, connected) = state
            && !within.is_zero()
        {
            let tell = self.tell.clone();
            let goodbye = async move {
                link.hang_up(within).await;
                drop(connected);
                tell.send(Heard::Left(caller)).await.ok();
            };
            self.leaving.insert(caller, Task::spawn(goodbye));
        }
    }
}
