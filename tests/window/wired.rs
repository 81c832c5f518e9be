//! The real disk and the real network, as the program wires them.

use std::path::Path;
use std::sync::Arc;

use app::clock::SystemClock;
use app::ports::Bundle;
use app::problem::Problem;
use app::settings::Settings;
use desktop::wiring::{Opened, Unopened, Wiring};
use store::{Disk, Journal, Layout, OpenError, Outputs, Store};
use transfer::{Identity, Limits, Swarm, TlsListener};
use verifier::identity::SigningKey;

/// The real disk and the real network.
#[derive(Debug, Default)]
pub struct Wired {
    limits: Arc<Limits>,
}

impl Wiring for Wired {
    type Ports = Bundle<Store, Outputs, Swarm, TlsListener, Journal, SystemClock>;

    fn is_new(&self, data: &Path) -> bool {
        !Layout::new(data).identity_key().exists()
    }

    fn open(&self, data: &Path, settings: &Settings) -> Result<Opened<Self::Ports>, Unopened> {
        self.pace(settings);
        let disk = Disk::open(data, "the tests").map_err(|error| match error {
            OpenError::Lock(_) => Unopened::Held(Problem::blamed(&error)),
            _ => Unopened::Failed(Problem::blamed(&error)),
        })?;
        let identity = Identity::load_or_create(&Layout::new(data).identity_key())
            .map_err(|error| Unopened::Failed(Problem::blamed(&error)))?;
        let key = SigningKey::from_seed(*identity.signing_key().seed());
        let (identity, limits) = (Arc::new(identity), Arc::clone(&self.limits));
        let ports = Bundle {
            store: disk.store,
            outputs: disk.outputs,
            peers: Arc::new(Swarm::new(Arc::clone(&identity), Arc::clone(&limits))),
            listener: Arc::new(TlsListener::new(identity, limits)),
            journal: disk.journal,
            clock: SystemClock,
        };
        Ok(Opened { ports, key, data: data.to_owned(), notices: disk.notices })
    }

    fn pace(&self, settings: &Settings) {
        self.limits.set_upload(settings.upload_limit);
        self.limits.set_peer(settings.peer_limit);
        self.limits.set_download(settings.download_limit);
        self.limits.set_connections(settings.connections);
    }

    fn change(
        &self,
        data: &Path,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem> {
        store::change_settings(&Layout::new(data), change)
            .map_err(|error| Problem::machine("the settings are not kept", &error))
    }
}
