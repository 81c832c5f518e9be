//! The one pass over a file that judges it (docs/formats.md 5).
//!
//! Takes up to 168 bytes of memory an entry of the directory, or before that 40 bytes a token record
//! of a BPE1 section (much less where ids are dense), both only for what has been read and within
//! the limits of H24 and K7: 5.25 MiB and 10 MiB. Nothing else grows with the file. Payloads are
//! judged as they pass.
//!
//! ```
//! use verifier::slm::Scan;
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! # let mut bytes = file.into_inner();
//! let mut scan = Scan::new(bytes.len() as u64);
//! bytes.chunks(100).for_each(|slice| scan.update(slice));
//! assert!(scan.finish(None).is_ok());
//!
//! // A fault is known as soon as it has passed, long before the file's end.
//! bytes[116] = 5; // the tokenizer's vocabulary
//! let mut scan = Scan::new(bytes.len() as u64);
//! scan.update(&bytes[..136]);
//! let fault = scan.fault().ok_or("no fault")?;
//! assert!(fault.to_string().starts_with("tokenizer has 261 tokens, expected 260"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
mod tests;

use crate::slm::SlmError;
use crate::slm::checksum::PROFILE;
use crate::slm::directory::{Directory, DirectoryReader};
use crate::slm::facts::{ChecksumVerdict, Slm};
use crate::slm::header::{HEADER_LEN, Header, HeaderError};
use crate::slm::layout::{Layout, LayoutError, Part, Run};
use crate::slm::names::TensorNames;
use crate::slm::quantisation::Quantisation;
use crate::slm::tokenizer::TokenizerReader;
use crate::slm::values::{ValueError, ValueReader, ValueRule};

/// Judges a file whose bytes come once, in file order, in slices of any size.
///
/// Memory grows with the directory entries and token records that were read, never with
/// what a field claims. The internal checksum is not computed here: give its value to
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Scan {
    length: u64,
    position: u64,
    faults: Faults,
    run: Run,
    reader: Reader,
    sections: Option<Sections>,
}

/// What is known once the header has been read.
#[derive(Debug)]
struct Sections {
    header: Header,
    layout: Layout,
    tokenizer: TokenizerReader,
    directory: DirectoryReader,
    complete: Option<CheckedDirectory>,
}

/// A directory whose last byte has been read.
#[derive(Debug)]
struct CheckedDirectory {
    directory: Directory,
    names: TensorNames,
}

/// What takes the bytes of the current run.
#[derive(Debug)]
enum Reader {
    Header(Vec<u8>),
    Tokenizer,
    Directory,
    Padding,
    Values { entry: u32, values: ValueReader },
    Ignored,
}

/// Ends at the last byte there can be: whatever follows is ignored.
const REST: Run = Run { part: Part::Hole, end: u64::MAX };

impl Scan {
    /// Starts a file of exactly `length` bytes; one too short for a header is faulty at once.
    pub fn new(length: u64) -> Self {
        let mut scan = Self {
            length,
            position: 0,
            faults: Faults::default(),
            run: Run { part: Part::Header, end: HEADER_LEN as u64 },
            reader: Reader::Header(Vec::with_capacity(HEADER_LEN)),
            sections: None,
        };
        if length < HEADER_LEN as u64 {
            scan.faults.note(Stage::Header, HeaderError::TooShort { length });
            scan.ignore_rest();
        }
        scan
    }

