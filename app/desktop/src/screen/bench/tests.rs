//! The screen as its users meet it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::bench::{Hash, Machine, Place, Plan, Quartiles, Report, Row, Work as Job};
use app::problem::Problem;
use iced::keyboard::key::Named;
use iced::{Event, Size, Theme, mouse};
use iced_test::Simulator;
use serde_json::json;
use verifier::identity::SigningKey;
use verifier::scalars::UtcTime;

use super::{Bench, ChartMessage, Ended, FileMessage, Message, News, Purpose, Stage, Wanted, Work};
use crate::context::{Book, Context};
use crate::headless::{SCALE_FACTOR, assert_drawn, open};
use crate::screen::Errand;
use crate::theme::{Scale, dark, light};

const SIZE: Size = Size::new(1032.0, 780.0);

fn book() -> Book {
    Book { own: SigningKey::from_seed([1; 32]).public_key().peer_id(), peers: Arc::new([]) }
}

fn context(book: &Book) -> Context<'_> {
    Context {
        scale: Scale::default(),
        scale_factor: SCALE_FACTOR,
        now: UtcTime::from_unix(1_795_348_800),
        book,
        size: Size::new(SIZE.width + 148.0, SIZE.height),
    }
}

/// A row as a machine might measure it: `speed` is how fast it is beside the usual one.
fn row(work: Job, speed: f64) -> Row {
    let of = |hash| if hash == Hash::Sha256 { 1.72e9 } else { 6.1e9 };
    let (raw, ratio) = match work {
        Job::Pieces { hash, piece_size, from, cores } => {
            let threads = f64::from(cores) * if cores == 1 { 1.0 } else { 0.93 };
            let small = 1.0 - 9_000.0 / f64::from(piece_size);
            let from = if from == Place::Memory { 0.99 } else { 0.9 };
            (of(hash) * threads, from * small)
        }
        Job::AtOnce { cores, .. } => (of(Hash::Sha256) * f64::from(cores), 1.95),
        Job::Root { hash, .. } | Job::Tree { hash, .. } | Job::List { hash, .. } => {
            (of(hash) / 140.0, 0.97)
        }
        Job::Proof { .. } => (580_000.0, 0.91),
        Job::Manifest => (1.7e9, 0.4),
        Job::Container => (0.83e9, 0.98),
        Job::Artifact { .. } => (0.8e9, 0.96),
    };
    let times = |median: f64, low: f64, high: f64| Quartiles {
        low: median * low,
        median,
        high: median * high,
    };
    let time = 67_108_864.0 * 1e9 / raw;
    Row {
        work,
        amount: 67_108_864,
        verified: times(time / ratio / speed, 0.97, 1.06),
        raw: times(time, 0.99, 1.01),
        ratio: times(ratio * speed, 0.98, 1.02),
    }
}

fn report(cores: u32, speed: impl Fn(Job) -> f64) -> Arc<Report> {
    let works = Job::all(&Plan::thorough(cores));
    let rows: Vec<Row> = works.into_iter().map(|work| row(work, speed(work))).collect();
    let value = json!({
        "format": "minimodel-bench-v1",
        "build": {"version": "0.1.0", "profile": "release"},
        "machine": {"arch": "x86_64", "os": "linux", "cores": 4, "features": ["sha", "avx2"]},
        "byte_count": 67_108_864,
        "samples": 15,
        "rows": rows,
    });
    Arc::new(Report::read(&serde_json::to_vec(&value).unwrap()).unwrap())
}

/// A screen of an optimised program, so that pictures are the same however tests are built.
fn bench() -> Bench {
    let mut bench = Bench::default();
    bench.build.profile = "release".to_owned();
    bench.form.update(super::FormMessage::Cores("4".to_owned()));
    bench
}

fn measured() -> Bench {
    let mut bench = bench();
    bench.stage = Stage::Measured(report(4, |_| 1.0));
    bench
}

