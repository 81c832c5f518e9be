//! Several importers of one source that serve each other what they have.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{Companion, Model, Running, Scene, files, grants, until};

/// The yes of somebody who agrees to everything, to serving too.
const YES: &str = "fetch,import,cache,serve";

/// An importer that is called, beside a scene's own.
struct Importer<'a> {
    scene: &'a Scene,
    one: Companion,
    port: u16,
}

impl<'a> Importer<'a> {
    /// An importer that is paired with the scene's source, and has written its offer.
    #[track_caller]
    fn new(scene: &'a Scene, name: &str) -> Self {
        let one = Companion::new(&scene.path(""), name);
        one.pairs_with(&scene.peers[0]);
        fs::create_dir(scene.path(&format!("out-{name}"))).unwrap();
        // The system does not give a port again soon that it picked.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let importer = Self { scene, one, port };
        importer.offers(&["--consent", "publish"]).done();
        importer
    }

    fn offers(&self, more: &[&str]) -> crate::harness::Answer {
        let (out, address) = (self.file("offer"), format!("mmp://127.0.0.1:{}", self.port));
        let words = ["share", "offer", "tiny.manifest", "--out", &out, "--address", &address];
        self.one.run(&[&words[..], more].concat())
    }

    fn file(&self, kind: &str) -> String {
        format!("{}.{kind}", self.one.name)
    }

    fn out(&self) -> PathBuf {
        self.scene.path(&format!("out-{}", self.one.name))
    }

    /// Starts the import by the offers of these, which are served meanwhile until it is told to
    /// stop.
    #[track_caller]
    fn imports(&self, offers: &[&str], to: &[&str], more: &[&str]) -> Running {
        let (request, listen) = (self.file("request"), format!("127.0.0.1:{}", self.port));
        let words = ["request", "new", "tiny.manifest", "--out", &request, "--consent", "fetch"];
        self.one.run(&[&words[..], offers].concat()).done();
        let out = format!("out-{}", self.one.name);
        let mut words = vec!["import-peer-request", &request, "tiny.manifest", &out];
        for peer in to {
            words.extend(["--serve-to", peer]);
        }
        words.extend(["--listen", &listen, "--until-input-ends"]);
        words.extend(more);
        self.one.start(&words)
    }

    /// Waits until its import is done, and checks what came out.
    #[track_caller]
    fn is_done(&self) {
        let receipt = self.out().join("tiny-1.0.minimodel-receipt");
        until("a receipt is there", || receipt.is_file().then_some(()));
        let artifact = self.out().join("tiny-1.0.slm");
        let same = fs::read(&artifact).unwrap() == fs::read(self.scene.path("tiny.slm")).unwrap();
        assert!(same, "what came out is not what was served");
    }

    /// Checks the receipt, once nothing runs any more.
    #[track_caller]
    fn has_a_good_receipt(&self) {
        let [receipt, artifact] = ["minimodel-receipt", "slm"]
            .map(|end| self.out().join(format!("tiny-1.0.{end}")).to_str().unwrap().to_owned());
        self.one.run(&["verify-receipt", &receipt, "tiny.manifest", &artifact]).done();
    }
}

const SOURCE: &str = "peer-0.minimodel-offer";

/// Bytes that all peers took, as a command's answer says.
fn sum(taken: &Value) -> u64 {
    taken.as_array().unwrap().iter().map(|peer| peer["bytes"].as_u64().unwrap()).sum()
}

#[test]
fn an_importer_serves_a_piece_that_it_got_while_the_others_are_on_their_way() {
    let scene = Scene::new(1, Model::FINE);
    let anna = Importer::new(&scene, "anna");
    let bert = Importer::new(&scene, "bert");
    anna.one.pairs_with(&bert.one);
    // So slow that it would take half a minute.
    let _source = scene.serves(0, "anna", &["--upload-limit", "64KiB"]);
    let mut annas = anna.imports(&[SOURCE], &["bert"], &["--consent", YES]);
    annas.says("calls are taken", |line| line.starts_with("serving what has").then_some(()));

    // Bert knows of nobody but anna.
    let mut berts = bert.imports(&["anna.offer"], &["anna"], &["--consent", YES]);
    crate::harness::midway(&mut berts);
    let receipt = anna.out().join("tiny-1.0.minimodel-receipt");
    assert!(!receipt.exists(), "anna has all of it already");

    // Taking back the yes to serve leaves her import alone.
    anna.one.run(&["share", "stop", "tiny"]).done();
    annas.says("serving has ended", |line| line.contains("is served no more").then_some(()));
    let told = |annas: &Running| annas.said().matches("\nimport: ").count();
    let before = told(&annas);
    until("it goes on", || (told(&annas) > before).then_some(()));
    let refused = annas.interrupt().refused(3, "io.failed");
    assert!(sum(&refused["served"]) > 0, "{refused}");
    assert!(anna.one.kept() > 0 && bert_kept(berts, &bert) > 0);
    assert!(grants(&anna.one, "serve").iter().all(|grant| grant["live"] == false));
}

