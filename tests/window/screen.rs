//! A real window on a real display, clicked through an import as a person would.
//!
//! Where to click is asked of a second window without a screen, over a copy of the same data: both
//! are laid out by the same program, so what is at a place in the one is there in the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app::settings::{Settings, Theme};
use desktop::screen::Place;
use iced::Point;
use store::{Layout, change_settings};
use tempfile::TempDir;

use super::copy;
use super::display::{Display, Shown};
use super::import::BOXES;
use super::stage::Stage;
use crate::harness::{Companion, Running, Turn, lines, midway, until};

/// The folder that pictures are put into, if anybody wants them.
const PICTURES: &str = "MINIMODEL_PICTURES";

/// Models of the library, with version, length and quantisation.
const MODELS: [(&str, &str, &str, &str); 4] = [
    ("haiku", "0.3", "3MiB", "q8_0"),
    ("sums", "2.1", "9MiB", "q4_0"),
    ("spell-check", "1.0", "14MiB", "q8_0"),
    ("tiny-story", "1.2", "24MiB", "f32"),
];

/// Someone who imports, two peers who serve, and what lies between them.
struct Scene {
    me: Companion,
    anna: Companion,
    ben: Companion,
    folder: TempDir,
    _turn: Turn,
}

impl Scene {
    fn new() -> Self {
        let turn = Turn::take();
        let folder = tempfile::tempdir().unwrap();
        let [me, anna, ben] = ["me", "anna", "ben"].map(|name| Companion::new(folder.path(), name));
        for peer in [&anna, &ben] {
            peer.pairs_with(&me);
        }
        fs::create_dir(folder.path().join("models")).unwrap();
        let scene = Self { me, anna, ben, folder, _turn: turn };
        for (name, version, bytes, quant) in MODELS {
            let file = format!("{name}-{version}.slm");
            scene.me.run(&["sample", &file, "--bytes", bytes, "--quant", quant]).done();
            scene.me.prepares(&file, &[]);
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets both peers prepare a model.
    fn prepare(&self, name: &str, bytes: &str, seed: &str) {
        let (file, piece) = (format!("{name}.slm"), "64KiB");
        self.me.run(&["sample", &file, "--bytes", bytes, "--seed", seed]).done();
        self.anna.prepares(&file, &["--chunk-size", piece]);
        let manifest = format!("{name}.manifest");
        self.ben
            .run(&["share", "prepare", &file, "--consent", "cache", "--manifest", &manifest])
            .done();
    }

    /// Lets both serve it to the importer, so many bytes a second each, and makes the request.
    fn serve(&self, id: &str, name: &str, rate: &str) -> Vec<Running> {
        let mut request = vec!["request".to_owned(), "new".to_owned(), format!("{name}.manifest")];
        let servers = [&self.anna, &self.ben]
            .map(|peer| {
                let offer = format!("{}-{id}.minimodel-offer", peer.name);
                let words = ["share", "serve", id, "--listen", "127.0.0.1:0", "--to", "me"];
                let more = ["--consent", "serve", "--until-input-ends", "--offer", &offer];
                let limit = ["--upload-limit", rate];
                let server = peer.start(&[&words[..], &more, &limit].concat());
                until("an offer is written", || self.path(&offer).is_file().then_some(()));
                request.push(offer);
                server
            })
            .into_iter()
            .collect();
        let out = format!("{id}.request.json");
        let mut words: Vec<&str> = request.iter().map(String::as_str).collect();
        words.extend(["--out", &out, "--consent", "fetch"]);
        self.me.run(&words).done();
        servers
    }
}

/// The window on the display, and the one that tells where to click.
struct Both<'a> {
    shown: Shown<'a>,
    told: Stage,
}

impl Both<'_> {
    fn click_at(&mut self, at: Point) {
        self.shown.click_at(at);
        self.told.click_at(at);
        self.shown.settle();
    }

    #[track_caller]
    fn click(&mut self, start: &str) {
        let at = self.told.place_of(start);
        self.click_at(at);
    }