/// A screen that compares: hashing was slower then, and trees were faster.
fn compared() -> Bench {
    let mut bench = measured();
    let earlier = report(4, |work| match work {
        Job::Pieces { hash: Hash::Sha256, .. } => 0.85,
        Job::Tree { .. } => 1.2,
        _ => 1.01,
    });
    update(&mut bench, Message::Files(FileMessage::Open(Purpose::Compare)));
    update(&mut bench, typed("/home/anna/bench-october.json"));
    let path = PathBuf::from("/home/anna/bench-october.json");
    update(&mut bench, Message::Files(FileMessage::Read(path, Ok(earlier))));
    bench
}

fn typed(path: &str) -> Message {
    Message::Files(FileMessage::Typed(path.to_owned()))
}

/// What the screen wants done, and what it asks of the window.
fn update(bench: &mut Bench, message: Message) -> (Vec<Work>, Vec<Errand>) {
    let action = bench.update(message);
    (action.work, action.errands)
}

fn start(bench: &mut Bench) -> (u64, Wanted) {
    match update(bench, Message::Measure).0.pop() {
        Some(Work::Measure { number, wanted, .. }) => (number, wanted),
        other => panic!("{other:?}"),
    }
}

fn shown<'a>(bench: &'a Bench, cx: &Context<'a>) -> Simulator<'a, Message> {
    open(SIZE, bench.view(cx))
}

#[track_caller]
fn shows(bench: &Bench, texts: &[&str]) {
    let book = book();
    let mut ui = shown(bench, &context(&book));
    for text in texts {
        assert!(ui.find(*text).is_ok(), "`{text}` is not shown");
    }
}

#[track_caller]
fn press(bench: &mut Bench, label: &str) -> (Vec<Work>, Vec<Errand>) {
    let book = book();
    let cx = context(&book);
    let mut ui = shown(bench, &cx);
    ui.click(label).unwrap();
    let messages: Vec<Message> = ui.into_messages().collect();
    let mut done = (Vec::new(), Vec::new());
    for message in messages {
        let (work, errands) = update(bench, message);
        done.0.extend(work);
        done.1.extend(errands);
    }
    done
}

#[test]
fn nothing_is_measured_until_somebody_wants_it() {
    let mut bench = bench();
    shows(&bench, &["Nothing is measured yet", "Model size", "Measure now"]);
    let (work, _) = press(&mut bench, "Measure");
    assert!(matches!(work[..], [Work::Measure { number: 1, .. }]), "{work:?}");
    shows(&bench, &["Making the sample model", "Cancel"]);
}

#[test]
fn a_field_that_cannot_be_says_why_and_nothing_starts() {
    let mut bench = bench();
    update(&mut bench, Message::Form(super::FormMessage::Samples("2".to_owned())));
    shows(&bench, &["Samples: `2` is not a whole number from 3 to 1000"]);
    assert!(press(&mut bench, "Measure").0.is_empty());
    assert!(update(&mut bench, Message::Measure).0.is_empty());
}

#[test]
fn enter_in_a_field_starts_the_run() {
    let mut bench = bench();
    let book = book();
    let cx = context(&book);
    let plan = bench.form.plan().unwrap();
    let size = app::quantity::Limit(plan.bytes).to_string();
    let mut ui = shown(&bench, &cx);
    ui.click(size.as_str()).unwrap();
    ui.tap_key(Named::Enter);
    let messages: Vec<Message> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Measure]), "{messages:?}");
    assert_eq!(update(&mut bench, Message::Measure).0.len(), 1);
}

