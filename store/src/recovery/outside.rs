//! Outputs that were files of artifacts when the last process ended.

use verifier::Sha256;

use super::Recovery;
use crate::catalogue::Artifact;
use crate::documents;
use crate::error::At as _;
use crate::places::{Naming, Places};

impl Recovery<'_> {
    /// The artifacts whose files will be outputs.
    pub(super) fn outside(&self) -> Vec<(Sha256, Places)> {
        let outside = |(artifact, entry): (&Sha256, &Artifact)| {
            Some((*artifact, entry.known.outside.clone()?))
        };
        self.catalogue.artifacts.iter().filter_map(outside).collect()
    }

    /// Ends what was begun with outputs that are files of artifacts: one that has its names is forgotten.
    pub(super) fn settle_outputs(&mut self) {
        for (artifact, places) in self.outside() {
            self.files.slots.lies(artifact, Some(places.main().0));
            let settled = places.settle().at(places.folder()).and_then(|naming| {
                if naming == Naming::Done {
                    documents::begin_to_forget(self.files.layout, artifact)?;
                    self.catalogue.artifacts.remove(&artifact);
                    self.unknown.remove(&artifact);
                }
                Ok(())
            });
            if let Err(error) = settled {
                tracing::error!(%error, %artifact, "cannot look after an unfinished output");
            }
        }
    }
}
