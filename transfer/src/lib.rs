//! The network: bytes between sockets and the two values of [`engine`] that decide.
//!
//! [`Swarm`] calls peers and pulls pieces from all of them at once; [`TlsListener`] answers peers that
//! call. Both know the other side by its public key alone, and both are held to [`Limits`].

mod connection;
mod dial;
mod identity;
mod limits;
mod listen;
mod outbox;
mod swarm;
#[cfg(test)]
mod tests;

pub use identity::{Identity, IdentityFileError};
pub use limits::Limits;
pub use listen::TlsListener;
pub use swarm::Swarm;
