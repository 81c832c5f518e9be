//! What the program says is what it does: a test for each promise of docs/promises.md.

mod advised;
mod agreed;
mod alive;
mod kept;
mod prepared;
mod reached;
mod recorded;
mod remembered;
