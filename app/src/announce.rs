//! Writes the file by which a user tells others of a share.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use verifier::announcement::{Announcement, AnnouncementError, AnnouncementTerms};
use verifier::boundary::PeerAddress;
use verifier::consent::Act;
use verifier::identity::SigningKey;
use verifier::request::PieceSet;
use verifier::scalars::{Id, UtcTime};
use verifier::{Advice, Code, Coded as _, Remedy, Sha256};

use crate::blame::{Blame, Blamed, CONSENT_DENIED};
use crate::consent::Consent;
use crate::ports::{
    Clock as _, Journal as _, JournalError, Model, OutputError, Outputs as _, Ports, Spend,
};

/// Why an announcement could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnnounceError {
    /// No piece is kept, so there is nothing to tell of.
    #[error("no piece of {0} is kept")]
    Empty(Id),
    /// What was to be said is no announcement.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
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

impl Blamed for AnnounceError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty(_) | Self::Announcement(_) => Blame::Input,
            Self::NoConsent => Blame::Refused,
            Self::Journal(error) => error.blame(),
            Self::Output(error) => error.blame(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Empty(_) => Code::new("usage", "arguments"),
            Self::Announcement(error) => error.code(),
            Self::NoConsent => CONSENT_DENIED,
            Self::Journal(error) => error.code(),
            Self::Output(error) => error.code(),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        match self {
            Self::Empty(_) => "model".into(),
            Self::Announcement(error) => error.field(),
            Self::NoConsent => "-".into(),
            Self::Journal(error) => error.field(),
            Self::Output(error) => error.field(),
        }
    }

    fn advice(&self) -> Advice {
        match self {
            Self::Empty(_) => Advice::new("Prepare it first, or import it.").by(Remedy::SeeLibrary),
            Self::Announcement(_) => Advice::new(
                "Say 1 to 8 addresses, each once, at which this machine is called, and an end \
                     within a day.",
            )
            .by(Remedy::TellAddress),
            Self::NoConsent => "Try again and say yes, if you want this to happen.".into(),
            Self::Journal(error) => error.advice(),
            Self::Output(error) => error.advice(),
        }
    }
}

/// Signs an announcement: that this installation has these pieces of the model, and where it is
/// called.
///
/// # Errors
///
/// [`AnnounceError::Empty`] if no piece is kept, [`AnnounceError::Announcement`] if the addresses
/// or the times make no announcement.
pub fn draft(
    model: &Model,
    key: &SigningKey,
    addresses: Vec<PeerAddress>,
    created: UtcTime,
    expires: UtcTime,
) -> Result<Vec<u8>, AnnounceError> {
    let pieces =
        PieceSet::of(&model.have).ok_or_else(|| AnnounceError::Empty(model.model_id.clone()))?;
    let terms = AnnouncementTerms {
        addresses,
        model_id: model.model_id.clone(),
        model_version: model.model_version.clone(),
        manifest_sha256: model.manifest_sha256,
        artifact_sha256: model.artifact,
        geometry: model.geometry,
        root: model.root,
        pieces,
        created,
        expires,
    };
    Ok(Announcement::sign(&terms, key)?)
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