    /// Types a path into the field of that name, and Enter.
    fn enter(&mut self, id: &'static str, path: &Path) {
        let at = self.told.place_of_field(id);
        self.click_at(at);
        let text = path.to_str().unwrap();
        self.shown.types(text);
        self.shown.press("Return");
        self.told.paste(id, text);
        self.told.press(
            iced::keyboard::Key::Named(iced::keyboard::key::Named::Enter),
            iced::keyboard::Modifiers::empty(),
        );
        self.shown.settle();
    }
}

#[test]
#[ignore = "needs Xvfb, xdotool and ImageMagick; .ci/window runs it"]
fn an_import_is_clicked_through_on_a_real_display() {
    let scene = Scene::new();
    let settings = Settings {
        imports: Some(scene.path("models")),
        theme: Theme::Light,
        ..Settings::default()
    };
    change_settings(&Layout::new(&scene.me.data), |_| settings.clone()).unwrap();

    // An import that broke off midway, so that the library has a model with missing pieces.
    scene.prepare("translate-1.4", "12MiB", "2");
    let servers = scene.serve("translate", "translate-1.4", "2MiB");
    let request = ["import-peer-request", "translate.request.json", "translate-1.4.manifest"];
    let consent = ["models", "--consent", "fetch,import,cache"];
    let mut import = scene.me.start(&[&request[..], &consent].concat());
    midway(&mut import);
    std::thread::sleep(Duration::from_millis(1_500));
    import.interrupt();
    drop(servers);

    scene.prepare("story-2.0", "48MiB", "3");
    let servers = scene.serve("story", "story-2.0", "5MiB");
    let twin = scene.path("us");
    copy(&scene.me.data, &twin);

    let pictures = std::env::var_os(PICTURES).map_or_else(|| scene.path("pictures"), PathBuf::from);
    let picture = |name: &str| pictures.join(format!("{name}.png"));
    let display = Display::start();
    let shown = display.open(&scene.me.data);
    let mut both = Both { shown, told: Stage::open_with(&twin, settings) };
    both.told.until_said("translate");

    both.click("translate");
    both.shown.point_away();
    both.shown.settle();
    both.shown.picture(&picture("library"));

    both.click("Import");
    both.enter("import-file", &scene.path("story.request.json"));
    both.enter("import-file", &scene.path("story-2.0.manifest"));
    both.told.until_said("Fetch and import from anna and ben");
    both.shown.settle();
    both.shown.picture(&picture("consent"));
    for name in BOXES {
        both.click(name);
    }
    // Only the window on the display is told to begin.
    let begin = both.told.place_of("Fetch and import from");
    both.shown.click_at(begin);
    both.shown.point_away();
    std::thread::sleep(Duration::from_millis(2_500));
    both.shown.picture(&picture("import"));
    let receipt = scene.path("models/story-2.0.minimodel-receipt");
    until("the import is done", || receipt.is_file().then_some(()));
    drop(servers);
    both.shown.settle();
    both.shown.picture(&picture("imported"));
    // What is said at the window's edge goes away by itself.
    std::thread::sleep(Duration::from_secs(10));

    both.told.go(Place::Receipts);
    both.shown.press("ctrl+5");
    both.shown.settle();
    both.told.until_said("story");
    both.click("story");
    both.shown.point_away();
    both.shown.settle();
    both.shown.picture(&picture("receipt"));

    both.shown.press("ctrl+6");
    both.shown.settle();
    both.shown.picture(&picture("storage"));
    let Both { shown, told } = both;
    shown.close();
    drop(told);

    let model = scene.path("models/story-2.0.slm");
    assert!(fs::read(&model).unwrap() == fs::read(scene.path("story-2.0.slm")).unwrap());
    let [receipt_path, model] = [&receipt, &model].map(|path| path.to_str().unwrap());
    scene.me.run(&["verify-receipt", receipt_path, "story-2.0.manifest", model]).done();
    assert_eq!(lines(&receipt)["transfer.peer_count"], "2");
}

#[test]
#[ignore = "needs Xvfb and xdotool; .ci/window runs it"]
fn any_signal_closes_the_window_in_order() {
    let scene = Scene::new();
    let display = Display::start();
    for signal in ["TERM", "HUP", "INT"] {
        let settings = Layout::new(&scene.me.data).settings();
        let _none = fs::remove_file(&settings);
        display.open(&scene.me.data).ends_by(signal);
        assert!(settings.is_file(), "{signal}: where the window was is not kept");
    }
}
