//! Files of artifacts that lie outside the library, as outputs of imports that are not done.

use std::io;
use std::path::{Path, PathBuf};

use verifier::{Geometry, PieceIndex, Sha256};

use super::Slots;
use crate::documents::PART;
use crate::error::{At as _, StoreError};
use crate::files::{self, May};

impl Slots {
    /// Says where the file of an artifact lies that is not in the library, or that it is there.
    pub(crate) fn lies(&self, artifact: Sha256, outside: Option<PathBuf>) {
        self.close(artifact);
        let mut open = self.open();
        match outside {
            Some(path) => drop(open.outside.insert(artifact, path)),
            None => drop(open.outside.remove(&artifact)),
        }
    }

    /// Brings the file of an artifact into the library, with these pieces at least; nothing is written
    /// there meanwhile.
    pub(crate) fn bring_here(
        &self,
        artifact: Sha256,
        geometry: &Geometry,
        pieces: impl Iterator<Item = PieceIndex>,
    ) -> Result<(), StoreError> {
        let Some(outside) = self.outside(artifact).filter(|path| is_file(path)) else {
            self.lies(artifact, None);
            return Ok(());
        };
        let here = self.layout.of(artifact, PART);
        match files::rename(&outside, &here) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let from = self.look(artifact, geometry)?;
                self.lies(artifact, None);
                let copied = self.make_file(artifact, geometry).and_then(|()| {
                    let to = self.look(artifact, geometry)?;
                    let (Some(from), Some(to)) = (from, to) else { return Err(StoreError::Lost) };
                    for index in pieces {
                        match from.copy_to(index, &to, index).at(&here) {
                            Err(error @ StoreError::Full { .. }) => return Err(error),
                            // Whoever reads it finds that it is bad.
                            Err(error) => tracing::error!(%error, "a piece cannot be copied"),
                            Ok(()) => {}
                        }
                    }
                    self.sync(artifact, &to)
                });
                // Until then that one counts.
                copied.inspect_err(|_| self.lies(artifact, Some(outside.clone())))?;
                files::remove(&outside).map(drop).at(&outside)
            }
            renamed => {
                renamed.at(&outside)?;
                self.lies(artifact, None);
                files::set_mode(&here, May::Change).at(&here)?;
                let folder = self.layout.artifacts();
                files::sync_folder(&folder).at(&folder)
            }
        }
    }

    pub(super) fn outside(&self, artifact: Sha256) -> Option<PathBuf> {
        self.open().outside.get(&artifact).cloned()
    }
}

/// Whether a file has this name, and not something that leads elsewhere.
pub(super) fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}
