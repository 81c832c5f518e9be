//! The header: the first 108 bytes of a file (docs/formats.md 5.1, H1 to H28).
//!
//! ```
//! use verifier::slm::Header;
//! use verifier::slm::header::{HEADER_LEN, HeaderError};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let mut head: [u8; HEADER_LEN] = bytes[..HEADER_LEN].try_into()?;
//! let header = Header::parse(&head, bytes.len() as u64)?;
//! assert_eq!((header.hidden_size, header.layer_count, header.tensor_count), (8, 1, 12));
//! assert_eq!(header.encode(), head);
//!
//! head[28] = 9; // hidden_size
//! let error = Header::parse(&head, bytes.len() as u64).unwrap_err();
//! assert_eq!(error, HeaderError::BadHeadDim { found: 4, heads: 2, hidden: 9 });
//! assert_eq!(error.to_string(), "head_dim is 4, expected hidden_size 9 over head_count 2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;

pub use error::HeaderError;

use crate::slm::fields::Fields;
use crate::slm::policy::{
    DirectoryPolicy, GqaPolicy, RopePolicy, TOKENIZER_RULES, TiedOutputPolicy,
};

/// Length in bytes of the header that is read (docs/formats.md 5.1); a longer one is allowed and
/// its rest ignored.
pub const HEADER_LEN: usize = 108;

/// What directory, data and payloads must be aligned to, in bytes (H21, H25, D7).
pub const ALIGNMENT: u64 = 64;

/// Length of a directory entry, in bytes (docs/formats.md 5.2).
pub const ENTRY_LEN: u64 = crate::slm::directory::ENTRY_LEN as u64;

/// Where the checksum stands, in bytes from the file's start (docs/formats.md 5.1).
pub const CHECKSUM_OFFSET: u64 = 100;

pub(super) const MAGIC: [u8; 4] = *b"SLM1";
const VERSION: u32 = 1;
const MODEL_TYPE: u32 = 1;
const TIED: u32 = 1;
const MIN_VOCAB: u32 = 260;

/// A header that passed H1 to H28.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Header {
    /// H4: bytes of the header, 108 or more; what lies behind 108 has no meaning.
    pub header_length: u32,
    /// H6: bit 0 says that the output is tied.
    pub flags: u32,
    /// H7: tokens in the vocabulary, from 260.
    pub vocab_size: u32,
    /// H8: special tokens among them, from 4.
    pub special_token_count: u32,
    /// H9: width of the model.
    pub hidden_size: u32,
    /// H10: layers.
    pub layer_count: u32,
    /// H11: attention heads of a layer.
    pub head_count: u32,
    /// H12, H13: key-value heads; divides head_count.
    pub kv_head_count: u32,
    /// H14, H15: width of a head; head_count × head_dim is hidden_size.
    pub head_dim: u32,
    /// H16: width of the feed-forward part.
    pub ffn_size: u32,
    /// H17: the most tokens in a context.
    pub max_context: u32,
    /// H18: base of the rotary embedding, finite and above 0.
    pub rope_theta: f32,
    /// H19: epsilon of the normalisation, finite and above 0.
    pub rms_norm_epsilon: f32,
    /// H20: where the tokenizer section begins, in bytes.
    pub tokenizer_offset: u64,
    /// H20: its length in bytes, from 1.
    pub tokenizer_length: u64,
    /// H21 to H23: where the directory begins, in bytes; a multiple of 64.
    pub tensor_directory_offset: u64,
    /// H24: entries of the directory.
    pub tensor_count: u32,
    /// H25 to H27: where payloads may begin, in bytes; a multiple of 64.
    pub tensor_data_offset: u64,
    /// H28, H29: the stored internal checksum, never 0.
    pub checksum: u64,
}

