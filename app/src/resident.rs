//! What has an installation, and does what faces ask it for.

mod program;
mod records;

use std::future::Future;
use std::sync::Arc;

use verifier::identity::PeerId;
use verifier::scalars::{Label, UtcTime};

use crate::clock::SystemClock;
use crate::command::{Done, Refused, Typed};
use crate::ports::{Clock as _, Journal, KnownPeer};
use crate::problem::Problem;
use crate::settings::Settings;

/// Where an installation's things come from; looking makes nothing.
pub trait Installation: Send + Sync {
    /// Where consents and transfers are written down.
    type Journal: Journal;

    /// The journal, which several processes may use.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the folder cannot be used.
    fn journal(&self) -> Result<Arc<Self::Journal>, Problem>;

    /// What the user set; what an installation is made with where nothing was kept.
    ///
    /// # Errors
    ///
    /// [`Problem`] if the file cannot be read, or sets what cannot be.
    fn settings(&self) -> Result<Settings, Problem>;

    /// Changes the settings as they are on the disk at this moment, and gives them; what was there
    /// is replaced whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Problem`] if what is there cannot be read, or the folder cannot be used.
    fn change_settings(
        &self,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem>;

    /// The peers that this installation is paired with.
    ///
    /// # Errors
    ///
    /// [`Problem`] if they cannot be read.
    fn peers(&self) -> Result<Vec<KnownPeer>, Problem>;
}

/// An installation, and all that is done with it: the one place where commands are carried out,
/// whichever face they come from.
#[derive(Debug)]
pub struct Resident<I> {
    installation: I,
}

/// A command that a resident carries out.
pub trait Carried<I>: Typed {
    /// Does it.
    fn carry_out(
        self,
        resident: &Resident<I>,
    ) -> impl Future<Output = Result<Done<Self::Reply>, Refused<Self::Reply>>> + Send;
}

impl<I: Installation> Resident<I> {
    /// What has this installation.
    pub const fn new(installation: I) -> Self {
        Self { installation }
    }

    /// Does what is asked for.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why it was not done.
    pub async fn ask<C: Carried<I>>(
        &self,
        command: C,
    ) -> Result<Done<C::Reply>, Refused<C::Reply>> {
        command.carry_out(self).await
    }

    /// What peers are called here. That they cannot be read keeps nothing else from being shown.
    fn labels(&self) -> impl Fn(PeerId) -> Option<Label> + use<I> {
        let peers = self.installation.peers().unwrap_or_default();
        move |id| peers.iter().find(|peer| peer.id == id).map(|peer| peer.label.clone())
    }

    fn now(&self) -> UtcTime {
        SystemClock.now()
    }
}
