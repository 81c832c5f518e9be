//! What the screen shows.

use app::activity::Entry;
use app::ports::{Chain, JournalError, Standing};
use app::problem::Problem;
use iced::widget::{Row, Space as Gap, column, container, row, text};
use iced::{Center, Element, Fill, Padding};
use verifier::consent::Scope;

use super::{Activity, Choosing, LIST, Line, Looked, MOST, Message, Which, grants, line};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::list::{self, On};
use crate::widget::page;
use crate::words;

/// The most peers, and the most models, that can be chosen by pressing them; others are searched.
const CHIPS: usize = 40;

impl Activity {
    /// The screen.
    pub fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let again = page::button(cx, "Look again", Kind::Plain).on_press(Message::Refresh);
        let actions = vec![again.into()];
        let Some(looked) = self.looked_at() else {
            let reading = container(page::muted(cx, "Reading what is written down…"));
            return page::fixed_page(cx, "Activity", actions, reading.center(Fill));
        };
        let look = &looked.look;
        let trouble = self.trouble.as_ref();
        let mut parts = column![grants::view(cx, &look.live, &self.revoking, trouble)]
            .spacing(cx.space(Space::Normal));
        parts = parts.push(chain(cx, &look.chain));
        if let Err(problem) = &look.transfers {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        if look.entries.is_empty() {
            let what = "Whatever you agree to, take back, give and get is written down here. \
                        Prepare a model and serve it, or import one.";
            let empty = page::empty(cx, "Nothing has happened yet", what, Vec::new());
            return page::page(cx, "Activity", actions, parts.push(empty));
        }
        parts = parts.push(self.picking(cx, looked));
        // A small window scrolls as a whole; a large one keeps what is above in sight.
        let factor = cx.scale.factor();
        if cx.size.height / factor < 620.0 || cx.size.width / factor < 700.0 {
            let line = container(self.time_line(cx)).height(factor * 420.0);
            return page::page(cx, "Activity", actions, parts.push(line).push(self.selection(cx)));
        }
        let parts = parts.push(self.time_line(cx)).push(self.selection(cx)).height(Fill);
        page::fixed_page(cx, "Activity", actions, parts)
    }

