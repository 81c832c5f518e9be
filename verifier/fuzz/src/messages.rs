//! What comes from peers and what consents are written as.

use verifier::announcement::Announcement;
use verifier::consent::ConsentLog;
use verifier::identity::Context;
use verifier::manifest::Options;
use verifier::request::{ImportRequest, Offer, Ticket};
use verifier::scalars::UtcTime;

use crate::{choice, flipped, mend, shown, split};

const NOW: UtcTime = UtcTime::from_unix(mend::NOW);
/// More than any document may have, in bytes.
const JSON_LIMIT: usize = 1 << 20;

/// JSON by itself.
pub fn json(data: &[u8]) {
    if let Ok(value) = verifier::json::parse(data, JSON_LIMIT) {
        let canonical = value.canonical();
        let again = verifier::json::parse(canonical.as_bytes(), JSON_LIMIT);
        assert_eq!(again.map(|value| value.canonical()).as_deref(), Ok(canonical.as_str()));
        assert_eq!(verifier::json::parse(canonical.as_bytes(), JSON_LIMIT), Ok(value));
    }
}

/// An announcement; then the same with a signature of its own.
pub fn announcement(data: &[u8]) {
    let key = mend::key(choice(data));
    for data in [data.to_vec(), mend::announcement(data, &key)] {
        match Announcement::parse(&data, NOW) {
            Ok(read) => {
                let written = Announcement::sign(read.terms(), &key).expect("its terms hold");
                let again = Announcement::parse(&written, NOW).expect("what is written is read");
                assert_eq!(again.terms(), read.terms());
                let changed = Announcement::parse(&flipped(&written), NOW);
                assert!(changed.is_err(), "a changed bit is accepted");
            }
            Err(error) => shown(&error),
        }
    }
}

/// An offer; then the same with a signature of its own.
pub fn offer(data: &[u8]) {
    for data in
        [data.to_vec(), mend::signed_json(data, Context::PeerOffer, &mend::key(choice(data)))]
    {
        match Offer::parse(&data) {
            Ok(offer) => {
                let again = Offer::parse(offer.bytes()).expect("what is written is read");
                assert_eq!(again, offer);
                assert!(offer.pieces().count() <= offer.geometry().piece_count());
                let changed = Offer::parse(&flipped(offer.bytes()));
                assert!(changed.is_err(), "a changed bit is accepted");
                if let Err(error) = offer.check_clock(NOW) {
                    shown(&error);
                }
            }
            Err(error) => shown(&error),
        }
    }
}

/// A request and a manifest; then the same with the manifest's digest and the offers' signatures
/// set right.
pub fn request(data: &[u8]) {
    let [request, manifest] = split(data);
    for request in [request.to_vec(), mend::request(request, manifest)] {
        match ImportRequest::parse(&request, manifest, Options::default(), NOW) {
            Ok(read) => {
                assert_eq!(read.usable().len(), read.usable_indices().len());
                assert!(read.pieces_offered() <= read.chunking().geometry.piece_count());
            }
            Err(error) => shown(&error),
        }
    }
}

/// A ticket's text; then its text with a signature of its own.
pub fn ticket(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = mend::key(choice(data));
    for text in [text.clone().into_owned(), mend::ticket(data, &key)] {
        match Ticket::parse(&text, NOW) {
            Ok(ticket) => {
                let changed = flipped(text.trim().as_bytes());
                if let Ok(changed) = Ticket::parse(&String::from_utf8_lossy(&changed), NOW) {
                    // Only a blank may come to stand where a blank may stand.
                    assert_eq!(changed, ticket);
                }
            }
            Err(error) => shown(&error),
        }
    }
}

/// A consent log, at once and as it grows; then the same as an unbroken chain.
pub fn consent_log(data: &[u8]) {
    for data in [data.to_vec(), mend::consent_log(data)] {
        let whole = ConsentLog::parse(&data);
        let half = (choice(&data) % (data.len() as u64 + 1)) as usize;
        let mut growing = ConsentLog::empty();
        // A torn line at the first look is read on from its start at the second.
        drop(growing.extend(&data[..half]));
        let read = growing.bytes() as usize;
        let grown = growing.extend(&data[read..]);
        match whole {
            Ok(log) => {
                assert_eq!(grown.as_ref().map(|()| &growing), Ok(&log));
                assert_eq!(log.bytes(), data.len() as u64);
                assert!(log.live(NOW).len() <= log.grants().len());
            }
            Err(error) => {
                shown(&error);
                assert_eq!(grown, Err(error));
            }
        }
    }
}
