//! How many files this process may have open at a time, and how many of them connections can be.

use std::fs;
use std::sync::OnceLock;

/// How many callers may be in the handshake at a time, where nothing keeps them fewer.
const HANDSHAKES: u32 = 32;

/// How many files are kept free of connections, beside those that are open already: pieces that are
/// read, the logs, an output, calls that go to several addresses at once.
const KEPT: u32 = 16;

/// How many files are taken to be open where the system does not tell.
const OPEN: u32 = 32;

/// The connections for which this process has room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many connections there can be at a time; no more than wanted, and one at least.
    pub connections: u32,
    /// How many callers more can be in the handshake.
    pub handshakes: u32,
    wanted: u32,
    /// How many files there may be.
    files: u32,
}

impl Room {
    /// Looks how many connections there can be if so many are wanted. Where the system lets a
    /// process ask for more files than it began with, as many as it takes are asked for.
    ///
    /// What is open at the first look counts as in use for good: look once the library is open, and
    /// before there are connections.
    pub fn look(wanted: u32) -> Self {
        static USED: OnceLock<u32> = OnceLock::new();
        let open = || fs::read_dir("/dev/fd").map_or(OPEN, |open| number(open.count() as u64));
        let open = *USED.get_or_init(open);
        let files = limit(open.saturating_add(KEPT + HANDSHAKES).saturating_add(wanted));
        Self::of(wanted, files, open)
    }

    fn of(wanted: u32, files: u32, open: u32) -> Self {
        let sockets = files.saturating_sub(open).saturating_sub(KEPT);
        let handshakes = if sockets >= wanted.saturating_add(HANDSHAKES) {
            HANDSHAKES
        } else {
            (sockets / 2).clamp(1, HANDSHAKES)
        };
        let connections = sockets.saturating_sub(handshakes).min(wanted).max(1);
        Self { connections, handshakes, wanted, files }
    }

    /// What people are told, as a sentence, if there can be fewer connections than were wanted.
    pub fn note(&self) -> Option<String> {
        let Self { connections, wanted, files, .. } = self;
        (connections < wanted).then(|| {
            format!(
                "This process may have {files} files open at a time, so it has at most {connections} \
                 of the {wanted} connections at a time."
            )
        })
    }
}

/// How many files this process may have open, after it asked for so many.
#[cfg(unix)]
fn limit(wanted: u32) -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(current) = current else { return u32::MAX };
    let most = maximum.map_or(wanted.into(), |maximum| maximum.min(wanted.into()));
    if most <= current {
        return number(current);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
        Ok(()) => number(most),
        Err(error) => {
            tracing::warn!(%error, "no more files may be open than at the start");
            number(current)
        }
    }
}

/// There is no such limit.
#[cfg(not(unix))]
fn limit(_wanted: u32) -> u32 {
    u32::MAX
}

fn number(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn connections_are_cut_to_what_the_process_may_have() {
        // wanted, files, open: connections, handshakes
        for (wanted, files, open, expected) in [
            (64, 1_024, 20, (64, 32)),
            (1_024, 1_092, 20, (1_024, 32)),
            (1_024, 1_091, 20, (1_023, 32)),
            (64, 100, 20, (32, 32)),
            (64, 40, 16, (4, 4)),
            (2, 40, 16, (2, 4)),
            (64, 32, 20, (1, 1)),
            (64, u32::MAX, 20, (64, 32)),
        ] {
            let room = Room::of(wanted, files, open);
            assert_eq!((room.connections, room.handshakes), expected, "{wanted} {files} {open}");
            assert_eq!(room.note().is_some(), room.connections < wanted);
        }
        let said = "This process may have 40 files open at a time, so it has at most 4 of the 64 \
                    connections at a time.";
        assert_eq!(Room::of(64, 40, 16).note().unwrap(), said);
    }
}
