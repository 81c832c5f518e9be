//! The tokenizer section, judged as its bytes come (docs/formats.md 5.3, K1 to K16).
//!
//! A BPE1 section may have as many token and merge records as the vocabulary has tokens. Which ids
//! have come is kept in words of 64 bits until the section ends: less than a byte a token where ids
//! are dense, up to 40 bytes where each stands alone, and no more than 2^18 words (10 MiB) in all.
//!
//! ```
//! use verifier::slm::tokenizer::{TokenizerError, TokenizerKind};
//! use verifier::slm::{ChecksumRule, SlmError, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! let slm = validate(&bytes, ChecksumRule::Verify)?;
//! assert_eq!(slm.tokenizer_kind(), TokenizerKind::Btok);
//! bytes[112] = 2; // the tokenizer's version
//! let error = validate(&bytes, ChecksumRule::Unverified).unwrap_err();
//! assert_eq!(error, SlmError::Tokenizer(TokenizerError::TokenizerVersion { found: 2 }));
//! assert_eq!(error.to_string(), "tokenizer version is 2, expected 1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::digest::{Sha256, Sha256Stream};
use crate::slm::digests::DigestRules;
use crate::slm::fields::Fields;
use crate::slm::header::Header;
use crate::slm::policy::{Bpe1RecordLayout, TOKENIZER_RULES};

const BTOK_MAGIC: [u8; 4] = *b"BTOK";
const BPE1_MAGIC: [u8; 4] = *b"BPE1";
const BTOK_LEN: u64 = 28;
const BPE1_HEAD_LEN: u64 = 36;
const MAGIC_LEN: u64 = 4;
const BTOK_VOCAB: u32 = 260;

/// Which tokenizer a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenizerKind {
    /// A token for each byte, and four special ones.
    Btok,
    /// Byte-pair encoding, with records of tokens and merges.
    Bpe1,
}

impl TokenizerKind {
    /// The word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Btok => "btok",
            Self::Bpe1 => "bpe1",
        }
    }
}

/// The tokenizer section that every byte-level model has; its ids are fixed.
pub(super) fn btok_section() -> Vec<u8> {
    let mut section = BTOK_MAGIC.to_vec();
    let words = [TOKENIZER_RULES.version, BTOK_VOCAB].into_iter();
    for word in words.chain(TOKENIZER_RULES.btok_special_ids) {
        section.extend(word.to_le_bytes());
    }
    section
}

/// Reads a tokenizer section from bytes that come in slices of any size.
#[derive(Debug)]
pub(super) struct TokenizerReader {
    rules: SectionRules,
    digest: Sha256Stream,
    state: State,
    record: Vec<u8>,
    wanted: usize,
    /// Bytes of the section behind the record that is being collected.
    left: u64,
    ids: IdSet,
    kind: Option<TokenizerKind>,
}

/// What the header says about the section.
#[derive(Debug, Clone, Copy)]
struct SectionRules {
    length: u64,
    vocab_size: u32,
    special_token_count: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    TokenHead { counts: Counts },
    TokenBytes { counts: Counts, left: u64 },
    Merge { counts: Counts },
    Done,
}

/// Records still to come.
#[derive(Debug, Clone, Copy)]
struct Counts {
    tokens: u32,
    merges: u32,
}

impl TokenizerReader {
    pub(super) fn new(header: &Header) -> Self {
        let length = header.tokenizer_length;
        let rules = SectionRules {
            length,
            vocab_size: header.vocab_size,
            special_token_count: header.special_token_count,
        };
        let mut reader = Self {
            rules,
            digest: DigestRules::V0.tokenizer(),
            state: State::Head,
            record: Vec::new(),
            wanted: 0,
            left: length,
            ids: IdSet::default(),
            kind: None,
        };
        let head = if length < MAGIC_LEN { 0 } else { length.min(BPE1_HEAD_LEN) };
        reader.collect(State::Head, usize::try_from(head).unwrap_or(0));
        reader
    }

