//! The `minimodel` program: wires the disk and the network to the commands.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use app::ports::Ports;
use cli::clock::SystemClock;
use cli::fault::{Fault, chain};
use cli::terminal::Terminal;
use cli::wiring::{Rates, Wiring};
use store::{Journal, Layout, OpenError, Outputs, Store};
use transfer::{Doorway, Identity, Limits, Swarm};
use verifier::Code;
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
    type Journal = Journal;
    type Outputs = Outputs;

    fn open(&self, data: &Path, rates: Rates) -> Result<Wired, Fault> {
        let store = Store::open(data, PROGRAM).map_err(|error| store_fault(data, &error))?;
        for notice in store.notices() {
            notify(notice);
        }
        let outputs = Outputs::new(Layout::new(data));
        let removed = outputs.recover().map_err(|error| {
            Fault::machine("cannot tidy up after an import that broke off", &error)
        })?;
        for path in removed {
            notify(&format!("removed {}, left by an import that broke off", path.display()));
        }
        let identity = Arc::new(identity(data)?);
        let limits = Arc::new(Limits::new());
        limits.set_upload(rates.upload.unwrap_or(0));
        limits.set_download(rates.download.unwrap_or(0));
        Ok(Wired {
            store: Arc::new(store),
            outputs: Arc::new(outputs),
            peers: Arc::new(Swarm::new(Arc::clone(&identity), Arc::clone(&limits))),
            listener: Arc::new(Doorway::new(identity, limits)),
            journal: self.journal(data)?,
            clock: SystemClock,
        })
    }

    fn journal(&self, data: &Path) -> Result<Arc<Journal>, Fault> {
        Journal::open(&Layout::new(data)).map(Arc::new).map_err(|error| Fault::blamed(&error))
    }

    fn identity(&self, data: &Path) -> Result<SigningKey, Fault> {
        let identity = identity(data)?;
        Ok(SigningKey::from_seed(*identity.signing_key().seed()))
    }

    fn outputs(&self, data: &Path) -> Arc<Outputs> {
        Arc::new(Outputs::new(Layout::new(data)))
    }
}

/// Tells people of something that was put right by itself.
fn notify(text: &str) {
    // A closed standard error is no reason to stop.
    let _ok = writeln!(std::io::stderr(), "minimodel: {text}");
}

fn identity(data: &Path) -> Result<Identity, Fault> {
    let layout = Layout::new(data);
    layout.create().map_err(|error| folder_fault(data, &error))?;
    Identity::load_or_create(&layout.identity_key()).map_err(|error| {
        let advice = "Check that file: this installation's key must be readable by you alone. Without \
                      it, pair anew.";
        Fault::new(Code::new("io", "failed"), "identity.key", chain(&error), advice)
    })
}

fn store_fault(data: &Path, error: &OpenError) -> Fault {
    match error {
        OpenError::Lock(error) => {
            let advice = format!(
                "Close that program, or wait until it is done; or use another library with \
                 --data-dir. This one is {}.",
                data.display()
            );
            Fault::new(Code::new("io", "failed"), "data-dir", chain(error), advice)
        }
        other => folder_fault(data, other),
    }
}

fn folder_fault(data: &Path, error: &(dyn std::error::Error + 'static)) -> Fault {
    let advice = format!(
        "Check that {} is a folder you can write to and that its disk has room, or name another \
         with --data-dir DIR.",
        data.display()
    );
    Fault::new(Code::new("io", "failed"), "data-dir", chain(error), advice)
}

/// The ports over disk and network.
struct Wired {
    store: Arc<Store>,
    outputs: Arc<Outputs>,
    peers: Arc<Swarm>,
    listener: Arc<Doorway>,
    journal: Arc<Journal>,
    clock: SystemClock,
}

impl Ports for Wired {
    type Store = Store;
    type Outputs = Outputs;
    type Peers = Swarm;
    type Listener = Doorway;
    type Journal = Journal;
    type Clock = SystemClock;

    fn store(&self) -> &Arc<Store> {
        &self.store
    }

    fn outputs(&self) -> &Arc<Outputs> {
        &self.outputs
    }

    fn peers(&self) -> &Arc<Swarm> {
        &self.peers
    }

    fn listener(&self) -> &Arc<Doorway> {
        &self.listener
    }

    fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    fn clock(&self) -> &SystemClock {
        &self.clock
    }
}
