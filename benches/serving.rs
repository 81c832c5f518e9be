//! A peer that serves an artifact from memory, in this process or in one of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use app::ports::{Listener as _, Opened, Provider, PullSource, Refusal, ServeNews};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use transfer::{Identity, Limits, TlsListener};
use verifier::boundary::PeerAddress;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::PieceList;
use verifier::scalars::Label;
use verifier::{Bitfield, ChunkAlgorithm, PieceIndex, Sha256};

/// The seed of whoever imports.
pub const IMPORTER: u8 = 0;

/// The key that goes with a seed.
pub fn identity(seed: u8) -> Arc<Identity> {
    Arc::new(Identity::from_key(SigningKey::from_seed([seed; 32])))
}

/// Some bytes and their piece list, the same for the same lengths.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The bytes.
    pub bytes: Bytes,
    /// What it is asked for by.
    pub sha256: Sha256,
    /// Its pieces.
    pub list: Arc<PieceList>,
}

impl Artifact {
    /// Makes bytes of which no two pieces are alike.
    ///
    /// # Panics
    ///
    /// If there is no such geometry.
    pub fn new(length: usize, piece_size: u32) -> Self {
        const PAGE: usize = 4 << 10;
        let mut bytes = vec![0x5a; length];
        for (number, page) in (0_u64..).zip(bytes.chunks_mut(PAGE)) {
            let stamp = number.to_le_bytes();
            let room = stamp.len().min(page.len());
            page[..room].copy_from_slice(&stamp[..room]);
        }
        let list = super::list(ChunkAlgorithm::FixedSizeMerkleV0, &bytes, piece_size);
        // A name of its own is enough; the bytes are proven by the list.
        let sha256 = Sha256::from_bytes(*list.root().as_bytes());
        Self { bytes: bytes.into(), sha256, list: Arc::new(list) }
    }

    fn piece(&self, index: PieceIndex) -> Bytes {
        let geometry = self.list.geometry();
        let start = usize::try_from(geometry.offset(index)).expect("the artifact is in memory");
        self.bytes.slice(start..start + geometry.length(index) as usize)
    }
}

/// A provider with one artifact.
#[derive(Debug)]
struct Memory {
    artifact: Artifact,
    granted: AtomicBool,
}

impl Provider for Memory {
    fn knows(&self, peer: PeerId) -> bool {
        peer == identity(IMPORTER).peer_id()
    }

    async fn label(&self, peer: PeerId) -> Option<Label> {
        self.knows(peer).then(|| label(IMPORTER))
    }

    async fn open(&self, peer: PeerId, artifact: Sha256) -> Option<Opened> {
        self.grants(peer, artifact).then(|| Opened {
            list: Arc::clone(&self.artifact.list),
            have: Bitfield::full(self.artifact.list.geometry().piece_count()),
        })
    }

    fn grants(&self, _: PeerId, artifact: Sha256) -> bool {
        self.granted.load(Ordering::Relaxed) && artifact == self.artifact.sha256
    }

    async fn piece(
        &self,
        peer: PeerId,
        artifact: Sha256,
        index: PieceIndex,
    ) -> Result<Bytes, Refusal> {
        match self.grants(peer, artifact) {
            true => Ok(self.artifact.piece(index)),
            false => Err(Refusal::NotServed),
        }
    }
}

fn label(seed: u8) -> Label {
    Label::parse(&format!("peer-{seed}")).expect("it is a label")
}

/// How a peer is called that has the whole artifact.
pub fn source(seed: u8, address: SocketAddr, artifact: &Artifact) -> PullSource {
    let address = PeerAddress::from_socket(address.ip(), address.port());
    PullSource {
        id: identity(seed).peer_id(),
        label: label(seed),
        addresses: vec![address.expect("loopback may be called")],
        offered: Bitfield::full(artifact.list.geometry().piece_count()),
    }
}

/// A peer in this process; it hangs up when it is dropped.
#[derive(Debug)]
pub struct Serving {
    /// Where it can be called.
    pub address: SocketAddr,
    provider: Arc<Memory>,
    sent: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Serving {
    /// Starts to serve the artifact on a port that the system picks.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub async fn start(seed: u8, artifact: Artifact) -> Self {
        let provider = Arc::new(Memory { artifact, granted: AtomicBool::new(true) });
        let sent = Arc::new(AtomicU64::new(0));
        // Hardly anything waits to be counted, so that what was counted is what was sent.
        let (news, mut heard) = mpsc::channel(1);
        let listener = TlsListener::new(identity(seed), Arc::new(Limits::new()));
        let listening =
            listener.listen(([127, 0, 0, 1], 0).into(), Arc::clone(&provider), news).await;
        let listening = listening.expect("there is a port");
        let mut tasks = JoinSet::new();
        let count = Arc::clone(&sent);
        tasks.spawn(async move {
            while let Some(news) = heard.recv().await {
                if let ServeNews::Sent { bytes, .. } = news {
                    count.fetch_add(bytes, Ordering::Relaxed);
                }
            }
        });
        tasks.spawn(async move { listening.sessions.await.expect("it goes on listening") });
        Self { address: listening.address, provider, sent, _tasks: tasks }
    }

    /// How many bytes of pieces it has sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Takes back what was granted.
    pub fn revoke(&self) {
        self.provider.granted.store(false, Ordering::Relaxed);
    }
}

/// The word by which a benchmark's program is started as a peer.
const SERVE: &str = "serve-from-memory";

/// A peer in a process of its own; it is ended when it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it can be called.
    pub address: SocketAddr,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// Becomes a peer and does not return if this process was started as one; to be called first
    /// in `main` of whatever starts any.
    ///
    /// # Panics
    ///
    /// If whoever started it is gone.
    pub fn run_if_started_as_one() {
        let words: Vec<String> = std::env::args().collect();
        let [_, SERVE, seed, length, piece_size] =
            &words.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            return;
        };
        let number = |word: &str| word.parse::<u32>().expect("it is a number");
        let artifact = Artifact::new(number(length) as usize, number(piece_size));
        let seed = u8::try_from(number(seed)).expect("it is a seed");
        let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
        let serving = runtime.block_on(Serving::start(seed, artifact));
        println!("{}", serving.address);
        for _ in std::io::stdin().lines() {
            println!("{} {}", serving.sent(), super::cpu().as_micros());
        }
        std::process::exit(0);
    }

    /// Starts a peer with an artifact of these lengths.
    ///
    /// # Panics
    ///
    /// If no process can be started.
    pub fn start(seed: u8, length: usize, piece_size: u32) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this is a program"))
            .args([SERVE, &seed.to_string(), &length.to_string(), &piece_size.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process can be started");
        let input = child.stdin.take().expect("it is piped");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let address = line(&mut output).parse().expect("it is an address");
        Self { address, child, input, output }
    }

    /// How many bytes of pieces it has sent, and how much processor time it has used.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn spent(&mut self) -> (u64, Duration) {
        writeln!(self.input).expect("it listens");
        let said = line(&mut self.output);
        let mut numbers = said.split(' ').map(|word| word.parse().expect("it is a number"));
        let mut number = || numbers.next().expect("it says two numbers");
        (number(), Duration::from_micros(number()))
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut said = String::new();
    output.read_line(&mut said).expect("it speaks");
    said.trim_end().to_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}
