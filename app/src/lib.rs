//! The use cases of the companion, and the ports they need.
//!
//! Each use case is an `async` function over one `P: Ports`, told of the user's yes by a
//! [`consent::Consent`] that it uses up, and reporting through a closure.

pub mod activity;
pub mod addresses;
pub mod announce;
pub mod assemble;
pub mod bench;
pub mod blame;
pub mod buffers;
pub mod clock;
pub mod command;
pub mod consent;
mod counted;
pub mod descriptors;
pub mod event;
pub mod import;
pub mod input;
mod lease;
pub mod library;
pub mod naming;
pub mod pairing;
pub mod ports;
pub mod problem;
pub mod quantity;
pub mod question;
pub mod receipts;
pub mod request;
pub mod resident;
pub mod scratch;
pub mod serve;
pub mod settings;
pub mod share;
mod sources;
pub mod stop;
pub mod verify;

pub use blame::{Blame, Blamed};
