//! The storage as it is shown.

use app::naming::short;
use app::ports::Pin;
use iced::widget::{Column, column, container, row, text};
use iced::{Center, Element, Fill, Length};

use super::{Answer, Check, LIST, Message, Progress, Seen, Setting, Storage, Taken, places};
use crate::context::Context;
use crate::theme::{Space, Text, style};
use crate::widget::control::{Kind, control};
use crate::widget::list::{On, list};
use crate::widget::meter::{Look, Meter};
use crate::widget::page;
use crate::words;

/// The most that is listed of what would go, or of what was found wrong.
const MOST: usize = 50;
/// The most lines of models that are seen at a time.
const LINES: usize = 8;

pub(super) fn page<'a>(storage: &'a Storage, cx: &Context<'a>) -> Element<'a, Message> {
    let trouble = storage.trouble.as_ref().map(|problem| {
        let dismiss = page::button(cx, "Dismiss", Kind::Quiet).on_press(Message::Dismiss);
        page::problem(cx, problem, vec![dismiss.into()])
    });
    let parts = column![].push(trouble).spacing(cx.space(Space::Normal)).width(Fill);
    let Some(seen) = &storage.seen else {
        let parts = match storage.trouble {
            None => parts.push(page::muted(cx, "Looking…")),
            Some(_) => parts,
        };
        return page::page(cx, "Storage", Vec::new(), parts);
    };
    let (quota, room) = (quota(storage, cx), room(storage, cx));
    let asked: Element<'a, Message> = if cx.size.width / cx.scale.factor() < 1_000.0 {
        column![quota, room].spacing(cx.space(Space::Normal)).into()
    } else {
        row![quota, room].spacing(cx.space(Space::Normal)).into()
    };
    let parts = parts
        .push(page::section(cx, "Where the bytes are", places::view(&seen.accounts, cx)))
        .push(asked)
        .push(check(storage, cx))
        .push(models(storage, seen, cx));
    page::page(cx, "Storage", Vec::new(), parts)
}

fn quota<'a>(storage: &'a Storage, cx: &Context<'_>) -> Element<'a, Message> {
    let quota = &storage.quota;
    let is_busy = matches!(quota.state, Setting::Busy);
    let set = (!is_busy && !quota.typed.trim().is_empty()).then_some(Message::SetQuota);
    let field = page::field(cx, "Such as 4GiB", &quota.typed, Message::TypeQuota)
        .id("quota")
        .on_submit_maybe(set.clone());
    let button = page::button(cx, "Set the quota", Kind::Plain).on_press_maybe(set);
    let problem = match &quota.state {
        Setting::Failed(problem) => Some(page::problem(cx, problem, Vec::new())),
        Setting::Idle | Setting::Busy => None,
    };
    let parts = column![
        page::muted(cx, "The most that the library may take. What is kept stays, whatever it is."),
        row![field, button].spacing(cx.space(Space::Narrow)).align_y(Center)
    ]
    .push(problem)
    .spacing(cx.space(Space::Narrow));
    page::section(cx, "Quota", parts).into()
}

fn room<'a>(storage: &'a Storage, cx: &Context<'_>) -> Element<'a, Message> {
    let room = &storage.room;
    let is_busy = matches!(room.answer, Answer::Looking);
    let ask = (!is_busy && !room.typed.trim().is_empty()).then_some(Message::AskForRoom);
    let field = page::field(cx, "Such as 1GiB", &room.typed, Message::TypeRoom)
        .id("room")
        .on_submit_maybe(ask.clone());
    let button = page::button(cx, "What would go?", Kind::Plain).on_press_maybe(ask);
    let answer: Option<Element<'a, Message>> = match &room.answer {
        Answer::None => None,
        Answer::Looking => Some(page::muted(cx, "Looking…").into()),
        Answer::Failed(problem) => Some(page::problem(cx, problem, Vec::new())),
        Answer::Known(size, evictable) if evictable.is_empty() => {
            let fits = format!("{size} more fit as it is; nothing would go.");
            Some(page::body(cx, fits).into())
        }
        Answer::Known(size, evictable) => {
            let head = format!("So that {size} more fit, these would go, in this order:");
            let lines = evictable.iter().take(MOST).map(|model| {
                let name = format!("{} {}", model.model_id, model.model_version);
                let used = words::ago(cx.now, model.last_use);
                let what = format!("{}, last used {used}", words::bytes(model.bytes));
                row![
                    page::body(cx, name),
                    page::small(cx, short(model.artifact)),
                    page::muted(cx, what)
                ]
                .spacing(cx.space(Space::Narrow))
                .align_y(Center)
                .wrap()
                .into()
            });
            let more = evictable.len().saturating_sub(MOST) as u64;
            let more =
                (more > 0).then(|| page::muted(cx, format!("and {} more", words::grouped(more))));
            let lines = Column::with_children(lines).spacing(cx.space(Space::Hair));
            let parts = column![page::body(cx, head), lines].push(more);
            Some(parts.spacing(cx.space(Space::Narrow)).into())
        }
    };
    let parts = column![
        page::muted(cx, "How much more is to fit? Nothing is given up by asking."),
        row![field, button].spacing(cx.space(Space::Narrow)).align_y(Center)
    ]
    .push(answer)
    .spacing(cx.space(Space::Narrow));
    page::section(cx, "Making room", parts).into()
}

