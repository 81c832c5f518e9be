//! One pass over a text; the first error decides.

use std::collections::BTreeSet;

use super::object::shown;
use super::{JsonError, Object, Value, limits};

/// Reads a JSON text of at most `limit` bytes.
///
/// Memory and time are in proportion to the text, but for the sorting of names, and recursion is
/// at most [`limits::MAX_DEPTH`] deep.
///
/// # Errors
///
/// [`JsonError`], in this order: length (`too-large`), bytes that are not ASCII (`non-ascii`),
/// backslashes (`escape`), then what one pass from left to right meets first.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value<'_>, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLarge { len: bytes.len(), limit });
    }
    if let Some(at) = bytes.iter().position(|byte| !byte.is_ascii()) {
        return Err(JsonError::NonAscii { at });
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == b'\\') {
        return Err(JsonError::Escape { at });
    }
    let text = str::from_utf8(bytes).map_err(|e| JsonError::NonAscii { at: e.valid_up_to() })?;
    let mut parser = Parser { text, at: 0 };
    parser.skip_blanks();
    let value = parser.value(0)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.syntax()),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// Reads a value that stands inside `depth` arrays and objects.
    fn value(&mut self, depth: u32) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Integer),
            Some(b't') => self.word("true", Value::Boolean(true)),
            Some(b'f') => self.word("false", Value::Boolean(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax()),
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value<'a>, JsonError> {
        self.open(depth)?;
        let mut names = BTreeSet::new();
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Object(Object::new(members)));
        }
        loop {
            let name = self.string()?;
            if !names.insert(name) {
                return Err(JsonError::Duplicate { name: shown(name) });
            }
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.syntax());
            }
            self.skip_blanks();
            members.push((name, self.value(depth)?));
            if !self.more(b'}')? {
                return Ok(Value::Object(Object::new(members)));
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<Value<'a>, JsonError> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if !self.more(b']')? {
                items.shrink_to_fit();
                return Ok(Value::Array(items));
            }
        }
    }

    fn open(&mut self, depth: u32) -> Result<(), JsonError> {
        if depth > limits::MAX_DEPTH {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.at += 1;
        self.skip_blanks();
        Ok(())
    }

    /// Whether another item follows, rather than the closing bracket.
    fn more(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_blanks();
        if self.take(close) {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(self.syntax());
        }
        self.skip_blanks();
        Ok(true)
    }

    fn string(&mut self) -> Result<&'a str, JsonError> {
        if !self.take(b'"') {
            return Err(self.syntax());
        }
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b' '..) => self.at += 1,
                _ => return Err(self.syntax()),
            }
        }
        let text = self.text.get(from..self.at).ok_or_else(|| self.syntax())?;
        self.at += 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<u64, JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.text.get(from..self.at).unwrap_or_default();
        if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
            return Err(JsonError::Syntax { at: start });
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(JsonError::Float { at: start });
        }
        match digits.parse() {
            Ok(number) if !negative && number <= limits::MAX_INTEGER => Ok(number),
            _ => Err(JsonError::IntegerRange { at: start }),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
        }
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    const fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}
