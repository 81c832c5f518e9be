//! What a valid file holds: the measured values of docs/formats.md 5.8.
//!
//! ```
//! use verifier::slm::{ChecksumRule, ChecksumVerdict, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q4_0, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let slm = validate(&bytes, ChecksumRule::Unverified)?;
//! assert_eq!(slm.measured()[0], ("slm.format_version", "1".to_owned()));
//! assert_eq!(slm.parameter_count(), 4_824);
//! // What was not compared is never called verified.
//! assert_eq!(slm.checksum_verdict(), ChecksumVerdict::Unverified);
//! assert_eq!(slm.measured_value("slm.checksum_profile").as_deref(), Some("unverified"));
//! assert_eq!(slm.warnings(), ["checksum-unverified"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::digest::Sha256;
use crate::scalars::U64Hex;
use crate::slm::checksum::SlmChecksumProfile;
use crate::slm::digests::DigestRules;
use crate::slm::directory::Directory;
use crate::slm::header::Header;
use crate::slm::names::TensorNames;
use crate::slm::policy::{GqaPolicy, TiedOutputPolicy};
use crate::slm::quantisation::Quantisation;
use crate::slm::tokenizer::TokenizerKind;

const CHECKSUM_UNVERIFIED: &str = "checksum-unverified";

/// The facts of a valid file; only a finished [`Scan`](crate::slm::Scan) makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct Slm {
    header: Header,
    checksum: ChecksumVerdict,
    tokenizer_kind: TokenizerKind,
    tokenizer_checksum: Sha256,
    tensor_layout_checksum: Sha256,
    quantisation: Option<Quantisation>,
    parameter_count: u128,
    has_output: bool,
}

/// Whether the internal checksum was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumVerdict {
    /// The stored value is the one computed under this profile.
    Verified(SlmChecksumProfile),
    /// It was not compared.
    Unverified,
}

impl Slm {
    pub(super) fn new(
        header: Header,
        checksum: ChecksumVerdict,
        tokenizer: (TokenizerKind, Sha256),
        directory: &Directory,
        names: &TensorNames,
    ) -> Self {
        let mut dtypes = directory.entries().iter().map(|entry| entry.dtype);
        let first = dtypes.next();
        Self {
            header,
            checksum,
            tokenizer_kind: tokenizer.0,
            tokenizer_checksum: tokenizer.1,
            tensor_layout_checksum: DigestRules::V0.layout(directory),
            quantisation: first.filter(|first| dtypes.all(|other| other == *first)),
            parameter_count: directory.entries().iter().map(|entry| entry.value_count()).sum(),
            has_output: names.has_output(),
        }
    }

    /// Every `slm.*` key and its measured value, in the order receipts list them
    /// (docs/formats.md 12).
    pub fn measured(&self) -> Vec<(&'static str, String)> {
        let header = &self.header;
        let profile = match self.checksum {
            ChecksumVerdict::Verified(profile) => profile.as_str(),
            ChecksumVerdict::Unverified => "unverified",
        };
        vec![
            ("slm.format_version", "1".to_owned()),
            ("slm.checksum", U64Hex(header.checksum).to_string()),
            ("slm.checksum_profile", profile.to_owned()),
            ("slm.tokenizer_kind", self.tokenizer_kind.as_str().to_owned()),
            ("slm.tokenizer_checksum", self.tokenizer_checksum.to_string()),
            ("slm.tensor_layout_checksum", self.tensor_layout_checksum.to_string()),
            (
                "slm.quantization",
                self.quantisation.map_or("mixed", Quantisation::as_str).to_owned(),
            ),
            ("slm.vocab_size", header.vocab_size.to_string()),
            ("slm.hidden_size", header.hidden_size.to_string()),
            ("slm.layer_count", header.layer_count.to_string()),
            ("slm.head_count", header.head_count.to_string()),
            ("slm.kv_head_count", header.kv_head_count.to_string()),
            ("slm.head_dim", header.head_dim.to_string()),
            ("slm.ffn_size", header.ffn_size.to_string()),
            ("slm.max_context", header.max_context.to_string()),
            ("slm.tensor_count", header.tensor_count.to_string()),
            ("slm.parameter_count", self.parameter_count.to_string()),
            ("slm.tied_output", header.is_tied().to_string()),
            ("slm.runtime", self.runtime().to_owned()),
        ]
    }

    /// The measured value of one `slm.*` key; `None` if there is no such key.
    pub fn measured_value(&self, key: &str) -> Option<String> {
        self.measured().into_iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The warnings the file gets, sorted; they do not change the verdict.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.checksum == ChecksumVerdict::Unverified {
            warnings.push(CHECKSUM_UNVERIFIED);
        }
        if self.header.is_tied() && self.has_output {
            warnings.push(TiedOutputPolicy::WarnIfPresent.warning());
        }
        warnings
    }

    /// The header's fields.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the internal checksum was judged, and under which profile.
    pub const fn checksum_verdict(&self) -> ChecksumVerdict {
        self.checksum
    }

    /// Which tokenizer the file has.
    pub const fn tokenizer_kind(&self) -> TokenizerKind {
        self.tokenizer_kind
    }

    /// The digest of the tokenizer section.
    pub const fn tokenizer_checksum(&self) -> Sha256 {
        self.tokenizer_checksum
    }

    /// The digest of the tensors' names, types and dims.
    pub const fn tensor_layout_checksum(&self) -> Sha256 {
        self.tensor_layout_checksum
    }

    /// How the tensors are stored; `None` if not all alike.
    pub const fn quantisation(&self) -> Option<Quantisation> {
        self.quantisation
    }

    /// The number of weights in all tensors.
    pub const fn parameter_count(&self) -> u128 {
        self.parameter_count
    }

    /// Whether a runtime can execute the model: `executable` or `not-executable`.
    pub const fn runtime(&self) -> &'static str {
        GqaPolicy::NoteOnly.runtime(&self.header)
    }
}
