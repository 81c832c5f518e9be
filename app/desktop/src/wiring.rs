//! How the window gets its ports, without naming who implements them.

use std::fmt;
use std::path::{Path, PathBuf};

use app::ports::Ports;
use app::problem::Problem;
use app::settings::Settings;
use verifier::identity::{PeerId, SigningKey};

/// Makes ports, and keeps the settings.
///
/// Every method but [`Self::pace`] blocks, and is called on a thread where that is fine.
pub trait Wiring: Send + Sync + 'static {
    /// Everything that use cases need.
    type Ports: Ports<Clock: Clone> + 'static;

    /// Whether there is no installation in this folder yet: no key was made.
    fn is_new(&self, data: &Path) -> bool;

    /// Opens everything under the data folder, making the key if there is none; the store belongs
    /// to this process from then on.
    ///
    /// # Errors
    ///
    /// [`Unopened`] if another process has the store, or the folder cannot be used.
    fn open(&self, data: &Path, settings: &Settings) -> Result<Opened<Self::Ports>, Unopened>;

    /// Uses the limits of these settings from now on; quick.
    fn pace(&self, settings: &Settings);

    /// Changes the settings as they are on the disk at this moment, which the command may have
    /// changed too, and gives them; what was there is replaced whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Problem`] if what is there cannot be read, and is left so, or the disk fails.
    fn change(
        &self,
        data: &Path,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem>;
}

/// An open installation.
pub struct Opened<P> {
    /// The ports.
    pub ports: P,
    /// The installation's key.
    pub key: SigningKey,
    /// The data folder.
    pub data: PathBuf,
    /// What was put right by itself when it was opened, a sentence each.
    pub notices: Vec<String>,
}

impl<P> Opened<P> {
    /// This installation, as peers know it.
    pub fn own(&self) -> PeerId {
        self.key.public_key().peer_id()
    }
}

impl<P> fmt::Debug for Opened<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("data", &self.data).finish_non_exhaustive()
    }
}

/// Why an installation is not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    /// Another process has the store.
    Held(Problem),
    /// The data folder cannot be used.
    Failed(Problem),
}
