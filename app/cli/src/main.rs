//! The `minimodel` program: wires the disk and the network to the commands.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use app::clock::SystemClock;
use app::descriptors::Room;
use app::ports::{Bundle, KnownPeer, Offline};
use app::problem::Problem;
use app::settings::Settings;
use cli::fault::Fault;
use cli::terminal::Terminal;
use cli::wiring::Wiring;
use store::{Disk, Journal, Layout, OpenError, Outputs, SettingsFileError, Store};
use transfer::{Identity, Limits, Swarm, TlsListener};
use verifier::identity::SigningKey;

/// What another process is told of who has the store open.
const PROGRAM: &str = "minimodel";
/// How long the program waits at its end until what it left half written is removed.
const TIDYING: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut terminal = Terminal::system();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::run::run(
                std::env::args_os(),
                &DiskAndNetwork,
                &mut terminal,
            ));
            // What was being written is tidied up on threads that have to come to their end; a
            // blocked read or write must not keep the program from ending.
            runtime.shutdown_timeout(TIDYING);
            exit
        }
        Err(error) => {
            terminal.say(&format!("minimodel: cannot start: {error}"));
            cli::fault::Exit::Io
        }
    };
    ExitCode::from(exit.number())
}

/// The real disk and the real network.
struct DiskAndNetwork;

impl Wiring for DiskAndNetwork {
    type Ports = Wired;
    type Library = Unwired;
    type Journal = Journal;
    type Outputs = Outputs;

    fn has_library(&self, data: &Path) -> Result<bool, Fault> {
        let found = Layout::new(data).has_library();
        found.map_err(|error| Fault::blamed(&OpenError::from(error)))
    }

    fn library(&self, data: &Path) -> Result<Unwired, Fault> {
        let disk = disk(data)?;
        Ok(Bundle {
            store: disk.store,
            outputs: disk.outputs,
            peers: Arc::new(Offline),
            listener: Arc::new(Offline),
            journal: disk.journal,
            clock: SystemClock,
        })
    }

    fn room_in_new(&self, data: &Path, bytes: u64) -> Result<(), Fault> {
        store::room_in_new(&Layout::new(data), bytes).map_err(|error| Fault::blamed(&error))
    }

    fn open(&self, data: &Path, key: &SigningKey, settings: &Settings) -> Result<Wired, Fault> {
        let disk = disk(data)?;
        let identity = Arc::new(Identity::from_key(SigningKey::from_seed(*key.seed())));
        let limits = Arc::new(Limits::new());
        limits.set_upload(settings.upload_limit);
        limits.set_peer(settings.peer_limit);
        limits.set_download(settings.download_limit);
        let room = Room::look(settings.connections);
        if let Some(note) = room.note() {
            notify(&note);
        }
        limits.set_connections(room.connections);
        limits.set_handshakes(room.handshakes);
        Ok(Bundle {
            store: disk.store,
            outputs: disk.outputs,
            peers: Arc::new(Swarm::new(Arc::clone(&identity), Arc::clone(&limits))),
            listener: Arc::new(TlsListener::new(identity, limits)),
            journal: disk.journal,
            clock: SystemClock,
        })
    }

    fn settings(&self, data: &Path) -> Result<Settings, Problem> {
        let layout = Layout::new(data);
        store::load_settings(&layout)
            .map_err(|error| not_used(&layout, "cannot read the settings", error))
    }

    fn change_settings(
        &self,
        data: &Path,
        change: impl FnOnce(&Settings) -> Settings,
    ) -> Result<Settings, Problem> {
        let layout = Layout::new(data);
        store::change_settings(&layout, change)
            .map_err(|error| not_used(&layout, "the settings are not kept", error))
    }

    fn journal(&self, data: &Path) -> Result<Arc<Journal>, Problem> {
        Journal::open(&Layout::new(data)).map(Arc::new).map_err(|error| Problem::blamed(&error))
    }

    fn identity(&self, data: &Path) -> Result<Option<SigningKey>, Fault> {
        let found = Identity::load_if_there(&Layout::new(data).identity_key());
        Ok(found.map_err(|error| Fault::blamed(&error))?.map(key))
    }

    fn draw_identity(&self) -> Result<SigningKey, Fault> {
        Identity::draw().map(key).map_err(|error| Fault::blamed(&error))
    }

    fn keep_identity(&self, data: &Path, key: &SigningKey) -> Result<(), Fault> {
        let layout = Layout::new(data);
        layout.create_root().map_err(|error| Fault::blamed(&OpenError::from(error)))?;
        let identity = Identity::from_key(SigningKey::from_seed(*key.seed()));
        identity.keep(&layout.identity_key()).map_err(|error| Fault::blamed(&error))
    }

    fn peers(&self, data: &Path) -> Result<Vec<KnownPeer>, Problem> {
        store::known_peers(&Layout::new(data))
            .map_err(|error| Problem::blamed(&OpenError::from(error)))
    }

    fn outputs(&self, data: &Path) -> Arc<Outputs> {
        Arc::new(Outputs::without_library(Layout::new(data)))
    }
}

/// Why the settings are not used; a file that is wrong is for the user to correct.
fn not_used(layout: &Layout, what: &str, error: SettingsFileError) -> Problem {
    match error {
        SettingsFileError::Settings(error) => Problem::coded_in(&layout.settings(), &error),
        _ => Problem::machine(what, &error),
    }
}

/// Tells people of something that was put right by itself.
fn notify(text: &str) {
    // A closed standard error is no reason to stop.
    let _ok = writeln!(std::io::stderr(), "minimodel: {text}");
}

fn key(identity: Identity) -> SigningKey {
    SigningKey::from_seed(*identity.signing_key().seed())
}

fn disk(data: &Path) -> Result<Disk, Fault> {
    let disk = Disk::open(data, PROGRAM).map_err(|error| Fault::blamed(&error))?;
    for notice in &disk.notices {
        notify(notice);
    }
    Ok(disk)
}

/// The ports over disk and network.
type Wired = Bundle<Store, Outputs, Swarm, TlsListener, Journal, SystemClock>;

/// The ports over the disk alone.
type Unwired = Bundle<Store, Outputs, Offline, Offline, Journal, SystemClock>;
