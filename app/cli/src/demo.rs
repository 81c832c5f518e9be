//! The demo: the whole path on this machine, from a sample model to a verified receipt.

mod importers;
pub mod liar;
mod peers;
mod place;
mod program;
mod report;
mod usage;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use app::event::Event;
use app::import::Settings;
use app::input;
use app::ports::{Patience, PullNews};
use app::quantity::{Limit, Size, Span};
use app::stop;
use verifier::Geometry;
use verifier::consent::Act;
use verifier::identity::SigningKey;
use verifier::manifest::Options;
use verifier::request::ImportRequest;
use verifier::slm::{ChecksumRule, Quantisation, Shape};

use crate::args::{
    Agreed, ChecksumChoice, DemoArgs, DemoSize, FetchingArgs, ImportArgs, ManifestOptions,
    MeanwhileArgs, SigningArgs, UnknownKeysChoice,
};
use crate::fault::Fault;
use crate::import;
use crate::outcome::Outcome;
use crate::sample;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::wiring::Wiring;
use peers::{Invited, Peer, Setup};
use place::Place;
use program::Program;
use report::Report;

/// Every how many pieces the liar lies; of few pieces, every one.
const LIE_EVERY: u32 = 3;
/// Fewer pieces than this are few.
const FEW_PIECES: u32 = 16;
/// With a liar or a kill, a small model is slowed so that it takes this long, in seconds.
const WATCHABLE: u64 = 3;
/// How long an import that was stopped may take to tidy up.
const TIDYING: Duration = Duration::from_secs(2);
/// What several importers fetch: enough pieces for each to begin in a part of its own.
const IMPORTERS_SIZE: DemoSize = DemoSize::Near(Size(64 << 20));
/// Models from this size on take long enough by themselves, in bytes.
const LARGE: u64 = 256 << 20;

/// `demo`.
///
/// # Errors
///
/// [`Fault`] unless everything checked out. All processes that were started are ended, and the
/// temporary folder is removed, in any case.
pub async fn run<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &DemoArgs,
) -> Result<Outcome, Fault> {
    let needed = 1 + u8::from(args.liar) + u8::from(args.kill);
    if args.peers < needed {
        let what = format!("{} peers are too few: one has to be honest and alive", args.peers);
        return Err(Fault::usage("--peers", what, format!("Take at least --peers {needed}.")));
    }
    let place = Place::make(args.keep.as_deref())?;
    let outcome = {
        let mut play = pin!(async {
            match args.importers {
                Some(count) => importers::play(session, args, count, &place).await,
                None => play(session, args, &place).await,
            }
        });
        tokio::select! {
            biased;
            () = stop::wished() => {
                // An import that runs hears the same wish; all else is dropped where it stands.
                let _ended = tokio::time::timeout(TIDYING, play).await;
                Err(Fault::stopped("the demo", "Nothing of it is running."))
            }
            outcome = &mut play => outcome,
        }
    };
    session.terminal.say(&match place.kept() {
        Some(folder) => format!("Everything lies in {}.", folder.display()),
        None => "Everything was in a temporary folder, which goes away now; --keep DIR leaves it."
            .to_owned(),
    });
    outcome
}

async fn play<W: Wiring>(
    session: &mut Session<'_, W>,
    args: &DemoArgs,
    place: &Place,
) -> Result<Outcome, Fault> {
    let started = Instant::now();
    let program = Program::this()?;
    let model = make_model(session.terminal, args, place).await?;
    let key = session.wiring.draw_identity()?;
    session.wiring.keep_identity(&place.importer()?, &key)?;
    let setup = Setup {
        program: &program,
        place,
        model: &model.path,
        bytes: model.bytes,
        invited: vec![Invited::here(&key, session.now())?],
        count: args.peers,
        upload_limit: Limit(0),
        lie_every: args.liar.then(|| model.lie_every()).flatten(),
    };
    let mut peers = setup.prepare(session.terminal).await?;
    let request = setup.request(&peers, &key, session.terminal).await?;

    let limit = (args.liar || args.kill).then(|| model.watchable_rate()).flatten();
    let own = app::settings::Settings {
        download_limit: limit.unwrap_or_default(),
        ..app::settings::Settings::default()
    };
    let ports = session.wiring.open(&place.importer()?, &key, &own)?;
    say_import(session.terminal, args, limit);
    let mut asked = BTreeSet::new();
    let idle = usage::processor_time();
    let imported = {
        let victim = if args.kill { peers.first_mut() } else { None };
        let mut killing = Killing { victim, kept: 0, pieces: model.geometry.piece_count() };
        let request = read_request(&request, &place.manifest(), session)?;
        let settings = Settings {
            verifier_version: app::verify::program_version()?,
            signer: Some(SigningKey::from_seed(*key.seed())),
            rule: ChecksumRule::Verify,
            patience: Patience::default(),
        };
        let import_args = import_args(place)?;
        let watch = |event: &Event| {
            killing.see(event);
            if let Event::Peers(PullNews::Asked { peer, .. }) = event {
                asked.insert(*peer);
            }
        };
        let nothing = |_: &mut Terminal| Ok(());
        import::import(&ports, session.terminal, request, &import_args, settings, nothing, watch)
            .await?
    };
    let worked = usage::processor_time().zip(idle).map(|(now, then)| now.saturating_sub(then));
    let show = Report {
        args,
        place,
        model: &model,
        peers: &peers,
        finished: &imported,
        asked: &asked,
        worked,
    };
    show.tell(&ports, session.terminal, started.elapsed(), limit).await
}