    /// What is shown of the time line, and the ways to see something else.
    fn picking<'a>(&'a self, cx: &Context<'a>, looked: &'a Looked) -> Element<'a, Message> {
        let narrow = cx.space(Space::Narrow);
        let which = |label, which| {
            page::tab(cx, label, self.pick.which == which, Message::Which(which)).into()
        };
        let tabs: [Element<'a, Message>; 3] = [
            which("All", Which::All),
            which("Consents", Which::Consents),
            which("Transfers", Which::Transfers),
        ];
        let search = page::field(cx, "Search", &self.pick.search, Message::Search)
            .id(page::SEARCH)
            .width(cx.scale.factor() * 220.0);
        let choose = match self.choosing {
            Choosing::No => "Peer or model…",
            Choosing::Yes => "Done",
        };
        let mut line = Row::with_children(tabs).spacing(cx.space(Space::Hair)).align_y(Center);
        line = line.push(page::button(cx, choose, Kind::Plain).on_press(Message::Choose));
        if let Some(peer) = self.pick.peer {
            let label = format!("{} ×", page::printable(&cx.name(peer)));
            line = line.push(page::tab(cx, label, true, Message::Peer(None)));
        }
        if let Some(model) = &self.pick.model {
            line = line.push(page::tab(cx, format!("{model} ×"), true, Message::Model(None)));
        }
        line = line.push(search);
        let line = line.wrap().vertical_spacing(narrow);
        let count = self.lines.iter().filter(|line| matches!(line, Line::Entry(_))).count();
        let mut summary = words::count(count as u64, "entry").replace("entrys", "entries");
        if !self.pick.is_all() {
            summary.push_str(&format!(" of {}", words::grouped(looked.look.entries.len() as u64)));
        }
        if looked.look.left_out {
            let most = words::grouped(MOST as u64);
            summary
                .push_str(&format!(", with the newest {most} transfers; older ones are left out"));
        }
        let mut parts = column![line].spacing(narrow);
        if self.choosing == Choosing::Yes {
            parts = parts.push(self.chips(cx, looked));
        }
        parts.push(page::small(cx, summary)).into()
    }

    fn chips<'a>(&'a self, cx: &Context<'a>, looked: &'a Looked) -> Element<'a, Message> {
        let hair = cx.space(Space::Hair);
        let line = |name: &'a str, chips: Vec<Element<'a, Message>>| {
            let chips = Row::with_children(chips).spacing(hair).wrap().vertical_spacing(hair);
            let name = page::muted(cx, name).width(cx.scale.factor() * 60.0);
            row![name, chips].spacing(cx.space(Space::Narrow)).align_y(Center)
        };
        let peers = looked.peers.iter().take(CHIPS).map(|peer| {
            let is_shown = self.pick.peer == Some(*peer);
            let label = page::printable(&cx.name(*peer));
            page::tab(cx, label, is_shown, Message::Peer((!is_shown).then_some(*peer))).into()
        });
        let models = looked.models.iter().take(CHIPS).map(|model| {
            let is_shown = self.pick.model.as_ref() == Some(model);
            let message = Message::Model((!is_shown).then(|| model.clone()));
            page::tab(cx, model.as_str(), is_shown, message).into()
        });
        let mut parts = column![].spacing(cx.space(Space::Narrow));
        if !looked.peers.is_empty() {
            parts = parts.push(line("Peer", peers.collect()));
        }
        parts = parts.push(line("Model", models.collect()));
        if looked.peers.len() > CHIPS || looked.models.len() > CHIPS {
            parts = parts.push(page::small(cx, "There are more: search for their names."));
        }
        let scroll = page::scroll(container(parts).padding(2.0).width(Fill));
        container(scroll).max_height(cx.scale.factor() * 120.0).into()
    }

    fn time_line<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        if self.lines.is_empty() {
            let what = "No entry is of this kind and has this text in it.";
            return page::empty(cx, "Nothing found", what, Vec::new());
        }
        // Long sentences take a second line where there is little room.
        let factor = cx.scale.factor();
        let rows = if cx.size.width / factor < 1_000.0 { 2.0 } else { 1.0 };
        let line = cx.text(Text::Body) * 1.3 * rows + cx.text(Text::Small) * 1.3 + 16.0;
        let on = On {
            scrolled: Box::new(Message::Scrolled),
            moved: Box::new(move |place| Message::Moved { place, line }),
            opened: None,
        };
        let make = |place| self.line_of(cx, place, line);
        let lines = list::list(LIST, self.lines.len(), line, self.scroll, self.selected, make, on);
        container(lines).padding(4.0).height(Fill).style(style::card).into()
    }

    fn line_of<'a>(&'a self, cx: &Context<'a>, place: usize, height: f32) -> Element<'a, Message> {
        let entry = match self.lines.get(place) {
            None => return Gap::new().height(height).into(),
            Some(Line::Day(day)) => {
                let day = page::words(cx, Text::Body, day.clone());
                let primary =
                    |theme: &iced::Theme| text::Style { color: Some(theme.palette().primary) };
                return container(day.style(primary))
                    .padding([cx.space(Space::Hair), 10.0])
                    .align_bottom(height)
                    .width(Fill)
                    .into();
            }
            Some(Line::Entry(entry)) => self.entries().get(*entry),
        };
        let Some(entry) = entry else { return Gap::new().height(height).into() };
        let detail = words::cut(&line::detail(cx.now, entry), 110);
        let content = column![
            page::body(cx, line::sentence(cx, entry)),
            page::small(cx, detail).wrapping(text::Wrapping::None)
        ];
        control(content.width(Fill), Kind::Row((self.selected == Some(place)).into()))
            .on_press(Message::Select(place))
            .pointer_only()
            .padding(Padding::from([6.0, 10.0]).right(cx.space(Space::Wide)))
            .width(Fill)
            .height(height)
            .into()
    }

    /// All there is to say of the entry that is selected.
    fn selection<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let Some(entry) = self.selected.and_then(|place| self.entry(place)) else {
            return Gap::new().height(0).into();
        };
        let mut buttons: Vec<Element<'a, Message>> = Vec::new();
        let mut button = |label: String, message| {
            buttons.push(page::button(cx, label, Kind::Plain).on_press(message).into());
        };
        if let Some(peer) = entry.peer().filter(|peer| self.pick.peer != Some(*peer)) {
            let name = page::printable(&cx.name(peer));
            button(format!("Only {name}"), Message::Peer(Some(peer)));
        }
        if self.pick.model.as_ref() != Some(entry.model_id()) {
            let model = entry.model_id().clone();
            button(format!("Only {model}"), Message::Model(Some(model)));
        }
        button("Copy".to_owned(), Message::Copy(copied(cx, entry)));
        button("Close".to_owned(), Message::Deselect);
        let narrow = cx.space(Space::Narrow);
        let facts = page::facts(cx, facts(cx, entry));
        if cx.size.width < cx.scale.factor() * 1_000.0 {
            let buttons = Row::with_children(buttons).spacing(narrow).wrap();
            return page::card(cx, column![facts, buttons].spacing(narrow)).into();
        }
        let mut buttons = buttons.into_iter();
        let mut pairs = column![].spacing(narrow).align_x(iced::Right);
        while let Some(first) = buttons.next() {
            pairs = pairs.push(row![first].extend(buttons.next()).spacing(narrow));
        }
        page::card(cx, row![facts, pairs].spacing(cx.space(Space::Normal))).into()
    }
}