impl Header {
    /// Reads the header of a file of `length` bytes.
    ///
    /// # Errors
    ///
    /// The first [`HeaderError`] in the order of H2 to H28; [`SlmError`](crate::slm::SlmError)
    /// gives it its code.
    pub fn parse(bytes: &[u8; HEADER_LEN], length: u64) -> Result<Self, HeaderError> {
        let mut fields = Fields::of(bytes);
        let magic = fields.bytes();
        if magic != MAGIC {
            return Err(HeaderError::BadMagic { found: magic });
        }
        let version = fields.u32();
        if version != VERSION {
            return Err(HeaderError::BadVersion { found: version });
        }
        let header_length = fields.u32();
        let model_type = fields.u32();
        let header = Self {
            header_length,
            flags: fields.u32(),
            vocab_size: fields.u32(),
            special_token_count: fields.u32(),
            hidden_size: fields.u32(),
            layer_count: fields.u32(),
            head_count: fields.u32(),
            kv_head_count: fields.u32(),
            head_dim: fields.u32(),
            ffn_size: fields.u32(),
            max_context: fields.u32(),
            rope_theta: fields.f32(),
            rms_norm_epsilon: fields.f32(),
            tokenizer_offset: fields.u64(),
            tokenizer_length: fields.u64(),
            tensor_directory_offset: fields.u64(),
            tensor_count: fields.u32(),
            tensor_data_offset: fields.u64(),
            checksum: fields.u64(),
        };
        if (header_length as usize) < HEADER_LEN || u64::from(header_length) > length {
            return Err(HeaderError::BadHeaderLength { found: header_length, length });
        }
        if model_type != MODEL_TYPE {
            return Err(HeaderError::BadModelType { found: model_type });
        }
        header.check_shape()?;
        header.check_sections(length)?;
        Ok(header)
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let fields: [&[u8]; 22] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &self.header_length.to_le_bytes(),
            &MODEL_TYPE.to_le_bytes(),
            &self.flags.to_le_bytes(),
            &self.vocab_size.to_le_bytes(),
            &self.special_token_count.to_le_bytes(),
            &self.hidden_size.to_le_bytes(),
            &self.layer_count.to_le_bytes(),
            &self.head_count.to_le_bytes(),
            &self.kv_head_count.to_le_bytes(),
            &self.head_dim.to_le_bytes(),
            &self.ffn_size.to_le_bytes(),
            &self.max_context.to_le_bytes(),
            &self.rope_theta.to_le_bytes(),
            &self.rms_norm_epsilon.to_le_bytes(),
            &self.tokenizer_offset.to_le_bytes(),
            &self.tokenizer_length.to_le_bytes(),
            &self.tensor_directory_offset.to_le_bytes(),
            &self.tensor_count.to_le_bytes(),
            &self.tensor_data_offset.to_le_bytes(),
            &self.checksum.to_le_bytes(),
        ];
        let mut bytes = [0; HEADER_LEN];
        for (to, from) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    /// Whether the output layer shares the embedding's weights.
    pub const fn is_tied(&self) -> bool {
        self.flags & TIED != 0
    }

    /// Rows of the key and value matrices.
    pub const fn kv_size(&self) -> u32 {
        GqaPolicy::NoteOnly.kv_size(self)
    }

    /// Where the tokenizer section ends.
    pub const fn tokenizer_end(&self) -> u64 {
        self.tokenizer_offset.saturating_add(self.tokenizer_length)
    }

    /// Where the tensor directory ends.
    pub fn directory_end(&self) -> u64 {
        self.tensor_directory_offset.saturating_add(ENTRY_LEN * u64::from(self.tensor_count))
    }

