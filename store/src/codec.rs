//! The one binary encoding, for what the store writes down of its own.
//!
//! bincode with fixed-width little-endian integers and a limit. There is one way to write
//! anything: a value that leaves input over, or does not encode back to it, is refused.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not the encoding of a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodecError {
    /// The value is longer than the limit, or cannot be encoded.
    #[error("value cannot be encoded within {limit} bytes")]
    Encode {
        /// The limit, in bytes.
        limit: usize,
        /// What the encoder said.
        source: bincode::error::EncodeError,
    },
    /// The bytes are longer than the limit.
    #[error("{found} bytes are over the limit of {limit}")]
    TooLong {
        /// How many there are.
        found: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes are no value of the type.
    #[error("bytes are not a value of the type")]
    Decode(#[source] bincode::error::DecodeError),
    /// The bytes go on behind the value, or are another spelling of it.
    #[error("bytes are not the one encoding of their value")]
    NotCanonical,
}

/// Encodings are decoded under this limit on what they may claim to need, in bytes; callers set
/// tighter ones.
const CEILING: usize = 64 << 20;

fn config() -> Configuration<LittleEndian, Fixint, Limit<CEILING>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<CEILING>()
}

/// Encodes a value in at most `limit` bytes.
///
/// # Errors
///
/// [`CodecError::Encode`] or [`CodecError::TooLong`].
pub(crate) fn encode<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, CodecError> {
    let bytes = bincode::serde::encode_to_vec(value, config())
        .map_err(|source| CodecError::Encode { limit, source })?;
    if bytes.len() > limit {
        return Err(CodecError::TooLong { found: bytes.len(), limit });
    }
    Ok(bytes)
}

/// Decodes a value from all of `bytes`, at most `limit` of them.
///
/// # Errors
///
/// [`CodecError`] unless the bytes are exactly what [`encode`] makes of the value.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong { found: bytes.len(), limit });
    }
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, config()).map_err(CodecError::Decode)?;
    if used != bytes.len() || encode(&value, limit)? != bytes {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn there_is_one_way_to_write_a_value() {
        let value = (7_u32, Some("piece".to_owned()), vec![1_u8, 2, 3]);
        let bytes = encode(&value, 1_000).unwrap();
        assert_eq!(decode::<(u32, Option<String>, Vec<u8>)>(&bytes, 1_000).unwrap(), value);
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode::<(u32, Option<String>, Vec<u8>)>(&longer, 1_000).is_err());
        assert!(decode::<(u32, Option<String>, Vec<u8>)>(&bytes, bytes.len() - 1).is_err());
        assert!(encode(&value, 3).is_err());
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        let claim = u64::MAX.to_le_bytes();
        assert!(decode::<Vec<u8>>(&claim, 1_000).is_err());
        let claim = (1_u64 << 32).to_le_bytes();
        assert!(decode::<Vec<u64>>(&claim, 1_000).is_err());
    }
}
