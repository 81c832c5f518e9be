//! Whole imports in virtual time, without sockets: pictures of pieces, peers and what they do.

mod basics;
mod early;
mod world;
