mod admission;
mod answering;
mod any;
mod early;
mod fairness;
mod harness;
mod time;
