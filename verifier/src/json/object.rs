//! An object's members, and the checks that every document makes on them.

use super::{JsonError, Value, write_string};
use crate::excerpt::Words;
use crate::scalars::ScalarError;

/// Named values, sorted bytewise by name; no name stands twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<'a>(Box<[(&'a str, Value<'a>)]>);

impl<'a> Object<'a> {
    /// Makes an object of members whose names all differ.
    pub(crate) fn new(mut members: Vec<(&'a str, Value<'a>)>) -> Self {
        members.sort_unstable_by_key(|(name, _)| *name);
        Self(members.into_boxed_slice())
    }

    /// The member's value.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let place = self.0.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The canonical form.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// The canonical form of the object without one of its members.
    pub fn canonical_without(&self, member: &str) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(member));
        out
    }

    pub(super) fn write(&self, out: &mut String, without: Option<&str>) {
        out.push('{');
        let members = self.0.iter().filter(|(name, _)| Some(*name) != without);
        for (place, (name, value)) in members.enumerate() {
            if place > 0 {
                out.push(',');
            }
            write_string(name, out);
            out.push(':');
            value.write(out);
        }
        out.push('}');
    }

    /// Checks that the version is 0 and the kind is one of those given, and returns the kind.
    ///
    /// # Errors
    ///
    /// The first of: version missing, not an integer, not 0; kind missing, not a string, not one
    /// of them.
    pub fn check_head<K: AsRef<str> + Copy>(
        &self,
        version: &'static str,
        kind: &'static str,
        kinds: &[K],
    ) -> Result<K, JsonError> {
        match self.integer(version)? {
            0 => {}
            value => return Err(JsonError::Version { member: version, value }),
        }
        let value = self.text(kind)?;
        kinds.iter().find(|known| known.as_ref() == value).copied().ok_or_else(|| {
            let expected: Vec<&str> = kinds.iter().map(AsRef::as_ref).collect();
            let expected = Words(&expected).to_string();
            JsonError::Kind { member: kind, value: shown(value), expected }
        })
    }

    /// Checks that the members are exactly those of the document's table.
    ///
    /// # Errors
    ///
    /// The first member, bytewise, that the table does not have; else the first of the table that
    /// is missing.
    pub fn check_members(&self, table: &[&str]) -> Result<(), JsonError> {
        if let Some((name, _)) = self.0.iter().find(|(name, _)| !table.contains(name)) {
            return Err(JsonError::Unknown { member: shown(name) });
        }
        match table.iter().find(|name| self.get(name).is_none()) {
            Some(name) => Err(missing(name)),
            None => Ok(()),
        }
    }

    /// The member's value.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`] if there is none.
    pub fn value(&self, name: &str) -> Result<&Value<'a>, JsonError> {
        self.get(name).ok_or_else(|| missing(name))
    }

    /// The member's integer.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], or [`JsonError::Type`] if it is something else.
    pub fn integer(&self, name: &str) -> Result<u64, JsonError> {
        match self.value(name)? {
            Value::Integer(number) => Ok(*number),
            other => Err(JsonError::wrong_type(name, other, "a whole number")),
        }
    }

    /// The member's boolean.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], or [`JsonError::Type`] if it is something else.
    pub fn boolean(&self, name: &str) -> Result<bool, JsonError> {
        match self.value(name)? {
            Value::Boolean(truth) => Ok(*truth),
            other => Err(JsonError::wrong_type(name, other, "a boolean")),
        }
    }

    /// The member's string.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], or [`JsonError::Type`] if it is something else.
    pub fn text(&self, name: &str) -> Result<&'a str, JsonError> {
        match self.value(name)? {
            Value::String(text) => Ok(text),
            other => Err(JsonError::wrong_type(name, other, "a string")),
        }
    }

    /// The member's array.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], or [`JsonError::Type`] if it is something else.
    pub fn array(&self, name: &str) -> Result<&[Value<'a>], JsonError> {
        match self.value(name)? {
            Value::Array(items) => Ok(items),
            other => Err(JsonError::wrong_type(name, other, "an array")),
        }
    }

    /// The member's object.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], or [`JsonError::Type`] if it is something else.
    pub fn object(&self, name: &str) -> Result<&Self, JsonError> {
        match self.value(name)? {
            Value::Object(object) => Ok(object),
            other => Err(JsonError::wrong_type(name, other, "an object")),
        }
    }

    /// The member's string, read as a scalar.
    ///
    /// # Errors
    ///
    /// [`JsonError::Missing`], [`JsonError::Type`] if it is no string, [`JsonError::Scalar`] if
    /// the string does not fit.
    pub fn scalar<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, ScalarError>,
    ) -> Result<T, JsonError> {
        read(self.text(name)?)
            .map_err(|source| JsonError::Scalar { member: name.to_owned(), source })
    }
}

fn missing(name: &str) -> JsonError {
    JsonError::Missing { member: name.to_owned() }
}

/// Enough of a text from outside to name it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
