//! Making a `.slm` file ready to be served: it is read and checked, named, agreed to and kept.

mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::question::{Question, Yes};
use app::share::{Names, Survey};
use iced::Element;
use verifier::Sha256;
use verifier::manifest::Manifest;
use verifier::piece::PieceList;

use super::server::{Stop, Stopper, stop};
use super::{Action, Wanted};
use crate::context::Context;
use crate::screen::{Changed, Errand, Run};
use crate::widget::consent::{self, Answer, Card};
use crate::widget::page;

/// Who publishes a model where nobody says.
const PUBLISHER: &str = "local";

/// The file that is to be made ready, and the manifest that somebody else made for it, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The file.
    pub slm: PathBuf,
    /// The manifest.
    pub manifest: Option<PathBuf>,
}

/// What reading a file gave.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub slm: PathBuf,
    /// What is in it.
    pub survey: Survey,
    /// Where its manifest would be written.
    pub out: PathBuf,
    /// Whether something is there already.
    pub is_taken: bool,
}

/// A file with the manifest that names it.
#[derive(Debug)]
pub struct Ready {
    /// The file.
    pub slm: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// The digests of its pieces.
    pub list: Arc<PieceList>,
    /// Where the manifest is written, if it was made here.
    pub out: Option<PathBuf>,
}

/// A file whose model is in the library already, whole and pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The artifact.
    pub artifact: Sha256,
    /// Its id and version.
    pub name: String,
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The artifact.
    pub artifact: Sha256,
    /// Its id and version.
    pub name: String,
    /// Where its manifest is, if it was made here.
    pub manifest: Option<PathBuf>,
    /// What failed when its pieces were kept.
    pub trouble: Option<Problem>,
    /// What was given up to make room, and what came free.
    pub given_up: Vec<String>,
}

/// Work on the way.
#[derive(Debug)]
pub enum Work {
    /// Read the file and check it.
    Read(Run, Wish, Stop),
    /// Write its manifest, not to the disk yet.
    Draft(Run, Arc<Found>, Names, PathBuf),
    /// Keep its pieces and write its manifest; the user said yes.
    Keep(Run, Arc<Ready>, Yes, Stop),
}

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// The file's path was typed.
    Slm(String),
    /// The manifest's path was typed.
    Manifest(String),
    /// Choose a file.
    Choose(Wanted),
    /// Read it.
    Read,
    /// So many bytes of so many are read or kept.
    Progress(Run, u64, u64),
    /// The disk of this folder is full, or no disk is any more.
    Paused(Run, Option<Arc<Path>>),
    /// What is in the file, or why it is none.
    Found(Run, Result<Arc<Found>, Problem>),
    /// The file is in the library already, under a manifest that stays.
    Here(Run, Here),
    /// One of the names was typed.
    Name(Name, String),
    /// Where the manifest is written was typed.
    Out(String),
    /// Take the manifest that is there already.
    Existing,
    /// The names are right.
    Named,
    /// The manifest and the question, or why there is none.
    Ready(Run, Result<(Arc<Ready>, Box<Question>), Problem>),
    /// Something on the card.
    Card(consent::Message),
    /// The pieces are kept, or are not.
    Kept(Run, Result<Kept, Problem>),
    /// Stop what goes on.
    Cancel,
    /// Serve what was made ready.
    Serve,
    /// Leave.
    Leave,
}

/// One of the names of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Its id.
    Id,
    /// Its version.
    Version,
    /// Its name for people.
    Display,
    /// Who publishes it.
    Publisher,
    /// Where the licence is read.
    License,
    /// Where the model card is read.
    Card,
}

/// What the screen does next.
pub(super) enum Next {
    /// This.
    Action(Action),
    /// Shows how to serve a model.
    Serve(Sha256),
    /// Shows what can be served.
    Leave,
}

/// How far a file is.
#[derive(Debug, Default)]
pub(super) struct Preparing {
    /// Tells this form from others.
    form: Run,
    slm: String,
    manifest: String,
    problem: Option<Problem>,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Choosing,
    Reading(Running),
    Naming(Naming),
    Asking(Arc<Ready>, Box<Card>),
    Keeping(Running, Arc<Ready>),
    Here(Here),
    Done(Kept),
}

/// Work that goes on; it ends when this is dropped.
#[derive(Debug)]
struct Running {
    run: Run,
    done: u64,
    total: u64,
    /// The folder whose disk is full, if that is waited for.
    paused: Option<Arc<Path>>,
    _stopper: Stopper,
}

