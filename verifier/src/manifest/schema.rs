//! The manifest's keys: which there are, which must be there, and what their values must be.

use crate::lines::{Lines, Rule};
use crate::scalars::Kind;

/// The built-in schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ManifestSchema {
    /// Version 0.
    #[default]
    V0,
}

/// A row of the key table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// The key; `N` stands for a number in evidence keys.
    pub(super) name: &'static str,
    /// Whether a manifest must have it.
    pub(super) required: bool,
    /// What its value must be, apart from what the boundary, chunking and signature rules say.
    pub(super) rule: Rule,
}

impl ManifestSchema {
    /// The SHA-256 of the schema's text, as `manifest.schema_checksum` has it.
    pub const fn checksum(self) -> &'static str {
        match self {
            Self::V0 => "sha256:BD6994054ECB39291C73402D4E0E2DC96F8CD45E8727A77B0F71726CCC2A4CA7",
        }
    }

    /// The most evidence entries a manifest may have.
    pub const fn max_evidence(self) -> u64 {
        match self {
            Self::V0 => 32,
        }
    }

    /// The schema's text: a line for each key in table order, `required KEY` or `optional KEY`.
    pub fn text(self) -> String {
        let mut text = String::new();
        for key in self.keys() {
            text.push_str(if key.required { "required " } else { "optional " });
            text.push_str(key.name);
            text.push('\n');
        }
        text
    }

    /// The key that a manifest lacks whose keys describe a source (B6).
    pub(super) fn missing_source_key(self, lines: &Lines<'_>) -> Option<&'static str> {
        match self {
            Self::V0 => {
                let described = lines.iter().any(|(key, _)| key.starts_with("source."));
                match lines.get("source.lane") {
                    None => described.then_some("source.lane"),
                    Some("huggingface") if lines.get("source.identity").is_none() => {
                        Some("source.identity")
                    }
                    Some(_) => None,
                }
            }
        }
    }

    /// The key table.
    pub(super) const fn keys(self) -> &'static [Key] {
        match self {
            Self::V0 => KEYS,
        }
    }

    /// Whether manifests may have the key.
    pub(super) fn knows(self, key: &str) -> bool {
        if key.starts_with(EVIDENCE) && key != "evidence.count" {
            return EvidencePart::of(key).is_some();
        }
        self.keys().iter().any(|row| row.name == key)
    }

    /// The rule for a key, if it is known.
    pub(super) fn rule(self, key: &str) -> Option<Rule> {
        let name = match EvidencePart::of(key) {
            Some((_, part)) => part.row(),
            None => key,
        };
        self.keys().iter().find(|row| row.name == name).map(|row| row.rule)
    }
}

const EVIDENCE: &str = "evidence.";

/// The three keys of an evidence entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EvidencePart {
    Kind,
    Route,
    Sha256,
}

impl EvidencePart {
    pub(super) const ALL: [Self; 3] = [Self::Kind, Self::Route, Self::Sha256];

    /// Takes a key `evidence.N.part` apart; N is 0 to 99 without a leading zero.
    pub(super) fn of(key: &str) -> Option<(u32, Self)> {
        let (number, part) = key.strip_prefix(EVIDENCE)?.split_once('.')?;
        let plain = matches!(number.as_bytes(), [b'0'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
        let part = Self::ALL.into_iter().find(|known| known.name() == part)?;
        if plain { Some((number.parse().ok()?, part)) } else { None }
    }

    /// The key of entry `number`.
    pub(super) fn key(self, number: u32) -> String {
        format!("{EVIDENCE}{number}.{}", self.name())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Route => "route",
            Self::Sha256 => "sha256",
        }
    }

    const fn row(self) -> &'static str {
        match self {
            Self::Kind => "evidence.N.kind",
            Self::Route => "evidence.N.route",
            Self::Sha256 => "evidence.N.sha256",
        }
    }
}

/// Words that no part of a key may be: they promise that something is run or fetched.
pub(super) const FORBIDDEN_WORDS: &[&str] = &[
    "install",
    "installs",
    "installer",
    "preinstall",
    "postinstall",
    "script",
    "scripts",
    "command",
    "commands",
    "cmd",
    "exec",
    "execute",
    "hook",
    "hooks",
    "callback",
    "callbacks",
    "token",
    "tokens",
    "secret",
    "password",
    "credential",
    "credentials",
    "inference",
    "endpoint",
    "endpoints",
    "download",
    "downloads",
    "fetch",
    "autofetch",
    "autoload",
    "proxy",
    "mirror",
    "mirrors",
    "cdn",
    "url",
    "urls",
    "uri",
    "uris",
    "href",
    "link",
    "links",
];

