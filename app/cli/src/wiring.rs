//! How the program gets its ports, without naming who implements them.

use std::path::Path;
use std::sync::Arc;

use app::clock::SystemClock;
use app::ports::{Journal, KnownPeer, Outputs, Ports};
use app::problem::Problem;
use app::settings::Settings;
use verifier::identity::SigningKey;

use crate::fault::Fault;

/// Makes ports when a command asks for them.
///
/// Commands that only look at files ask for none, so they neither create nor lock a data folder.
pub trait Wiring: Send + Sync {
    /// Everything, the network among it.
    type Ports: Ports<Journal = Self::Journal, Outputs = Self::Outputs, Clock = SystemClock>;
    /// The library without the network, for which no key is needed.
    type Library: Ports<Journal = Self::Journal, Outputs = Self::Outputs, Clock = SystemClock>;
    /// The journal by itself.
    type Journal: Journal;
    /// The outputs by themselves.
    type Outputs: Outputs;

    /// Whether there is a library in the data folder; looking makes nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if that cannot be seen.
    fn has_library(&self, data: &Path) -> Result<bool, Fault>;

    /// Opens the library, which is made if there is none; the store belongs to this process from
    /// then on.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the folder cannot be used or another process has the store.
    fn library(&self, data: &Path) -> Result<Self::Library, Fault>;

    /// Whether a library that is made in the data folder would take so many bytes; looking makes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it would not.
    fn room_in_new(&self, data: &Path, bytes: u64) -> Result<(), Fault>;

    /// Opens library and network with this key, within the limits of these settings.
    ///
    /// # Errors
    ///
    /// [`Fault`], as [`Self::library`].
    fn open(
        &self,
        data: &Path,
        key: &SigningKey,
        settings: &Settings,
    ) -> Result<Self::Ports, Fault>;

    /// What the user set; what an installation is made with where nothing was kept.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the file cannot be read, or sets what cannot be.
    fn settings(&self, data: &Path) -> Result<Settings, Problem>;

    /// Changes the settings as they are on the disk at this moment, and gives them; what was there
    /// is replaced whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Problem`] if what is there cannot be read, or the folder cannot be used.
    fn change_settings(
        &self,
        data: &Path,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem>;

    /// Opens the journal alone, which several processes may use.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the folder cannot be used.
    fn journal(&self, data: &Path) -> Result<Arc<Self::Journal>, Problem>;

    /// The installation's key, if there is one; looking makes none.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the key cannot be read.
    fn identity(&self, data: &Path) -> Result<Option<SigningKey>, Fault>;

    /// Draws a new key, in memory only.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the system gives no random bytes.
    fn draw_identity(&self) -> Result<SigningKey, Fault>;

    /// Makes this the installation's key; one that is there is never replaced.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot be written, or one is there.
    fn keep_identity(&self, data: &Path, key: &SigningKey) -> Result<(), Fault>;

    /// The peers that this installation is paired with, which another process may be changing.
    ///
    /// # Errors
    ///
    /// [`Problem`] if they cannot be read.
    fn peers(&self, data: &Path) -> Result<Vec<KnownPeer>, Problem>;

    /// Where finished files go; the data folder need not be there.
    fn outputs(&self, data: &Path) -> Arc<Self::Outputs>;
}
