//! What the user wants, and what peers say they hold: requests, offers and tickets
//! (docs/formats.md 10).
//!
//! None of them moves a byte or opens a connection by itself. An offer has at most 65,536 bytes, a
//! request 1,048,576 and 64 offers, a ticket 4,096; [`PeerMessages`] has the other numbers.
//!
//! ```
//! use verifier::boundary::PeerAddress;
//! use verifier::code::Coded as _;
//! use verifier::identity::SigningKey;
//! use verifier::request::{Ticket, TicketTerms};
//! use verifier::scalars::{Label, UtcTime};
//!
//! let issued = UtcTime::parse("2026-01-31T12:00:00Z")?;
//! let terms = TicketTerms {
//!     label: Label::parse("Anna laptop")?,
//!     addresses: vec![PeerAddress::parse("mmp://192.168.1.20:9410")?],
//!     issued,
//!     expires: issued.plus(3_600),
//! };
//! let text = Ticket::sign(&terms, &SigningKey::from_seed([1; 32]))?;
//! assert!(text.starts_with("mmticket0:"));
//! let ticket = Ticket::parse(&text, issued)?;
//! assert_eq!(ticket.label().as_str(), "Anna laptop");
//! assert_eq!(ticket.peer_id(), SigningKey::from_seed([1; 32]).public_key().peer_id());
//! let late = Ticket::parse(&text, issued.plus(3_600)).unwrap_err();
//! assert_eq!(late.code().to_string(), "ticket.expired");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
