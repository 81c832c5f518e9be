//! What is being asked, done or told of one model: one thing at a time.

use std::path::PathBuf;

use app::library::{Checked, Found};
use app::ports::Footprint;
use app::problem::Problem;
use tokio::sync::oneshot;
use verifier::Sha256;
use verifier::identity::PeerId;

use super::message::{Command, News, Part, Placed, Work};
use super::repair::{Asking, Mended};
use super::{Action, Library};
use crate::screen::{Changed, Errand};
use crate::widget::page;
use crate::words;

/// What is being asked, done or told. Leaving a state that works ends its work.
#[derive(Debug)]
pub(super) enum Doing {
    Nothing,
    /// Whether to forget a model; what it takes is being found out, or is known.
    Asking(Sha256, Option<Footprint>),
    Forgetting(Sha256),
    Working(Working),
    /// Every kept piece was read.
    Checked(Sha256, Checked),
    /// Whether to fetch what is bad or missing.
    Agreeing(Sha256, Box<Asking>),
    /// Whom to ask for it.
    Choosing(Sha256, Vec<PeerId>),
    /// It came.
    Mended(Sha256, Mended),
    /// Where to put a model of which there is no file.
    Placing(Sha256, String),
    /// A sound file is there.
    Ready(Sha256, PathBuf, Reveal),
    Failed(Sha256, Problem, Way),
}

/// Long work, and the way to end it: dropping this.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) artifact: Sha256,
    pub(super) what: What,
    pub(super) part: Option<Part>,
    /// What it waits for.
    pub(super) said: Option<String>,
    _stop: oneshot::Sender<()>,
}

/// Which work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Checking,
    /// The same, to know what a repair has to fetch.
    Examining,
    Repairing,
    Finding,
    Exporting,
}

/// Whether the file manager was asked to show the file; whether it does, nobody says.
#[derive(Debug)]
pub(super) enum Reveal {
    Opening,
    Shown,
    Unable(Problem),
}

/// What can be done after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing but to read it.
    None,
    /// Choose another folder than this.
    Elsewhere(PathBuf),
    /// Choose whom to ask.
    Others,
}

impl Doing {
    pub(super) fn is_working(&self) -> bool {
        matches!(self, Self::Working(_) | Self::Forgetting(_))
    }

    /// Another model is selected: what only waits for an answer about the last one goes away.
    pub(super) fn look_away(&mut self) {
        if !self.is_working() {
            *self = Self::Nothing;
        }
    }
}

impl Library {
    pub(super) fn command(&mut self, command: Command) -> Action {
        match command {
            Command::AskToForget(artifact) if !self.doing.is_working() => {
                self.doing = Doing::Asking(artifact, None);
                return Action::work(Work::Weigh(artifact));
            }
            Command::Forget => {
                if let Doing::Asking(artifact, _) = self.doing {
                    self.doing = Doing::Forgetting(artifact);
                    return Action::work(Work::Forget(artifact));
                }
            }
            Command::Recheck(artifact) if !self.doing.is_working() => {
                let (run, stop) = self.begin(artifact, What::Checking);
                return Action::work(Work::Recheck { run, artifact, stop });
            }
            Command::Find(artifact) if !self.doing.is_working() => {
                let (run, stop) = self.begin(artifact, What::Finding);
                return Action::work(Work::Find { run, artifact, stop });
            }
            Command::Folder(typed) => {
                if let Doing::Placing(_, folder) = &mut self.doing {
                    *folder = typed;
                }
            }
            Command::Browse => {
                if let Doing::Placing(_, folder) = &self.doing {
                    let folder = PathBuf::from(folder);
                    return Action::work(Work::Browse { run: self.run, folder });
                }
            }
            Command::Export => {
                if let Doing::Placing(artifact, folder) = &self.doing {
                    let (artifact, folder) = (*artifact, PathBuf::from(folder.trim()));
                    let (run, stop) = self.begin(artifact, What::Exporting);
                    return Action::work(Work::Export { run, artifact, folder, stop });
                }
            }
            Command::Reveal => {
                if let Doing::Ready(_, path, reveal) = &mut self.doing {
                    *reveal = Reveal::Opening;
                    return Action::work(Work::Reveal { run: self.run, path: path.clone() });
                }
            }
            Command::Elsewhere => {
                if let Doing::Failed(artifact, _, Way::Elsewhere(folder)) = &self.doing {
                    self.doing = Doing::Placing(*artifact, folder.display().to_string());
                }
            }
            Command::Leave => {
                let told = match &self.doing {
                    Doing::Working(Working { what: What::Checking | What::Examining, .. }) => {
                        "The check is stopped."
                    }
                    Doing::Working(Working { what: What::Repairing, .. }) => {
                        "The repair is stopped. What came is kept."
                    }
                    Doing::Working(Working { what: What::Exporting, .. }) => {
                        "Stopped. No file was left behind."
                    }
                    // What is given up cannot be called back.
                    Doing::Forgetting(_) => return Action::none(),
                    _ => "",
                };
                self.doing = Doing::Nothing;
                if !told.is_empty() {
                    // A check that is stopped may have found something.
                    return Action::errand(Errand::Tell(told.to_owned()))
                        .and(Errand::Changed(Changed::Library));
                }
            }
            Command::AskToForget(_) | Command::Recheck(_) | Command::Find(_) => {}
        }
        Action::none()
    }

