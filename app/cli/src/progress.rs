//! How far a long piece of work is: a moving bar on a terminal, plain lines elsewhere.

use std::collections::HashSet;
use std::fmt;
use std::io::Write as _;
use std::time::{Duration, Instant};

use app::import::live::Meter;
use app::quantity::{Size, Span};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use verifier::identity::PeerId;

use crate::terminal::Paint;

/// Plain lines come at most this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(1);
/// A moving bar is drawn at most so many times a second.
const DRAWS_A_SECOND: u8 = 8;

/// Progress in bytes, told on standard error.
pub struct Progress {
    bar: ProgressBar,
    plain: Option<Plain>,
    peers: HashSet<PeerId>,
    /// In bytes.
    done: u64,
    /// What has come and is not done yet, in bytes.
    coming: u64,
}

/// Progress where nothing can move.
struct Plain {
    what: String,
    total: Option<u64>,
    done: u64,
    coming: u64,
    /// What of both was counted.
    counted: u64,
    meter: Meter,
    /// When it ends at the latest, in seconds.
    ends_in: Option<u64>,
    told: Instant,
    ended: bool,
}

impl Progress {
    /// Starts at `done` of `total` bytes; `what` is one word, such as `import`.
    pub fn start(what: &str, total: u64, done: u64, paint: Paint) -> Self {
        let template = "{prefix} [{bar:32}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  \
                        ETA {left}  {msg}";
        let started = Self::new(what, Some(total), done, paint, template);
        started.bar.reset_eta();
        started
    }

