//! The `minimodel-companion` program: wires the disk and the network to the window.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use app::blame::machine_advice;
use app::clock::SystemClock;
use app::descriptors::Room;
use app::ports::Bundle;
use app::problem::Problem;
use app::settings::Settings;
use clap::Parser;
use desktop::companion::{self, Beginning};
use desktop::wiring::{Opened, Unopened, Wiring};
use store::{Disk, Journal, Layout, OpenError, Outputs, SettingsFileError, Store};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use transfer::{Identity, Limits, Swarm, TlsListener};
use verifier::identity::SigningKey;

/// What another process is told of who has the store open.
const PROGRAM: &str = "minimodel-companion";

/// The window of MiniModel Peer Companion: moves tiny AI models between people who know each other.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, version)]
struct Args {
    /// Folder of the library, the key and the logs [default: this platform's data folder]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Tell on standard error what happens inside; twice for more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

fn main() -> ExitCode {
    let started = Instant::now();
    let args = Args::parse();
    trace(args.verbose);
    let Some(data) = args.data_dir.or_else(own_folder) else {
        return fail("this account has no home folder: give a folder with --data-dir DIR");
    };
    let wiring = Arc::new(DiskAndNetwork { limits: Arc::new(Limits::new()) });
    let (settings, trouble) = match store::load_settings(&Layout::new(&data)) {
        Ok(settings) => (settings, None),
        Err(error) => {
            let advice = correct(&Layout::new(&data), "start this window again");
            let advice = format!("Until then it is as it was made. {advice}");
            let what = format!("cannot use the settings: {}", app::problem::chain(&error));
            (Settings::default(), Some(Problem::new(app::blame::IO_FAILED, what, advice)))
        }
    };
    let is_new = wiring.is_new(&data);
    match companion::run(wiring, Beginning { data, settings, is_new, trouble, started }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot open a window: {error}")),
    }
}

fn own_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("org", "minimodel", "minimodel")
        .map(|dirs| dirs.data_local_dir().to_path_buf())
}

fn fail(what: &str) -> ExitCode {
    // A closed standard error changes nothing about the failure.
    let _ok = writeln!(std::io::stderr(), "{PROGRAM}: {what}");
    ExitCode::FAILURE
}

/// Starts telling on standard error what happens inside.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let crates = ["desktop", "app", "store", "transfer", "verifier"];
    let told = Targets::new().with_targets(crates.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(lines).with(told).init();
}

/// What to do about settings that cannot be read: they are the user's, and left as they are.
fn correct(layout: &Layout, then: &str) -> String {
    let path = layout.settings();
    format!("Correct {} or move it to another folder, then {then}.", path.display())
}

/// The real disk and the real network.
struct DiskAndNetwork {
    limits: Arc<Limits>,
}

impl DiskAndNetwork {
    /// Uses the limits of these settings from now on; says what of them cannot be had.
    fn use_limits(&self, settings: &Settings) -> Option<String> {
        self.limits.set_upload(settings.upload_limit);
        self.limits.set_peer(settings.peer_limit);
        self.limits.set_download(settings.download_limit);
        let room = Room::look(settings.connections);
        self.limits.set_connections(room.connections);
        self.limits.set_handshakes(room.handshakes);
        room.note()
    }
}

impl Wiring for DiskAndNetwork {
    type Ports = Bundle<Store, Outputs, Swarm, TlsListener, Journal, SystemClock>;

    fn is_new(&self, data: &Path) -> bool {
        !Layout::new(data).identity_key().exists()
    }

    fn open(&self, data: &Path, settings: &Settings) -> Result<Opened<Self::Ports>, Unopened> {
        let disk = Disk::open(data, PROGRAM).map_err(|error| {
            let problem = Problem::blamed(&error);
            match error {
                OpenError::Lock(_) => Unopened::Held(problem),
                _ => Unopened::Failed(problem),
            }
        })?;
        let mut notices = disk.notices;
        if self.is_new(data) {
            let peers = store::known_peers(&Layout::new(data))
                .map_err(|error| Unopened::Failed(Problem::blamed(&OpenError::from(error))))?;
            notices.extend(app::pairing::key_lost(&peers, data));
        }
        let identity = Identity::load_or_create(&Layout::new(data).identity_key())
            .map_err(|error| Unopened::Failed(Problem::blamed(&error)))?;
        let key = SigningKey::from_seed(*identity.signing_key().seed());
        notices.extend(self.use_limits(settings));
        let (identity, limits) = (Arc::new(identity), Arc::clone(&self.limits));
        let ports = Bundle {
            store: disk.store,
            outputs: disk.outputs,
            peers: Arc::new(Swarm::new(Arc::clone(&identity), Arc::clone(&limits))),
            listener: Arc::new(TlsListener::new(identity, limits)),
            journal: disk.journal,
            clock: SystemClock,
        };
        Ok(Opened { ports, key, data: data.to_owned(), notices })
    }

    fn pace(&self, settings: &Settings) {
        // What it cannot have was told when the window began.
        let _note = self.use_limits(settings);
    }

    fn change(
        &self,
        data: &Path,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem> {
        let layout = Layout::new(data);
        store::change_settings(&layout, change).map_err(|error| {
            let advice = match error {
                SettingsFileError::Settings(_) => correct(&layout, "set it again").into(),
                _ => machine_advice(&error),
            };
            let what = format!("the settings are not kept: {}", app::problem::chain(&error));
            Problem::new(app::blame::IO_FAILED, what, advice)
        })
    }
}
