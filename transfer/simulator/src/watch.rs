//! What must hold after every step, told from outside: from what went in and what came out.

pub(crate) mod importing;
pub(crate) mod serving;
