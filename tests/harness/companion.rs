//! One installation of the program: a person's key, library and logs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::answer::Answer;
use super::running::Running;

/// An address that nobody is ever called on: tickets have to name one.
const NOWHERE: &str = "mmp://127.0.0.1:9";

/// Where people read the licence and the card of what is prepared.
pub const ROUTES: [&str; 4] = ["--license-route", "/license.md", "--model-card-route", "/card.md"];

/// One installation, with a data folder of its own.
#[derive(Debug, Clone)]
pub struct Companion {
    /// What others call it.
    pub name: String,
    /// Its data folder.
    pub data: PathBuf,
    folder: PathBuf,
}

impl Companion {
    /// An installation that keeps its data under `folder` and is started there.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), data: folder.join(name), folder: folder.to_owned() }
    }

    /// Starts a command that answers in JSON.
    pub fn start(&self, words: &[&str]) -> Running {
        let mut words = self.words(words);
        words.push("--json".to_owned());
        Running::start(&self.folder, &words)
    }

    /// The same in a process that may have so many files open at a time.
    #[cfg(unix)]
    pub fn start_with_few_files(&self, files: u32, words: &[&str]) -> Running {
        let mut words = self.words(words);
        words.push("--json".to_owned());
        Running::start_with_few_files(&self.folder, files, &words)
    }

    /// Runs a command that answers in JSON; nobody is there who could be asked.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> Answer {
        self.start(words).stop()
    }

    /// Runs a command that answers in lines.
    #[track_caller]
    pub fn run_in_lines(&self, words: &[&str]) -> Answer {
        Running::start(&self.folder, &self.words(words)).stop()
    }

    /// Runs a command that must be refused, in lines and in JSON: both must say the same.
    #[track_caller]
    pub fn refuses(&self, words: &[&str], status: i32, code: &str) -> Value {
        let lines = self.run_in_lines(words);
        let json = self.run(words).refused(status, code);
        let field = lines.refused_in_lines(status, code);
        assert_eq!(json["field"].as_str().unwrap().replace(' ', "_"), field);
        json
    }

    /// The id by which peers know it, which inviting somebody makes if there is none yet.
    #[track_caller]
    pub fn id(&self) -> String {
        let invitation = self.run(&["peer", "invite", "--address", NOWHERE]).done();
        invitation["peer_id"].as_str().unwrap().to_owned()
    }

    /// Lets it prepare a model of which it says where licence and card are read.
    #[track_caller]
    pub fn prepares(&self, slm: &str, more: &[&str]) -> Value {
        let words = ["share", "prepare", slm, "--consent", "cache"];
        self.run(&[&words[..], &ROUTES, more].concat()).done()
    }

    /// Lets this one know `other`, as after reading its ticket; not the other way round.
    #[track_caller]
    pub fn learns_of(&self, other: &Self) {
        let invite = ["peer", "invite", "--address", NOWHERE, "--label", &other.name];
        let invitation = other.run(&invite).done();
        let ticket = invitation["ticket"].as_str().unwrap();
        self.run(&["peer", "add", ticket, "--yes"]).done();
    }

    /// Pairs both.
    #[track_caller]
    pub fn pairs_with(&self, other: &Self) {
        self.learns_of(other);
        other.learns_of(self);
    }

    /// How many pieces of the only model are kept here; none if there is no model.
    #[track_caller]
    pub fn kept(&self) -> u64 {
        let library = self.run(&["library", "list"]).done();
        assert!(library["model_count"].as_u64().unwrap() <= 1, "{library}");
        library["model"][0]["kept"].as_u64().unwrap_or(0)
    }

    /// The file in which its library keeps the pieces of the only model.
    #[track_caller]
    pub fn kept_file(&self) -> PathBuf {
        let all = std::fs::read_dir(self.data.join("store/artifacts")).unwrap();
        let files = all.map(|entry| entry.unwrap().path());
        let is_kept = |path: &PathBuf| {
            path.extension().is_some_and(|ending| ending == "part" || ending == "slm")
        };
        let [file] = &files.filter(is_kept).collect::<Vec<_>>()[..] else {
            panic!("there is more than one model, or none");
        };
        file.clone()
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let data = ["--data-dir", self.data.to_str().unwrap()];
        words.iter().chain(&data).map(|word| (*word).to_owned()).collect()
    }
}
