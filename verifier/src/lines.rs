//! The `key=value` text of manifests, chunk lists, announcements and receipts (docs/formats.md 3).
//!
//! The length and the number of lines are judged before anything else ([`Document::limits`]).
//! Nothing is copied; the index takes 40 bytes a line, and time is that of a sort.
//!
//! ```
//! use verifier::code::Coded as _;
//! use verifier::lines::{Document, Lines};
//!
//! let lines = Lines::parse(Document::Receipt, b"b.key= x \r\n\na.key=1=2")?;
//! assert_eq!(lines.get("b.key"), Some("x"));
//! assert_eq!(lines.canonical(|_| true), b"a.key=1=2\nb.key=x\n");
//! let error = Lines::parse(Document::Receipt, b"a.key=1\na.key=2\n").unwrap_err();
//! assert_eq!(error.code().to_string(), "receipt.duplicate-key");
//! assert_eq!(error.to_string(), "key `a.key` is there twice, expected once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fault;
mod rule;

pub use fault::{LineError, LineFault, Unequal};
pub use rule::Rule;

use crate::scalars::ScalarError;

/// The longest key, in bytes (docs/formats.md 3, L4).
pub(crate) const MAX_KEY: usize = 64;
/// The longest value, in bytes.
pub(crate) const MAX_VALUE: usize = 1_024;
/// The longest value of a key that ends with `route`, in bytes.
const MAX_ROUTE: usize = 2_048;

/// The kinds of line document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// What an artifact must be.
    Manifest,
    /// The digests of an artifact's chunks.
    ChunkList,
    /// A user's word that a share exists.
    Announcement,
    /// The record of a finished import.
    Receipt,
}

/// How long a document's text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes.
    pub bytes: usize,
    /// The most lines.
    pub lines: usize,
}

impl Document {
    /// The prefix of the document's error codes.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::ChunkList => "chunk-list",
            Self::Announcement => "announcement",
            Self::Receipt => "receipt",
        }
    }

    /// How long the document's text may be.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Manifest => Limits { bytes: 65_536, lines: 256 },
            Self::ChunkList => Limits { bytes: 100_663_296, lines: 1_048_640 },
            Self::Announcement => Limits { bytes: 65_536, lines: 64 },
            Self::Receipt => Limits { bytes: 131_072, lines: 512 },
        }
    }

    fn takes_utf8(self, key: &str) -> bool {
        self == Self::Manifest && key == "model.display_name"
    }
}

/// What becomes of comment lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Comments {
    /// The text is refused.
    #[default]
    Refuse,
    /// They are left out and remembered: a manifest's example mode.
    Skip,
}

