//! The storage as it is shown.

use app::library::Ended;
use app::naming::short;
use app::ports::{Abilities, Evictable, Lowering, Pin};
use app::quantity::Span;
use iced::widget::{Column, column, container, row, text};
use iced::{Center, Element, Fill, Length};

use super::{
    Answer, Check, Found, LIST, Message, ModelQuota, Progress, Seen, Setting, Storage, Taken,
    Typed, places,
};
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
    let (quota, room) = (quota(storage, seen, cx), room(storage, cx));
    let asked: Element<'a, Message> = if cx.size.width / cx.scale.factor() < 1_000.0 {
        column![quota, room].spacing(cx.space(Space::Normal)).into()
    } else {
        row![quota, room].spacing(cx.space(Space::Normal)).into()
    };
    let parts = parts
        .push(page::section(cx, "Where the bytes are", places::view(&seen.accounts, cx)))
        .push(asked)
        .push(check(storage, cx))
        .push(models(storage, seen, cx))
        .push(page::section(cx, "What the disk can do", able(seen.abilities, cx)));
    page::page(cx, "Storage", Vec::new(), parts)
}

/// What the file system can do that the library lies on, one a line.
fn able<'a>(abilities: Abilities, cx: &Context<'_>) -> Element<'a, Message> {
    let line = |(name, can, what): (&str, bool, &str)| {
        let can = if can { "yes" } else { "no" };
        (page::capital(name), format!("{can}: {what}"))
    };
    page::facts(cx, abilities.told().map(line)).into()
}

fn quota<'a>(storage: &'a Storage, seen: &Seen, cx: &Context<'_>) -> Element<'a, Message> {
    let quota = &storage.quota;
    let is_busy = matches!(quota.state, Setting::Busy);
    let set = (!is_busy && !quota.typed.trim().is_empty()).then_some(Message::SetQuota);
    let field = page::field(cx, "Such as 4GiB", &quota.typed, Message::TypeQuota)
        .id("quota")
        .on_submit_maybe(set.clone());
    let button = page::button(cx, "Set the quota", Kind::Plain).on_press_maybe(set);
    let answer = match &quota.state {
        Setting::Failed(problem) => Some(page::problem(cx, problem, Vec::new())),
        Setting::Asking(bytes, over) => Some(lowering(*bytes, over, cx)),
        Setting::Idle | Setting::Busy => None,
    };
    let parts = column![
        page::muted(
            cx,
            "The most that the library may take. Nothing goes for it without your yes."
        ),
        row![field, button].spacing(cx.space(Space::Narrow)).align_y(Center)
    ]
    .push(answer)
    .push(of_models(&seen.quotas, cx))
    .spacing(cx.space(Space::Narrow));
    page::section(cx, "Quota", parts).into()
}

/// The models that have a quota of their own.
fn of_models<'a>(quotas: &[ModelQuota], cx: &Context<'_>) -> Option<Element<'a, Message>> {
    let line = |quota: &ModelQuota| {
        let ModelQuota { model_id, bytes, taken } = quota;
        let (most, taken) = (words::bytes(*bytes), words::bytes(*taken));
        let words =
            format!("{model_id} may take {most} in all versions together, and takes {taken}");
        page::body(cx, words).into()
    };
    let lines = Column::with_children(quotas.iter().take(MOST).map(line));
    let more = quotas.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| page::muted(cx, format!("and {} more", words::grouped(more))));
    let lines = lines.push(more).spacing(cx.space(Space::Hair));
    (!quotas.is_empty()).then(|| lines.into())
}

/// What a quota that is too low would have go, and whether it may.
fn lowering<'a>(bytes: u64, lowering: &Lowering, cx: &Context<'_>) -> Element<'a, Message> {
    let (over, quota) = (words::bytes(lowering.over), words::bytes(bytes));
    let (what, yes) = if lowering.goes.is_empty() {
        ("What may go is not enough, so nothing goes, and nothing new fits.", "Set it all the same")
    } else {
        ("These would go, in this order:", "Set it and let them go")
    };
    let head = format!("The library takes {over} more than {quota}. {what}");
    let buttons = row![
        page::button(cx, yes, Kind::Danger).on_press(Message::Lower),
        page::button(cx, "Leave the quota as it is", Kind::Plain).on_press(Message::LeaveQuota)
    ];
    let buttons = buttons.spacing(cx.space(Space::Narrow));
    let parts = column![page::body(cx, head), going(&lowering.goes, cx), buttons];
    page::note(cx, parts.spacing(cx.space(Space::Narrow)), style::warned).into()
}