#[test]
fn rows_appear_as_they_are_measured() {
    let mut bench = bench();
    let (number, wanted) = start(&mut bench);
    assert!(wanted.is_so());
    let works = Job::all(&Plan::quick(1));
    let news = |news| Message::News(number, news);
    update(&mut bench, news(News::Begun { work: works[0], place: 0, of: works.len() }));
    update(&mut bench, news(News::Sampled(1)));
    update(&mut bench, news(News::Measured(row(works[0], 1.0))));
    update(&mut bench, news(News::Begun { work: works[1], place: 1, of: works.len() }));
    let of = works.len();
    let line = format!("2 of {of}: SHA-256 pieces of 256 KiB, memory, 1 core");
    shows(&bench, &[&line, "64 KiB, 1 core", "SHA-256, pieces in memory"]);

    let report = report(1, |_| 1.0);
    update(&mut bench, news(News::Ended(Ended::Done(Arc::clone(&report)))));
    shows(&bench, &["Measure", "Whole files"]);
    assert!(!wanted.is_so(), "nobody waits for it any more");
    // What an older run says changes nothing.
    update(&mut bench, Message::News(number, News::Ended(Ended::Stopped)));
    assert_eq!(bench.stage.report(), Some(&report));
}

#[test]
fn a_run_that_is_cancelled_leaves_the_figures_before() {
    let mut bench = measured();
    let (number, wanted) = start(&mut bench);
    press(&mut bench, "Cancel");
    assert!(!wanted.is_so());
    shows(
        &bench,
        &["Stopping after the sample that is being taken…", "SHA-256, several pieces at once"],
    );
    assert!(update(&mut bench, Message::Measure).0.is_empty(), "one run at a time");
    update(&mut bench, Message::News(number, News::Ended(Ended::Stopped)));
    shows(&bench, &["Measure", "SHA-256, several pieces at once"]);
    assert_eq!(start(&mut bench).0, number + 1);
}

#[test]
fn a_run_that_fails_says_why() {
    let mut bench = bench();
    let (number, _wanted) = start(&mut bench);
    let problem = Problem::blamed(&app::bench::BenchError::NotVerified(Job::Manifest));
    update(&mut bench, Message::News(number, News::Ended(Ended::Failed(problem))));
    shows(&bench, &["Manifest at its limit did not verify, so its speed means nothing", "Measure"]);
}

#[test]
fn the_keyboard_goes_from_bar_to_bar_and_each_is_named() {
    let mut bench = measured();
    let book = book();
    let cx = context(&book);
    let mut ui = shown(&bench, &cx);
    ui.click("1 MiB, 1 core").unwrap();
    ui.tap_key(Named::ArrowDown);
    let messages: Vec<Message> = ui.into_messages().collect();
    // The list has the keyboard, and nothing was selected when it was drawn.
    let moved = Message::Chart(ChartMessage::Moved(0, 25.0));
    assert!(format!("{messages:?}").contains(&format!("{moved:?}")), "{messages:?}");
    update(&mut bench, Message::Chart(ChartMessage::Selected(2)));
    let sentence = "SHA-256 pieces of 1 MiB, memory, 1 core: ";
    assert!(facts(&bench).starts_with(sentence), "{}", facts(&bench));
    for (to, name) in [(4, "4 MiB, memory, 1 core"), (5, "64 KiB, memory, 4 cores"), (0, "")] {
        update(&mut bench, Message::Chart(ChartMessage::Moved(to, 24.0)));
        assert!(facts(&bench).contains(name), "{}", facts(&bench));
    }
    // The first line is the name of a group: the first bar is as far up as one can go.
    assert!(facts(&bench).starts_with("SHA-256 pieces of 64 KiB, memory, 1 core"));
    let last = bench.stage.report().unwrap().rows.len() + 20;
    let (_, errands) = update(&mut bench, Message::Chart(ChartMessage::Moved(last, 240.0)));
    assert!(facts(&bench).starts_with("whole artifact, BLAKE3 chunks"));
    assert!(matches!(errands[..], [Errand::Scroll(..)]), "{errands:?}");
}

/// What is said of the bar that the keyboard or the pointer is on.
fn facts(bench: &Bench) -> String {
    let figures = super::view::figures(bench);
    bench.chart.sentence(figures).unwrap()
}

