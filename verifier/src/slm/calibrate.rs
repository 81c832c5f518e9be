//! Searches for the published internal checksum in genuine files (docs/formats.md 5.7).
//!
//! What is published of the checksum leaves open how byte and index are mixed in, by how much the
//! state rotates, the order of the steps, the start constant, and whether the stored value's own
//! bytes count as zeros or not at all. Every step can be undone, so each [`Rule`] is run backwards
//! from the stored checksum, and the start constant that it implies is read off.
//!
//! This project's provisional profile is one of the rules, [`Rule::PROVISIONAL`] from
//! `CBF29CE484222325`, and is what the search finds in samples that this project wrote. Nothing
//! found here changes which profile is in force.
//!
//! ```
//! use verifier::slm::SlmChecksumProfile;
//! use verifier::slm::calibrate::{Evidence, calibrate};
//!
//! # use std::io::Cursor;
//! # use verifier::slm::{Quantisation, Shape, write_sample};
//! # let mut file = Cursor::new(Vec::new());
//! # write_sample(&Shape::TINY, Quantisation::Q4_0, 1, &mut file)?;
//! # let bytes = file.into_inner();
//! let found = calibrate(&mut [Cursor::new(bytes)])?;
//! assert_eq!(found.tried, 6_048);
//! let [candidate] = &found.conclusive[..] else { panic!("{found:?}") };
//! assert_eq!(candidate.evidence, Evidence::KnownConstant);
//! // What this project wrote says nothing of the published rule.
//! assert_eq!(candidate.profile(), Some(SlmChecksumProfile::MinimodelProvisional1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod candidate;
mod error;
mod rewind;
mod rule;
mod search;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::io::{self, Read, Seek, SeekFrom};

use crate::slm::fields::Fields;
use crate::slm::header::{HEADER_LEN, HeaderError, MAGIC};

pub use candidate::{Candidate, Evidence, KNOWN_STARTS};
pub use error::CalibrateError;
pub use rule::{Mix, Order, Rule, Window};

use search::Search;

/// The most files that one search takes.
pub const MAX_FILES: usize = 16;

/// The most bytes that a file may have: a search takes time for each of its 6,048 rules.
pub const MAX_FILE_LEN: u64 = 64 << 20;

/// Searches for the rules that explain the stored checksums of genuine files.
///
/// A candidate is conclusive if two files of different lengths imply the same start constant, or
/// if one file implies one of [`KNOWN_STARTS`]. A stored 1 may stand for a computed 0, so both are
/// tried. Small files are best: every rule visits every byte, which takes about a second for
/// each MiB of each file on one core, and a small file says as much as a large one.
///
/// Files are searched smallest first. One that a conclusive candidate explains is counted for that
/// candidate and not searched for others. Two files whose first 108 bytes differ in nothing but the
/// checksum cannot tell [`Window::Zeros`] from [`Window::Skipped`]: both are then conclusive, with
/// different constants, until a file with another header decides. Files of at most 256 bytes
/// cannot tell `h^b^i` from `h^b^(i mod 256)`.
///
/// The largest file is held in memory, and all cores are used. The readers' positions do not
/// matter and are moved.
///
/// # Errors
///
/// The first [`CalibrateError`]: numbers and sizes of files are judged before any of them is
/// searched, and each needs the magic `SLM1` and a stored checksum that is not zero. The rest of
/// the header is not judged, so that a file is of use whatever else this project has wrong.
pub fn calibrate<R: Read + Seek>(files: &mut [R]) -> Result<Calibration, CalibrateError> {
    if files.is_empty() {
        return Err(CalibrateError::NoFiles);
    }
    if files.len() > MAX_FILES {
        return Err(CalibrateError::TooManyFiles { count: files.len() });
    }
    let mut sources = (1..)
        .zip(files)
        .map(|(number, reader)| Source::open(number, reader))
        .collect::<Result<Vec<_>, _>>()?;
    let files = sources.iter().map(|source| source.file.clone()).collect();

    sources.sort_by_key(|source| (source.file.length, source.number));
    let mut search = Search::default();
    for source in &mut sources {
        let bytes = source
            .read()
            .map_err(|error| CalibrateError::Read { file: source.number, source: error })?;
        search.take(source.number, &bytes, source.file.readings());
    }
    let mut conclusive = search.finish();
    conclusive.sort_by_key(|candidate| Reverse(candidate.files.len()));
    Ok(Calibration { conclusive, tried: Rule::COUNT, files })
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calibration {
    /// The conclusive candidates, those that most files agree on first; often empty.
    pub conclusive: Vec<Candidate>,
    /// How many rules were tried.
    pub tried: u32,
    /// The files, as they were given.
    pub files: Vec<CalibratedFile>,
}

/// One file of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalibratedFile {
    /// Its length in bytes.
    pub length: u64,
    /// The checksum that it stores.
    pub stored: u64,
}

impl CalibratedFile {
    /// The values that the checksum may have had before the rule that none is zero.
    const fn readings(&self) -> &[u64] {
        match &self.stored {
            1 => &[1, 0],
            stored => std::slice::from_ref(stored),
        }
    }
}

/// A file that can be searched.
struct Source<'a, R> {
    number: usize,
    reader: &'a mut R,
    file: CalibratedFile,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    fn open(number: usize, reader: &'a mut R) -> Result<Self, CalibrateError> {
        let failed = |source| CalibrateError::Read { file: number, source };
        let refused = |source| Err(CalibrateError::Header { file: number, source });

        let length = reader.seek(SeekFrom::End(0)).map_err(failed)?;
        if length > MAX_FILE_LEN {
            return Err(CalibrateError::TooLarge { file: number, length });
        }
        if length < HEADER_LEN as u64 {
            return refused(HeaderError::TooShort { length });
        }
        let mut header = [0; HEADER_LEN];
        reader.seek(SeekFrom::Start(0)).map_err(failed)?;
        reader.read_exact(&mut header).map_err(failed)?;
        let magic = Fields::of(&header).bytes();
        if magic != MAGIC {
            return refused(HeaderError::BadMagic { found: magic });
        }
        let stored = header.last_chunk().map_or(0, |checksum| u64::from_le_bytes(*checksum));
        if stored == 0 {
            return refused(HeaderError::ChecksumZero);
        }
        Ok(Self { number, reader, file: CalibratedFile { length, stored } })
    }

    /// Reads the bytes that were there when the file was opened.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.file.length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.reader.seek(SeekFrom::Start(0))?;
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
