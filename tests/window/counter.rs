//! What the kernel counts of a thread.

/// Bytes that the window's thread moved by system calls while it did the window's work.
#[derive(Debug, Clone, Copy, Default)]
pub struct Touched {
    /// Read.
    pub read: u64,
    /// Written.
    pub written: u64,
}

/// What the kernel counts of this thread; the counting itself is left out.
pub struct Counter {
    at: Touched,
    own: u64,
}

impl Counter {
    /// What it counts so far.
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/io").unwrap_or_default();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        let at = Touched { read: value("rchar:"), written: value("wchar:") };
        Self { at, own: text.len() as u64 }
    }

    /// What it has counted since.
    pub fn since(before: &Self) -> Touched {
        let now = Self::now().at;
        Touched {
            read: now.read - before.at.read - before.own,
            written: now.written - before.at.written,
        }
    }
}
