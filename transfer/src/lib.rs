//! The network adapter and the swarm-lite engine.
//!
//! [`Swarm`] calls peers and pulls pieces from all of them at once; [`Doorway`] answers peers that
//! call. Both know the other side by its public key alone, and both are paced by [`Limits`].

mod dial;
mod identity;
mod listen;
mod pace;
mod picker;
mod session;
mod swarm;
mod wire;

pub use identity::{Identity, IdentityFileError};
pub use listen::Doorway;
pub use pace::Limits;
pub use swarm::Swarm;
