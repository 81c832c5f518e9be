//! What the user wants, and what peers say they hold: requests, offers and tickets.
//!
//! None of them moves a byte or opens a connection by itself.

mod import;
mod offer;
mod pieces;
mod terms;
mod ticket;

pub use import::{ImportDraft, ImportRequest, RequestError};
pub use offer::{Offer, OfferError, OfferTerms};
pub use pieces::PieceSet;
pub(crate) use terms::{
    AddressList, check_byte_count, check_chunk_count, check_chunk_size, check_clock,
    check_signature, check_window, read_algorithm, read_peer_id, read_root, read_sha256,
};
pub use terms::{TermError, TermFault};
pub use ticket::{Ticket, TicketError, TicketFormat, TicketTerms};

/// The numbers that peer messages keep to.
#[derive(Debug, Clone, Copy)]
pub struct PeerMessages {
    /// How far ahead of ours another's clock may be, in seconds.
    pub clock_skew: u64,
    /// How long an offer, a request or a ticket may be valid, in seconds.
    pub window: u64,
    /// How long an announcement may be valid, in seconds.
    pub announcement_window: u64,
    /// The most addresses in one message.
    pub max_addresses: usize,
    /// The most offers in one request.
    pub max_offers: usize,
    /// The most runs of pieces in one message.
    pub max_ranges: usize,
}

impl PeerMessages {
    /// The rules of version 0.
    pub const V0: Self = Self {
        clock_skew: 300,
        window: 30 * 86_400,
        announcement_window: 86_400,
        max_addresses: 8,
        max_offers: 64,
        max_ranges: 2_048,
    };
}
