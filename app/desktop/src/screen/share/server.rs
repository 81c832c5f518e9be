//! One server: how it runs, who takes what from it, and how it ended.

use std::path::PathBuf;
use std::sync::Arc;

use app::problem::Problem;
use app::serve::live::{Allowed, Caller, Snapshot};
use app::serve::{Ended, Served};
use iced::widget::{Column, Space as Gap, column, row};
use iced::{Center, Element, Fill};
use tokio::sync::oneshot;
use verifier::Sha256;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use super::{Action, Happened, Order, Work};
use crate::context::Context;
use crate::screen::{Changed, Errand};
use crate::theme::{Space, Text};
use crate::widget::control::Kind;
use crate::widget::mark::{self, Tone};
use crate::widget::page;
use crate::words;

/// Resolves when a server is to stop.
#[derive(Debug)]
pub struct Stop(oneshot::Receiver<()>);

/// Stops a server when it is used, or dropped.
#[derive(Debug)]
pub struct Stopper(oneshot::Sender<()>);

/// The two ends of one wish to stop.
pub(super) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = oneshot::channel();
    (Stopper(sender), Stop(receiver))
}

impl Stop {
    /// Waits for the wish.
    pub async fn wished(self) {
        // Whoever could wish it is gone: that is a wish too.
        let _gone = self.0.await;
    }

    /// Whether it is wished.
    pub fn is_wished(&mut self) -> bool {
        !matches!(self.0.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }
}

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// Something came of the work.
    Happened(Happened),
    /// Stop, and hang up.
    Stop,
    /// Take back what this peer may have.
    TakeBack(PeerId),
    /// Where the offer is written was typed.
    File(String),
    /// Write the offer there.
    WriteOffer,
    /// Put the path of the offer on the clipboard.
    CopyPath,
    /// It has ended, and that was read.
    Dismiss,
}

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    number: u64,
    order: Order,
    until: UtcTime,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Running { live: Option<Arc<Snapshot>>, offer: Offer, stopper: Stopper },
    Stopping { live: Option<Arc<Snapshot>> },
    Ended(Result<Arc<Served>, Problem>),
}

/// The file that peers are handed.
#[derive(Debug)]
enum Offer {
    Awaited,
    Written(PathBuf),
    Failed { problem: Problem, bytes: Arc<[u8]>, file: String },
}

