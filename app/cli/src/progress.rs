//! How far a long piece of work is: a moving bar on a terminal, plain lines elsewhere.

use std::collections::HashSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use app::quantity::{Size, Span};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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
    /// What has come and is not done yet, in bytes.
    coming: u64,
}

/// Progress where nothing can move.
struct Plain {
    what: String,
    total: Option<u64>,
    at_start: u64,
    done: u64,
    coming: u64,
    started: Instant,
    told: Instant,
    ended: bool,
}

impl Progress {
    /// Starts at `done` of `total` bytes; `what` is one word, such as `import`.
    pub fn start(what: &str, total: u64, done: u64, paint: Paint) -> Self {
        let template = "{prefix} [{bar:32}] {bytes}/{total_bytes}  {binary_bytes_per_sec}  \
                        ETA {eta}  {msg}";
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
                    at_start: done,
                    done,
                    coming: 0,
                    started: now,
                    told: now,
                    ended: false,
                };
                (ProgressBar::hidden(), Some(plain))
            }
        };
        // A template that cannot be read leaves the library's own, which says the same less well.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(what.to_owned());
        bar.set_position(done);
        Self { bar, plain, peers: HashSet::new(), coming: 0 }
    }

    /// Starts to count bytes towards no end; `what` is one word, such as `serve`.
    pub fn count(what: &str, paint: Paint) -> Self {
        Self::new(what, None, 0, paint, "{prefix}  {bytes} sent  {msg}")
    }

    /// So many bytes more are done.
    pub fn advance(&mut self, bytes: u64) {
        self.bar.inc(bytes);
        if let Some(plain) = &mut self.plain {
            plain.done += bytes;
            plain.tell(self.peers.len());
        }
    }

    /// So many bytes were done before: they count for no rate.
    pub fn begin_at(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
        // The bar measures from where it last looked.
        self.bar.tick();
        self.bar.reset_eta();
        if let Some(plain) = &mut self.plain {
            plain.begin_at(bytes);
            plain.tell(self.peers.len());
        }
    }

    /// So many bytes are done in all.
    pub fn reach(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
        if let Some(plain) = &mut self.plain {
            plain.done = bytes;
            plain.tell(self.peers.len());
        }
    }

    /// So many bytes have come of what is not done yet.
    pub fn coming(&mut self, bytes: u64) {
        self.coming = bytes;
        self.show_peers();
        if let Some(plain) = &mut self.plain {
            plain.coming = bytes;
            plain.tell(self.peers.len());
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
    fn begin_at(&mut self, bytes: u64) {
        let moved = self.moved();
        self.done = bytes;
        self.at_start = bytes.saturating_sub(moved);
    }

    /// What was done since the start.
    const fn moved(&self) -> u64 {
        self.done.saturating_sub(self.at_start)
    }

    fn tell(&mut self, peers: usize) {
        let now = Instant::now();
        if now.duration_since(self.told) < PLAIN_INTERVAL || self.ended {
            return;
        }
        self.told = now;
        write_line(&self.line(now, peers));
    }

    fn line(&self, now: Instant, peers: usize) -> String {
        let millis = now.duration_since(self.started).as_millis().max(1);
        let moved = self.moved().saturating_add(self.coming);
        let rate = u64::try_from(u128::from(moved) * 1_000 / millis).unwrap_or(u64::MAX);
        let who = match peers {
            0 => String::new(),
            1 => ", 1 peer".to_owned(),
            many => format!(", {many} peers"),
        } + &not_whole(self.coming);
        let (what, done) = (&self.what, Size(self.done));
        let Some(total) = self.total else {
            return format!("{what}: {done}, {}/s{who}", Size(rate));
        };
        let left = total.saturating_sub(self.done).checked_div(rate);
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

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("peers", &self.peers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Plain;

    #[test]
    fn what_was_kept_before_counts_for_no_rate() {
        let started = Instant::now();
        let mut plain = Plain {
            what: "import".to_owned(),
            total: Some(64 << 20),
            at_start: 0,
            done: 0,
            coming: 0,
            started,
            told: started,
            ended: false,
        };
        plain.begin_at(54 << 20);
        plain.done += 4 << 20;
        let at = started + Duration::from_secs(2);
        let line = "import: 58.00 MiB of 64.00 MiB, 2.00 MiB/s, 3 s left";
        assert_eq!(plain.line(at, 0), line);
        // Pieces that turn out to be bad are not fetched backwards.
        plain.begin_at(50 << 20);
        let line = "import: 50.00 MiB of 64.00 MiB, 2.00 MiB/s, 7 s left, 1 peer";
        assert_eq!(plain.line(at, 1), line);
        // What has come of a piece that is not whole moves the line.
        plain.coming = 2 << 20;
        let line = "import: 50.00 MiB of 64.00 MiB, 3.00 MiB/s, 4 s left, 1 peer, \
                    and 2.00 MiB of pieces that are not whole yet";
        assert_eq!(plain.line(at, 1), line);
    }
}