/// The model that is moved.
struct Model {
    path: PathBuf,
    bytes: u64,
    geometry: Geometry,
}

impl Model {
    fn lie_every(&self) -> Option<NonZeroU32> {
        let few = self.geometry.piece_count() < FEW_PIECES;
        NonZeroU32::new(if few { 1 } else { LIE_EVERY })
    }

    /// A rate at which a small model takes long enough to see something happen.
    fn watchable_rate(&self) -> Option<u64> {
        (self.bytes < LARGE).then(|| (self.bytes / WATCHABLE).max(1))
    }
}

async fn make_model(
    terminal: &mut Terminal,
    args: &DemoArgs,
    place: &Place,
) -> Result<Model, Fault> {
    let size = args.size.unwrap_or(match args.importers {
        None => DemoSize::M16,
        Some(_) => IMPORTERS_SIZE,
    });
    let (shape, quant) = match size {
        DemoSize::M16 => (Shape::M16, Quantisation::Q8_0),
        DemoSize::Near(size) => (sample::near(size, Quantisation::F32)?, Quantisation::F32),
    };
    // Of the model, of each peer's and importer's library, and of each output.
    let (copies, who) = match args.importers {
        Some(count) => (2 + 2 * u64::from(count), format!("a source and {count} importers")),
        None => (u64::from(args.peers) + 3, format!("{} peers and an importer", args.peers)),
    };
    let bytes = shape.file_size(quant).unwrap_or(0);
    terminal.say(&format!(
        "One model of {}, {who}, all on this machine; about {} of disk.",
        Size(bytes),
        Size(bytes.saturating_mul(copies))
    ));
    let started = Instant::now();
    let path = place.model();
    let target = path.clone();
    let bytes = sample::write(target, shape, quant, 1).await?;
    let size = verifier::geometry::CHUNK_LIMITS.size_for(bytes).unwrap_or(1 << 18);
    let geometry = Geometry::new(bytes, size).map_err(|error| Fault::coded(&error))?;
    step(terminal, &format!("1. Made a sample model: {bytes} bytes, {quant}"), started);
    Ok(Model { path, bytes, geometry })
}

/// Says that a step is done, and how long it took.
fn step(terminal: &mut Terminal, what: &str, started: Instant) {
    terminal.say(&format!("{what} ({:.1} s)", started.elapsed().as_secs_f64()));
}

fn say_import(terminal: &mut Terminal, args: &DemoArgs, limit: Option<u64>) {
    let mut notes = Vec::new();
    if args.liar {
        notes.push("one of them lies".to_owned());
    }
    if args.kill {
        notes.push("one is killed midway".to_owned());
    }
    if let Some(limit) = limit {
        notes.push(format!("slowed to {}/s so that there is something to see", Size(limit)));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    terminal
        .say(&format!("4. Importing from all of them{notes}. The demo says yes in your place:"));
}

fn read_request<W: Wiring>(
    request: &Path,
    manifest: &Path,
    session: &Session<'_, W>,
) -> Result<ImportRequest, Fault> {
    let request = input::read(request, input::REQUEST)?;
    let manifest = input::read(manifest, input::MANIFEST)?;
    ImportRequest::parse(&request, &manifest, Options::default(), session.now())
        .map_err(|error| Fault::coded(&error))
}

/// What a user would type after `import-peer-request`.
fn import_args(place: &Place) -> Result<ImportArgs, Fault> {
    Ok(ImportArgs {
        request: place.request(),
        manifest: place.manifest(),
        output_dir: place.out()?,
        options: ManifestOptions {
            unknown_keys: UnknownKeysChoice::Reject,
            strict_schema: false,
            example: false,
        },
        slm_checksum: ChecksumChoice::Verify,
        agreed: Agreed { acts: vec![Act::Fetch, Act::Import, Act::Cache] },
        signing: SigningArgs { sign: true, no_sign: false },
        fetching: FetchingArgs {
            span: Span(3_600),
            download_limit: None,
            patience: None,
            wait: None,
        },
        events: false,
        meanwhile: MeanwhileArgs::default(),
    })
}

/// Kills a peer when a third of the pieces is kept.
struct Killing<'a> {
    victim: Option<&'a mut Peer>,
    kept: u32,
    pieces: u32,
}

impl Killing<'_> {
    fn see(&mut self, event: &Event) {
        match event {
            Event::Reserved { have } | Event::ListProven { have } => self.kept = have.count(),
            Event::Kept { .. } => self.kept += 1,
            _ => {}
        }
        if self.kept >= self.pieces.div_ceil(3)
            && let Some(victim) = self.victim.take()
        {
            victim.kill();
        }
    }
}
