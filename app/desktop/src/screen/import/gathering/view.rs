//! What is shown before an import begins.

use app::naming::{people, short_peer};
use app::quantity::Span;
use app::request::{Document, Missing};
use iced::widget::{Column, Row, column, keyed, row};
use iced::{Center, Element, Fill, Length};
use verifier::identity::PeerId;

use super::{Chooser, Gathering, Message, Ready, Refused, Stage};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

/// What is said when a chooser gave nothing.
const NOTHING: &str = "Nothing was chosen. If no chooser opened, type the path instead.";

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Answer,
    Pair,
    Documents,
    Folder,
}

/// By what name the field for the path of a file is found.
const FILE: &str = "import-file";
/// By what name the field for the folder is found.
const FOLDER: &str = "import-folder";

impl Gathering {
    /// The import as it is put together; `conflict` is the import of the same model that runs.
    pub(in crate::screen::import) fn view<'a>(
        &'a self,
        cx: &Context<'_>,
        conflict: Option<&str>,
    ) -> Element<'a, Message> {
        // What waits for the user comes first, once it is there.
        let first = match &self.stage {
            Stage::Open => None,
            Stage::Planning => {
                let words = page::body(cx, "Working out what will move…");
                Some(page::card(cx, words).into())
            }
            Stage::Ready(ready) => Some(match conflict {
                Some(name) => busy(cx, name),
                None => ready.view(cx),
            }),
            Stage::Refused(refused) => Some(refused.view(cx)),
        };
        // So does pairing, where it is what is missing.
        let pair = self.tickets.view(cx).map(Message::Pair);
        let mut rest = vec![(Part::Documents, self.documents(cx)), (Part::Folder, self.folder(cx))];
        let place = if self.needs_pairing() || self.tickets.is_open() { 0 } else { rest.len() };
        rest.insert(place, (Part::Pair, pair));
        let parts = first.map(|first| (Part::Answer, first)).into_iter().chain(rest);
        // A field keeps the keyboard wherever its part goes. The toolkit takes for granted that
        // what has one key is always of one kind, so each part is a column.
        let parts = parts.map(|(part, content)| (part, column![content].into()));
        keyed::Column::with_children(parts).spacing(cx.space(Space::Normal)).width(Fill).into()
    }

    /// Whether a peer would be asked if the user were paired with it.
    fn needs_pairing(&self) -> bool {
        match &self.stage {
            Stage::Ready(ready) => {
                let plan = &ready.outlook.plan;
                !plan.have().is_full() && !plan.not_paired().is_empty()
            }
            Stage::Refused(refused) => !refused.strangers.is_empty(),
            Stage::Open | Stage::Planning => false,
        }
    }

    fn documents<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let what = match self.gathered.missing() {
            Some(Missing::Everything) => {
                "Drop a request and its manifest on this window, or a manifest and the offers of \
                 the peers that have the model. You can also choose the files, or type where they \
                 are."
            }
            Some(Missing::Manifest) => "The manifest is missing: it says what the model must be.",
            Some(Missing::Peers) => {
                "A request is missing, or an offer of at least one peer: it says whom to ask."
            }
            None => "Everything is here. More offers can be added.",
        };
        let lines = self.gathered.documents().iter().enumerate();
        let lines = lines.map(|(place, document)| self.document(cx, place, document));
        let field = page::field(cx, "/path/to/a/file", &self.typed, Message::Typed)
            .id(FILE)
            .on_submit(Message::Add);
        let can_add = (!self.typed.trim().is_empty()).then_some(Message::Add);
        let entry = row![
            field,
            page::button(cx, "Add", Kind::Plain).on_press_maybe(can_add),
            page::button(cx, "Choose files…", Kind::Plain).on_press(Message::Choose)
        ]
        .spacing(cx.space(Space::Narrow))
        .align_y(Center);
        let mut parts = column![page::muted(cx, what)].spacing(cx.space(Space::Narrow));
        if !self.gathered.documents().is_empty() {
            let lines = Column::with_children(lines).spacing(cx.space(Space::Hair));
            parts = parts.push(lines);
        }
        parts = parts.push(entry);
        if self.chose_nothing == Some(Chooser::Files) {
            parts = parts.push(page::small(cx, NOTHING));
        }
        if let Some(trouble) = &self.trouble {
            parts = parts.push(page::problem(cx, trouble, Vec::new()));
        }
        page::section(cx, "Request and manifest", parts).into()
    }

    fn document<'a>(
        &'a self,
        cx: &Context<'_>,
        place: usize,
        document: &Document,
    ) -> Element<'a, Message> {
        let kind = page::muted(cx, page::capital(document.kind.as_str()))
            .width(Length::Fixed(cx.scale.factor() * 80.0));
        let mut path = page::printable(&document.path.display().to_string());
        if !self.gathered.uses(document) {
            path.push_str(" – not used: the request names its peers itself");
        }
        row![
            kind,
            page::body(cx, path).width(Fill),
            page::button(cx, "Remove", Kind::Quiet).on_press(Message::Remove(place))
        ]
        .spacing(cx.space(Space::Normal))
        .align_y(Center)
        .into()
    }

    fn folder<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let field = page::field(cx, "/path/to/a/folder", &self.folder, Message::FolderTyped)
            .id(FOLDER)
            .on_submit(Message::UseFolder);
        let waits = matches!(self.stage, Stage::Open) && self.is_complete();
        let kind = if waits { Kind::Primary } else { Kind::Plain };
        let label = if waits { "See what will move" } else { "Use" };
        let entry = row![
            field,
            page::button(cx, label, kind).on_press_maybe(waits.then_some(Message::UseFolder)),
            page::button(cx, "Choose…", Kind::Plain).on_press(Message::ChooseFolder)
        ]
        .spacing(cx.space(Space::Narrow))
        .align_y(Center);
        let what =
            "The verified file and its receipt go here. A name that is taken is not touched.";
        let mut parts = column![page::muted(cx, what), entry].spacing(cx.space(Space::Narrow));
        if self.chose_nothing == Some(Chooser::Folder) {
            parts = parts.push(page::small(cx, NOTHING));
        }
        page::section(cx, "Folder", parts).into()
    }
}