/// The keys and values of a document, sorted by key, borrowed from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<'a> {
    document: Document,
    entries: Vec<Entry<'a>>,
    commented: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    key: &'a str,
    value: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// Reads a document's bytes by the rules T1 to T5 and L1 to L6.
    ///
    /// Nothing is copied, and what is taken for the index is bounded by the line limit.
    ///
    /// # Errors
    ///
    /// [`LineError`] for the first rule that the text breaks, under the prefix of the document.
    pub fn parse(document: Document, bytes: &'a [u8]) -> Result<Self, LineError> {
        Self::parse_with(document, bytes, Comments::Refuse)
    }

    /// Reads a document's bytes, in example mode if comments are skipped.
    ///
    /// # Errors
    ///
    /// [`LineError`] for the first rule that the text breaks, under the prefix of the document.
    pub fn parse_with(
        document: Document,
        bytes: &'a [u8],
        comments: Comments,
    ) -> Result<Self, LineError> {
        let text = check_text(document, bytes).map_err(|fault| LineError::new(document, fault))?;
        let mut lines = Self { document, entries: Vec::new(), commented: false };
        let scanned = lines.scan(text, comments);
        // Every key up to the first other fault is in the index, so a repeated one comes before it.
        lines.entries.sort_by_key(|entry| entry.key);
        match lines.first_duplicate() {
            Some(key) => Err(LineFault::DuplicateKey { key: key.to_owned() }),
            None => scanned,
        }
        .map_err(|fault| LineError::new(document, fault))?;
        Ok(lines)
    }

    /// The value of a key, if the document has it.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let at = self.entries.binary_search_by(|entry| entry.key.cmp(key)).ok()?;
        self.entries.get(at).map(|entry| entry.value)
    }

    /// The keys and values in bytewise order of the keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'a str, &'a str)> + '_ {
        self.entries.iter().map(|entry| (entry.key, entry.value))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether comment lines were skipped.
    pub const fn commented(&self) -> bool {
        self.commented
    }

    /// The value of a key that the document must have.
    ///
    /// # Errors
    ///
    /// `missing-key` if it does not have it.
    pub fn require(&self, key: &str) -> Result<&'a str, LineError> {
        self.get(key).ok_or_else(|| self.fault(LineFault::MissingKey { key: key.to_owned() }))
    }

    /// Checks that a key is present and has the one value it may have.
    ///
    /// # Errors
    ///
    /// `missing-key` if it is absent; otherwise what `wrong` makes of the key and both values.
    pub fn require_value(
        &self,
        key: &str,
        wanted: &str,
        wrong: fn(Unequal) -> LineFault,
    ) -> Result<(), LineError> {
        let value = self.require(key)?;
        if value == wanted {
            Ok(())
        } else {
            Err(self.fault(wrong(Unequal {
                key: key.to_owned(),
                found: value.to_owned(),
                expected: wanted.to_owned(),
            })))
        }
    }

    /// Checks that the document has no key but the known ones.
    ///
    /// # Errors
    ///
    /// `unknown-key` for the first other one, in bytewise order.
    pub fn refuse_unknown(&self, known: impl Fn(&str) -> bool) -> Result<(), LineError> {
        match self.entries.iter().find(|entry| !known(entry.key)) {
            Some(entry) => Err(self.fault(LineFault::UnknownKey { key: entry.key.to_owned() })),
            None => Ok(()),
        }
    }

    /// Reads the value of a key that the document must have as a scalar.
    ///
    /// # Errors
    ///
    /// `missing-key` if it is absent; the scalar's own code if it does not fit the type.
    pub fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, ScalarError>,
    ) -> Result<T, LineError> {
        let value = self.require(key)?;
        read(value).map_err(|error| LineError::value(self.document, key, error))
    }

    /// Reads the value of a key that the document must have as one of some words.
    ///
    /// # Errors
    ///
    /// `missing-key` if it is absent; `bad-enum` for any other word.
    pub fn read_word(
        &self,
        key: &str,
        words: &'static [&'static str],
    ) -> Result<&'a str, LineError> {
        let value = self.require(key)?;
        if words.contains(&value) {
            Ok(value)
        } else {
            let error = ScalarError::not_one_of(words, value);
            Err(LineError::value(self.document, key, error))
        }
    }

    /// The canonical form of the keys that `keep` holds for.
    pub fn canonical(&self, keep: impl Fn(&str) -> bool) -> Vec<u8> {
        canonical(self.iter().filter(|(key, _)| keep(key)))
    }

    fn fault(&self, fault: LineFault) -> LineError {
        LineError::new(self.document, fault)
    }

    /// Reads line after line up to the first fault other than a repeated key.
    fn scan(&mut self, text: &'a str, comments: Comments) -> Result<(), LineFault> {
        for (index, line) in text.split('\n').enumerate() {
            let number = index + 1;
            let line = line.strip_suffix('\r').unwrap_or(line);
            let content = line.trim_start_matches(BLANKS);
            if content.is_empty() {
                continue;
            }
            if content.starts_with('#') {
                match comments {
                    Comments::Refuse => return Err(LineFault::Comment { line: number }),
                    Comments::Skip => self.commented = true,
                }
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(LineFault::NoEquals { line: number })?;
            check_key(key, number)?;
            let value = value.trim_matches(BLANKS);
            self.entries.push(Entry { key, value, line: number });
            check_value(self.document, key, value)?;
        }
        Ok(())
    }

    /// The key that is the first to be met a second time.
    fn first_duplicate(&self) -> Option<&'a str> {
        self.entries
            .windows(2)
            .filter_map(|pair| match pair {
                [first, second] if first.key == second.key => Some(*second),
                _ => None,
            })
            .min_by_key(|entry| entry.line)
            .map(|entry| entry.key)
    }
}

/// Writes the canonical form: keys sorted bytewise, `key=value` and LF for each, nothing else.
///
/// The caller answers for keys and values that fit the grammar of lines.
pub fn canonical<K: AsRef<str>, V: AsRef<str>>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> Vec<u8> {
    let mut entries: Vec<(K, V)> = entries.into_iter().collect();
    entries.sort_by(|(left, _), (right, _)| left.as_ref().cmp(right.as_ref()));
    let mut text = String::new();
    for (key, value) in &entries {
        push_line(&mut text, key.as_ref(), value.as_ref());
    }
    text.into_bytes()
}

/// Appends `key=value` and LF.
pub(crate) fn push_line(text: &mut String, key: &str, value: &str) {
    text.push_str(key);
    text.push('=');
    text.push_str(value);
    text.push('\n');
}

const BLANKS: [char; 2] = [' ', '\t'];

