//! Arguments of the commands that check files.

use std::path::PathBuf;
use std::str::FromStr;

use app::quantity::Size;
use app::settings::Settings;
use clap::{Args, ValueEnum};
use verifier::ChunkAlgorithm;
use verifier::geometry::CHUNK_LIMITS;
use verifier::manifest::{Mode, Options, SchemaRule, UnknownKeys};
use verifier::scalars::UtcTime;
use verifier::slm::ChecksumRule;

use super::read_time;

/// `verify-manifest`.
#[derive(Debug, Clone, Args)]
pub struct ManifestArgs {
    /// The manifest file
    pub manifest: PathBuf,
    /// How it is read.
    #[command(flatten)]
    pub options: ManifestOptions,
}

/// How a manifest is read.
#[derive(Debug, Clone, Args)]
pub struct ManifestOptions {
    /// What to do about keys that are not known; a signed manifest with such keys is always
    /// rejected
    #[arg(long, value_enum, value_name = "RULE", default_value_t = UnknownKeysChoice::Reject)]
    pub unknown_keys: UnknownKeysChoice,
    /// Reject manifests of a schema whose checksum is not built in
    #[arg(long)]
    pub strict_schema: bool,
    /// Allow comment lines: the manifest is an example
    #[arg(long)]
    pub example: bool,
}

impl ManifestOptions {
    /// The same in the verifier's words.
    pub const fn options(&self) -> Options {
        Options {
            unknown_keys: match self.unknown_keys {
                UnknownKeysChoice::Reject => UnknownKeys::Reject,
                UnknownKeysChoice::Warn => UnknownKeys::Warn,
            },
            schema: if self.strict_schema { SchemaRule::Strict } else { SchemaRule::Any },
            mode: if self.example { Mode::Example } else { Mode::Normal },
        }
    }
}

/// What becomes of unknown keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnknownKeysChoice {
    /// The manifest is rejected
    Reject,
    /// An unsigned manifest gets a warning
    Warn,
}

/// `verify-artifact`.
#[derive(Debug, Clone, Args)]
pub struct ArtifactArgs {
    /// The manifest file
    pub manifest: PathBuf,
    /// The .slm file
    pub slm: PathBuf,
    /// What else is given.
    #[command(flatten)]
    pub options: ArtifactOptions,
}

/// What is given beside manifest and file.
#[derive(Debug, Clone, Args)]
pub struct ArtifactOptions {
    /// How the manifest is read.
    #[command(flatten)]
    pub manifest: ManifestOptions,
    /// A chunk list file to check as well
    #[arg(long, value_name = "FILE")]
    pub chunk_list: Option<PathBuf>,
    /// A file of evidence and its number in the manifest, such as 0:card.txt; may be repeated
    #[arg(long, value_name = "N:FILE")]
    pub evidence: Vec<EvidenceFile>,
    /// Whether the container's own checksum is compared; its rule is provisional
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ChecksumChoice::Verify)]
    pub slm_checksum: ChecksumChoice,
}

/// Whether the internal checksum is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChecksumChoice {
    /// It is compared
    Verify,
    /// It is left out, and nothing says that it passed
    Unverified,
}

impl ChecksumChoice {
    /// The same in the verifier's words.
    pub const fn rule(self) -> ChecksumRule {
        match self {
            Self::Verify => ChecksumRule::Verify,
            Self::Unverified => ChecksumRule::Unverified,
        }
    }
}

/// A file of evidence and its number in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// The number, from 0.
    pub index: u64,
    /// The file.
    pub path: PathBuf,
}

impl FromStr for EvidenceFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a number, a colon and a file, such as 0:card.txt");
        let (index, path) = text.split_once(':').ok_or_else(wrong)?;
        let index = verifier::scalars::parse_int(index).map_err(|_| wrong())?;
        if path.is_empty() {
            return Err(wrong());
        }
        Ok(Self { index, path: path.into() })
    }
}

/// `write-import-receipt`.
#[derive(Debug, Clone, Args)]
pub struct NewReceiptArgs {
    /// The manifest file
    pub manifest: PathBuf,
    /// The .slm file
    pub slm: PathBuf,
    /// Where the receipt is written; nothing may be there
    pub receipt: PathBuf,
    /// What else is given.
    #[command(flatten)]
    pub options: ArtifactOptions,
    /// Whether it is signed.
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// Whether a receipt is signed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SigningArgs {
    /// Sign the receipt with this installation's key [default: what is set, else unsigned]
    #[arg(long)]
    pub sign: bool,
    /// Leave the receipt unsigned
    #[arg(long, conflicts_with = "sign")]
    pub no_sign: bool,
}