/// Whether the consent log holds, line by line.
fn chain<'a>(cx: &Context<'a>, chain: &Result<Chain, Problem>) -> Element<'a, Message> {
    let chain = match chain {
        Ok(chain) => chain,
        Err(problem) => return page::problem(cx, problem, Vec::new()),
    };
    if let Some(broken) = &chain.broken {
        let problem = Problem::blamed(&JournalError::Broken(Box::new(broken.clone())));
        return page::problem(cx, &problem, Vec::new());
    }
    let lines = words::count(chain.lines, "line");
    let (Some(first), Some(last)) = (chain.first, chain.last) else {
        return page::muted(cx, "The consent log is empty.").into();
    };
    let mut what = format!(
        "The consent log holds: {lines}, from {} to {}, each naming the one before. Last digest {}.",
        words::minute(first),
        words::minute(last),
        app::naming::short(chain.head)
    );
    if chain.torn > 0 {
        let torn = words::count(chain.torn, "byte");
        what.push_str(&format!(" {torn} of an interrupted line are cut off by the next one."));
    }
    let copy = page::button(cx, "Copy digest", Kind::Plain)
        .on_press(Message::Copy(chain.head.to_string()));
    let chain = row![page::muted(cx, what).width(Fill), copy]
        .spacing(cx.space(Space::Normal))
        .align_y(Center);
    match app::consent::odd_time(last, cx.now) {
        Some(odd) => column![chain, page::body(cx, odd)].spacing(cx.space(Space::Narrow)).into(),
        None => chain.into(),
    }
}

fn facts(cx: &Context<'_>, entry: &Entry) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("What", line::sentence(cx, entry)),
        ("When", format!("{} ({})", entry.time(), words::ago(cx.now, entry.time()))),
        ("SHA-256", entry.artifact().to_string()),
    ];
    if let Some(peer) = entry.peer() {
        facts.push(("Peer", peer.to_string()));
    }
    match entry {
        Entry::Granted(standing) | Entry::Revoked(standing) => {
            facts.push(("Grant", grant(cx, standing)));
        }
        Entry::Moved(record) => {
            facts.extend(line::note(record).map(|note| ("Note", note)));
        }
    }
    facts
}

fn grant(cx: &Context<'_>, standing: &Standing) -> String {
    let grant = &standing.grant;
    let whom = match grant.scope() {
        Scope::AnyPaired => " with any paired peer",
        Scope::Peer(_) | Scope::None => "",
    };
    format!(
        "{} to {}{whom}: {} of {}",
        grant.id(),
        grant.act(),
        line::standing_now(cx.now, standing),
        words::bytes(grant.byte_limit())
    )
}

/// An entry as text.
fn copied(cx: &Context<'_>, entry: &Entry) -> String {
    let facts = facts(cx, entry);
    facts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
