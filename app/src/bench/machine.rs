//! What the figures hold for: this build, on this machine.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// The program that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// `release`, or `debug`, whose figures tell little.
    pub profile: String,
}

/// The machine that it was measured on; no name, no number that would tell it from its like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor's architecture, such as `x86_64`.
    pub arch: String,
    /// The operating system, such as `linux`.
    pub os: String,
    /// How many threads it can run at once.
    pub cores: u32,
    /// Which of the instructions it has that make hashing faster, by their usual names.
    pub features: Vec<String>,
}

impl Build {
    /// This program.
    pub fn this() -> Self {
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), profile: profile.to_owned() }
    }

    /// Why figures of this program tell little, if they do.
    pub fn warning(&self) -> Option<&'static str> {
        (self.profile != "release").then_some(
            "This program was built without optimisation: its figures tell little. Build it with \
             --release.",
        )
    }
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        Self {
            arch: std::env::consts::ARCH.to_owned(),
            os: std::env::consts::OS.to_owned(),
            cores: Self::cores(),
            features: features(),
        }
    }

    /// How many threads this machine can run at once; 1 if it does not say. The system is asked
    /// once for all: it may read files to answer.
    pub fn cores() -> u32 {
        static CORES: OnceLock<u32> = OnceLock::new();
        *CORES.get_or_init(|| {
            std::thread::available_parallelism()
                .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
        })
    }
}

/// Takes those names that this processor has.
macro_rules! present {
    ($detected:ident: $($name:tt)*) => {
        [$(($name, std::arch::$detected!($name))),*]
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name.to_owned())
            .collect()
    };
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn features() -> Vec<String> {
    present!(is_x86_feature_detected: "sse2" "ssse3" "sse4.1" "sha" "avx2" "avx512f" "avx512vl")
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<String> {
    present!(is_aarch64_feature_detected: "neon" "sha2" "sha3" "sve")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<String> {
    Vec::new()
}
