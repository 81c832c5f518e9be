//! The storage as it is shown.

use app::naming::short;
use app::ports::Pin;
use iced::widget::{Column, column, container, row, text};
use iced::{Center, Element, Fill, Length};

use super::{Answer, Check, LIST, Message, Progress, Seen, Setting, Storage, Taken, places};
use crate::desk::Desk;
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

pub(super) fn page<'a>(storage: &'a Storage, desk: &Desk<'a>) -> Element<'a, Message> {
    let trouble = storage.trouble.as_ref().map(|problem| {
        let dismiss = page::button(desk, "Dismiss", Kind::Quiet).on_press(Message::Dismiss);
        page::problem(desk, problem, vec![dismiss.into()])
    });
    let parts = column![].push(trouble).spacing(desk.space(Space::Normal)).width(Fill);
    let Some(seen) = &storage.seen else {
        let parts = match storage.trouble {
            None => parts.push(page::muted(desk, "Looking…")),
            Some(_) => parts,
        };
        return page::page(desk, "Storage", Vec::new(), parts);
    };
    let (quota, room) = (quota(storage, desk), room(storage, desk));
    let asked: Element<'a, Message> = if desk.size.width / desk.scale.factor() < 1_000.0 {
        column![quota, room].spacing(desk.space(Space::Normal)).into()
    } else {
        row![quota, room].spacing(desk.space(Space::Normal)).into()
    };
    let parts = parts
        .push(page::section(desk, "Where the bytes are", places::view(&seen.accounts, desk)))
        .push(asked)
        .push(check(storage, desk))
        .push(models(storage, seen, desk));
    page::page(desk, "Storage", Vec::new(), parts)
}

fn quota<'a>(storage: &'a Storage, desk: &Desk<'_>) -> Element<'a, Message> {
    let quota = &storage.quota;
    let is_busy = matches!(quota.state, Setting::Busy);
    let set = (!is_busy && !quota.typed.trim().is_empty()).then_some(Message::SetQuota);
    let field = page::field(desk, "Such as 4GiB", &quota.typed, Message::TypeQuota)
        .id("quota")
        .on_submit_maybe(set.clone());
    let button = page::button(desk, "Set the quota", Kind::Plain).on_press_maybe(set);
    let problem = match &quota.state {
        Setting::Failed(problem) => Some(page::problem(desk, problem, Vec::new())),
        Setting::Idle | Setting::Busy => None,
    };
    let parts = column![
        page::muted(
            desk,
            "The most that the library may take. What is kept stays, whatever it is."
        ),
        row![field, button].spacing(desk.space(Space::Narrow)).align_y(Center)
    ]
    .push(problem)
    .spacing(desk.space(Space::Narrow));
    page::section(desk, "Quota", parts).into()
}

fn room<'a>(storage: &'a Storage, desk: &Desk<'_>) -> Element<'a, Message> {
    let room = &storage.room;
    let is_busy = matches!(room.answer, Answer::Looking);
    let ask = (!is_busy && !room.typed.trim().is_empty()).then_some(Message::AskForRoom);
    let field = page::field(desk, "Such as 1GiB", &room.typed, Message::TypeRoom)
        .id("room")
        .on_submit_maybe(ask.clone());
    let button = page::button(desk, "What would go?", Kind::Plain).on_press_maybe(ask);
    let answer: Option<Element<'a, Message>> = match &room.answer {
        Answer::None => None,
        Answer::Looking => Some(page::muted(desk, "Looking…").into()),
        Answer::Failed(problem) => Some(page::problem(desk, problem, Vec::new())),
        Answer::Known(size, evictable) if evictable.is_empty() => {
            let fits = format!("{size} more fit as it is; nothing would go.");
            Some(page::body(desk, fits).into())
        }
        Answer::Known(size, evictable) => {
            let head = format!("So that {size} more fit, these would go, in this order:");
            let lines = evictable.iter().take(MOST).map(|model| {
                let name = format!("{} {}", model.model_id, model.model_version);
                let used = words::ago(desk.now, model.last_use);
                let what = format!("{}, last used {used}", words::bytes(model.bytes));
                row![
                    page::body(desk, name),
                    page::small(desk, short(model.artifact)),
                    page::muted(desk, what)
                ]
                .spacing(desk.space(Space::Narrow))
                .align_y(Center)
                .wrap()
                .into()
            });
            let more = evictable.len().saturating_sub(MOST) as u64;
            let more =
                (more > 0).then(|| page::muted(desk, format!("and {} more", words::grouped(more))));
            let lines = Column::with_children(lines).spacing(desk.space(Space::Hair));
            let parts = column![page::body(desk, head), lines].push(more);
            Some(parts.spacing(desk.space(Space::Narrow)).into())
        }
    };
    let parts = column![
        page::muted(desk, "How much more is to fit? Nothing is given up by asking."),
        row![field, button].spacing(desk.space(Space::Narrow)).align_y(Center)
    ]
    .push(answer)
    .spacing(desk.space(Space::Narrow));
    page::section(desk, "Making room", parts).into()
}

fn check<'a>(storage: &'a Storage, desk: &Desk<'_>) -> Element<'a, Message> {
    let start = || page::button(desk, "Recheck everything", Kind::Plain).on_press(Message::Check);
    let parts = match &storage.check {
        Check::Idle => {
            let what = "Reads every kept piece of every model again and verifies it. Pieces that \
                        rotted on the disk count as missing from then on.";
            row![page::muted(desk, what).width(Fill), start()]
                .spacing(desk.space(Space::Wide))
                .align_y(Center)
                .into()
        }
        Check::Running(progress, _) => {
            let stop = page::button(desk, "Stop", Kind::Plain).on_press(Message::StopChecking);
            running(progress, stop.into(), desk)
        }
        Check::Stopping(progress) => running(progress, page::muted(desk, "Stopping…").into(), desk),
        Check::Ended(progress) => ended(progress, start().into(), desk),
        Check::Failed(problem) => page::problem(desk, problem, vec![start().into()]),
    };
    page::section(desk, "Is everything still sound?", parts).into()
}

