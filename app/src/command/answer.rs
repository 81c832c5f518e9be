//! What comes of a command.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Reply;
use crate::problem::{Problem, verdict};

/// What came of a command: its reply, or why it was refused.
///
/// It is written as one object: `result`, `code`, `stage`, `field` and the names of the `warnings`;
/// of a refusal also `message`, `advice` and, where something of the program helps, `remedy`; of
/// warnings also what they say, as `warned`; and beside them the members of the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<R = Reply>(pub Result<Done<R>, Refused<R>>);

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<R> {
    /// What it answers with.
    pub reply: R,
    /// What is to be known beside, although it was done.
    pub warnings: BTreeSet<Warning>,
}

/// A command that was not carried out, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<R> {
    /// Why.
    pub problem: Problem,
    /// What is known of it all the same.
    pub beside: Option<Box<R>>,
}

/// Something that is to be known although what was asked for was done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// Its name, which never changes.
    pub name: String,
    /// What is the matter, in words for people.
    pub message: String,
    /// What a person can do about it; may be empty.
    pub advice: String,
}

impl Warning {
    /// The name of a warning of a consent log that is dated ahead of the clock.
    pub const LOG_AHEAD: &str = "consent-log-ahead";
}

impl<R> Done<R> {
    /// The same with another reply made of this one.
    pub(crate) fn map<S>(self, reply: impl FnOnce(R) -> S) -> Done<S> {
        Done { reply: reply(self.reply), warnings: self.warnings }
    }

    /// The same with what is to be known beside.
    #[must_use]
    pub(crate) fn warning(mut self, warnings: impl IntoIterator<Item = Warning>) -> Self {
        self.warnings.extend(warnings);
        self
    }
}

impl<R> From<R> for Done<R> {
    fn from(reply: R) -> Self {
        Self { reply, warnings: BTreeSet::new() }
    }
}

impl<R> Refused<R> {
    /// The same with another reply made of the one beside.
    pub(crate) fn map<S>(self, reply: impl FnOnce(R) -> S) -> Refused<S> {
        let beside = self.beside.map(|beside| Box::new(reply(*beside)));
        Refused { problem: self.problem, beside }
    }
}

impl<R> From<Problem> for Refused<R> {
    fn from(problem: Problem) -> Self {
        Self { problem, beside: None }
    }
}

/// How an answer is written.
#[derive(Serialize)]
struct Written<'a, R> {
    result: &'static str,
    stage: &'static str,
    warnings: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<&'a BTreeSet<Warning>>,
    #[serde(flatten)]
    verdict: Verdict<'a>,
    #[serde(flatten)]
    reply: Option<&'a R>,
}

/// How it came out.
#[derive(Serialize)]
#[serde(untagged)]
enum Verdict<'a> {
    Done { code: &'static str, field: &'static str },
    Refused(&'a Problem),
}

impl<R: Serialize> Serialize for Answer<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Ok(Done { reply, warnings }) => Written {
                result: "verified",
                stage: "complete",
                warnings: warnings.iter().map(|warning| warning.name.as_str()).collect(),
                warned: Some(warnings).filter(|warnings| !warnings.is_empty()),
                verdict: Verdict::Done { code: OK, field: "-" },
                reply: Some(reply),
            }
            .serialize(serializer),
            Err(Refused { problem, beside }) => Written {
                result: verdict(problem.code),
                stage: problem.code.stage(),
                warnings: Vec::new(),
                warned: None,
                verdict: Verdict::Refused(problem),
                reply: beside.as_deref(),
            }
            .serialize(serializer),
        }
    }
}

/// The code of what was done.
const OK: &str = "ok";

impl<'de, R: DeserializeOwned> Deserialize<'de> for Answer<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.get("code").and_then(|code| code.as_str()) != Some(OK) {
            let problem = Problem::deserialize(&value).map_err(D::Error::custom)?;
            // Of what stands beside a refusal, only a whole reply is one.
            let beside = serde_json::from_value(value).ok().map(Box::new);
            return Ok(Self(Err(Refused { problem, beside })));
        }
        let warned = value.get("warned").map(BTreeSet::deserialize).transpose();
        let warnings = warned.map_err(D::Error::custom)?.unwrap_or_default();
        let reply = serde_json::from_value(value).map_err(D::Error::custom)?;
        Ok(Self(Ok(Done { reply, warnings })))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use verifier::scalars::Id;
    use verifier::{Advice, Code, Remedy, Sha256};

    use super::{Answer, Done, Refused, Warning};
    use crate::command::Reply;
    use crate::command::records::{Log, Revoked};
    use crate::problem::Problem;

    fn read_again<R>(answer: &Answer<R>) -> Answer<R>
    where
        R: serde::Serialize + serde::de::DeserializeOwned,
    {
        serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap()
    }

    #[test]
    fn what_was_done_is_written_beside_its_verdict_and_read_again() {
        let reply = Revoked { revoked: vec![Id::parse("g-1").unwrap()] };
        let answer = Answer(Ok(Done::from(reply.clone())));
        let written = json!({
            "result": "verified", "code": "ok", "stage": "complete", "field": "-",
            "warnings": [], "revoked": ["g-1"]
        });
        assert_eq!(serde_json::to_value(&answer).unwrap(), written);
        assert_eq!(read_again(&answer), answer);
        let any = Answer(Ok(Done::from(Reply::Revoke(reply.clone()))));
        assert_eq!(serde_json::to_value(any).unwrap(), written);

        let warning = Warning {
            name: "consent-log-ahead".to_owned(),
            message: "the log is ahead".to_owned(),
            advice: String::new(),
        };
        let warnings = BTreeSet::from([warning]);
        let answer = Answer(Ok(Done { reply, warnings }));
        let written = serde_json::to_value(&answer).unwrap();
        assert_eq!(written["warnings"], json!(["consent-log-ahead"]));
        assert_eq!(written["warned"][0]["message"], "the log is ahead");
        assert_eq!(read_again(&answer), answer);
    }

    #[test]
    fn a_refusal_is_written_with_what_is_known_beside_it() {
        let advice = Advice::new("Ask for another.").by(Remedy::AskForTicket);
        let problem = Problem::new(Code::new("consent", "sequence"), "line 2 is 7", advice);
        let log = Log {
            lines: 1,
            first_utc: None,
            last_utc: None,
            last_sha256: Sha256::of(b""),
            torn_bytes: 0,
        };
        let beside = Some(Box::new(log));
        let answer = Answer(Err(Refused { problem: problem.clone(), beside }));
        let written = serde_json::to_value(&answer).unwrap();
        for (key, value) in [
            ("result", json!("rejected")),
            ("code", json!("consent.sequence")),
            ("stage", json!("consent")),
            ("field", json!("-")),
            ("warnings", json!([])),
            ("message", json!("line 2 is 7")),
            ("advice", json!("Ask for another.")),
            ("remedy", json!("ask-for-ticket")),
            ("lines", json!(1)),
        ] {
            assert_eq!(written[key], value, "{key}");
        }
        assert_eq!(read_again(&answer), answer);
        let bare = Answer::<Log>(Err(problem.into()));
        assert_eq!(read_again(&bare), bare);
    }

    #[test]
    fn what_is_no_answer_is_not_read() {
        for wrong in ["{}", "7", "{\"code\":\"ok\"}", "{\"code\":\"OK!\",\"field\":\"-\"}"] {
            assert!(serde_json::from_str::<Answer<Revoked>>(wrong).is_err(), "{wrong}");
        }
    }
}
