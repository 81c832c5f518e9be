//! The `minimodel-companion` window.
//!
//! The window's thread touches no disk and no socket: it shows snapshots that never change, such
//! as [`widget::piece_map::Pieces`], and returns what the user wants. Colours and sizes come from
//! [`theme`] only.

pub mod theme;
pub mod widget;

#[cfg(test)]
mod headless;
