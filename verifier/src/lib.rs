//! What a MiniModel artifact is, and whether bytes are it.
//!
//! The domain of the companion: formats, digests, the Merkle tree, `.slm`
//! validation, receipts and the boundary rules. The crate opens no file and no
//! socket, reads no clock and draws no random number: bytes come in through
//! slices and [`std::io::Read`], and `now` comes in as a value. Bytes from outside become
//! trusted here only, by passing through a type that nothing else can make.
//!
//! Sections and labels such as 5.1 or H7 are those of docs/formats.md, which is normative. An error
//! answers with the stable code of its section 15 ([`Coded`]), and its text says in one clause
//! which field it is, what was found and what was expected.
//!
//! # Modules
//!
//! | Purpose | Modules | Sections |
//! |---|---|---|
//! | what text is made of | [`scalars`], [`lines`], [`json`], [`code`], [`advice`] | 2, 3, 4, 15 |
//! | digests, pieces, roots | [`digest`], [`geometry`], [`merkle`], [`piece`], [`bitfield`], [`chunk_list`] | 7 |
//! | the container | [`slm`] | 5 |
//! | the boundary | [`boundary`] | 6 |
//! | who peers are | [`identity`] | 8 |
//! | what an artifact must be, and whether a file is it | [`manifest`], [`artifact`] | 9, 11 |
//! | what peers say | [`request`], [`announcement`] | 10 |
//! | what the user agreed to, and what was imported | [`consent`], [`receipt`] | 13, 12 |
//!
//! # How bytes become trusted
//!
//! Each step takes what the step before gave; a type on the right has no other constructor.
//!
//! | Bytes | Judged by | Become |
//! |---|---|---|
//! | a manifest | [`Manifest::parse`](manifest::Manifest::parse) | [`Manifest`](manifest::Manifest): what the file must be |
//! | a peer's offer | [`Offer::parse`](request::Offer::parse) | [`Offer`](request::Offer): signed by that peer |
//! | a request, with its manifest | [`ImportRequest::parse`](request::ImportRequest::parse) | [`ImportRequest`](request::ImportRequest): they agree, and one offer is valid now |
//! | the digests of all pieces | [`PieceList::prove`](piece::PieceList::prove) | [`PieceList`](piece::PieceList): they lead to the manifest's root |
//! | a piece, [`ArrivedPiece`](piece::ArrivedPiece) | [`PieceList::verify`](piece::PieceList::verify) | [`VerifiedPiece`](piece::VerifiedPiece): it may be kept |
//! | the whole file | [`artifact::verify`] | [`VerifiedArtifact`](artifact::VerifiedArtifact): every check has passed |
//! | that, and the time | [`Receipt::write`](receipt::Receipt::write) | [`Receipt`](receipt::Receipt) |
//! | a receipt, with manifest and file | [`Receipt::verify`](receipt::Receipt::verify) | [`VerifiedReceipt`](receipt::VerifiedReceipt) |
//!
//! # What is provisional
//!
//! Where nothing is published, this project chose; section 16 lists each choice with the name that
//! isolates it: [`SlmChecksumProfile::MinimodelProvisional1`](slm::SlmChecksumProfile), the
//! policies of [`slm::policy`], [`MerkleProfile`](merkle::MerkleProfile),
//! [`ProofFormat`](merkle::ProofFormat), [`ChunkAlgorithm::Blake3TreeV0`],
//! [`CHUNK_LIMITS`](geometry::CHUNK_LIMITS), [`ManifestSchema`](manifest::ManifestSchema),
//! [`RouteGrammar`](boundary::RouteGrammar), [`AddressPolicy`](boundary::AddressPolicy),
//! [`SignatureScheme`](identity::SignatureScheme), [`PeerIdFormat`](identity::PeerIdFormat),
//! [`PeerMessages`](request::PeerMessages), [`TicketFormat`](request::TicketFormat),
//! [`ReceiptSchema`](receipt::ReceiptSchema), [`ConsentLogFormat`](consent::ConsentLogFormat) and
//! others.
//!
//! The internal checksum is that of the profile `minimodel-provisional-1`. Files written here pass
//! it; whether files made elsewhere do is not known, and nothing may claim byte compatibility with
//! them until [`slm::calibrate`] has found the published rule in genuine files.
//!
//! # Example
//!
//! ```
//! use std::io::Cursor;
//! use std::sync::Arc;
//!
//! use verifier::artifact::{self, Extras};
//! use verifier::manifest::{Draft, Options};
//! use verifier::piece::PieceStream;
//! use verifier::receipt::{Facts, Receipt};
//! use verifier::scalars::{UtcTime, Version};
//! use verifier::slm::{ChecksumRule, Quantisation, Shape, write_sample};
//! use verifier::{ChunkAlgorithm, Geometry, Sha256};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A file: 20,352 bytes of a tiny model.
//! let mut file = Cursor::new(Vec::new());
//! let length = write_sample(&Shape::TINY, Quantisation::F32, 1, &mut file)?;
//! let file = file.into_inner();
//!
//! // Its pieces: two of at most 16 KiB, and the root over them.
//! let geometry = Geometry::new(length, 16_384)?;
//! let mut pieces = PieceStream::new(ChunkAlgorithm::FixedSizeMerkleV0, geometry)?;
//! pieces.update(&file);
//! let (digests, root) = pieces.finish().ok_or("the file is not complete")?;
//! assert_eq!(digests.len(), 2);
//!
//! // A manifest that says what the file must be.
//! let mut draft = Draft::new();
//! draft
//!     .set("manifest.created_utc", "2026-01-31T12:00:00Z")?
//!     .set("model.id", "tiny")?
//!     .set("model.version", "1.0")?
//!     .set("publisher.id", "someone")?
//!     .set("publisher.key_id", "none")?
//!     .set("model_card.route", "/models/tiny.md")?
//!     .set("license.route", "https://example.org/licence")?
//!     .set("artifact.acquisition", "user-local-file")?
//!     .set("artifact.sha256", Sha256::of(&file))?
//!     .set_chunking(&geometry, &root);
//! let manifest = Arc::new(draft.write()?);
//!
//! // Every check on the file.
//! let extras = Extras::default();
//! let verified = artifact::verify(&manifest, &file[..], length, &extras, ChecksumRule::Verify)?;
//! assert_eq!(verified.slm().parameter_count(), 4_824);
//!
//! // The record of it, and the same checks again from the three files alone.
//! let facts = Facts {
//!     created_utc: UtcTime::parse("2026-02-01T08:00:00Z")?,
//!     verifier_version: Version::parse("0.1.0")?,
//!     file_name: "tiny-1.0.slm",
//!     transfer: None,
//!     signer: None,
//! };
//! let receipt = Receipt::write(&verified, &facts)?;
//! let options = Options::default();
//! let again = Receipt::verify(receipt.bytes(), manifest.bytes(), options, &file[..], length)?;
//! assert_eq!(again.receipt().value("check.slm_checksum"), Some("pass"));
//! assert!(again.signer().is_none());
//!
//! // Another file is refused.
//! let mut other = file.clone();
//! other[10_000] ^= 1;
//! assert!(Receipt::verify(receipt.bytes(), manifest.bytes(), options, &other[..], length).is_err());
//! # Ok(())
//! # }
//! ```

pub mod advice;
pub mod announcement;
pub mod artifact;
#[cfg(feature = "serde")]
mod as_text;
pub mod bitfield;
pub mod boundary;
mod byte_count;
pub mod chunk_list;
pub mod code;
pub mod consent;
pub mod digest;
mod excerpt;
pub mod geometry;
pub mod identity;
pub mod json;
pub mod lines;
pub mod manifest;
pub mod merkle;
pub mod piece;
pub mod receipt;
pub mod request;
pub mod scalars;
pub mod slm;

pub use advice::{Advice, Remedy};
pub use bitfield::Bitfield;
pub use byte_count::ByteCount;
pub use code::{Code, Coded};
pub use digest::{ChunkAlgorithm, Root, Sha256};
pub use geometry::{Geometry, PieceIndex};