fn check<'a>(storage: &'a Storage, cx: &Context<'_>) -> Element<'a, Message> {
    let start = || page::button(cx, "Recheck everything", Kind::Plain).on_press(Message::Check);
    let parts = match &storage.check {
        Check::Idle => {
            let what = "Reads every kept piece of every model again and verifies it. Pieces that \
                        rotted on the disk count as missing from then on.";
            row![page::muted(cx, what).width(Fill), start()]
                .spacing(cx.space(Space::Wide))
                .align_y(Center)
                .into()
        }
        Check::Running(progress, _) => {
            let stop = page::button(cx, "Stop", Kind::Plain).on_press(Message::StopChecking);
            running(progress, stop.into(), cx)
        }
        Check::Stopping(progress) => running(progress, page::muted(cx, "Stopping…").into(), cx),
        Check::Ended(progress) => ended(progress, start().into(), cx),
        Check::Failed(problem) => page::problem(cx, problem, vec![start().into()]),
    };
    page::section(cx, "Is everything still sound?", parts).into()
}

fn running<'a>(
    progress: &Progress,
    stop: Element<'a, Message>,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let Progress { model, models, of_models, pieces, of_pieces, .. } = progress;
    let line = if *of_models == 0 {
        "Looking what there is…".to_owned()
    } else {
        format!(
            "{model}: {} of {}; {} of {} done",
            words::grouped(*pieces),
            words::count(*of_pieces, "piece"),
            words::grouped(*models),
            words::count(*of_models, "model")
        )
    };
    // Models of different size count alike; within one, its pieces move the bar.
    let within = page::fraction(*pieces, *of_pieces);
    let step = page::fraction(1, *of_models);
    let done = page::fraction(*models, *of_models) + step * within;
    let work = column![page::body(cx, line), page::bar(cx, done)]
        .spacing(cx.space(Space::Narrow))
        .width(Fill);
    let head = row![work, stop].spacing(cx.space(Space::Wide)).align_y(Center);
    column![head].push(troubles(progress, cx)).spacing(cx.space(Space::Normal)).into()
}

fn ended<'a>(
    progress: &Progress,
    again: Element<'a, Message>,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let pieces = words::count(progress.checked, "piece");
    let models = words::count(progress.models, "model");
    let found = if progress.troubles.is_empty() {
        "all are whole and sound"
    } else {
        "not all are whole and sound"
    };
    let line = if progress.stopped {
        let of = words::count(progress.of_models, "model");
        let done = words::grouped(progress.models);
        format!("Stopped when {done} of {of} were done; {pieces} were read, {found}.")
    } else {
        format!("{pieces} of {models} were read, {found}.")
    };
    let close = page::button(cx, "Done", Kind::Plain).on_press(Message::CloseCheck);
    let import = (!progress.troubles.is_empty())
        .then(|| page::button(cx, "Import again…", Kind::Primary).on_press(Message::Import));
    let actions = row![].push(import).push(again).push(close).spacing(cx.space(Space::Narrow));
    let head = row![page::body(cx, line).width(Fill), actions]
        .spacing(cx.space(Space::Wide))
        .align_y(Center);
    column![head].push(troubles(progress, cx)).spacing(cx.space(Space::Normal)).into()
}

