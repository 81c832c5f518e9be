//! What screens are put together from.

pub mod bars;
pub mod consent;
pub mod control;
pub mod focus;
pub mod graph;
pub mod inert;
pub mod list;
pub mod map_panel;
pub mod mark;
pub mod meter;
pub mod page;
pub mod piece_map;
pub mod qr;
