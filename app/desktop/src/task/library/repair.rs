//! One repair: what is bad is looked for, and fetched after the yes.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::event::Event;
use app::library::{self, RepairError, RepairPlan, Repaired, State, Step, Whom};
use app::ports::{Clock as _, Patience, Ports, PullNews};
use app::problem::Problem;
use app::question::Question;
use tokio::time::{MissedTickBehavior, interval};
use verifier::Sha256;
use verifier::identity::PeerId;

use super::Pace;
use crate::screen::library::{Looked, Mended, Message, News, Outlook, Part, Start, Stop};
use crate::task::Report;
use crate::wiring::Opened;

/// How long a yes to a repair holds, in seconds.
const YES_HOLDS: u64 = 86_400;
/// How often the window is told how far it is.
const BEAT: Duration = Duration::from_millis(100);

/// Reads the model again, and works out how what is bad or missing is fetched.
pub(super) async fn look<P: Ports>(
    opened: &Opened<P>,
    artifact: Sha256,
    whom: Vec<PeerId>,
    run: u64,
    report: Report<Message>,
) -> Result<Looked, Problem> {
    let checked = super::recheck(opened, artifact, run, report).await?;
    let Some(checked) = checked else { return Ok(Looked::Gone) };
    if checked.state == State::Whole {
        return Ok(Looked::Sound(checked));
    }
    let whom = if whom.is_empty() { Whom::Known } else { Whom::These(whom) };
    let plan = RepairPlan::new(&opened.ports, artifact, &whom).await;
    let plan = plan.map_err(|error| Problem::blamed(&error))?;
    let stop = "press Stop, or take the yes back under Activity; it ends with the repair";
    let until = opened.ports.clock().now().plus(YES_HOLDS);
    let question = Question::repair(&plan, until, stop);
    Ok(Looked::Needed(Box::new(Outlook { plan, question })))
}

/// Repairs, and tells how far it is and what it waits for; `None` if it was stopped.
pub(super) async fn mend<P: Ports>(
    opened: &Arc<Opened<P>>,
    start: Start,
    stop: Stop,
    run: u64,
    mut report: Report<Message>,
) -> Option<Result<Mended, Problem>> {
    let Start { plan, yes } = start;
    let ports = &opened.ports;
    let total = plan.bytes_missing();
    let watch = Mutex::new(Watch { pace: Pace::new(total), came: 0, said: None });
    let lock = || watch.lock().unwrap_or_else(PoisonError::into_inner);
    let repairing = async {
        let consent = yes.write_down(&**ports.journal(), ports.clock().now()).await?;
        let on = |step| {
            if let Step::Fetch(event) = step {
                lock().hear(&event);
            }
        };
        // Whoever drops the other end does not want the repair any more.
        let stop = async { stop.await.unwrap_or_default() };
        library::repair(ports, plan, consent, Patience::Forever, on, stop).await
    };
    let mut repairing = pin!(repairing);
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let outcome = loop {
        tokio::select! {
            outcome = &mut repairing => break outcome,
            _ = beat.tick() => {
                // A window that is slow sees the next one.
                let (part, said) = lock().shot();
                report.say(Message::News(News::Repairing(run, part, said)));
            }
        }
    };
    match outcome {
        Ok(repaired) => Some(Ok(Mended::of(repaired))),
        Err(RepairError::Stopped) => None,
        Err(error) => Some(Err(Problem::blamed(&error))),
    }
}

/// What is known of a running repair.
struct Watch {
    pace: Pace,
    /// Bytes of pieces that are kept by now.
    came: u64,
    /// What it waits for.
    said: Option<String>,
}

impl Watch {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::Kept { bytes, .. } => {
                self.came = self.came.saturating_add(*bytes);
                self.said = None;
            }
            Event::Peers(PullNews::Waiting(why)) => self.said = Some(why.clone()),
            Event::Peers(PullNews::Moving) => self.said = None,
            Event::Verifying => self.said = Some("Reading the whole again.".to_owned()),
            _ => {}
        }
    }

    fn shot(&mut self) -> (Part, Option<String>) {
        (self.pace.reach(self.came), self.said.clone())
    }
}

impl Mended {
    fn of(repaired: Repaired) -> Self {
        let Repaired { given, pieces, troubles, .. } = repaired;
        Self { pieces: pieces.into(), given: given.into_iter().collect(), troubles }
    }
}