/// What was found wrong, as a frame that warns.
fn troubles<'a>(progress: &Progress, cx: &Context<'_>) -> Option<Element<'a, Message>> {
    if progress.troubles.is_empty() {
        return None;
    }
    let lines = progress.troubles.iter().take(MOST).map(|trouble| {
        let name = page::body(cx, trouble.name.clone());
        row![name, page::body(cx, page::printable(&trouble.what))]
            .spacing(cx.space(Space::Normal))
            .into()
    });
    let more = progress.troubles.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| page::muted(cx, format!("and {} more", words::grouped(more))));
    let advice = "What is corrupt counts as missing: importing a model again fetches only what is \
                  missing. If pieces were corrupt, check the disk's health.";
    let parts = Column::with_children(lines)
        .push(more)
        .push(page::muted(cx, advice))
        .spacing(cx.space(Space::Hair));
    Some(page::note(cx, parts, style::warned).into())
}

fn models<'a>(storage: &'a Storage, seen: &'a Seen, cx: &Context<'a>) -> Element<'a, Message> {
    if seen.models.is_empty() {
        let library = page::button(cx, "Show the library", Kind::Plain).on_press(Message::Library);
        let what = "Nothing is kept yet, so no model takes any room.";
        let parts = column![page::muted(cx, what), library].spacing(cx.space(Space::Narrow));
        return page::section(cx, "What each model takes", parts).into();
    }
    let line = (cx.text(Text::Body) * 1.3 + 10.0 * cx.scale.factor()).round();
    let largest = seen.models.iter().map(Taken::all).max().unwrap_or(0);
    let make = |place: usize| {
        let taken = seen.models.get(place);
        taken.map_or_else(
            || iced::widget::Space::new().height(line).into(),
            |taken| one(taken, largest, storage.selected == Some(place), line, cx),
        )
    };
    let on = On {
        scrolled: Box::new(Message::Scrolled),
        moved: Box::new(move |place| Message::Move(place, line)),
        opened: Some(Message::Library),
    };
    let count = seen.models.len();
    let rows = list(LIST, count, line, storage.scroll, storage.selected, make, on);
    #[expect(clippy::cast_precision_loss, reason = "a few lines")]
    let height = line * count.min(LINES) as f32;
    let legend = row![
        Meter::swatch(Look::Solid, cx.text(Text::Small)),
        page::small(cx, "comes free when it is forgotten"),
        Meter::swatch(Look::Lined, cx.text(Text::Small)),
        page::small(cx, "shared with other models")
    ]
    .spacing(cx.space(Space::Narrow))
    .align_y(Center);
    let legend = container(legend).padding([0.0, cx.space(Space::Normal)]);
    let parts = column![legend, container(rows).height(height)].spacing(cx.space(Space::Narrow));
    page::section(cx, "What each model takes", parts).into()
}

fn one<'a>(
    taken: &Taken,
    largest: u64,
    is_selected: bool,
    line: f32,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let parts = [
        (Look::Solid, taken.own),
        (Look::Lined, taken.shared),
        (Look::Empty, largest.saturating_sub(taken.all())),
    ];
    let pinned = if taken.pin == Pin::Pinned { "pinned, stays" } else { "" };
    let used = format!("used {}", words::ago(cx.now, taken.last_use));
    let width = |width: f32| Length::Fixed(width * cx.scale.factor());
    let cell = |words: String, wide: f32| {
        let words = page::muted(cx, words).wrapping(text::Wrapping::None);
        container(words).width(width(wide)).clip(true)
    };
    let name = page::body(cx, taken.name.clone()).wrapping(text::Wrapping::None);
    let roomy = cx.size.width / cx.scale.factor() >= 900.0;
    let cells = row![
        container(name).width(Length::FillPortion(2)).clip(true),
        Meter::new(parts, (cx.scale.factor() * 12.0).round()).portion(3),
        cell(words::bytes(taken.all()), 92.0)
    ]
    .push(roomy.then(|| cell(used, 152.0)))
    .push(roomy.then(|| cell(pinned.to_owned(), 92.0)))
    .spacing(cx.space(Space::Normal))
    .align_y(Center)
    .height(Fill);
    control(cells, Kind::Row(is_selected.into()))
        .padding([0.0, cx.space(Space::Normal)])
        .pointer_only()
        .width(Fill)
        .height(line)
        .into()
}
