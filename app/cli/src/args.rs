//! What can be typed: commands, arguments and options, with the help that explains them.

mod bench;
mod checks;
mod library;
mod settings;
mod sharing;
mod trial;

use std::ffi::OsString;
use std::path::PathBuf;

use app::quantity::{QuantityError, Size, Span};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory as _, Error, Parser, Subcommand};
use verifier::consent::{Act, ConsentLogFormat};
use verifier::request::PeerMessages;
use verifier::scalars::UtcTime;

pub use bench::{BenchArgs, BenchCommand};
pub use checks::{
    AnnouncementArgs, ArtifactArgs, ArtifactOptions, CalibrateArgs, ChecksumChoice, ChunkListArgs,
    ChunkingArgs, EvidenceFile, ManifestArgs, ManifestOptions, MerkleArgs, NewReceiptArgs,
    OfferArgs, ReceiptCheckArgs, RequestArgs, SigningArgs, TicketArgs, UnknownKeysChoice,
};
pub use library::{
    ActivityArgs, ConsentCommand, ExportArgs, ForgetArgs, LibraryCommand, ManifestOfArgs, MapArgs,
    MapBy, ModelArgs, QuotaArgs, ReceiptCommand, ReceiptListArgs, ReceiptShowArgs, RecheckArgs,
    RepairArgs, RevokeArgs, RoomArgs, ScrubArgs,
};
pub use settings::{SettingsArgs, SettingsCommand};
pub use sharing::{
    AnnounceArgs, CalledArgs, FetchingArgs, ImportArgs, MeanwhileArgs, PeerAddArgs, PeerCommand,
    PeerInviteArgs, PeerNameArgs, PeerRenameArgs, PrepareArgs, PromiseArgs, RequestCommand,
    RequestNewArgs, ServeArgs, ShareCommand, StopArgs,
};
pub use trial::{DemoArgs, DemoSize, LiarArgs, QuantChoice, SampleArgs, ShapeChoice};

