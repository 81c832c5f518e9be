//! Several importers of one source, each in the others' requests, that serve each other what they
//! have.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use app::input;
use app::quantity::{Limit, Size};
use serde_json::{Value, json};
use tokio::process::Child;
use verifier::manifest::Options;

use super::peers::{Invited, Peer, Setup, answer, raise_quota};
use super::place::Place;
use super::program::{Program, text, trouble};
use super::report::rounded;
use super::{Model, make_model, step};
use crate::args::DemoArgs;
use crate::fault::Fault;
use crate::outcome::{Outcome, printable};
use crate::session::Session;
use crate::terminal::Terminal;
use crate::verify::check_receipt;
use crate::wiring::Wiring;

/// How much longer than one importer all of them are to take, at most, where the source is the
/// limit.
const RATIO_GOAL: f64 = 1.8;
/// How many models' worth of bytes the source is to send, at most.
const SENT_GOAL: f64 = 2.5;
/// Fewer pieces than this for each importer are too few to share.
const FEW: u32 = 2;
/// What takes one importer less than this, in seconds, is judged by how programs start.
const SHORT: f64 = 4.0;
/// How often it is looked whether they are done.
const GLANCE: Duration = Duration::from_millis(10);
/// The end of a receipt's name.
const RECEIPT: &str = "minimodel-receipt";

/// Plays it.
///
/// # Errors
///
/// [`Fault`] unless everything checked out.
pub(super) async fn play<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &DemoArgs,
    count: u8,
    place: &Place,
) -> Result<Outcome, Fault> {
    let program = Program::this()?;
    let model = make_model(session.terminal, args, place).await?;
    let mut importers = Vec::new();
    for number in 0..count {
        importers.push(Importer::invite(&program, place, number).await?);
    }
    let setup = Setup {
        program: &program,
        place,
        model: &model.path,
        bytes: model.bytes,
        invited: importers.iter().map(|importer| importer.invited.clone()).collect(),
        count: 1,
        upload_limit: args.source_limit,
        lie_every: None,
    };
    let source = setup.prepare(session.terminal).await?.pop();
    let source = source.ok_or_else(|| trouble("there is no source"))?;
    let started = Instant::now();
    let circle = Circle { program: &program, place, importers: &importers, model: &model };
    circle.meet(&source).await?;
    let what =
        format!("3. Paired all of them, and made {count} requests to the source and each other");
    step(session.terminal, &what, started);

    let rate = match args.source_limit {
        Limit(0) => "as much as it can".to_owned(),
        Limit(bytes) => format!("{}/s at most", Size(bytes)),
    };
    session.terminal.say(&format!(
        "4. {count} importers at once; the source sends {rate}. The demo says yes in their place."
    ));
    let began = Instant::now();
    let mut running = circle.start()?;
    let times = circle.wait(&mut running, began).await?;
    let mut answers = Vec::new();
    for (importer, mut process) in importers.iter().zip(running) {
        drop(process.stdin.take());
        answers.push(answer(process, &importer.invited.label).await?);
    }
    let id = source.id.to_string();
    let sent = taken(&source.stop().await?, "peer");
    let done = Done { circle: &circle, times: &times, answers: &answers, source: &id, sent };
    done.tell(session.terminal, args.source_limit)
}

/// One importer, which takes calls too.
struct Importer {
    number: u8,
    invited: Invited,
    data: PathBuf,
    port: u16,
}

impl Importer {
    async fn invite(program: &Program, place: &Place, number: u8) -> Result<Self, Fault> {
        // Requests name it before it takes calls. The system does not soon give a port again that
        // it picked.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| Fault::machine("cannot find a free port", &error))?
            .port();
        let (label, data) = (format!("importer-{number}"), place.importer_of(number)?);
        let address = format!("mmp://127.0.0.1:{port}");
        let words = ["peer", "invite", "--address", &address, "--label", &label];
        let answer = program.run(&data, &words.map(OsStr::new)).await?;
        let ticket = text(&answer, "ticket")?.to_owned();
        Ok(Self { number, invited: Invited { label, ticket }, data, port })
    }
}

