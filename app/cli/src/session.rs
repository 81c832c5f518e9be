//! What every command has at hand: the wiring, the data folder and the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::clock::SystemClock;
use app::command::{Done, Warning};
use app::naming::short_peer;
use app::ports::{Clock as _, KnownPeer, Outputs, Stem};
use app::receipts::{Author, Signers};
use app::resident::{Carried, Resident};
use app::settings::Settings;
use verifier::identity::{PeerId, PublicKey, SigningKey};
use verifier::scalars::UtcTime;

use crate::args::SigningArgs;
use crate::fault::Fault;
use crate::installed::Installed;
use crate::own_key::OwnKey;
use crate::terminal::Terminal;
use crate::wiring::Wiring;

/// What makes a library, as a clause.
const MAKES_LIBRARY: &str = "`minimodel share prepare` and `minimodel peer add` make one";

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

    /// Has the command carried out; what there is to be known beside is said.
    ///
    /// # Errors
    ///
    /// [`Fault`] says why it was not done.
    pub async fn ask<C>(&mut self, command: C) -> Result<Done<C::Reply>, Fault>
    where
        C: Carried<Installed<'a, W>>,
    {
        let resident = Resident::new(Installed { wiring: self.wiring, data: self.data()? });
        let done = resident.ask(command).await.map_err(Fault::refused)?;
        for Warning { message, advice, .. } in &done.warnings {
            self.terminal.caution(message, advice);
        }
        Ok(done)
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
        let Ok(data) = self.data() else { return Ok(Settings::default()) };
        Ok(self.wiring.settings(&data)?)
    }

    /// The library, if there is one; nothing is made. Where there is none, that is said.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot be opened.
    pub fn look(&mut self) -> Result<Option<W::Library>, Fault> {
        self.say_if_new()?;
        self.look_quietly()
    }

    /// The same, and nothing is said.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it cannot be opened.
    pub fn look_quietly(&self) -> Result<Option<W::Library>, Fault> {
        let data = self.data()?;
        self.wiring.has_library(&data)?.then(|| self.wiring.library(&data)).transpose()
    }

    /// Says so if there is no library in the data folder; gives whether there is one.
    ///
    /// # Errors
    ///
    /// [`Fault`] as [`Self::data`].
    pub fn say_if_new(&mut self) -> Result<bool, Fault> {
        let data = self.data()?;
        let is_there = self.wiring.has_library(&data)?;
        if !is_there {
            let place = data.display();
            self.terminal.say(&format!("There is no library in {place} yet; {MAKES_LIBRARY}."));
        }
        Ok(is_there)
    }

    /// The library, which must be there.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it is not there, or cannot be opened.
    pub fn library(&self) -> Result<W::Library, Fault> {
        let data = self.data()?;
        self.look_quietly()?.ok_or_else(|| no_library(&data))
    }

    /// The library, which is made if there is none; that is said.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn make_library(&mut self) -> Result<W::Library, Fault> {
        let data = self.data()?;
        let is_new = !self.wiring.has_library(&data)?;
        let library = self.wiring.library(&data)?;
        if is_new {
            self.terminal.say(&format!("A new library was made in {}.", data.display()));
        }
        Ok(library)
    }

    /// Opens library and network with this key, within the limits of these settings. The library
    /// must be there.
    ///
    /// # Errors
    ///
    /// [`Fault`] as [`Self::library`].
    pub fn open_with(&self, key: &SigningKey, settings: &Settings) -> Result<W::Ports, Fault> {
        let data = self.data()?;
        if !self.wiring.has_library(&data)? {
            return Err(no_library(&data));
        }
        self.wiring.open(&data, key, settings)
    }

    /// Opens the journal alone.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn journal(&self) -> Result<Arc<W::Journal>, Fault> {
        Ok(self.wiring.journal(&self.data()?)?)
    }

    /// The installation's key, else a new one that nobody has agreed to yet.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a key that is there, or the list of peers, cannot be read.
    pub fn key(&mut self) -> Result<OwnKey<'a, W>, Fault> {
        OwnKey::find(self.wiring, self.data()?, self.terminal)
    }

    /// The installation's key, which is made if there is none; that is said.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the data folder cannot be used.
    pub fn identity(&mut self) -> Result<SigningKey, Fault> {
        self.key()?.keep(self.terminal)
    }

    /// The key that signs a receipt, if one is wanted; it is made if there is none.
    ///
    /// # Errors
    ///
    /// [`Fault`] as [`Self::settings`] and [`Self::identity`].
    pub fn signer(&mut self, signing: SigningArgs) -> Result<Option<SigningKey>, Fault> {
        let is_wanted = signing.is_wanted(&self.settings()?);
        is_wanted.then(|| self.identity()).transpose()
    }

    /// This installation as peers know it, if it has a key; nothing is made.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the key cannot be read.
    pub fn own(&self) -> Result<Option<PublicKey>, Fault> {
        Ok(self.wiring.identity(&self.data()?)?.map(|key| key.public_key()))
    }

    /// The keys by which a receipt's signer is known here; nothing is made, and what cannot be read
    /// is told and known of nobody.
    pub fn signers(&mut self) -> (Option<PeerId>, Vec<KnownPeer>) {
        let Ok(data) = self.data() else { return (None, Vec::new()) };
        let own = self.wiring.identity(&data).map(|key| key.map(|key| key.public_key().peer_id()));
        let peers = self.wiring.peers(&data).map_err(Fault::from);
        for fault in [own.as_ref().err(), peers.as_ref().err()].into_iter().flatten() {
            self.terminal.say(&format!("Keys are not known here: {}.", fault.what()));
        }
        (own.ok().flatten(), peers.unwrap_or_default())
    }

    /// That nobody's key can be known, because there is neither a key nor a library; `None` if
    /// there is one.
    pub fn keys_missing(&self) -> Option<String> {
        let data = self.data().ok()?;
        let is_bare = !self.wiring.has_library(&data).ok()? && matches!(self.own(), Ok(None));
        is_bare.then(|| {
            format!(
                "There is neither a key nor a library in {}, so nobody's key is known: if yours is \
                 elsewhere, name its folder with --data-dir DIR.",
                data.display()
            )
        })
    }

    /// The peers by whose labels people are named, read without the library's lock; none if they
    /// cannot be read, which keeps nothing else from being shown.
    pub fn known(&self) -> Vec<KnownPeer> {
        self.data().ok().and_then(|data| self.wiring.peers(&data).ok()).unwrap_or_default()
    }

    /// Whose word a receipt with that signer is, said to people as a sentence.
    pub fn say_author(&mut self, signer: Option<PeerId>) -> Author {
        let (own, peers) = if signer.is_some() { self.signers() } else { (None, Vec::new()) };
        let author = Signers { own, peers: &peers }.author(signer);
        self.terminal.say(&match (&author, self.keys_missing()) {
            (Author::Unknown(id), Some(missing)) => format!(
                "The receipt is signed with a key that is unknown here ({}). {missing}",
                short_peer(*id)
            ),
            _ => author.sentence(),
        });
        author
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

    /// Checks that a file of its own could be written under a name that is free, without writing.
    ///
    /// # Errors
    ///
    /// `output.exists`, `output.unsafe` or `io.failed`.
    pub fn check_file(&self, path: &Path) -> Result<(), Fault> {
        self.any_outputs().check_file(path).map_err(|error| Fault::blamed(&error))
    }

    /// Writes a file of its own under a name that is free.
    ///
    /// # Errors
    ///
    /// `output.exists`, `output.unsafe` or `io.failed`.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        write(&*self.any_outputs(), path, bytes)
    }

    /// The outputs. Without a data folder nothing can be noted there; a file itself needs none.
    fn any_outputs(&self) -> Arc<W::Outputs> {
        let data = self.data().unwrap_or_else(|_| std::env::temp_dir().join("no-minimodel"));
        self.wiring.outputs(&data)
    }
}

fn no_library(data: &Path) -> Fault {
    let what = format!("there is no library in {} yet", data.display());
    let advice =
        format!("{MAKES_LIBRARY}. If yours is elsewhere, name its folder with --data-dir DIR.");
    Fault::usage("--data-dir", what, advice)
}

/// Writes a file of its own under a name that is free.
///
/// # Errors
///
/// `output.exists`, `output.unsafe` or `io.failed`.
pub fn write(outputs: &impl Outputs, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    outputs.write(path, bytes).map_err(|error| Fault::blamed(&error))
}
