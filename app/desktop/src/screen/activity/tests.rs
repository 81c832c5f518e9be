//! The screen as its users meet it.