    /// Takes in the next bytes of the section; after an error nothing more may be given.
    pub(super) fn update(&mut self, bytes: &[u8]) -> Result<(), TokenizerError> {
        self.digest.update(bytes);
        let read = self.read(bytes);
        if read.is_err() || matches!(self.state, State::Done) {
            // Nobody asks for an id again, and the directory will want memory.
            self.ids = IdSet::default();
        }
        read
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), TokenizerError> {
        loop {
            if let State::TokenBytes { counts, left } = self.state {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(skipped..).unwrap_or_default();
                let left = left - skipped as u64;
                if left > 0 {
                    self.state = State::TokenBytes { counts, left };
                    return Ok(());
                }
                self.await_record(counts)?;
            }
            if matches!(self.state, State::Done) {
                return Ok(());
            }
            let missing = self.wanted.saturating_sub(self.record.len());
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            self.record.extend_from_slice(now);
            bytes = later;
            if self.record.len() < self.wanted {
                return Ok(());
            }
            self.take()?;
        }
    }

    /// Which tokenizer it was, and the digest of the section; its bytes have all been read.
    pub(super) fn finish(self) -> (Option<TokenizerKind>, Sha256) {
        (self.kind, self.digest.finish())
    }

    /// Judges the record that has been collected.
    fn take(&mut self) -> Result<(), TokenizerError> {
        let record = std::mem::take(&mut self.record);
        match self.state {
            State::Head => self.take_head(&record),
            State::TokenHead { counts } => {
                let (id, length) = Bpe1RecordLayout::token(&record);
                self.check_id(id)?;
                if !self.ids.has_room_for(id) {
                    return Err(TokenizerError::BpeScattered { id });
                }
                if !self.ids.insert(id) {
                    return Err(TokenizerError::BpeDuplicateId { id });
                }
                if length == 0 {
                    return Err(TokenizerError::BpeEmptyToken { id });
                }
                if length > Bpe1RecordLayout::MAX_TOKEN_LEN {
                    return Err(TokenizerError::BpeTokenLength { id, length });
                }
                let length = u64::from(length);
                self.left = self.left.checked_sub(length).ok_or_else(|| self.truncated(length))?;
                let counts = Counts { tokens: counts.tokens.saturating_sub(1), ..counts };
                self.state = State::TokenBytes { counts, left: length };
                Ok(())
            }
            State::Merge { counts } => {
                let [left, right, output] = Bpe1RecordLayout::merge(&record);
                for id in [left, right, output] {
                    self.check_id(id)?;
                }
                if !self.ids.contains(output) {
                    return Err(TokenizerError::BpeMergeOutput { id: output });
                }
                self.await_record(Counts { merges: counts.merges.saturating_sub(1), ..counts })
            }
            State::TokenBytes { .. } | State::Done => Ok(()),
        }
    }

    fn take_head(&mut self, head: &[u8]) -> Result<(), TokenizerError> {
        let rules = self.rules;
        let mut fields = Fields::of(head);
        let magic = fields.bytes();
        let (kind, fits) = match magic {
            BTOK_MAGIC => (TokenizerKind::Btok, rules.length == BTOK_LEN),
            BPE1_MAGIC => (TokenizerKind::Bpe1, rules.length >= BPE1_HEAD_LEN),
            _ => return Err(TokenizerError::TokenizerMagic { found: magic }),
        };
        if !fits {
            return Err(TokenizerError::TokenizerLength { kind, found: rules.length });
        }
        let version = fields.u32();
        if version != TOKENIZER_RULES.version {
            return Err(TokenizerError::TokenizerVersion { found: version });
        }
        let vocab = fields.u32();
        let expected = rules.vocab_size;
        if vocab != expected || (kind == TokenizerKind::Btok && vocab != BTOK_VOCAB) {
            return Err(TokenizerError::TokenizerVocab { found: vocab, expected });
        }
        self.kind = Some(kind);
        let specials: [u32; 4] = fields.words();
        match kind {
            TokenizerKind::Btok => {
                if specials != TOKENIZER_RULES.btok_special_ids {
                    return Err(TokenizerError::TokenizerSpecial { found: specials });
                }
                let found = rules.special_token_count;
                if found != TOKENIZER_RULES.btok_special_count {
                    return Err(TokenizerError::TokenizerSpecialCount { found });
                }
                self.state = State::Done;
                Ok(())
            }
            TokenizerKind::Bpe1 => {
                let mut sorted = specials;
                sorted.sort_unstable();
                let [a, b, c, d] = sorted;
                if a == b || b == c || c == d || d >= rules.vocab_size {
                    return Err(TokenizerError::TokenizerSpecial { found: specials });
                }
                let counts = Counts { tokens: fields.u32(), merges: fields.u32() };
                let limit = Bpe1RecordLayout::max_records(rules.vocab_size);
                for found in [counts.tokens, counts.merges] {
                    if found > limit {
                        return Err(TokenizerError::BpeCount { found, limit });
                    }
                }
                self.await_record(counts)
            }
        }
    }

