//! What work takes of the store, given back when the work ends in any way.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use verifier::manifest::Manifest;
use verifier::{Geometry, Root, Sha256};

use crate::ports::{
    Clock as _, Failure, Held, Model, OutputWay, PieceStore, Ports, Reservation, ReserveError,
    WantedOutput,
};

/// Room for an artifact, held against eviction until it is dropped.
pub(crate) struct Lease<S: PieceStore> {
    store: Arc<S>,
    artifact: Sha256,
    pub(crate) held: Held,
}

impl<S: PieceStore> Lease<S> {
    /// Makes room for the manifest's artifact, and for an output in that folder, if one is made.
    pub(crate) async fn take<P: Ports<Store = S>>(
        ports: &P,
        manifest: &Manifest,
        geometry: Geometry,
        root: Root,
        output: Option<(&Path, OutputWay)>,
    ) -> Result<Self, ReserveError> {
        let store = Arc::clone(ports.store());
        let reservation = reservation(manifest, geometry, root, output);
        let artifact = reservation.artifact;
        let held = store.reserve(reservation, ports.clock().now()).await?;
        Ok(Self { store, artifact, held })
    }
}

/// What is reserved for the manifest's artifact, and for an output in that folder, if one is made.
pub(crate) fn reservation(
    manifest: &Manifest,
    geometry: Geometry,
    root: Root,
    output: Option<(&Path, OutputWay)>,
) -> Reservation {
    Reservation {
        manifest: Bytes::copy_from_slice(manifest.bytes()),
        manifest_sha256: manifest.sha256(),
        artifact: manifest.artifact_sha256(),
        model_id: manifest.model_id().clone(),
        model_version: manifest.model_version().clone(),
        geometry,
        root,
        output: output.map(|(folder, way)| WantedOutput {
            folder: folder.to_owned(),
            bytes: geometry.byte_count(),
            way,
        }),
    }
}

/// Whether a model stays under the manifest that it is kept under: not if that is damaged or gone
/// and this one cuts the artifact the same way.
pub(crate) async fn keeps_manifest<S: PieceStore>(
    store: &S,
    model: &Model,
    other: &Manifest,
) -> Result<bool, Failure> {
    let is_same_cut = other
        .chunking()
        .is_some_and(|chunking| chunking.geometry == model.geometry && chunking.root == model.root);
    let is_lost = is_same_cut && store.manifest(model.artifact).await?.is_none();
    Ok(model.keeps_manifest() && !is_lost)
}

/// Keeps an artifact that is in use from being evicted, until it is dropped.
pub(crate) struct Hold<S: PieceStore> {
    store: Arc<S>,
    artifact: Sha256,
}

impl<S: PieceStore> Hold<S> {
    pub(crate) fn take(store: &Arc<S>, artifact: Sha256) -> Self {
        store.hold(artifact);
        Self { store: Arc::clone(store), artifact }
    }
}

impl<S: PieceStore> Drop for Hold<S> {
    fn drop(&mut self) {
        self.store.let_go(self.artifact);
    }
}

impl<S: PieceStore> Drop for Lease<S> {
    fn drop(&mut self) {
        self.store.release(self.artifact);
    }
}
