//! What a receipt says of where the pieces came from, and whether it adds up.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::digest::Sha256;
use crate::geometry::{Geometry, PieceIndex};
use crate::identity::PeerId;
use crate::lines::Lines;
use crate::piece::Source;
use crate::receipt::schema::{PeerPart, ReceiptSchema, Shape};
use crate::scalars::{Id, parse_int};

/// The most peers that a receipt may name.
const MAX_PEERS: usize = ReceiptSchema::V0.max_peers();

/// What stands for the id of a request where there is none; its digest is all zeros then.
const NO_REQUEST: &str = "none";

/// Where the pieces of an import came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The request's id.
    pub request_id: Id,
    /// The digest of the request's bytes.
    pub request_sha256: Sha256,
    /// What each peer gave, in any order; only peers with at least one piece that was accepted.
    pub peers: Vec<Contribution>,
    /// How many pieces came from no peer.
    pub pieces_local: u64,
    /// How many bytes those have.
    pub bytes_local: u64,
}

/// What one peer gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The peer.
    pub id: PeerId,
    /// How many of its pieces were accepted.
    pub pieces: u64,
    /// How many bytes those have.
    pub bytes: u64,
}

/// Why the account of a transfer does not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The artifact has no chunks, so none can have come from a peer.
    #[error("chunking.algorithm is `none`, expected another with a transfer from peers")]
    NoChunking,
    /// The peers' keys are not those that the count calls for, or there are too many peers.
    #[error(
        "transfer.peer_count is not the number of transfer.peer keys by three, or is above \
         {MAX_PEERS}"
    )]
    Peers,
    /// The peers are not in ascending order, or one stands there twice.
    #[error("transfer.peer.{number}.id is not above the id of the peer before it")]
    Order {
        /// The peer's number.
        number: usize,
    },
    /// A peer is named that gave nothing.
    #[error("transfer.peer.{number}.pieces is 0, expected at least 1")]
    NoPieces {
        /// The peer's number.
        number: usize,
    },
    /// A sum is not that of its parts.
    #[error(
        "`{key}` is {found}, expected the peers' sum {peers}, and {whole} together with the \
         store's {local}"
    )]
    Sum {
        /// The sum's key.
        key: &'static str,
        /// Its value.
        found: u64,
        /// What the peers gave together.
        peers: u128,
        /// What the store had before.
        local: u64,
        /// What the artifact has in all.
        whole: u64,
    },
    /// What the peers gave adds up to more than a number can tell.
    #[error("`{key}` is above 2^64-1, expected the number of what the peers gave")]
    Overflow {
        /// The sum's key.
        key: &'static str,
    },
    /// So many pieces cannot have so many bytes.
    #[error(
        "{pieces} pieces are said to have {bytes} bytes, expected whole chunks or the last one \
         among them"
    )]
    Bytes {
        /// How many pieces.
        pieces: u64,
        /// How many bytes they are said to have.
        bytes: u64,
    },
}

impl TransferError {
    pub(super) fn field(&self) -> Cow<'_, str> {
        match self {
            Self::NoChunking => Cow::Borrowed("chunking.algorithm"),
            Self::Peers => Cow::Borrowed("transfer.peer_count"),
            Self::Order { number } => Cow::Owned(format!("transfer.peer.{number}.id")),
            Self::NoPieces { number } => Cow::Owned(format!("transfer.peer.{number}.pieces")),
            Self::Sum { key, .. } | Self::Overflow { key } => Cow::Borrowed(key),
            Self::Bytes { .. } => Cow::Borrowed("transfer.kind"),
        }
    }
}

impl Transfer {
    /// Counts where each piece came from; `sources` tells it once of every piece.
    ///
    /// Of more peers than a receipt may name, those that gave the least bytes count as local.
    pub fn count(
        request_id: Id,
        request_sha256: Sha256,
        geometry: &Geometry,
        sources: impl IntoIterator<Item = (PieceIndex, Source)>,
    ) -> Self {
        let mut given: BTreeMap<PeerId, (u64, u64)> = BTreeMap::new();
        let mut local = (0, 0);
        for (index, source) in sources {
            let sum = match source {
                Source::Peer(peer) => given.entry(peer).or_default(),
                Source::Local => &mut local,
            };
            *sum = (sum.0 + 1, sum.1 + u64::from(geometry.length(index)));
        }
        let mut peers: Vec<Contribution> = given
            .into_iter()
            .map(|(id, (pieces, bytes))| Contribution { id, pieces, bytes })
            .collect();
        peers.sort_by_cached_key(|peer| (Reverse(peer.bytes), peer.id.to_string()));
        for unnamed in peers.drain(peers.len().min(MAX_PEERS)..) {
            local = (local.0 + unnamed.pieces, local.1 + unnamed.bytes);
        }
        peers.sort_by_cached_key(|peer| peer.id.to_string());
        let (pieces_local, bytes_local) = local;
        Self { request_id, request_sha256, peers, pieces_local, bytes_local }
    }