    /// Goes on to the next record, if the section has bytes for it.
    fn await_record(&mut self, counts: Counts) -> Result<(), TokenizerError> {
        let (state, length) = match counts {
            Counts { tokens: 0, merges: 0 } => {
                self.state = State::Done;
                return match self.left {
                    0 => Ok(()),
                    count => Err(TokenizerError::BpeTrailing { count }),
                };
            }
            Counts { tokens: 0, .. } => (State::Merge { counts }, Bpe1RecordLayout::MERGE_LEN),
            _ => (State::TokenHead { counts }, Bpe1RecordLayout::TOKEN_HEAD_LEN),
        };
        if self.left < length as u64 {
            return Err(self.truncated(length as u64));
        }
        self.collect(state, length);
        Ok(())
    }

    fn collect(&mut self, state: State, length: usize) {
        self.state = state;
        self.wanted = length;
        self.left = self.left.saturating_sub(length as u64);
    }

    const fn truncated(&self, wanted: u64) -> TokenizerError {
        TokenizerError::BpeTruncated { wanted, left: self.left }
    }

    const fn check_id(&self, id: u32) -> Result<(), TokenizerError> {
        if id < self.rules.vocab_size {
            Ok(())
        } else {
            Err(TokenizerError::BpeIdRange { id, vocab_size: self.rules.vocab_size })
        }
    }
}

/// A set of token ids, in words of 64 so that a dense vocabulary stays small.
///
/// It grows with the records read, not with the vocabulary claimed.
#[derive(Debug, Default)]
struct IdSet(BTreeMap<u32, u64>);

impl IdSet {
    /// Whether the id's group is known, or may be one more.
    fn has_room_for(&self, id: u32) -> bool {
        self.0.len() < Bpe1RecordLayout::MAX_ID_GROUPS || self.0.contains_key(&(id / 64))
    }

    fn insert(&mut self, id: u32) -> bool {
        let word = self.0.entry(id / 64).or_default();
        let is_new = *word & Self::bit(id) == 0;
        *word |= Self::bit(id);
        is_new
    }

    fn contains(&self, id: u32) -> bool {
        self.0.get(&(id / 64)).is_some_and(|word| word & Self::bit(id) != 0)
    }

    const fn bit(id: u32) -> u64 {
        1 << (id % 64)
    }
}

