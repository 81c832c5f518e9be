//! The form by which a model is served, and the question that comes of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::ports::{Access, Model};
use app::problem::Problem;
use app::quantity::{Size, Span};
use app::question::{Question, Yes};
use app::serve::least_piece;
use iced::widget::{Column, column, container, row};
use iced::{Center, Element, Fill};
use verifier::Sha256;
use verifier::boundary::PeerAddress;
use verifier::consent::ConsentLogFormat;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use super::{Action, Fresh, Wanted, Work};
use crate::context::Context;
use crate::screen::{Errand, Place, Run};
use crate::theme::{Space, style};
use crate::widget::consent::{self, Answer, Card};
use crate::widget::control::Kind;
use crate::widget::{mark, page};
use crate::words;

/// How often the model's size a peer may take where nothing is said; what was lost on the way is
/// asked for again.
const FACTOR: u64 = 2;
/// The most addresses that an offer says.
const MOST_ADDRESSES: usize = 8;

/// What is to be served, to whom, where and for how long.
#[derive(Debug, Clone)]
pub struct Order {
    /// The model.
    pub artifact: Sha256,
    /// Its id.
    pub id: String,
    /// Its id and version.
    pub name: String,
    /// Who may have it.
    pub peers: Vec<PeerId>,
    /// The most bytes that each may take.
    pub limit: u64,
    /// How long, in seconds.
    pub span: u64,
    /// Where calls are taken.
    pub listen: SocketAddr,
    /// The port that the addresses are meant for.
    pub usual: u16,
    /// What the offer says to call; where it is empty, what this machine finds.
    pub addresses: Vec<String>,
    /// Where the offer is written.
    pub file: PathBuf,
}

/// What happens here.
#[derive(Debug, Clone)]
pub enum Message {
    /// A peer was ticked, or not any more.
    Tick(PeerId),
    /// The bytes were typed.
    Bytes(String),
    /// The span was typed.
    Span(String),
    /// Where calls are taken was typed.
    Listen(String),
    /// What the offer says to call was typed.
    Addresses(String),
    /// Where the offer is written was typed.
    File(String),
    /// Choose where.
    Choose,
    /// Ask for the yes.
    Continue,
    /// Something on the card.
    Card(consent::Message),
    /// Show the peers.
    Peers,
}

/// What the screen does next.
pub(super) enum Next {
    /// This.
    Action(Action),
    /// Serves: the user said yes.
    Serve(Box<Order>, UtcTime, Yes),
}

/// The form, and the question when there is one.
#[derive(Debug)]
pub(super) struct Offering {
    /// Tells this form from others.
    form: Run,
    model: Arc<Model>,
    usual: SocketAddr,
    hosts: Vec<String>,
    /// The model that is served at the usual port already.
    rival: Option<String>,
    ticked: Vec<PeerId>,
    bytes: String,
    span: String,
    listen: String,
    addresses: String,
    file: String,
    problem: Option<Problem>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Filling,
    /// The question is being made.
    Waiting(Run, Order),
    Asking(Order, Box<Card>),
}

impl Offering {
    pub(super) fn new(fresh: &Fresh, rival: Option<String>) -> Self {
        let mut listen = fresh.listen;
        if rival.is_some() {
            // The system picks one that is free.
            listen.set_port(0);
        }
        Self {
            form: Run::default(),
            model: Arc::new(fresh.model.clone()),
            usual: fresh.listen,
            hosts: fresh.hosts.clone(),
            rival,
            ticked: Vec::new(),
            bytes: String::new(),
            span: "1d".to_owned(),
            listen: listen.to_string(),
            addresses: fresh.addresses.join(" "),
            file: fresh.file.display().to_string(),
            problem: None,
            stage: Stage::Filling,
        }
    }

    pub(super) const fn form(&self) -> &Run {
        &self.form
    }