    /// The same for an artifact that is put into a folder again, for which nobody made a request.
    ///
    /// `None` if no peer gave a piece: then it is a local file.
    pub fn without_request(
        geometry: &Geometry,
        sources: impl IntoIterator<Item = (PieceIndex, Source)>,
    ) -> Option<Self> {
        let id = Id::parse(NO_REQUEST).ok()?;
        let transfer = Self::count(id, Sha256::from_bytes([0; 32]), geometry, sources);
        (!transfer.peers.is_empty()).then_some(transfer)
    }

    /// Adds the transfer's keys to a receipt's values, the peers in order of their ids.
    pub(super) fn write(&self, values: &mut BTreeMap<String, String>) -> Result<(), TransferError> {
        if self.peers.len() > MAX_PEERS {
            return Err(TransferError::Peers);
        }
        let sum = |count: fn(&Contribution) -> u64, key| {
            let mut counts = self.peers.iter().map(count);
            counts.try_fold(0, u64::checked_add).ok_or(TransferError::Overflow { key })
        };
        let pieces_fetched = sum(|peer| peer.pieces, "transfer.pieces_fetched")?;
        let bytes_fetched = sum(|peer| peer.bytes, "transfer.bytes_fetched")?;
        let own = [
            ("transfer.request_id", self.request_id.to_string()),
            ("transfer.request_sha256", self.request_sha256.to_string()),
            ("transfer.peer_count", self.peers.len().to_string()),
            ("transfer.pieces_fetched", pieces_fetched.to_string()),
            ("transfer.bytes_fetched", bytes_fetched.to_string()),
            ("transfer.pieces_local", self.pieces_local.to_string()),
            ("transfer.bytes_local", self.bytes_local.to_string()),
        ];
        values.extend(own.map(|(key, value)| (key.to_owned(), value)));
        let mut peers: Vec<_> =
            self.peers.iter().map(|peer| (peer.id.to_string(), peer.pieces, peer.bytes)).collect();
        peers.sort();
        for (number, (id, pieces, bytes)) in (0..).zip(peers) {
            values.insert(PeerPart::Id.key(number), id);
            values.insert(PeerPart::Pieces.key(number), pieces.to_string());
            values.insert(PeerPart::Bytes.key(number), bytes.to_string());
        }
        Ok(())
    }
}

/// Checks that a receipt's account of a transfer adds up; one of a local file has none.
pub(super) fn check(lines: &Lines<'_>, shape: Shape<'_>) -> Result<(), TransferError> {
    if !shape.is_from_peers() {
        return Ok(());
    }
    if !shape.is_chunked() {
        return Err(TransferError::NoChunking);
    }
    let peers = read_peers(lines)?;
    let mut last = "";
    for (number, peer) in peers.iter().enumerate() {
        if peer.id <= last {
            return Err(TransferError::Order { number });
        }
        last = peer.id;
    }
    if let Some(number) = peers.iter().position(|peer| peer.pieces == 0) {
        return Err(TransferError::NoPieces { number });
    }
    let lot = Lot {
        byte_count: number(lines, "artifact.byte_count"),
        chunk_size: number(lines, "chunking.chunk_size"),
        chunk_count: number(lines, "chunking.chunk_count"),
    };
    let total = |count: fn(&Peer<'_>) -> u64| peers.iter().map(|p| u128::from(count(p))).sum();
    let local = (number(lines, "transfer.pieces_local"), number(lines, "transfer.bytes_local"));
    let fetched = ("transfer.pieces_fetched", "transfer.bytes_fetched");
    add_up(lines, fetched.0, total(|peer| peer.pieces), local.0, lot.chunk_count)?;
    add_up(lines, fetched.1, total(|peer| peer.bytes), local.1, lot.byte_count)?;
    let all = peers.iter().map(|peer| (peer.pieces, peer.bytes)).chain([local]);
    match all.into_iter().find(|(pieces, bytes)| !lot.may_be(*pieces, *bytes)) {
        Some((pieces, bytes)) => Err(TransferError::Bytes { pieces, bytes }),
        None => Ok(()),
    }
}

struct Peer<'a> {
    id: &'a str,
    pieces: u64,
    bytes: u64,
}

/// How the artifact is cut, by the receipt's own word.
struct Lot {
    byte_count: u64,
    chunk_size: u64,
    chunk_count: u64,
}

