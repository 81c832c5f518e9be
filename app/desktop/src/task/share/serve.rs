//! Serving: the question, the server itself, and the offer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use app::addresses;
use app::ports::{Access, Clock as _, Journal as _, PieceStore as _, Ports};
use app::problem::Problem;
use app::question::{Question, Serving, Told};
use app::serve::live::{INTERVAL, Live};
use app::serve::{Bound, Event, Served};
use futures::SinkExt as _;
use futures::channel::mpsc;
use iced::Task;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use verifier::Code;
use verifier::request::Offer;

use super::super::{perform, store_failed};
use super::{check_free, model, telling};
use crate::screen::share::{Happened, Message, Order, ServerMessage, Starting};
use crate::wiring::Opened;

/// Makes the question whether the model may be served so.
pub(super) async fn ask<P: Ports<Clock: Clone>>(
    opened: &Opened<P>,
    order: &Order,
) -> Result<Question, Problem> {
    let store = opened.ports.store();
    model(opened, order.artifact).await?;
    let manifest = app::share::kept_manifest(&**store, order.artifact)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let known = store.peers().await.map_err(store_failed)?;
    let peers: Vec<_> = known
        .iter()
        .filter(|peer| order.peers.contains(&peer.id) && peer.access == Access::Open)
        .cloned()
        .collect();
    if peers.len() != order.peers.len() {
        let what = "one of the peers was removed or blocked meanwhile";
        let advice = "Go back and choose the peers again.";
        return Err(Problem::new(Code::new("usage", "arguments"), what, advice));
    }
    check_free(opened, order.file.clone()).await?;
    // Given back at once: the system picks another port later where it is to pick one.
    let listening = bind(opened, order).await?.address();
    let now = opened.ports.clock().now();
    let until = now.plus(order.span);
    let offer = sign(opened, order, until, listening).await?;
    let places = match order.listen.port() {
        0 => "where you are called, at the port that the system picks".to_owned(),
        _ => offer.addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let standing = opened.ports.journal().standing(now).await;
    let serving = Serving {
        manifest: &manifest,
        listen: order.listen,
        peers: &peers,
        known: &known,
        standing: &standing.map_err(|error| Problem::blamed(&error))?,
        now,
        offer: Some(Told { file: &order.file, places: &places }),
    };
    let stop = "press Stop or close the window: both take back what this yes grants";
    Ok(Question::serve(&serving, Some(order.limit), until, stop))
}

async fn bind<P: Ports<Clock: Clone>>(
    opened: &Opened<P>,
    order: &Order,
) -> Result<Bound<P>, Problem> {
    let bound = app::serve::bind(&opened.ports, order.artifact, order.listen).await;
    bound.map_err(|error| Problem::blamed(&error))
}

/// Serves until it is stopped, and tells what goes on.
pub(super) fn start<P: Ports<Clock: Clone> + 'static>(
    opened: Arc<Opened<P>>,
    starting: Starting,
) -> Task<Message> {
    let number = starting.number;
    telling(move |mut tell| async move {
        let ended = serve(&opened, starting, &mut tell).await;
        // The window may be gone.
        let _gone = tell.send(Happened::Ended(ended.map(Arc::new))).await;
    })
    .map(move |happened| Message::Server(number, ServerMessage::Happened(happened)))
}

async fn serve<P: Ports<Clock: Clone> + 'static>(
    opened: &Arc<Opened<P>>,
    starting: Starting,
    tell: &mut mpsc::Sender<Happened>,
) -> Result<Served, Problem> {
    let Starting { order, until, yes, stop, .. } = starting;
    let ports = &opened.ports;
    // What can fail is tried once more: it may be long since the question was made.
    check_free(opened, order.file.clone()).await?;
    let bound = bind(opened, &order).await?;
    let consent = yes
        .write_down(&**ports.journal(), ports.clock().now())
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let live = Arc::new(Mutex::new(Live::default()));
    let began = Instant::now();
    let (found, mut address) = oneshot::channel();
    let mut found = Some(found);
    let heard = Arc::clone(&live);
    let on = move |event: Event| {
        if let Event::Listening(address) = &event
            && let Some(found) = found.take()
        {
            // Nobody waits for it once serving has ended.
            let _gone = found.send(*address);
        }
        heard.lock().unwrap_or_else(PoisonError::into_inner).hear(&event, began.elapsed());
    };
    let serving = app::serve::serve(ports, bound, consent, on, stop.wished());
    let mut serving = std::pin::pin!(serving);
    let mut look = interval(INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_offered = false;
    loop {
        tokio::select! {
            served = &mut serving => return served.map_err(|error| Problem::blamed(&error)),
            Ok(address) = &mut address, if !is_offered => {
                is_offered = true;
                let happened = offer(opened, &order, until, address).await;
                let _gone = tell.send(happened).await;
            }
            _ = look.tick() => {
                let snapshot =
                    live.lock().unwrap_or_else(PoisonError::into_inner).look(began.elapsed());
                if let Some(snapshot) = snapshot {
                    let _gone = tell.send(Happened::Live(Arc::new(snapshot))).await;
                }
            }
        }
    }
}

/// Signs the offer, now that the address is known, and writes it.
async fn offer<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    order: &Order,
    until: verifier::scalars::UtcTime,
    address: SocketAddr,
) -> Happened {
    match sign(opened, order, until, address).await {
        Ok(offer) => {
            let bytes: Arc<[u8]> = offer.bytes().into();
            match super::write(opened, order.file.clone(), Arc::clone(&bytes)).await {
                Ok(path) => Happened::Offered(path),
                Err(problem) => Happened::NotOffered(problem, bytes),
            }
        }
        Err(problem) => Happened::NotOffered(problem, Arc::new([])),
    }
}

async fn sign<P: Ports>(
    opened: &Opened<P>,
    order: &Order,
    until: verifier::scalars::UtcTime,
    address: SocketAddr,
) -> Result<Offer, Problem> {
    let model = model(opened, order.artifact).await?;
    let addresses = addresses::of_listener(&order.addresses, order.usual, address)
        .map_err(|error| Problem::blamed(&error))?;
    let now = opened.ports.clock().now();
    app::serve::offer(&model, &opened.key, addresses, now, until)
        .map_err(|error| Problem::blamed(&error))
}

/// Writes an offer that could not be written.
pub(super) fn write<P: Ports + 'static>(
    opened: Arc<Opened<P>>,
    number: u64,
    path: PathBuf,
    bytes: Arc<[u8]>,
) -> Task<Message> {
    let work = async move {
        match super::write(&opened, path, Arc::clone(&bytes)).await {
            Ok(path) => Happened::Offered(path),
            Err(problem) => Happened::NotOffered(problem, bytes),
        }
    };
    perform(work, move |happened| Message::Server(number, ServerMessage::Happened(happened)))
}