impl Server {
    pub(super) fn new(number: u64, order: Order, until: UtcTime, stopper: Stopper) -> Self {
        let stage = Stage::Running { live: None, offer: Offer::Awaited, stopper };
        Self { number, order, until, stage }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn name(&self) -> &str {
        &self.order.name
    }

    pub(super) const fn runs(&self) -> bool {
        !matches!(self.stage, Stage::Ended(_))
    }

    fn live(&self) -> Option<&Snapshot> {
        match &self.stage {
            Stage::Running { live, .. } | Stage::Stopping { live } => live.as_deref(),
            Stage::Ended(_) => None,
        }
    }

    /// Who may have the artifact now, if it serves that one and has looked.
    pub(super) fn allowed(&self, artifact: Sha256) -> Option<&[Allowed]> {
        let live = self.live().filter(|_| self.order.artifact == artifact)?;
        (!live.allowed.is_empty()).then_some(&live.allowed)
    }

    /// Whether it takes calls at this port.
    pub(super) fn runs_on(&self, port: u16) -> bool {
        let address = self.live().and_then(|live| live.address).unwrap_or(self.order.listen);
        self.runs() && address.port() == port
    }

    /// What it does, as a clause.
    pub(super) fn clause(&self) -> String {
        let peers = words::count(self.order.peers.len() as u64, "peer");
        format!("serving {} to {peers}", self.order.name)
    }

    pub(super) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Happened(happened) => return self.happened(happened),
            Message::Stop => self.stop(),
            Message::TakeBack(peer) => {
                return Action::work(Work::TakeBack(self.order.artifact, Some(peer)));
            }
            Message::File(typed) => {
                if let Stage::Running { offer: Offer::Failed { file, .. }, .. } = &mut self.stage {
                    *file = typed;
                }
            }
            Message::WriteOffer => {
                if let Stage::Running { offer: Offer::Failed { bytes, file, .. }, .. } = &self.stage
                {
                    let path = PathBuf::from(file.trim());
                    return Action::work(Work::WriteOffer(self.number, path, Arc::clone(bytes)));
                }
            }
            Message::CopyPath => {
                if let Stage::Running { offer: Offer::Written(path), .. } = &self.stage {
                    return Action::errand(Errand::Copy(path.display().to_string()));
                }
            }
            Message::Dismiss => {}
        }
        Action::none()
    }

    fn stop(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Stopping { live: None });
        self.stage = match stage {
            Stage::Running { live, stopper, .. } => {
                // A server that has just ended does not listen any more.
                let _gone = stopper.0.send(());
                Stage::Stopping { live }
            }
            stage => stage,
        };
    }

    fn happened(&mut self, happened: Happened) -> Action {
        match (happened, &mut self.stage) {
            (Happened::Live(snapshot), Stage::Running { live, .. } | Stage::Stopping { live }) => {
                *live = Some(snapshot);
            }
            (Happened::Offered(path), Stage::Running { offer, .. }) => {
                *offer = Offer::Written(path);
                // The yes is written down by now, and other screens show it.
                return Action::errand(Errand::Changed(Changed::Activity));
            }
            (Happened::NotOffered(problem, bytes), Stage::Running { offer, .. }) => {
                let file = match offer {
                    Offer::Failed { file, .. } => std::mem::take(file),
                    _ => self.order.file.display().to_string(),
                };
                *offer = Offer::Failed { problem, bytes, file };
            }
            (Happened::Ended(ended), _) => {
                let action = Action::errand(Errand::Changed(Changed::Activity));
                let notice = self.notice(&ended);
                self.stage = Stage::Ended(ended);
                return match notice {
                    Some(body) => {
                        let title = format!("{} is not served any more", self.order.name);
                        action.and(Errand::Notify { title, body })
                    }
                    None => action,
                };
            }
            _ => {}
        }
        Action::none()
    }

    /// What is told to people who look elsewhere, if it ended by itself.
    fn notice(&self, ended: &Result<Arc<Served>, Problem>) -> Option<String> {
        let name = &self.order.name;
        match ended {
            Ok(served) => match served.ended {
                Ended::Stopped => None,
                Ended::NoGrant => Some(format!(
                    "Serving {name} has ended: no peer may have it any more by your yes. {}",
                    taken(served)
                )),
            },
            Err(problem) => Some(format!("Serving {name} has ended: {}.", problem.what)),
        }
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let (tag, tone) = match &self.stage {
            Stage::Running { live: Some(_), .. } => ("serving", Tone::Live),
            Stage::Running { live: None, .. } => ("starting", Tone::Plain),
            Stage::Stopping { .. } => ("stopping", Tone::Plain),
            Stage::Ended(Ok(_)) => ("ended", Tone::Plain),
            Stage::Ended(Err(_)) => ("failed", Tone::Warning),
        };
        let name = mark::named(cx, self.order.name.clone(), Some(mark::tag(cx, tag, tone)));
        let button = match &self.stage {
            Stage::Running { .. } => {
                page::button(cx, format!("Stop serving {}", self.order.id), Kind::Danger)
                    .on_press(Message::Stop)
            }
            Stage::Stopping { .. } => page::button(cx, "Stopping…", Kind::Plain),
            Stage::Ended(_) => page::button(cx, "Dismiss", Kind::Plain).on_press(Message::Dismiss),
        };
        let head = row![name, Gap::new().width(Fill), button]
            .spacing(cx.space(Space::Normal))
            .align_y(Center);
        let mut parts = column![head].spacing(cx.space(Space::Normal)).width(Fill);
        match &self.stage {
            Stage::Running { live, offer, .. } => {
                parts = parts.push(self.facts(cx, live.as_deref(), Some(offer)));
                if let Some(failed) = failed_offer(cx, offer) {
                    parts = parts.push(failed);
                }
                parts = parts.push(self.peers(cx, live.as_deref()));
                if let Some(live) = live {
                    parts = parts.push(strangers(cx, live));
                }
            }
            Stage::Stopping { live } => {
                parts = parts.push(self.facts(cx, live.as_deref(), None));
            }
            Stage::Ended(Ok(served)) => parts = parts.push(ended(cx, served)),
            Stage::Ended(Err(problem)) => {
                parts = parts.push(page::problem(cx, problem, Vec::new()));
            }
        }
        page::card(cx, parts).into()
    }

    fn facts<'a>(
        &self,
        cx: &Context<'_>,
        live: Option<&Snapshot>,
        offer: Option<&Offer>,
    ) -> Element<'a, Message> {
        let address = live.and_then(|live| live.address);
        let address = address.map_or_else(|| "not yet".to_owned(), |address| address.to_string());
        let (taken, rate) = live.map_or((0, 0), |live| (live.taken(), live.rate()));
        let mut facts = vec![
            ("Takes calls", address),
            ("Sent", format!("{}, now {}", words::bytes(taken), words::rate(rate))),
            ("Ends", words::until(cx.now, self.until)),
        ];
        match offer {
            Some(Offer::Written(path)) => facts.push(("Offer", path.display().to_string())),
            Some(Offer::Awaited) => facts.push(("Offer", "being written".to_owned())),
            Some(Offer::Failed { .. }) | None => {}
        }
        let mut parts =
            column![page::facts(cx, facts)].spacing(cx.space(Space::Narrow)).width(Fill);
        if let Some(Offer::Written(_)) = offer {
            let copy =
                page::button(cx, "Copy the offer's path", Kind::Quiet).on_press(Message::CopyPath);
            let remark = page::small(cx, "Hand the offer and the manifest to the peers.");
            let line = row![remark, copy].spacing(cx.space(Space::Narrow)).align_y(Center);
            parts = parts.push(line.wrap());
        }
        parts.into()
    }

    /// Everybody who may have it, and what each does.
    fn peers<'a>(&self, cx: &Context<'_>, live: Option<&Snapshot>) -> Element<'a, Message> {
        let callers = live.map_or(&[][..], |live| &live.callers);
        let found = |peer: PeerId| callers.iter().find(|caller| caller.peer == peer).copied();
        let mut lines = Column::new().spacing(cx.space(Space::Narrow)).width(Fill);
        for peer in &self.order.peers {
            let used = live.and_then(|live| live.used(*peer));
            lines = lines.push(self.peer(cx, *peer, found(*peer), used));
        }
        // They are paired, and have no part in this: whoever called all the same is named too.
        for caller in callers.iter().filter(|caller| !self.order.peers.contains(&caller.peer)) {
            let words = format!(
                "{} called and may not have it: {} refused",
                page::printable(&cx.name(caller.peer)),
                words::count(caller.refused, "ask")
            );
            lines = lines.push(page::muted(cx, words));
        }
        lines.into()
    }

    fn peer<'a>(
        &self,
        cx: &Context<'_>,
        peer: PeerId,
        caller: Option<Caller>,
        used: Option<(u64, u64)>,
    ) -> Element<'a, Message> {
        let name = page::printable(&cx.name(peer));
        let taken = caller.map_or(0, |caller| caller.taken);
        let (taken, limit) = used.unwrap_or((taken, self.order.limit));
        let (tag, tone, sum) = match caller {
            None => {
                let sum = format!("may take {}", words::bytes(limit));
                ("not called yet", Tone::Plain, sum)
            }
            Some(caller) => {
                let (tag, tone) = if caller.connections > 0 {
                    ("connected", Tone::Live)
                } else {
                    ("away", Tone::Plain)
                };
                let refused = match caller.refused {
                    0 => String::new(),
                    some => format!(", {} refused", words::count(some, "ask")),
                };
                let rate = match caller.rate {
                    0 => String::new(),
                    rate => format!(", {}", words::rate(rate)),
                };
                let (taken, limit) = (words::bytes(taken), words::bytes(limit));
                (tag, tone, format!("took {taken} of {limit}{rate}{refused}"))
            }
        };
        let part = page::fraction(taken, limit);
        let revoke = format!("Take back from {}", page::brief(&name));
        let revoke = page::button(cx, revoke, Kind::Quiet).on_press(Message::TakeBack(peer));
        let first = row![
            page::words(cx, Text::Body, name),
            mark::tag(cx, tag, tone),
            Gap::new().width(Fill),
            revoke
        ]
        .spacing(cx.space(Space::Narrow))
        .align_y(Center);
        column![first, page::bar(cx, part), page::small(cx, sum)]
            .spacing(cx.space(Space::Hair))
            .into()
    }
}

