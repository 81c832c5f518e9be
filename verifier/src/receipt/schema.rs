//! The receipt's keys: which there are, when they must be there, and what their values must be.

use crate::digest::ChunkAlgorithm;
use crate::lines::{Document, LineError, Lines, Rule};
use crate::manifest::ACQUISITIONS;
use crate::scalars::Kind;
use crate::slm::SlmChecksumProfile;

/// The built-in receipt schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ReceiptSchema {
    /// Version 0.
    #[default]
    V0,
}

/// When a receipt has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// If the artifact is chunked.
    Chunked,
    /// If the artifact came from peers.
    FromPeers,
    /// If the receipt is signed.
    Signed,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    name: &'static str,
    when: When,
    rule: Rule,
}

/// What a receipt is of, which decides what keys it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    algorithm: &'a str,
    from_peers: bool,
}

impl<'a> Shape<'a> {
    pub(super) fn of(lines: &Lines<'a>) -> Self {
        Self {
            algorithm: lines.get(CHUNKING).unwrap_or("none"),
            from_peers: lines.get(TRANSFER).is_some_and(|kind| kind != "local-file"),
        }
    }

    pub(super) fn is_chunked(self) -> bool {
        self.algorithm != "none"
    }

    pub(super) const fn is_from_peers(self) -> bool {
        self.from_peers
    }

    fn has(self, when: When) -> bool {
        match when {
            When::Always | When::Signed => true,
            When::Chunked => self.is_chunked(),
            When::FromPeers => self.from_peers,
        }
    }
}

impl ReceiptSchema {
    /// The most peers that a receipt may name.
    pub const fn max_peers(self) -> usize {
        match self {
            Self::V0 => 64,
        }
    }

    /// Checks that every key is there that must be, in table order, and then that no other is.
    pub(super) fn check_keys(self, lines: &Lines<'_>, shape: Shape<'_>) -> Result<(), LineError> {
        let table = self.keys().iter().filter(|key| shape.has(key.when));
        for key in table.clone().filter(|key| key.when != When::Signed) {
            lines.require(key.name)?;
        }
        lines.refuse_unknown(|key| {
            table.clone().any(|row| row.name == key)
                || (shape.from_peers && PeerPart::of(key).is_some())
        })
    }

    /// Checks every value by itself, in table order.
    pub(super) fn check_values(self, lines: &Lines<'_>, shape: Shape<'_>) -> Result<(), LineError> {
        for key in self.keys() {
            let rule = match (key.name, ChunkAlgorithm::parse(shape.algorithm)) {
                (MERKLE_ROOT, Some(algorithm)) => Rule::Root(algorithm),
                _ => key.rule,
            };
            if let Some(value) = lines.get(key.name) {
                rule.check(Document::Receipt, key.name, value)?;
            }
        }
        for number in 0..PeerPart::MAX_NUMBER {
            for part in PeerPart::ALL {
                let key = part.key(number);
                if let Some(value) = lines.get(&key) {
                    part.rule().check(Document::Receipt, &key, value)?;
                }
            }
        }
        Ok(())
    }

    const fn keys(self) -> &'static [Key] {
        match self {
            Self::V0 => KEYS,
        }
    }
}

/// The three keys of a peer that pieces came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerPart {
    Id,
    Pieces,
    Bytes,
}

impl PeerPart {
    pub(super) const ALL: [Self; 3] = [Self::Id, Self::Pieces, Self::Bytes];
    const MAX_NUMBER: u32 = 100;
    const PREFIX: &str = "transfer.peer.";

