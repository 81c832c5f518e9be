//! What is shown before an import begins.

use app::naming::{people, short_peer};
use app::quantity::Span;
use app::request::{Document, Missing};
use iced::widget::{Column, Row, column, row};
use iced::{Center, Element, Fill, Length};
use verifier::identity::PeerId;

use super::{Gathering, Message, Ready, Refused, Stage};
use crate::desk::Desk;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

impl Gathering {
    /// The import as it is put together; `conflict` is the import of the same model that runs.
    pub(in crate::screen::import) fn view<'a>(
        &'a self,
        desk: &Desk<'_>,
        conflict: Option<&str>,
    ) -> Element<'a, Message> {
        let mut parts = column![].spacing(desk.space(Space::Normal)).width(Fill);
        // What waits for the user comes first, once it is there.
        match &self.stage {
            Stage::Open => {}
            Stage::Planning => {
                let words = page::body(desk, "Working out what will move…");
                parts = parts.push(page::card(desk, words));
            }
            Stage::Ready(ready) => {
                parts = parts.push(match conflict {
                    Some(name) => busy(desk, name),
                    None => ready.view(desk),
                });
            }
            Stage::Refused(refused) => parts = parts.push(refused.view(desk)),
        }
        parts
            .push(self.documents(desk))
            .push(self.folder(desk))
            .push(self.tickets.view(desk).map(Message::Pair))
            .into()
    }

    fn documents<'a>(&'a self, desk: &Desk<'_>) -> Element<'a, Message> {
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
        let lines = lines.map(|(place, document)| self.document(desk, place, document));
        let field = page::field(desk, "/path/to/a/file", &self.typed, Message::Typed)
            .on_submit(Message::Add);
        let can_add = (!self.typed.trim().is_empty()).then_some(Message::Add);
        let entry = row![
            field,
            page::button(desk, "Add", Kind::Plain).on_press_maybe(can_add),
            page::button(desk, "Choose files…", Kind::Plain).on_press(Message::Choose)
        ]
        .spacing(desk.space(Space::Narrow))
        .align_y(Center);
        let mut parts = column![page::muted(desk, what)].spacing(desk.space(Space::Narrow));
        if !self.gathered.documents().is_empty() {
            let lines = Column::with_children(lines).spacing(desk.space(Space::Hair));
            parts = parts.push(lines);
        }
        parts = parts.push(entry);
        if self.chose_nothing {
            let hint = "Nothing was chosen. If no chooser opened, type the path instead.";
            parts = parts.push(page::small(desk, hint));
        }
        if let Some(trouble) = &self.trouble {
            parts = parts.push(page::problem(desk, trouble, Vec::new()));
        }
        page::section(desk, "Request and manifest", parts).into()
    }

    fn document<'a>(
        &'a self,
        desk: &Desk<'_>,
        place: usize,
        document: &Document,
    ) -> Element<'a, Message> {
        let kind = page::muted(desk, page::capital(document.kind.as_str()))
            .width(Length::Fixed(desk.scale.factor() * 80.0));
        let mut path = page::printable(&document.path.display().to_string());
        if !self.gathered.uses(document) {
            path.push_str(" – not used: the request names its peers itself");
        }
        row![
            kind,
            page::body(desk, path).width(Fill),
            page::button(desk, "Remove", Kind::Quiet).on_press(Message::Remove(place))
        ]
        .spacing(desk.space(Space::Normal))
        .align_y(Center)
        .into()
    }

    fn folder<'a>(&'a self, desk: &Desk<'_>) -> Element<'a, Message> {
        let field = page::field(desk, "/path/to/a/folder", &self.folder, Message::FolderTyped)
            .on_submit(Message::UseFolder);
        let waits = matches!(self.stage, Stage::Open) && self.is_complete();
        let kind = if waits { Kind::Primary } else { Kind::Plain };
        let label = if waits { "See what will move" } else { "Use" };
        let entry = row![
            field,
            page::button(desk, label, kind).on_press_maybe(waits.then_some(Message::UseFolder)),
            page::button(desk, "Choose…", Kind::Plain).on_press(Message::ChooseFolder)
        ]
        .spacing(desk.space(Space::Narrow))
        .align_y(Center);
        let what =
            "The verified file and its receipt go here. A name that is taken is not touched.";
        let parts = column![page::muted(desk, what), entry].spacing(desk.space(Space::Narrow));
        page::section(desk, "Folder", parts).into()
    }
}

