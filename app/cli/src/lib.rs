//! The `minimodel` command: what people and scripts type, over the use cases of `app`.
//!
//! Everything here is generic over the ports; `main.rs` wires the real ones.

pub mod activity;
pub mod announce;
pub mod args;
pub mod bench;
pub mod calibrate;
pub mod check;
pub mod chunks;
pub mod consent;
pub mod demo;
pub mod fault;
pub mod import;
pub mod installed;
pub mod library;
pub mod map;
pub mod naming;
pub mod outcome;
mod own_key;
pub mod peer;
pub mod progress;
pub mod prompt;
pub mod receipt;
mod remedy;
pub mod request;
pub mod run;
pub mod sample;
pub mod serve;
pub mod session;
pub mod settings;
pub mod share;
pub mod stop;
pub mod terminal;
pub mod verify;
pub mod wiring;
