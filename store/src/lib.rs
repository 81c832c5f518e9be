//! The disk adapter: a file for each artifact, the index over them, outputs and journals.
//!
//! Each piece lies where it lies in its artifact; sled holds what the library knows of them.
//! Nothing is acknowledged before it would survive a crash.

mod abilities;
mod accounts;
mod book;
mod busy;
mod catalogue;
mod codec;
mod device;
mod disk;
mod documents;
mod error;
mod files;
mod forget;
mod index;
pub mod journal;
mod layout;
mod learn;
mod lock;
pub mod outputs;
mod pipeline;
mod places;
mod prove;
mod quota;
mod recovery;
mod room;
mod scrub;
mod shared;
mod slot;
mod store;
#[cfg(test)]
mod tests;
mod workers;

pub use book::{BookError, known_peers};
pub use disk::{Disk, SettingsFileError, change_settings, load_settings};
pub use error::{OpenError, StoreError};
pub use journal::Journal;
pub use layout::{Layout, LayoutError};
pub use lock::{LockError, StoreLock};
pub use outputs::Outputs;
pub use quota::room_in_new;
pub use store::Store;
