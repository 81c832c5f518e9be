//! What every screen is drawn with: sizes, the time, and how peers are called.

use std::sync::Arc;

use app::naming::short_peer;
use app::ports::KnownPeer;
use app::receipts::Signers;
use iced::Size;
use verifier::identity::PeerId;
use verifier::scalars::UtcTime;

use crate::theme::{Scale, Space, Text};

/// What every screen is drawn with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// How large text and spaces are.
    pub scale: Scale,
    /// How many physical pixels a logical one is.
    pub scale_factor: f32,
    /// Now.
    pub now: UtcTime,
    /// How peers are called.
    pub book: &'a Book,
    /// The window's size, in logical pixels.
    pub size: Size,
}

impl Context<'_> {
    /// The size of a text, in logical pixels.
    pub fn text(&self, text: Text) -> f32 {
        self.scale.text(text)
    }

    /// The width of a space, in logical pixels.
    pub fn space(&self, space: Space) -> f32 {
        self.scale.space(space)
    }

    /// What the user calls a peer.
    pub fn name(&self, peer: PeerId) -> String {
        self.book.name(peer)
    }
}

/// A snapshot of the peers that the user paired with.
#[derive(Debug, Clone)]
pub struct Book {
    /// This installation.
    pub own: PeerId,
    /// The peers, by label.
    pub peers: Arc<[KnownPeer]>,
}

impl Book {
    /// The keys that are known here.
    pub fn signers(&self) -> Signers<'_> {
        Signers { own: Some(self.own), peers: &self.peers }
    }

    /// What the user calls a peer; the end of its id where it is not in the book.
    pub fn name(&self, peer: PeerId) -> String {
        if peer == self.own {
            return "this machine".to_owned();
        }
        let known = self.peers.iter().find(|known| known.id == peer);
        known.map_or_else(|| short_peer(peer), |known| known.label.to_string())
    }
}
