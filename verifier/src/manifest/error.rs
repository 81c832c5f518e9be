//! Why a text is not a manifest.

use std::borrow::Cow;

use crate::boundary::RouteError;
use crate::code::{Code, Coded};
use crate::lines::LineError;
use crate::manifest::chunking::ChunkingError;
use crate::manifest::signature::SignatureError;

/// Why a text is not a manifest, or names what no manifest may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A line, a key or a value is wrong by itself.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A signed manifest has comments, which its signature does not cover.
    #[error("a signed manifest has comments")]
    SignedComment,
    /// A key promises that something is run or fetched.
    #[error("key `{key}` is one that no manifest may have")]
    ForbiddenKey {
        /// The key.
        key: String,
    },
    /// The schema checksum is not built in, and the caller wants one that is.
    #[error("schema checksum `{value}` is not a built-in one")]
    SchemaChecksum {
        /// The checksum.
        value: String,
    },
    /// The `.slm` format version is not known.
    #[error("`.slm` format version `{value}` is not 1")]
    FormatVersion {
        /// The version.
        value: String,
    },
    /// The evidence keys are not those that the count calls for.
    #[error("`{key}` breaks the rule that evidence 0 to count - 1 has kind, route and sha256")]
    Evidence {
        /// The key that is missing, or there too much.
        key: String,
    },
    /// A project server is named as a source of bytes.
    #[error("project server `{value}` is named, where only `none` may stand")]
    ProjectServerUrl {
        /// What is named.
        value: String,
    },
    /// The artifact is not an `.slm` file.
    #[error("artifact kind `{value}` is not `slm`")]
    ArtifactKind {
        /// The kind.
        value: String,
    },
    /// The way the artifact is acquired is not an allowed one.
    #[error("acquisition `{value}` is none of the allowed ways")]
    Acquisition {
        /// The way.
        value: String,
    },
    /// The artifact's length is not a number within 1 to 2^40.
    #[error("byte count `{value}` is not a number within 1 to 2^40")]
    ByteCount {
        /// The length.
        value: String,
    },
    /// A route is not a metadata route.
    #[error("`{key}`: {error}")]
    Route {
        /// The key.
        key: String,
        /// What is wrong with the route.
        error: RouteError,
    },
    /// The source is described, but not where it lies.
    #[error("the source is described without `{key}`")]
    SourceLane {
        /// The missing key.
        key: &'static str,
    },
    /// The chunking keys do not agree.
    #[error(transparent)]
    Chunking(#[from] ChunkingError),
    /// The signature keys do not agree, or the signature does not verify.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Coded for ManifestError {
    fn code(&self) -> Code {
        match self {
            Self::Line(error) => error.code(),
            Self::SignedComment => Code::new("manifest", "comment"),
            Self::ForbiddenKey { .. } => Code::new("boundary", "forbidden-key"),
            Self::SchemaChecksum { .. } => Code::new("manifest", "schema-checksum"),
            Self::FormatVersion { .. } => Code::new("manifest", "bad-format-version"),
            Self::Evidence { .. } => Code::new("manifest", "bad-evidence"),
            Self::ProjectServerUrl { .. } => Code::new("boundary", "project-server-url"),
            Self::ArtifactKind { .. } => Code::new("boundary", "artifact-kind"),
            Self::Acquisition { .. } => Code::new("boundary", "acquisition"),
            Self::ByteCount { .. } => Code::new("boundary", "byte-count"),
            Self::Route { error, .. } => error.code(),
            Self::SourceLane { .. } => Code::new("boundary", "source-lane"),
            Self::Chunking(error) => error.code(),
            Self::Signature(error) => error.code(),
        }
    }

    fn field(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Line(error) => return error.field(),
            Self::Chunking(error) => return error.field(),
            Self::Signature(error) => return error.field(),
            Self::SignedComment => "signature.status",
            Self::SchemaChecksum { .. } => "manifest.schema_checksum",
            Self::FormatVersion { .. } => "slm.format_version",
            Self::ProjectServerUrl { .. } => "artifact.project_server_url",
            Self::ArtifactKind { .. } => "artifact.kind",
            Self::Acquisition { .. } => "artifact.acquisition",
            Self::ByteCount { .. } => "artifact.byte_count",
            Self::SourceLane { key } => key,
            Self::ForbiddenKey { key } | Self::Evidence { key } | Self::Route { key, .. } => key,
        })
    }
}