    /// Takes in the next bytes; what is wrong with them is remembered.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = self.run.end.saturating_sub(self.position);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            self.take(now);
            self.position = self.position.saturating_add(now.len() as u64);
            while self.position == self.run.end && self.run != REST {
                self.close();
            }
            if now.is_empty() {
                return;
            }
            bytes = later;
        }
    }

    /// A fault that is already known, which refuses the file whatever follows.
    ///
    /// More bytes may uncover one that comes before it in the order of docs/formats.md 5.
    pub fn fault(&self) -> Option<&SlmError> {
        self.faults.first()
    }

    /// Ends the file and gives its verdict.
    ///
    /// `checksum` is the value of a [`RollingChecksum`](crate::slm::RollingChecksum) over the same
    /// bytes, or `None` if the stored one is not to be judged.
    ///
    /// # Errors
    ///
    /// The first [`SlmError`] in the order of docs/formats.md 5, and [`SlmError::Incomplete`] if
    /// not exactly the announced number of bytes was given.
    pub fn finish(mut self, checksum: Option<u64>) -> Result<Slm, SlmError> {
        let incomplete = SlmError::Incomplete { expected: self.length, got: self.position };
        if self.position != self.length {
            return Err(incomplete);
        }
        if let Some(fault) = self.faults.take(Stage::Header) {
            return Err(fault);
        }
        let Some(sections) = self.sections else { return Err(incomplete) };
        let stored = sections.header.checksum;
        let verdict = match checksum {
            Some(computed) if computed != stored => {
                return Err(SlmError::ChecksumMismatch { stored, computed });
            }
            Some(_) => ChecksumVerdict::Verified(PROFILE),
            None => ChecksumVerdict::Unverified,
        };
        if let Some(fault) = self.faults.into_first() {
            return Err(fault);
        }
        let (Some(complete), (Some(kind), digest)) =
            (sections.complete, sections.tokenizer.finish())
        else {
            return Err(incomplete);
        };
        let CheckedDirectory { directory, names } = complete;
        Ok(Slm::new(sections.header, verdict, (kind, digest), &directory, &names))
    }

    fn take(&mut self, bytes: &[u8]) {
        match (&mut self.reader, &mut self.sections) {
            (Reader::Header(head), _) => head.extend_from_slice(bytes),
            (Reader::Tokenizer, Some(sections)) => {
                if let Err(fault) = sections.tokenizer.update(bytes) {
                    self.faults.note(Stage::Tokenizer, fault);
                    self.reader = Reader::Ignored;
                }
            }
            (Reader::Directory, Some(sections)) => {
                if let Err(fault) = sections.directory.update(bytes) {
                    self.faults.note(Stage::Directory, fault);
                    self.ignore_rest();
                }
            }
            (Reader::Padding, _) => {
                if let Some((offset, found)) =
                    (self.position..).zip(bytes).find(|(_, byte)| **byte != 0)
                {
                    let fault = LayoutError::PaddingNonzero { offset, found: *found };
                    self.faults.note(Stage::Padding, fault);
                }
            }
            (Reader::Values { entry, values }, Some(sections)) => {
                if let Some((index, found)) = values.update(bytes) {
                    let entry = *entry;
                    let fault = sections.value_fault(entry, index, found);
                    self.faults.note_value(entry, fault);
                    self.reader = Reader::Ignored;
                }
            }
            (Reader::Tokenizer | Reader::Directory | Reader::Values { .. }, None)
            | (Reader::Ignored, _) => {}
        }
    }

    /// Ends the current run and starts the next one.
    fn close(&mut self) {
        match self.run.part {
            Part::Header if self.sections.is_none() => return self.close_header(),
            Part::Directory => self.close_directory(),
            Part::Header
            | Part::Tokenizer
            | Part::Payload(_)
            | Part::Scales(_)
            | Part::Padding
            | Part::Hole => {}
        }
        let next = self.sections.as_mut().and_then(|sections| sections.layout.next());
        match next {
            Some(run) if !self.faults.has(Stage::Directory) => self.open(run),
            _ => self.ignore_rest(),
        }
    }

    fn close_header(&mut self) {
        let head = match &self.reader {
            Reader::Header(head) => <[u8; HEADER_LEN]>::try_from(head.as_slice()).ok(),
            _ => None,
        };
        let Some(head) = head else { return self.ignore_rest() };
        match Header::parse(&head, self.length) {
            Ok(header) => {
                let (layout, fault) = Layout::of_header(&header, self.length);
                if let Some(fault) = fault {
                    self.faults.note(Stage::Layout, fault);
                }
                // What extends the header is not judged.
                self.reader = Reader::Ignored;
                self.run = Run { part: Part::Header, end: header.header_length.into() };
                self.sections = Some(Sections {
                    layout,
                    tokenizer: TokenizerReader::new(&header),
                    directory: DirectoryReader::new(&header, self.length),
                    complete: None,
                    header,
                });
            }
            Err(fault) => {
                self.faults.note(Stage::Header, fault);
                self.ignore_rest();
            }
        }
    }

    fn close_directory(&mut self) {
        let Some(sections) = &mut self.sections else { return };
        let directory = match sections.directory.finish() {
            Ok(directory) => directory,
            Err(fault) => return self.faults.note(Stage::Directory, fault),
        };
        if let Some(fault) = sections.layout.extend(&directory) {
            self.faults.note(Stage::Layout, fault);
        }
        match TensorNames::check(&sections.header, &directory) {
            Ok(names) => sections.complete = Some(CheckedDirectory { directory, names }),
            Err(fault) => self.faults.note(Stage::Names, fault),
        }
    }

    fn open(&mut self, run: Run) {
        self.run = run;
        self.reader = match run.part {
            Part::Tokenizer => Reader::Tokenizer,
            Part::Directory => Reader::Directory,
            Part::Padding => Reader::Padding,
            Part::Payload(entry) if self.is_judged(entry, Quantisation::F32) => {
                Reader::Values { entry, values: ValueReader::new(ValueRule::Finite) }
            }
            Part::Scales(entry) if !self.faults.hide_value(entry) => {
                Reader::Values { entry, values: ValueReader::new(ValueRule::FiniteAndPositive) }
            }
            Part::Header | Part::Payload(_) | Part::Scales(_) | Part::Hole => Reader::Ignored,
        };
    }

    /// Whether the payload's values are of this form and can still change the verdict.
    fn is_judged(&self, entry: u32, form: Quantisation) -> bool {
        let dtype = self.sections.as_ref().and_then(|sections| sections.dtype(entry));
        dtype == Some(form) && !self.faults.hide_value(entry)
    }

    fn ignore_rest(&mut self) {
        self.run = REST;
        self.reader = Reader::Ignored;
    }
}