/// What would go, in its order.
fn going<'a>(evictable: &[Evictable], cx: &Context<'_>) -> Element<'a, Message> {
    let lines = evictable.iter().take(MOST).map(|model| {
        let name = format!("{} {}", model.model_id, model.model_version);
        let used = words::ago(cx.now, model.last_use);
        let what = format!("{}, last used {used}", words::bytes(model.bytes));
        row![page::body(cx, name), page::small(cx, short(model.artifact)), page::muted(cx, what)]
            .spacing(cx.space(Space::Narrow))
            .align_y(Center)
            .wrap()
            .into()
    });
    let more = evictable.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| page::muted(cx, format!("and {} more", words::grouped(more))));
    Column::with_children(lines).push(more).spacing(cx.space(Space::Hair)).into()
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
            let parts = column![page::body(cx, head), going(evictable, cx)];
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
    let parts = match &storage.check {
        Check::Idle => start(storage, cx),
        Check::Running(progress, _) => {
            let stop = page::button(cx, "Stop", Kind::Plain).on_press(Message::StopChecking);
            running(progress, stop.into(), cx)
        }
        Check::Stopping(progress) => running(progress, page::muted(cx, "Stopping…").into(), cx),
        Check::Ended(found) => {
            column![ended(found, cx), start(storage, cx)].spacing(cx.space(Space::Normal)).into()
        }
        Check::Failed(problem) => {
            column![page::problem(cx, problem, Vec::new()), start(storage, cx)]
                .spacing(cx.space(Space::Normal))
                .into()
        }
    };
    page::section(cx, "Is everything still sound?", parts).into()
}

/// What a check does, and the fields for its budget.
fn start<'a>(storage: &'a Storage, cx: &Context<'_>) -> Element<'a, Message> {
    let oldest = storage.seen.as_ref().and_then(|seen| seen.oldest).map(|day| {
        let oldest = words::day_or_time(cx.now, day.start());
        format!(" The oldest check of a piece: {oldest}.")
    });
    let what = format!(
        "Reads kept pieces again and verifies them, those first that were verified longest ago. \
         Pieces that rotted on the disk count as missing from then on.{}",
        oldest.unwrap_or_default()
    );
    let Typed { time, rate } = &storage.budget;
    let time = page::field(cx, "For how long, such as 10m", time, Message::TypeTime)
        .id("check-time")
        .on_submit(Message::Check);
    let rate = page::field(cx, "Bytes a second, such as 50MiB", rate, Message::TypeRate)
        .id("check-rate")
        .on_submit(Message::Check);
    let start = page::button(cx, "Check again", Kind::Plain).on_press(Message::Check);
    let fields = row![time, rate, start].spacing(cx.space(Space::Narrow)).align_y(Center);
    column![page::muted(cx, what), fields].spacing(cx.space(Space::Narrow)).into()
}

fn running<'a>(
    progress: &Progress,
    stop: Element<'a, Message>,
    cx: &Context<'_>,
) -> Element<'a, Message> {
    let Progress { model, bytes, of, rate, ends_in, bad } = progress;
    let mut line = match of {
        0 => "Looking what there is…".to_owned(),
        _ => format!("{model}: {}", words::progress(*bytes, *of, *rate)),
    };
    if let Some(seconds) = ends_in {
        line.push_str(&format!("; ends in {} at the latest", Span(*seconds)));
    }
    let bad = (*bad > 0).then(|| {
        let found = format!("{} found to be bad so far.", words::count(*bad, "piece"));
        page::note(cx, page::body(cx, found), style::warned)
    });
    let work = column![page::body(cx, line), page::bar(cx, page::fraction(*bytes, *of))]
        .spacing(cx.space(Space::Narrow))
        .width(Fill);
    let head = row![work, stop].spacing(cx.space(Space::Wide)).align_y(Center);
    column![head].push(bad).spacing(cx.space(Space::Normal)).into()
}

fn ended<'a>(found: &Found, cx: &Context<'_>) -> Element<'a, Message> {
    let sound = match found.troubles.is_empty() {
        true => "all of it is sound",
        false => "not all is sound",
    };
    let mut line = format!(
        "{} of {} were read, {}; {sound}.",
        words::count(found.pieces, "piece"),
        words::count(found.models, "model"),
        words::bytes(found.bytes)
    );
    let left = words::bytes(found.left);
    match found.ended {
        Ended::Done => {}
        Ended::Time => line.push_str(&format!(" The time was over: {left} are left.")),
        Ended::Stopped => line.push_str(&format!(" It was stopped: {left} are left.")),
    }
    let close = page::button(cx, "Done", Kind::Plain).on_press(Message::CloseCheck);
    let repair = (!found.troubles.is_empty()).then(|| {
        page::button(cx, "Repair in the library…", Kind::Primary).on_press(Message::Library)
    });
    let actions = row![].push(repair).push(close).spacing(cx.space(Space::Narrow));
    let head = row![page::body(cx, line).width(Fill), actions]
        .spacing(cx.space(Space::Wide))
        .align_y(Center);
    column![head].push(troubles(found, cx)).spacing(cx.space(Space::Normal)).into()
}

/// What was found wrong, as a frame that warns.
fn troubles<'a>(found: &Found, cx: &Context<'_>) -> Option<Element<'a, Message>> {
    if found.troubles.is_empty() {
        return None;
    }
    let lines = found.troubles.iter().take(MOST).map(|trouble| {
        let name = page::body(cx, trouble.name.clone());
        row![name, page::body(cx, page::printable(&trouble.what))]
            .spacing(cx.space(Space::Normal))
            .into()
    });
    let more = found.troubles.len().saturating_sub(MOST) as u64;
    let more = (more > 0).then(|| page::muted(cx, format!("and {} more", words::grouped(more))));
    let advice = "What is bad counts as missing: a repair of the model, in the library, fetches only \
                  that. If pieces were corrupt, check the disk's health.";
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