#[derive(Debug)]
struct Naming {
    run: Run,
    found: Arc<Found>,
    names: Names,
    out: String,
    is_sent: bool,
}

impl Running {
    fn new(total: u64) -> (Self, Run, Stop) {
        let (run, (stopper, stop)) = (Run::default(), stop());
        (Self { run: run.clone(), done: 0, total, paused: None, _stopper: stopper }, run, stop)
    }
}

impl Preparing {
    /// Whether something goes on or is filled in that another file would end.
    pub(super) const fn is_busy(&self) -> bool {
        matches!(self.stage, Stage::Reading(_) | Stage::Naming(_) | Stage::Keeping(..))
    }

    /// What a file is chosen for now.
    pub(super) const fn form(&self) -> &Run {
        match &self.stage {
            Stage::Naming(naming) => &naming.run,
            _ => &self.form,
        }
    }

    /// What goes on, as a clause.
    pub(super) fn at_work(&self) -> Option<String> {
        match &self.stage {
            Stage::Reading(_) => Some(format!("checking {}", self.slm)),
            Stage::Keeping(_, ready) => Some(format!("keeping {}", ready.manifest.model_id())),
            _ => None,
        }
    }

    /// A file was dropped: a model is read at once, a manifest waits for its model.
    pub(super) fn dropped(&mut self, path: PathBuf) -> Action {
        self.stage = Stage::Choosing;
        self.problem = None;
        let is_manifest = path.extension().is_some_and(|extension| extension == "manifest");
        self.chosen(if is_manifest { &Wanted::Manifest } else { &Wanted::Slm }, path)
    }

    pub(super) fn chosen(&mut self, wanted: &Wanted, path: PathBuf) -> Action {
        let text = path.display().to_string();
        match (wanted, &mut self.stage) {
            (Wanted::Slm, Stage::Choosing) => {
                self.slm = text;
                return self.read();
            }
            (Wanted::Manifest, Stage::Choosing) => self.manifest = text,
            (Wanted::New(_), Stage::Naming(naming)) => naming.out = text,
            _ => {}
        }
        Action::none()
    }

    fn read(&mut self) -> Action {
        let slm = self.slm.trim();
        if slm.is_empty() || !matches!(self.stage, Stage::Choosing) {
            return Action::none();
        }
        let manifest = self.manifest.trim();
        let wish = Wish {
            slm: PathBuf::from(slm),
            manifest: (!manifest.is_empty()).then(|| PathBuf::from(manifest)),
        };
        self.problem = None;
        let (running, run, stop) = Running::new(0);
        self.stage = Stage::Reading(running);
        work(Work::Read(run, wish, stop))
    }

    pub(super) fn update(&mut self, message: Message) -> Next {
        match message {
            Message::Serve => {
                if let Stage::Done(Kept { artifact, .. }) | Stage::Here(Here { artifact, .. }) =
                    &self.stage
                {
                    return Next::Serve(*artifact);
                }
            }
            Message::Leave => return Next::Leave,
            message => return Next::Action(self.hear(message)),
        }
        Next::Action(Action::none())
    }

    fn hear(&mut self, message: Message) -> Action {
        match (message, &mut self.stage) {
            (Message::Slm(typed), Stage::Choosing) => self.slm = typed,
            (Message::Manifest(typed), Stage::Choosing) => self.manifest = typed,
            (Message::Choose(wanted), _) => {
                return Action::work(super::Work::Choose(self.form().clone(), wanted));
            }
            (Message::Read, _) => return self.read(),
            (
                Message::Progress(run, done, total),
                Stage::Reading(running) | Stage::Keeping(running, _),
            ) if running.run == run => (running.done, running.total) = (done, total),
            (Message::Paused(run, place), Stage::Keeping(running, _)) if running.run == run => {
                running.paused = place;
            }
            (Message::Found(run, found), Stage::Reading(running)) if running.run == run => {
                self.found(found);
            }
            (Message::Here(run, here), Stage::Reading(running)) if running.run == run => {
                self.stage = Stage::Here(here);
            }
            (Message::Name(name, typed), Stage::Naming(naming)) => naming.set(name, typed),
            (Message::Out(typed), Stage::Naming(naming)) => naming.out = typed,
            (Message::Existing, Stage::Naming(naming)) => {
                self.manifest = naming.found.out.display().to_string();
                self.stage = Stage::Choosing;
                return self.read();
            }
            (Message::Named, Stage::Naming(naming)) => {
                self.problem = None;
                return naming.named();
            }
            (Message::Ready(run, ready), Stage::Naming(Naming { run: this, .. }))
                if *this == run =>
            {
                self.ready(ready);
            }
            (Message::Ready(run, ready), Stage::Reading(running)) if running.run == run => {
                self.ready(ready);
            }
            (Message::Card(message), Stage::Asking(..)) => return self.card(message),
            (Message::Kept(run, kept), Stage::Keeping(running, _)) if running.run == run => {
                return self.kept(kept);
            }
            (Message::Cancel, _) => self.stage = Stage::Choosing,
            _ => {}
        }
        Action::none()
    }

