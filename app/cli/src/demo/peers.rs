//! The demo's peers: processes of this same program, each with its own key and library.

use std::ffi::OsStr;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::input;
use app::pairing::DEFAULT_PORT;
use app::quantity::Limit;
use serde_json::Value;
use tokio::process::Child;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, SigningKey, pair_code};
use verifier::request::{Offer, Ticket, TicketTerms};
use verifier::scalars::{Label, UtcTime};

use super::place::Place;
use super::program::{Program, text, trouble};
use super::step;
use crate::args::LIAR;
use crate::fault::Fault;
use crate::import::count;
use crate::terminal::Terminal;

/// How many peers are prepared at once: each hashes and writes the whole model.
const AT_ONCE: usize = 2;
/// How long a peer may take until it can be called.
const READY_WAIT: Duration = Duration::from_secs(60);
/// How often it is looked whether it can.
const READY_CHECK: Duration = Duration::from_millis(20);
/// How long the demo's tickets and grants hold, in seconds.
const SPAN: u64 = 3_600;
/// Models over this size need more than the default quota, in bytes.
const DEFAULT_QUOTA_FITS: u64 = 1_800 << 20;

/// A peer that serves.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) label: String,
    pub(super) lies: bool,
    pub(super) killed: bool,
    offer: PathBuf,
    address: PeerAddress,
    /// The serving process. It is killed when this is dropped, and ends by itself when its
    /// standard input does.
    process: Child,
}

/// Somebody whom the peers let in and serve.
#[derive(Debug, Clone)]
pub(super) struct Invited {
    pub(super) label: String,
    pub(super) ticket: String,
}

impl Invited {
    /// The importer that runs in this process. It takes no calls, but a ticket has to name a place.
    pub(super) fn here(key: &SigningKey, now: UtcTime) -> Result<Self, Fault> {
        let name = "importer";
        let label = Label::parse(name);
        let address = PeerAddress::parse(&format!("mmp://127.0.0.1:{DEFAULT_PORT}"));
        let terms = TicketTerms {
            label: label.map_err(|error| Fault::machine("cannot invite", &error))?,
            addresses: vec![address.map_err(|error| Fault::coded(&error))?],
            issued: now,
            expires: now.plus(SPAN),
        };
        let ticket = Ticket::sign(&terms, key).map_err(|error| Fault::coded(&error))?;
        Ok(Self { label: name.to_owned(), ticket })
    }
}

impl Peer {
    /// Where its offer lies.
    pub(super) fn offer(&self) -> &Path {
        &self.offer
    }

    /// Its ticket.
    pub(super) async fn ticket(&self, program: &Program, data: &Path) -> Result<String, Fault> {
        let address = self.address.to_string();
        let words = ["peer", "invite", "--address", &address, "--label", &self.label];
        let answer = program.run(data, &words.map(OsStr::new)).await?;
        text(&answer, "ticket").map(str::to_owned)
    }

    /// Lets it stop; gives what it answers with.
    pub(super) async fn stop(mut self) -> Result<Value, Fault> {
        drop(self.process.stdin.take());
        answer(self.process, &self.label).await
    }

    /// Kills the process, as a machine that loses power would.
    pub(super) fn kill(&mut self) {
        self.killed = self.process.start_kill().is_ok();
    }
}

/// Everything the peers are made from.
pub(super) struct Setup<'a> {
    pub(super) program: &'a Program,
    pub(super) place: &'a Place,
    pub(super) model: &'a Path,
    pub(super) bytes: u64,
    pub(super) invited: Vec<Invited>,
    pub(super) count: u8,
    /// The most bytes a second that each of them sends.
    pub(super) upload_limit: Limit,
    /// Makes the last peer lie in every Nth piece.
    pub(super) lie_every: Option<NonZeroU32>,
}

