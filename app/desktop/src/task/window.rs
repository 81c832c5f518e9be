//! The window's own work: opening the library, keeping settings, telling the desktop.

use std::path::PathBuf;
use std::sync::Arc;

use app::ports::{KnownPeer, PieceStore as _, Ports};
use app::problem::Problem;
use app::settings::Settings;
use iced::Task;

use super::{blocking, perform, store_failed};
use crate::wiring::{Opened, Unopened, Wiring};

/// Opens everything under the data folder.
pub fn open<W: Wiring>(
    wiring: &Arc<W>,
    data: PathBuf,
    settings: Settings,
) -> Task<Result<Arc<Opened<W::Ports>>, Unopened>> {
    let wiring = Arc::clone(wiring);
    let work = async move {
        let opened = tokio::task::spawn_blocking(move || wiring.open(&data, &settings)).await;
        match opened {
            Ok(opened) => opened.map(Arc::new),
            Err(join) => Err(Unopened::Failed(Problem::machine("the start ended early", &join))),
        }
    };
    perform(work, |opened| opened)
}

/// Changes the settings as they are on the disk, and gives them.
pub fn change<W: Wiring>(
    wiring: &Arc<W>,
    data: PathBuf,
    change: impl FnOnce(&Settings) -> Settings + Send + 'static,
) -> Task<Result<Settings, Problem>> {
    let wiring = Arc::clone(wiring);
    perform(blocking(move || wiring.change(&data, change)), |changed| changed)
}

/// Reads the book of peers.
pub fn peers<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
) -> Task<Result<Arc<[KnownPeer]>, Problem>> {
    let opened = Arc::clone(opened);
    let work = async move {
        let mut peers = opened.ports.store().peers().await.map_err(store_failed)?;
        peers.sort_by(|one, other| one.label.as_str().cmp(other.label.as_str()));
        Ok(peers.into())
    };
    perform(work, |peers| peers)
}

/// Tells the desktop. Where there is none that listens, nobody is told, and nothing is wrong.
pub fn notify<M: Send + 'static>(title: String, body: String) -> Task<M> {
    let work = tokio::task::spawn_blocking(move || {
        let shown = notify_rust::Notification::new()
            .appname("MiniModel Peer Companion")
            .summary(&title)
            .body(&body)
            .show();
        if let Err(error) = shown {
            tracing::debug!(%error, "the desktop shows no notifications");
        }
    });
    Task::future(work).discard()
}
