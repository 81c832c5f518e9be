//! The `minimodel` program.
fn main() {}
