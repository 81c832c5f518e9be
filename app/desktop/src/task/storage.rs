//! The work of the screen `storage`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::library::{self, AllEvent};
use app::ports::{PieceStore as _, Ports};
use app::problem::{Problem, chain};
use app::quantity::Size;
use app::settings::Settings;
use iced::Task;

use super::{Report, perform, reporting, store_failed, unless};
use crate::screen::storage::{Message, Progress, Seen, Stop, Taken, Trouble, Work};
use crate::wiring::Opened;
use crate::words;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    _settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    match work {
        Work::Look(number) => perform(look(opened), move |seen| Message::Looked(number, seen)),
        Work::SetQuota(run, bytes) => {
            let work = async move {
                opened.ports.store().set_quota(bytes).await.map(|()| bytes).map_err(store_failed)
            };
            perform(work, move |set| Message::QuotaSet(run.clone(), set))
        }
        Work::WouldGo(number, size) => {
            let work = async move {
                let Size(bytes) = size;
                opened.ports.store().would_evict(bytes).await.map_err(|e| Problem::blamed(&e))
            };
            perform(work, move |gone| Message::WouldGo(number, size, gone))
        }
        Work::Check(stop) => reporting(move |report| async move {
            Some(Message::Checked(check(&opened, stop, report).await))
        }),
    }
}

async fn look<P: Ports>(opened: Arc<Opened<P>>) -> Result<Arc<Seen>, Problem> {
    let store = opened.ports.store();
    let accounts = store.accounts().await.map_err(store_failed)?;
    let footprints = store.footprints().await.map_err(store_failed)?;
    let footprints: BTreeMap<_, _> =
        footprints.into_iter().map(|footprint| (footprint.artifact, footprint)).collect();
    let models = store.models().await.map_err(store_failed)?;
    let mut models: Vec<Taken> = models
        .into_iter()
        .map(|model| {
            let footprint = footprints.get(&model.artifact);
            Taken {
                name: format!("{} {}", model.model_id, model.model_version),
                own: footprint.map_or(0, |footprint| footprint.own),
                shared: footprint.map_or(0, |footprint| footprint.shared),
                pin: model.pin,
                last_use: model.last_use,
            }
        })
        .collect();
    models.sort_by_key(|taken| std::cmp::Reverse(taken.all()));
    Ok(Arc::new(Seen { accounts, models }))
}

async fn check<P: Ports>(
    opened: &Opened<P>,
    stop: Stop,
    mut report: Report<Message>,
) -> Result<Arc<Progress>, Problem> {
    let shared = Mutex::new(Progress::default());
    let on = |event: AllEvent<'_>| {
        let mut progress = shared.lock().unwrap_or_else(PoisonError::into_inner);
        progress.hear(event);
        report.say(Message::Checking(Arc::new(progress.clone())));
    };
    let outcome = unless(stop, library::recheck_all(&opened.ports, on)).await;
    // The end is told also when it is stopped: with what was found by then.
    let stopped = outcome.is_none();
    outcome.unwrap_or(Ok(())).map_err(store_failed)?;
    let progress = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::new(Progress { stopped, ..progress }))
}

impl Progress {
    /// Writes down what happened.
    fn hear(&mut self, event: AllEvent<'_>) {
        match event {
            AllEvent::Begun { model, place, of } => {
                self.model = format!("{} {}", model.model_id, model.model_version);
                self.models = place as u64;
                self.of_models = of as u64;
                self.pieces = 0;
                self.of_pieces = model.have.count().into();
            }
            AllEvent::Reached(pieces) => self.pieces = pieces.into(),
            AllEvent::Ended { outcome, .. } => {
                self.models = self.models.saturating_add(1);
                let what = match outcome {
                    Ok(found) => {
                        self.checked = self.checked.saturating_add(found.pieces.into());
                        self.pieces = 0;
                        let Some(wrong) = found.wrong(words::count) else { return };
                        wrong
                    }
                    Err(failure) => format!("not read: {}", chain(failure.as_ref())),
                };
                let trouble = Trouble { name: self.model.clone(), what };
                self.troubles = self.troubles.iter().cloned().chain([trouble]).collect();
            }
            _ => {}
        }
    }
}
