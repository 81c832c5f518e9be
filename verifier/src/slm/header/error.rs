//! What may be wrong with a header.

use super::{ALIGNMENT, ENTRY_LEN, HEADER_LEN, MIN_VOCAB, MODEL_TYPE, VERSION};
use crate::slm::policy::{DirectoryPolicy, TOKENIZER_RULES};

/// Why a header is wrong (H1 to H28).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// H1: the file has no room for a header.
    #[error("file has {length} bytes, expected at least {HEADER_LEN}, the header's")]
    TooShort {
        /// The file's length in bytes.
        length: u64,
    },
    /// H2: the file does not begin with `SLM1`.
    #[error("magic is `{}`, expected `SLM1`", found.escape_ascii())]
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// H3: the container is of another version.
    #[error("version is {found}, expected {VERSION}")]
    BadVersion {
        /// The field's value.
        found: u32,
    },
    /// H4: the header is too short, or longer than the file.
    #[error("header_length is {found}, expected {HEADER_LEN} to {length}, the file's length")]
    BadHeaderLength {
        /// The field's value.
        found: u32,
        /// The file's length in bytes.
        length: u64,
    },
    /// H5: the model is of another type.
    #[error("model_type is {found}, expected {MODEL_TYPE}")]
    BadModelType {
        /// The field's value.
        found: u32,
    },
    /// H6: a flag is set that is not known.
    #[error("flags are {found:#010x}, expected none beside {:#x}", DirectoryPolicy::KNOWN_FLAGS)]
    UnknownFlags {
        /// The field's value.
        found: u32,
    },
    /// H7: the vocabulary has no room for bytes and special tokens.
    #[error("vocab_size is {found}, expected at least {MIN_VOCAB}")]
    BadVocabSize {
        /// The field's value.
        found: u32,
    },
    /// H8: the number of special tokens is out of range.
    #[error(
        "special_token_count is {found}, expected {} to {vocab_size}, the vocab_size",
        TOKENIZER_RULES.min_special_count
    )]
    BadSpecialCount {
        /// The field's value.
        found: u32,
        /// The header's vocab_size.
        vocab_size: u32,
    },
    /// H9 to H12, H14, H16, H17: a number is zero that none of these may be.
    #[error("{field} is 0, expected at least 1")]
    ZeroDimension {
        /// The field's name in docs/formats.md 5.1.
        field: &'static str,
    },
    /// H13: the key-value heads do not divide the heads.
    #[error("kv_head_count is {found}, expected a divisor of head_count {heads}")]
    BadKvHeads {
        /// The field's value.
        found: u32,
        /// The header's head_count.
        heads: u32,
    },
    /// H15: the heads do not make up the hidden size.
    #[error("head_dim is {found}, expected hidden_size {hidden} over head_count {heads}")]
    BadHeadDim {
        /// The field's value.
        found: u32,
        /// The header's head_count.
        heads: u32,
        /// The header's hidden_size.
        hidden: u32,
    },
    /// H15: the head dimension is odd.
    #[error("head_dim is {found}, expected an even number")]
    OddHeadDim {
        /// The field's value.
        found: u32,
    },
    /// H18: the base of the rotary embedding is not usable.
    #[error("rope_theta is {found}, expected a finite number above 0")]
    BadRopeTheta {
        /// The field's value.
        found: f32,
    },
    /// H19: the epsilon of the normalisation is not usable.
    #[error("rms_norm_epsilon is {found}, expected a finite number above 0")]
    BadEpsilon {
        /// The field's value.
        found: f32,
    },
    /// H20: the tokenizer section is empty or out of place.
    #[error(
        "tokenizer has {section} bytes at {offset}, expected 1 or more between the header and the \
         file's end at {length}"
    )]
    TokenizerRange {
        /// Where the section begins, in bytes.
        offset: u64,
        /// The section's length in bytes.
        section: u64,
        /// The file's length in bytes.
        length: u64,
    },
    /// H21: the directory is not aligned.
    #[error("tensor_directory_offset is {found}, expected a multiple of {ALIGNMENT}")]
    DirectoryAlignment {
        /// The field's value.
        found: u64,
    },
    /// H22: the directory does not end within the file.
    #[error(
        "directory has {count} entries of {ENTRY_LEN} bytes at {offset}, expected them to end \
         by {length}, the file's length"
    )]
    DirectoryRange {
        /// Where the section begins, in bytes.
        offset: u64,
        /// The header's tensor_count.
        count: u32,
        /// The file's length in bytes.
        length: u64,
    },
    /// H23, H26: a part begins before the one before it ends.
    #[error("{field} is {found}, expected at least {end}, the end of the section before")]
    SectionOrder {
        /// The field's name in docs/formats.md 5.1.
        field: &'static str,
        /// The field's value.
        found: u64,
        /// Where the part before ends, in bytes.
        end: u64,
    },
    /// H24: the number of tensors is not that of the layers.
    #[error("tensor_count is {found}, expected {expected}")]
    TensorCount {
        /// The field's value.
        found: u32,
        /// The tensors that the layers need.
        expected: u64,
    },
    /// H24: there are more tensors than any reader has to hold.
    #[error("tensor_count is {found}, expected at most {}", DirectoryPolicy::MAX_TENSORS)]
    TooManyTensors {
        /// The field's value.
        found: u32,
    },
    /// H25: the data are not aligned.
    #[error("tensor_data_offset is {found}, expected a multiple of {ALIGNMENT}")]
    DataAlignment {
        /// The field's value.
        found: u64,
    },
    /// H27: the data begin behind the file's end.
    #[error("tensor_data_offset is {found}, expected at most {length}, the file's length")]
    DataRange {
        /// The field's value.
        found: u64,
        /// The file's length in bytes.
        length: u64,
    },
    /// H28: there is no checksum.
    #[error("checksum is 0, expected any other value")]
    ChecksumZero,
}