impl Lot {
    /// Whether so many pieces may have so many bytes, with or without the last piece.
    fn may_be(&self, pieces: u64, bytes: u64) -> bool {
        let size = u128::from(self.chunk_size);
        let bytes = u128::from(bytes);
        if bytes == u128::from(pieces) * size {
            return true;
        }
        // bytes = (pieces - 1) * size + byte_count - (chunk_count - 1) * size, without going below 0.
        let before = u128::from(pieces.saturating_sub(1)) * size;
        let others = u128::from(self.chunk_count.saturating_sub(1)) * size;
        let with_last = before.checked_add(self.byte_count.into());
        pieces >= 1 && with_last.is_some() && with_last == bytes.checked_add(others)
    }
}

fn read_peers<'a>(lines: &Lines<'a>) -> Result<Vec<Peer<'a>>, TransferError> {
    let count = number(lines, "transfer.peer_count");
    let keys = lines.iter().filter(|(key, _)| PeerPart::of(key).is_some()).count();
    let fits = count <= MAX_PEERS as u64 && Ok(count * 3) == u64::try_from(keys);
    let peers: Option<Vec<Peer<'a>>> = (0..if fits { count } else { 0 })
        .map(|number| {
            let number = u32::try_from(number).ok()?;
            let count = |part: PeerPart| parse_int(lines.get(&part.key(number))?).ok();
            Some(Peer {
                id: lines.get(&PeerPart::Id.key(number))?,
                pieces: count(PeerPart::Pieces)?,
                bytes: count(PeerPart::Bytes)?,
            })
        })
        .collect();
    peers.filter(|_| fits).ok_or(TransferError::Peers)
}

/// Checks that `key` is the sum of what the peers gave and, with the store's part, the whole.
fn add_up(
    lines: &Lines<'_>,
    key: &'static str,
    peers: u128,
    local: u64,
    whole: u64,
) -> Result<(), TransferError> {
    let found = number(lines, key);
    let fetched = u128::from(found);
    if fetched == peers && fetched + u128::from(local) == u128::from(whole) {
        Ok(())
    } else {
        Err(TransferError::Sum { key, found, peers, local, whole })
    }
}

/// A number whose key and form were checked before.
fn number(lines: &Lines<'_>, key: &str) -> u64 {
    lines.get(key).and_then(|value| parse_int(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Lot, MAX_PEERS, Transfer, TransferError};
    use crate::digest::Sha256;
    use crate::geometry::Geometry;
    use crate::identity::{PeerId, SigningKey};
    use crate::piece::Source;
    use crate::scalars::Id;

    fn peer(number: u8) -> PeerId {
        SigningKey::from_seed([number; 32]).public_key().peer_id()
    }

    #[test]
    fn of_too_many_peers_those_that_gave_least_count_as_local() {
        let geometry = Geometry::new(140 * 16_384 - 1, 16_384).unwrap();
        // Seventy peers gave a piece each, the first of them seventy more, and the last is short.
        let source = |index: u32| {
            let number = u8::try_from(index).ok().filter(|number| *number < 70);
            Source::Peer(peer(number.unwrap_or(0)))
        };
        let sources = geometry.indices().map(|index| (index, source(index.get())));
        let id = Id::parse("req").unwrap();
        let counted = Transfer::count(id, Sha256::of(b"request"), &geometry, sources);
        assert_eq!(counted.peers.len(), MAX_PEERS);
        assert!(counted.peers.is_sorted_by_key(|peer| peer.id.to_string()));
        let first = counted.peers.iter().find(|given| given.id == peer(0)).unwrap();
        assert_eq!((first.pieces, first.bytes), (71, 71 * 16_384 - 1));
        assert_eq!((counted.pieces_local, counted.bytes_local), (6, 6 * 16_384));
        let bytes: u64 = counted.peers.iter().map(|given| given.bytes).sum();
        assert_eq!(bytes + counted.bytes_local, geometry.byte_count());
    }

    #[test]
    fn a_sum_that_is_wrong_is_shown_with_its_parts() {
        let key = "transfer.pieces_fetched";
        let error = TransferError::Sum { key, found: 3, peers: 2, local: 1, whole: 4 };
        assert_eq!(
            error.to_string(),
            "`transfer.pieces_fetched` is 3, expected the peers' sum 2, and 4 together with the \
             store's 1"
        );
    }

    #[test]
    fn pieces_have_whole_chunks_or_the_last_one_among_them() {
        let lot = Lot { byte_count: 10, chunk_size: 4, chunk_count: 3 };
        for (pieces, bytes, fits) in
            [(0, 0, true), (0, 2, false), (1, 4, true), (1, 2, true), (3, 10, true), (2, 7, false)]
        {
            assert_eq!(lot.may_be(pieces, bytes), fits, "{pieces} {bytes}");
        }
        let absurd = Lot { byte_count: u64::MAX, chunk_size: u64::MAX, chunk_count: u64::MAX };
        assert!(!absurd.may_be(u64::MAX, u64::MAX - 1));
    }
}
