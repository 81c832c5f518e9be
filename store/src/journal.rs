//! J
/// J
#[derive(Debug)]
pub struct Journal;
