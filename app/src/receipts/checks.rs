//! What each check of a receipt means, in words for people.

use crate::verify::Finding;

/// What a check is about, in a few words; the key itself if it is not known.
pub fn name(key: &str) -> &str {
    match key {
        "check.manifest" => "Manifest",
        "check.boundary" => "Boundary",
        "check.signature" => "Publisher's signature",
        "check.byte_count" => "Length",
        "check.sha256" => "SHA-256",
        "check.chunks" => "Pieces",
        "check.chunk_list" => "Chunk list",
        "check.merkle" => "Merkle root",
        "check.slm" => "Container",
        "check.slm_checksum" => "Container's checksum",
        "check.agreement" => "Agreement",
        "check.evidence" => "Evidence",
        other => other,
    }
}

/// What it means that a check came out like this, as a sentence.
pub fn explain(key: &str, finding: Finding) -> &'static str {
    match (key, finding) {
        (_, Finding::NotReached) => "Not looked at, because a check before it failed.",
        (_, Finding::NoFault) => "No fault was found up to the check that failed.",
        ("check.manifest", Finding::Failed) => "The manifest breaks a rule of its format.",
        ("check.manifest", _) => {
            "The manifest is well-formed: it has every key it needs, and each value is one that \
             can be."
        }
        ("check.boundary", Finding::Failed) => {
            "The manifest names a project server, a model hub or another source that may not \
             give bytes."
        }
        ("check.boundary", _) => {
            "The manifest names no project server and no model hub as a source of bytes."
        }
        ("check.signature", Finding::NotPresent) => {
            "The manifest is not signed by its publisher, so nothing proves who made it."
        }
        ("check.signature", Finding::Failed) => {
            "The publisher's signature does not belong to this manifest."
        }
        ("check.signature", _) => {
            "The manifest is signed with the publisher's key, and was not changed since."
        }
        ("check.byte_count", Finding::Failed) => {
            "The file has another length than the manifest says."
        }
        ("check.byte_count", _) => "The file is exactly as long as the manifest says.",
        ("check.sha256", Finding::Failed) => {
            "At least one byte of the file differs from what the manifest names."
        }
        ("check.sha256", _) => {
            "The SHA-256 of the whole file is the manifest's: every byte is the one it names."
        }
        ("check.chunks", Finding::NotPresent) => {
            "The manifest does not cut the file into pieces, so there were none to check."
        }
        ("check.chunks", Finding::Failed) => {
            "How the manifest cuts the file into pieces does not hold together."
        }
        ("check.chunks", _) => {
            "The file was cut into pieces as the manifest says, and each hashed."
        }
        ("check.chunk_list", Finding::NotPresent) => {
            "No separate list of piece digests was given, so there was none to compare; the \
             Merkle root covers the same pieces."
        }
        ("check.chunk_list", Finding::Failed) => {
            "The list of piece digests that was given is not the manifest's."
        }
        ("check.chunk_list", _) => {
            "The list of piece digests that was given is the one that the manifest names."
        }
        ("check.merkle", Finding::NotPresent) => {
            "The manifest has no Merkle root, because it does not cut the file into pieces."
        }
        ("check.merkle", Finding::Failed) => {
            "The digests of the pieces lead to another root than the manifest's."
        }
        ("check.merkle", _) => {
            "The digests of all pieces lead to the manifest's root, so each piece is proven by \
             itself."
        }
        ("check.slm", Finding::Failed) => "The file is not a valid .slm container.",
        ("check.slm", _) => {
            "The file is a valid .slm container: header, tokenizer, tensors and padding are as \
             they must be."
        }
        ("check.slm_checksum", Finding::Unverified) => {
            "The container's own checksum was not compared, because that was asked for. The \
             SHA-256 covers the same bytes."
        }
        ("check.slm_checksum", Finding::Failed) => {
            "The checksum inside the container is not that of its bytes, by this program's \
             provisional rule."
        }
        ("check.slm_checksum", _) => {
            "The checksum inside the container is that of its bytes, by this program's \
             provisional rule."
        }
        ("check.agreement", Finding::Failed) => {
            "The manifest says of the model something else than the file does."
        }
        ("check.agreement", _) => {
            "What the manifest says of the model (sizes, layers, tokenizer) is what the file has."
        }
        ("check.evidence", Finding::NotPresent) => {
            "No evidence files, such as a model card, were given, so none were compared."
        }
        ("check.evidence", Finding::Failed) => {
            "An evidence file that was given is not the one that the manifest lists."
        }
        ("check.evidence", _) => {
            "The evidence files that were given are those that the manifest lists."
        }
        _ => "This program does not know what this check is about.",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{explain, name};
    use crate::verify::{CHECKS, Finding};

    #[test]
    fn every_check_has_words_of_its_own() {
        let mut seen = BTreeSet::new();
        for key in CHECKS {
            assert_ne!(name(key), key);
            for finding in [Finding::Pass, Finding::Failed] {
                assert!(seen.insert(explain(key, finding)), "{key} {finding:?}");
            }
        }
        for key in ["signature", "chunks", "chunk_list", "merkle", "evidence"] {
            let key = format!("check.{key}");
            assert!(seen.insert(explain(&key, Finding::NotPresent)), "{key}");
        }
        assert!(seen.insert(explain("check.slm_checksum", Finding::Unverified)));
        assert!(!seen.contains(explain("check.unheard", Finding::Pass)));
    }
}
