//! Arguments of the commands on what is kept: library, receipts, consents.

use std::path::PathBuf;

use app::quantity::{Limit, Size, Span};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use verifier::scalars::Id;

use super::{Agreed, ChecksumChoice, FetchingArgs, SigningArgs, read_span};

/// `library …`.
#[derive(Debug, Clone, Subcommand)]
pub enum LibraryCommand {
    /// List the models that are kept
    List,
    /// Draw a model's pieces: which are kept, missing or corrupt
    Map(MapArgs),
    /// Write a model's manifest to a file, for those who are to have the model
    Manifest(ManifestOfArgs),
    /// Keep a model even when room is wanted
    Pin(ModelArgs),
    /// Let a model go when room is wanted
    Unpin(ModelArgs),
    /// Forget a model and give its space back; files you imported to your folders stay
    Forget(ForgetArgs),
    /// Read every kept piece of a model, or of all, again and verify it
    Recheck(RecheckArgs),
    /// Read kept pieces again for so long and so fast, those verified longest ago first
    Scrub(ScrubArgs),
    /// Fetch what is bad or missing of a model, and nothing else, from peers that have it
    Repair(RepairArgs),
    /// Put a model that is kept whole into a folder, as a file with its receipt
    Export(ExportArgs),
    /// Show how much space is used, or set the most that may be
    Quota(QuotaArgs),
    /// Show what would be given up so that so much more fits; nothing is changed
    Room(RoomArgs),
}

/// A model of the library.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
}

/// `library manifest`.
#[derive(Debug, Clone, Args)]
pub struct ManifestOfArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// Where it is written; nothing may be there [default: ID-VERSION.manifest in this folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `library map`.
#[derive(Debug, Clone, Args)]
pub struct MapArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// What each character says
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = MapBy::State)]
    pub by: MapBy,
}

/// What a character of the map says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapBy {
    /// `#` kept, `.` missing, `!` corrupt
    State,
    /// A letter for the peer that a piece came from
    Peer,
}

/// `library forget`.
#[derive(Debug, Clone, Args)]
pub struct ForgetArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `library recheck`.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["model", "all"])))]
pub struct RecheckArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: Option<String>,
    /// Every model, one after the other
    #[arg(long)]
    pub all: bool,
}

/// `library scrub`.
#[derive(Debug, Clone, Args)]
pub struct ScrubArgs {
    /// The models, each by its id, id-version, or the first digits of its SHA-256 [default: all]
    pub models: Vec<String>,
    /// For how long, such as 10m, at most 30d [default: until everything was read once]
    #[arg(long = "for", value_name = "TIME", value_parser = read_span, allow_hyphen_values = true)]
    pub time: Option<Span>,
    /// The most bytes a second to read, from 4KiB, such as 50MiB; 0 or none for no limit
    /// [default: none]
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<Limit>,
}

/// `library repair`.
#[derive(Debug, Clone, Args)]
pub struct RepairArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// Whom to fetch from: the id or label of a paired peer; may be repeated [default: the peers that
    /// gave the model, that you once agreed to fetch it from, or that took it from here]
    #[arg(long, value_name = "PEER")]
    pub from: Vec<String>,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
    /// What fetching may take.
    #[command(flatten)]
    pub fetching: FetchingArgs,
}

/// `library export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// The folder that file and receipt are put into
    pub folder: PathBuf,
    /// Whether the container's own checksum is compared; its rule is provisional
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ChecksumChoice::Verify)]
    pub slm_checksum: ChecksumChoice,
    /// Whether the receipt is signed.
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// `library quota`.
#[derive(Debug, Clone, Args)]
pub struct QuotaArgs {
    /// The most bytes the library may take, such as 4GiB; without it, what is used is shown
    pub size: Option<Size>,
    /// Only all versions of the model with this id together, instead of the whole library
    #[arg(long, value_name = "ID", value_parser = Id::parse)]
    pub model: Option<Id>,
    /// Take that model's own quota away
    #[arg(long, requires = "model", conflicts_with = "size")]
    pub lift: bool,
    /// Do not ask, also if models go because they no longer fit
    #[arg(long)]
    pub yes: bool,
}

/// `library room`.
#[derive(Debug, Clone, Args)]
pub struct RoomArgs {
    /// How much more is to fit, such as 1GiB
    pub size: Size,
}

/// `receipt …`.
#[derive(Debug, Clone, Subcommand)]
pub enum ReceiptCommand {
    /// List the receipts in a folder
    List(ReceiptListArgs),
    /// Show what a receipt says
    Show(ReceiptShowArgs),
    /// Check a receipt against manifest and file, as verify-receipt does
    Verify(super::ReceiptCheckArgs),
}

/// `receipt list`.
#[derive(Debug, Clone, Args)]
pub struct ReceiptListArgs {
    /// The folder
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// `receipt show`.
#[derive(Debug, Clone, Args)]
pub struct ReceiptShowArgs {
    /// The receipt file
    pub receipt: PathBuf,
}

/// `activity`.
#[derive(Debug, Clone, Args)]
pub struct ActivityArgs {
    /// How many entries to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub most: usize,
}

/// `consent …`.
#[derive(Debug, Clone, Subcommand)]
pub enum ConsentCommand {
    /// List what you said yes to
    List,
    /// Check the whole log of what you said yes to, line by line
    Check,
    /// Take a yes back; a transfer under it stops within one piece
    Revoke(RevokeArgs),
}

/// `consent revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeArgs {
    /// The grants, by the ids that `consent list` shows
    #[arg(required = true, value_name = "GRANT")]
    pub grants: Vec<String>,
}
