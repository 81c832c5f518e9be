//! Serving: the question, the server itself, and the offer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use app::addresses;
use app::ports::{Access, Clock as _, PieceStore as _, Ports};
use app::problem::Problem;
use app::question::{Question, Serving};
use app::serve::live::{INTERVAL, Live};
use app::serve::{Event, Served};
use futures::SinkExt as _;
use futures::channel::mpsc;
use iced::Task;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use verifier::Code;

use super::super::{perform, store_failed};
use super::{check_free, model, telling};
use crate::screen::share::{Happened, Message, Order, ServerMessage, Starting};
use crate::wiring::Opened;

/// Makes the question whether the model may be served so.
pub(super) async fn ask<P: Ports>(opened: &Opened<P>, order: &Order) -> Result<Question, Problem> {
    let store = opened.ports.store();
    let model = model(opened, order.artifact).await?;
    let manifest = app::share::kept_manifest(&**store, order.artifact)
        .await
        .map_err(|error| Problem::blamed(&error))?;
    let known = store.peers().await.map_err(store_failed)?;
    let peers: Vec<_> = known
        .into_iter()
        .filter(|peer| order.peers.contains(&peer.id) && peer.access == Access::Open)
        .collect();
    if peers.len() != order.peers.len() {
        let what = "one of the peers was removed or blocked meanwhile";
        let advice = "Go back and choose the peers again.";
        return Err(Problem::new(Code::new("usage", "arguments"), what, advice));
    }
    check_free(order.file.clone()).await?;
    let until = opened.ports.clock().now().plus(order.span);
    let serving =
        Serving { model: &model, manifest: &manifest, listen: order.listen, peers: &peers };
    let stop = "press Stop on this screen, take it back from a peer, or close the window";
    Ok(Question::serve(&serving, Some(order.limit), until, stop))
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
    let serving =
        app::serve::serve(ports, order.artifact, order.listen, consent, on, stop.wished());
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
        Ok(bytes) => match super::write(opened, order.file.clone(), Arc::clone(&bytes)).await {
            Ok(path) => Happened::Offered(path),
            Err(problem) => Happened::NotOffered(problem, bytes),
        },
        Err(problem) => Happened::NotOffered(problem, Arc::new([])),
    }
}

async fn sign<P: Ports>(
    opened: &Opened<P>,
    order: &Order,
    until: verifier::scalars::UtcTime,
    address: SocketAddr,
) -> Result<Arc<[u8]>, Problem> {
    let model = model(opened, order.artifact).await?;
    let addresses = addresses::of_listener(&order.addresses, order.usual, address)
        .map_err(|error| Problem::blamed(&error))?;
    let now = opened.ports.clock().now();
    let offer = app::serve::offer(&model, &opened.key, addresses, now, until)
        .map_err(|error| Problem::blamed(&error))?;
    Ok(offer.bytes().into())
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
