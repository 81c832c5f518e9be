//! The wish that this program end: of whoever sits before it, of its terminal, or of the system.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch::{Receiver, Sender};

/// How the program ends when nobody in it hears the wish: as a shell says of one that Ctrl-C ended.
const UNHEARD: i32 = 130;

/// How long after a wish that was heard Ctrl-C does nothing more: what was begun comes to its end,
/// and what was granted is taken back.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whoever hears the wish that the program end: SIGINT, SIGTERM or SIGHUP, and on Windows Ctrl-C,
/// Ctrl-Break, a console that is closed, a log-off or a shutdown.
///
/// While there is one, none of them ends the process by itself: whoever listens ends it. A wish
/// that nobody listens to ends the process at once, and so does Ctrl-C that is pressed again two
/// seconds or more after a wish was heard. A SIGHUP that the program was started to ignore, as
/// `nohup` has it, stays ignored.
#[derive(Debug, Clone)]
pub struct Listener(Receiver<()>);

impl Listener {
    /// Listens from now on. Call it within the runtime.
    pub fn new() -> Self {
        static WISHES: OnceLock<&Wishes> = OnceLock::new();
        let wishes = WISHES.get_or_init(|| {
            let wishes: &Wishes = Box::leak(Box::default());
            listen(wishes);
            wishes
        });
        Self(wishes.told.subscribe())
    }

    /// Resolves at the first wish since it began to listen.
    pub async fn wished(mut self) {
        // The sender is never dropped, so what comes is a wish.
        let _wish = self.0.changed().await;
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self::new()
    }
}

/// Resolves at the wish that the program end; listens from its first poll on.
pub async fn wished() {
    Listener::new().wished().await;
}

/// Where a wish comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wisher {
    /// Whoever sits at the keyboard.
    Person,
    /// The terminal, or the system: they may say it more than once.
    Surroundings,
}

/// The wishes of one process.
#[derive(Debug, Default)]
struct Wishes {
    told: Sender<()>,
    /// When one was heard first.
    heard: Mutex<Option<Instant>>,
}

impl Wishes {
    /// Tells whoever listens; ends the process if nobody does.
    fn tell(&self, wisher: Wisher) {
        if !self.is_heard(wisher, Instant::now()) {
            std::process::exit(UNHEARD);
        }
    }

    /// Tells whoever listens; whether the process goes on to its own end.
    fn is_heard(&self, wisher: Wisher, now: Instant) -> bool {
        let is_told = self.told.send(()).is_ok();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match *heard {
            None if is_told => *heard = Some(now),
            None => return false,
            Some(first) => {
                return wisher == Wisher::Surroundings || now.duration_since(first) < PATIENCE;
            }
        }
        true
    }
}

#[cfg(unix)]
fn listen(wishes: &'static Wishes) {
    use tokio::signal::unix::{SignalKind, signal};

    let hangup = (!ignores_hangups()).then_some(SignalKind::hangup());
    let kinds = [Some(SignalKind::interrupt()), Some(SignalKind::terminate()), hangup];
    for kind in kinds.into_iter().flatten() {
        // One that cannot be heard is left to the system.
        let Ok(mut signals) = signal(kind) else { continue };
        let is_typed = kind == SignalKind::interrupt();
        let wisher = if is_typed { Wisher::Person } else { Wisher::Surroundings };
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                wishes.tell(wisher);
            }
        });
    }
}

/// Whether the program was started to outlive its terminal, as far as the system tells.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signals are counted from 1, and SIGHUP is the first.
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 != 0)
}

#[cfg(windows)]
fn listen(wishes: &'static Wishes) {
    use tokio::signal::windows;

    // Each kind has a type of its own.
    macro_rules! hear {
        ($kind:path, $wisher:expr) => {
            if let Ok(mut signals) = $kind() {
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        wishes.tell($wisher);
                    }
                });
            }
        };
    }
    hear!(windows::ctrl_c, Wisher::Person);
    hear!(windows::ctrl_break, Wisher::Person);
    hear!(windows::ctrl_close, Wisher::Surroundings);
    hear!(windows::ctrl_logoff, Wisher::Surroundings);
    hear!(windows::ctrl_shutdown, Wisher::Surroundings);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{PATIENCE, Wisher, Wishes};

    #[test]
    fn a_second_wish_cuts_nothing_that_the_first_one_ends() {
        let wishes = Wishes::default();
        let start = Instant::now();
        let listener = wishes.told.subscribe();
        assert!(wishes.is_heard(Wisher::Person, start));
        assert!(listener.has_changed().unwrap(), "a wish waits for whoever listened before it");
        drop(listener);
        for (wisher, later, goes_on) in [
            (Wisher::Person, Duration::ZERO, true),
            (Wisher::Person, PATIENCE - Duration::from_millis(1), true),
            (Wisher::Person, PATIENCE, false),
            (Wisher::Surroundings, PATIENCE, true),
        ] {
            assert_eq!(wishes.is_heard(wisher, start + later), goes_on, "{wisher:?} {later:?}");
        }
    }

    #[test]
    fn a_wish_that_nobody_listens_to_ends_the_process() {
        for wisher in [Wisher::Person, Wisher::Surroundings] {
            assert!(!Wishes::default().is_heard(wisher, Instant::now()));
        }
    }
}