fn failed_offer<'a>(cx: &Context<'_>, offer: &'a Offer) -> Option<Element<'a, Message>> {
    let Offer::Failed { problem, file, .. } = offer else { return None };
    let ready = (!file.trim().is_empty()).then_some(Message::WriteOffer);
    let field = page::field(cx, "/home/anna/tiny.minimodel-offer", file, Message::File)
        .on_submit_maybe(ready.clone());
    let write = page::button(cx, "Write the offer there", Kind::Plain).on_press_maybe(ready);
    let line = row![field, write].spacing(cx.space(Space::Narrow)).align_y(Center);
    let parts = column![page::problem(cx, problem, Vec::new()), line];
    Some(parts.spacing(cx.space(Space::Narrow)).into())
}

fn strangers<'a>(cx: &Context<'_>, live: &Snapshot) -> Option<Element<'a, Message>> {
    let newest = live.turned_away.first()?;
    let words = format!(
        "{} turned away, the last from {}: {}",
        words::count(live.strangers, "caller"),
        newest.from,
        page::printable(&newest.why)
    );
    Some(page::muted(cx, words).into())
}

fn ended<'a>(cx: &Context<'_>, served: &Served) -> Element<'a, Message> {
    let why = match (served.ended, served.taken_back.as_slice()) {
        (Ended::Stopped, []) => "You stopped it.",
        (Ended::Stopped, _) => "You stopped it. What your yes granted is taken back.",
        (Ended::NoGrant, _) => {
            "It ended by itself: no peer may have it any more by this yes (taken back, used up or \
             over)."
        }
    };
    let peers = served.taken.iter().map(|(peer, bytes)| {
        (page::printable(&cx.name(*peer)), format!("took {}", words::bytes(*bytes)))
    });
    column![
        page::body(cx, why),
        page::muted(cx, taken(served)),
        page::facts(cx, peers.collect::<Vec<_>>())
    ]
    .spacing(cx.space(Space::Narrow))
    .into()
}

/// What went out in all.
fn taken(served: &Served) -> String {
    let bytes = served.taken.values().sum();
    match served.taken.len() {
        0 => "Nobody took anything.".to_owned(),
        peers => {
            format!("{} went to {}.", words::bytes(bytes), words::count(peers as u64, "peer"))
        }
    }
}