/// All importers.
struct Circle<'a> {
    program: &'a Program,
    place: &'a Place,
    importers: &'a [Importer],
    model: &'a Model,
}

impl Circle<'_> {
    /// Pairs each with the source and all others, and makes their requests.
    async fn meet(&self, source: &Peer) -> Result<(), Fault> {
        let ticket = source.ticket(self.program, &self.place.peer(0)?).await?;
        let word = OsStr::new;
        let manifest = self.place.manifest();
        for importer in self.importers {
            let others = self.others(importer).map(|other| &other.invited.ticket);
            for ticket in std::iter::once(&ticket).chain(others) {
                let words = ["peer", "add", ticket, "--yes"];
                self.program.run(&importer.data, &words.map(word)).await?;
            }
            raise_quota(self.program, &importer.data, self.model.bytes).await?;
            let address = format!("mmp://127.0.0.1:{}", importer.port);
            let offer = self.place.file_of(importer.number, "minimodel-offer");
            let mut words = vec![word("share"), word("offer"), manifest.as_os_str()];
            words.extend([word("--out"), offer.as_os_str(), word("--address"), word(&address)]);
            words.extend(["--consent", "publish"].map(word));
            self.program.run(&importer.data, &words).await?;
        }
        for importer in self.importers {
            let request = self.place.file_of(importer.number, "request.json");
            let others = self.others(importer);
            let offers = others.map(|other| self.place.file_of(other.number, "minimodel-offer"));
            let offers: Vec<PathBuf> = offers.collect();
            let mut words = vec![word("request"), word("new"), manifest.as_os_str()];
            words.push(source.offer().as_os_str());
            words.extend(offers.iter().map(|offer| offer.as_os_str()));
            words.extend([word("--out"), request.as_os_str()]);
            words.extend(["--consent", "fetch"].map(word));
            self.program.run(&importer.data, &words).await?;
        }
        Ok(())
    }

    fn others(&self, one: &Importer) -> impl Iterator<Item = &Importer> {
        let number = one.number;
        self.importers.iter().filter(move |other| other.number != number)
    }

    /// Starts all imports. Each serves the others until its standard input ends.
    fn start(&self) -> Result<Vec<Child>, Fault> {
        self.importers.iter().map(|importer| self.start_one(importer)).collect()
    }

    fn start_one(&self, importer: &Importer) -> Result<Child, Fault> {
        let (place, number) = (self.place, importer.number);
        let mut words: Vec<OsString> = vec!["import-peer-request".into()];
        words.extend([place.file_of(number, "request.json"), place.manifest()].map(Into::into));
        words.push(place.out_of(number)?.into());
        for other in self.others(importer) {
            words.extend(["--serve-to".into(), (&other.invited.label).into()]);
        }
        // Every other one may want all of it, and again what was lost.
        let bytes = self.model.bytes.saturating_mul(2).to_string();
        let listen = format!("127.0.0.1:{}", importer.port);
        words.extend(["--listen", &listen, "--bytes", &bytes].map(Into::into));
        words.extend(["--consent", "fetch,import,cache,serve"].map(Into::into));
        words.push("--until-input-ends".into());
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        let log = place.file_of(number, "log");
        let log = File::create(&log).map_err(|error| Fault::io("write", &log, &error))?;
        self.program
            .command(&importer.data, &words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| Fault::io("start", &self.program.path, &error))
    }

    /// Waits until each has its model and receipt; gives how long each took.
    async fn wait(&self, running: &mut [Child], began: Instant) -> Result<Vec<Duration>, Fault> {
        let mut times = vec![None; self.importers.len()];
        loop {
            let importers = self.importers.iter().zip(running.iter_mut()).zip(&mut times);
            for ((importer, process), time) in importers.filter(|(_, time)| time.is_none()) {
                if self.output(importer, RECEIPT)?.is_some() {
                    *time = Some(began.elapsed());
                    continue;
                }
                let ended = process.try_wait();
                let ended = ended.map_err(|error| Fault::machine("an importer is lost", &error))?;
                if ended.is_some() {
                    let log = self.place.file_of(importer.number, "log");
                    let said = input::read(&log, 64 << 10).unwrap_or_default();
                    let said = String::from_utf8_lossy(&said);
                    let label = &importer.invited.label;
                    return Err(trouble(&format!("{label} ended: {}", said.trim())));
                }
            }
            if let Some(times) = times.iter().copied().collect() {
                return Ok(times);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// What came out, by how its name ends.
    fn output(&self, importer: &Importer, end: &str) -> Result<Option<PathBuf>, Fault> {
        let folder = self.place.out_of(importer.number)?;
        let found =
            std::fs::read_dir(&folder).map_err(|error| Fault::io("read", &folder, &error))?;
        let mut paths = found.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        Ok(paths.find(|path| path.extension().is_some_and(|there| there == end)))
    }
}

/// Everything that is there at the end.
struct Done<'a> {
    circle: &'a Circle<'a>,
    times: &'a [Duration],
    answers: &'a [Value],
    source: &'a str,
    /// Bytes that the source sent.
    sent: u64,
}

impl Done<'_> {
    fn tell(&self, terminal: &mut Terminal, limit: Limit) -> Result<Outcome, Fault> {
        let mut shown = Vec::new();
        let importers = self.circle.importers.iter().zip(self.times).zip(self.answers);
        for ((importer, time), answer) in importers {
            shown.push(self.importer(importer, *time, answer, terminal)?);
        }
        let bytes = self.circle.model.bytes;
        let count = self.times.len();
        let all = self.times.iter().max().copied().unwrap_or_default().as_secs_f64();
        let sent = parts(self.sent, bytes);
        // What the limit alone takes: a real one takes a little longer.
        let alone = (limit.0 > 0).then(|| parts(bytes, limit.0));
        let ratio = alone.map(|alone| all / alone);
        let goals = Goals::of(self.circle.model.geometry.piece_count(), count, alone);
        if let (Some(alone), Some(ratio)) = (alone, ratio) {
            let goal = goals.ratio(ratio);
            terminal.say(&format!(
                "   One importer alone would take {alone:.2} s at the source's limit;"
            ));
            terminal
                .say(&format!("   all {count} took {all:.2} s: {ratio:.2} times as long{goal}"));
        } else {
            terminal.say(&format!("   All {count} took {all:.2} s."));
        }
        terminal.say(&format!(
            "   The source sent {}: {sent:.2} models' worth of bytes{}",
            Size(self.sent),
            goals.sent(sent)
        ));
        if let Some(why) = goals.why() {
            terminal.say(&format!("   {why}"));
        }
        terminal.say("Everything checked out.");
        Ok(Outcome::new()
            .with("verdict", "ok")
            .with("artifact_bytes", bytes)
            .with("pieces", self.circle.model.geometry.piece_count())
            .with("source_limit", limit.0)
            .with("seconds_alone", alone.map(rounded))
            .with("seconds_all", rounded(all))
            .with("ratio", ratio.map(rounded))
            .with("source_sent", self.sent)
            .with("source_artifacts", rounded(sent))
            .with("importers", shown)
            .told())
    }

    /// Verifies what one importer has; gives what there is to say of it.
    fn importer(
        &self,
        importer: &Importer,
        time: Duration,
        answer: &Value,
        terminal: &mut Terminal,
    ) -> Result<Value, Fault> {
        let lost = || trouble("what an importer had is gone");
        let output = |end| self.circle.output(importer, end)?.ok_or_else(lost);
        let (receipt, artifact) = (output(RECEIPT)?, output("slm")?);
        check_receipt(&receipt, &self.circle.place.manifest(), &artifact, Options::default())?;
        let count = text(answer, "transfer.peer_count")?.parse().unwrap_or(0_u32);
        let (mut source, mut others) = (0, 0);
        for place in 0..count {
            let bytes = text(answer, &format!("transfer.peer.{place}.bytes"))?;
            let bytes: u64 = bytes.parse().unwrap_or(0);
            match text(answer, &format!("transfer.peer.{place}.id"))? == self.source {
                true => source += bytes,
                false => others += bytes,
            }
        }
        let (seconds, gave) = (time.as_secs_f64(), taken(answer, "served"));
        terminal.say(&format!(
            "   {} was done after {seconds:.2} s: {} from the source, {} from the others, {} given; \
             receipt verified",
            importer.invited.label,
            Size(source),
            Size(others),
            Size(gave)
        ));
        Ok(json!({
            "label": importer.invited.label,
            "seconds": rounded(seconds),
            "bytes_from_source": source,
            "bytes_from_others": others,
            "bytes_given": gave,
            "receipt": printable(&receipt.to_string_lossy()),
        }))
    }
}

