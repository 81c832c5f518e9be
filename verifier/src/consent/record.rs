//! One line of the log.

use crate::consent::{Act, ConsentError, ConsentLogFormat, GrantTerms, Scope};
use crate::digest::Sha256;
use crate::json::{self, JsonError, Object, Value};
use crate::request::{TermError, TermFault, read_sha256};
use crate::scalars::{Id, ScalarError, UtcTime, parse_int};

const HEAD: [&str; 6] = ["consent_version", "consent_kind", "seq", "prev", "time_utc", "grant_id"];
const GRANT: [&str; 6] =
    ["action", "model_id", "artifact_sha256", "peer_id", "byte_limit", "expires_utc"];

/// What stands in a grant's id before the seconds by which its line's times lie ahead.
const AHEAD: &str = ".ahead-";

/// A line of the log, well-formed in itself.
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) prev: Sha256,
    pub(super) time: UtcTime,
    pub(super) entry: Entry,
}

/// What a line records.
pub(super) enum Entry {
    Grant(GrantTerms),
    Revoke(Id),
}

#[derive(Clone, Copy)]
enum Kind {
    Grant,
    Revoke,
}

impl AsRef<str> for Kind {
    fn as_ref(&self) -> &str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
        }
    }
}

impl Record {
    /// Reads a line without its LF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, ConsentError> {
        let value = json::parse(line, ConsentLogFormat::V0.max_line)?;
        if value.canonical().as_bytes() != line {
            return Err(ConsentError::NotCanonical);
        }
        match value {
            Value::Object(object) => Self::from_object(&object),
            other => Err(JsonError::root_not_an_object(&other).into()),
        }
    }

    fn from_object(object: &Object<'_>) -> Result<Self, ConsentError> {
        let kind =
            object.check_head("consent_version", "consent_kind", &[Kind::Grant, Kind::Revoke])?;
        match kind {
            Kind::Grant => object.check_members(&[HEAD, GRANT].concat())?,
            Kind::Revoke => object.check_members(&HEAD)?,
        }
        let seq = object.integer("seq")?;
        let prev = object.scalar("prev", read_sha256)?;
        let time = object.scalar("time_utc", UtcTime::parse)?;
        let id = object.scalar("grant_id", Id::parse)?;
        let entry = match kind {
            Kind::Grant => Entry::Grant(read_grant(object, id, time)?),
            Kind::Revoke => Entry::Revoke(id),
        };
        Ok(Self { seq, prev, time, entry })
    }

    /// The line, with its LF.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let (prev, time) = (self.prev.to_string(), self.time.to_string());
        let mut members = vec![
            ("consent_version", Value::Integer(0)),
            ("seq", Value::Integer(self.seq)),
            ("prev", Value::String(&prev)),
            ("time_utc", Value::String(&time)),
        ];
        let line = match &self.entry {
            Entry::Revoke(id) => {
                members.push(("consent_kind", Value::String("revoke")));
                members.push(("grant_id", Value::String(id.as_str())));
                Object::new(members).canonical()
            }
            Entry::Grant(terms) => {
                let artifact_sha256 = terms.artifact_sha256.to_string();
                let expires = terms.expires.plus(self.time.since(terms.granted)).to_string();
                let scope = terms.scope.to_string();
                members.extend([
                    ("consent_kind", Value::String("grant")),
                    ("grant_id", Value::String(terms.id.as_str())),
                    ("action", Value::String(terms.act.as_str())),
                    ("model_id", Value::String(terms.model_id.as_str())),
                    ("artifact_sha256", Value::String(&artifact_sha256)),
                    ("peer_id", Value::String(&scope)),
                    ("byte_limit", Value::Integer(terms.byte_limit)),
                    ("expires_utc", Value::String(&expires)),
                ]);
                Object::new(members).canonical()
            }
        };
        format!("{line}\n").into_bytes()
    }
}

/// By how many seconds the times of a grant's line lie ahead of the clock by which the user agreed:
/// its id says so at its end.
fn ahead(id: &Id) -> u64 {
    let seconds = id.as_str().rsplit_once(AHEAD).map(|(_, seconds)| parse_int(seconds));
    seconds.and_then(Result::ok).unwrap_or(0)
}

/// The same id, saying so.
pub(super) fn marked(id: &Id, ahead: u64) -> Result<Id, ConsentError> {
    Id::parse(&format!("{id}{AHEAD}{ahead}"))
        .map_err(|source| JsonError::Scalar { member: "grant_id".to_owned(), source }.into())
}

fn read_grant(object: &Object<'_>, id: Id, time: UtcTime) -> Result<GrantTerms, ConsentError> {
    let act = object.scalar("action", |text| {
        Act::parse(text).ok_or_else(|| ScalarError::not_one_of(&Act::WORDS, text))
    })?;
    let model_id = object.scalar("model_id", Id::parse)?;
    let artifact_sha256 = object.scalar("artifact_sha256", read_sha256)?;
    let scope = Scope::parse(object.text("peer_id")?)
        .map_err(|error| TermError::new("peer_id", TermFault::PeerId(error)))?;
    let byte_limit = object.integer("byte_limit")?;
    let expires = object.scalar("expires_utc", UtcTime::parse)?;
    let ahead = Some(ahead(&id)).filter(|ahead| *ahead <= time.unix()).unwrap_or(0);
    let [granted, expires] = [time, expires].map(|time| time.minus(ahead));
    Ok(GrantTerms { id, act, model_id, artifact_sha256, scope, byte_limit, granted, expires })
}