fn bert_kept(import: Running, bert: &Importer<'_>) -> u64 {
    import.interrupt().refused(3, "io.failed");
    bert.one.kept()
}

#[test]
fn two_importers_in_each_others_requests_share_what_the_source_sends() {
    let scene = Scene::new(1, Model::FINE);
    let (anna, bert) = (Importer::new(&scene, "anna"), Importer::new(&scene, "bert"));
    anna.one.pairs_with(&bert.one);
    let source = scene.serves(0, "anna", &["--to", "bert", "--upload-limit", "1MiB"]);
    let annas = anna.imports(&[SOURCE, "bert.offer"], &["bert"], &["--consent", YES]);
    let berts = bert.imports(&[SOURCE, "anna.offer"], &["anna"], &["--consent", YES]);
    for importer in [&anna, &bert] {
        importer.is_done();
    }
    let answers = [annas, berts].map(Running::stop);
    let exchanged: u64 = answers.iter().map(|answer| sum(&answer.done()["served"])).sum();
    let sent = sum(&source.stop().done()["peer"]);
    assert!(exchanged > 0 && sent < 2 * scene.bytes, "{exchanged} exchanged, {sent} sent");
    let listen = format!("Serve tiny 1.0 (2.00 MiB) on 127.0.0.1:{}", anna.port);
    for told in [&listen, "bert (mmpeer1", "to each peer", "share stop tiny"] {
        assert!(answers[0].err.contains(told), "{told} is not told: {}", answers[0]);
    }
    for importer in [&anna, &bert] {
        importer.has_a_good_receipt();
        assert!(grants(&importer.one, "serve").iter().all(|grant| grant["live"] == false));
    }
}

#[test]
fn what_was_imported_is_served_on_for_as_long_as_is_said_or_until_ctrl_c() {
    let scene = Scene::new(1, Model::SMALL);
    let (anna, bert) = (Importer::new(&scene, "anna"), Importer::new(&scene, "bert"));
    anna.one.pairs_with(&bert.one);
    let source = scene.serves(0, "anna", &[]);
    let annas = anna.imports(&[SOURCE], &["bert"], &["--consent", YES, "--stay", "1h"]);
    anna.is_done();
    source.stop().done();
    let berts = bert.imports(&["anna.offer"], &["anna"], &["--consent", YES]);
    bert.is_done();
    berts.stop().done();
    let answer = annas.interrupt().done();
    assert_eq!(sum(&answer["served"]), scene.bytes, "{answer}");
    assert!(grants(&anna.one, "serve").iter().all(|grant| grant["live"] == false));
}

#[test]
fn of_what_the_library_forgets_nothing_is_served_on() {
    let scene = Scene::new(1, Model::SMALL);
    let anna = Importer::new(&scene, "anna");
    let _source = scene.serves(0, "anna", &[]);
    let yes = ["--consent", "fetch,import,serve", "--stay", "1h"];
    let answer = anna.imports(&[SOURCE], &["peer-0"], &yes).ends().done();
    assert_eq!(answer["library"], "forgets");
    assert_eq!(anna.one.kept(), 0);
}

#[test]
fn nothing_is_served_without_a_yes_to_just_that() {
    let scene = Scene::new(1, Model::SMALL);
    let anna = Importer::new(&scene, "anna");
    anna.one.learns_of(&scene.importer);
    fs::remove_file(scene.path("anna.offer")).unwrap();
    anna.offers(&[]).refused(1, "consent.denied");
    anna.offers(&["--consent", "serve"]).refused(1, "consent.denied");
    assert!(!scene.path("anna.offer").exists());

    let source = scene.serves(0, "anna", &[]);
    let import = anna.imports(&[SOURCE], &["importer"], &["--consent", Scene::YES]);
    let refused = import.ends().refused(1, "consent.denied");
    assert_eq!(refused["field"], "serve");
    assert!(refused["advice"].as_str().unwrap().contains(YES), "{refused}");
    assert!(grants(&anna.one, "serve").is_empty() && grants(&anna.one, "fetch").is_empty());
    assert_eq!(sum(&source.stop().done()["peer"]), 0, "something was fetched");
}

#[test]
fn what_cannot_be_served_is_found_before_anybody_is_asked() {
    let scene = Scene::new(1, Model::SMALL);
    let anna = Importer::new(&scene, "anna");
    let taken = TcpListener::bind(("127.0.0.1", anna.port)).unwrap();
    let _source = scene.serves(0, "anna", &[]);
    let import = anna.imports(&[SOURCE], &["peer-0"], &["--consent", YES]);
    import.ends().refused(3, "io.failed");
    drop(taken);
    fs::remove_file(scene.path("anna.request")).unwrap();
    let import = anna.imports(&[SOURCE], &["peer-0"], &["--consent", YES, "--bytes", "1"]);
    import.ends().refused(2, "usage.arguments");
    fs::remove_file(scene.path("anna.request")).unwrap();
    anna.imports(&[SOURCE], &["fred"], &["--consent", YES]).ends().refused(2, "usage.arguments");
    assert!(grants(&anna.one, "fetch").is_empty());
    assert_eq!(files(&anna.out()), [""; 0]);
}
