//! What pauses an import: a disk of this machine that is full.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use verifier::Sha256;

use crate::event::Event;
use crate::ports::Landed;

/// The full disks that an import waits for.
pub(crate) struct Pauses {
    artifact: Sha256,
    landed: broadcast::Receiver<Landed>,
    /// The output's disk, as whoever writes there says, if anybody does.
    output: Option<watch::Receiver<Option<Arc<Path>>>>,
    library: Option<Arc<Path>>,
    told: Option<Arc<Path>>,
}

impl Pauses {
    pub(crate) fn new(
        artifact: Sha256,
        landed: broadcast::Receiver<Landed>,
        output: Option<watch::Receiver<Option<Arc<Path>>>>,
    ) -> Self {
        Self { artifact, landed, output, library: None, told: None }
    }

    /// Resolves when it is to be told that a disk is full, or has room again.
    pub(crate) async fn changed(&mut self) {
        while self.now() == self.told {
            let Self { landed, output, .. } = self;
            let output = async {
                let has_changed = match output {
                    Some(output) => output.changed().await.is_ok(),
                    None => false,
                };
                if !has_changed {
                    // Nobody writes there, or not any more.
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                landed = landed.recv() => self.hear(landed).await,
                () = output => {}
            }
        }
    }

    /// Tells what has changed.
    pub(crate) fn tell(&mut self, on: &mut impl FnMut(Event)) {
        let now = self.now();
        if now != self.told {
            on(now.clone().map_or(Event::Resumed, Event::Paused));
            self.told = now;
        }
    }

    /// All that waited in the library is kept.
    pub(crate) fn kept(&mut self, on: &mut impl FnMut(Event)) {
        self.library = None;
        self.tell(on);
    }

    fn now(&self) -> Option<Arc<Path>> {
        let output = || self.output.as_ref().and_then(|output| output.borrow().clone());
        self.library.clone().or_else(output)
    }

    async fn hear(&mut self, landed: Result<Landed, RecvError>) {
        match landed {
            Ok(Landed::Full { artifact, place }) if artifact == self.artifact => {
                self.library = Some(place);
            }
            Ok(Landed::Room(artifact) | Landed::Piece(artifact, _))
                if artifact == self.artifact =>
            {
                self.library = None;
            }
            // What is still full is told again.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // The store is gone, and so is the import.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use futures::FutureExt as _;
    use tokio::sync::{broadcast, watch};
    use verifier::Sha256;

    use super::Pauses;
    use crate::event::Event;
    use crate::ports::Landed;

    #[test]
    fn a_pause_is_told_once_and_ends_when_both_disks_have_room() {
        let (ours, other) = (Sha256::of(b"ours"), Sha256::of(b"other"));
        let (land, landed) = broadcast::channel(8);
        let (full, output) = watch::channel(None);
        let mut pauses = Pauses::new(ours, landed, Some(output));
        let place = |name: &str| Arc::<Path>::from(Path::new(name));
        let mut told = || {
            pauses.changed().now_or_never()?;
            let mut event = None;
            pauses.tell(&mut |told| event = Some(told));
            event.map(|event| format!("{event:?}"))
        };
        let full_of = |artifact| Landed::Full { artifact, place: place("/library") };
        land.send(full_of(other)).unwrap();
        assert_eq!(told(), None);
        for _ in 0..2 {
            land.send(full_of(ours)).unwrap();
        }
        assert_eq!(told(), Some(format!("{:?}", Event::Paused(place("/library")))));
        assert_eq!(told(), None);
        full.send_replace(Some(place("/output")));
        land.send(Landed::Room(ours)).unwrap();
        assert_eq!(told(), Some(format!("{:?}", Event::Paused(place("/output")))));
        full.send_replace(None);
        assert_eq!(told(), Some("Resumed".to_owned()));
        assert_eq!(told(), None);
    }
}
