//! The window as its users meet it, but for the screen: its real state, real disk and network
//! behind it, and clicks and keys that go through its real controls.

mod consent;
mod import;
mod library;
mod parity;
mod stage;
mod start;
mod touch;
mod wired;

pub use wired::Wired;