#[test]
fn the_pointer_names_a_bar() {
    let mut bench = measured();
    let book = book();
    let cx = context(&book);
    let mut ui = shown(&bench, &cx);
    let at = ui.find("256 KiB, 4 cores").unwrap().bounds().center();
    ui.point_at(at);
    ui.simulate([Event::Mouse(mouse::Event::CursorMoved { position: at })]);
    let messages: Vec<Message> = ui.into_messages().collect();
    assert!(matches!(messages[..], [Message::Chart(ChartMessage::Pointed(5))]), "{messages:?}");
    for message in messages {
        update(&mut bench, message);
    }
    assert!(facts(&bench).starts_with("SHA-256 pieces of 256 KiB, memory, 4 cores"));
    update(&mut bench, Message::Chart(ChartMessage::Left(5)));
    assert!(bench.chart.sentence(super::view::figures(&bench)).is_none());
}

#[test]
fn figures_are_saved_where_the_user_says() {
    let mut bench = measured();
    let (_, errands) = press(&mut bench, "Save…");
    assert!(matches!(errands[..], [Errand::Focus(_)]));
    shows(&bench, &["Save these figures to a new file"]);
    update(&mut bench, typed("bench.json"));
    assert!(press(&mut bench, "Save").0.is_empty());
    shows(&bench, &["`bench.json` does not start at the root"]);
    update(&mut bench, typed("/tmp/bench.json"));
    let (work, _) = press(&mut bench, "Save");
    let [Work::Save(path, report)] = &work[..] else { panic!("{work:?}") };
    assert_eq!((path.as_path(), report), (Path::new("/tmp/bench.json"), &self::report(4, |_| 1.0)));
    let taken = Problem::blamed(&app::ports::OutputError::Exists(path.clone()));
    update(&mut bench, Message::Files(FileMessage::Saved(Err(taken))));
    shows(&bench, &["/tmp/bench.json exists already"]);
    let (_, errands) = update(&mut bench, Message::Files(FileMessage::Saved(Ok(path.clone()))));
    assert!(matches!(&errands[..], [Errand::Tell(line)] if line == "Saved to /tmp/bench.json."));
    assert!(bench.naming.is_none());
    // The desktop's own window is as good as typing.
    press(&mut bench, "Save…");
    let (work, _) = press(&mut bench, "Choose…");
    assert!(matches!(work[..], [Work::Choose(Purpose::Save)]));
    let chosen = FileMessage::Chosen(Purpose::Save, Some(PathBuf::from("/tmp/other.json")));
    let (work, _) = update(&mut bench, Message::Files(chosen));
    assert!(matches!(&work[..], [Work::Save(path, _)] if path == Path::new("/tmp/other.json")));
}

#[test]
fn figures_are_copied_as_they_are_saved() {
    let mut bench = bench();
    assert!(press(&mut bench, "Copy as JSON").1.is_empty(), "there are none");
    let mut bench = measured();
    let (_, errands) = press(&mut bench, "Copy as JSON");
    let [Errand::Copy(text)] = &errands[..] else { panic!("{errands:?}") };
    assert_eq!(Report::read(text.as_bytes()).unwrap(), *report(4, |_| 1.0));
}

#[test]
fn a_later_run_is_compared_with_an_earlier_one() {
    let mut bench = compared();
    shows(
        &bench,
        &[
            "Compared with /home/anna/bench-october.json, of version 0.1.0.",
            "faster +18 %",
            "same -1 %",
        ],
    );
    update(&mut bench, Message::Chart(ChartMessage::Selected(0)));
    assert!(facts(&bench).ends_with("faster +18 %."), "{}", facts(&bench));
    // The next run is compared with it too.
    let (number, _wanted) = start(&mut bench);
    let again = report(2, |_| 0.85);
    update(&mut bench, Message::News(number, News::Ended(Ended::Done(again))));
    shows(&bench, &["same +0 %", "not there"]);
    press(&mut bench, "Leave out");
    assert!(bench.earlier.is_none());
}