    /// Takes a key `transfer.peer.N.part` apart; N is 0 to 99 without a leading zero.
    pub(super) fn of(key: &str) -> Option<(u32, Self)> {
        let (number, part) = key.strip_prefix(Self::PREFIX)?.split_once('.')?;
        let plain = matches!(number.as_bytes(), [b'0'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
        let part = Self::ALL.into_iter().find(|known| known.name() == part)?;
        if plain { Some((number.parse().ok()?, part)) } else { None }
    }

    /// The key of peer `number`.
    pub(super) fn key(self, number: u32) -> String {
        format!("{}{number}.{}", Self::PREFIX, self.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Pieces => "pieces",
            Self::Bytes => "bytes",
        }
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Id => Rule::PeerId,
            Self::Pieces | Self::Bytes => INT,
        }
    }
}

pub(super) const CHUNKING: &str = "chunking.algorithm";
pub(super) const TRANSFER: &str = "transfer.kind";
pub(super) const SIGNER: &str = "receipt.signer";
pub(super) const SIGNATURE: &str = "receipt.signature";
pub(super) const SHA256_KEY: &str = "receipt.sha256";
pub(super) const FILE_NAME: &str = "artifact.file_name";
pub(super) const CREATED: &str = "receipt.created_utc";
pub(super) const VERIFIER_VERSION: &str = "receipt.verifier_version";
pub(super) const MERKLE_ROOT: &str = "chunking.merkle_root";

/// Whether a key's value follows from the manifest and the file.
pub(super) fn is_derived(key: &str) -> bool {
    let told = [CREATED, VERIFIER_VERSION, SIGNER, SIGNATURE, SHA256_KEY, FILE_NAME];
    let given = ["check.chunk_list", "check.evidence"];
    !told.contains(&key) && !given.contains(&key) && !key.starts_with("transfer.")
}

const INT: Rule = Rule::Scalar(Kind::Int);
const ID: Rule = Rule::Scalar(Kind::Id);
const VERSION: Rule = Rule::Scalar(Kind::Version);
const SHA256: Rule = Rule::Scalar(Kind::Sha256);
const PASS: Rule = Rule::Words(&["pass"]);
const PASS_OR_ABSENT: Rule = Rule::Words(&["pass", "not-present"]);

const fn always(name: &'static str, rule: Rule) -> Key {
    Key { name, when: When::Always, rule }
}

const fn chunked(name: &'static str, rule: Rule) -> Key {
    Key { name, when: When::Chunked, rule }
}

const fn from_peers(name: &'static str, rule: Rule) -> Key {
    Key { name, when: When::FromPeers, rule }
}

const fn signed(name: &'static str, rule: Rule) -> Key {
    Key { name, when: When::Signed, rule }
}

const KEYS: &[Key] = &[
    always("receipt.version", Rule::Any),
    always("receipt.kind", Rule::Any),
    always("receipt.schema_id", Rule::Any),
    always(CREATED, Rule::Scalar(Kind::Time)),
    always("receipt.verifier", Rule::Words(&["minimodel-core"])),
    always(VERIFIER_VERSION, VERSION),
    always("receipt.result", Rule::Words(&["verified"])),
    always("manifest.sha256", SHA256),
    always("manifest.canonical_sha256", SHA256),
    always("manifest.schema_checksum", SHA256),
    always("model.id", ID),
    always("model.version", VERSION),
    always("publisher.id", ID),
    always("publisher.key_id", Rule::Scalar(Kind::Token)),
    always("signature.status", Rule::Words(&["unsigned", "placeholder", "verified"])),
    always("license.route", Rule::Any),
    always("model_card.route", Rule::Any),
    always("artifact.kind", Rule::Words(&["slm"])),
    always("artifact.byte_count", INT),
    always("artifact.sha256", SHA256),
    always("artifact.acquisition", Rule::Words(&ACQUISITIONS)),
    always("artifact.project_server_url", Rule::Words(&["none"])),
    always(FILE_NAME, Rule::Scalar(Kind::FileName)),
    always("slm.format_version", Rule::Words(&["1"])),
    always("slm.checksum", Rule::Scalar(Kind::U64Hex)),
    always(
        "slm.checksum_profile",
        Rule::Words(&[SlmChecksumProfile::MinimodelProvisional1.as_str(), "unverified"]),
    ),
    always("slm.tokenizer_kind", Rule::Words(&["btok", "bpe1"])),
    always("slm.tokenizer_checksum", SHA256),
    always("slm.tensor_layout_checksum", SHA256),
    always("slm.quantization", Rule::Words(&["f32", "q8_0", "q4_0", "mixed"])),
    always("slm.vocab_size", INT),
    always("slm.hidden_size", INT),
    always("slm.layer_count", INT),
    always("slm.head_count", INT),
    always("slm.kv_head_count", INT),
    always("slm.head_dim", INT),
    always("slm.ffn_size", INT),
    always("slm.max_context", INT),
    always("slm.tensor_count", INT),
    always("slm.parameter_count", INT),
    always("slm.tied_output", Rule::Words(&["true", "false"])),
    always("slm.runtime", Rule::Words(&["executable", "not-executable"])),
    always(CHUNKING, Rule::Words(&["none", ChunkAlgorithm::WORDS[0], ChunkAlgorithm::WORDS[1]])),
    always(TRANSFER, Rule::Words(&["local-file", "consent-peer-transfer"])),
    always("check.manifest", PASS),
    always("check.boundary", PASS),
    always("check.signature", PASS_OR_ABSENT),
    always("check.byte_count", PASS),
    always("check.sha256", PASS),
    always("check.chunks", PASS_OR_ABSENT),
    always("check.chunk_list", PASS_OR_ABSENT),
    always("check.merkle", PASS_OR_ABSENT),
    always("check.slm", PASS),
    always("check.slm_checksum", Rule::Words(&["pass", "unverified"])),
    always("check.agreement", PASS),
    always("check.evidence", PASS_OR_ABSENT),
    always(SHA256_KEY, SHA256),
    chunked("chunking.chunk_size", INT),
    chunked("chunking.chunk_count", INT),
    chunked(MERKLE_ROOT, Rule::Any),
    from_peers("transfer.request_id", ID),
    from_peers("transfer.request_sha256", SHA256),
    from_peers("transfer.peer_count", INT),
    from_peers("transfer.pieces_fetched", INT),
    from_peers("transfer.bytes_fetched", INT),
    from_peers("transfer.pieces_local", INT),
    from_peers("transfer.bytes_local", INT),
    signed(SIGNER, Rule::PeerId),
    signed(SIGNATURE, Rule::Scalar(Kind::SigText)),
];

#[cfg(test)]
mod tests {
    use super::PeerPart;

    #[test]
    fn peer_keys_have_one_spelling() {
        assert_eq!(PeerPart::of("transfer.peer.7.bytes"), Some((7, PeerPart::Bytes)));
        for key in ["transfer.peer.07.id", "transfer.peer.100.id", "transfer.peer.N.id"] {
            assert_eq!(PeerPart::of(key), None, "{key}");
        }
        for part in PeerPart::ALL {
            assert_eq!(PeerPart::of(&part.key(99)), Some((99, part)));
        }
    }
}
