//! The memory that pieces take from the first byte until they are kept.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lends out memory for pieces, and no more than so many bytes at a time.
#[derive(Debug)]
pub(super) struct Buffers {
    left: Arc<Semaphore>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// The most bytes that are lent out, however large pieces are.
    const MOST: u64 = 48 << 20;

    /// Lends out `wanted` bytes, or one piece for each peer if that is more, within a fixed bound.
    pub(super) fn new(wanted: u64, piece_size: u32, peers: usize) -> Self {
        let peers = u64::try_from(peers).unwrap_or(u64::MAX);
        let one_each = u64::from(piece_size).saturating_mul(peers);
        let bytes = wanted.max(one_each).min(Self::MOST).max(u64::from(piece_size));
        let permits = usize::try_from(bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(permits)), spare: Arc::default() }
    }

    /// Memory for one piece, if there is some left now.
    pub(super) fn try_take(&self, length: u32) -> Option<Buffer> {
        let permit = Arc::clone(&self.left).try_acquire_many_owned(length).ok()?;
        Some(self.buffer(length, permit))
    }

    /// Waits for memory for one piece.
    pub(super) async fn take(&self, length: u32) -> Option<Buffer> {
        let permit = Arc::clone(&self.left).acquire_many_owned(length).await.ok()?;
        Some(self.buffer(length, permit))
    }

    fn buffer(&self, length: u32, permit: OwnedSemaphorePermit) -> Buffer {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bytes = spare.unwrap_or_default();
        bytes.reserve_exact(length as usize);
        Buffer { bytes, spare: Arc::clone(&self.spare), _permit: permit }
    }
}

/// Memory for one piece, given back when it and all [`Bytes`] made of it are dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Buffer {
    /// What has been filled in.
    pub(super) const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// How much has been filled in, in bytes.
    pub(super) fn filled(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// The bytes, which lead the memory back once nobody holds them.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::Buffers;

    #[tokio::test]
    async fn memory_comes_back_when_the_last_holder_drops_it() {
        let buffers = Buffers::new(100, 60, 1);
        let mut one = buffers.take(60).await.unwrap();
        one.bytes_mut().extend_from_slice(&[7; 60]);
        assert!(buffers.try_take(60).is_none());
        let bytes = one.freeze();
        let other = bytes.clone();
        drop(bytes);
        assert!(buffers.try_take(60).is_none());
        assert_eq!(other[..], [7; 60]);
        drop(other);
        assert_eq!(buffers.take(60).await.unwrap().filled(), 0);
    }

    #[test]
    fn a_piece_larger_than_the_wish_still_fits() {
        let buffers = Buffers::new(1, 16 << 20, 4);
        let held: Vec<_> = (0..4).map_while(|_| buffers.try_take(16 << 20)).collect();
        assert_eq!(held.len(), 3);
    }
}
