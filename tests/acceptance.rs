//! The program as its users meet it: real processes, real folders, real calls over loopback.

mod bench;
mod demo;
#[cfg(target_os = "linux")]
mod full;
mod hand_off;
mod harness;
mod import;
mod library;
mod many;
mod pair;
mod promises;
mod reach;
mod records;
mod refuse;
mod repair;
mod resume;
mod scrub;
mod serve;
mod settings;
mod stranger;
mod window;
