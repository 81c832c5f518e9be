//! The work of the screen `activity`.

use std::sync::Arc;

use app::activity::look;
use app::consent::take_back;
use app::ports::{Clock as _, PieceStore as _, Ports, Standing};
use app::problem::Problem;
use app::settings::Settings;
use iced::Task;
use verifier::scalars::Id;

use super::perform;
use crate::screen::activity::{Looked, MOST, Message, Work};
use crate::wiring::Opened;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    _settings: &Settings,
    work: Work,
) -> Task<Message> {
    let opened = Arc::clone(opened);
    match work {
        Work::Look { turn } => perform(looked(opened), move |looked| Message::Looked {
            turn,
            looked: Arc::new(looked),
        }),
        Work::Revoke(grants) => {
            let named = grants.clone();
            perform(revoke(opened, grants), move |outcome| Message::Revoked(named.clone(), outcome))
        }
    }
}

async fn looked<P: Ports>(opened: Arc<Opened<P>>) -> Looked {
    let ports = &opened.ports;
    let look = look(&**ports.journal(), MOST, ports.clock().now()).await;
    // Without names, what happened is seen all the same.
    let peers = ports.store().peers().await.unwrap_or_default();
    Looked::new(look, |id| {
        let known = peers.iter().find(|known| known.id == id);
        known.map(|known| known.label.to_string())
    })
}

/// Takes those of the grants back that are live or will be, all of them or none.
async fn revoke<P: Ports>(opened: Arc<Opened<P>>, grants: Vec<Id>) -> Result<(), Problem> {
    let ports = &opened.ports;
    let meant = |standing: &Standing| grants.contains(standing.grant.id());
    let revoked = take_back(&**ports.journal(), ports.clock().now(), meant).await;
    revoked.map(|_| ()).map_err(|error| Problem::blamed(&error))
}