/// The first forbidden word of a key; the one key that says that there is no project server may.
pub(super) fn forbidden_word(key: &str) -> Option<&'static str> {
    if key == "artifact.project_server_url" {
        return None;
    }
    key.split(['.', '_'])
        .find_map(|part| FORBIDDEN_WORDS.iter().find(|word| **word == part).copied())
}

const fn required(name: &'static str, rule: Rule) -> Key {
    Key { name, required: true, rule }
}

const fn optional(name: &'static str, rule: Rule) -> Key {
    Key { name, required: false, rule }
}

const INT: Rule = Rule::Scalar(Kind::Int);
const ID: Rule = Rule::Scalar(Kind::Id);
const SHA256: Rule = Rule::Scalar(Kind::Sha256);
const TOKEN: Rule = Rule::Scalar(Kind::Token);

const KEYS: &[Key] = &[
    required("manifest.version", Rule::Any),
    required("manifest.kind", Rule::Any),
    required("manifest.schema_id", Rule::Any),
    required("manifest.schema_checksum", SHA256),
    required("manifest.created_utc", Rule::Scalar(Kind::Time)),
    required("model.id", ID),
    required("model.version", Rule::Scalar(Kind::Version)),
    required("publisher.id", ID),
    required("publisher.key_id", TOKEN),
    required("model_card.route", Rule::Any),
    required("license.route", Rule::Any),
    required("artifact.kind", Rule::Any),
    required("artifact.byte_count", Rule::Any),
    required("artifact.sha256", SHA256),
    required("artifact.acquisition", Rule::Any),
    required("artifact.project_server_url", Rule::Any),
    required("slm.format_version", INT),
    optional("model.display_name", Rule::Scalar(Kind::Text)),
    optional("slm.checksum", Rule::Scalar(Kind::U64Hex)),
    optional("slm.checksum_profile", TOKEN),
    optional("slm.tokenizer_kind", Rule::Words(&["btok", "bpe1"])),
    optional("slm.tokenizer_checksum", SHA256),
    optional("slm.tensor_layout_checksum", SHA256),
    optional("slm.quantization", Rule::Words(&["f32", "q8_0", "q4_0", "mixed"])),
    optional("slm.vocab_size", INT),
    optional("slm.hidden_size", INT),
    optional("slm.layer_count", INT),
    optional("slm.head_count", INT),
    optional("slm.kv_head_count", INT),
    optional("slm.head_dim", INT),
    optional("slm.ffn_size", INT),
    optional("slm.max_context", INT),
    optional("slm.tensor_count", INT),
    optional("slm.parameter_count", INT),
    optional("slm.tied_output", Rule::Words(&["true", "false"])),
    optional("source.lane", Rule::Words(&["local", "huggingface", "p2p"])),
    optional("source.identity", Rule::Scalar(Kind::HubId)),
    optional("source.revision", Rule::Scalar(Kind::Rev)),
    optional("source.config_sha256", SHA256),
    optional("source.tokenizer_sha256", SHA256),
    optional("evidence.count", INT),
    optional("evidence.N.kind", ID),
    optional("evidence.N.route", Rule::Any),
    optional("evidence.N.sha256", SHA256),
    optional("chunking.algorithm", Rule::Any),
    optional("chunking.chunk_size", Rule::Any),
    optional("chunking.chunk_count", Rule::Any),
    optional("chunking.merkle_root", Rule::Any),
    optional("chunking.list_route", Rule::Any),
    optional("chunking.list_sha256", Rule::Any),
    optional("contact.takedown_route", Rule::Any),
    optional("signature.status", Rule::Any),
    optional("signature.algorithm", Rule::Any),
    optional("signature.public_key", Rule::Any),
    optional("signature.value", Rule::Any),
];

#[cfg(test)]
mod tests {
    use super::{ManifestSchema, forbidden_word};
    use crate::digest::Sha256;

    #[test]
    fn the_table_is_the_published_schema() {
        let text = ManifestSchema::V0.text();
        assert_eq!(text, include_str!("../../schema/manifest-v0.keys"));
        assert_eq!(Sha256::of(text.as_bytes()).to_string(), ManifestSchema::V0.checksum());
    }

    #[test]
    fn evidence_keys_have_one_spelling() {
        for (key, known) in [
            ("evidence.0.kind", true),
            ("evidence.99.route", true),
            ("evidence.00.kind", false),
            ("evidence.100.kind", false),
            ("evidence.N.kind", false),
            ("evidence.count", true),
            ("evidence.0.count", false),
        ] {
            assert_eq!(ManifestSchema::V0.knows(key), known, "{key}");
        }
    }

    #[test]
    fn no_known_key_is_forbidden() {
        let keys = ManifestSchema::V0.keys();
        assert!(keys.iter().all(|key| forbidden_word(key.name).is_none()));
        assert_eq!(forbidden_word("model.install_note"), Some("install"));
    }
}
