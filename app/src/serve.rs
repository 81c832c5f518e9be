//! Answers known peers until stopped, under grants that are checked at every ask.

mod error;
pub mod live;
mod offer;
mod share;
mod taking;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;
use verifier::Sha256;
use verifier::consent::Act;
use verifier::identity::PeerId;
use verifier::scalars::{Id, UtcTime};

use live::Allowed;
use share::{Share, Subject};
use taking::Taking;

pub use error::ServeError;
pub use offer::{offer, promise};

use crate::blame;
use crate::consent::Consent;
use crate::import::Plan;
use crate::lease::Hold;
use crate::ports::{
    Clock as _, Failure, Journal as _, Listener as _, Listening, Model, Ports, ServeNews, Standing,
};

/// How many pieces of news may wait to be heard.
const NEWS_QUEUE: usize = 1_024;
/// How often it is checked whether any grant is still live.
const GRANT_CHECK: Duration = Duration::from_millis(500);

/// What happens while serving.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// Peers that call this address are answered from now on.
    Listening(SocketAddr),
    /// Something happened between here and a caller.
    Callers(ServeNews),
    /// The live grants to serve the artifact, and what went out under each, when that changed.
    Allowed(Vec<Allowed>),
}

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The user stopped it.
    Stopped,
    /// No grant of the run is live any more: each was revoked, used up or has expired.
    NoGrant,
}

/// What was served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Why it ended.
    pub ended: Ended,
    /// Bytes that each peer took.
    pub taken: BTreeMap<PeerId, u64>,
    /// The grants of the run that were live at its end, and ended with it.
    pub taken_back: Vec<Id>,
}

/// An artifact that lies ready at an address where nobody is answered yet.
///
/// Whatever can fail has been tried by then, so that a person is asked for a yes only to what can
/// begin. Dropping it gives the address back.
pub struct Bound<P: Ports> {
    address: SocketAddr,
    sessions: BoxFuture<'static, Result<(), Failure>>,
    heard: mpsc::Receiver<ServeNews>,
    share: Arc<Share<P::Store, P::Journal, P::Clock>>,
    /// Whether peers are there or not.
    _hold: Hold<P::Store>,
}

