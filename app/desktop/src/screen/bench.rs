//! The screen `bench`: how fast this machine verifies, beside the raw speed of the hashes.

mod chart;
mod files;
mod form;
mod run;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use app::bench::{Build, Comparison, Plan, Report, Row};
use app::problem::Problem;
use iced::Element;
use iced::advanced::widget::Id;

use super::Errand;
use crate::context::Context;
use chart::Chart;
use files::{Naming, Purpose};
use form::Form;
use run::Running;

pub use chart::Message as ChartMessage;
pub use files::{Message as FileMessage, Purpose as FilePurpose};
pub use form::{Message as FormMessage, Run};
pub use run::{Ended, Going, News, Wanted};

/// What the screen asks for.
pub type Action = super::Action<Work>;

/// Work that the screen wants done.
#[derive(Debug)]
pub enum Work {
    /// Measure, telling how it goes under that number for as long as it is wanted.
    Measure {
        /// The run's number.
        number: u64,
        /// What to measure.
        plan: Plan,
        /// Whether to go on.
        wanted: Wanted,
    },
    /// Write figures to a new file.
    Save(PathBuf, Arc<Report>),
    /// Read figures that were saved.
    Read(PathBuf),
    /// Let the user look for a file.
    Choose(Purpose),
}

/// What happens on the screen, or comes of its work.
#[derive(Debug, Clone)]
pub enum Message {
    /// The form is filled in.
    Form(FormMessage),
    /// Measure.
    Measure,
    /// Stop measuring.
    Stop,
    /// How the run with that number goes.
    News(u64, News),
    /// The chart is looked at.
    Chart(ChartMessage),
    /// A file is named, or comes of it.
    Files(FileMessage),
    /// Compare with nothing any more.
    Alone,
    /// Put the figures on the clipboard.
    Copy,
}

/// The screen's state.
#[derive(Debug)]
pub struct Bench {
    /// The program that measures.
    build: Build,
    form: Form,
    stage: Stage,
    chart: Chart,
    earlier: Option<Earlier>,
    naming: Option<Naming>,
    runs: u64,
}

/// How far a run has come.
#[derive(Debug)]
enum Stage {
    /// Nothing is measured yet.
    Empty,
    /// A run goes on.
    Running(Running),
    /// A run was stopped, and comes to its end; the figures of the run before are shown.
    Stopping(u64, Option<Arc<Report>>),
    /// Everything is measured.
    Measured(Arc<Report>),
    /// The run failed; the figures of the run before are shown.
    Failed(Problem, Option<Arc<Report>>),
}

/// Figures that were saved, and what changed since.
#[derive(Debug)]
struct Earlier {
    path: PathBuf,
    report: Arc<Report>,
    comparison: Option<Comparison>,
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            build: Build::this(),
            form: Form::default(),
            stage: Stage::Empty,
            chart: Chart::default(),
            earlier: None,
            naming: None,
            runs: 0,
        }
    }
}

impl Stage {
    /// The figures of a run that came to its end.
    const fn report(&self) -> Option<&Arc<Report>> {
        match self {
            Self::Empty | Self::Running(_) => None,
            Self::Measured(report) => Some(report),
            Self::Stopping(_, before) | Self::Failed(_, before) => before.as_ref(),
        }
    }

    /// Takes the figures of a run that came to its end.
    fn into_report(self) -> Option<Arc<Report>> {
        match self {
            Self::Empty => None,
            Self::Running(running) => running.before,
            Self::Measured(report) => Some(report),
            Self::Stopping(_, before) | Self::Failed(_, before) => before,
        }
    }
}

impl From<Option<Arc<Report>>> for Stage {
    fn from(report: Option<Arc<Report>>) -> Self {
        report.map_or(Self::Empty, Self::Measured)
    }
}

impl Bench {
    /// The screen is about to be shown, or something changed that it shows.
    pub fn enter(&mut self) -> Action {
        Action::none()
    }

