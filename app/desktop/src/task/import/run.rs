//! One running import: the use case, and what the window is told of it.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use app::event::Event;
use app::import::live::Live;
use app::import::{self, ImportError, Imported};
use app::ports::{Clock as _, Patience, Ports};
use app::problem::Problem;
use app::verify::program_version;
use futures::SinkExt as _;
use futures::channel::mpsc::Sender;
use iced::Task;
use tokio::time::{MissedTickBehavior, interval};
use verifier::identity::SigningKey;
use verifier::scalars::UtcTime;
use verifier::slm::ChecksumRule;

use crate::screen::import::{Done, How, Run, Shot, Start};
use crate::widget::piece_map::Pieces;
use crate::wiring::Opened;

/// How often the window is told of what moved.
const BEAT: Duration = Duration::from_millis(100);
/// How often it is told while nothing moves, in beats.
const STILL: u32 = 10;
/// How many messages may wait for the window; what does not fit is told with the next beat.
const QUEUE: usize = 2;

/// Imports, and tells how it goes at most ten times a second, and at the end.
pub(super) fn start<P: Ports + 'static>(
    opened: Arc<Opened<P>>,
    signs: bool,
    start: Start,
) -> Task<Run> {
    let stream = iced::stream::channel(QUEUE, async move |tell: Sender<Run>| {
        // The window's own executor must not wait for what it is told, so the work has a task of
        // its own. It ends with the import, which ends when the state that watches it goes.
        drop(tokio::spawn(work(opened, signs, start, tell)).await);
    });
    Task::run(stream, |message| message)
}

/// What is known of a running import.
struct Watch {
    live: Live,
    pieces: Pieces,
    moved: bool,
}

impl Watch {
    fn hear(&mut self, event: &Event, now: UtcTime) {
        self.live.hear(event, Instant::now());
        self.pieces.hear(event, now);
        self.moved = true;
    }

    fn shot(&mut self) -> Run {
        self.moved = false;
        let live = self.live.snapshot(Instant::now());
        Run::Live(Box::new(Shot { live, pieces: self.pieces.clone() }))
    }
}

async fn work<P: Ports>(opened: Arc<Opened<P>>, signs: bool, start: Start, mut tell: Sender<Run>) {
    let Start { plan, yes, stop } = start;
    let pieces = Pieces::missing(*plan.geometry());
    let live = Live::new(&plan, Instant::now());
    let watch = Mutex::new(Watch { live, pieces, moved: true });
    let shot = || watch.lock().unwrap_or_else(PoisonError::into_inner).shot();
    let outcome = {
        let importing = async {
            let ports = &opened.ports;
            let settings = settings(signs.then_some(&opened.key))?;
            import::room::check(ports, &plan, &yes).await.map_err(ended)?;
            let consent = yes
                .write_down(&**ports.journal(), ports.clock().now())
                .await
                .map_err(ImportError::from)
                .map_err(|error| How::Failed(Problem::blamed(&error)))?;
            let on = |event: Event| {
                let now = ports.clock().now();
                watch.lock().unwrap_or_else(PoisonError::into_inner).hear(&event, now);
            };
            // Whoever drops the other end does not want the import any more.
            let stop = async { stop.await.unwrap_or_default() };
            import::import(ports, plan, consent, settings, on, stop).await.map_err(ended)
        };
        let mut importing = pin!(importing);
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut still = 0;
        loop {
            tokio::select! {
                outcome = &mut importing => break outcome,
                _ = beat.tick() => {
                    still += 1;
                    let moved = watch.lock().unwrap_or_else(PoisonError::into_inner).moved;
                    if moved || still >= STILL {
                        still = 0;
                        // A window that is slow sees the next one.
                        tell.try_send(shot()).ok();
                    }
                }
            }
        }
    };
    let how = outcome
        .map_or_else(|how| how, |imported: Imported| How::Done(Box::new(Done::of(&imported))));
    for last in [shot(), Run::Ended(Box::new(how))] {
        // A window that is gone is told nothing.
        tell.send(last).await.ok();
    }
}

fn ended(error: ImportError) -> How {
    match error {
        ImportError::Stopped => How::Stopped,
        error => How::Failed(Problem::blamed(&error)),
    }
}

fn settings(signer: Option<&SigningKey>) -> Result<import::Settings, How> {
    let verifier_version = program_version().map_err(How::Failed)?;
    let signer = signer.map(|key| SigningKey::from_seed(*key.seed()));
    Ok(import::Settings {
        verifier_version,
        signer,
        rule: ChecksumRule::Verify,
        patience: Patience::Forever,
    })
}
