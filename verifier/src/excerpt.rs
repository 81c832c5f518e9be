//! What a message may show of a text that came from outside.

use std::fmt::{self, Write as _};

use crate::scalars::is_invisible;

/// The most characters of such a text that a message shows.
const MAX_CHARS: usize = 80;

/// A text from outside as messages show it: its first 80 characters, and `…` if there are more.
///
/// Control characters and invisible ones (those that docs/formats.md 2 keeps out of `text`) are
/// spelt `\u{…}`, so that no message can move a cursor, start a line or turn the direction of
/// what follows. So it has at most 803 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MAX_CHARS) {
            if is_invisible(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        if chars.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// The words, each in back quotes, as a message lists what it expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a>(pub(crate) &'a [&'a str]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, word) in self.0.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{word}`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Excerpt, Words};

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        assert_eq!(Excerpt("plain – ü").to_string(), "plain – ü");
        assert_eq!(Excerpt("a\nb\u{202E}c\u{7F}").to_string(), "a\\u{a}b\\u{202e}c\\u{7f}");
        assert_eq!(Excerpt(&"x".repeat(80)).to_string(), "x".repeat(80));
        assert_eq!(Excerpt(&"x".repeat(81)).to_string(), format!("{}…", "x".repeat(80)));
        assert_eq!(Excerpt(&"\u{E007F}".repeat(100)).to_string().len(), 803 - 80);
    }

    #[test]
    fn words_are_listed() {
        assert_eq!(Words(&["a"]).to_string(), "`a`");
        assert_eq!(Words(&["a", "b", "c"]).to_string(), "`a`, `b` or `c`");
    }

    proptest! {
        #[test]
        fn no_text_gets_a_control_character_into_a_message(text: String) {
            let shown = Excerpt(&text).to_string();
            prop_assert!(shown.len() <= 803);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
