//! What people are told while an import runs, and of its result.

use std::collections::{BTreeMap, BTreeSet};

use app::event::Event;
use app::import::live::paused;
use app::import::{Imported, Library};
use app::naming::short_peer;
use app::ports::{Evictable, PullNews, Untrue, Way};
use app::quantity::Size;
use verifier::identity::PeerId;
use verifier::{Code, Geometry};

use super::{author, count, rate};
use crate::outcome::printable;
use crate::progress::Progress;
use crate::terminal::{Paint, Terminal};

/// What people are told while an import or a repair runs.
pub(crate) struct Telling {
    what: &'static str,
    pub(crate) progress: Progress,
    pub(crate) names: BTreeMap<PeerId, String>,
    sizes: Geometry,
    pub(crate) banned: BTreeMap<PeerId, (Code, Option<Untrue>)>,
    /// Peers whose loss was told; that they still do not answer is no news.
    gone: BTreeSet<PeerId>,
    /// What was said of waiting since the last piece came.
    waits: BTreeSet<String>,
    /// What was given up to make room.
    pub(crate) evicted: Vec<Evictable>,
    /// Whether a full disk is waited for, which says it all.
    is_paused: bool,
    /// Whether the result was told.
    is_over: bool,
}

impl Telling {
    /// Nothing has happened yet; `what` is one word, such as `import`.
    pub(crate) fn new(
        what: &'static str,
        sizes: Geometry,
        names: BTreeMap<PeerId, String>,
        paint: Paint,
    ) -> Self {
        Self {
            what,
            progress: Progress::start(what, sizes.byte_count(), 0, paint),
            names,
            sizes,
            banned: BTreeMap::new(),
            gone: BTreeSet::new(),
            waits: BTreeSet::new(),
            evicted: Vec::new(),
            is_paused: false,
            is_over: false,
        }
    }

    /// Tells the result, once.
    pub(crate) fn finish(&mut self, terminal: &mut Terminal, imported: &Imported) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.progress.end();
            tell_result(terminal, imported, &self.names, &self.banned);
        }
    }

    /// Hears what happens.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::Evicted(evicted) => {
                self.evicted.clone_from(evicted);
                for model in evicted {
                    self.progress.say(&format!("Given up to make room: {model} came free."));
                }
            }
            Event::Reserved { have } | Event::ListProven { have } => {
                let bytes: u64 =
                    have.pieces(&self.sizes).map(|piece| u64::from(self.sizes.length(piece))).sum();
                self.progress.begin_at(bytes);
            }
            Event::NotPaired(peer) => self.progress.say(&format!(
                "{} is in the request, but you are not paired with it: not called.",
                short_peer(*peer)
            )),
            Event::Blocked(peer) => self.progress.say(&format!(
                "{} is in the request, but you have blocked it: not called.",
                self.name(*peer)
            )),
            Event::Kept { bytes, .. } => {
                self.waits.clear();
                self.progress.advance(*bytes);
            }
            Event::Paused(place) => {
                self.is_paused = true;
                self.progress.say(&printable(&paused(place)));
                self.progress.doing("paused: a disk is full");
            }
            Event::Resumed => {
                self.is_paused = false;
                self.progress.say(&format!("There is room again: the {} goes on.", self.what));
                self.progress.doing("");
            }
            Event::Verifying => self.progress.doing("verifying the whole"),
            Event::Naming => self.progress.doing("writing the receipt"),
            Event::Peers(news) => self.hear_peers(news),
            Event::ConsentEnded(peer, why) => {
                self.gone.insert(*peer);
                self.progress.lost(*peer);
                self.progress.say(&format!("{} is not asked any more: {why}", self.name(*peer)));
            }
            _ => {}
        }
    }

    fn hear_peers(&mut self, news: &PullNews) {
        match news {
            PullNews::Connected { peer, .. } => {
                self.progress.connected(*peer);
                if self.gone.remove(peer) {
                    self.progress.say(&format!("{} is connected", self.name(*peer)));
                }
            }
            PullNews::Lost { peer, why } if self.gone.insert(*peer) => {
                self.progress.lost(*peer);
                let line = format!("{} {}", self.name(*peer), printable(why));
                self.progress.say(&line);
            }
            PullNews::Banned { peer, code, why, untrue, .. } => {
                self.progress.lost(*peer);
                self.banned.insert(*peer, (*code, *untrue));
                let (name, why) = (self.name(*peer), printable(why));
                self.progress.say(&match untrue {
                    Some(_) => format!("{name} lied and is banned: {code}, it {why}"),
                    None => format!("{name} is left out of this {}: {code}, it {why}", self.what),
                });
            }
            PullNews::Coming(bytes) => self.progress.coming(*bytes),
            PullNews::Waiting(why) if !self.is_paused && self.waits.insert(why.clone()) => {
                self.progress.say(&printable(why));
            }
            _ => {}
        }
    }

    /// What people call a peer.
    pub(crate) fn name(&self, peer: PeerId) -> String {
        self.names.get(&peer).cloned().unwrap_or_else(|| short_peer(peer))
    }
}

