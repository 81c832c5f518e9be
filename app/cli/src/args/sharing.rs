//! Arguments of the commands between people: share, peer, request, announce, import.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use app::ports::Patience;
use app::quantity::{Limit, Size, Span};
use app::settings::Settings;
use clap::{Args, Subcommand};
use verifier::request::PeerMessages;
use verifier::scalars::UtcTime;

use super::checks::{ChecksumChoice, ChunkingArgs, ManifestOptions, SigningArgs};
use super::{Agreed, read_bytes, read_patience, read_span};

/// `import-peer-request`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The request file, made with `request new`
    pub request: PathBuf,
    /// The manifest file
    pub manifest: PathBuf,
    /// The folder that the model and its receipt go to; it must exist
    pub output_dir: PathBuf,
    /// How the manifest is read.
    #[command(flatten)]
    pub options: ManifestOptions,
    /// Whether the container's own checksum is compared; its rule is provisional
    #[arg(long, value_enum, value_name = "RULE", default_value_t = ChecksumChoice::Verify)]
    pub slm_checksum: ChecksumChoice,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
    /// Whether the receipt is signed.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// What fetching may take.
    #[command(flatten)]
    pub fetching: FetchingArgs,
    /// With --json: print what happens while it runs too, one JSON object a line
    #[arg(long)]
    pub events: bool,
    /// Whether it is served meanwhile.
    #[command(flatten)]
    pub meanwhile: MeanwhileArgs,
}

/// What fetching may take: the time of the yes, a rate, and a wait while nothing comes.
#[derive(Debug, Clone, Args)]
pub struct FetchingArgs {
    /// How long your yes holds, at most 30d
    #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = read_span,
          allow_hyphen_values = true)]
    pub span: Span,
    /// The most bytes a second to fetch, from 4KiB, such as 2MiB; 0 or none for no limit
    /// [default: what is set]
    #[arg(long, value_name = "SIZE")]
    pub download_limit: Option<Limit>,
    /// Give up when nothing came from anyone for so long, 1s to 1d [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = read_patience, allow_hyphen_values = true)]
    pub patience: Option<Span>,
    /// Wait for peers that are away or do not share the model with you yet: for so long, at most 30d,
    /// or without TIME until you stop
    #[arg(long, value_name = "TIME", num_args = 0..=1, value_parser = read_span,
          conflicts_with = "patience")]
    pub wait: Option<Option<Span>>,
}

impl FetchingArgs {
    /// Puts the limit in the place of the one that is set, if one was given.
    pub fn limit(&self, settings: &mut Settings) {
        if let Some(Limit(bytes)) = self.download_limit {
            settings.download_limit = bytes;
        }
    }

    /// The wait as a value.
    pub fn patience(&self) -> Patience {
        let time = |Span(seconds)| Duration::from_secs(seconds);
        match self.wait {
            Some(Some(wait)) => Patience::Wait(time(wait)),
            Some(None) => Patience::Forever,
            None => self.patience.map_or_else(Patience::default, |span| Patience::For(time(span))),
        }
    }
}

/// How what is imported is served meanwhile.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Serving what has come to others meanwhile")]
pub struct MeanwhileArgs {
    /// Who may have what has come, while the import runs: the id or label of a paired peer; may be
    /// repeated
    #[arg(long, value_name = "PEER")]
    pub serve_to: Vec<String>,
    /// Where to take their calls; port 0 lets the system pick one [default: what is set, else
    /// 0.0.0.0:9410]
    #[arg(long, value_name = "IP:PORT", requires = "serve_to")]
    pub listen: Option<SocketAddr>,
    /// The most bytes each of them may take [default: twice the model's size]
    #[arg(long, value_name = "SIZE", value_parser = read_bytes, requires = "serve_to")]
    pub bytes: Option<Size>,
    /// The most bytes a second to send, from 4KiB, such as 2MiB; 0 or none for no limit
    /// [default: what is set]
    #[arg(long, value_name = "SIZE", requires = "serve_to")]
    pub upload_limit: Option<Limit>,
    /// The same for each peer [default: what is set]
    #[arg(long, value_name = "SIZE", requires = "serve_to")]
    pub peer_limit: Option<Limit>,
    /// Serve it for so long after the import is done, unless Ctrl-C ends that [default: not at all]
    #[arg(long, value_name = "TIME", value_parser = read_span, requires = "serve_to")]
    pub stay: Option<Span>,
    /// Stay until standard input ends, for programs that start this one
    #[arg(long, hide = true, requires = "serve_to")]
    pub until_input_ends: bool,
}