fn busy<'a>(desk: &Desk<'_>, name: &str) -> Element<'a, Message> {
    let what = format!("{name} is being imported already. Wait until that import has ended.");
    let again = page::button(desk, "Look again", Kind::Plain).on_press(Message::Again);
    let parts = column![page::body(desk, what), again].spacing(desk.space(Space::Narrow));
    page::note(desk, parts, style::warned).into()
}

impl Ready {
    fn view<'a>(&'a self, desk: &Desk<'_>) -> Element<'a, Message> {
        let plan = &self.outlook.plan;
        let card = self.card.view(desk, self.yes(), self.facts(desk)).map(Message::Card);
        let mut parts = column![].spacing(desk.space(Space::Normal));
        if let Some(refusal) = &self.outlook.room.refusal {
            parts = parts.push(page::problem(desk, refusal, Vec::new()));
        }
        parts = parts.push(card);
        if !plan.not_paired().is_empty() {
            parts = parts.push(strangers(desk, plan.not_paired(), style::warned));
        }
        if !plan.blocked().is_empty() {
            let names: Vec<String> = plan.blocked().iter().map(|peer| desk.name(*peer)).collect();
            let what = format!("You have blocked {}: not asked.", people(&names));
            parts = parts.push(page::note(desk, page::body(desk, what), style::warned));
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

    fn facts(&self, desk: &Desk<'_>) -> Vec<(String, String)> {
        let (plan, room) = (&self.outlook.plan, &self.outlook.room);
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("Pieces", words::count(plan.geometry().piece_count().into(), "piece")),
            fact("Digest", plan.artifact().to_string()),
            fact("Folder", page::printable(&plan.folder().display().to_string())),
            fact(
                "Room",
                format!(
                    "takes up to {} while it runs; {} are left under the quota of {}",
                    words::bytes(room.wanted),
                    words::bytes(room.left()),
                    words::bytes(room.accounts.quota)
                ),
            ),
        ];
        if !room.evicted.is_empty() {
            let names: Vec<String> = room
                .evicted
                .iter()
                .map(|model| format!("{} {}", model.model_id, model.model_version))
                .collect();
            facts.push(fact("Makes room", format!("{} will be given up", people(&names))));
        }
        let until = self.outlook.question.until;
        let span = Span(until.unix().saturating_sub(desk.now.unix()));
        facts.push(fact("Holds for", format!("{span}, then the yes ends by itself")));
        facts
    }
}

impl Refused {
    fn view<'a>(&self, desk: &Desk<'_>) -> Element<'a, Message> {
        let again = page::button(desk, "Look again", Kind::Plain).on_press(Message::Again);
        let mut parts = column![page::problem(desk, &self.problem, vec![again.into()])]
            .spacing(desk.space(Space::Normal));
        if !self.strangers.is_empty() {
            parts = parts.push(strangers(desk, &self.strangers, style::warned));
        }
        parts.into()
    }
}

/// Which peers cannot be asked, and what to do about it.
fn strangers<'a>(
    desk: &Desk<'_>,
    strangers: &[PeerId],
    style: fn(&iced::Theme) -> iced::widget::container::Style,
) -> Element<'a, Message> {
    let names: Vec<String> = strangers.iter().map(|peer| short_peer(*peer)).collect();
    let what = format!("You are not paired with {}: not asked.", people(&names));
    let how = "Ask them for a ticket, paste it under Pair below, and compare the pair code.";
    let peers = page::button(desk, "Show my peers", Kind::Quiet).on_press(Message::Peers);
    let parts = column![page::body(desk, what), page::muted(desk, how), Row::new().push(peers)]
        .spacing(desk.space(Space::Hair));
    page::note(desk, parts, style).into()
}
