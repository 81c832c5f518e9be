//! Why a search cannot be made.

use std::borrow::Cow;
use std::io;

use crate::advice::Advice;
use crate::code::{Code, Coded};
use crate::slm::calibrate::{MAX_FILE_LEN, MAX_FILES};
use crate::slm::header::HeaderError;

/// Why files cannot be searched; files are numbered from 1 in the order they were given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// There is nothing to search.
    #[error("no file given, expected 1 to {MAX_FILES}")]
    NoFiles,
    /// There are more files than one search takes.
    #[error("{count} files given, expected at most {MAX_FILES}")]
    TooManyFiles {
        /// How many there are.
        count: usize,
    },
    /// A file is too large to run every rule over it.
    #[error("file {file} has {length} bytes, expected at most {MAX_FILE_LEN}")]
    TooLarge {
        /// The file's number.
        file: usize,
        /// Its length in bytes.
        length: u64,
    },
    /// A file is no `.slm` file, or stores no checksum.
    #[error("file {file} is not a `.slm` file with a checksum")]
    Header {
        /// The file's number.
        file: usize,
        /// What is wrong with it: it is too short, or its magic or its checksum is wrong.
        source: HeaderError,
    },
    /// A file could not be read to the end it had at first.
    #[error("file {file} could not be read")]
    Read {
        /// The file's number.
        file: usize,
        /// What its reader returned.
        source: io::Error,
    },
}

impl Coded for CalibrateError {
    fn code(&self) -> Code {
        match self {
            Self::NoFiles | Self::TooManyFiles { .. } | Self::TooLarge { .. } => {
                Code::new("usage", "arguments")
            }
            Self::Header { source, .. } => Code::new("slm", source.suffix()),
            Self::Read { .. } => Code::new("io", "failed"),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::NoFiles | Self::TooManyFiles { .. } => "-".into(),
            Self::TooLarge { file, .. } | Self::Header { file, .. } | Self::Read { file, .. } => {
                file.to_string().into()
            }
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::NoFiles | Self::TooManyFiles { .. } => {
                format!("Give 1 to {MAX_FILES} files.").into()
            }
            Self::TooLarge { .. } => Advice::new("Leave that file out; small ones say as much."),
            Self::Header { .. } => Advice::new("Give genuine .slm files, made by the exporter."),
            Self::Read { .. } => Advice::new("Check that file and its disk, then try again."),
        }
    }
}
