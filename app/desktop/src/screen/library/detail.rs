//! The selected model: what is known of it, what can be done with it, and its pieces.

use app::library::{Kept, State};
use app::naming::short;
use app::ports::Pin;
use iced::widget::{Row, column, container, row};
use iced::{Center, Element, Fill, Length, Padding};

use super::message::Command;
use super::table::{is_narrow, is_roomy, pieces, state};
use super::{Library, Map, Message, notes, repair};
use crate::context::Context;
use crate::theme::{Space, style};
use crate::widget::control::Kind;
use crate::widget::page;
use crate::words;

/// The height of the map and its parts where the whole screen scrolls, at normal size.
const MAP_HEIGHT: f32 = 420.0;
/// The width of what stands beside the map, at normal size.
const SIDE: f32 = 316.0;

/// The card of the selected model, with what goes on; what goes on alone if none is selected.
pub(super) fn view<'a>(library: &'a Library, cx: &Context<'a>) -> Option<Element<'a, Message>> {
    let note = notes::view(library, cx);
    let Some(kept) = library.chosen() else { return note };
    let map: Element<'a, Message> = match &library.map {
        Map::Looking => container(page::muted(cx, "Looking at its pieces…")).center(Fill).into(),
        Map::Failed(problem) => page::problem(cx, problem, Vec::new()),
        Map::Shown(pieces) => library.panel.view(cx, pieces).map(Message::Map),
    };
    let side = side(library, kept, cx);
    let space = cx.space(Space::Normal);
    if is_narrow(cx) || !is_roomy(cx) {
        let map = container(map).height(Length::Fixed(cx.scale.factor() * MAP_HEIGHT));
        let parts = column![].push(note).push(side).push(map).spacing(cx.space(Space::Wide));
        if is_roomy(cx) {
            // Narrow and high: the card scrolls by itself.
            let parts = page::scroll(container(parts).padding(Padding::default().right(space)));
            return Some(page::card(cx, parts.height(Fill)).height(Fill).into());
        }
        return Some(page::card(cx, parts).into());
    }
    // What goes on takes its room from the map, so that nothing else moves.
    let right = column![].push(note).push(container(map).height(Fill)).spacing(space);
    let side = container(side).padding(Padding::default().right(space));
    let side = page::scroll(side).width(Length::Fixed(cx.scale.factor() * SIDE)).height(Fill);
    let parts = row![side, right.width(Fill).height(Fill)].spacing(cx.space(Space::Narrow));
    Some(page::card(cx, parts.height(Fill)).height(Fill).into())
}

fn side<'a>(library: &'a Library, kept: &'a Kept, cx: &Context<'a>) -> Element<'a, Message> {
    let model = &kept.model;
    let name = format!("{} {}", model.model_id, model.model_version);
    let verified = model
        .last_verified
        .map_or_else(|| "never as a whole".to_owned(), |at| words::ago(cx.now, at));
    let oldest = match &library.map {
        Map::Shown(pieces) => pieces.oldest(),
        Map::Looking | Map::Failed(_) => None,
    };
    let oldest = oldest.map_or_else(
        || "not known of every piece".to_owned(),
        |at| format!("{}, of a piece", words::day_or_time(cx.now, at)),
    );
    let pinned = match model.pin {
        Pin::Pinned => "yes, is never given up",
        Pin::Unpinned => "no, may be given up",
    };
    let facts = [
        ("Size", words::bytes(model.geometry.byte_count())),
        (
            "Pieces",
            format!("{}, each {}", pieces(kept), words::bytes(model.geometry.piece_size().into())),
        ),
        ("Last used", words::ago(cx.now, model.last_use)),
        ("Verified", verified),
        ("Oldest check", oldest),
        ("Pinned", pinned.to_owned()),
        ("Digest", format!("{}…", short(model.artifact))),
    ];
    let width = Length::Fixed(cx.scale.factor() * 92.0);
    let facts = facts.map(|(name, value)| {
        row![page::muted(cx, name).width(width), page::body(cx, value).width(Fill)]
            .spacing(cx.space(Space::Narrow))
            .into()
    });
    let facts = iced::widget::Column::with_children(facts).spacing(3.0);
    column![
        row![page::heading(cx, name), state(kept, cx)]
            .spacing(cx.space(Space::Normal))
            .align_y(Center)
            .wrap(),
        buttons(library, kept, cx)
    ]
    .push(lacking(!library.doing.is_working(), kept, cx))
    .push(facts)
    .spacing(cx.space(Space::Normal))
    .width(Fill)
    .into()
}