fn busy<'a>(cx: &Context<'_>, name: &str) -> Element<'a, Message> {
    let what = format!("{name} is being imported already. Wait until that import has ended.");
    let again = page::button(cx, "Look again", Kind::Plain).on_press(Message::Again);
    let parts = column![page::body(cx, what), again].spacing(cx.space(Space::Narrow));
    page::note(cx, parts, style::warned).into()
}

impl Ready {
    fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let plan = &self.outlook.plan;
        if let Some(refusal) = &self.outlook.room.refusal {
            // Nobody is asked for a yes to what cannot be done.
            let again = page::button(cx, "Look again", Kind::Plain).on_press(Message::Again);
            return page::problem(cx, refusal, vec![again.into()]);
        }
        let card = self.card.view(cx, self.yes(), self.facts(cx)).map(Message::Card);
        let mut parts = column![card].spacing(cx.space(Space::Normal));
        if plan.have().is_full() {
            // Nobody is asked at all.
            return parts.into();
        }
        if !plan.not_paired().is_empty() {
            parts = parts.push(strangers(cx, plan.not_paired(), style::warned));
        }
        if !plan.blocked().is_empty() {
            let names: Vec<String> =
                plan.blocked().iter().map(|peer| peer.label.to_string()).collect();
            let what = format!("You blocked {}: not asked.", people(&names));
            let what = page::body(cx, page::printable(&what));
            parts = parts.push(page::note(cx, what, style::warned));
        }
        parts.into()
    }

    /// What is on the button: the acts and the peers.
    fn yes(&self) -> String {
        let plan = &self.outlook.plan;
        let names: Vec<&str> = plan.called().iter().map(|peer| peer.label.as_str()).collect();
        if plan.have().is_full() {
            "Import from the pieces kept here".to_owned()
        } else {
            format!("Fetch and import from {}", people(&names))
        }
    }

    fn facts(&self, cx: &Context<'_>) -> Vec<(String, String)> {
        let (plan, room) = (&self.outlook.plan, &self.outlook.room);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let more = match room.wanted {
            0 => "the library takes nothing more".to_owned(),
            bytes => {
                format!("the library takes {} more if it keeps the model", words::bytes(bytes))
            }
        };
        let mut facts = vec![
            fact("Pieces", words::count(plan.geometry().piece_count().into(), "piece")),
            fact("Digest", plan.artifact().to_string()),
            fact("Folder", page::printable(&plan.folder().display().to_string())),
            fact(
                "Room",
                format!(
                    "{more}; {} are left under its quota of {}",
                    words::bytes(room.left()),
                    words::bytes(room.accounts.quota)
                ),
            ),
        ];
        let until = self.outlook.question.until;
        let span = Span(until.unix().saturating_sub(cx.now.unix()));
        facts.push(fact("Holds for", format!("{span}, then the yes ends by itself")));
        facts
    }
}

impl Refused {
    fn view<'a>(&self, cx: &Context<'_>) -> Element<'a, Message> {
        let again = page::button(cx, "Look again", Kind::Plain).on_press(Message::Again);
        let mut parts = column![page::problem(cx, &self.problem, vec![again.into()])]
            .spacing(cx.space(Space::Normal));
        if !self.strangers.is_empty() {
            parts = parts.push(strangers(cx, &self.strangers, style::warned));
        }
        parts.into()
    }
}

/// Which peers cannot be asked, and what to do about it.
fn strangers<'a>(
    cx: &Context<'_>,
    strangers: &[PeerId],
    style: fn(&iced::Theme) -> iced::widget::container::Style,
) -> Element<'a, Message> {
    let names: Vec<String> = strangers.iter().map(|peer| short_peer(*peer)).collect();
    let what = format!("You are not paired with {}: not asked.", people(&names));
    let how = "Ask them for a ticket, paste it under Pair below, and compare the pair code.";
    let peers = page::button(cx, "Show my peers", Kind::Quiet).on_press(Message::Peers);
    let parts = column![page::body(cx, what), page::muted(cx, how), Row::new().push(peers)]
        .spacing(cx.space(Space::Hair));
    page::note(cx, parts, style).into()
}
