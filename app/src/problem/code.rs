//! Codes as they are written, and read again from another process.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::de::{Deserialize as _, Error as _, Unexpected};
use serde::{Deserializer, Serializer};
use verifier::Code;

/// The codes that were read so far. Their text is never given back, so only so many are read.
struct Codes(BTreeMap<String, Code>);

static READ: Mutex<Codes> = Mutex::new(Codes::new());

pub(super) fn serialize<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(code)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner).read(&text);
    read.ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"a stable code"))
}

impl Codes {
    /// So many codes are told apart.
    const MOST: usize = 1_024;
    /// The longest code.
    const MAX_LEN: usize = 64;

    const fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn read(&mut self, text: &str) -> Option<Code> {
        let (prefix, suffix) = text.split_once('.').filter(|_| text.len() <= Self::MAX_LEN)?;
        if !is_word(prefix) || !is_word(suffix) {
            return None;
        }
        if !self.0.contains_key(text) && self.0.len() < Self::MOST {
            let code = Code::new(prefix.to_owned().leak(), suffix.to_owned().leak());
            self.0.insert(text.to_owned(), code);
        }
        self.0.get(text).copied()
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use verifier::Code;

    use super::Codes;

    #[test]
    fn a_code_is_read_by_its_grammar_and_only_so_many_are() {
        let mut codes = Codes::new();
        assert_eq!(codes.read("slm.bad-magic"), Some(Code::new("slm", "bad-magic")));
        for wrong in ["", ".", "slm", "slm.", ".x", "Slm.x", "slm.a.b", "slm.bad magic"] {
            assert_eq!(codes.read(wrong), None, "{wrong}");
        }
        assert_eq!(codes.read(&format!("slm.{}", "a".repeat(64))), None);
        let found = (0..2 * Codes::MOST).filter(|n| codes.read(&format!("made.up-{n}")).is_some());
        assert_eq!(found.count(), Codes::MOST - 1);
        assert_eq!(codes.read("slm.bad-magic"), Some(Code::new("slm", "bad-magic")));
    }
}
