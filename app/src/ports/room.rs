//! What the store takes on the disk, may take, and gives up to make room.

use std::fmt;
use std::path::PathBuf;

use verifier::Sha256;
use verifier::scalars::{Id, UtcTime, Version};

use super::Failure;
use crate::naming::short;
use crate::quantity::Size;

/// Where the store's bytes are, all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// Taken by pieces of artifacts in the library.
    pub live: u64,
    /// What would be taken besides if artifacts shared no pieces' place.
    pub shared: u64,
    /// Taken by the index.
    pub index: u64,
    /// Promised to imports under way.
    pub reserved: u64,
    /// The most that the store may take in all.
    pub quota: u64,
    /// Free on the device.
    pub free: u64,
}

/// What the file system that the store lies on can do, as it was tried when the library was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Two files can share what they have in common.
    pub clones: bool,
    /// What was never written takes no room.
    pub holes: bool,
    /// It keeps who may read a file.
    pub modes: bool,
    /// A file that one program has locked is locked for every other one.
    pub locks: bool,
}

impl Abilities {
    /// Each one: its word for programs, whether it is there, and what that means, as a clause.
    pub fn told(self) -> [(&'static str, bool, &'static str); 4] {
        let Self { clones, holes, modes, locks } = self;
        [
            (
                "clones",
                clones,
                "outputs and models share their blocks where they are the same",
                "files cannot share blocks: an output takes room of its own",
            ),
            (
                "holes",
                holes,
                "a model takes the room of those pieces that are here",
                "no sparse files: a model takes its whole length from its first piece on",
            ),
            (
                "modes",
                modes,
                "only you may read the library and the secret key",
                "who may read a file is not kept: others may read the library and the secret key",
            ),
            (
                "locks",
                locks,
                "a second program is kept out of the library",
                "locks do not hold: open the library in one program at a time",
            ),
        ]
        .map(|(word, can, yes, no)| (word, can, if can { yes } else { no }))
    }
}

/// A model that goes to make room, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evictable {
    /// The artifact.
    pub artifact: Sha256,
    /// The model's name.
    pub model_id: Id,
    /// The model's version.
    pub model_version: Version,
    /// When it was last imported, served or read.
    pub last_use: UtcTime,
    /// Bytes that come free.
    pub bytes: u64,
}

impl fmt::Display for Evictable {
    /// The model and what comes free, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { artifact, model_id, model_version, bytes, .. } = self;
        write!(f, "{model_id} {model_version} ({}), {}", short(*artifact), Size(*bytes))
    }
}

/// The most bytes that something may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// What they are the most of.
    pub of: QuotaOf,
    /// So many.
    pub bytes: u64,
}

/// What a quota is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaOf {
    /// Everything that the store keeps.
    Library,
    /// All versions of one model together.
    Model(Id),
}

/// What it means to set a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowering {
    /// Bytes that are taken or promised beyond it; 0 where all fits, or nothing is kept.
    pub over: u64,
    /// What would go for it, in this order; nothing where what may go is not enough.
    pub goes: Vec<Evictable>,
}

/// What an artifact takes on the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// The artifact.
    pub artifact: Sha256,
    /// Taken by pieces of this artifact alone: what comes free when it is forgotten.
    pub own: u64,
    /// Taken by pieces that other artifacts have too, counted for each of them.
    pub shared: u64,
}

/// Why the store does not take an artifact in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// The quota does not leave the room, whatever could be evicted.
    #[error(
        "{} do not fit: {} are left of the quota of {}",
        Size(*wanted),
        Size(*left),
        Size(*quota)
    )]
    Quota {
        /// Bytes that the import would add.
        wanted: u64,
        /// Bytes left under the quota, after what could be evicted.
        left: u64,
        /// The quota, in bytes.
        quota: u64,
    },
    /// The model's own quota does not leave the room, whatever of its versions could be evicted.
    #[error(
        "{} do not fit: {} are left of the quota of {} that {model_id} has",
        Size(*wanted),
        Size(*left),
        Size(*quota)
    )]
    ModelQuota {
        /// The model, of which all versions count.
        model_id: Id,
        /// Bytes that the import would add.
        wanted: u64,
        /// Bytes left under that quota, after what could be evicted.
        left: u64,
        /// The model's quota, in bytes.
        quota: u64,
    },
    /// What was agreed to go for a quota is no longer enough, or is pinned or in use by now.
    #[error(
        "{} would have to go for a quota of {}, and only {} of what you agreed to may",
        Size(*over),
        Size(*quota),
        Size(*goes)
    )]
    TooLow {
        /// The quota that is to be set, in bytes.
        quota: u64,
        /// Bytes that are taken or promised beyond it.
        over: u64,
        /// Bytes of that which may go.
        goes: u64,
    },
    /// The device does not have the room.
    #[error(
        "{} do not fit: the disk of {} has {} free, and {} of that stay free",
        Size(*wanted),
        place.display(),
        Size(*free),
        Size(*spare)
    )]
    Device {
        /// A folder on the device.
        place: PathBuf,
        /// Bytes that would be written there.
        wanted: u64,
        /// Bytes free on the device that nobody was promised.
        free: u64,
        /// Bytes that are left free for other programs.
        spare: u64,
    },
    /// The same artifact is being imported already.
    #[error("artifact is being imported already")]
    Busy,
    /// Pieces of the artifact are kept under another manifest, which offers may name already.
    #[error(
        "the library has this model already, as {model_id} {model_version} of another manifest"
    )]
    OtherManifest {
        /// The model's name in that manifest.
        model_id: Id,
        /// Its version there.
        model_version: Version,
    },
    /// The disk failed.
    #[error("the store failed")]
    Failed(#[source] Failure),
}
