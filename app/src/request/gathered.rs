//! The documents of one import, as they come together.

use verifier::Code;
use verifier::manifest::Options;
use verifier::request::{ImportRequest, PeerMessages, RequestError};
use verifier::scalars::{Id, UtcTime};

use super::{Document, Kind, VALID_FOR, write};
use crate::problem::Problem;

/// The documents of one import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    documents: Vec<Document>,
}

/// What documents are still missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// There is nothing yet.
    Everything,
    /// What the artifact must be.
    Manifest,
    /// Whom to ask: a request, or offers.
    Peers,
}

impl Gathered {
    /// Takes in a document. A second request or manifest replaces the first, and so does the same
    /// file again.
    ///
    /// # Errors
    ///
    /// [`Problem`] if an import cannot use it, or there are too many.
    pub fn add(&mut self, document: Document) -> Result<(), Problem> {
        let refused = |advice: &'static str| {
            let what = format!("{} is a {}", document.path.display(), document.kind.as_str());
            Err(Problem::new(Code::new("usage", "arguments"), what, advice))
        };
        match document.kind {
            Kind::Request | Kind::Manifest => {
                self.documents.retain(|other| other.kind != document.kind);
            }
            Kind::Offer => {
                self.documents.retain(|other| other.path != document.path);
                if self.of(Kind::Offer).count() >= PeerMessages::V0.max_offers {
                    return refused("An import can ask 64 peers at most: take one away first.");
                }
            }
            Kind::Ticket => return refused("Paste its text under Pair, and compare the codes."),
            Kind::Announcement => {
                return refused("Ask that peer for an offer: it names whom to call and is signed.");
            }
            Kind::Receipt => return refused("Look at it under Receipts."),
            Kind::Artifact => return refused("It is here already: look at it under Share."),
        }
        self.documents.push(document);
        Ok(())
    }

    /// Takes away the document at this place.
    pub fn remove(&mut self, place: usize) {
        if place < self.documents.len() {
            self.documents.remove(place);
        }
    }

    /// Every document, as they came.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(move |document| document.kind == kind)
    }

    /// Whether the document is used: a request names its peers itself, so offers are not.
    pub fn uses(&self, document: &Document) -> bool {
        document.kind != Kind::Offer || self.of(Kind::Request).next().is_none()
    }

    /// What is missing before there can be a request.
    pub fn missing(&self) -> Option<Missing> {
        let has = |kind| self.of(kind).next().is_some();
        match (has(Kind::Manifest), has(Kind::Request) || has(Kind::Offer)) {
            (false, false) => Some(Missing::Everything),
            (false, true) => Some(Missing::Manifest),
            (true, false) => Some(Missing::Peers),
            (true, true) => None,
        }
    }

    /// The request: the one that was given, else one made of the offers under that name.
    ///
    /// A request made here stays in memory, and is of use only when the user says yes.
    ///
    /// # Errors
    ///
    /// [`Problem`] with the code of the first rule that the documents break.
    pub fn request(&self, request_id: Id, now: UtcTime) -> Result<ImportRequest, Problem> {
        let options = Options::default();
        let Some(manifest) = self.of(Kind::Manifest).next() else {
            let advice = "Add the manifest that goes with the request.";
            let code = Code::new("usage", "arguments");
            return Err(Problem::new(code, "there is no manifest", advice));
        };
        let written;
        let request = self.of(Kind::Request).next();
        let bytes: &[u8] = match request {
            Some(request) => &request.bytes,
            None => {
                let offers = self.of(Kind::Offer);
                written = write(request_id, manifest, options, offers, VALID_FOR, now)?.bytes;
                &written
            }
        };
        ImportRequest::parse(bytes, &manifest.bytes, options, now).map_err(|error| {
            match (&error, request) {
                (RequestError::Manifest(_) | RequestError::NoChunking, _) | (_, None) => {
                    Problem::coded_in(&manifest.path, &error)
                }
                (_, Some(request)) => Problem::coded_in(&request.path, &error),
            }
        })
    }
}
