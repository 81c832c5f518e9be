//! Writing the file by which the user tells others of a model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::pairing::DEFAULT_PORT;
use app::ports::Model;
use app::problem::Problem;
use app::quantity::Span;
use app::question::Question;
use iced::widget::{column, row};
use iced::{Center, Element};
use verifier::Sha256;
use verifier::request::PeerMessages;

use super::offering::said;
use super::{Action, Fresh, Message as Outer, Wanted, Work};
use crate::context::Context;
use crate::screen::Run;
use crate::theme::Space;
use crate::widget::consent::{self, Answer, Card};
use crate::widget::control::Kind;
use crate::widget::{mark, page};

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The model.
    pub artifact: Sha256,
    /// Where this machine is called; where it is empty, what it finds.
    pub addresses: Vec<String>,
    /// How long it holds, in seconds.
    pub span: u64,
    /// Where it is written.
    pub file: PathBuf,
}

/// An announcement that is signed and not written yet.
#[derive(Debug, Clone)]
pub struct Announced {
    /// What is told.
    pub telling: Telling,
    /// The model.
    pub model: Model,
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// The question whether it may be written.
    pub question: Question,
}

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// The addresses were typed.
    Addresses(String),
    /// The span was typed.
    Span(String),
    /// Where it is written was typed.
    File(String),
    /// Choose where.
    Choose,
    /// Ask for the yes.
    Continue,
    /// Something on the card.
    Card(consent::Message),
}

/// The form, and the question when there is one.
#[derive(Debug)]
pub(super) struct Announcing {
    /// Tells this form from others.
    form: Run,
    model: Arc<Model>,
    guess: String,
    addresses: String,
    span: String,
    file: String,
    problem: Option<Problem>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Filling,
    /// The announcement and its question are being made, or it is being written.
    Waiting(Run),
    Asking(Box<Announced>, Box<Card>),
}

impl Announcing {
    pub(super) fn new(fresh: &Fresh) -> Self {
        Self {
            form: Run::default(),
            model: Arc::new(fresh.model.clone()),
            guess: match fresh.listen.port() {
                0 => said(&fresh.hosts, DEFAULT_PORT),
                port => said(&fresh.hosts, port),
            },
            addresses: fresh.addresses.join(" "),
            span: "1d".to_owned(),
            file: fresh.file.display().to_string(),
            problem: None,
            stage: Stage::Filling,
        }
    }

    pub(super) const fn form(&self) -> &Run {
        &self.form
    }

    pub(super) fn chosen(&mut self, path: &Path) {
        self.file = path.display().to_string();
    }

    fn span(&self) -> Result<u64, String> {
        Span::at_most(&self.span, PeerMessages::V0.announcement_window)
            .map(|Span(span)| span)
            .map_err(|error| error.to_string())
    }

    fn telling(&self) -> Option<Telling> {
        let file = self.file.trim();
        let addresses = self.addresses.split([' ', ',', ';', '\t']);
        Some(Telling {
            artifact: self.model.artifact,
            addresses: addresses.filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            span: self.span().ok()?,
            file: (!file.is_empty()).then(|| PathBuf::from(file))?,
        })
    }

    pub(super) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Addresses(typed) => self.addresses = typed,
            Message::Span(typed) => self.span = typed,
            Message::File(typed) => self.file = typed,
            Message::Choose => {
                let wanted = Wanted::New(PathBuf::from(self.file.trim()));
                return Action::work(Work::Choose(self.form.clone(), wanted));
            }
            Message::Continue => {
                if let (Stage::Filling, Some(telling)) = (&self.stage, self.telling()) {
                    self.problem = None;
                    return Action::work(Work::Draft(self.wait(), telling));
                }
            }
            Message::Card(message) => {
                if let Stage::Asking(announced, card) = &mut self.stage {
                    match card.update(message) {
                        Answer::Waiting => {}
                        Answer::No => self.stage = Stage::Filling,
                        Answer::Yes(yes) => {
                            let announced = announced.clone();
                            return Action::work(Work::Announce(self.wait(), announced, yes));
                        }
                    }
                }
            }
        }
        Action::none()
    }

    /// Waits for an answer, and for no other from now on.
    fn wait(&mut self) -> Run {
        let run = Run::default();
        self.stage = Stage::Waiting(run.clone());
        run
    }

    /// Whether the answer to that is awaited.
    pub(super) fn awaits(&self, run: &Run) -> bool {
        matches!(&self.stage, Stage::Waiting(awaited) if awaited == run)
    }

    pub(super) fn drafted(&mut self, run: &Run, drafted: Result<Box<Announced>, Problem>) {
        if !self.awaits(run) {
            return;
        }
        match drafted {
            Ok(announced) => {
                let card = Card::new(announced.question.clone());
                self.stage = Stage::Asking(announced, Box::new(card));
            }
            Err(problem) => self.failed(problem),
        }
    }

    pub(super) fn failed(&mut self, problem: Problem) {
        self.stage = Stage::Filling;
        self.problem = Some(problem);
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Outer> {
        if let Stage::Asking(announced, card) = &self.stage {
            let yes = format!("Write that I have {}", self.model.model_id);
            let file = announced.telling.file.display().to_string();
            let view = card.view(cx, yes, vec![("File".to_owned(), file)]);
            return view.map(Message::Card).map(Outer::Announcing);
        }
        let ready = matches!(self.stage, Stage::Filling) && self.telling().is_some();
        let ready = ready.then_some(Message::Continue);
        let addresses = page::field(cx, &self.guess, &self.addresses, Message::Addresses)
            .on_submit_maybe(ready.clone());
        let span = page::field(cx, "1d", &self.span, Message::Span).on_submit_maybe(ready.clone());
        let file = page::field(cx, "tiny.minimodel-peer-source", &self.file, Message::File)
            .on_submit_maybe(ready.clone());
        let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose);
        let file = row![file, choose].spacing(cx.space(Space::Narrow)).align_y(Center);
        let empty = self.file.trim().is_empty().then(|| "a file has to be named".to_owned());
        let mut parts = column![
            page::muted(
                cx,
                "An announcement is a small file. It says your peer id, where you are called and \
                 that you have this model. Nothing is sent: you hand it over yourself, and nobody \
                 can fetch without your yes to serve."
            ),
            mark::entry(
                cx,
                "Where others call you",
                addresses,
                None,
                "Empty for this machine's address in its network."
            ),
            mark::entry(cx, "How long it holds", span, self.span().err(), "A day at most."),
            mark::entry(cx, "Where it is written", file, empty, "Nothing may be there yet.")
        ]
        .spacing(cx.space(Space::Normal));
        if let Some(problem) = &self.problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        let button = page::button(cx, "Continue", Kind::Primary).on_press_maybe(ready);
        let view: Element<'a, Message> =
            page::section(cx, "What it says", parts.push(row![button])).into();
        view.map(Outer::Announcing)
    }
}
