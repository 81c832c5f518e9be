//! The checks on a manifest's keys and values, in their order.

use std::collections::{BTreeMap, BTreeSet};

use crate::boundary::Route;
use crate::geometry::CHUNK_LIMITS;
use crate::lines::{Document, LineFault, Lines};
use crate::manifest::error::ManifestError;
use crate::manifest::schema::{EvidencePart, ManifestSchema, forbidden_word};
use crate::manifest::signature::STATUS;
use crate::manifest::{Options, SchemaRule, UnknownKeys};
use crate::scalars::parse_int;

/// Above this many bytes a browser is not expected to load the artifact.
const BROWSER_BUDGET: u64 = 33_554_432;
/// Above this many bytes a transfer is not expected to move the artifact.
const TRANSFER_CAP: u64 = 134_217_728;

/// The ways in which an artifact may be meant to be acquired (docs/formats.md 9.1).
pub(crate) const ACQUISITIONS: [&str; 3] =
    ["user-local-file", "user-external-download", "consent-peer-transfer"];

/// Checks the document by the rules M1 to M10; collects warnings.
pub(super) fn document(
    lines: &Lines<'_>,
    options: Options,
    schema: ManifestSchema,
    warnings: &mut BTreeSet<&'static str>,
) -> Result<(), ManifestError> {
    lines.require_value("manifest.version", "0", LineFault::UnknownVersion)?;
    lines.require_value("manifest.kind", "minimodel.manifest", LineFault::BadKind)?;
    lines.require_value("manifest.schema_id", "minimodel.manifest.v0", LineFault::BadSchemaId)?;
    let signed = lines.get(STATUS) == Some("signed");
    if lines.commented() && signed {
        return Err(ManifestError::SignedComment);
    }
    for (key, _) in lines.iter() {
        if let Some(word) = forbidden_word(key) {
            return Err(ManifestError::ForbiddenKey { key: key.to_owned(), word });
        }
    }
    match (lines.refuse_unknown(|key| schema.knows(key)), options.unknown_keys) {
        (Ok(()), _) => {}
        (Err(_), UnknownKeys::Warn) if !signed => {
            warnings.insert("unknown-key");
        }
        (Err(error), _) => return Err(error.into()),
    }
    for key in schema.keys().iter().filter(|key| key.required) {
        lines.require(key.name)?;
    }
    values(lines, schema)?;
    schema_checksum(lines, options, schema, warnings)?;
    let version = lines.require("slm.format_version")?;
    if version != "1" {
        return Err(ManifestError::FormatVersion { value: version.to_owned() });
    }
    evidence(lines, schema)
}

/// Checks what may cross the boundary by the rules B1 to B6; returns the artifact's length.
pub(super) fn boundary(
    lines: &Lines<'_>,
    schema: ManifestSchema,
    warnings: &mut BTreeSet<&'static str>,
) -> Result<u64, ManifestError> {
    let value = |key| lines.require(key).map(str::to_owned);
    let server = value("artifact.project_server_url")?;
    if server != "none" {
        return Err(ManifestError::ProjectServerUrl { value: server });
    }
    let kind = value("artifact.kind")?;
    if kind != "slm" {
        return Err(ManifestError::ArtifactKind { value: kind });
    }
    let acquisition = value("artifact.acquisition")?;
    if !ACQUISITIONS.contains(&acquisition.as_str()) {
        return Err(ManifestError::Acquisition { value: acquisition });
    }
    let byte_count = value("artifact.byte_count")?;
    let byte_count = parse_int(&byte_count)
        .ok()
        .filter(|count| (1..=CHUNK_LIMITS.max_bytes).contains(count))
        .ok_or(ManifestError::ByteCount { value: byte_count })?;
    if byte_count > BROWSER_BUDGET {
        warnings.insert("browser-budget");
    }
    if byte_count > TRANSFER_CAP {
        warnings.insert("transfer-cap");
    }
    routes(lines)?;
    match schema.missing_source_key(lines) {
        Some(key) => Err(ManifestError::SourceLane { key }),
        None => Ok(byte_count),
    }
}