/// `share …`.
#[derive(Debug, Clone, Subcommand)]
pub enum ShareCommand {
    /// Check a .slm file, cut it into pieces and keep them, ready to be served
    Prepare(PrepareArgs),
    /// Serve a model to peers you name, until it is stopped, taken back or over
    Serve(ServeArgs),
    /// Write a signed offer of a model that you will serve while you import it, for the requests
    /// of others; nothing is served by it
    Offer(PromiseArgs),
    /// List the models that can be served, and who may have them now
    List,
    /// Take back every yes to serving a model; running servers stop within one piece
    Stop(StopArgs),
}

/// `share prepare`.
#[derive(Debug, Clone, Args)]
pub struct PrepareArgs {
    /// The .slm file
    pub slm: PathBuf,
    /// Use this manifest instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all =
        ["model_id", "model_version", "publisher", "license_route", "model_card_route",
         "display_name", "algorithm", "chunk_size"])]
    pub manifest: Option<PathBuf>,
    /// Where the manifest that is made is written [default: beside the .slm file]
    #[arg(long, value_name = "FILE", conflicts_with = "manifest")]
    pub out: Option<PathBuf>,
    /// The model's id in lower case [default: from the file's name]
    #[arg(long, value_name = "ID")]
    pub model_id: Option<String>,
    /// The model's version [default: from the file's name, else 1]
    #[arg(long, value_name = "VERSION")]
    pub model_version: Option<String>,
    /// The model's name for people
    #[arg(long, value_name = "TEXT")]
    pub display_name: Option<String>,
    /// Who publishes it, as an id in lower case [default: local]
    #[arg(long, value_name = "ID")]
    pub publisher: Option<String>,
    /// Where people read the licence: an https address, or a path such as /license.md; asked for
    /// if it is not given
    #[arg(long, value_name = "ROUTE")]
    pub license_route: Option<String>,
    /// Where people read about the model: an https address, or a path such as /card.md; asked for
    /// if it is not given
    #[arg(long, value_name = "ROUTE")]
    pub model_card_route: Option<String>,
    /// How it is cut.
    #[command(flatten)]
    pub chunking: ChunkingArgs,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
}

/// `share serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// Where to take calls; port 0 lets the system pick one [default: what is set, else
    /// 0.0.0.0:9410]
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// Who may have it: the id or label of a paired peer; may be repeated
    #[arg(long, value_name = "PEER", required = true)]
    pub to: Vec<String>,
    /// How long it may be served, at most 30d
    #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = read_span,
          allow_hyphen_values = true)]
    pub span: Span,
    /// The most bytes each peer may take [default: twice the model's size]
    #[arg(long, value_name = "SIZE", value_parser = read_bytes)]
    pub bytes: Option<Size>,
    /// End what you granted of this model before: nobody but these peers may have it
    #[arg(long)]
    pub only: bool,
    /// Write a signed offer to this file once peers can call; hand it to them
    #[arg(long, value_name = "FILE")]
    pub offer: Option<PathBuf>,
    /// What the offer says to call, such as mmp://192.168.1.20:9410; may be repeated
    /// [default: what is set, else the address of --listen, if it is one that can be called]
    #[arg(long, value_name = "ADDRESS")]
    pub address: Vec<String>,
    /// The most bytes a second to send, from 4KiB, such as 2MiB; 0 or none for no limit
    /// [default: what is set]
    #[arg(long, value_name = "SIZE")]
    pub upload_limit: Option<Limit>,
    /// The same for each peer [default: what is set]
    #[arg(long, value_name = "SIZE")]
    pub peer_limit: Option<Limit>,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
    /// Stop when standard input ends, for programs that start this one
    #[arg(long, hide = true)]
    pub until_input_ends: bool,
}

/// `share offer`.
#[derive(Debug, Clone, Args)]
pub struct PromiseArgs {
    /// The manifest file
    pub manifest: PathBuf,
    /// Where the offer is written; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where you are called, and how long that holds.
    #[command(flatten)]
    pub called: CalledArgs<{ PeerMessages::V0.window }>,
    /// How the manifest is read.
    #[command(flatten)]
    pub options: ManifestOptions,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
}

