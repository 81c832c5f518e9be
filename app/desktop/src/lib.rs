//! The `minimodel-companion` window.
//!
//! The window's thread touches no disk and no socket: it shows snapshots that never change, such
//! as [`widget::piece_map::Pieces`], and returns what the user wants. [`task`] does it, and tells
//! what comes of it by messages. Colours and sizes come from [`theme`] only.

pub mod companion;
pub mod context;
pub mod screen;
pub mod task;
pub mod theme;
pub mod widget;
pub mod wiring;
pub mod words;

#[cfg(test)]
mod headless;
