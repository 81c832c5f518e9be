//! The wish that this program end: of whoever sits before it, of its terminal, or of the system.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch::Sender;

/// How the program ends when nobody in it hears the wish: as a shell says of one that Ctrl-C ended.
const UNHEARD: i32 = 130;

/// Resolves at the wish that the program end: at SIGINT, SIGTERM or SIGHUP, and on Windows at
/// Ctrl-C, Ctrl-Break, a console that is closed, a log-off or a shutdown.
///
/// From its first poll on, none of them ends the process by itself while somebody waits here:
/// whoever waits ends it. A wish that nobody waits for ends the process at once, and so does Ctrl-C
/// that is pressed again after one was heard. A SIGHUP that the program was started to ignore, as
/// `nohup` has it, stays ignored.
pub async fn wished() {
    static WISHES: OnceLock<Sender<()>> = OnceLock::new();
    let wishes = WISHES.get_or_init(|| {
        let wishes = Sender::new(());
        listen(&wishes);
        wishes
    });
    // The sender is never dropped, so what comes is a wish.
    let _wish = wishes.subscribe().changed().await;
}

/// Where a wish comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wisher {
    /// Whoever sits at the keyboard.
    Person,
    /// The terminal, or the system: they may say it more than once.
    Surroundings,
}

/// Tells whoever waits; ends the process if nobody does.
fn tell(wishes: &Sender<()>, wisher: Wisher) {
    static IS_HEARD: AtomicBool = AtomicBool::new(false);
    if wishes.send(()).is_ok() {
        IS_HEARD.store(true, Ordering::Relaxed);
    } else if wisher == Wisher::Person || !IS_HEARD.load(Ordering::Relaxed) {
        std::process::exit(UNHEARD);
    }
}

#[cfg(unix)]
fn listen(wishes: &Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};

    let hangup = (!ignores_hangups()).then_some(SignalKind::hangup());
    let kinds = [Some(SignalKind::interrupt()), Some(SignalKind::terminate()), hangup];
    for kind in kinds.into_iter().flatten() {
        // One that cannot be heard is left to the system.
        let Ok(mut signals) = signal(kind) else { continue };
        let wishes = wishes.clone();
        let is_typed = kind == SignalKind::interrupt();
        let wisher = if is_typed { Wisher::Person } else { Wisher::Surroundings };
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                tell(&wishes, wisher);
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
fn listen(wishes: &Sender<()>) {
    use tokio::signal::windows;

    // Each kind has a type of its own.
    macro_rules! hear {
        ($kind:path, $wisher:expr) => {
            if let Ok(mut signals) = $kind() {
                let wishes = wishes.clone();
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        tell(&wishes, $wisher);
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
