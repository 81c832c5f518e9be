//! Messages that are hashed at once.

use ::lanes::Way;
use sha2::{Digest as _, Sha256};

/// How many messages an input is cut into at the most.
const MOST: usize = 64;

/// Each message: its length in two bytes, and its bytes; what is missing at the end is left out.
pub fn lanes(mut data: &[u8]) {
    let mut messages = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk()
        && messages.len() < MOST
    {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (message, later) = rest.split_at(length);
        messages.push(message);
        data = later;
    }
    let wanted: Vec<[u8; 32]> =
        messages.iter().map(|message| Sha256::digest(message).into()).collect();
    for way in Way::all() {
        assert_eq!(way.digests(messages.iter().copied()), wanted, "{way}");
    }
}
