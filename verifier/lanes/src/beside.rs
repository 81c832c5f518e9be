//! What else is made of the bytes that a digest takes in.

/// Something that takes in, in order, the same bytes as a [`Running`](crate::Running) digest.
///
/// Where the SHA instructions are ([`Way::is_free_beside`](crate::Way::is_free_beside)) it is called
/// for four bytes at a time between the digest's rounds, and works while these wait for each other: a
/// chain that takes longer than the digest alone takes no longer with it.
pub trait Beside: Default {
    /// Takes in the next bytes. To be inlined always.
    fn take(&mut self, bytes: &[u8]);
}

impl Beside for () {
    #[inline(always)]
    fn take(&mut self, _bytes: &[u8]) {}
}

impl<B: Beside> Beside for Option<B> {
    #[inline(always)]
    fn take(&mut self, bytes: &[u8]) {
        if let Some(beside) = self {
            beside.take(bytes);
        }
    }
}
