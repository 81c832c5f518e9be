//! Writes the file by which a user tells others of a share.

use std::path::Path;
use std::sync::Arc;

use verifier::Sha256;
use verifier::consent::Act;
use verifier::scalars::Id;

use crate::consent::Consent;
use crate::ports::{
    Clock as _, Journal as _, JournalError, OutputError, Outputs as _, Ports, Spend,
};

/// Why an announcement could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// The user's yes does not cover publishing.
    #[error("there is no consent to publish that this artifact is here")]
    NoConsent,
    /// The consent log says no, or cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file cannot be placed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Writes a signed announcement to a file that the user chose; nothing is sent anywhere.
///
/// # Errors
///
/// [`AnnounceError`]; no file is left behind.
pub async fn announce<P: Ports>(
    ports: &P,
    artifact: Sha256,
    model_id: Id,
    announcement: Vec<u8>,
    path: &Path,
    consent: Consent,
) -> Result<(), AnnounceError> {
    if consent.artifact() != artifact || !consent.covers(Act::Publish) {
        return Err(AnnounceError::NoConsent);
    }
    let bytes = announcement.len() as u64;
    let spend = Spend { act: Act::Publish, model_id, artifact, peer: None, bytes };
    ports.journal().spend(&spend, ports.clock().now())?;
    let (outputs, path) = (Arc::clone(ports.outputs()), path.to_owned());
    let folder = path.clone();
    tokio::task::spawn_blocking(move || outputs.write(&path, &announcement))
        .await
        .map_err(|join| OutputError::Failed { folder, source: join.into() })??;
    Ok(())
}
