//! How long the start took, told to whoever runs the program with `--verbose`.

use std::time::Instant;

/// How far the start has come, frame by frame.
#[derive(Debug)]
pub(super) struct Timing {
    since: Instant,
    first: Seen,
    library: Seen,
}

/// A frame is on the screen when the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    NotYet,
    Drawn,
    Told,
}

impl Timing {
    /// Measures from `since`, if anybody is told.
    pub(super) fn since(since: Instant) -> Option<Self> {
        let is_told = tracing::enabled!(tracing::Level::INFO);
        is_told.then_some(Self { since, first: Seen::NotYet, library: Seen::NotYet })
    }

    /// A frame begins, of the library or of what is shown before it; whether more has to be
    /// measured.
    pub(super) fn frame(&mut self, shows_library: bool) -> bool {
        let milliseconds = self.since.elapsed().as_millis();
        let step = |seen: Seen, what: &str| match seen {
            Seen::NotYet => Seen::Drawn,
            Seen::Drawn => {
                tracing::info!("{what} is on the screen after {milliseconds} ms");
                Seen::Told
            }
            Seen::Told => Seen::Told,
        };
        self.first = step(self.first, "the first frame");
        if shows_library {
            self.library = step(self.library, "the library");
        }
        self.library != Seen::Told
    }
}
