//! What an import waits for, as one sentence, and when it waits no more.

use std::time::Duration;

use verifier::scalars::Label;

use crate::ending::Ending;
use crate::import::Engine;
use crate::import::hearing::IN_VAIN;
use crate::import::message::{Effect, Exhausted, News, Patience, Why};
use crate::import::peer::{Peer, Session, State, Turn};
use crate::import::window::SNUB;
use crate::moment::Moment;

/// After how long without a byte an import is said to wait.
const STILL: Duration = Duration::from_secs(2);
/// How often what is said of a wait may change.
const LOOK: Duration = Duration::from_millis(250);
/// After how long it is looked at again though nothing happened.
const AGAIN: Duration = Duration::from_secs(10);

/// How long nothing has come, and what was said of it.
#[derive(Debug)]
pub(super) struct Wait {
    /// When something last came, later by the time in which this side held everything.
    since: Moment,
    /// When something last came, or was kept.
    moved: Moment,
    /// Since when this side holds everything.
    held: Option<Moment>,
    said: Option<String>,
    looked: Moment,
    /// Whether anything happened since.
    changed: bool,
    /// Whether somebody may still be of use.
    pub(super) anyone: bool,
}

impl Wait {
    pub(super) const fn new(now: Moment) -> Self {
        Self {
            since: now,
            moved: now,
            held: None,
            said: None,
            looked: now,
            changed: true,
            anyone: true,
        }
    }

    /// Something came.
    pub(super) const fn came(&mut self, now: Moment) {
        self.since = now;
        self.moved = now;
    }

    /// A piece was kept.
    pub(super) const fn kept(&mut self, now: Moment) {
        self.moved = now;
    }

    /// Something happened that may change what is waited for.
    pub(super) const fn changed(&mut self) {
        self.changed = true;
    }

    /// Whether this side holds everything from now on.
    fn hold(&mut self, held: bool, now: Moment) {
        match (held, self.held) {
            (true, None) => self.held = Some(now),
            (false, Some(since)) => {
                // Nobody is to blame for that time.
                self.since = (self.since + now.since(since.max(self.since))).min(now);
                self.held = None;
                if now.since(since) >= STILL {
                    // What is said is said of what is over.
                    (self.looked, self.changed) = (self.moved, true);
                }
            }
            _ => {}
        }
    }

    /// What was said of the wait, if there is one.
    pub(super) fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// When it is looked at again what is said.
    fn next_look(&self) -> Moment {
        self.looked + if self.changed { LOOK } else { AGAIN }
    }
}

impl Engine {
    /// When a wait is to be told of, or ends.
    pub(super) fn waits(&self) -> Option<(Moment, Why)> {
        let told = self.wait.moved + STILL;
        let told = if self.now() < told { told } else { told.max(self.wait.next_look()) };
        let time = self.patience.time().filter(|_| self.wait.held.is_none());
        let over = time.map(|time| (self.wait.since + time, Why::Patience));
        over.into_iter().chain([(told, Why::Sentence)]).min()
    }

    /// Ends the import if it is done or hopeless, and says what is waited for.
    pub(super) fn settle(&mut self) {
        if self.over {
            return;
        }
        let now = self.now();
        if self.pieces.left() == 0 {
            self.finish();
            self.effects.push_back(Effect::Done(Ok(())));
            return;
        }
        self.wait.hold(self.budget.held(), now);
        if !self.wait.anyone && self.budget.used() == 0 {
            return self.exhausted("nobody is left to be called".to_owned());
        }
        if let Some(time) = self.patience.time()
            && self.wait.held.is_none()
            && now.since(self.wait.since) >= time
        {
            return self.exhausted(format!("nothing came for {}", text(time)));
        }
        self.say();
    }

    /// Counts whether anybody may still be of use to this import.
    pub(super) fn count_left(&mut self) {
        self.wait.anyone = self.peers.iter().any(Peer::is_left);
    }

