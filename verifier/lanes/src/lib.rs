//! SHA-256 of several messages at once.
//!
//! One message is a chain: each block waits for the one before, and most of a processor core stands
//! idle meanwhile. Messages that do not depend on each other fill it. How is found out on the
//! processor at hand ([`Way`]): with 512-bit registers, 16 messages side by side; with the SHA
//! instructions, two or three messages in turn, each using the time in which the other waits; with
//! 256-bit registers, 8 side by side; and where there is none of these, one after the other by the
//! crate `sha2`. The digests are the same in every way.
//!
//! ```
//! let [one, other] = lanes::digests([&b"abc"[..], b""]).try_into().unwrap();
//! assert_eq!(one[..4], [0xBA, 0x78, 0x16, 0xBF]);
//! assert_eq!(other[..4], [0xE3, 0xB0, 0xC4, 0x42]);
//! ```
//!
//! Bytes that come in parts go into a [`Running`] digest; two of those take in the same bytes together,
//! and another chain over them goes [`Beside`] for hardly anything.
//!
//! # Unsafe code
//!
//! An instruction that a processor does not have is undefined behaviour, so the compiler wants a
//! promise wherever one of them might be used. The promises are in `call.rs`, one for each kind of
//! processor: each takes a value that only finding it in the processor makes. Everything else, the
//! loads and stores too, is safe code.

mod beside;
#[cfg(target_arch = "x86_64")]
mod call;
#[cfg(not(target_arch = "x86_64"))]
#[path = "elsewhere.rs"]
mod call;
mod constants;
mod digests;
#[cfg(target_arch = "x86_64")]
mod instructions;
mod running;
mod way;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use beside::Beside;
pub use digests::digests;
pub use running::Running;
pub use way::Way;

/// What SHA-256 takes in at a time.
type Block = [u8; 64];
/// What SHA-256 carries from block to block.
type State = [u32; 8];
