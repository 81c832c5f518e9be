//! The installation's key: the one that is kept, or a new one that waits for the user's yes.

use std::path::PathBuf;

use app::pairing;
use verifier::identity::SigningKey;

use crate::fault::Fault;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// The installation's key. A new one is in memory only until it is kept.
#[derive(Debug)]
pub struct OwnKey<'a, W> {
    wiring: &'a W,
    data: PathBuf,
    key: SigningKey,
    is_new: bool,
}

impl<'a, W: Wiring> OwnKey<'a, W> {
    /// The key in the data folder; else a new one, and peers that know another key are named.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a key that is there, or the list of peers, cannot be read.
    pub fn find(wiring: &'a W, data: PathBuf, terminal: &mut Terminal) -> Result<Self, Fault> {
        if let Some(key) = wiring.identity(&data)? {
            return Ok(Self { wiring, data, key, is_new: false });
        }
        if let Some(lost) = pairing::key_lost(&wiring.peers(&data)?, &data) {
            terminal.say(&lost);
        }
        Ok(Self { wiring, key: wiring.draw_identity()?, data, is_new: true })
    }

    /// The key itself.
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Keeps the key if it is new, now that the user agreed to what needs it, and says so.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot be written.
    pub fn keep(self, terminal: &mut Terminal) -> Result<SigningKey, Fault> {
        if self.is_new {
            self.wiring.keep_identity(&self.data, &self.key)?;
            terminal.say(&format!(
                "A new identity was made in {}: {}. Peers will know you by it.",
                self.data.display(),
                self.key.public_key().peer_id()
            ));
        }
        Ok(self.key)
    }
}
