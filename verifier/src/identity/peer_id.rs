//! Peer ids: a public key as text that people can copy without a silent mistake.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, ByteIterExt as _, Fe32IterExt as _, Hrp};

use super::{IdentityError, PublicKey};
use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::excerpt::Excerpt;

/// How a peer id is spelt (docs/formats.md 8.2: bech32m of BIP-350), and how long a pair code is;
/// provisional.
pub enum PeerIdFormat {}

impl PeerIdFormat {
    /// How long a peer id is, in bytes.
    pub const LEN: usize = 65;

    /// What every peer id starts with.
    pub const PREFIX: &'static str = "mmpeer1";

    /// How many digits a pair code has.
    pub const PAIR_CODE_DIGITS: u32 = 24;

    const HRP: Hrp = Hrp::parse_unchecked("mmpeer");
    const ALPHABET: &'static [u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const PADDING_BITS: u8 = 0b1111;
}

/// A peer's name, which is its public key; shown as `mmpeer1` and 58 more characters.
///
/// Ordered as its text is, byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerId(PublicKey);

impl PeerId {
    pub(super) const fn of(key: PublicKey) -> Self {
        Self(key)
    }

    /// Reads a peer id's one spelling.
    ///
    /// # Errors
    ///
    /// [`PeerIdError`] (`peer-id.…`) names the first thing that is wrong: length, prefix,
    /// characters, checksum, padding, key.
    pub fn parse(text: &str) -> Result<Self, PeerIdError> {
        if text.len() != PeerIdFormat::LEN {
            return Err(PeerIdError::Length(text.len()));
        }
        let Some(data) = text.strip_prefix(PeerIdFormat::PREFIX) else {
            return Err(PeerIdError::Prefix(
                text.chars().take(PeerIdFormat::PREFIX.len()).collect(),
            ));
        };
        if let Some(other) = data.chars().find(|c| !is_symbol(*c)) {
            return Err(PeerIdError::Character(other));
        }
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| PeerIdError::Checksum)?;
        let padding = checked.fe32_iter().last().map_or(0, |symbol| symbol.to_u8());
        if padding & PeerIdFormat::PADDING_BITS != 0 {
            return Err(PeerIdError::Padding);
        }
        let mut key = [0; 32];
        for (byte, from) in key.iter_mut().zip(checked.byte_iter()) {
            *byte = from;
        }
        Ok(Self(PublicKey::from_bytes(key)?))
    }

    /// The key that the id spells.
    pub const fn public_key(&self) -> PublicKey {
        self.0
    }

    fn symbols(&self) -> impl Iterator<Item = char> {
        self.0.as_bytes().iter().copied().bytes_to_fes().map(|symbol| symbol.to_char())
    }
}

fn is_symbol(c: char) -> bool {
    u8::try_from(c).is_ok_and(|byte| PeerIdFormat::ALPHABET.contains(&byte))
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbols = self.0.as_bytes().iter().copied().bytes_to_fes();
        symbols
            .with_checksum::<Bech32m>(&PeerIdFormat::HRP)
            .chars()
            .try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ord for PeerId {
    fn cmp(&self, other: &Self) -> Ordering {
        // One that is looked up is mostly compared with itself, and spelling it takes a while.
        if self == other { Ordering::Equal } else { self.symbols().cmp(other.symbols()) }
    }
}

impl PartialOrd for PeerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Why a text is no peer id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIdError {
    /// The text is too short or too long.
    #[error("peer id has {0} bytes, expected {len}", len = PeerIdFormat::LEN)]
    Length(usize),
    /// The text starts with something else.
    #[error("peer id begins with `{}`, expected `{}`", Excerpt(.0), PeerIdFormat::PREFIX)]
    Prefix(String),
    /// A character does not occur in peer ids, which are lower case.
    #[error("peer id has the character `{}`, which none has", Excerpt(&.0.to_string()))]
    Character(char),
    /// The checksum is that of another text: something was mistyped.
    #[error("peer id is mistyped: its checksum does not fit")]
    Checksum,
    /// The bits after the key are not zero.
    #[error("peer id does not end as its key does: padding bits are set")]
    Padding,
    /// The key is not usable.
    #[error("peer id holds an unusable key")]
    Key(#[from] IdentityError),
}

impl Coded for PeerIdError {
    fn code(&self) -> Code {
        Code::new(
            "peer-id",
            match self {
                Self::Length(_) | Self::Character(_) => "syntax",
                Self::Prefix(_) => "prefix",
                Self::Checksum => "checksum",
                Self::Padding => "padding",
                Self::Key(_) => "key",
            },
        )
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::Padding | Self::Key(_) => {
                "No installation has this id: ask the peer for its own."
            }
            _ => "Copy the whole peer id again: 65 characters that start with mmpeer1.",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PeerId, PeerIdError};
    use crate::identity::SigningKey;

    const ONE: &str = "mmpeer132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawqvensuq";
    const TWO: &str = "mmpeer1syuhwr4g05t4744r23nvxnr7en9cmz53knhr0gja7c84hr7fkw2qs37a6k";

    #[test]
    fn the_published_seeds_have_the_published_ids() {
        for (seed, text) in [(1, ONE), (2, TWO)] {
            let key = SigningKey::from_seed([seed; 32]).public_key();
            assert_eq!(key.peer_id().to_string(), text);
            assert_eq!(PeerId::parse(text).unwrap().public_key(), key);
        }
    }

    #[test]
    fn the_first_fault_is_named() {
        let error = |text: &str| PeerId::parse(text).unwrap_err();
        assert_eq!(error(""), PeerIdError::Length(0));
        assert_eq!(error(&ONE.to_uppercase()), PeerIdError::Prefix("MMPEER1".to_owned()));
        assert_eq!(error(&ONE.replace('y', "b")), PeerIdError::Character('b'));
        assert_eq!(error(&ONE.replace("132", "123")), PeerIdError::Checksum);
    }

    proptest! {
        #[test]
        fn ids_are_ordered_as_their_texts(a: [u8; 32], b: [u8; 32]) {
            let [a, b] = [a, b].map(|seed| SigningKey::from_seed(seed).public_key().peer_id());
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(PeerId::parse(&a.to_string()), Ok(a));
        }

        #[test]
        fn any_text_returns_and_what_is_read_is_shown_alike(
            text in "mmpeer1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}|.{0,70}",
        ) {
            if let Ok(id) = PeerId::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