/// Bytes that all peers took, as a command's answer says under that key.
fn taken(answer: &Value, key: &str) -> u64 {
    let peers = answer.get(key).and_then(Value::as_array).into_iter().flatten();
    peers.filter_map(|peer| peer.get("bytes").and_then(Value::as_u64)).sum()
}

/// Which goals say anything of what was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goals {
    /// There are too few pieces for each to have something to give.
    FewPieces,
    /// The source was not the limit, or only for a moment.
    Sent,
    Both,
    /// Two importers can make the source send two models at the most.
    Ratio,
    /// The same, where the source was not the limit.
    None,
}

impl Goals {
    /// For that many pieces and importers, and the seconds that one alone takes at the source's limit.
    fn of(pieces: u32, importers: usize, alone: Option<f64>) -> Self {
        let few = u64::from(pieces) < u64::from(FEW) * importers as u64;
        let is_limit = alone.is_some_and(|alone| alone >= SHORT);
        match (is_limit, importers > 2) {
            _ if few => Self::FewPieces,
            (true, true) => Self::Both,
            (true, false) => Self::Ratio,
            (false, true) => Self::Sent,
            (false, false) => Self::None,
        }
    }

    fn ratio(self, ratio: f64) -> String {
        let met = if ratio <= RATIO_GOAL { "" } else { ", missed" };
        match self {
            Self::Both | Self::Ratio => format!(" (goal: at most {RATIO_GOAL}{met})"),
            Self::FewPieces | Self::Sent | Self::None => String::new(),
        }
    }