    fn exhausted(&mut self, first: String) {
        let peers = self.numbers().zip(&self.peers);
        let clauses =
            peers.map(|(number, peer)| format!("; {} {}", peer.label, self.reason(number, peer)));
        let why = std::iter::once(first).chain(clauses).collect();
        let missing = self.pieces.unproven();
        let anyone = self.peers.iter().any(|peer| peer.is_left() || peer.is_refused());
        self.finish();
        self.effects.push_back(Effect::Done(Err(Exhausted { missing, why, anyone })));
    }

    fn say(&mut self) {
        let now = self.now();
        let still = now.since(self.wait.moved) >= STILL;
        if still && now < self.wait.next_look() {
            return;
        }
        let sentence = still.then(|| self.sentence());
        if still {
            (self.wait.looked, self.wait.changed) = (now, false);
        }
        if sentence != self.wait.said {
            self.tell(sentence.clone().map_or(News::Moving, News::Waiting));
            self.wait.said = sentence;
        }
    }

    /// What is waited for and what would end the wait.
    fn sentence(&self) -> String {
        if self.wait.held.is_some_and(|held| self.now().since(held) >= STILL) {
            return if self.budget.unsettled > 0 {
                "Waiting for this machine's disk to keep what came. The import goes on when it has."
            } else {
                "Waiting for your consent to be looked up. The import goes on when it was."
            }
            .to_owned();
        }
        format!("{}. {}", self.wait_for(), end(self.patience))
    }

    fn wait_for(&self) -> String {
        let left = self.pieces.left();
        let what = format!("{left} missing piece{}", if left == 1 { "" } else { "s" });
        let now = self.now();
        let first = |wanted: &dyn Fn(&State) -> bool| {
            self.peers.iter().find(|peer| wanted(&peer.state)).map(|peer| &peer.label)
        };
        let session = |wanted: fn(&Session, Moment) -> bool| {
            first(&|state| matches!(state, State::Open(session) if wanted(session, now)))
        };
        if let Some(peer) = session(|session, _| session.owed > 0 && session.snub.is_none()) {
            format!("Waiting for {peer} to send: it owes some of {what}")
        } else if let Some(peer) = session(trickles) {
            format!("Waiting for {peer}, which sends less than {} a second", self.floor_text())
        } else if let Some(peer) = session(|session, _| session.owed > 0) {
            format!("Waiting for {peer} to send: it owes some of {what}")
        } else if self.pieces.missing() == 0 && self.budget.unsettled > 0 {
            format!("Waiting for this machine's disk to keep {what}")
        } else if self.apart.until().is_some() {
            format!("Waiting for {what}, which others that import the model too are getting now")
        } else if let Some((peer, why)) = self.idle() {
            format!("Waiting for {what}: {peer} has what is missing, or some of it, but {why}")
        } else if session(|session, _| session.may_be_asked()).is_some() {
            format!(
                "Waiting for {what}, which no connected peer has: one that gets them ends the wait{}",
                self.others()
            )
        } else if let Some(peer) = first(&|state| matches!(state, State::Opening { .. })) {
            format!("Waiting for {peer} to say what it has of the model")
        } else if let Some(peer) = first(&|state| matches!(state, State::Calling { why: None, .. }))
        {
            format!(
                "Waiting for {peer} to answer the call: its companion must be running, and serve the \
                 model, or know its piece list if it imports it too"
            )
        } else if first(&|state| matches!(state, State::Queued { .. })).is_some() {
            "Waiting for a free connection: one that ends, or a higher limit, ends the wait"
                .to_owned()
        } else {
            match self.away()[..] {
                [(peer, why)] => {
                    format!("Waiting for {peer}, which is called again and again: it {why}")
                }
                _ => format!("Waiting for {what}{}", self.others()),
            }
        }
    }

    /// Who is called again and again, and why it was left last.
    fn away(&self) -> Vec<(&Label, &str)> {
        let away = self.peers.iter().filter_map(|peer| match &peer.state {
            State::Waiting { why, .. } | State::Calling { why: Some(why), .. } => {
                Some((&peer.label, why.as_str()))
            }
            _ => None,
        });
        away.collect()
    }

