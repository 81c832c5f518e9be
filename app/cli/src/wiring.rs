//! How the program gets its ports, without naming who implements them.

use std::path::Path;
use std::sync::Arc;

use app::clock::SystemClock;
use app::ports::{Journal, Outputs, Ports};
use verifier::identity::SigningKey;

use crate::fault::Fault;

/// Makes ports when a command asks for them.
///
/// Commands that only look at files ask for none, so they neither create nor lock a data folder.
pub trait Wiring: Send + Sync {
    /// Everything, the store among it.
    type Ports: Ports<Journal = Self::Journal, Outputs = Self::Outputs, Clock = SystemClock>;
    /// The journal by itself.
    type Journal: Journal;
    /// The outputs by themselves.
    type Outputs: Outputs;

    /// Opens everything under the data folder; the store belongs to this process from then on.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the folder cannot be used or another process has the store.
    fn open(&self, data: &Path, rates: Rates) -> Result<Self::Ports, Fault>;

    /// Opens the journal alone, which several processes may use.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the folder cannot be used.
    fn journal(&self, data: &Path) -> Result<Arc<Self::Journal>, Fault>;

    /// The installation's key, made if there is none yet.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the key cannot be read or written.
    fn identity(&self, data: &Path) -> Result<SigningKey, Fault>;

    /// Where finished files go; the data folder need not be there.
    fn outputs(&self, data: &Path) -> Arc<Self::Outputs>;
}

/// The most bytes a second that may move; `None` for no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// To peers, in bytes a second.
    pub upload: Option<u64>,
    /// From peers, in bytes a second.
    pub download: Option<u64>,
}