    fn new(what: &str, total: Option<u64>, done: u64, paint: Paint, template: &str) -> Self {
        let (bar, plain) = match paint {
            Paint::Colours => {
                let target = ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND);
                (ProgressBar::with_draw_target(total, target), None)
            }
            Paint::Plain => {
                let now = Instant::now();
                let plain = Plain {
                    what: what.to_owned(),
                    total,
                    done,
                    coming: 0,
                    counted: done,
                    meter: Meter::new(now),
                    ends_in: None,
                    told: now,
                    ended: false,
                };
                (ProgressBar::hidden(), Some(plain))
            }
        };
        // A template that cannot be read leaves the library's own, which says the same less well.
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style =
                style.with_key("left", |state: &ProgressState, line: &mut dyn fmt::Write| {
                    let is_known = state.per_sec() >= 1.0;
                    let left = is_known.then(|| Span(state.eta().as_secs()).to_string());
                    // What cannot be written is not shown.
                    let _ok = line.write_str(left.as_deref().unwrap_or("?"));
                });
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.to_owned());
        bar.set_position(done);
        Self { bar, plain, peers: HashSet::new(), done, coming: 0 }
    }

    /// Starts to count bytes towards no end; `what` is one word, such as `serve`.
    pub fn count(what: &str, paint: Paint) -> Self {
        Self::new(what, None, 0, paint, "{prefix}  {bytes} sent  {msg}")
    }

    /// So many bytes more are done.
    pub fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        self.coming = self.coming.saturating_sub(bytes);
        self.show();
    }

    /// So many bytes were done before: they count for no rate.
    pub fn begin_at(&mut self, bytes: u64) {
        self.done = bytes;
        self.bar.set_position(bytes);
        // The bar measures from where it last looked.
        self.bar.tick();
        self.bar.reset_eta();
        if let Some(plain) = &mut self.plain {
            plain.counted = bytes.saturating_add(self.coming);
        }
        self.show();
    }

    /// So many bytes are done in all.
    pub fn reach(&mut self, bytes: u64) {
        self.done = bytes;
        self.show();
    }

    /// It ends after so long at the latest.
    pub fn ends_in(&mut self, left: Option<Duration>) {
        let Some(left) = left.map(|left| left.as_secs()) else { return };
        self.bar.set_message(format!("ends in {}", Span(left)));
        if let Some(plain) = &mut self.plain {
            plain.ends_in = Some(left);
        }
    }

    /// So many bytes have come of what is not done yet.
    pub fn coming(&mut self, bytes: u64) {
        self.coming = bytes;
        self.show_peers();
        self.show();
    }

    fn show(&mut self) {
        self.bar.set_position(self.done.saturating_add(self.coming));
        if let Some(plain) = &mut self.plain {
            let now = Instant::now();
            plain.count(self.done, self.coming, now);
            plain.tell(self.peers.len(), now);
        }
    }

    /// A peer is connected.
    pub fn connected(&mut self, peer: PeerId) {
        self.peers.insert(peer);
        self.show_peers();
    }

    /// A peer is gone.
    pub fn lost(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.show_peers();
    }

    /// Says one line that stays.
    pub fn say(&self, line: &str) {
        match &self.plain {
            None => self.bar.println(line),
            Some(_) => write_line(line),
        }
    }

    /// Says what the work is doing beside the bar.
    pub fn doing(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// The work is over; the bar goes away.
    pub fn finish(mut self) {
        self.end();
    }

    /// The same; nothing moves from then on, and lines may still be said.
    pub fn end(&mut self) {
        self.bar.finish_and_clear();
        if let Some(plain) = &mut self.plain {
            plain.ended = true;
        }
    }

    fn show_peers(&self) {
        let count = self.peers.len();
        let who = format!("{count} {}", if count == 1 { "peer" } else { "peers" });
        self.bar.set_message(who + &not_whole(self.coming));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Plain {
    /// So much is done, and has come of what is not.
    fn count(&mut self, done: u64, coming: u64, now: Instant) {
        (self.done, self.coming) = (done, coming);
        let came = done.saturating_add(coming);
        self.meter.add(came.saturating_sub(self.counted), now);
        self.counted = self.counted.max(came);
    }

    fn tell(&mut self, peers: usize, now: Instant) {
        if now.duration_since(self.told) < PLAIN_INTERVAL || self.ended {
            return;
        }
        self.told = now;
        write_line(&self.line(now, peers));
    }

    fn line(&self, now: Instant, peers: usize) -> String {
        let rate = self.meter.rate(now);
        let who = match peers {
            0 => String::new(),
            1 => ", 1 peer".to_owned(),
            many => format!(", {many} peers"),
        } + &not_whole(self.coming);
        let (what, done) = (&self.what, Size(self.done));
        let Some(total) = self.total else {
            return format!("{what}: {done}, {}/s{who}", Size(rate));
        };
        let left = total.saturating_sub(self.done).saturating_sub(self.coming).checked_div(rate);
        let left = left.into_iter().chain(self.ends_in).min();
        let eta = left.map_or_else(|| "?".to_owned(), |seconds| Span(seconds).to_string());
        let (rate, total) = (Size(rate), Size(total));
        format!("{what}: {done} of {total}, {rate}/s, {eta} left{who}")
    }
}

fn not_whole(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!(", and {} of pieces that are not whole yet", Size(bytes)),
    }
}

fn write_line(line: &str) {
    // A closed standard error is no reason to stop.
    let _ok = writeln!(std::io::stderr(), "{line}");
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("peers", &self.peers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use app::import::live::Meter;

    use super::Plain;

    #[test]
    fn what_was_kept_before_counts_for_no_rate() {
        let started = Instant::now();
        let mut plain = Plain {
            what: "import".to_owned(),
            total: Some(64 << 20),
            done: 54 << 20,
            coming: 0,
            counted: 54 << 20,
            meter: Meter::new(started),
            ends_in: None,
            told: started,
            ended: false,
        };
        let at = started + Duration::from_secs(2);
        plain.count(58 << 20, 0, at);
        let line = "import: 58.00 MiB of 64.00 MiB, 2.00 MiB/s, 3 s left";
        assert_eq!(plain.line(at, 0), line);
        // Pieces that turn out to be bad are not fetched backwards.
        plain.counted = 50 << 20;
        plain.count(50 << 20, 0, at);
        let line = "import: 50.00 MiB of 64.00 MiB, 2.00 MiB/s, 7 s left, 1 peer";
        assert_eq!(plain.line(at, 1), line);
        // What has come of a piece that is not whole moves the line.
        plain.count(50 << 20, 2 << 20, at);
        let line = "import: 50.00 MiB of 64.00 MiB, 3.00 MiB/s, 4 s left, 1 peer, \
                    and 2.00 MiB of pieces that are not whole yet";
        assert_eq!(plain.line(at, 1), line);
        // What ends before is told by its end.
        plain.ends_in = Some(2);
        assert!(plain.line(at, 0).contains(" 2 s left"), "{}", plain.line(at, 0));
        plain.ends_in = None;
        // A pause is over after some seconds, and what came before it is no measure.
        let later = at + Duration::from_secs(60);
        assert!(plain.line(later, 0).contains(" 0 bytes/s, ? left"), "{}", plain.line(later, 0));
    }
}
