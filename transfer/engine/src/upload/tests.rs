mod admission;
mod answering;
mod early;
mod harness;