impl Sections {
    fn dtype(&self, entry: u32) -> Option<Quantisation> {
        let complete = self.complete.as_ref()?;
        complete.directory.entries().get(entry as usize).map(|entry| entry.dtype)
    }

    fn value_fault(&self, entry: u32, index: u64, found: f32) -> ValueError {
        let complete = self.complete.as_ref();
        let name = complete.and_then(|known| known.names.of_entry(entry as usize));
        let tensor = name.map_or_else(String::new, |name| name.to_string());
        match self.dtype(entry) {
            Some(Quantisation::Q8_0 | Quantisation::Q4_0) => {
                ValueError::BadScale { tensor, index, found }
            }
            Some(Quantisation::F32) | None => ValueError::NonfiniteValue { tensor, index, found },
        }
    }
}

/// The stages of section 5 in the order of their verdicts; H29 comes after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Header,
    Directory,
    /// Padding that is not zero: only looked at before the first fault of the layout.
    Padding,
    Layout,
    Tokenizer,
    Names,
}

/// The first fault of each stage, in the order of the stages.
#[derive(Debug, Default)]
struct Faults {
    known: Vec<(Stage, SlmError)>,
    /// The fault of the first entry, in directory order, that has a bad value.
    value: Option<(u32, SlmError)>,
}

impl Faults {
    fn note(&mut self, stage: Stage, fault: impl Into<SlmError>) {
        if !self.has(stage) {
            self.known.push((stage, fault.into()));
            self.known.sort_by_key(|(stage, _)| *stage);
        }
    }

    fn note_value(&mut self, entry: u32, fault: ValueError) {
        if !self.hide_value(entry) {
            self.value = Some((entry, fault.into()));
        }
    }

    fn has(&self, stage: Stage) -> bool {
        self.known.iter().any(|(known, _)| *known == stage)
    }

    /// Whether a bad value of this entry would not be the verdict.
    fn hide_value(&self, entry: u32) -> bool {
        !self.known.is_empty() || self.value.as_ref().is_some_and(|(first, _)| *first <= entry)
    }

    fn first(&self) -> Option<&SlmError> {
        let known = self.known.first().map(|(_, fault)| fault);
        known.or_else(|| self.value.as_ref().map(|(_, fault)| fault))
    }

    fn into_first(self) -> Option<SlmError> {
        let known = self.known.into_iter().next().map(|(_, fault)| fault);
        known.or_else(|| self.value.map(|(_, fault)| fault))
    }

    fn take(&mut self, stage: Stage) -> Option<SlmError> {
        let place = self.known.iter().position(|(known, _)| *known == stage)?;
        Some(self.known.remove(place).1)
    }
}
