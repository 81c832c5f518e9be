//! The usual scene: an importer, some peers that have a model, and a folder for what comes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::companion::Companion;
use super::patience::until;
use super::running::Running;
use super::turn::Turn;

/// The model that a scene is about.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its length, about.
    pub bytes: &'static str,
    /// The length of its pieces.
    pub piece: &'static str,
    /// How pieces are proven.
    pub algorithm: &'static str,
}

impl Model {
    /// 2 MiB in 32 pieces.
    pub const SMALL: Self =
        Self { bytes: "2MiB", piece: "64KiB", algorithm: "fixed-size-merkle-v0" };
    /// 2 MiB in 128 pieces, for what happens midway.
    pub const FINE: Self = Self { piece: "16KiB", ..Self::SMALL };
}

/// An importer, peers that have the model, and a folder for what comes out.
#[derive(Debug)]
pub struct Scene {
    /// Who imports.
    pub importer: Companion,
    /// Who serves.
    pub peers: Vec<Companion>,
    /// How many pieces the model has.
    pub pieces: u64,
    /// How many bytes the model has.
    pub bytes: u64,
    folder: TempDir,
    // Given on when everything else is gone.
    _turn: Turn,
}

impl Scene {
    /// What the output's names start with.
    const STEM: &str = "tiny-1.0";
    /// The yes of somebody who agrees to everything.
    pub const YES: &str = "fetch,import,cache";

    /// Makes the model and lets so many peers prepare it; each is paired with the importer.
    #[track_caller]
    pub fn new(peers: usize, model: Model) -> Self {
        let scene = Self::of_strangers(peers, model);
        for peer in &scene.peers {
            peer.pairs_with(&scene.importer);
        }
        scene
    }

    /// Makes the model and lets so many peers prepare it; nobody is paired with anybody.
    #[track_caller]
    pub fn of_strangers(peers: usize, model: Model) -> Self {
        let turn = Turn::take();
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        fs::create_dir(place.join("out")).unwrap();
        let importer = Companion::new(place, "importer");
        let peers: Vec<Companion> =
            (0..peers).map(|number| Companion::new(place, &format!("peer-{number}"))).collect();
        importer.run(&["sample", "tiny.slm", "--bytes", model.bytes]).done();
        let mut measured = Value::Null;
        for (number, peer) in peers.iter().enumerate() {
            measured = if number == 0 {
                let names = ["--model-id", "tiny", "--model-version", "1.0"];
                let cut = ["--algorithm", model.algorithm, "--chunk-size", model.piece];
                peer.prepares("tiny.slm", &[names, cut].concat())
            } else {
                let words = ["share", "prepare", "tiny.slm", "--consent", "cache"];
                peer.run(&[&words[..], &["--manifest", "tiny.manifest"]].concat()).done()
            };
        }
        let count = |key: &str| measured[key].as_str().map_or(0, |text| text.parse().unwrap());
        let (pieces, bytes) = (count("chunking.chunk_count"), count("artifact.byte_count"));
        Self { importer, peers, pieces, bytes, folder, _turn: turn }
    }

    /// A path in the scene's folder, which every command is started in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that imports go to.
    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Changes a byte in the first piece of the model that a companion keeps.
    #[track_caller]
    pub fn rot(&self, keeper: &Companion) {
        self.rot_some(keeper, 1);
    }

    /// Changes a byte in each of the first so many pieces of 16 KiB that a companion keeps.
    #[track_caller]
    pub fn rot_some(&self, keeper: &Companion, pieces: usize) {
        let (kept, slm) = (keeper.kept_file(), fs::read(self.path("tiny.slm")).unwrap());
        let mut bytes = fs::read(&kept).unwrap();
        let starts = slm.chunks(16 << 10).map(|piece| &piece[..piece.len().min(64)]);
        let places = starts.filter_map(|it| bytes.windows(it.len()).position(|at| at == it));
        let places: Vec<usize> = places.take(pieces).collect();
        assert_eq!(places.len(), pieces, "so many pieces are kept");
        places.into_iter().for_each(|place| bytes[place] ^= 1);
        fs::write(kept, bytes).unwrap();
    }

    /// Starts a peer's server; gives it once it can be called and its offer is written.
    #[track_caller]
    pub fn serves(&self, number: usize, to: &str, more: &[&str]) -> Running {
        let offer = offer(number);
        let words = serve_words(to, &[&["--offer", &offer][..], more].concat());
        self.can_be_called(number, self.peers[number].start(&words))
    }

    /// Starts a peer's server once more, at the address that its offer says.
    #[track_caller]
    pub fn serves_again(&self, number: usize, to: &str, address: &str) -> Running {
        let words = serve_words(to, &["--listen", address]);
        self.can_be_called(number, self.peers[number].start(&words))
    }

