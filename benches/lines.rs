//! How much of two lines an import uses: its bytes, beside what both carry in the time that it takes.
//!
//! `cargo bench -p benches --bench lines -- --rounds 5`. The peers are processes of their own; what
//! a line is, `benches::line` says. A plain connection over one such line, which asks with one byte for
//! all, shows how true the lines are.

use std::time::{Duration, Instant};

use benches::line::{Line, Shape};
use benches::pulling::{self, Then};
use benches::serving::{Artifact, Server, source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PIECE: u32 = 256 << 10;
const ROUNDS: usize = 5;

/// What is imported, and over which two lines.
struct Row {
    name: &'static str,
    length: usize,
    shapes: [Shape; 2],
}

const ROWS: [Row; 3] = [
    Row {
        name: "64 MiB, 100 Mbit/s at 10 and 100 ms",
        length: 64 << 20,
        shapes: [Shape::new(100, 10), Shape::new(100, 100)],
    },
    Row {
        name: "64 MiB, 100 Mbit/s at 200 and 200 ms",
        length: 64 << 20,
        shapes: [Shape::new(100, 200), Shape::new(100, 200)],
    },
    Row {
        name: "16 MiB, 50 Mbit/s at 60 and 60 ms",
        length: 16 << 20,
        shapes: [Shape::new(50, 60), Shape::new(50, 60)],
    },
];

fn main() {
    Server::run_if_started_as_one();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    for (megabits, round_trip) in [(100, 10), (100, 100), (100, 200), (50, 60)] {
        let (first, rate) = runtime.block_on(plain(Shape::new(megabits, round_trip)));
        let (megabits, rate) = (megabits as f64, rate * 8.0 / 1e6);
        println!(
            "plain connection, {megabits} Mbit/s at {round_trip} ms: first byte after {first:?}, then {rate:.1} Mbit/s"
        );
    }
    let mut runs: Vec<Run> = ROWS.iter().map(Run::new).collect();
    for _ in 0..benches::rounds(ROUNDS) {
        for run in &mut runs {
            runtime.block_on(run.round());
        }
    }
    for run in &runs {
        run.tell();
    }
}

/// When the first byte comes over a plain connection, and at how many bytes a second the others do.
async fn plain(shape: Shape) -> (Duration, f64) {
    const LENGTH: usize = 16 << 20;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a port");
    let line = Line::to(listener.local_addr().expect("it is bound"), shape);
    let (said, mut bytes) = (vec![7; LENGTH], vec![7; LENGTH]);
    let answer = async {
        let (mut stream, _) = listener.accept().await.expect("it is called");
        stream.read_u8().await.expect("it is asked");
        stream.write_all(&said).await.expect("it is heard");
    };
    let ask = async {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(line.address()).await.expect("it is answered");
        stream.write_u8(1).await.expect("it is heard");
        stream.read_exact(&mut bytes[..1]).await.expect("it is answered");
        let first = begun.elapsed();
        stream.read_exact(&mut bytes[1..]).await.expect("it is answered");
        (first, LENGTH as f64 / (begun.elapsed() - first).as_secs_f64())
    };
    tokio::join!(answer, ask).1
}

/// The peers of a row, and what came of it so far.
struct Run<'a> {
    row: &'a Row,
    artifact: Artifact,
    servers: [Server; 2],
    shares: Vec<f64>,
    /// Pieces' worth of bytes that were sent beyond one of each.
    waste: Vec<f64>,
}

impl<'a> Run<'a> {
    fn new(row: &'a Row) -> Self {
        let artifact = Artifact::new(row.length, PIECE);
        let servers = [1, 2].map(|seed| Server::start(seed, row.length, PIECE));
        Self { row, artifact, servers, shares: Vec::new(), waste: Vec::new() }
    }

    async fn round(&mut self) {
        let mut lines = self.servers.iter().zip(self.row.shapes);
        let lines = [1, 2].map(|seed| {
            let (server, shape) = lines.next().expect("there is a line for each");
            (seed, Line::to(server.address, shape))
        });
        let sent = self.sent();
        let sources =
            lines.iter().map(|(seed, line)| source(*seed, line.address(), &self.artifact));
        let cost = pulling::pull(&self.artifact, sources.collect(), |_| Then::GoOn).await;
        // What is still on its way when the last piece has come is counted too.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let waste = self.sent() - sent - self.row.length as u64;
        let both: u64 = self.row.shapes.iter().map(|shape| shape.rate).sum();
        self.shares.push(self.row.length as f64 / (cost.time.as_secs_f64() * both as f64));
        self.waste.push(waste as f64 / f64::from(PIECE));
    }

    fn sent(&mut self) -> u64 {
        self.servers.iter_mut().map(|server| server.spent().0).sum()
    }

    fn tell(&self) {
        let Self { row, shares, waste, .. } = self;
        println!("{}: {:.3} of both lines {shares:.3?}", row.name, benches::median(shares));
        println!("  sent in vain: {:.1} pieces {waste:.1?}", benches::median(waste));
    }
}
