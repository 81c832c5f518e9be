//! O
/// O
#[derive(Debug)]
pub struct Outputs;
