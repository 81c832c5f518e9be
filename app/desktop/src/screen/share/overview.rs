//! How the screen is put together: the servers that run, what can be served, or the form that is
//! filled in.

use app::naming::short_peer;
use app::serve::live::Allowed;
use iced::widget::{Column, Space as Gap, column, row};
use iced::{Center, Element, Fill};
use verifier::consent::Scope;

use super::{Message, Purpose, Seen, Servable, Share, View};
use crate::context::Context;
use crate::theme::Space;
use crate::widget::control::Kind;
use crate::widget::mark::{self, Tone};
use crate::widget::page;
use crate::words;

pub(super) fn view<'a>(share: &'a Share, cx: &Context<'a>) -> Element<'a, Message> {
    let back = || page::button(cx, "Back", Kind::Plain).on_press(Message::Back).into();
    match &share.view {
        View::Overview => overview(share, cx),
        View::Preparing(preparing) => {
            let content = preparing.view(cx).map(Message::Preparing);
            page::page(cx, "Share: make a model ready", vec![back()], content)
        }
        View::Opening(..) => {
            page::page(cx, "Share", vec![back()], page::muted(cx, "Looking at the model…"))
        }
        View::NotOpened(problem) => {
            page::page(cx, "Share", vec![back()], page::problem(cx, problem, Vec::new()))
        }
        View::Offering(offering) => {
            let content = offering.view(cx).map(Message::Offering);
            page::page(cx, format!("Serve {}", offering.name()), vec![back()], content)
        }
        View::Announcing(announcing) => {
            let content = announcing.view(cx);
            page::page(cx, "Tell others of a model", vec![back()], content)
        }
    }
}

fn overview<'a>(share: &'a Share, cx: &Context<'a>) -> Element<'a, Message> {
    let prepare =
        |kind| page::button(cx, "Make a .slm ready…", kind).on_press(Message::Prepare).into();
    let mut content = Column::new().spacing(cx.space(Space::Normal)).width(Fill);
    if let Some(problem) = &share.problem {
        let dismiss = page::button(cx, "Dismiss", Kind::Quiet).on_press(Message::Dismiss).into();
        content = content.push(page::problem(cx, problem, vec![dismiss]));
    }
    for server in &share.servers {
        let number = server.number();
        let view = server.view(cx).map(move |message| Message::Server(number, message));
        content = content.push(view);
    }
    let models: Element<'a, Message> = match &share.seen {
        Seen::Nothing => page::muted(cx, "Looking at what is kept…").into(),
        Seen::Failed(problem) => page::problem(cx, problem, Vec::new()),
        Seen::Look(look) if look.models.is_empty() => {
            return page::page(
                cx,
                "Share",
                Vec::new(),
                content.push(page::empty(
                    cx,
                    "Nothing is ready to be served",
                    "Drop a .slm file on the window, or choose one. It is checked and cut into \
                     pieces. Then you choose which peers may have it, how much and how long.",
                    vec![prepare(Kind::Primary)],
                )),
            );
        }
        Seen::Look(look) => models(share, cx, &look.models),
    };
    page::page(cx, "Share", vec![prepare(Kind::Plain)], content.push(models))
}

fn models<'a>(share: &'a Share, cx: &Context<'a>, models: &'a [Servable]) -> Element<'a, Message> {
    let mut list = Column::new().spacing(cx.space(Space::Normal)).width(Fill);
    for (place, servable) in models.iter().enumerate() {
        if place > 0 {
            list = list.push(page::separator());
        }
        list = list.push(model(share, cx, servable));
    }
    page::section(cx, "Ready to be served", list).into()
}

fn model<'a>(share: &'a Share, cx: &Context<'a>, servable: &'a Servable) -> Element<'a, Message> {
    let model = &servable.model;
    let (have, count) = (model.have.count(), model.geometry.piece_count());
    let tag = (!model.have.is_full()).then(|| mark::tag(cx, "not whole", Tone::Warning));
    let name = format!("{} {}", model.model_id, model.model_version);
    let open = |label: String, purpose, kind| {
        page::button(cx, label, kind)
            .padding([4.0, 10.0])
            .on_press(Message::Open(purpose, model.artifact))
    };
    let buttons = row![
        open(format!("Serve {}…", model.model_id), Purpose::Serve, Kind::Primary),
        open("Announce…".to_owned(), Purpose::Announce, Kind::Plain)
    ]
    .spacing(cx.space(Space::Hair));
    let head = row![mark::named(cx, name, tag), Gap::new().width(Fill), buttons]
        .spacing(cx.space(Space::Normal))
        .align_y(Center);
    let pieces = if model.have.is_full() {
        words::count(u64::from(count), "piece")
    } else {
        format!(
            "{} of {}",
            words::grouped(u64::from(have)),
            words::count(u64::from(count), "piece")
        )
    };
    let size = format!("{}, {pieces}", words::bytes(model.geometry.byte_count()));
    let mut parts = column![head, page::muted(cx, size)].spacing(cx.space(Space::Hair));
    let allowed = share.allowed(servable);
    for allowed in allowed {
        parts = parts.push(grant(cx, servable, *allowed));
    }
    if allowed.is_empty() {
        parts = parts.push(page::small(cx, "Nobody may have it now."));
    }
    parts.width(Fill).into()
}

fn grant<'a>(cx: &Context<'a>, servable: &Servable, allowed: Allowed) -> Element<'a, Message> {
    let Allowed { scope, used, limit, from, until } = allowed;
    let (who, peer) = match scope {
        Scope::Peer(peer) => (page::printable(&cx.name(peer)), Some(peer)),
        Scope::AnyPaired => ("Any paired peer".to_owned(), None),
        Scope::None => ("Nobody".to_owned(), None),
    };
    let words = format!(
        "{who} may have it{}: took {} of {}, ends {}",
        if from > cx.now { format!(" from {}", words::minute(from)) } else { String::new() },
        words::bytes(used),
        words::bytes(limit),
        words::until(cx.now, until)
    );
    let label = match peer {
        Some(peer) if cx.name(peer) == short_peer(peer) => "Take back".to_owned(),
        Some(_) => format!("Take back from {}", page::brief(&who)),
        None => "Take back from all".to_owned(),
    };
    let revoke = page::button(cx, label, Kind::Quiet)
        .on_press(Message::TakeBack(servable.model.artifact, peer));
    row![page::body(cx, words).width(Fill), revoke]
        .spacing(cx.space(Space::Normal))
        .align_y(Center)
        .into()
}
