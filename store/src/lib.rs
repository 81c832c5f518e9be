//! The disk adapter: packs of piece bytes, the index over them, outputs and journals.

pub mod journal;
pub mod layout;
pub mod lock;
pub mod outputs;