/// Why a tokenizer section is wrong (K1 to K16).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// K1: the section is of no known kind.
    #[error("tokenizer magic is `{}`, expected `BTOK` or `BPE1`", found.escape_ascii())]
    TokenizerMagic {
        /// The section's first four bytes.
        found: [u8; 4],
    },
    /// K2: the section has another length than its kind.
    #[error(
        "tokenizer has {found} bytes, expected {} with {}",
        match kind {
            TokenizerKind::Btok => format!("{BTOK_LEN}"),
            TokenizerKind::Bpe1 => format!("at least {BPE1_HEAD_LEN}"),
        },
        kind.as_str()
    )]
    TokenizerLength {
        /// Its kind.
        kind: TokenizerKind,
        /// The section's length in bytes.
        found: u64,
    },
    /// K3: the tokenizer is of another version.
    #[error("tokenizer version is {found}, expected {}", TOKENIZER_RULES.version)]
    TokenizerVersion {
        /// The value found.
        found: u32,
    },
    /// K4: the vocabulary is not the header's.
    #[error(
        "tokenizer has {found} tokens, expected {expected}, the header's vocab_size \
         ({BTOK_VOCAB} with btok)"
    )]
    TokenizerVocab {
        /// The value found.
        found: u32,
        /// The header's vocab_size.
        expected: u32,
    },
    /// K5: the ids of bos, eos, pad and unk are not allowed ones.
    #[error(
        "special token ids are {found:?}, expected {:?} with btok, four different ids below \
         vocab_size with bpe1",
        TOKENIZER_RULES.btok_special_ids
    )]
    TokenizerSpecial {
        /// The value found.
        found: [u32; 4],
    },
    /// K6: the header has another number of special tokens than BTOK.
    #[error(
        "special_token_count is {found}, expected {} with btok",
        TOKENIZER_RULES.btok_special_count
    )]
    TokenizerSpecialCount {
        /// The header's special_token_count.
        found: u32,
    },
    /// K7: there are more token or merge records than tokens in the vocabulary.
    #[error("tokenizer has {found} token or merge records, expected at most {limit} of each")]
    BpeCount {
        /// The value found.
        found: u32,
        /// The most allowed.
        limit: u32,
    },
    /// K7: the ids of token records lie in more groups of 64 than any reader has to hold.
    #[error(
        "token id {id} begins another group of 64 ids, expected at most {} groups",
        Bpe1RecordLayout::MAX_ID_GROUPS
    )]
    BpeScattered {
        /// The id that would be one group too many.
        id: u32,
    },
    /// K8, K12, K13: the section ends inside a record.
    #[error("tokenizer has {left} bytes left, expected {wanted} for the next record")]
    BpeTruncated {
        /// The bytes that the record needs.
        wanted: u64,
        /// The bytes that are left.
        left: u64,
    },
    /// K9, K14: a record names a token that the vocabulary does not have.
    #[error("token id is {id}, expected one below {vocab_size}, the vocab_size")]
    BpeIdRange {
        /// The token's id.
        id: u32,
        /// The header's vocab_size.
        vocab_size: u32,
    },
    /// K10: a token has two records.
    #[error("token {id} has a second record, expected one")]
    BpeDuplicateId {
        /// The token's id.
        id: u32,
    },
    /// K11: a token has no bytes.
    #[error("token {id} has 0 bytes, expected at least 1")]
    BpeEmptyToken {
        /// The token's id.
        id: u32,
    },
    /// K11: a token has too many bytes.
    #[error("token {id} has {length} bytes, expected at most {}", Bpe1RecordLayout::MAX_TOKEN_LEN)]
    BpeTokenLength {
        /// The token's id.
        id: u32,
        /// The token's length in bytes.
        length: u32,
    },
    /// K15: a merge gives a token without a record.
    #[error("merge gives token {id}, expected one that has a record")]
    BpeMergeOutput {
        /// The token's id.
        id: u32,
    },
    /// K16: there are bytes behind the last record.
    #[error("tokenizer has {count} bytes after the last record, expected none")]
    BpeTrailing {
        /// How many there are.
        count: u64,
    },
}

impl TokenizerError {
    pub(super) const fn suffix(&self) -> &'static str {
        match self {
            Self::TokenizerMagic { .. } => "tokenizer-magic",
            Self::TokenizerLength { .. } => "tokenizer-length",
            Self::TokenizerVersion { .. } => "tokenizer-version",
            Self::TokenizerVocab { .. } => "tokenizer-vocab",
            Self::TokenizerSpecial { .. } => "tokenizer-special",
            Self::TokenizerSpecialCount { .. } => "tokenizer-special-count",
            Self::BpeCount { .. } | Self::BpeScattered { .. } => "bpe-count",
            Self::BpeTruncated { .. } => "bpe-truncated",
            Self::BpeIdRange { .. } => "bpe-id-range",
            Self::BpeDuplicateId { .. } => "bpe-duplicate-id",
            Self::BpeEmptyToken { .. } => "bpe-empty-token",
            Self::BpeTokenLength { .. } => "bpe-token-length",
            Self::BpeMergeOutput { .. } => "bpe-merge-output",
            Self::BpeTrailing { .. } => "bpe-trailing",
        }
    }

    pub(super) fn field(&self) -> String {
        match self {
            Self::TokenizerSpecialCount { .. } => "special_token_count".to_owned(),
            Self::TokenizerVocab { .. } => "vocab_size".to_owned(),
            Self::BpeIdRange { id, .. }
            | Self::BpeScattered { id }
            | Self::BpeDuplicateId { id }
            | Self::BpeEmptyToken { id }
            | Self::BpeTokenLength { id, .. }
            | Self::BpeMergeOutput { id } => format!("token.{id}"),
            Self::TokenizerMagic { .. }
            | Self::TokenizerLength { .. }
            | Self::TokenizerVersion { .. }
            | Self::TokenizerSpecial { .. }
            | Self::BpeCount { .. }
            | Self::BpeTruncated { .. }
            | Self::BpeTrailing { .. } => "tokenizer".to_owned(),
        }
    }
}