    fn check_shape(&self) -> Result<(), HeaderError> {
        if self.flags & !DirectoryPolicy::KNOWN_FLAGS != 0 {
            return Err(HeaderError::UnknownFlags { found: self.flags });
        }
        if self.vocab_size < MIN_VOCAB {
            return Err(HeaderError::BadVocabSize { found: self.vocab_size });
        }
        let specials = TOKENIZER_RULES.min_special_count..=self.vocab_size;
        if !specials.contains(&self.special_token_count) {
            return Err(HeaderError::BadSpecialCount {
                found: self.special_token_count,
                vocab_size: self.vocab_size,
            });
        }
        not_zero("hidden_size", self.hidden_size)?;
        not_zero("layer_count", self.layer_count)?;
        not_zero("head_count", self.head_count)?;
        not_zero("kv_head_count", self.kv_head_count)?;
        if self.kv_head_count > self.head_count
            || !self.head_count.is_multiple_of(self.kv_head_count)
        {
            return Err(HeaderError::BadKvHeads {
                found: self.kv_head_count,
                heads: self.head_count,
            });
        }
        not_zero("head_dim", self.head_dim)?;
        if u64::from(self.head_count) * u64::from(self.head_dim) != u64::from(self.hidden_size) {
            return Err(HeaderError::BadHeadDim {
                found: self.head_dim,
                heads: self.head_count,
                hidden: self.hidden_size,
            });
        }
        if !RopePolicy::allows(self.head_dim) {
            return Err(HeaderError::OddHeadDim { found: self.head_dim });
        }
        not_zero("ffn_size", self.ffn_size)?;
        not_zero("max_context", self.max_context)?;
        if !(self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return Err(HeaderError::BadRopeTheta { found: self.rope_theta });
        }
        if !(self.rms_norm_epsilon.is_finite() && self.rms_norm_epsilon > 0.0) {
            return Err(HeaderError::BadEpsilon { found: self.rms_norm_epsilon });
        }
        Ok(())
    }

    fn check_sections(&self, length: u64) -> Result<(), HeaderError> {
        let (offset, section) = (self.tokenizer_offset, self.tokenizer_length);
        let tokenizer_end = offset.checked_add(section).filter(|end| *end <= length);
        let Some(tokenizer_end) =
            tokenizer_end.filter(|_| offset >= u64::from(self.header_length) && section >= 1)
        else {
            return Err(HeaderError::TokenizerRange { offset, section, length });
        };

        let offset = self.tensor_directory_offset;
        if !offset.is_multiple_of(ALIGNMENT) {
            return Err(HeaderError::DirectoryAlignment { found: offset });
        }
        let entries = u64::from(self.tensor_count) * ENTRY_LEN;
        let Some(directory_end) = offset.checked_add(entries).filter(|end| *end <= length) else {
            return Err(HeaderError::DirectoryRange { offset, count: self.tensor_count, length });
        };
        if offset < tokenizer_end {
            return Err(HeaderError::SectionOrder {
                field: "tensor_directory_offset",
                found: offset,
                end: tokenizer_end,
            });
        }
        self.check_tensor_count()?;

        let offset = self.tensor_data_offset;
        if !offset.is_multiple_of(ALIGNMENT) {
            return Err(HeaderError::DataAlignment { found: offset });
        }
        if offset < directory_end {
            return Err(HeaderError::SectionOrder {
                field: "tensor_data_offset",
                found: offset,
                end: directory_end,
            });
        }
        if offset > length {
            return Err(HeaderError::DataRange { found: offset, length });
        }
        if self.checksum == 0 {
            return Err(HeaderError::ChecksumZero);
        }
        Ok(())
    }

    fn check_tensor_count(&self) -> Result<(), HeaderError> {
        let with_output = 3 + 9 * u64::from(self.layer_count);
        let expected = if self.is_tied() { with_output - 1 } else { with_output };
        let found = u64::from(self.tensor_count);
        let extra = self.is_tied() && TiedOutputPolicy::WarnIfPresent.allows_output();
        if found != expected && !(extra && found == with_output) {
            return Err(HeaderError::TensorCount { found: self.tensor_count, expected });
        }
        if self.tensor_count > DirectoryPolicy::MAX_TENSORS {
            return Err(HeaderError::TooManyTensors { found: self.tensor_count });
        }
        Ok(())
    }
}

fn not_zero(field: &'static str, value: u32) -> Result<(), HeaderError> {
    if value == 0 { Err(HeaderError::ZeroDimension { field }) } else { Ok(()) }
}
