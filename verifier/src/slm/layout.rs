//! How the parts of a file lie: no overlap, no hole, zero padding (docs/formats.md 5.2, Y1 to Y4),
//! provisional.
//!
//! ```
//! use verifier::slm::layout::LayoutError;
//! use verifier::slm::{ChecksumRule, SlmError, validate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! bytes[140] = 1; // between tokenizer and directory
//! let error = validate(&bytes, ChecksumRule::Unverified).unwrap_err();
//! assert_eq!(error, SlmError::Layout(LayoutError::PaddingNonzero { offset: 140, found: 1 }));
//! bytes[140] = 0;
//! bytes.extend([0; 64]);
//! let error = validate(&bytes, ChecksumRule::Unverified).unwrap_err();
//! assert_eq!(error.to_string(), "file has 64 bytes after the last part, expected at most 63");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use crate::slm::directory::Directory;
use crate::slm::header::Header;
use crate::slm::policy::LayoutPolicy;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The header, with what extends it.
    Header,
    /// The tokenizer section.
    Tokenizer,
    /// The tensor directory.
    Directory,
    /// The payload of this entry.
    Payload(u32),
    /// The scale array of this entry.
    Scales(u32),
    /// Padding before a part, or behind the last one.
    Padding,
    /// Bytes that no longer matter, because the layout is wrong already.
    Hole,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header"),
            Self::Tokenizer => f.write_str("tokenizer"),
            Self::Directory => f.write_str("directory"),
            Self::Payload(index) => write!(f, "entry.{index}.payload"),
            Self::Scales(index) => write!(f, "entry.{index}.scales"),
            Self::Padding => f.write_str("padding"),
            Self::Hole => f.write_str("hole"),
        }
    }
}

/// A stretch of bytes of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) part: Part,
    /// The offset behind its last byte.
    pub(super) end: u64,
}

/// The parts of a file in the order of its bytes, handed out as runs.
///
/// The parts up to the directory follow from the header alone; those behind it are laid out
/// when the directory is known. After the first overlap or hole no padding is handed out any
/// more: it could not change the verdict.
#[derive(Debug)]
pub(super) struct Layout {
    spans: std::vec::IntoIter<Span>,
    waiting: Option<Span>,
    end: u64,
    length: u64,
    broken: bool,
    has_tail: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u64,
    end: u64,
    part: Part,
}

impl Layout {
    /// Lays out the parts that the header names; their order has been checked (H20 to H26).
    pub(super) fn of_header(header: &Header, length: u64) -> (Self, Option<LayoutError>) {
        let spans = vec![
            Span {
                start: header.tokenizer_offset,
                end: header.tokenizer_end(),
                part: Part::Tokenizer,
            },
            Span {
                start: header.tensor_directory_offset,
                end: header.directory_end(),
                part: Part::Directory,
            },
        ];
        let end = u64::from(header.header_length);
        let fault = walk(&spans, end).err().map(|(_, fault)| fault);
        let spans = spans.into_iter();
        (Self { spans, waiting: None, end, length, broken: false, has_tail: false }, fault)
    }

    /// Lays out payloads and scale arrays, when the directory's last byte has been handed out.
    pub(super) fn extend(&mut self, directory: &Directory) -> Option<LayoutError> {
        if self.broken {
            return None;
        }
        let mut spans = spans(directory);
        spans.sort_unstable_by_key(|span| (span.start, span.end));
        let fault = match walk(&spans, self.end) {
            Ok(end) => {
                let count = self.length.saturating_sub(end);
                self.has_tail = count <= LayoutPolicy::MAX_GAP;
                (!self.has_tail).then_some(LayoutError::TrailingBytes { count })
            }
            Err((sound, fault)) => {
                spans.truncate(sound);
                Some(fault)
            }
        };
        self.spans = spans.into_iter();
        fault
    }

    /// The next run; `None` when no later byte matters.
    pub(super) fn next(&mut self) -> Option<Run> {
        let Some(span) = self.waiting.take().or_else(|| self.spans.next()) else {
            let tail = std::mem::take(&mut self.has_tail) && self.end < self.length;
            return tail.then_some(Run { part: Part::Padding, end: self.length });
        };
        if self.end < span.start {
            self.broken |= span.start - self.end > LayoutPolicy::MAX_GAP;
            self.waiting = Some(span);
            self.end = span.start;
            let part = if self.broken { Part::Hole } else { Part::Padding };
            return Some(Run { part, end: span.start });
        }
        self.end = span.end;
        Some(Run { part: span.part, end: span.end })
    }
}

fn spans(directory: &Directory) -> Vec<Span> {
    let entries = directory.entries();
    let scaled = entries.iter().filter(|entry| entry.scales_end().is_some()).count();
    let mut spans = Vec::with_capacity(entries.len() + scaled);
    for (index, entry) in (0..=u32::MAX).zip(entries) {
        spans.push(Span {
            start: entry.byte_offset,
            end: entry.payload_end(),
            part: Part::Payload(index),
        });
        if let Some(end) = entry.scales_end() {
            spans.push(Span { start: entry.scale_offset, end, part: Part::Scales(index) });
        }
    }
    spans
}

/// Walks upwards from `end`; gives the last end, or the first fault and how many are sound.
fn walk(spans: &[Span], mut end: u64) -> Result<u64, (usize, LayoutError)> {
    for (index, span) in spans.iter().enumerate() {
        let (part, offset) = (span.part, span.start);
        match offset.checked_sub(end) {
            None => return Err((index, LayoutError::Overlap { part, offset, end })),
            Some(length) if length > LayoutPolicy::MAX_GAP => {
                return Err((index, LayoutError::GapTooLong { part, offset, length }));
            }
            Some(_) => end = span.end,
        }
    }
    Ok(end)
}

/// Why the layout of a file is wrong (Y1 to Y4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Y1: a part begins inside the one before it.
    #[error("{part} begins at {offset}, expected {end} or later, the end of the part before")]
    Overlap {
        /// The part.
        part: Part,
        /// Where it begins, in bytes.
        offset: u64,
        /// Where the part before ends, in bytes.
        end: u64,
    },
    /// Y2: there are too many bytes between two parts.
    #[error(
        "{part} at {offset} has {length} unused bytes before it, expected at most {}",
        LayoutPolicy::MAX_GAP
    )]
    GapTooLong {
        /// The part.
        part: Part,
        /// Where it begins, in bytes.
        offset: u64,
        /// The bytes between them.
        length: u64,
    },
    /// Y3: a byte between two parts is not zero.
    #[error("padding byte at {offset} is {found:#04x}, expected 0")]
    PaddingNonzero {
        /// Where the byte stands.
        offset: u64,
        /// The byte.
        found: u8,
    },
    /// Y4: there are too many bytes behind the last part.
    #[error(
        "file has {count} bytes after the last part, expected at most {}",
        LayoutPolicy::MAX_GAP
    )]
    TrailingBytes {
        /// How many there are.
        count: u64,
    },
}

impl LayoutError {
    pub(super) const fn suffix(&self) -> &'static str {
        match self {
            Self::Overlap { .. } => "overlap",
            Self::GapTooLong { .. } => "gap-too-long",
            Self::PaddingNonzero { .. } => "padding-nonzero",
            Self::TrailingBytes { .. } => "trailing-bytes",
        }
    }

    pub(super) fn field(&self) -> String {
        match self {
            Self::Overlap { part, .. } | Self::GapTooLong { part, .. } => part.to_string(),
            Self::PaddingNonzero { offset, .. } => format!("byte.{offset}"),
            Self::TrailingBytes { .. } => "-".to_owned(),
        }
    }
}
