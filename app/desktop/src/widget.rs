//! What screens are drawn with, beyond what the toolkit has.

pub mod piece_map;
