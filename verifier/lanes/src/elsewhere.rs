//! What is never found where the processor is no x86-64: all is left to the crate `sha2`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sha {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Avx512 {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Avx2 {}

impl Sha {
    pub(crate) const fn find() -> Option<Self> {
        None
    }
}

impl Avx512 {
    pub(crate) const fn find() -> Option<Self> {
        None
    }
}

impl Avx2 {
    pub(crate) const fn find() -> Option<Self> {
        None
    }
}