impl Setup<'_> {
    /// Prepares the peers and starts them; each can be called when this returns.
    pub(super) async fn prepare(&self, terminal: &mut Terminal) -> Result<Vec<Peer>, Fault> {
        let started = Instant::now();
        let at_once = Arc::new(Semaphore::new(AT_ONCE));
        let mut preparing = JoinSet::new();
        // The first one makes the manifest, which the others use.
        let mut peers = vec![self.plan(0)?.start(Arc::clone(&at_once)).await?];
        for number in 1..self.count {
            let plan = self.plan(number)?;
            preparing.spawn(plan.start(Arc::clone(&at_once)));
        }
        while let Some(peer) = preparing.join_next().await {
            let peer = peer.map_err(|error| Fault::machine("cannot prepare a peer", &error))?;
            peers.push(peer?);
        }
        peers.sort_by(|a, b| a.label.cmp(&b.label));
        let serving = count(peers.len() as u64, "serving peer");
        step(terminal, &format!("2. Prepared and started {serving}"), started);
        for peer in &peers {
            let note = if peer.lies { "  (will lie)" } else { "" };
            terminal.say(&format!("   {:<8} {}  {}{note}", peer.label, peer.address, peer.id));
        }
        Ok(peers)
    }

    /// Pairs the importer with the peers and makes the request; returns where it lies.
    pub(super) async fn request(
        &self,
        peers: &[Peer],
        importer: &SigningKey,
        terminal: &mut Terminal,
    ) -> Result<PathBuf, Fault> {
        let started = Instant::now();
        let data = self.place.importer()?;
        for (number, peer) in (0..).zip(peers) {
            let ticket = peer.ticket(self.program, &self.place.peer(number)?).await?;
            let code = pair_code(&importer.public_key(), &peer.id.public_key());
            let words = ["peer", "add", &ticket, "--expect-code", &code];
            self.program.run(&data, &words.map(OsStr::new)).await?;
        }
        raise_quota(self.program, &data, self.bytes).await?;
        let (manifest, request) = (self.place.manifest(), self.place.request());
        let mut words = vec![OsStr::new("request"), OsStr::new("new"), manifest.as_os_str()];
        words.extend(peers.iter().map(|peer| peer.offer.as_os_str()));
        words.extend([OsStr::new("--out"), request.as_os_str()]);
        words.extend(["--consent", "fetch"].map(OsStr::new));
        self.program.run(&data, &words).await?;
        step(terminal, "3. Paired with each of them and made an import request", started);
        Ok(request)
    }

    fn plan(&self, number: u8) -> Result<Planned, Fault> {
        let lies = self.lie_every.filter(|_| number + 1 == self.count);
        Ok(Planned {
            program: self.program.clone(),
            label: format!("peer-{number}"),
            data: self.place.peer(number)?,
            model: self.model.to_owned(),
            bytes: self.bytes,
            manifest: self.place.manifest(),
            makes_manifest: number == 0,
            offer: self.place.offer(number),
            log: self.place.log(number),
            invited: self.invited.clone(),
            upload_limit: self.upload_limit,
            lies,
        })
    }
}

/// Makes room for a large model.
pub(super) async fn raise_quota(program: &Program, data: &Path, bytes: u64) -> Result<(), Fault> {
    if bytes > DEFAULT_QUOTA_FITS {
        let quota = bytes.saturating_mul(5).div_ceil(2).to_string();
        program.run(data, &["library", "quota", &quota].map(OsStr::new)).await?;
    }
    Ok(())
}

/// A peer that is still to be started.
struct Planned {
    program: Program,
    label: String,
    data: PathBuf,
    model: PathBuf,
    bytes: u64,
    manifest: PathBuf,
    makes_manifest: bool,
    offer: PathBuf,
    log: PathBuf,
    invited: Vec<Invited>,
    upload_limit: Limit,
    lies: Option<NonZeroU32>,
}

