//! What the user has to import by: a request and its manifest, or a manifest and offers.

mod document;
mod gathered;
#[cfg(test)]
mod tests;

use verifier::manifest::{Manifest, Options};
use verifier::request::{ImportDraft, Offer};
use verifier::scalars::{Id, ScalarError, UtcTime};

pub use document::{Document, Kind};
pub use gathered::{Gathered, Missing};

use crate::problem::Problem;

/// How long a request is valid where nobody chose, in seconds.
pub const VALID_FOR: u64 = 86_400;

/// The name of a request; the random number keeps it apart from every other.
///
/// # Errors
///
/// None in practice: a number in hexadecimal digits is always part of a name.
pub fn name(random: u64) -> Result<Id, ScalarError> {
    Id::parse(&format!("request-{random:016x}"))
}

/// A request that was made, and what it was made of.
#[derive(Debug)]
pub struct Written {
    /// The request, in its canonical form.
    pub bytes: Vec<u8>,
    /// What is wanted.
    pub manifest: Manifest,
    /// Whom to ask.
    pub offers: Vec<Offer>,
}

/// Makes a request of a manifest and offers; it states the user's consent to fetch, dated `now`.
///
/// # Errors
///
/// [`Problem`] with the code of the first rule that they break, naming the file.
pub fn write<'a>(
    request_id: Id,
    manifest: &Document,
    options: Options,
    offers: impl IntoIterator<Item = &'a Document>,
    valid_for: u64,
    now: UtcTime,
) -> Result<Written, Problem> {
    let manifest = Manifest::parse(&manifest.bytes, options)
        .map_err(|error| Problem::coded_in(&manifest.path, &error))?;
    let (mut parsed, mut paths) = (Vec::new(), Vec::new());
    for document in offers {
        paths.push(&document.path);
        let offer = Offer::parse(&document.bytes);
        parsed.push(offer.map_err(|error| Problem::coded_in(&document.path, &error))?);
    }
    let draft =
        ImportDraft { request_id, manifest: &manifest, options, offers: &parsed, valid_for };
    let bytes = draft.write(now).map_err(|error| {
        let offer = error.offer().and_then(|offer| paths.get(offer));
        offer.map_or_else(|| Problem::coded(&error), |path| Problem::coded_in(path, &error))
    })?;
    Ok(Written { bytes, manifest, offers: parsed })
}
