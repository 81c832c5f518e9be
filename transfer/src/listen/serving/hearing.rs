//! What a caller says, and what it takes.

use std::convert::Infallible;

use engine::Ending;
use engine::upload::{Caller, Input};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use super::Heard;
use crate::connection::{Reader, Sent, Told};

/// Hears what a caller says until it hangs up or says what it may not, or until it is hung up on; then
/// reads on until it hangs up.
pub(super) async fn hear<R: AsyncRead + Unpin>(
    caller: Caller,
    mut reader: Reader<R>,
    mut told: Told<Infallible>,
    tell: mpsc::Sender<Heard>,
) {
    loop {
        let frame = tokio::select! {
            frame = reader.frame() => frame,
            _over = told.commands.recv() => break,
        };
        let (input, goes_on) = match frame {
            Ok(frame) => (Input::Frame(caller, frame), true),
            Err(ending) => (Input::Ended(caller, ending), false),
        };
        // Where nobody hears it, this task is about to be ended.
        tell.send(Heard::Input(input)).await.ok();
        if !goes_on {
            break;
        }
    }
    tokio::select! {
        () = reader.drain() => {}
        _over = told.linger => {}
    }
}

/// Hears of what a caller takes.
pub(super) struct Written {
    pub(super) caller: Caller,
    pub(super) tell: mpsc::Sender<Heard>,
}

impl Sent for Written {
    async fn taken(&self, bytes: u32) {
        self.tell.send(Heard::Input(Input::Written(self.caller, bytes))).await.ok();
    }

    async fn ended(&self, ending: Ending) {
        self.tell.send(Heard::Input(Input::Ended(self.caller, ending))).await.ok();
    }
}
