//! The memory that pieces take from the first byte until nobody holds them, used again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Memory of pieces that are gone, for those that come: nothing is asked of the system, zeroed or
/// mapped anew for each. How many there are at a time is up to whoever takes it.
#[derive(Debug, Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// The most bytes that are held without use.
    const SPARE: usize = 48 << 20;

    /// Memory for a piece of this length, of which nothing has come.
    pub fn take(&self, length: u32) -> Buffer {
        let mut bytes = self.spare();
        bytes.clear();
        bytes.reserve_exact(length as usize);
        Buffer { bytes, home: self.clone() }
    }

    /// So many bytes that are to be overwritten, whatever they are.
    pub fn take_full(&self, length: u32) -> Buffer {
        let mut bytes = self.spare();
        bytes.resize(length as usize, 0);
        Buffer { bytes, home: self.clone() }
    }

    fn spare(&self) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_default()
    }

    fn give_back(&self, bytes: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (spare.len() + 1).saturating_mul(bytes.capacity()) <= Self::SPARE {
            spare.push(bytes);
        }
    }
}

/// Memory for one piece, given back when it and all [`Bytes`] made of it are dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Buffer {
    /// What has come of the piece.
    pub const fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes, which lead the memory back once nobody holds them.
    pub fn freeze(self) -> Bytes {
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
        self.home.give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::Buffers;

    #[test]
    fn memory_comes_back_when_the_last_holder_drops_it() {
        let buffers = Buffers::default();
        let mut one = buffers.take(60);
        one.bytes_mut().extend_from_slice(&[7; 60]);
        let place = one.as_ref().as_ptr();
        let bytes = one.freeze();
        let other = bytes.clone();
        drop(bytes);
        assert_ne!(buffers.take(60).as_ref().as_ptr(), place);
        assert_eq!(other[..], [7; 60]);
        drop(other);
        let mut again = buffers.take(60);
        assert!(again.as_ref().is_empty());
        again.bytes_mut().push(1);
        assert_eq!(again.as_ref().as_ptr(), place);
        drop(again);
        let full = buffers.take_full(60);
        assert_eq!((full.as_ref().as_ptr(), full.as_ref().len()), (place, 60));
    }
}
