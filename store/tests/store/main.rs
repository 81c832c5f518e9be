//! The store on a real disk: what it keeps, what it refuses, and what survives.

mod damage;
#[cfg(target_os = "linux")]
mod disk;
mod fixture;
#[cfg(target_os = "linux")]
mod full;
mod kept;
mod landed;
mod library;
#[cfg(unix)]
mod output;
mod room;
mod sharing;
#[cfg(unix)]
mod xfs;

use std::path::Path;

use store::Store;

#[expect(clippy::unwrap_used, reason = "a store that does not open fails its test")]
fn open(folder: &Path) -> Store {
    Store::open(folder, "test").unwrap()
}