    /// Begins long work; whatever went on before is over.
    pub(super) fn begin(&mut self, artifact: Sha256, what: What) -> (u64, super::Stop) {
        self.run += 1;
        let (end, stop) = oneshot::channel();
        self.doing = Doing::Working(Working { artifact, what, part: None, said: None, _stop: end });
        (self.run, stop)
    }

    /// The model of the work with this number, if it is what goes on.
    pub(super) fn working(&mut self, run: u64) -> Option<&mut Working> {
        match &mut self.doing {
            Doing::Working(working) if run == self.run => Some(working),
            _ => None,
        }
    }

    pub(super) fn hear(&mut self, news: News) -> Action {
        match news {
            News::Weighed(artifact, outcome) => {
                if let Doing::Asking(asked, footprint) = &mut self.doing
                    && *asked == artifact
                {
                    match outcome {
                        Ok(found) => *footprint = found.or(Some(nothing(artifact))),
                        Err(problem) => self.fail(artifact, problem, Way::None),
                    }
                }
            }
            News::Forgotten(artifact, outcome) => return self.forgotten(artifact, outcome),
            News::Reached(run, part) => {
                if let Some(working) = self.working(run) {
                    working.part = Some(part);
                }
            }
            News::Checked(run, outcome) => {
                let Some(Working { artifact, .. }) = self.working(run) else {
                    return Action::none();
                };
                let artifact = *artifact;
                match outcome {
                    Ok(Some(checked)) => self.doing = Doing::Checked(artifact, checked),
                    Ok(None) => self.doing = Doing::Nothing,
                    Err(problem) => self.fail(artifact, problem, Way::None),
                }
                return Action::errand(Errand::Changed(Changed::Library));
            }
            News::Found(run, folder, outcome) => {
                let Some(Working { artifact, .. }) = self.working(run) else {
                    return Action::none();
                };
                let artifact = *artifact;
                match outcome {
                    Ok(Found::Sound(path)) => return self.ready(artifact, path),
                    Ok(Found::Absent) => {
                        self.doing = Doing::Placing(artifact, folder.display().to_string());
                    }
                    Err(problem) => self.fail(artifact, problem, Way::Elsewhere(folder)),
                }
            }
            News::Exported(run, outcome) => {
                let Some(Working { artifact, .. }) = self.working(run) else {
                    return Action::none();
                };
                let artifact = *artifact;
                return match outcome {
                    Ok(Placed { path, forgotten, trouble }) => {
                        let changed = Errand::Changed(Changed::Library);
                        let action = self.ready(artifact, path).and(changed);
                        let told = trouble.map(|trouble| page::told(&trouble));
                        let told = forgotten.into_iter().chain(told);
                        told.fold(action, |action, told| action.and(Errand::Tell(told)))
                    }
                    Err(problem) => {
                        self.fail(artifact, problem, Way::None);
                        // A piece that could not be read counts as missing from now on.
                        Action::errand(Errand::Changed(Changed::Library))
                    }
                };
            }
            News::Revealed(run, outcome) => {
                if let Doing::Ready(_, _, reveal) = &mut self.doing
                    && run == self.run
                {
                    *reveal = outcome.map_or_else(Reveal::Unable, |()| Reveal::Shown);
                }
            }
            News::Chosen(run, Some(chosen)) => {
                if let Doing::Placing(_, folder) = &mut self.doing
                    && run == self.run
                {
                    *folder = chosen.display().to_string();
                }
            }
            News::Chosen(_, None) => {}
            news @ (News::LookedWhatIsBad(..) | News::Repairing(..) | News::Repaired(..)) => {
                return self.hear_of_repair(news);
            }
        }
        Action::none()
    }

    fn ready(&mut self, artifact: Sha256, path: PathBuf) -> Action {
        self.doing = Doing::Ready(artifact, path.clone(), Reveal::Opening);
        Action::work(Work::Reveal { run: self.run, path })
    }

    pub(super) fn fail(&mut self, artifact: Sha256, problem: Problem, way: Way) {
        self.doing = Doing::Failed(artifact, problem, way);
    }

    fn forgotten(&mut self, artifact: Sha256, outcome: Result<Option<u64>, Problem>) -> Action {
        if !matches!(self.doing, Doing::Forgetting(forgotten) if forgotten == artifact) {
            return Action::none();
        }
        match outcome {
            Ok(freed) => {
                let name = self.name(artifact);
                self.doing = Doing::Nothing;
                let freed = words::bytes(freed.unwrap_or(0));
                let told = format!("{name} is forgotten; {freed} came free.");
                Action::errand(Errand::Tell(told)).and(Errand::Changed(Changed::Library))
            }
            Err(problem) => {
                self.fail(artifact, problem, Way::None);
                Action::none()
            }
        }
    }

    /// What a model is called.
    pub(super) fn name(&self, artifact: Sha256) -> String {
        self.kept(artifact).map_or_else(
            || "The model".to_owned(),
            |kept| format!("{} {}", kept.model.model_id, kept.model.model_version),
        )
    }
}

/// What a model takes that is not kept.
const fn nothing(artifact: Sha256) -> Footprint {
    Footprint { artifact, own: 0, shared: 0 }
}