/// Reads a key's value as a metadata route.
pub(super) fn route(key: &str, value: &str) -> Result<Route, ManifestError> {
    Route::parse(value).map_err(|error| ManifestError::Route { key: key.to_owned(), error })
}

/// The evidence keys by number, each with its parts.
fn evidence_keys(lines: &Lines<'_>) -> BTreeMap<u32, Vec<EvidencePart>> {
    let mut keys: BTreeMap<u32, Vec<EvidencePart>> = BTreeMap::new();
    for (number, part) in lines.iter().filter_map(|(key, _)| EvidencePart::of(key)) {
        keys.entry(number).or_default().push(part);
    }
    keys
}

fn values(lines: &Lines<'_>, schema: ManifestSchema) -> Result<(), ManifestError> {
    for row in schema.keys() {
        if let Some(value) = lines.get(row.name) {
            row.rule.check(Document::Manifest, row.name, value)?;
        }
        if row.name == "evidence.N.kind" {
            evidence_values(lines, schema)?;
        }
    }
    Ok(())
}

fn evidence_values(lines: &Lines<'_>, schema: ManifestSchema) -> Result<(), ManifestError> {
    for number in evidence_keys(lines).into_keys() {
        for part in [EvidencePart::Kind, EvidencePart::Sha256] {
            let key = part.key(number);
            if let (Some(value), Some(rule)) = (lines.get(&key), schema.rule(&key)) {
                rule.check(Document::Manifest, &key, value)?;
            }
        }
    }
    Ok(())
}

fn schema_checksum(
    lines: &Lines<'_>,
    options: Options,
    schema: ManifestSchema,
    warnings: &mut BTreeSet<&'static str>,
) -> Result<(), ManifestError> {
    let checksum = lines.require("manifest.schema_checksum")?;
    if checksum != schema.checksum() {
        match options.schema {
            SchemaRule::Strict => {
                return Err(ManifestError::SchemaChecksum { value: checksum.to_owned() });
            }
            SchemaRule::Any => {
                warnings.insert("schema-checksum-unknown");
            }
        }
    }
    Ok(())
}

fn evidence(lines: &Lines<'_>, schema: ManifestSchema) -> Result<(), ManifestError> {
    const COUNT: &str = "evidence.count";
    let count = lines.get(COUNT).map_or(Ok(0), parse_int).unwrap_or(u64::MAX);
    if count > schema.max_evidence() {
        return Err(ManifestError::Evidence { key: COUNT.to_owned() });
    }
    let keys = evidence_keys(lines);
    for number in (0..100).filter(|number| u64::from(*number) < count) {
        let parts = keys.get(&number).map_or(&[][..], Vec::as_slice);
        if let Some(part) = EvidencePart::ALL.iter().find(|part| !parts.contains(part)) {
            return Err(ManifestError::Evidence { key: part.key(number) });
        }
    }
    match keys.iter().find(|(number, _)| u64::from(**number) >= count) {
        Some((number, parts)) => {
            let part = parts.first().copied().unwrap_or(EvidencePart::Kind);
            Err(ManifestError::Evidence { key: part.key(*number) })
        }
        None => Ok(()),
    }
}

fn routes(lines: &Lines<'_>) -> Result<(), ManifestError> {
    let evidence = evidence_keys(lines).into_keys().map(|number| EvidencePart::Route.key(number));
    let first = ["model_card.route", "license.route", "contact.takedown_route"];
    let keys = first.into_iter().map(str::to_owned).chain(evidence);
    for key in keys.chain(["chunking.list_route".to_owned()]) {
        if let Some(value) = lines.get(&key) {
            route(&key, value)?;
        }
    }
    Ok(())
}