    pub(super) fn chosen(&mut self, path: &Path) {
        self.file = path.display().to_string();
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.model.model_id, self.model.model_version)
    }

    fn default_limit(&self) -> u64 {
        self.model.geometry.byte_count().saturating_mul(FACTOR)
    }

    fn limit(&self) -> Result<u64, String> {
        match self.bytes.trim() {
            "" => Ok(self.default_limit()),
            typed => {
                let Size(bytes) = Size::at_most(typed, ConsentLogFormat::V0.max_bytes)
                    .map_err(|error| error.to_string())?;
                match least_piece(&self.model) {
                    least if bytes < least => {
                        Err(format!("no piece fits into it: the shortest has {least} bytes"))
                    }
                    _ => Ok(bytes),
                }
            }
        }
    }

    fn span(&self) -> Result<u64, String> {
        Span::at_most(&self.span, ConsentLogFormat::V0.window)
            .map(|Span(span)| span)
            .map_err(|error| error.to_string())
    }

    fn listen(&self) -> Result<SocketAddr, String> {
        self.listen
            .trim()
            .parse()
            .map_err(|_| "it is not an IP address and a port, such as 0.0.0.0:9410".to_owned())
    }

    /// What the offer says to call where nothing is typed.
    fn guess(&self) -> String {
        match self.listen() {
            Ok(listen) if listen.ip().is_unspecified() => said(&self.hosts, listen.port()),
            Ok(listen) => {
                let (host, port) = (listen.ip(), listen.port());
                let host = if host.is_ipv6() { format!("[{host}]") } else { host.to_string() };
                said(&[format!("mmp://{host}")], port)
            }
            Err(_) => said(&self.hosts, self.usual.port()),
        }
    }

    fn addresses(&self) -> Result<Vec<String>, String> {
        let words: Vec<String> = self
            .addresses
            .split([' ', ',', ';', '\t'])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        if words.len() > MOST_ADDRESSES {
            return Err(format!("{} are more than {MOST_ADDRESSES}", words.len()));
        }
        for word in &words {
            PeerAddress::parse(word).map_err(|error| error.to_string())?;
        }
        if words.is_empty() && self.guess().is_empty() {
            return Err("this machine is in no network: say where others call it".to_owned());
        }
        Ok(words)
    }

    /// The order, if every field holds something that can be.
    fn order(&self) -> Option<Order> {
        if self.ticked.is_empty() || self.file.trim().is_empty() {
            return None;
        }
        Some(Order {
            artifact: self.model.artifact,
            id: self.model.model_id.to_string(),
            name: self.name(),
            peers: self.ticked.clone(),
            limit: self.limit().ok()?,
            span: self.span().ok()?,
            listen: self.listen().ok()?,
            usual: self.usual.port(),
            addresses: self.addresses().ok()?,
            file: PathBuf::from(self.file.trim()),
        })
    }

    pub(super) fn update(&mut self, message: Message) -> Next {
        match message {
            Message::Tick(peer) => match self.ticked.iter().position(|ticked| *ticked == peer) {
                Some(place) => {
                    self.ticked.remove(place);
                }
                None => self.ticked.push(peer),
            },
            Message::Bytes(typed) => self.bytes = typed,
            Message::Span(typed) => self.span = typed,
            Message::Listen(typed) => self.listen = typed,
            Message::Addresses(typed) => self.addresses = typed,
            Message::File(typed) => self.file = typed,
            Message::Choose => {
                let wanted = Wanted::New(PathBuf::from(self.file.trim()));
                return Next::Action(Action::work(Work::Choose(self.form.clone(), wanted)));
            }
            Message::Continue => {
                if let (Stage::Filling, Some(order)) = (&self.stage, self.order()) {
                    self.problem = None;
                    let run = Run::default();
                    self.stage = Stage::Waiting(run.clone(), order.clone());
                    return Next::Action(Action::work(Work::Ask(run, order)));
                }
            }
            Message::Card(message) => return self.card(message),
            Message::Peers => return Next::Action(Action::errand(Errand::Go(Place::Peers))),
        }
        Next::Action(Action::none())
    }

    fn card(&mut self, message: consent::Message) -> Next {
        if let Stage::Asking(order, card) = &mut self.stage {
            match card.update(message) {
                Answer::Waiting => {}
                Answer::No => self.stage = Stage::Filling,
                Answer::Yes(yes) => {
                    return Next::Serve(Box::new(order.clone()), card.question().until, yes);
                }
            }
        }
        Next::Action(Action::none())
    }

    /// Hears the question; one that is late, about another order, is not shown above this one.
    pub(super) fn asked(&mut self, run: &Run, asked: Result<Box<Question>, Problem>) {
        let order = match &self.stage {
            Stage::Waiting(awaited, order) if awaited == run => order.clone(),
            _ => return,
        };
        match asked {
            Ok(question) => self.stage = Stage::Asking(order, Box::new(Card::new(*question))),
            Err(problem) => {
                self.problem = Some(problem);
                self.stage = Stage::Filling;
            }
        }
    }

    pub(super) fn view<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        if let Stage::Asking(order, card) = &self.stage {
            let names: Vec<String> =
                order.peers.iter().map(|peer| page::printable(&cx.name(*peer))).collect();
            let yes = format!("Serve {} to {}", order.name, listed(&names));
            return card.view(cx, yes, Vec::new()).map(Message::Card);
        }
        let gap = cx.space(Space::Normal);
        let mut parts = column![self.peers(cx)].spacing(gap).width(Fill);
        if let Some(rival) = &self.rival {
            let words = format!(
                "Port {} is taken: {rival} is served there already. The system picks another port \
                 (0), and the offer says which.",
                self.usual.port()
            );
            parts = parts.push(page::note(cx, page::body(cx, words), style::noted));
        }
        parts = parts.push(self.fields(cx));
        if let Some(problem) = &self.problem {
            parts = parts.push(page::problem(cx, problem, Vec::new()));
        }
        let ready = matches!(self.stage, Stage::Filling) && self.order().is_some();
        let button = page::button(cx, "Continue", Kind::Primary)
            .on_press_maybe(ready.then_some(Message::Continue));
        let remark = if self.ticked.is_empty() {
            "Tick at least one peer."
        } else {
            "Nothing is sent before you say yes on the next page."
        };
        let last = row![button, page::muted(cx, remark)].spacing(gap).align_y(Center);
        parts.push(last).into()
    }

    fn peers<'a>(&'a self, cx: &Context<'a>) -> Element<'a, Message> {
        let mut lines = Column::new().spacing(cx.space(Space::Hair)).width(Fill);
        if cx.book.peers.is_empty() {
            let button =
                page::button(cx, "Pair with somebody", Kind::Primary).on_press(Message::Peers);
            lines = lines
                .push(page::body(cx, "You are paired with nobody who could have it."))
                .push(row![button]);
        }
        for peer in cx.book.peers.iter() {
            let label = page::printable(peer.label.as_str());
            lines = match peer.access {
                Access::Open => {
                    let is_ticked = self.ticked.contains(&peer.id);
                    lines
                        .push(page::check(cx, label, is_ticked, Message::Tick(peer.id)).width(Fill))
                }
                Access::Blocked => lines.push(
                    container(page::muted(cx, format!("{label} is blocked"))).padding([4.0, 6.0]),
                ),
            };
        }
        page::section(cx, "Who may have it", lines).into()
    }

    fn fields<'a>(&'a self, cx: &Context<'_>) -> Element<'a, Message> {
        let default = words::bytes(self.default_limit());
        let each = format!("{default}: twice the model's size");
        let bytes = page::field(cx, &each, &self.bytes, Message::Bytes);
        let span = page::field(cx, "1d", &self.span, Message::Span);
        let listen = page::field(cx, "0.0.0.0:9410", &self.listen, Message::Listen);
        let guess = self.guess();
        let addresses = page::field(cx, &guess, &self.addresses, Message::Addresses);
        let file = page::field(cx, "/home/anna/tiny.minimodel-offer", &self.file, Message::File);
        let choose = page::button(cx, "Choose…", Kind::Plain).on_press(Message::Choose);
        let file = row![file, choose].spacing(cx.space(Space::Narrow)).align_y(Center);
        let pair = |one, other| mark::pair(cx, one, other);
        let empty = self.file.trim().is_empty().then(|| "a file has to be named".to_owned());
        let parts = column![
            pair(
                mark::entry(
                    cx,
                    "The most bytes for each",
                    bytes,
                    self.limit().err(),
                    "Such as 40MiB; empty for twice the model's size."
                ),
                mark::entry(
                    cx,
                    "How long",
                    span,
                    self.span().err(),
                    "Such as 1h, 1d or 2w. You can stop at any time."
                ),
            ),
            pair(
                mark::entry(
                    cx,
                    "Where calls are taken",
                    listen,
                    self.listen().err(),
                    "An address and a port of this machine."
                ),
                mark::entry(
                    cx,
                    "What the offer says to call",
                    addresses,
                    self.addresses().err(),
                    "Empty for this machine's address in its network."
                ),
            ),
            mark::entry(
                cx,
                "Where the offer is written",
                file,
                empty,
                "A small file that you hand to the peers. Nothing may be there yet."
            )
        ]
        .spacing(cx.space(Space::Normal));
        page::section(cx, "How", parts).into()
    }
}

/// What others are told to call at a port; 0 is one that the system picks.
pub(super) fn said(hosts: &[String], port: u16) -> String {
    if hosts.is_empty() {
        return String::new();
    }
    match port {
        0 => format!("{}, at the port that the system picks", hosts.join(" ")),
        port => {
            let all: Vec<String> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
            all.join(" ")
        }
    }
}

/// Names as people list them; many are counted.
fn listed(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        many => words::count(many.len() as u64, "peer"),
    }
}