fn running<'a>(
    progress: &Progress,
    stop: Element<'a, Message>,
    desk: &Desk<'_>,
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
    let work = column![page::body(desk, line), page::bar(desk, done)]
        .spacing(desk.space(Space::Narrow))
        .width(Fill);
    let head = row![work, stop].spacing(desk.space(Space::Wide)).align_y(Center);
    column![head].push(troubles(progress, desk)).spacing(desk.space(Space::Normal)).into()
}

fn ended<'a>(
    progress: &Progress,
    again: Element<'a, Message>,
    desk: &Desk<'_>,
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
    let close = page::button(desk, "Done", Kind::Plain).on_press(Message::CloseCheck);
    let import = (!progress.troubles.is_empty())
        .then(|| page::button(desk, "Import again…", Kind::Primary).on_press(Message::Import));
    let actions = row![].push(import).push(again).push(close).spacing(desk.space(Space::Narrow));
    let head = row![page::body(desk, line).width(Fill), actions]
        .spacing(desk.space(Space::Wide))
        .align_y(Center);
    column![head].push(troubles(progress, desk)).spacing(desk.space(Space::Normal)).into()
}

/// What was found wrong, as a frame that warns.
fn troubles<'a>(progress: &Progress, desk: &Desk<'_>) -> Option<Element<'a, Message>> {
    if progress.troubles.is_empty() {
        return None;
    }
    let lines = progress.troubles.iter().take(MOST).map(|trouble| {
        let name = page::body(desk, trouble.name.clone());
        row![name, page::body(desk, page::printable(&trouble.what))]
            .spacing(desk.space(Space::Normal))
            .into()
    });
    let more = progress.troubles.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| page::muted(desk, format!("and {} more", words::grouped(more))));
    let advice = "What is corrupt counts as missing: importing a model again fetches only what is \
                  missing. If pieces were corrupt, check the disk's health.";
    let parts = Column::with_children(lines)
        .push(more)
        .push(page::muted(desk, advice))
        .spacing(desk.space(Space::Hair));
    Some(page::note(desk, parts, style::warned).into())
}

fn models<'a>(storage: &'a Storage, seen: &'a Seen, desk: &Desk<'a>) -> Element<'a, Message> {
    if seen.models.is_empty() {
        let library =
            page::button(desk, "Show the library", Kind::Plain).on_press(Message::Library);
        let what = "Nothing is kept yet, so no model takes any room.";
        let parts = column![page::muted(desk, what), library].spacing(desk.space(Space::Narrow));
        return page::section(desk, "What each model takes", parts).into();
    }
    let line = (desk.text(Text::Body) * 1.3 + 10.0 * desk.scale.factor()).round();
    let largest = seen.models.iter().map(Taken::all).max().unwrap_or(0);
    let make = |place: usize| {
        let taken = seen.models.get(place);
        taken.map_or_else(
            || iced::widget::Space::new().height(line).into(),
            |taken| one(taken, largest, storage.selected == Some(place), line, desk),
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
        Meter::swatch(Look::Solid, desk.text(Text::Small)),
        page::small(desk, "comes free when it is forgotten"),
        Meter::swatch(Look::Lined, desk.text(Text::Small)),
        page::small(desk, "shared with other models")
    ]
    .spacing(desk.space(Space::Narrow))
    .align_y(Center);
    let legend = container(legend).padding([0.0, desk.space(Space::Normal)]);
    let parts = column![legend, container(rows).height(height)].spacing(desk.space(Space::Narrow));
    page::section(desk, "What each model takes", parts).into()
}

fn one<'a>(
    taken: &Taken,
    largest: u64,
    is_selected: bool,
    line: f32,
    desk: &Desk<'_>,
) -> Element<'a, Message> {
    let parts = [
        (Look::Solid, taken.own),
        (Look::Lined, taken.shared),
        (Look::Empty, largest.saturating_sub(taken.all())),
    ];
    let pinned = if taken.pin == Pin::Pinned { "pinned, stays" } else { "" };
    let used = format!("used {}", words::ago(desk.now, taken.last_use));
    let width = |width: f32| Length::Fixed(width * desk.scale.factor());
    let cell = |words: String, wide: f32| {
        let words = page::muted(desk, words).wrapping(text::Wrapping::None);
        container(words).width(width(wide)).clip(true)
    };
    let name = page::body(desk, taken.name.clone()).wrapping(text::Wrapping::None);
    let roomy = desk.size.width / desk.scale.factor() >= 900.0;
    let cells = row![
        container(name).width(Length::FillPortion(2)).clip(true),
        Meter::new(parts, (desk.scale.factor() * 12.0).round()).portion(3),
        cell(words::bytes(taken.all()), 92.0)
    ]
    .push(roomy.then(|| cell(used, 152.0)))
    .push(roomy.then(|| cell(pinned.to_owned(), 92.0)))
    .spacing(desk.space(Space::Normal))
    .align_y(Center)
    .height(Fill);
    control(cells, Kind::Row(is_selected.into()))
        .padding([0.0, desk.space(Space::Normal)])
        .pointer_only()
        .width(Fill)
        .height(line)
        .into()
}