    /// The same by a peer that may have so many files open at a time.
    #[cfg(unix)]
    #[track_caller]
    pub fn serves_with_few_files(&self, number: usize, to: &str, files: u32) -> Running {
        let offer = offer(number);
        let words = serve_words(to, &["--offer", &offer]);
        let server = self.peers[number].start_with_few_files(files, &words);
        self.can_be_called(number, server)
    }

    #[track_caller]
    fn can_be_called(&self, number: usize, mut server: Running) -> Running {
        server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));
        until("an offer is written", || self.path(&offer(number)).is_file().then_some(()));
        server
    }

    /// Starts every peer's server for the importer, and has the request written.
    #[track_caller]
    pub fn serve_all(&self, more: &[&str]) -> Vec<Running> {
        let serve = |number| self.serves(number, "importer", more);
        let servers = (0..self.peers.len()).map(serve).collect();
        self.request("request.json", &[]);
        servers
    }

    /// Has a request to every peer written, from their offers.
    #[track_caller]
    pub fn request(&self, name: &str, more: &[&str]) {
        let offers: Vec<String> = (0..self.peers.len()).map(offer).collect();
        let mut words = vec!["request", "new", "tiny.manifest", "--out", name];
        words.extend(offers.iter().map(String::as_str));
        words.extend(["--consent", "fetch"]);
        words.extend(more);
        self.importer.run(&words).done();
    }

    /// Starts the import.
    pub fn import(&self, more: &[&str]) -> Running {
        self.importer.start(&self.import_words(more))
    }

    /// What is typed to import. One whose peers are gone ends well before a scenario does.
    pub fn import_words<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["import-peer-request", "request.json", "tiny.manifest", "out"];
        if !more.iter().any(|word| ["--patience", "--wait"].contains(word)) {
            words.extend(["--patience", "15s"]);
        }
        words.extend(more);
        words
    }

    /// Checks that the artifact and its receipt, and nothing else, came out; gives the receipt.
    #[track_caller]
    pub fn came_out(&self) -> BTreeMap<String, String> {
        let artifact = format!("{}.slm", Self::STEM);
        let receipt = format!("{}.minimodel-receipt", Self::STEM);
        assert_eq!(files(&self.out()), [receipt.clone(), artifact.clone()]);
        let (artifact, receipt) = (self.out().join(artifact), self.out().join(receipt));
        let same = fs::read(&artifact).unwrap() == fs::read(self.path("tiny.slm")).unwrap();
        assert!(same, "what came out is not what was served");
        let named = (artifact.to_str().unwrap(), receipt.to_str().unwrap());
        let words = ["verify-receipt", named.1, "tiny.manifest", named.0];
        self.importer.run(&words).done();
        self.importer.run(&["verify-artifact", "tiny.manifest", named.0]).done();
        let receipt = super::lines(&receipt);
        self.adds_up(&receipt);
        receipt
    }

    /// Checks that nothing at all came out.
    #[track_caller]
    pub fn nothing_came_out(&self) {
        assert_eq!(files(&self.out()), [""; 0]);
    }

    /// Checks that what each peer gave and what was here already make the whole.
    #[track_caller]
    fn adds_up(&self, receipt: &BTreeMap<String, String>) {
        let number = |key: &str| receipt[key].parse::<u64>().unwrap();
        let ids: Vec<String> = self.peers.iter().map(Companion::id).collect();
        let (mut pieces, mut bytes) = (0, 0);
        for place in 0..number("transfer.peer_count") {
            assert!(ids.contains(&receipt[&format!("transfer.peer.{place}.id")]));
            pieces += number(&format!("transfer.peer.{place}.pieces"));
            bytes += number(&format!("transfer.peer.{place}.bytes"));
        }
        assert_eq!(pieces, number("transfer.pieces_fetched"));
        assert_eq!(bytes, number("transfer.bytes_fetched"));
        assert_eq!(pieces + number("transfer.pieces_local"), self.pieces);
        assert_eq!(bytes + number("transfer.bytes_local"), self.bytes);
    }
}

/// What is typed to serve.
fn serve_words<'a>(to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["share", "serve", "tiny", "--to", to];
    words.extend(["--consent", "serve", "--until-input-ends"]);
    if !more.contains(&"--listen") {
        words.extend(["--listen", "127.0.0.1:0"]);
    }
    words.extend(more);
    words
}

/// An address that nobody listens on.
pub fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// The name of a peer's offer file.
fn offer(number: usize) -> String {
    format!("peer-{number}.minimodel-offer")
}

/// The names of what lies in a folder, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// The grants of one act that an installation's user ever gave.
#[track_caller]
pub fn grants(companion: &Companion, act: &str) -> Vec<Value> {
    let consents = companion.run(&["consent", "list"]).done();
    let all = consents["grant"].as_array().unwrap();
    all.iter().filter(|grant| grant["act"] == act).cloned().collect()
}
