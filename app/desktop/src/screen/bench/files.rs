//! Where figures are saved to, and which earlier ones they are compared with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::bench::Report;
use app::problem::Problem;
use iced::widget::{column, row};
use iced::{Element, Fill};
use verifier::Code;

use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;

/// By what name the field for the path is found.
pub(super) const PATH: &str = "bench-path";

/// What a file is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To keep the figures in.
    Save,
    /// To compare the figures with.
    Compare,
}

impl Purpose {
    const fn title(self) -> &'static str {
        match self {
            Self::Save => "Save these figures to a new file",
            Self::Compare => "Compare with figures that were saved",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Save => "Save",
            Self::Compare => "Compare",
        }
    }
}

/// The line on which a file is named.
#[derive(Debug)]
pub(super) struct Naming {
    /// What the file is for.
    pub purpose: Purpose,
    path: String,
    problem: Option<Problem>,
}

/// What the user does there, or comes of it.
#[derive(Debug, Clone)]
pub enum Message {
    /// Names a file for that.
    Open(Purpose),
    /// Names none.
    Close,
    /// Types its path.
    Typed(String),
    /// Looks for it in the desktop's own window.
    Choose,
    /// Chose it there, or none.
    Chosen(Purpose, Option<PathBuf>),
    /// Takes the path.
    Take,
    /// The figures are saved there, or are not.
    Saved(Result<PathBuf, Problem>),
    /// Those earlier figures were read, or could not be.
    Read(PathBuf, Result<Arc<Report>, Problem>),
}

impl Naming {
    /// A line without a path yet.
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self { purpose, path: String::new(), problem: None }
    }

    /// Types the path.
    pub(super) fn typed(&mut self, path: String) {
        self.path = path;
        self.problem = None;
    }

    /// The path, if it is whole; what is wrong with it is shown.
    pub(super) fn take(&mut self) -> Option<PathBuf> {
        let path = PathBuf::from(self.path.trim());
        if path.is_absolute() {
            self.problem = None;
            return Some(path);
        }
        let what = match self.path.trim() {
            "" => "no file is named".to_owned(),
            typed => format!("`{typed}` does not start at the root"),
        };
        let code = Code::new("usage", "arguments");
        self.fail(Problem::new(code, what, "Give the whole path, or choose a file."));
        None
    }

    /// Whether it is about that file.
    pub(super) fn is_about(&self, path: &Path) -> bool {
        Path::new(self.path.trim()) == path
    }

    /// Shows what went wrong.
    pub(super) fn fail(&mut self, problem: Problem) {
        self.problem = Some(problem);
    }

    /// The line.
    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let field = page::field(cx, "/home/anna/bench.json", &self.path, Message::Typed)
            .id(PATH)
            .on_submit(Message::Take)
            .width(Fill);
        let line = row![
            field,
            page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose),
            page::button(cx, self.purpose.verb(), Kind::Primary).on_press(Message::Take),
            page::button(cx, "Cancel", Kind::Plain).on_press(Message::Close)
        ]
        .spacing(cx.space(Space::Narrow));
        let mut parts =
            column![page::body(cx, self.purpose.title()), line].spacing(cx.space(Space::Narrow));
        if let Some(problem) = &self.problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        page::note(cx, parts, style::noted).into()
    }
}