fn buttons<'a>(library: &Library, kept: &Kept, cx: &Context<'_>) -> Element<'a, Message> {
    let artifact = kept.model.artifact;
    let free = !library.doing.is_working();
    let when_free = |command| free.then_some(Message::Do(command));
    let has_any = kept.model.have.count() > 0;
    let button = |label, kind| page::button(cx, label, kind).padding([6.0, 10.0]);
    let pin = match kept.model.pin {
        Pin::Pinned => ("Unpin", Pin::Unpinned),
        Pin::Unpinned => ("Pin", Pin::Pinned),
    };
    let recheck = when_free(Command::Recheck(artifact)).filter(|_| has_any);
    let share = has_any.then_some(Message::Share(artifact));
    let buttons: [Element<'a, Message>; 7] = [
        button("Show file…", Kind::Primary)
            .on_press_maybe(when_free(Command::Find(artifact)))
            .into(),
        button("Share…", Kind::Plain).on_press_maybe(share).into(),
        button("Check again", Kind::Plain).on_press_maybe(recheck).into(),
        button(pin.0, Kind::Plain).on_press(Message::Pin(artifact, pin.1)).into(),
        button("Write manifest", Kind::Plain).on_press(Message::HandOut(artifact)).into(),
        button("Copy digest", Kind::Plain).on_press(Message::Copy(artifact.to_string())).into(),
        button("Forget…", Kind::Danger)
            .on_press_maybe(when_free(Command::AskToForget(artifact)))
            .into(),
    ];
    Row::with_children(buttons)
        .spacing(cx.space(Space::Hair) + 2.0)
        .wrap()
        .vertical_spacing(cx.space(Space::Hair) + 2.0)
        .into()
}

/// What to do about pieces that are missing.
fn lacking<'a>(is_free: bool, kept: &Kept, cx: &Context<'_>) -> Option<Element<'a, Message>> {
    let (what, style): (String, fn(&iced::Theme) -> container::Style) = match kept.state() {
        State::Whole => return None,
        State::Incomplete => {
            let missing = words::count(kept.missing().into(), "piece");
            (format!("{missing} missing. A repair fetches only what is missing."), style::noted)
        }
        State::Damaged => {
            let found = match kept.corrupt {
                0 => format!("{} lost from", words::count(kept.missing().into(), "piece")),
                corrupt => format!("{} found corrupt on", words::count(corrupt.into(), "piece")),
            };
            let what = format!("{found} this disk. A repair fetches only what is bad or missing.");
            (what, style::warned)
        }
    };
    let ask = Message::Repair(repair::Message::Ask(kept.model.artifact));
    let button = |label, kind| page::button(cx, label, kind).padding([4.0, 10.0]);
    let buttons = row![
        button("Repair…", Kind::Primary).on_press_maybe(is_free.then_some(ask)),
        button("Import it again…", Kind::Plain).on_press(Message::Import)
    ]
    .spacing(cx.space(Space::Hair) + 2.0)
    .wrap()
    .vertical_spacing(cx.space(Space::Hair) + 2.0);
    let parts = column![page::body(cx, what), buttons].spacing(cx.space(Space::Narrow));
    Some(page::note(cx, parts, style).padding(cx.space(Space::Narrow)).into())
}
