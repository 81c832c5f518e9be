//! The installation's key, and TLS that knows a peer by its key alone.

mod tls;
mod verdict;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use app::blame::machine_advice;
use app::{Blame, Blamed};
use verifier::identity::{PeerId, SigningKey};
use verifier::{Advice, Code};

pub(crate) use tls::{TlsError, caller_config, listener_config, peer_of};
pub(crate) use verdict::Verdict;

/// Who this installation is: one Ed25519 key pair, kept in a file of its own.
#[derive(Debug, Clone)]
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// Length of the file: the key's seed and nothing else, in bytes.
    pub const FILE_LEN: usize = 32;

    /// Reads the key file, or draws a new key and writes it if there is none.
    ///
    /// The file is made readable to its owner only, and refused if others can read it.
    ///
    /// # Errors
    ///
    /// [`IdentityFileError`]; a file that is there is never changed.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityFileError> {
        if let Some(there) = Self::load_if_there(path)? {
            return Ok(there);
        }
        let new = Self::draw()?;
        new.keep(path)?;
        Ok(new)
    }

    /// Draws a new key, in memory only.
    ///
    /// # Errors
    ///
    /// [`IdentityFileError::Random`].
    pub fn draw() -> Result<Self, IdentityFileError> {
        let mut seed = [0; Self::FILE_LEN];
        getrandom::fill(&mut seed).map_err(IdentityFileError::Random)?;
        Ok(Self { key: SigningKey::from_seed(seed) })
    }

    /// Writes the key to a file of its own, readable to its owner only. The file has its name once all
    /// of it is on the disk.
    ///
    /// # Errors
    ///
    /// [`IdentityFileError::Write`], also if a file is there already; that one stays.
    pub fn keep(&self, path: &Path) -> Result<(), IdentityFileError> {
        let write = |source| IdentityFileError::Write { path: path.to_owned(), source };
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput).map_err(Into::into);
        let folder = folder.map_err(write)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(write)?;
        file.write_all(self.key.seed()).map_err(write)?;
        file.as_file().sync_all().map_err(write)?;
        file.persist_noclobber(path).map_err(|error| write(error.error))?;
        // Some file systems cannot do this for a folder.
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            tracing::debug!(%error, "the folder of the key is not synced");
        }
        Ok(())
    }

    /// Reads the key file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`IdentityFileError`], as [`Self::load_or_create`].
    pub fn load_if_there(path: &Path) -> Result<Option<Self>, IdentityFileError> {
        match Self::load(path) {
            Err(IdentityFileError::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Takes a key that is kept elsewhere.
    pub const fn from_key(key: SigningKey) -> Self {
        Self { key }
    }

    /// The key's public half, which is the installation's name among peers.
    pub fn peer_id(&self) -> PeerId {
        self.key.public_key().peer_id()
    }

    /// The secret half, for signing offers and receipts.
    pub const fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    fn load(path: &Path) -> Result<Self, IdentityFileError> {
        let read = |source| IdentityFileError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        let metadata = file.metadata().map_err(read)?;
        check_mode(path, &metadata)?;
        let expected = Self::FILE_LEN as u64;
        if metadata.len() != expected {
            return Err(IdentityFileError::Length { path: path.to_owned(), found: metadata.len() });
        }
        let mut seed = [0; Self::FILE_LEN];
        file.read_exact(&mut seed).map_err(read)?;
        Ok(Self { key: SigningKey::from_seed(seed) })
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &std::fs::Metadata) -> Result<(), IdentityFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(IdentityFileError::Mode { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &std::fs::Metadata) -> Result<(), IdentityFileError> {
    Ok(())
}

/// Why there is no key to be had from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityFileError {
    /// The file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error("key file {} has mode {mode:04o}, not 0600: others can read the secret key", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no key.
    #[error("key file {} has {found} bytes, not 32", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
    },
    /// The file cannot be written.
    #[error("cannot write the key file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random(#[source] getrandom::Error),
}

impl Blamed for IdentityFileError {
    fn blame(&self) -> Blame {
        Blame::Machine
    }

    fn code(&self) -> Code {
        Code::new("io", "failed")
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Mode { .. } => {
                "Make it readable by you alone, as with chmod 600. If others may have read it, keep it \
                 no longer as your key: your peers have to pair with a new one."
                    .into()
            }
            Self::Length { .. } => {
                "Put an unchanged copy of the file back if you have one. Without it this \
                 installation is a stranger to its peers: rename the file, and a new key is made that \
                 they have to pair with."
                    .into()
            }
            Self::Read { source, .. } | Self::Write { source, .. } => machine_advice(source),
            Self::Random(_) => "Try again; without random bytes no safe key can be made.".into(),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Read { path, .. }
            | Self::Mode { path, .. }
            | Self::Length { path, .. }
            | Self::Write { path, .. } => path.to_string_lossy(),
            Self::Random(_) => Cow::Borrowed("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, IdentityFileError};

    #[test]
    fn a_key_is_made_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        assert!(Identity::load_if_there(&path).unwrap().is_none() && !path.exists());
        let made = Identity::load_or_create(&path).unwrap();
        let read = Identity::load_or_create(&path).unwrap();
        assert_eq!(made.peer_id(), read.peer_id());
        assert_eq!(std::fs::read(&path).unwrap(), made.signing_key().seed());
    }

    #[test]
    fn a_key_never_takes_the_place_of_another_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        let (first, second) = (Identity::draw().unwrap(), Identity::draw().unwrap());
        first.keep(&path).unwrap();
        assert!(matches!(second.keep(&path), Err(IdentityFileError::Write { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), first.signing_key().seed());
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        drop(Identity::load_or_create(&path).unwrap());
        std::fs::write(&path, b"short").unwrap();
        let refused = Identity::load_or_create(&path).unwrap_err();
        assert!(matches!(refused, IdentityFileError::Length { found: 5, .. }), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        let nowhere = Identity::load_or_create(&folder.path().join("none/identity.key"));
        assert!(matches!(nowhere.unwrap_err(), IdentityFileError::Write { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        drop(Identity::load_or_create(&path).unwrap());
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Identity::load_or_create(&path).unwrap_err();
        assert!(refused.to_string().contains("0640"), "{refused}");
    }
}
