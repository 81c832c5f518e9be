//! Whole imports in virtual time, without sockets: pictures of pieces, peers and what they do.

mod any;
mod apart;
mod asking;
mod basics;
mod calling;
mod consent;
mod early;
mod ends;
mod faults;
mod learning;
mod slow;
mod spare;
mod waits;
mod world;
