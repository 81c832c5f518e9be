//! The programs under test, built from these sources.

use std::path::Path;

/// Where the `minimodel` program is.
pub fn path() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_minimodel-under-test"))
}

/// Where the `minimodel-companion` program is.
pub fn companion() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_minimodel-companion-under-test"))
}
