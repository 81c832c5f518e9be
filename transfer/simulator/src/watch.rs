//! What must hold after every step, told from outside: from what went in and what came out.

mod importing;
mod serving;

pub use importing::Importing;
pub use serving::Serving;