    /// The same, as a clause that goes on; of many, how many others there are.
    fn others(&self) -> String {
        /// So many are told one by one.
        const MOST: usize = 3;

        let away = self.away();
        let each = away.iter().take(MOST).map(|(peer, why)| format!("{peer} {why}"));
        let mut each: Vec<_> = each.collect();
        if away.len() > MOST {
            each.push(format!("and {} more", away.len() - MOST));
        }
        match each.is_empty() {
            true => String::new(),
            false => format!(". Who is away is called again and again: {}", each.join("; ")),
        }
    }

    /// An open peer that has something that is missing and owes nothing, and why.
    fn idle(&self) -> Option<(&Label, &'static str)> {
        self.numbers().zip(&self.peers).find_map(|(number, peer)| match &peer.state {
            State::Open(session) if session.may_be_asked() && self.pieces.wanted_of(number) > 0 => {
                Some((&peer.label, self.unasked(number, session)))
            }
            _ => None,
        })
    }

    /// Why the peer is of no use now, to be read after its name.
    fn reason(&self, number: u32, peer: &Peer) -> String {
        let now = self.now();
        let why = match &peer.state {
            State::Waiting { why, .. }
            | State::Calling { why: Some(why), .. }
            | State::Banned { why }
            | State::Refused { why }
            | State::Gone { why } => why,
            State::Queued { .. } => "was not called, because no connection is free",
            State::Calling { .. } => "does not answer the call",
            State::Opening { .. } => "has not said what it has of the model",
            State::Open(session) if trickles(session, now) => "sends next to nothing",
            State::Open(session) if session.owed > 0 && now.since(session.came) >= SNUB => {
                return Ending::Silent.to_string();
            }
            State::Open(session) if session.owed > 0 && peer.in_vain >= IN_VAIN => {
                "breaks off again and again before a piece is whole"
            }
            State::Open(session) if session.owed > 0 => "was asked a moment ago",
            State::Open(session) if session.may_be_asked() => self.unasked(number, session),
            State::Open(_) | State::Denied => return Ending::Denied.to_string(),
        };
        why.to_owned()
    }

    /// Why an open peer that may be asked owes nothing, to be read after its name.
    fn unasked(&self, number: u32, session: &Session) -> &'static str {
        if self.pieces.wanted_of(number) == 0 {
            "has none of the missing pieces"
        } else if !session.asks.is_empty() && self.now().since(session.came) >= SNUB {
            "fell silent"
        } else if session.snub.is_some() {
            "was too slow, and is not asked now"
        } else if session.batch.is_some() {
            "is not asked yet, because your consent to it is being looked up"
        } else if matches!(session.turn, Turn::Hungry(..)) {
            "is not asked, because what is on its way here takes all the room there is"
        } else {
            "is not asked, because others are asked for all that it has"
        }
    }

    fn floor_text(&self) -> String {
        match self.floor() {
            1_024 => "1 KiB".to_owned(),
            1 => "1 byte".to_owned(),
            bytes => format!("{bytes} bytes"),
        }
    }
}

/// Whether bytes still come, but too few.
fn trickles(session: &Session, now: Moment) -> bool {
    session.owed > 0 && session.snub.is_some() && now.since(session.came) < SNUB
}

/// When an import or a repair ends that waits in vain.
fn end(patience: Patience) -> String {
    match patience.time() {
        Some(time) => format!("It ends when nothing has come for {}.", text(time)),
        None => "It waits until you cancel it.".to_owned(),
    }
}

/// A time in the largest unit of which it is a whole number, and more than one.
fn text(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "day"), (3_600, "hour"), (60, "minute")];

    let seconds = time.as_secs();
    let whole = |(unit, _): &&(u64, &str)| seconds > *unit && seconds.is_multiple_of(*unit);
    match UNITS.iter().find(whole) {
        Some((unit, name)) => format!("{} {name}s", seconds / unit),
        None if seconds == 1 => "1 second".to_owned(),
        None => format!("{seconds} seconds"),
    }
}
