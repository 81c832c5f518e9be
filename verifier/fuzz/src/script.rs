//! Choices out of bytes.

use engine::Rate;

/// Bytes that are read one after another; zeros after the last.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn short(&mut self) -> u64 {
        u64::from(u16::from_le_bytes([self.byte(), self.byte()]))
    }

    /// A place among so many; nothing if there are none.
    pub(crate) fn below(&mut self, count: usize) -> Option<usize> {
        usize::from(self.byte()).checked_rem(count)
    }

    /// A limit, mostly none.
    pub(crate) fn rate(&mut self) -> Rate {
        match self.byte() {
            byte @ 200.. => Rate::from(std::num::NonZeroU64::new(u64::from(byte - 199) * 4_096)),
            _ => None,
        }
    }
}