    /// Hears what happened.
    pub fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Form(message) => {
                self.form.update(message);
                Action::none()
            }
            Message::Measure => self.measure(),
            Message::Stop => {
                let stage = std::mem::replace(&mut self.stage, Stage::Empty);
                self.stage = match stage {
                    Stage::Running(running) => Stage::Stopping(running.number, running.stop()),
                    other => other,
                };
                self.show_other();
                Action::none()
            }
            Message::News(number, news) => {
                self.hear(number, news);
                Action::none()
            }
            Message::Chart(message) => {
                let rows = rows(&self.stage, self.earlier.as_ref());
                let errand = self.chart.update(message, rows);
                errand.map_or_else(Action::none, Action::errand)
            }
            Message::Files(message) => self.file(message),
            Message::Alone => {
                self.earlier = None;
                if self.stage.report().is_none() {
                    self.chart.reset();
                }
                Action::none()
            }
            Message::Copy => match self.stage.report() {
                Some(report) => {
                    let text = String::from_utf8_lossy(&report.write()).into_owned();
                    Action::errand(Errand::Copy(text))
                }
                None => Action::none(),
            },
        }
    }

    fn measure(&mut self) -> Action {
        if matches!(self.stage, Stage::Running(_) | Stage::Stopping(..)) {
            return Action::none();
        }
        let Some(plan) = self.form.plan() else { return Action::none() };
        self.runs += 1;
        let (going, wanted) = Going::new();
        let before = std::mem::replace(&mut self.stage, Stage::Empty).into_report();
        self.stage = Stage::Running(Running::new(self.runs, plan.samples, going, before));
        self.show_other();
        Action::work(Work::Measure { number: self.runs, plan, wanted })
    }

    fn hear(&mut self, number: u64, news: News) {
        match (&mut self.stage, news) {
            (Stage::Running(running), News::Ended(ended)) if running.number == number => {
                let before = running.before.take();
                self.stage = match ended {
                    Ended::Done(report) => Stage::Measured(report),
                    Ended::Stopped => before.into(),
                    Ended::Failed(problem) => Stage::Failed(problem, before),
                };
                self.compare();
            }
            (Stage::Running(running), news) if running.number == number => running.hear(news),
            (Stage::Stopping(stopped, before), News::Ended(_)) if *stopped == number => {
                self.stage = before.take().into();
            }
            _ => {}
        }
    }

    fn file(&mut self, message: FileMessage) -> Action {
        match message {
            FileMessage::Open(purpose) => {
                self.naming = Some(Naming::new(purpose));
                Action::errand(Errand::Focus(Id::new(files::PATH)))
            }
            FileMessage::Close => {
                self.naming = None;
                Action::none()
            }
            FileMessage::Typed(path) => {
                if let Some(naming) = &mut self.naming {
                    naming.typed(path);
                }
                Action::none()
            }
            FileMessage::Choose => match &self.naming {
                Some(naming) => Action::work(Work::Choose(naming.purpose)),
                None => Action::none(),
            },
            FileMessage::Chosen(purpose, path) => match (&mut self.naming, path) {
                (Some(naming), Some(path)) if naming.purpose == purpose => {
                    naming.typed(path.to_string_lossy().into_owned());
                    self.take()
                }
                _ => Action::none(),
            },
            FileMessage::Take => self.take(),
            FileMessage::Saved(Ok(path)) => {
                self.naming = None;
                Action::errand(Errand::Tell(format!("Saved to {}.", path.display())))
            }
            FileMessage::Saved(Err(problem)) => {
                if let Some(naming) = &mut self.naming {
                    naming.fail(problem);
                }
                Action::none()
            }
            FileMessage::Read(path, outcome) => {
                // Another file may have been named meanwhile.
                match (&mut self.naming, outcome) {
                    (Some(naming), Ok(report)) if naming.is_about(&path) => {
                        self.naming = None;
                        self.earlier = Some(Earlier { path, report, comparison: None });
                        self.compare();
                    }
                    (Some(naming), Err(problem)) if naming.is_about(&path) => naming.fail(problem),
                    _ => {}
                }
                Action::none()
            }
        }
    }

    /// Does what the named file is for.
    fn take(&mut self) -> Action {
        let Some(naming) = &mut self.naming else { return Action::none() };
        let Some(path) = naming.take() else { return Action::none() };
        match (naming.purpose, self.stage.report()) {
            (Purpose::Save, Some(report)) => Action::work(Work::Save(path, Arc::clone(report))),
            (Purpose::Save, None) => Action::none(),
            (Purpose::Compare, _) => Action::work(Work::Read(path)),
        }
    }

    /// Says anew what changed since the earlier run.
    fn compare(&mut self) {
        if let Some(earlier) = &mut self.earlier {
            earlier.comparison = self.stage.report().map(|now| now.since(&earlier.report));
        }
    }

    /// Other figures are shown from now on.
    fn show_other(&mut self) {
        self.chart.reset();
        self.compare();
        if self.naming.as_ref().is_some_and(|naming| naming.purpose == Purpose::Save) {
            self.naming = None;
        }
    }

    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        view::view(self, cx)
    }
}

/// The figures that are shown: those of the run that goes on or was the last, else those that
/// were saved.
fn rows<'a>(stage: &'a Stage, earlier: Option<&'a Earlier>) -> &'a [Row] {
    match (stage, stage.report(), earlier) {
        (Stage::Running(running), _, _) => &running.rows,
        (_, Some(report), _) => &report.rows,
        (_, None, Some(earlier)) => &earlier.report.rows,
        (_, None, None) => &[],
    }
}