impl Planned {
    async fn start(self, at_once: Arc<Semaphore>) -> Result<Peer, Fault> {
        let turn = at_once.acquire().await;
        let _turn = turn.map_err(|error| Fault::machine("cannot prepare a peer", &error))?;
        raise_quota(&self.program, &self.data, self.bytes).await?;
        let word = OsStr::new;
        let mut words = vec![word("share"), word("prepare"), self.model.as_os_str()];
        let names =
            ["--model-version", "1.0", "--publisher", "demo", "--display-name", "Demo model"];
        let routes = ["--license-route", "/demo/license.md", "--model-card-route", "/demo/card.md"];
        if self.makes_manifest {
            words.extend(names.map(word).into_iter().chain(routes.map(word)));
            words.extend([word("--out"), self.manifest.as_os_str()]);
        } else {
            words.extend([word("--manifest"), self.manifest.as_os_str()]);
        }
        words.extend([word("--consent"), word("cache")]);
        let answer = self.program.run(&self.data, &words).await?;
        let model = text(&answer, "artifact.sha256")?.to_owned();
        for invited in &self.invited {
            let words = ["peer", "add", &invited.ticket, "--yes"];
            self.program.run(&self.data, &words.map(OsStr::new)).await?;
        }
        self.serve(&model).await
    }

    async fn serve(self, model: &str) -> Result<Peer, Fault> {
        let word = OsStr::new;
        let span = format!("{SPAN}s");
        let limit = self.bytes.saturating_mul(4).to_string();
        let every = self.lies.map(|every| every.to_string());
        let mut words = match &every {
            None => vec![word("share"), word("serve")],
            Some(every) => vec![word(LIAR), word("--every"), word(every)],
        };
        words.extend([word(model), word("--offer"), self.offer.as_os_str()]);
        words.extend(["--listen", "127.0.0.1:0", "--for", &span].map(word));
        let upload = self.upload_limit.to_string();
        words.extend(["--upload-limit", &upload].map(word));
        words.extend(self.invited.iter().flat_map(|invited| ["--to", &invited.label].map(word)));
        words.extend(["--bytes", &limit, "--consent", "serve", "--until-input-ends"].map(word));
        let log = File::create(&self.log).map_err(|error| Fault::io("write", &self.log, &error))?;
        let mut process = self
            .program
            .command(&self.data, &words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| Fault::io("start", &self.program.path, &error))?;
        self.wait_until_ready(&mut process).await?;
        let bytes = input::read(&self.offer, input::OFFER)?;
        let offer = Offer::parse(&bytes).map_err(|error| Fault::coded_in(&self.offer, &error))?;
        let address = offer.addresses().first().cloned();
        Ok(Peer {
            id: offer.peer_id(),
            label: self.label,
            lies: self.lies.is_some(),
            killed: false,
            offer: self.offer,
            address: address.ok_or_else(|| trouble("an offer names no address"))?,
            process,
        })
    }

    /// Waits for the offer, which is written once the peer can be called.
    async fn wait_until_ready(&self, process: &mut Child) -> Result<(), Fault> {
        let started = Instant::now();
        loop {
            if self.offer.is_file() {
                return Ok(());
            }
            let ended =
                process.try_wait().map_err(|error| Fault::machine("a peer is lost", &error))?;
            if ended.is_some() || started.elapsed() > READY_WAIT {
                let said = input::read(&self.log, 4_096).unwrap_or_default();
                let said = String::from_utf8_lossy(&said);
                let why = if ended.is_some() { "ended" } else { "does not get ready" };
                return Err(trouble(&format!("{} {why}: {}", self.label, said.trim())));
            }
            tokio::time::sleep(READY_CHECK).await;
        }
    }
}

/// Waits until a process has ended by itself; gives what it answers with.
pub(super) async fn answer(process: Child, label: &str) -> Result<Value, Fault> {
    let output = process
        .wait_with_output()
        .await
        .map_err(|error| Fault::machine("a process of the demo is lost", &error))?;
    let answer = serde_json::from_slice(&output.stdout);
    match answer {
        Ok(answer) if output.status.success() => Ok(answer),
        _ => Err(trouble(&format!("{label} failed: {}", String::from_utf8_lossy(&output.stdout)))),
    }
}