fn check_text(document: Document, bytes: &[u8]) -> Result<&str, LineFault> {
    let limits = document.limits();
    if bytes.len() > limits.bytes {
        return Err(LineFault::TooLarge { bytes: bytes.len(), limit: limits.bytes });
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        return Err(LineFault::Bom);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| LineFault::NotUtf8 { offset: error.valid_up_to() })?;
    if let Some(offset) = first_control(bytes) {
        let byte = bytes.get(offset).copied().unwrap_or_default();
        return Err(LineFault::ControlByte { byte, offset });
    }
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    let lines = ends + usize::from(bytes.last().is_some_and(|last| *last != b'\n'));
    if lines > limits.lines {
        return Err(LineFault::TooManyLines { lines, limit: limits.lines });
    }
    Ok(text)
}

fn first_control(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let suspect =
            |byte: &u8| (*byte < 0x20 && !matches!(*byte, b'\t' | b'\n')) || *byte == 0x7F;
        let at = from + rest.iter().position(suspect)?;
        if bytes.get(at) != Some(&b'\r') || bytes.get(at + 1) != Some(&b'\n') {
            return Some(at);
        }
        from = at + 2;
    }
}

fn check_key(key: &str, line: usize) -> Result<(), LineFault> {
    if !key.is_ascii() {
        return Err(LineFault::NonAsciiKey { line });
    }
    let part_fits = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if key.len() <= MAX_KEY && key.contains('.') && key.split('.').all(part_fits) {
        Ok(())
    } else {
        Err(LineFault::BadKey { line, key: key.chars().take(MAX_KEY).collect() })
    }
}

/// Checks a trimmed value by the rule L6.
pub(crate) fn check_value(document: Document, key: &str, value: &str) -> Result<(), LineFault> {
    let limit = if key.ends_with("route") { MAX_ROUTE } else { MAX_VALUE };
    if value.is_empty() {
        Err(LineFault::EmptyValue { key: key.to_owned() })
    } else if value.len() > limit {
        Err(LineFault::ValueTooLong { key: key.to_owned(), bytes: value.len(), limit })
    } else if value.contains('\t') {
        Err(LineFault::TabInValue { key: key.to_owned() })
    } else if !value.is_ascii() && !document.takes_utf8(key) {
        Err(LineFault::NonAsciiValue { key: key.to_owned() })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Comments, Document, Lines};
    use crate::code::Coded;

    fn code(document: Document, text: &[u8]) -> String {
        match Lines::parse(document, text) {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{} {}", error.code().suffix(), error.field()),
        }
    }

    #[test]
    fn the_first_fault_in_order_is_reported() {
        for (text, wanted) in [
            ("", "ok"),
            ("a.b=1\r\n\t \na.c = 2 \n", "bad-key line-3"),
            ("a.b=1\na.b=\n", "duplicate-key a.b"),
            ("a.b=1\na.b=2\nno equals", "duplicate-key a.b"),
            ("no equals\na.b=1\na.b=2", "no-equals line-1"),
            ("a.b= \t ", "empty-value a.b"),
            ("a.b=1\t2", "control-byte a.b"),
            ("a.b=1\r", "control-byte -"),
            (" # note", "comment line-1"),
            ("ä.b=1", "non-ascii-key line-1"),
            ("a.b=ä", "non-ascii-value a.b"),
            ("b.b=1\na.a=1\na.a=1\nb.b=1", "duplicate-key a.a"),
        ] {
            assert_eq!(code(Document::Receipt, text.as_bytes()), wanted, "{text:?}");
        }
        assert_eq!(code(Document::Manifest, "model.display_name=ä".as_bytes()), "ok");
        assert_eq!(code(Document::Announcement, &[b'\n'; 65]), "too-many-lines -");
        assert_eq!(code(Document::Announcement, &[0xFF]), "not-utf8 -");
    }

    #[test]
    fn comments_are_remembered_in_example_mode() {
        let text = b"# an example\na.b = x=y \n";
        assert!(Lines::parse(Document::Manifest, text).is_err());
        let text = b"# an example\na.b= x=y \n";
        let lines = Lines::parse_with(Document::Manifest, text, Comments::Skip).unwrap();
        assert!(lines.commented());
        assert_eq!(lines.get("a.b"), Some("x=y"));
    }

    proptest! {
        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Lines::parse(Document::Manifest, &bytes));
        }

        #[test]
        fn what_is_accepted_has_one_canonical_form(text in "([a-c]{1,2}\\.[a-c]= ?[ -~]{1,3}\r?\n){0,6}") {
            if let Ok(lines) = Lines::parse(Document::Receipt, text.as_bytes()) {
                let form = lines.canonical(|_| true);
                let again = Lines::parse(Document::Receipt, &form).unwrap();
                prop_assert!(lines.iter().eq(again.iter()));
                prop_assert_eq!(again.canonical(|_| true), form);
            }
        }
    }
}
