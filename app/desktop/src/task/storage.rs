//! The work of the screen `storage`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use app::import::live::Meter;
use app::library::{self, Budget, Checked, Reached, Scrubbed, State};
use app::ports::{
    Clock as _, Day, Failure, Lowering, Model, PieceState, PieceStore, Ports, Quota, QuotaOf,
};
use app::problem::{Problem, chain};
use app::quantity::Size;
use app::settings::Settings;
use iced::Task;
use verifier::Sha256;

use super::{Report, perform, reporting, store_failed};
use crate::screen::storage::{
    Found, Message, ModelQuota, Progress, Seen, Stop, Taken, Trouble, Work,
};
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
        Work::SetQuota(run, bytes) => perform(set_quota(opened, bytes), move |set| match set {
            Ok(lowering) if lowering.over > 0 => Message::QuotaOver(run.clone(), bytes, lowering),
            set => Message::QuotaSet(run.clone(), set.map(|_| bytes)),
        }),
        Work::Lower(run, bytes, agreed) => {
            let work = async move { lower(&*opened, bytes, agreed).await.map(|()| bytes) };
            perform(work, move |set| Message::QuotaSet(run.clone(), set))
        }
        Work::WouldGo(number, size) => {
            let work = async move {
                let Size(bytes) = size;
                opened.ports.store().would_evict(bytes).await.map_err(|e| Problem::blamed(&e))
            };
            perform(work, move |gone| Message::WouldGo(number, size, gone))
        }
        Work::Check(budget, stop) => reporting(move |report| async move {
            Some(Message::Checked(check(&opened, budget, stop, report).await))
        }),
    }
}

/// Sets the quota, if nothing would have to go for it; what would.
async fn set_quota<P: Ports>(opened: Arc<Opened<P>>, bytes: u64) -> Result<Lowering, Problem> {
    let quota = Quota { of: QuotaOf::Library, bytes };
    let lowering = opened.ports.store().would_lower(quota).await.map_err(store_failed)?;
    if lowering.over == 0 {
        lower(&*opened, bytes, Vec::new()).await?;
    }
    Ok(lowering)
}

async fn lower<P: Ports>(
    opened: &Opened<P>,
    bytes: u64,
    agreed: Vec<Sha256>,
) -> Result<(), Problem> {
    let (quota, now) = (Quota { of: QuotaOf::Library, bytes }, opened.ports.clock().now());
    let lowered = opened.ports.store().lower(quota, agreed, now).await;
    lowered.map(drop).map_err(|error| Problem::blamed(&error))
}

async fn look<P: Ports>(opened: Arc<Opened<P>>) -> Result<Arc<Seen>, Problem> {
    let store = opened.ports.store();
    let accounts = store.accounts().await.map_err(store_failed)?;
    let footprints = store.footprints().await.map_err(store_failed)?;
    let footprints: BTreeMap<_, _> =
        footprints.into_iter().map(|footprint| (footprint.artifact, footprint)).collect();
    let models = store.models().await.map_err(store_failed)?;
    let oldest = oldest(&**store, &models).await.map_err(store_failed)?;
    let quotas = store.model_quotas().await.map_err(store_failed)?;
    let mut quotas: Vec<ModelQuota> = quotas
        .into_iter()
        .map(|(model_id, bytes)| ModelQuota { model_id, bytes, taken: 0 })
        .collect();
    let mut taken = Vec::with_capacity(models.len());
    for model in models {
        let footprint = footprints.get(&model.artifact);
        let one = Taken {
            name: format!("{} {}", model.model_id, model.model_version),
            own: footprint.map_or(0, |footprint| footprint.own),
            shared: footprint.map_or(0, |footprint| footprint.shared),
            pin: model.pin,
            last_use: model.last_use,
        };
        if let Some(quota) = quotas.iter_mut().find(|quota| quota.model_id == model.model_id) {
            quota.taken = quota.taken.saturating_add(one.all());
        }
        taken.push(one);
    }
    taken.sort_by_key(|taken| std::cmp::Reverse(taken.all()));
    Ok(Arc::new(Seen { accounts, abilities: store.abilities(), quotas, models: taken, oldest }))
}

/// The day of the oldest check of a kept piece, if it is known of all.
async fn oldest<S: PieceStore>(store: &S, models: &[Model]) -> Result<Option<Day>, Failure> {
    let mut oldest: Option<Day> = None;
    for model in models {
        for state in store.map(model.artifact).await?.unwrap_or_default() {
            if let PieceState::Kept { verified, .. } = state {
                let Some(day) = verified else { return Ok(None) };
                oldest = Some(oldest.map_or(day, |oldest| oldest.min(day)));
            }
        }
    }
    Ok(oldest)
}

async fn check<P: Ports>(
    opened: &Opened<P>,
    budget: Budget,
    stop: Stop,
    mut report: Report<Message>,
) -> Result<Arc<Found>, Problem> {
    let (mut meter, mut counted) = (Meter::new(Instant::now()), 0);
    let on = |reached: Reached<'_>| {
        let Reached { model, bytes, of, left, bad } = reached;
        let now = Instant::now();
        meter.add(bytes.saturating_sub(counted), now);
        counted = counted.max(bytes);
        report.say(Message::Checking(Arc::new(Progress {
            model: format!("{} {}", model.model_id, model.model_version),
            bytes,
            of,
            rate: meter.rate(now),
            ends_in: left.map(|left| left.as_secs()),
            bad,
        })));
    };
    // Whoever drops the other end wants no more to be read; what was read is told.
    let stop = async { stop.await.unwrap_or_default() };
    let scrubbed = library::scrub(&opened.ports, &[], budget, on, stop).await;
    scrubbed.map(Found::of).map(Arc::new).map_err(store_failed)
}

impl Found {
    fn of(scrubbed: Scrubbed) -> Self {
        let Scrubbed { bytes, pieces, left, ended, models } = scrubbed;
        let wrong = |(model, outcome): &(Model, Result<Checked, Failure>)| {
            let what = match outcome {
                Ok(found) if found.state == State::Incomplete => return None,
                Ok(found) => found.wrong(words::count)?,
                Err(failure) => format!("not read: {}", chain(failure.as_ref())),
            };
            Some(Trouble { name: format!("{} {}", model.model_id, model.model_version), what })
        };
        let troubles = models.iter().filter_map(wrong).collect();
        Self { pieces, models: models.len() as u64, bytes, left, ended, troubles }
    }
}