impl<P: Ports> Bound<P> {
    /// Where calls will be taken, with the port that the system picked if 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes the address on which an artifact is to be served.
///
/// # Errors
///
/// [`ServeError`] if the artifact cannot be served, or not there.
pub async fn bind<P: Ports>(
    ports: &P,
    artifact: Sha256,
    address: SocketAddr,
) -> Result<Bound<P>, ServeError>
where
    P::Clock: Clone,
{
    let hold = Hold::take(ports.store(), artifact);
    let share = Share::of_kept(ports, artifact).await?;
    take_address(ports, share, hold, address).await
}

/// Takes the address on which what the plan imports is to be served meanwhile, by
/// [`import_and_serve`](crate::import::import_and_serve).
///
/// # Errors
///
/// [`ServeError::Listen`] if it cannot be listened on there.
pub async fn bind_import<P: Ports>(
    ports: &P,
    plan: &Plan,
    address: SocketAddr,
) -> Result<Bound<P>, ServeError>
where
    P::Clock: Clone,
{
    let artifact = plan.artifact();
    let model_id = plan.manifest().model_id().clone();
    let subject = Subject { model_id, artifact, geometry: *plan.geometry() };
    let hold = Hold::take(ports.store(), artifact);
    take_address(ports, Share::of_coming(ports, subject), hold, address).await
}

async fn take_address<P: Ports>(
    ports: &P,
    share: Share<P::Store, P::Journal, P::Clock>,
    hold: Hold<P::Store>,
    address: SocketAddr,
) -> Result<Bound<P>, ServeError>
where
    P::Clock: Clone,
{
    let share = Arc::new(share);
    let (news, heard) = mpsc::channel(NEWS_QUEUE);
    let Listening { address, sessions } = ports
        .listener()
        .listen(address, Arc::clone(&share), news)
        .await
        .map_err(|source| ServeError::Listen { address, source })?;
    Ok(Bound { address, sessions, heard, share, _hold: hold })
}

/// Serves the artifact until `stop` resolves or the last grant of the yes ends. However it ends,
/// what the yes granted ends with it.
///
/// An artifact that is not whole is served as far as it is, and callers hear at once of every piece
/// that lands. One that is being imported is served from the moment on that its piece list is
/// known.
///
/// Peers of the library's book are let in; what they may have is decided by the consent log, at
/// every ask. Dropping the future hangs up on everyone, and takes nothing back.
///
/// # Errors
///
/// [`ServeError`] if serving cannot begin, or if this machine's network fails.
pub async fn serve<P: Ports>(
    ports: &P,
    bound: Bound<P>,
    consent: Consent,
    on: impl FnMut(Event) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Served, ServeError>
where
    P::Clock: Clone,
{
    let outcome = run(ports, bound, &consent, on, stop).await;
    let taken_back = consent.take_back(&**ports.journal(), ports.clock().now()).await;
    if let (Err(_), Err(error)) = (&outcome, &taken_back) {
        tracing::error!(%error, "cannot take back what was granted");
    }
    let served = outcome?;
    Ok(Served { taken_back: taken_back?, ..served })
}

async fn run<P: Ports>(
    ports: &P,
    bound: Bound<P>,
    consent: &Consent,
    mut on: impl FnMut(Event) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Served, ServeError>
where
    P::Clock: Clone,
{
    let Bound { address, mut sessions, mut heard, share, _hold } = bound;
    if consent.artifact() != share.subject().artifact || !consent.covers(Act::Serve) {
        return Err(ServeError::NoConsent);
    }
    let mut stop = std::pin::pin!(stop);
    if stop.as_mut().now_or_never().is_some() {
        // Nobody is told of what does not begin.
        let taken = BTreeMap::new();
        return Ok(Served { ended: Ended::Stopped, taken, taken_back: Vec::new() });
    }
    let mut is_ready = share.is_ready();
    if is_ready {
        on(Event::Listening(address));
    }
    // Who calls before waits in the queue of the system.
    let mut ready = Box::pin(share.ready());
    let mut taking = Taking::new(ports, share.subject());
    let mut allowed = Vec::new();
    let mut check = tokio::time::interval(GRANT_CHECK);
    check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let ended = loop {
        tokio::select! {
            () = &mut stop => break Ok(Ended::Stopped),
            outcome = &mut ready, if !is_ready => match outcome {
                Ok(()) => {
                    is_ready = true;
                    on(Event::Listening(address));
                }
                Err(failure) => break Err(ServeError::Store(failure)),
            },
            outcome = &mut sessions, if is_ready => break match outcome {
                Ok(()) => Ok(Ended::Stopped),
                Err(source) => Err(ServeError::Listen { address, source }),
            },
            Some(news) = heard.recv() => {
                taking.hear(&news);
                on(Event::Callers(news));
            }
            _ = check.tick() => {
                let now = ports.clock().now();
                let standing = match ports.journal().standing(now).await {
                    Ok(standing) => standing,
                    // Every ask is checked by itself, and what is open now is closed again.
                    Err(error) if blame::is_out_of_files(&error) => {
                        tracing::warn!(%error, "the grants are looked at a little later");
                        continue;
                    }
                    Err(error) => break Err(error.into()),
                };
                let live = live_grants(&standing, share.subject().artifact);
                if live != allowed {
                    allowed.clone_from(&live);
                    on(Event::Allowed(live));
                }
                let goes_on = match rest(standing, consent, share.subject().least_piece(), now) {
                    Rest::Some => true,
                    Rest::UsedUp => share.is_sending() || taking.goes_on(),
                    Rest::Nothing => false,
                };
                if !goes_on {
                    break Ok(Ended::NoGrant);
                }
            }
        }
    };
    drop(sessions);
    // What went out before the sessions were hung up on counts too.
    let late = async {
        while let Some(news) = heard.recv().await {
            taking.hear(&news);
            on(Event::Callers(news));
        }
    };
    // A session that does not end by then is not waited for.
    let _ended = tokio::time::timeout(GRANT_CHECK, late).await;
    if let Err(failure) = ports.journal().settle().await {
        tracing::error!(%failure, "cannot write down what was served");
    }
    Ok(Served { ended: ended?, taken: taking.end(), taken_back: Vec::new() })
}

/// What is left of a yes.
enum Rest {
    /// Some grant allows another piece.
    Some,
    /// Every grant that is neither taken back nor over is used up. The last bytes may still be on
    /// their way.
    UsedUp,
    /// Every grant is taken back or over.
    Nothing,
}

/// What is left of the yes, if the least that can be asked for has so many bytes.
fn rest(mut standing: Vec<Standing>, consent: &Consent, least: u64, now: UtcTime) -> Rest {
    standing.retain(|standing| consent.has(standing) && standing.grant.is_live(now));
    match standing.as_slice() {
        [] => Rest::Nothing,
        grants if grants.iter().any(|grant| grant.left() >= least) => Rest::Some,
        _ => Rest::UsedUp,
    }
}

/// The length of the shortest piece of the model that is kept, in bytes: who may take fewer gets
/// nothing.
pub fn least_piece(model: &Model) -> u64 {
    let pieces = model.have.pieces(&model.geometry);
    pieces.map(|piece| u64::from(model.geometry.length(piece))).min().unwrap_or(0)
}

/// Every live grant to serve the artifact.
fn live_grants(standing: &[Standing], artifact: Sha256) -> Vec<Allowed> {
    let live = standing.iter().filter(|standing| {
        let grant = &standing.grant;
        standing.live && grant.act() == Act::Serve && grant.artifact_sha256() == artifact
    });
    live.map(Allowed::of).collect()
}
