//! Why a text is not a manifest.

use std::borrow::Cow;

use crate::advice::Advice;
use crate::boundary::RouteError;
use crate::code::{Code, Coded};
use crate::excerpt::{Excerpt, Words};
use crate::geometry::CHUNK_LIMITS;
use crate::lines::LineError;
use crate::manifest::check::ACQUISITIONS;
use crate::manifest::chunking::ChunkingError;
use crate::manifest::schema::ManifestSchema;
use crate::manifest::signature::SignatureError;

/// Why a text is not a manifest, or names what no manifest may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A line, a key or a value is wrong by itself.
    #[error(transparent)]
    Line(#[from] LineError),
    /// A signed manifest has comments, which its signature does not cover.
    #[error("signed manifest has comments, expected none: its signature does not cover them")]
    SignedComment,
    /// A key promises that something is run or fetched.
    #[error("key `{}` has the word `{word}`, which no manifest key may have", Excerpt(key))]
    ForbiddenKey {
        /// The key.
        key: String,
        /// The forbidden word in it.
        word: &'static str,
    },
    /// The schema checksum is not built in, and the caller wants one that is.
    #[error(
        "manifest.schema_checksum is `{}`, expected `{}`",
        Excerpt(value),
        ManifestSchema::V0.checksum()
    )]
    SchemaChecksum {
        /// The checksum.
        value: String,
    },
    /// The `.slm` format version is not known.
    #[error("slm.format_version is `{}`, expected `1`", Excerpt(value))]
    FormatVersion {
        /// The version.
        value: String,
    },
    /// The evidence keys are not those that the count calls for.
    #[error(
        "`{key}` is missing or one too many: expected kind, route and sha256 for each number below \
         evidence.count, which is at most {}",
        ManifestSchema::V0.max_evidence()
    )]
    Evidence {
        /// The key that is missing, or there too much.
        key: String,
    },
    /// A project server is named as a source of bytes.
    #[error("artifact.project_server_url is `{}`, expected `none`", Excerpt(value))]
    ProjectServerUrl {
        /// What is named.
        value: String,
    },
    /// The artifact is not an `.slm` file.
    #[error("artifact.kind is `{}`, expected `slm`", Excerpt(value))]
    ArtifactKind {
        /// The kind.
        value: String,
    },
    /// The way the artifact is acquired is not an allowed one.
    #[error("artifact.acquisition is `{}`, expected {}", Excerpt(value), Words(&ACQUISITIONS))]
    Acquisition {
        /// The way.
        value: String,
    },
    /// The artifact's length is not a number within 1 to 2^40.
    #[error(
        "artifact.byte_count is `{}`, expected a number from 1 to {}",
        Excerpt(value),
        CHUNK_LIMITS.max_bytes
    )]
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
    #[error("`{key}` is missing, expected beside the other keys of the source")]
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
            Self::ForbiddenKey { key, .. } | Self::Evidence { key } | Self::Route { key, .. } => {
                key
            }
        })
    }

    fn advice(&self) -> Advice {
        Advice::new(match self {
            Self::Line(error) => return error.advice(),
            Self::Chunking(error) => return error.advice(),
            Self::Signature(error) => return error.advice(),
            Self::SignedComment => {
                "Take the comments out and sign it again, or ask the publisher to."
            }
            Self::ForbiddenKey { .. } => {
                "Do not use this manifest: that key promises that something is run or fetched. Ask \
                 the publisher for one without it."
            }
            Self::SchemaChecksum { .. } => {
                "Ask the publisher for a manifest of the known schema, or read it without the \
                 strict rule."
            }
            Self::FormatVersion { .. } => {
                "Only version 1 is read here. Ask the publisher for a manifest of it, or look for a \
                 newer program."
            }
            Self::Evidence { .. } => {
                "Number the evidence from 0, each with its kind, route and digest; or ask whoever \
                 made the manifest for a valid one."
            }
            Self::ProjectServerUrl { .. } => {
                "No server sends artifact bytes here. Ask the publisher for a manifest that names \
                 none."
            }
            Self::ArtifactKind { .. } | Self::Acquisition { .. } => {
                "The manifest asks for what is not done here. Ask the publisher for another."
            }
            Self::Route { .. } => {
                "The manifest must name a page there that people can read. Correct the route, or ask \
                 whoever made the manifest."
            }
            Self::ByteCount { .. } | Self::SourceLane { .. } => {
                "Correct the manifest at that key, or ask whoever made it for a valid one."
            }
        })
    }
}
