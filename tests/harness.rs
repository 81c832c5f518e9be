//! What the scenarios share: the program, installations of it, and models to move between them.

mod answer;
mod companion;
#[cfg(target_os = "linux")]
mod disk;
mod patience;
pub mod program;
mod running;
mod scene;
mod turn;

pub use answer::{Answer, lines};
pub use companion::{Companion, ROUTES};
#[cfg(target_os = "linux")]
pub use disk::SmallDisk;
pub use patience::{DEADLINE, until};
pub use running::{Running, midway, past};
pub use scene::{Model, Scene, files, free_address, grants};
pub use turn::Turn;
