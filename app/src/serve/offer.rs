//! The offers that peers are handed.

use verifier::boundary::PeerAddress;
use verifier::identity::SigningKey;
use verifier::manifest::Manifest;
use verifier::request::{Offer, OfferTerms, PieceSet};
use verifier::scalars::UtcTime;

use super::ServeError;
use crate::ports::Model;

/// Signs the offer that peers are handed: that this installation has these pieces of the model, and
/// where it is called.
///
/// # Errors
///
/// [`ServeError::Empty`] if no piece is kept, [`ServeError::Offer`] if the addresses or the times
/// make no offer.
pub fn offer(
    model: &Model,
    key: &SigningKey,
    addresses: Vec<PeerAddress>,
    issued: UtcTime,
    expires: UtcTime,
) -> Result<Offer, ServeError> {
    let pieces =
        PieceSet::of(&model.have).ok_or_else(|| ServeError::Empty(model.model_id.clone()))?;
    let terms = OfferTerms {
        addresses,
        model_id: model.model_id.clone(),
        manifest_sha256: model.manifest_sha256,
        artifact_sha256: model.artifact,
        geometry: model.geometry,
        root: model.root,
        pieces,
        issued,
        expires,
    };
    Ok(Offer::sign(&terms, key)?)
}

/// Signs the offer of an installation that will import the model and serve it meanwhile: it can be
/// asked for every piece, and what has come by then is told to whoever calls.
///
/// # Errors
///
/// [`ServeError::NoChunking`] if the manifest cuts no pieces, [`ServeError::Offer`] if the addresses
/// or the times make no offer.
pub fn promise(
    manifest: &Manifest,
    key: &SigningKey,
    addresses: Vec<PeerAddress>,
    issued: UtcTime,
    expires: UtcTime,
) -> Result<Offer, ServeError> {
    let chunking = manifest.chunking().ok_or(ServeError::NoChunking)?;
    let terms = OfferTerms {
        addresses,
        model_id: manifest.model_id().clone(),
        manifest_sha256: manifest.sha256(),
        artifact_sha256: manifest.artifact_sha256(),
        geometry: chunking.geometry,
        root: chunking.root,
        pieces: PieceSet::ALL,
        issued,
        expires,
    };
    Ok(Offer::sign(&terms, key)?)
}