impl SigningArgs {
    /// Whether to sign: what was typed, else what is set.
    pub const fn is_wanted(self, settings: &Settings) -> bool {
        self.sign || (settings.sign_receipts && !self.no_sign)
    }
}

/// `verify-receipt`.
#[derive(Debug, Clone, Args)]
pub struct ReceiptCheckArgs {
    /// The receipt file
    pub receipt: PathBuf,
    /// The manifest file
    pub manifest: PathBuf,
    /// The .slm file
    pub slm: PathBuf,
    /// How the manifest is read.
    #[command(flatten)]
    pub options: ManifestOptions,
}

/// `check-request`.
#[derive(Debug, Clone, Args)]
pub struct RequestArgs {
    /// The request file
    pub request: PathBuf,
    /// The manifest file
    pub manifest: PathBuf,
    /// How the manifest is read.
    #[command(flatten)]
    pub options: ManifestOptions,
    /// Judge as if it were this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub now: Option<UtcTime>,
}

/// `check-offer`.
#[derive(Debug, Clone, Args)]
pub struct OfferArgs {
    /// The offer file
    pub offer: PathBuf,
    /// Judge as if it were this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub now: Option<UtcTime>,
}

/// `check-announcement`.
#[derive(Debug, Clone, Args)]
pub struct AnnouncementArgs {
    /// The announcement file
    pub announcement: PathBuf,
    /// Judge as if it were this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub now: Option<UtcTime>,
}

/// `check-ticket`.
#[derive(Debug, Clone, Args)]
pub struct TicketArgs {
    /// The ticket: one line that starts with mmticket0:
    pub ticket: String,
    /// Judge as if it were this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub now: Option<UtcTime>,
}

/// How a file is cut into chunks.
#[derive(Debug, Clone, Args)]
pub struct ChunkingArgs {
    /// How chunks are hashed: fixed-size-merkle-v0 (SHA-256) or blake3-tree-v0
    /// [default: fixed-size-merkle-v0]
    #[arg(long, value_name = "NAME", value_parser = read_algorithm)]
    pub algorithm: Option<ChunkAlgorithm>,
    /// Bytes in a chunk, a power of two from 16KiB to 16MiB [default: 256KiB, more for files
    /// over 256 GiB]
    #[arg(long, value_name = "SIZE", value_parser = read_chunk_size)]
    pub chunk_size: Option<u32>,
}

impl ChunkingArgs {
    /// How chunks are hashed, where nothing is typed too.
    pub fn algorithm(&self) -> ChunkAlgorithm {
        self.algorithm.unwrap_or(ChunkAlgorithm::FixedSizeMerkleV0)
    }
}

/// `calibrate`.
#[derive(Debug, Clone, Args)]
pub struct CalibrateArgs {
    /// Genuine .slm files; small ones of different lengths are best
    #[arg(required = true, value_name = "SLM")]
    pub files: Vec<PathBuf>,
}

/// `merkle-root`.
#[derive(Debug, Clone, Args)]
pub struct MerkleArgs {
    /// The file
    pub file: PathBuf,
    /// How it is cut.
    #[command(flatten)]
    pub chunking: ChunkingArgs,
}

/// `write-chunk-list`.
#[derive(Debug, Clone, Args)]
pub struct ChunkListArgs {
    /// The file
    pub file: PathBuf,
    /// Where the list is written; nothing may be there
    pub out: PathBuf,
    /// How it is cut.
    #[command(flatten)]
    pub chunking: ChunkingArgs,
}

fn read_algorithm(text: &str) -> Result<ChunkAlgorithm, String> {
    ChunkAlgorithm::parse(text)
        .ok_or_else(|| format!("`{text}` is not known; use fixed-size-merkle-v0 or blake3-tree-v0"))
}

fn read_chunk_size(text: &str) -> Result<u32, String> {
    let Size(bytes) =
        text.parse().map_err(|error: app::quantity::QuantityError| error.to_string())?;
    u32::try_from(bytes)
        .ok()
        .filter(|size| CHUNK_LIMITS.allows_size(u64::from(*size)))
        .ok_or_else(|| format!("{bytes} bytes are not a power of two from 16KiB to 16MiB"))
}
