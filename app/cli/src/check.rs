//! Checks what peers hand over: requests, offers, announcements, tickets. No network is used.

use std::path::Path;

use app::input;
use verifier::announcement::Announcement;
use verifier::request::{ImportRequest, Offer, RequestError, Ticket};

use crate::args::{AnnouncementArgs, OfferArgs, RequestArgs, TicketArgs};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// `check-request`.
///
/// # Errors
///
/// [`Fault`] with the first rule that the request breaks.
pub fn request<W: Wiring>(session: &Session<'_, W>, args: &RequestArgs) -> Result<Outcome, Fault> {
    let bytes = input::read(&args.request, input::REQUEST)?;
    let manifest = input::read(&args.manifest, input::MANIFEST)?;
    let now = args.now.unwrap_or_else(|| session.now());
    let request = ImportRequest::parse(&bytes, &manifest, args.options.options(), now)
        .map_err(|error| refused(&args.request, &args.manifest, &error))?;
    Ok(Outcome::new()
        .warn(request.warnings())
        .with_text("request_id", request.request_id())
        .with_text("request_sha256", request.sha256())
        .with("usable", request.usable_indices())
        .with("skipped", request.skipped_indices())
        .with("pieces_offered", request.pieces_offered())
        .with("pieces", request.chunking().geometry.piece_count()))
}

/// `check-offer`.
///
/// # Errors
///
/// [`Fault`] with the first rule that the offer breaks.
pub fn offer<W: Wiring>(session: &Session<'_, W>, args: &OfferArgs) -> Result<Outcome, Fault> {
    let bytes = input::read(&args.offer, input::OFFER)?;
    let now = args.now.unwrap_or_else(|| session.now());
    let offer = Offer::parse(&bytes)
        .and_then(|offer| offer.check_clock(now).map(|()| offer))
        .map_err(|error| Fault::coded_in(&args.offer, &error))?;
    Ok(Outcome::new()
        .with_text("peer_id", offer.peer_id())
        .with("addresses", texts(offer.addresses()))
        .with_text("model_id", offer.model_id())
        .with_text("manifest_sha256", offer.manifest_sha256())
        .with_text("artifact_sha256", offer.artifact_sha256())
        .with("artifact_byte_count", offer.geometry().byte_count())
        .with("pieces", offer.pieces().count())
        .with_text("expires_utc", offer.expires())
        .with_text("signed_sha256", offer.signed_sha256()))
}

/// `check-announcement`.
///
/// # Errors
///
/// [`Fault`] with the first rule that the announcement breaks.
pub fn announcement<W: Wiring>(
    session: &Session<'_, W>,
    args: &AnnouncementArgs,
) -> Result<Outcome, Fault> {
    let bytes = input::read(&args.announcement, input::ANNOUNCEMENT)?;
    let now = args.now.unwrap_or_else(|| session.now());
    let announcement = Announcement::parse(&bytes, now)
        .map_err(|error| Fault::coded_in(&args.announcement, &error))?;
    let terms = announcement.terms();
    Ok(Outcome::new()
        .with_text("peer_id", announcement.peer_id())
        .with("addresses", texts(&terms.addresses))
        .with_text("model_id", &terms.model_id)
        .with_text("model_version", &terms.model_version)
        .with_text("manifest_sha256", terms.manifest_sha256)
        .with_text("artifact_sha256", terms.artifact_sha256)
        .with("pieces", terms.pieces.count(&terms.geometry))
        .with_text("expires_utc", terms.expires)
        .with_text("signed_sha256", announcement.signed_sha256()))
}

/// `check-ticket`.
///
/// # Errors
///
/// [`Fault`] with the first rule that the ticket breaks.
pub fn ticket<W: Wiring>(session: &Session<'_, W>, args: &TicketArgs) -> Result<Outcome, Fault> {
    let now = args.now.unwrap_or_else(|| session.now());
    let ticket = Ticket::parse(&args.ticket, now).map_err(|error| Fault::coded(&error))?;
    Ok(Outcome::new()
        .with_text("peer_id", ticket.peer_id())
        .with_text("label", ticket.label())
        .with("addresses", texts(ticket.addresses()))
        .with_text("expires_utc", ticket.expires()))
}

/// What an error of a request says, naming the file that is to blame.
pub fn refused(request: &Path, manifest: &Path, error: &RequestError) -> Fault {
    let path = match error {
        RequestError::Manifest(_) | RequestError::NoChunking => manifest,
        _ => request,
    };
    Fault::coded_in(path, error)
}

/// Texts as a list value.
pub fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
