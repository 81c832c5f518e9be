//! What the network decides, without a network.
//!
//! Two values, each with one way in and one way out. [`Engine`] decides everything of one import:
//! whom to call, what to ask of whom, what is slow, what is a lie, what is waited for. [`Uploads`]
//! decides everything of being called: who may come in, whom to answer next, who is hung up on.
//! Both are told what happened with the time of it, and say what is to be done; neither has a clock,
//! a socket, a task, a lock or a random number, and neither ever sees a byte of a piece.
//!
//! The caller (`transfer`, or a simulation) moves the bytes: it reads frames with [`wire::Decoder`],
//! gives them in, and does what comes out until nothing more comes out.

mod bucket;
mod ending;
pub mod import;
mod limits;
mod moment;
pub mod upload;
pub mod wire;

pub use bucket::Bucket;
pub use ending::{Ending, Fate};
pub use import::Engine;
pub use limits::Rate;
pub use moment::Moment;
pub use upload::Uploads;
