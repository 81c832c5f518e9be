mod admission;
mod answering;
mod harness;