    fn sent(self, artifacts: f64) -> String {
        let met = if artifacts < SENT_GOAL { "" } else { ", missed" };
        match self {
            Self::Both | Self::Sent => format!(" (goal: under {SENT_GOAL}{met})"),
            Self::FewPieces | Self::Ratio | Self::None => String::new(),
        }
    }

    /// Why that is no measure of sharing, if it is not.
    const fn why(self) -> Option<&'static str> {
        match self {
            Self::FewPieces => {
                Some("There are too few pieces to share: a larger --size shows more.")
            }
            Self::Sent | Self::None => Some(
                "The source was hardly the limit: a larger --size or a lower --source-limit shows more.",
            ),
            Self::Both | Self::Ratio => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a proportion for people, rounded anyway")]
fn parts(of: u64, whole: u64) -> f64 {
    of as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::Goals;

    #[test]
    fn goals_are_said_only_where_they_say_something() {
        let of = |pieces, importers, alone| {
            let goals = Goals::of(pieces, importers, alone);
            (goals.ratio(2.0), goals.sent(2.5), goals.why().is_some())
        };
        let (ratio, sent) = (" (goal: at most 1.8, missed)", " (goal: under 2.5, missed)");
        let said = |ratio: &str, sent: &str, why| (ratio.to_owned(), sent.to_owned(), why);
        assert_eq!(of(257, 5, Some(8.0)), said(ratio, sent, false));
        assert_eq!(of(33, 2, Some(8.0)), said(ratio, "", false), "two are sent at the most");
        assert_eq!(of(33, 5, Some(1.0)), said("", sent, true));
        assert_eq!(of(33, 5, None), said("", sent, true));
        assert_eq!(of(9, 5, Some(8.0)), said("", "", true), "not two pieces for each");
        assert_eq!(Goals::of(257, 5, Some(8.0)).ratio(1.8), " (goal: at most 1.8)");
    }
}