/// Tells who was not asked any more, and why.
pub(crate) fn tell_banned(
    terminal: &mut Terminal,
    what: &str,
    names: &BTreeMap<PeerId, String>,
    banned: &BTreeMap<PeerId, (Code, Option<Untrue>)>,
) {
    for (peer, (code, untrue)) in banned {
        let name = names.get(peer).map_or("a peer", String::as_str);
        terminal.say(&match untrue {
            Some(_) => format!(
                "  {name:<16} lied and is banned: {code}; not called again before you say \
                 `minimodel peer unban`"
            ),
            None => format!("  {name:<16} left out of this {what}: {code}"),
        });
    }
}

fn tell_result(
    terminal: &mut Terminal,
    imported: &Imported,
    names: &BTreeMap<PeerId, String>,
    banned: &BTreeMap<PeerId, (Code, Option<Untrue>)>,
) {
    let seconds = imported.transfer_time.as_secs_f64();
    let before = match imported.pieces_before {
        1 => "1 piece was here already".to_owned(),
        pieces => format!("{pieces} pieces were here already"),
    };
    terminal.say(&match imported.givers {
        0 => format!("Verified. Nothing was fetched: {before}."),
        givers => format!(
            "Verified. {} came from {} in {seconds:.2} s ({:.1} MiB/s); {before}.",
            Size(imported.bytes_fetched),
            count(givers, "peer"),
            rate(imported.bytes_fetched, seconds),
        ),
    });
    let all: u64 = imported.contributions.iter().map(|peer| peer.bytes).sum();
    if all > imported.bytes_fetched {
        terminal.say("Together with what came earlier, as the receipt says:");
    }
    let mut given: Vec<_> = imported.contributions.iter().collect();
    given.sort_by_key(|peer| names.get(&peer.id));
    for peer in given {
        let name = names.get(&peer.id).cloned().unwrap_or_else(|| short_peer(peer.id));
        let pieces = count(peer.pieces, "piece");
        terminal.say(&format!("  {name:<16} {pieces:>12}  {}", Size(peer.bytes)));
    }
    tell_banned(terminal, "import", names, banned);
    terminal.say(&format!("  model    {}", imported.named.artifact.display()));
    if imported.way == Way::Cloned && imported.library != Library::Forgets {
        terminal
            .say("           it shares the blocks of the library, and takes no room of its own");
    }
    terminal.say(&format!("  receipt  {}", imported.named.receipt.display()));
    terminal.say(&format!("           {}", author(imported).sentence()));
    match imported.library {
        Library::Keeps => {}
        Library::KeptBefore => terminal.say("It stays in the library, where it was before."),
        Library::Forgets => terminal.say("The library keeps nothing of it."),
    }
    terminal.say("Open the model in TinyRustLM with its own file picker; nothing is sent to it.");
}
