//! Many machines on slow and hostile lines, in one thread and no time.
//!
//! A [`Scenario`] says which machines there are, how their lines and disks are, and what happens to
//! them. [`run`] plays it: real [`engine::Engine`]s and real [`engine::Uploads`] speak the real
//! frames over lines with delay, rate, window and stalls, beside [`Rogue`]s that break every rule.
//! After every step it is checked that no rule of docs/protocol.md was broken, and the [`Report`]
//! says how it ended. The same scenario gives the same trace, to the last effect.
//!
//! [`Scenario::decode`] makes one of any bytes, so that a seed and a fuzzer make the same thing.

mod decode;
mod disk;
mod importer;
mod network;
mod random;
mod report;
mod rogue;
mod scenario;
mod schedule;
mod server;
mod stream;
mod verdict;
pub mod watch;
mod world;

pub use random::expand;
pub use report::{Fault, Import, Outcome, Report};
pub use scenario::{Disk, Have, Importing, Line, Machine, Rogue, Scenario, Serving, Turn};
pub use verdict::verdict;
pub use world::run;