/// Moves one tiny AI model file (.slm) between people who know each other, and proves on arrival
/// that it is the file its manifest names.
///
/// First try:  minimodel demo
///
/// A transfer, step by step: both sides pair (peer invite, peer add); the owner prepares and
/// serves the file (share prepare, share serve --offer FILE) and hands over manifest and offer;
/// the receiver makes a request (request new) and imports (import-peer-request).
///
/// Exit status: 0 verified or done, 1 rejected, 2 wrong command line, 3 input or output failed.
#[derive(Debug, Parser)]
#[command(name = "minimodel", version, verbatim_doc_comment, arg_required_else_help = true)]
#[command(disable_help_subcommand = false, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    ///
    /// [`clap::Error`], also where help is asked for.
    pub fn read(
        line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, Error> {
        let cli = Self::try_parse_from(line)?;
        // The parser itself does not see an option of every command that comes before the command.
        match &cli.command {
            Command::ImportPeerRequest(args) if args.events && !cli.global.json => {
                let what = "--events goes with --json";
                Err(Self::command().error(ErrorKind::MissingRequiredArgument, what))
            }
            _ => Ok(cli),
        }
    }
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Folder of the library, the key and the logs [default: this platform's data folder]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Print one JSON object at the end instead of lines
    #[arg(long, global = true)]
    pub json: bool,
    /// Tell on standard error what happens inside; twice for more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The name of the demo's liar, which nobody is led to.
pub const LIAR: &str = "demo-liar";
/// Where it takes calls.
const LIAR_LISTENS: &str = "Where to take calls, on this machine only [default: 127.0.0.1:0, a \
                            port that the system picks]";

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a manifest by itself
    VerifyManifest(ManifestArgs),
    /// Check a .slm file against its manifest
    VerifyArtifact(ArtifactArgs),
    /// Check a .slm file against its manifest and write the receipt
    WriteImportReceipt(NewReceiptArgs),
    /// Check a receipt against manifest and file
    VerifyReceipt(ReceiptCheckArgs),
    /// Import a model from the peers that a request names
    ImportPeerRequest(ImportArgs),
    /// Check an import request against its manifest, without any network
    CheckRequest(RequestArgs),
    /// Check a peer's offer
    CheckOffer(OfferArgs),
    /// Check a peer's announcement
    CheckAnnouncement(AnnouncementArgs),
    /// Check a pairing ticket
    CheckTicket(TicketArgs),
    /// Print the Merkle root over a file's chunks
    MerkleRoot(MerkleArgs),
    /// Write the list of a file's chunk digests
    WriteChunkList(ChunkListArgs),
    /// Search genuine files for the rule of the container's internal checksum
    Calibrate(CalibrateArgs),
    /// Prepare a model, serve it to peers, stop serving it
    #[command(subcommand)]
    Share(ShareCommand),
    /// Your own id, and the peers you are paired with
    #[command(subcommand)]
    Peer(PeerCommand),
    /// Make import requests
    #[command(subcommand)]
    Request(RequestCommand),
    /// Write a file that tells others that you have a model; nothing is sent
    Announce(AnnounceArgs),
    /// What is kept on this machine
    #[command(subcommand)]
    Library(LibraryCommand),
    /// Read and check receipts
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// What you said yes to, and taking it back
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// What was agreed to, moved and taken back, newest first
    Activity(ActivityArgs),
    /// What is set for this installation, for the command and the window alike
    Settings(SettingsArgs),
    /// Write a valid .slm file with made-up weights, to try things with
    Sample(SampleArgs),
    /// Measure how fast this machine does its work
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Show the whole path at work: prepare, serve from several peers, import, verify
    ///
    /// With --json its figures are seconds_transfer, from the first call to the last piece kept;
    /// seconds_import, until both files have their names; seconds_processor, which the importer's
    /// threads worked for it, in the program and the system; seconds_total, of the whole demo;
    /// mib_per_s, of the transfer; and peak_rss_bytes, the most memory the importer had.
    Demo(DemoArgs),
    /// Serve a model with wrong bytes in it, on this machine only: the demo's liar
    #[command(name = LIAR, hide = true, mut_arg("listen", |listen| listen.help(LIAR_LISTENS)))]
    DemoLiar(LiarArgs),
}

/// The user's yes, given beforehand.
#[derive(Debug, Clone, Args)]
pub struct Agreed {
    /// Say yes beforehand to these acts, so that nothing is asked: serve, fetch, import, cache,
    /// publish
    #[arg(long = "consent", value_name = "ACT,ACT", value_delimiter = ',', value_parser = read_act)]
    pub acts: Vec<Act>,
}

/// Reads the name of an act.
fn read_act(text: &str) -> Result<Act, String> {
    Act::parse(text).ok_or_else(|| {
        format!("`{text}` is not an act; use serve, fetch, import, cache or publish")
    })
}

/// Reads how long a yes, or what is signed for others, holds.
fn read_span(text: &str) -> Result<Span, QuantityError> {
    Span::at_most(text, ConsentLogFormat::V0.window.min(PeerMessages::V0.window))
}

/// Reads how long an import goes on while nothing comes.
fn read_patience(text: &str) -> Result<Span, QuantityError> {
    /// A day, in seconds.
    const MOST: u64 = 86_400;
    Span::at_most(text, MOST)
}

/// Reads how many bytes a yes covers.
fn read_bytes(text: &str) -> Result<Size, QuantityError> {
    Size::at_most(text, ConsentLogFormat::V0.max_bytes)
}

/// Reads a time.
fn read_time(text: &str) -> Result<UtcTime, String> {
    UtcTime::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};
    use verifier::consent::Act;

    use super::{Cli, Command, LibraryCommand, ShareCommand};
    use app::quantity::{Size, Span};

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn published_commands_keep_their_form() {
        for line in [
            "minimodel verify-manifest m",
            "minimodel verify-manifest m --unknown-keys=warn --strict-schema --example",
            "minimodel verify-artifact m a --chunk-list=c --evidence=0:e --evidence=1:f",
            "minimodel verify-artifact m a --slm-checksum=unverified",
            "minimodel write-import-receipt m a r --sign",
            "minimodel verify-receipt r m a --unknown-keys=warn",
            "minimodel import-peer-request r m out --consent fetch,import,cache --json",
            "minimodel check-request r m",
            "minimodel check-offer o",
            "minimodel check-announcement a",
            "minimodel check-ticket mmticket0:x",
            "minimodel merkle-root f --algorithm blake3-tree-v0 --chunk-size 256KiB",
            "minimodel write-chunk-list f o",
            "minimodel calibrate a b c",
            "minimodel sample o --shape 16m --quant q8_0",
            "minimodel sample o --bytes 1GiB",
            "minimodel demo --size 1GiB --peers 2 --liar --kill --keep d",
            "minimodel demo --importers 5 --source-limit 4MiB",
            "minimodel bench verify --quick --size 8MiB --samples 3 --cores 2",
            "minimodel bench verify --save s --compare c --json",
            "minimodel settings",
            "minimodel settings set upload_limit 2MiB",
            "minimodel settings set label",
            "minimodel settings set text-percent 125 --json",
            "minimodel settings reset theme",
            "minimodel import-peer-request r m out --no-sign --download-limit none",
            "minimodel import-peer-request r m out --serve-to a --serve-to b --listen 127.0.0.1:0",
            "minimodel import-peer-request r m out --serve-to a --bytes 1GiB --stay 1h",
            "minimodel share offer m --out o --address mmp://127.0.0.1:9410 --for 2h",
            "minimodel import-peer-request r m out --patience 1d",
            "minimodel import-peer-request r m out --wait",
            "minimodel import-peer-request r m out --wait 30d --json --events",
            "minimodel --json import-peer-request r m out --events",
            "minimodel library quota 4GiB",
            "minimodel library room 1GiB",
            "minimodel library recheck tiny",
            "minimodel library manifest tiny --out f",
            "minimodel library repair tiny",
            "minimodel library scrub",
            "minimodel library scrub tiny story --for 10m --rate 50MiB",
            "minimodel library repair tiny --from anna --from ben --consent fetch --wait 2h",
            "minimodel library recheck --all",
            "minimodel library export tiny out --sign --slm-checksum=unverified",
            "minimodel receipt list",
            "minimodel consent revoke g1",
            "minimodel consent check",
            "minimodel activity --most 3",
            "minimodel peer rename anna anna-laptop",
            "minimodel peer block anna",
            "minimodel peer unblock anna",
            "minimodel peer unban anna",
            "minimodel peer remove anna",
            "minimodel peer invite --address mmp://127.0.0.1:9410",
        ] {
            if let Err(error) = Cli::read(line.split(' ')) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "minimodel",
            "minimodel verify",
            "minimodel verify-manifest",
            "minimodel verify-manifest m --unknown-keys=perhaps",
            "minimodel verify-artifact m a --evidence=x",
            "minimodel import-peer-request r m out --consent everything",
            "minimodel merkle-root f --chunk-size 0",
            "minimodel merkle-root f --algorithm md5",
            "minimodel library recheck",
            "minimodel library recheck tiny --all",
            "minimodel library export tiny",
            "minimodel library repair",
            "minimodel library scrub --for 0s",
            "minimodel library scrub --rate 1KiB",
            "minimodel library repair tiny --wait --patience 1h",
            "minimodel bench",
            "minimodel bench verify --samples 2",
            "minimodel bench verify --cores 0",
            "minimodel settings set",
            "minimodel settings set window 1",
            "minimodel settings reset",
            "minimodel write-import-receipt m a r --sign --no-sign",
            "minimodel import-peer-request r m out --stay 1h",
            "minimodel import-peer-request r m out --listen 127.0.0.1:0",
            "minimodel demo --peers 0",
            "minimodel demo --peers 17",
            "minimodel demo --importers 1",
            "minimodel demo --importers 5 --kill",
            "minimodel demo --source-limit 4MiB",
            "minimodel sample o --shape 16m --bytes 1GiB",
            "minimodel share serve tiny --to a --demo-corrupt 1",
            "minimodel share serve tiny --to a --upload-limit 900",
            "minimodel share serve tiny --to a --peer-limit 1",
            "minimodel import-peer-request r m out --download-limit 4095",
            "minimodel import-peer-request r m out --patience 0s",
            "minimodel import-peer-request r m out --patience 25h",
            "minimodel import-peer-request r m out --wait --patience 1h",
            "minimodel import-peer-request r m out --wait 31d",
            "minimodel import-peer-request r m out --events",
        ] {
            assert!(Cli::read(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn signing_is_what_is_typed_else_what_is_set() {
        use app::settings::Settings;

        for (words, set, signs) in [
            ("", false, false),
            ("", true, true),
            ("--sign", false, true),
            ("--no-sign", true, false),
        ] {
            let line = format!("minimodel write-import-receipt m a r {words}");
            let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
            let Command::WriteImportReceipt(args) = cli.command else { panic!("{line}") };
            let settings = Settings { sign_receipts: set, ..Settings::default() };
            assert_eq!(args.signing.is_wanted(&settings), signs, "{line}, set: {set}");
        }
    }

    #[test]
    fn an_import_waits_as_long_as_was_typed() {
        use app::ports::Patience;
        use std::time::Duration;

        for (words, patience) in [
            ("", Patience::default()),
            ("--patience 1s", Patience::For(Duration::from_secs(1))),
            ("--wait 2h", Patience::Wait(Duration::from_secs(7_200))),
            ("--wait", Patience::Forever),
        ] {
            let line = format!("minimodel import-peer-request r m out {words}");
            let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
            let Command::ImportPeerRequest(args) = cli.command else { panic!("{line}") };
            assert_eq!(args.fetching.patience(), patience, "{line}");
        }
    }

    #[test]
    fn serving_takes_peers_a_span_and_a_limit() {
        let line = "minimodel share serve tiny --listen 127.0.0.1:0 --to a --to b --for 2h \
                    --bytes 1MiB --consent serve --data-dir d";
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Share(ShareCommand::Serve(args)) = cli.command else { panic!("not serve") };
        assert_eq!(args.to, ["a", "b"]);
        assert_eq!((args.span, args.bytes), (Span(7_200), Some(Size(1 << 20))));
        assert_eq!(args.agreed.acts, [Act::Serve]);
        assert!(cli.global.data_dir.is_some());
        let cli = Cli::try_parse_from(["minimodel", "library", "list"]).unwrap();
        assert!(matches!(cli.command, Command::Library(LibraryCommand::List)));
    }
}
