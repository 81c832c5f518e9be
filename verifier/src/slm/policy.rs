//! The provisional rules of the container, each behind one name (docs/formats.md 16).
//!
//! ```
//! use verifier::slm::policy::{LayoutPolicy, RopePolicy, TOKENIZER_RULES, TensorOrder};
//!
//! assert_eq!(LayoutPolicy::MAX_GAP, 63);
//! assert!(RopePolicy::allows(64) && !RopePolicy::allows(63));
//! assert_eq!(TOKENIZER_RULES.btok_special_ids, [256, 257, 258, 259]);
//! assert_eq!(TensorOrder::RowMajor.split(&[260, 8]), (260, 8));
//! ```

use crate::slm::fields::Fields;
use crate::slm::header::Header;

/// What the tokenizer section must hold (H8, K3, K5, K6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenizerRules {
    /// The only version of both tokenizer kinds.
    pub version: u32,
    /// The least special_token_count of a header.
    pub min_special_count: u32,
    /// The only special_token_count beside a BTOK section.
    pub btok_special_count: u32,
    /// The ids of bos, eos, pad and unk in a BTOK section.
    pub btok_special_ids: [u32; 4],
}

/// The tokenizer rules in force.
pub const TOKENIZER_RULES: TokenizerRules = TokenizerRules {
    version: 1,
    min_special_count: 4,
    btok_special_count: 4,
    btok_special_ids: [256, 257, 258, 259],
};

/// The widths and limits of the records in a BPE1 section (K7 to K13).
#[derive(Debug, Clone, Copy)]
pub struct Bpe1RecordLayout;

impl Bpe1RecordLayout {
    /// Bytes before a token's own bytes: its id and its length.
    pub const TOKEN_HEAD_LEN: usize = 8;
    /// Bytes of a merge: left, right, output, rank.
    pub const MERGE_LEN: usize = 16;
    /// The most bytes a token may have.
    pub const MAX_TOKEN_LEN: u32 = 256;
    /// In how many groups of 64 the ids may lie, so that scattered ids take no more than a few
    /// megabytes of memory. Dense ids may be 16,777,216.
    pub const MAX_ID_GROUPS: usize = 1 << 18;

    /// A token record's id and the length of its bytes.
    pub(super) fn token(record: &[u8]) -> (u32, u32) {
        let mut fields = Fields::of(record);
        (fields.u32(), fields.u32())
    }

    /// A merge record's left, right and output; its rank is free.
    pub(super) fn merge(record: &[u8]) -> [u32; 3] {
        Fields::of(record).words()
    }

    /// The most tokens, and the most merges, of a vocabulary.
    pub const fn max_records(vocab_size: u32) -> u32 {
        vocab_size
    }
}

/// How many tensors there may be, and what the unused fields of header and directory may hold (H6,
/// H24, D5, D6, D10, D14).
#[derive(Debug, Clone, Copy)]
pub struct DirectoryPolicy;

impl DirectoryPolicy {
    /// The flags that a header may have; bit 0 says that the output is tied.
    pub const KNOWN_FLAGS: u32 = 1;
    /// The most tensors, so that no directory takes more than a few megabytes of memory.
    pub const MAX_TENSORS: u32 = 32_768;
    /// The only scale_offset of an f32 tensor.
    pub const F32_SCALE_OFFSET: u64 = 0;
    /// The only block_size of an f32 tensor.
    pub const F32_BLOCK_SIZE: u32 = 0;
    /// The only value of an entry's reserved bytes.
    pub const RESERVED: u32 = 0;

    /// Whether a dim past the rank may have this value.
    pub const fn allows_unused(dim: u32) -> bool {
        dim <= 1
    }
}

/// How the parts of a file may lie (D12, Y1 to Y4).
#[derive(Debug, Clone, Copy)]
pub struct LayoutPolicy;

impl LayoutPolicy {
    /// The most padding between two parts, and behind the last one.
    pub const MAX_GAP: u64 = 63;
    /// What a scale_offset must be a multiple of.
    pub const SCALE_ALIGNMENT: u64 = 4;
}

/// Which head_dim rotary embeddings can work with (H15).
#[derive(Debug, Clone, Copy)]
pub struct RopePolicy;

impl RopePolicy {
    /// Whether dimensions can be paired.
    pub const fn allows(head_dim: u32) -> bool {
        head_dim.is_multiple_of(2)
    }
}

/// How a tensor's dims name its rows and columns (5.4, 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorOrder {
    /// The last used dim counts the columns; scales of q4_0 follow each other row by row.
    RowMajor,
}

impl TensorOrder {
    /// Rows and columns of a tensor with these used dims.
    pub fn split(self, used: &[u32]) -> (u128, u128) {
        match self {
            Self::RowMajor => match used.split_last() {
                Some((cols, others)) => {
                    (others.iter().map(|dim| u128::from(*dim)).product(), u128::from(*cols))
                }
                None => (1, 1),
            },
        }
    }

    /// Dims of a matrix that maps `inputs` to `outputs`.
    pub const fn matrix(self, outputs: u32, inputs: u32) -> [u32; 2] {
        match self {
            Self::RowMajor => [outputs, inputs],
        }
    }
}

/// What a grouped-query model (fewer key-value heads than heads) is taken for (5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GqaPolicy {
    /// Valid, and noted as not executable.
    NoteOnly,
}

impl GqaPolicy {
    /// Rows of the key and value matrices: KV of docs/formats.md 5.5.
    pub const fn kv_size(self, header: &Header) -> u32 {
        match self {
            // At most hidden_size: kv_head_count is at most head_count.
            Self::NoteOnly => header.kv_head_count.saturating_mul(header.head_dim),
        }
    }

    /// The value of `slm.runtime`.
    pub const fn runtime(self, header: &Header) -> &'static str {
        match self {
            Self::NoteOnly if header.kv_head_count < header.head_count => "not-executable",
            Self::NoteOnly => "executable",
        }
    }
}

/// What output.weight in a file with a tied output means (H24, N1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TiedOutputPolicy {
    /// The file is valid and gets a warning.
    WarnIfPresent,
}

impl TiedOutputPolicy {
    /// Whether a tied file may have that tensor.
    pub const fn allows_output(self) -> bool {
        match self {
            Self::WarnIfPresent => true,
        }
    }

    /// The warning it gets.
    pub const fn warning(self) -> &'static str {
        match self {
            Self::WarnIfPresent => "tied-output-present",
        }
    }
}