impl HeaderError {
    pub(in crate::slm) const fn suffix(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too-short",
            Self::BadMagic { .. } => "bad-magic",
            Self::BadVersion { .. } => "bad-version",
            Self::BadHeaderLength { .. } => "bad-header-length",
            Self::BadModelType { .. } => "bad-model-type",
            Self::UnknownFlags { .. } => "unknown-flags",
            Self::BadVocabSize { .. } => "bad-vocab-size",
            Self::BadSpecialCount { .. } => "bad-special-count",
            Self::ZeroDimension { .. } => "zero-dimension",
            Self::BadKvHeads { .. } => "bad-kv-heads",
            Self::BadHeadDim { .. } => "bad-head-dim",
            Self::OddHeadDim { .. } => "odd-head-dim",
            Self::BadRopeTheta { .. } => "bad-rope-theta",
            Self::BadEpsilon { .. } => "bad-epsilon",
            Self::TokenizerRange { .. } => "tokenizer-range",
            Self::DirectoryAlignment { .. } => "directory-alignment",
            Self::DirectoryRange { .. } => "directory-range",
            Self::SectionOrder { .. } => "section-order",
            Self::TensorCount { .. } | Self::TooManyTensors { .. } => "tensor-count",
            Self::DataAlignment { .. } => "data-alignment",
            Self::DataRange { .. } => "data-range",
            Self::ChecksumZero => "checksum-zero",
        }
    }

    pub(in crate::slm) const fn field(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "-",
            Self::BadMagic { .. } => "magic",
            Self::BadVersion { .. } => "version",
            Self::BadHeaderLength { .. } => "header_length",
            Self::BadModelType { .. } => "model_type",
            Self::UnknownFlags { .. } => "flags",
            Self::BadVocabSize { .. } => "vocab_size",
            Self::BadSpecialCount { .. } => "special_token_count",
            Self::ZeroDimension { field } | Self::SectionOrder { field, .. } => field,
            Self::BadKvHeads { .. } => "kv_head_count",
            Self::BadHeadDim { .. } | Self::OddHeadDim { .. } => "head_dim",
            Self::BadRopeTheta { .. } => "rope_theta",
            Self::BadEpsilon { .. } => "rms_norm_epsilon",
            Self::TokenizerRange { .. } => "tokenizer_offset",
            Self::DirectoryAlignment { .. } | Self::DirectoryRange { .. } => {
                "tensor_directory_offset"
            }
            Self::TensorCount { .. } | Self::TooManyTensors { .. } => "tensor_count",
            Self::DataAlignment { .. } | Self::DataRange { .. } => "tensor_data_offset",
            Self::ChecksumZero => "checksum",
        }
    }
}
