//! The disk: pieces in packs, facts in an index, outputs, and the journals.
//!
//! [`Store`] keeps pieces, [`Outputs`] gives finished artifacts their names, [`Journal`] holds
//! consents and transfers. sled holds facts, packs hold bytes: with bytes as sled values, writing
//! was several times slower and took more than twice the space.

mod catalogue;
mod core;
mod error;
mod index;
pub mod journal;
mod keeper;
mod layout;
mod lock;
pub mod outputs;
mod pack;
mod quota;
mod rebuild;
mod store;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use journal::Journal;
pub use layout::{Layout, LayoutError};
pub use lock::{LockError, StoreLock};
pub use outputs::Outputs;
pub use store::{OpenError, Store};
