//! The strict JSON of requests, offers, tickets and consent records (docs/formats.md 4).
//!
//! It has no escapes, no fractions, no byte above 7F and no second member of a name, so strings are
//! borrowed as they stand and what is read has one canonical form. A value takes up to 48 times its
//! text in memory (`[0,0,…]` is the worst), the text is limited by [`limits`], and recursion is at
//! most eight deep.
//!
//! ```
//! use verifier::json::{JsonError, Value, limits, parse};
//!
//! let value = parse(br#"{ "b": [1, true], "a": "x" }"#, limits::OFFER)?;
//! assert_eq!(value.canonical(), r#"{"a":"x","b":[1,true]}"#);
//! let Value::Object(object) = &value else { panic!("not an object") };
//! assert_eq!(object.text("a")?, "x");
//! let error = object.integer("a").unwrap_err();
//! assert_eq!(error.to_string(), "`a` is a string, expected a whole number");
//! assert_eq!(parse(b"[1.5]", limits::OFFER), Err(JsonError::Float { at: 1 }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod limits;
mod object;
mod parse;

use std::fmt::Write as _;

pub use error::JsonError;
pub use object::Object;
pub use parse::parse;

/// A JSON value whose strings are borrowed from the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`, which no document takes.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, at most [`limits::MAX_INTEGER`].
    Integer(u64),
    /// A string: printable ASCII without `"` and backslash.
    String(&'a str),
    /// Values in order.
    Array(Vec<Self>),
    /// Named values.
    Object(Object<'a>),
}

impl Value<'_> {
    /// The canonical form: members sorted by name, no white space.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// The name of its type, as messages say it.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(true) => out.push_str("true"),
            Self::Boolean(false) => out.push_str("false"),
            Self::Integer(number) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{number}");
            }
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => object.write(out, None),
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Object, Value, limits, parse};

    fn code(text: &[u8]) -> String {
        parse(text, 10_000).unwrap_err().code("x").to_string()
    }

    #[test]
    fn each_fault_has_its_code() {
        for (text, suffix) in [
            ("", "bad-json"),
            ("[1,]", "bad-json"),
            ("{\"a\" 1}", "bad-json"),
            ("tru", "bad-json"),
            ("[1] 2", "bad-json"),
            ("\"a\tb\"", "bad-json"),
            ("01", "bad-json"),
            ("01.5", "bad-json"),
            ("-", "bad-json"),
            ("-01", "bad-json"),
            ("-0", "integer-range"),
            ("-1.5", "float"),
            ("1e5", "float"),
            ("9007199254740992", "integer-range"),
            ("99999999999999999999999999", "integer-range"),
            ("{\"a\":1,\"a\"", "duplicate-key"),
            ("[[[[[[[[[", "too-deep"),
            ("{\"a\\n", "escape"),
            ("\u{e9}\\", "non-ascii"),
        ] {
            assert_eq!(code(text.as_bytes()), format!("x.{suffix}"), "{text}");
        }
        assert_eq!(parse(b"[1]", 2).unwrap_err().code("x").suffix(), "too-large");
        assert_eq!(parse(b"9007199254740991", 99), Ok(Value::Integer(limits::MAX_INTEGER)));
        assert!(parse(b" [[[[[[[[1]]]]]]]]\r\n", 99).is_ok());
    }

    #[test]
    fn an_empty_name_names_nothing() {
        let error = parse(br#"{"":1,"":2}"#, 99).unwrap_err();
        assert_eq!((error.code("x").suffix(), error.field()), ("duplicate-key", "-"));
    }

    #[test]
    fn a_message_says_what_was_found_and_what_was_expected() {
        let Value::Object(object) = parse(br#"{"v":true,"k":"x"}"#, 99).unwrap() else { panic!() };
        let messages = [
            object.integer("v").unwrap_err(),
            object.integer("w").unwrap_err(),
            object.check_members(&["v"]).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(messages[0], "`v` is a boolean, expected a whole number");
        assert_eq!(messages[1], "member `w` is missing");
        assert_eq!(messages[2], "member `k` is not one that this object has");

        // DEL is the one control character that JSON lets into a string.
        let text = format!("{{\"\x7f{}\":1}}", "n".repeat(5_000));
        let Value::Object(object) = parse(text.as_bytes(), 9_999).unwrap() else { panic!() };
        let message = object.check_members(&[]).unwrap_err().to_string();
        assert!(message.starts_with("member `\\u{7f}nnn") && message.len() < 200, "{message}");
    }

    #[test]
    fn the_canonical_form_is_sorted_and_tight() {
        let value = parse(b"{ \"b\" : [ 1 , true ], \"B\": {} , \"a\":\"x y\"}", 99).unwrap();
        assert_eq!(value.canonical(), r#"{"B":{},"a":"x y","b":[1,true]}"#);
    }

    #[test]
    fn a_value_takes_the_memory_that_is_documented() {
        // `0,` is two bytes, and a vector that grows holds three times its values at most.
        assert!(3 * size_of::<Value<'_>>() / 2 <= 48);
    }

    #[test]
    fn many_members_and_many_digits_take_no_square_of_time() {
        let names: Vec<String> = (0..60_000).map(|n| format!("\"{n}\":0")).collect();
        let text = format!("{{{}}}", names.join(","));
        assert!(parse(text.as_bytes(), limits::REQUEST).is_ok());
        let digits = "9".repeat(limits::REQUEST);
        assert!(parse(digits.as_bytes(), limits::REQUEST).is_err());
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            (0..=limits::MAX_INTEGER).prop_map(|n| n.to_string()),
            "\"[ !#-\\[\\]-~]{0,8}\"".prop_map(|text| text),
        ];
        leaf.prop_recursive(6, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5)
                    .prop_map(|items| format!("[{}]", items.join(" ,"))),
                proptest::collection::btree_map("[a-z]{1,3}", inner, 0..5).prop_map(|members| {
                    let members: Vec<_> =
                        members.iter().rev().map(|(k, v)| format!("\"{k}\": {v}")).collect();
                    format!("{{ {} }}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_read_alike(text in value()) {
            let value = parse(text.as_bytes(), 1 << 16).unwrap();
            let canonical = value.canonical();
            prop_assert_eq!(parse(canonical.as_bytes(), 1 << 16).unwrap(), value);
        }

        #[test]
        fn any_bytes_return(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&bytes, 150).map(|value| value.canonical()));
        }

        #[test]
        fn any_text_that_looks_like_json_returns(text in "[\\[\\]{}\",:0-9tfn. eE-]{0,40}") {
            if let Ok(value) = parse(text.as_bytes(), 1 << 16) {
                let canonical = value.canonical();
                prop_assert_eq!(parse(canonical.as_bytes(), 1 << 16).unwrap().canonical(), canonical);
            }
        }
    }

    #[test]
    fn members_are_checked_in_the_order_of_the_rules() {
        let read = |text: &'static str| match parse(text.as_bytes(), 999).unwrap() {
            Value::Object(object) => object,
            other => panic!("{other:?}"),
        };
        let check = |object: &Object<'_>| {
            object.check_head("v", "k", &["one", "two"])?;
            object.check_members(&["v", "k", "b", "a"])
        };
        for (text, wanted, field) in [
            (r#"{"z":1}"#, "missing-key", "v"),
            (r#"{"v":true}"#, "bad-type", "v"),
            (r#"{"v":1}"#, "unknown-version", "v"),
            (r#"{"v":0}"#, "missing-key", "k"),
            (r#"{"v":0,"k":0}"#, "bad-type", "k"),
            (r#"{"v":0,"k":"three"}"#, "bad-kind", "k"),
            (r#"{"v":0,"k":"one","z":1,"y":1}"#, "unknown-key", "y"),
            (r#"{"v":0,"k":"two"}"#, "missing-key", "b"),
        ] {
            let error = check(&read(text)).unwrap_err();
            assert_eq!(error.code("x").suffix(), wanted, "{text}");
            assert_eq!(error.field(), field, "{text}");
        }
        assert_eq!(check(&read(r#"{"v":0,"k":"two","a":1,"b":null}"#)), Ok(()));
    }
}
