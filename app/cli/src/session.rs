//! What every command has at hand: the wiring, the data folder and the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::clock::SystemClock;
use app::ports::{Clock as _, Outputs, Stem};
use app::settings::Settings;
use verifier::identity::SigningKey;
use verifier::scalars::UtcTime;

use crate::fault::Fault;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// One run of the program.
#[derive(Debug)]
pub struct Session<'a, W> {
    /// Makes ports.
    pub wiring: &'a W,
    /// Where words go.
    pub terminal: &'a mut Terminal,
    data: Option<PathBuf>,
}

impl<'a, W: Wiring> Session<'a, W> {
    /// A session over that data folder; `None` means the platform's own place for it.
    pub const fn new(wiring: &'a W, terminal: &'a mut Terminal, data: Option<PathBuf>) -> Self {
        Self { wiring, terminal, data }
    }

    /// The data folder.
    ///
    /// # Errors
    ///
    /// [`Fault`] if none was given and the platform names none.
    pub fn data(&self) -> Result<PathBuf, Fault> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        directories::ProjectDirs::from("org", "minimodel", "minimodel")
            .map(|dirs| dirs.data_local_dir().to_path_buf())
            .ok_or_else(|| {
                let what = "this account has no home folder, so there is no place for the library";
                Fault::usage("--data-dir", what, "Give a folder with --data-dir DIR.")
            })
    }

    /// What the user set; what an installation is made with where there is no data folder.
    ///
    /// # Errors
    ///
    /// [`Fault`] if what is kept cannot be read.
    pub fn settings(&self) -> Result<Settings, Fault> {
        self.data().map_or_else(|_| Ok(Settings::default()), |data| self.wiring.settings(&data))
    }

    /// Opens everything, within the limits that the user set.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn open(&self) -> Result<W::Ports, Fault> {
        self.open_with(&self.settings()?)
    }

    /// Opens everything, within the limits of these settings.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn open_with(&self, settings: &Settings) -> Result<W::Ports, Fault> {
        self.wiring.open(&self.data()?, settings)
    }

    /// Opens the journal alone.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn journal(&self) -> Result<Arc<W::Journal>, Fault> {
        self.wiring.journal(&self.data()?)
    }

    /// The installation's key.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn identity(&self) -> Result<SigningKey, Fault> {
        self.wiring.identity(&self.data()?)
    }

    /// Now.
    pub fn now(&self) -> UtcTime {
        SystemClock.now()
    }

    /// Checks that an output could be placed, without writing.
    ///
    /// # Errors
    ///
    /// `output.unsafe`, then `output.exists`.
    pub fn check_output(&self, folder: &Path, stem: &Stem) -> Result<(), Fault> {
        let outputs = self.wiring.outputs(&self.data()?);
        outputs.check(folder, stem).map_err(|error| Fault::blamed(&error))
    }

    /// Writes a file of its own under a name that is free.
    ///
    /// # Errors
    ///
    /// `output.exists`, `output.unsafe` or `io.failed`.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        // Without a data folder nothing can be noted there; the file itself needs none.
        let data = self.data().unwrap_or_else(|_| std::env::temp_dir().join("no-minimodel"));
        write(&*self.wiring.outputs(&data), path, bytes)
    }
}

/// Writes a file of its own under a name that is free.
///
/// # Errors
///
/// `output.exists`, `output.unsafe` or `io.failed`.
pub fn write(outputs: &impl Outputs, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    outputs.write(path, bytes).map_err(|error| Fault::blamed(&error))
}
