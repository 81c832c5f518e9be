//! What must hold of the verifier, of what it hashes with and of frames for any bytes, one function a kind of input.
//!
//! Each function takes bytes from anywhere, hands them to the verifier and asserts what has to be
//! true of the answer: that there is one, that what is accepted is written and read again as the
//! same, that a changed bit is refused. A signature, a digest or a chain of digests would stop
//! most inputs before the rule behind it, so the functions also try the same bytes with those set
//! right ([`mend`]). The fuzzing engine calls them without end; `cargo test` calls them with
//! every conformance case, with changes to each, and with every case that was ever found.

mod containers;
mod documents;
mod frames;
mod identities;
mod importing;
mod lanes;
pub mod mend;
mod messages;
mod parts;
mod pieces;
mod scenario;
mod script;
pub mod seeds;
mod serving;

pub use containers::{artifact, slm};
pub use documents::{chunk_list, manifest, receipt};
pub use frames::frames;
pub use identities::{identity, texts};
pub use importing::import;
pub use lanes::lanes;
pub use messages::{announcement, consent_log, json, offer, request, ticket};
pub use parts::{join, split};
pub use pieces::pieces;
pub use scenario::scenario;
pub use serving::serving;

/// Something that is tried with bytes from anywhere; panics if what must hold does not.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also the name of its program.
pub const TARGETS: [(&str, Target); 19] = [
    ("slm", slm),
    ("artifact", artifact),
    ("manifest", manifest),
    ("chunk_list", chunk_list),
    ("receipt", receipt),
    ("announcement", announcement),
    ("json", json),
    ("offer", offer),
    ("request", request),
    ("ticket", ticket),
    ("consent_log", consent_log),
    ("texts", texts),
    ("pieces", pieces),
    ("lanes", lanes),
    ("identity", identity),
    ("frames", frames),
    ("import", import),
    ("serving", serving),
    ("scenario", scenario),
];

/// A number that follows from the bytes (FNV-1a), for choices that an input must always make alike.
fn choice(data: &[u8]) -> u64 {
    data.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The bytes with one bit changed, which one follows from the bytes.
fn flipped(data: &[u8]) -> Vec<u8> {
    let mut changed = data.to_vec();
    let bit = choice(data) % (data.len() as u64 * 8).max(1);
    if let Some(byte) = changed.get_mut((bit / 8) as usize) {
        *byte ^= 1 << (bit % 8);
    }
    changed
}

/// Checks that an error can be shown: a code of two parts, a field, a message of bounded length.
fn shown(error: &dyn verifier::Coded) {
    let code = error.code().to_string();
    assert!(code.split('.').count() == 2 && code.is_ascii(), "{code}");
    assert!(!error.field().is_empty(), "{code} has no field");
    let message = error.to_string();
    assert!(!message.is_empty() && message.len() < 4096, "{code}: {} bytes", message.len());
}