    fn found(&mut self, found: Result<Arc<Found>, Problem>) {
        match found {
            Ok(found) => {
                let stem = found.slm.file_stem().unwrap_or_default().to_string_lossy();
                let names = Names::guess(&stem, PUBLISHER);
                let out = free(&found).display().to_string();
                self.stage = Stage::Naming(Naming {
                    run: Run::default(),
                    found,
                    names,
                    out,
                    is_sent: false,
                });
            }
            Err(problem) => {
                self.problem = Some(problem);
                self.stage = Stage::Choosing;
            }
        }
    }

    fn ready(&mut self, ready: Result<(Arc<Ready>, Box<Question>), Problem>) {
        match (ready, &mut self.stage) {
            (Ok((ready, question)), _) => {
                self.stage = Stage::Asking(ready, Box::new(Card::new(*question)));
            }
            (Err(problem), Stage::Naming(naming)) => {
                naming.is_sent = false;
                self.problem = Some(problem);
            }
            (Err(problem), _) => {
                self.problem = Some(problem);
                self.stage = Stage::Choosing;
            }
        }
    }

    fn card(&mut self, message: consent::Message) -> Action {
        let Stage::Asking(ready, card) = &mut self.stage else { return Action::none() };
        match card.update(message) {
            Answer::Waiting => Action::none(),
            Answer::No => {
                self.stage = Stage::Choosing;
                Action::none()
            }
            Answer::Yes(yes) => {
                let ready = Arc::clone(ready);
                let (running, run, stop) = Running::new(ready.manifest.byte_count());
                self.stage = Stage::Keeping(running, Arc::clone(&ready));
                work(Work::Keep(run, ready, yes, stop))
            }
        }
    }

    fn kept(&mut self, kept: Result<Kept, Problem>) -> Action {
        match kept {
            Ok(kept) => {
                let mut line = format!("{} is ready to be served.", kept.name);
                if let Some(trouble) = &kept.trouble {
                    line = format!("{line} {}", page::told(trouble));
                }
                self.stage = Stage::Done(kept);
                Action::errand(Errand::Tell(line)).and(Errand::Changed(Changed::Library))
            }
            Err(problem) => {
                self.problem = Some(problem);
                self.stage = Stage::Choosing;
                Action::none()
            }
        }
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        view::view(self, cx)
    }
}

impl Naming {
    fn set(&mut self, name: Name, typed: String) {
        let names = &mut self.names;
        match name {
            Name::Id => names.id = typed,
            Name::Version => names.version = typed,
            Name::Display => names.display = (!typed.is_empty()).then_some(typed),
            Name::Publisher => names.publisher = typed,
            Name::License => names.license = typed,
            Name::Card => names.card = typed,
        }
    }

    fn is_ready(&self) -> bool {
        !self.is_sent && !self.out.trim().is_empty() && self.names.faults().is_empty()
    }

    fn named(&mut self) -> Action {
        if !self.is_ready() {
            return Action::none();
        }
        self.is_sent = true;
        let out = PathBuf::from(self.out.trim());
        work(Work::Draft(self.run.clone(), Arc::clone(&self.found), self.names.clone(), out))
    }
}

/// Where the manifest goes: beside the file, under another name if that one is taken.
fn free(found: &Found) -> PathBuf {
    if !found.is_taken {
        return found.out.clone();
    }
    let stem = found.out.file_stem().unwrap_or_default().to_string_lossy();
    let folder = found.out.parent().unwrap_or_else(|| Path::new(""));
    folder.join(format!("{stem}-new.manifest"))
}

fn work(work: Work) -> Action {
    Action::work(super::Work::Prepare(work))
}
