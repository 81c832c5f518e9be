//! What a running use case tells its caller.

use std::path::Path;
use std::sync::Arc;

use verifier::identity::PeerId;
use verifier::piece::Source;
use verifier::{Bitfield, PieceIndex};

use crate::ports::{Evictable, JournalError, PullNews};

/// What happens in an import, in the order it happens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// These models were given up to make room.
    Evicted(Vec<Evictable>),
    /// Room was made; these pieces are kept already, so nobody is asked for them.
    Reserved {
        /// The pieces kept, of as many as the artifact has.
        have: Bitfield,
    },
    /// The piece list is proven against the manifest's root.
    ListProven {
        /// The pieces kept, now that the list tells what other artifacts share.
        have: Bitfield,
    },
    /// Something happened between here and a peer.
    Peers(PullNews),
    /// A peer of the request is not paired with this installation, so it is not called.
    NotPaired(PeerId),
    /// A peer of the request is blocked by the user, so it is not called.
    Blocked(PeerId),
    /// The user's consent to fetch from a peer ended, for this reason: it is not asked any more, and
    /// others are.
    ConsentEnded(PeerId, Arc<JournalError>),
    /// A piece arrived and its bytes are the ones its digest names.
    Verified {
        /// Which one.
        index: PieceIndex,
        /// From whom.
        source: Source,
        /// Its length in bytes.
        bytes: u64,
    },
    /// A piece is kept: it would survive a crash.
    Kept {
        /// Which one.
        index: PieceIndex,
        /// From whom.
        source: Source,
        /// Its length in bytes.
        bytes: u64,
    },
    /// The disk of this folder is full. What came is kept or waits, and the import goes on by itself
    /// when there is room.
    Paused(Arc<Path>),
    /// There is room again.
    Resumed,
    /// All pieces are kept; the whole is being verified.
    Verifying,
    /// The whole is verified; artifact and receipt get their names.
    Naming,
}