#[test]
fn what_makes_runs_hard_to_compare_is_told() {
    let mut bench = compared();
    let mut other = (*report(4, |_| 1.0)).clone();
    other.machine = Machine { os: "another".to_owned(), ..other.machine };
    bench.stage = Stage::Measured(Arc::new(other));
    bench.compare();
    shows(&bench, &["Hard to compare: that run is of another kind of machine."]);
}

#[test]
fn a_file_that_holds_no_figures_is_told_and_an_older_answer_is_not_heard() {
    let mut bench = measured();
    press(&mut bench, "Compare with…");
    update(&mut bench, typed("/tmp/one"));
    let (work, _) = press(&mut bench, "Compare");
    assert!(matches!(&work[..], [Work::Read(path)] if path == Path::new("/tmp/one")));
    let failed = Report::open(Path::new("/nowhere/one")).unwrap_err();
    let read = |path: &str, outcome| Message::Files(FileMessage::Read(path.into(), outcome));
    update(&mut bench, read("/tmp/one", Err(failed.clone())));
    shows(&bench, &["Check the path: nothing of that name is there."]);
    update(&mut bench, typed("/tmp/two"));
    update(&mut bench, read("/tmp/one", Ok(report(1, |_| 1.0))));
    assert!(bench.earlier.is_none() && bench.naming.is_some());
    update(&mut bench, read("/tmp/two", Ok(report(1, |_| 1.0))));
    assert!(bench.earlier.is_some() && bench.naming.is_none());
}

#[test]
fn saved_figures_can_be_looked_at_alone() {
    let mut bench = bench();
    press(&mut bench, "Compare with…");
    update(&mut bench, typed("/tmp/one"));
    let read = FileMessage::Read("/tmp/one".into(), Ok(report(4, |_| 1.0)));
    update(&mut bench, Message::Files(read));
    shows(
        &bench,
        &[
            "The figures of /tmp/one, of version 0.1.0. Measure to compare.",
            "SHA-256, several pieces at once",
        ],
    );
}

#[test]
fn a_program_without_optimisation_says_that_it_tells_little() {
    let mut bench = bench();
    bench.build.profile = "debug".to_owned();
    shows(
        &bench,
        &["This program was built without optimisation: its figures tell little. Build it with \
           --release."],
    );
}

#[track_caller]
fn draw(bench: &Bench, cx: &Context<'_>, theme: &Theme, name: &str) {
    let mut ui = open(SIZE, bench.view(cx));
    assert_drawn(&mut ui, theme, name);
}

#[test]
fn it_looks_as_it_should() {
    let book = book();
    let cx = context(&book);
    let mut bench = compared();
    update(&mut bench, Message::Chart(ChartMessage::Selected(5)));
    draw(&bench, &cx, &light(), "bench-light");
    draw(&bench, &cx, &dark(), "bench-dark");
    let large = Context { scale: Scale::new(2.0), ..cx };
    let mut ui = open(Size::new(SIZE.width, SIZE.height * 2.0), bench.view(&large));
    assert_drawn(&mut ui, &light(), "bench-large");
}

#[test]
fn a_run_looks_as_it_should() {
    let book = book();
    let mut bench = bench();
    let (number, _wanted) = start(&mut bench);
    let works = Job::all(&Plan::quick(4));
    for (place, work) in works.iter().copied().take(18).enumerate() {
        let begun = News::Begun { work, place, of: works.len() };
        update(&mut bench, Message::News(number, begun));
        if place < 17 {
            update(&mut bench, Message::News(number, News::Measured(row(work, 1.0))));
        }
    }
    update(&mut bench, Message::News(number, News::Sampled(3)));
    draw(&bench, &context(&book), &light(), "bench-running");
}
