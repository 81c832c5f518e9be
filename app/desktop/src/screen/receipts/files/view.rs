//! What the list shows.

use app::receipts::{Entry, Provenance, Summary};
use iced::widget::{Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Padding};

use super::{Files, LIST, Listed, Message, State};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::list::{self, On};
use crate::widget::page;
use crate::words;

impl Files {
    /// The list; alone on the screen, or beside a receipt that is read.
    pub(in crate::screen::receipts) fn view<'a>(
        &'a self,
        cx: &Context<'a>,
        is_alone: bool,
    ) -> Element<'a, Message> {
        let folder = page::field(cx, "Folder of receipts", &self.folder, Message::Folder)
            .on_submit(Message::List)
            .id("receipts-folder");
        let list = page::button(cx, "List", Kind::Plain).on_press(Message::List);
        let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose);
        let search = page::field(cx, "Search: model, digest, peer, date", &self.search, |text| {
            Message::Search(text)
        })
        .id(page::SEARCH);
        let narrow = cx.space(Space::Narrow);
        let head: Element<'a, Message> = if is_alone {
            let folder = row![folder, list, choose].spacing(narrow).align_y(Center);
            column![folder, search].spacing(narrow).into()
        } else {
            search.into()
        };
        column![head, self.content(cx, is_alone)].spacing(narrow).height(Fill).into()
    }

    fn content<'a>(&'a self, cx: &Context<'a>, is_alone: bool) -> Element<'a, Message> {
        let listed = match &self.state {
            State::Unread => return page::muted(cx, "Reading the folder…").into(),
            State::Failed(problem) => {
                let again = page::button(cx, "Try again", Kind::Plain).on_press(Message::List);
                return page::problem(cx, problem, vec![again.into()]);
            }
            State::Listed(listed) => listed,
        };
        if listed.listing.entries.is_empty() {
            let what = "A receipt is written beside each model that you import, and says what was \
                        checked and who gave which piece. Import a model, choose another folder, \
                        or check a file and write its receipt.";
            let choose = page::button(cx, "Choose a folder…", Kind::Primary);
            let choose = choose.on_press(Message::Choose);
            return page::empty(cx, "No receipts in this folder", what, vec![choose.into()]);
        }
        let line = cx.text(Text::Body) * 1.3 + cx.text(Text::Small) * 1.3 + 18.0;
        let selected = self.place;
        let on = On {
            scrolled: Box::new(Message::Scrolled),
            moved: Box::new(move |place| Message::Moved { place, line }),
            opened: self.selected.is_some().then_some(Message::OpenSelected),
        };
        let make = |place| {
            let entry = self.entry(place);
            let content = entry.map(|entry| line_of(cx, entry, is_alone));
            control(
                content.unwrap_or_else(|| Gap::new().into()),
                Kind::Row((selected == Some(place)).into()),
            )
            .on_press(Message::Open(place))
            .pointer_only()
            .padding(Padding::from([6.0, 10.0]).right(cx.space(Space::Wide)))
            .width(Fill)
            .height(line)
            .into()
        };
        let lines = list::list(LIST, self.shown.len(), line, self.scroll, selected, make, on);
        let frame = container(lines).padding(4.0).height(Fill).style(style::card);
        column![page::small(cx, self.summary(listed)), frame]
            .spacing(cx.space(Space::Hair))
            .height(Fill)
            .into()
    }

    /// How many receipts there are and are shown.
    fn summary(&self, listed: &Listed) -> String {
        let all = listed.listing.entries.len() as u64;
        let mut text = if self.search.trim().is_empty() {
            format!("{}, newest first", words::count(all, "receipt"))
        } else {
            let found = words::grouped(self.shown.len() as u64);
            format!("{found} of {} found", words::count(all, "receipt"))
        };
        if listed.listing.left_out > 0 {
            let more = words::count(listed.listing.left_out as u64, "file");
            text.push_str(&format!("; {more} more are not listed"));
        }
        text
    }
}

/// An entry on two lines.
fn line_of<'a>(cx: &Context<'_>, entry: &Entry, is_alone: bool) -> Element<'a, Message> {
    let is_roomy = is_alone && cx.size.width >= cx.scale.factor() * 940.0;
    // As many characters as fit beside each other at any text size.
    let most = match (is_roomy, is_alone) {
        (true, _) => 90,
        (_, true) => 34,
        (_, false) => 24,
    };
    let one = |words: text::Text<'a>| words.wrapping(text::Wrapping::None);
    let file = entry.path.file_name().unwrap_or_default().to_string_lossy();
    let (name, when, what) = match &entry.content {
        Ok(summary) => (
            format!("{} {}", summary.model_id, summary.model_version),
            if is_alone {
                words::ago(cx.now, summary.created)
            } else {
                words::date(summary.created)
            },
            what(cx, summary, is_roomy),
        ),
        Err(problem) => (file.into_owned(), String::new(), format!("No receipt: {}", problem.code)),
    };
    let danger = |theme: &iced::Theme| text::Style { color: Some(theme.palette().danger) };
    let second = one(page::small(cx, words::cut(&page::printable(&what), most + most / 3 + 8)));
    let second = if entry.content.is_err() { second.style(danger) } else { second };
    let first = row![
        one(page::body(cx, words::cut(&page::printable(&name), most))),
        Gap::new().width(Fill),
        one(page::small(cx, when))
    ]
    .align_y(Center);
    column![first, second].width(Fill).spacing(2.0).into()
}

/// How much it is and who gave it; where there is room, who signed the receipt and the digest too.
fn what(cx: &Context<'_>, summary: &Summary, is_roomy: bool) -> String {
    let mut what = format!("{}, {}", words::bytes(summary.byte_count), source(cx, summary));
    if is_roomy {
        let signed = cx.book.signers().author(summary.signer).brief();
        what.push_str(&format!(" · {signed} · {}", app::naming::short(summary.artifact)));
    }
    what
}

/// Who gave the pieces, in a few words.
fn source(cx: &Context<'_>, summary: &Summary) -> String {
    match &summary.provenance {
        Provenance::LocalFile => "from no known peer".to_owned(),
        Provenance::Peers { peers, .. } => match &peers[..] {
            [] => "from no known peer".to_owned(),
            peers => {
                let mut names: Vec<String> =
                    peers.iter().take(3).map(|peer| cx.name(peer.id)).collect();
                if peers.len() > 3 {
                    names.push(format!("{} more", peers.len() - 3));
                }
                format!("from {}", names.join(", "))
            }
        },
    }
}
