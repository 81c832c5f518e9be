//! The installation in a data folder, as a resident takes it.

use std::path::PathBuf;
use std::sync::Arc;

use app::ports::KnownPeer;
use app::problem::Problem;
use app::resident::Installation;
use app::settings::Settings;

use crate::wiring::Wiring;

/// A data folder, and what opens it.
#[derive(Debug)]
pub struct Installed<'a, W> {
    pub(crate) wiring: &'a W,
    pub(crate) data: PathBuf,
}

impl<W: Wiring> Installation for Installed<'_, W> {
    type Journal = W::Journal;

    fn journal(&self) -> Result<Arc<W::Journal>, Problem> {
        self.wiring.journal(&self.data)
    }

    fn settings(&self) -> Result<Settings, Problem> {
        self.wiring.settings(&self.data)
    }

    fn change_settings(
        &self,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem> {
        self.wiring.change_settings(&self.data, change)
    }

    fn peers(&self) -> Result<Vec<KnownPeer>, Problem> {
        self.wiring.peers(&self.data)
    }
}