/// Where others are told to call, and how many seconds that may hold at most.
#[derive(Debug, Clone, Args)]
pub struct CalledArgs<const MOST: u64> {
    /// Where you can be called, such as mmp://192.168.1.20:9410; may be repeated
    /// [default: what is set, else this machine's address in its network]
    #[arg(long, value_name = "ADDRESS")]
    pub address: Vec<String>,
    #[arg(long = "for", value_name = "TIME", default_value = "1d", allow_hyphen_values = true,
          value_parser = |text: &str| Span::at_most(text, MOST),
          help = format!("How long it holds, at most {}", Span(MOST)))]
    span: Span,
}

impl<const MOST: u64> CalledArgs<MOST> {
    /// Until when it holds from then on.
    pub const fn until(&self, from: UtcTime) -> UtcTime {
        from.plus(self.span.0)
    }
}

/// `share stop`.
#[derive(Debug, Clone, Args)]
pub struct StopArgs {
    /// The model: its id, or the first digits of its SHA-256
    pub model: String,
}

/// `peer …`.
#[derive(Debug, Clone, Subcommand)]
pub enum PeerCommand {
    /// Print your own peer id
    Id,
    /// Print a ticket for somebody to pair with you; it says your id and where to call you
    Invite(PeerInviteArgs),
    /// Pair with somebody by the ticket they gave you
    Add(PeerAddArgs),
    /// List the peers you are paired with
    List,
    /// Call a peer by another name
    Rename(PeerRenameArgs),
    /// Turn a peer away when it calls, call it no more, and take back what it may have
    Block(PeerNameArgs),
    /// Let a blocked peer call and be called again
    Unblock(PeerNameArgs),
    /// Call a peer again that lied and was banned
    Unban(PeerNameArgs),
    /// Forget a peer; it can neither call you nor be called any more
    Remove(PeerNameArgs),
}

/// `peer invite`.
#[derive(Debug, Clone, Args)]
pub struct PeerInviteArgs {
    /// The name that the other side sees [default: what is set, else peer and the end of your id]
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Where you are called, and how long that holds.
    #[command(flatten)]
    pub called: CalledArgs<{ PeerMessages::V0.window }>,
}

/// `peer add`.
#[derive(Debug, Clone, Args)]
pub struct PeerAddArgs {
    /// The ticket: one line that starts with mmticket0:
    pub ticket: String,
    /// What you call this peer [default: the ticket's own name]
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// Do not ask whether the pair code is the same on both sides
    #[arg(long)]
    pub yes: bool,
    /// The pair code that the other side reads out: it must be the same
    #[arg(long, value_name = "CODE")]
    pub expect_code: Option<String>,
}

/// `peer rename`.
#[derive(Debug, Clone, Args)]
pub struct PeerRenameArgs {
    /// The peer's id or label
    pub peer: String,
    /// What it is called from now on
    pub label: String,
}

/// `peer block`, `peer unblock`, `peer unban` and `peer remove`.
#[derive(Debug, Clone, Args)]
pub struct PeerNameArgs {
    /// The peer's id or label
    pub peer: String,
}

/// `request …`.
#[derive(Debug, Clone, Subcommand)]
pub enum RequestCommand {
    /// Make an import request from a manifest and the offers of one or more peers
    New(RequestNewArgs),
}

/// `request new`.
#[derive(Debug, Clone, Args)]
pub struct RequestNewArgs {
    /// The manifest file
    pub manifest: PathBuf,
    /// The offers that peers gave you
    #[arg(required = true, value_name = "OFFER")]
    pub offers: Vec<PathBuf>,
    /// Where the request is written; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How long the request holds, at most 30d
    #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = read_span,
          allow_hyphen_values = true)]
    pub span: Span,
    /// How the manifest is read.
    #[command(flatten)]
    pub options: ManifestOptions,
    /// The yes given beforehand: the request says that you agree to fetch.
    #[command(flatten)]
    pub agreed: Agreed,
}

/// `announce`.
#[derive(Debug, Clone, Args)]
pub struct AnnounceArgs {
    /// The model: its id, id-version, or the first digits of its SHA-256
    pub model: String,
    /// Where the announcement is written; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where you are called, and how long that holds.
    #[command(flatten)]
    pub called: CalledArgs<{ PeerMessages::V0.announcement_window }>,
    /// The yes given beforehand.
    #[command(flatten)]
    pub agreed: Agreed,
}
