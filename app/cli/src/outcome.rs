//! What a command says on standard output: one verdict line, warnings, values; or one JSON object.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use app::command::{Done, Warning};
use app::problem::verdict;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::fault::Fault;

/// What a command that succeeded has to say.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    warnings: BTreeSet<String>,
    warned: Vec<Warning>,
    values: Map<String, Value>,
    telling: Telling,
}

/// Whether the values still have to be told to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Telling {
    /// They are the message.
    #[default]
    Values,
    /// The text on standard error has said it all.
    Told,
}

/// Who reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A program that wants one JSON object.
    Json,
    /// A program that wants lines.
    Lines,
    /// A person at a terminal.
    Person,
}

impl Outcome {
    /// An outcome without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a command answered with.
    pub fn of<R: Serialize>(done: &Done<R>) -> Self {
        let warned: Vec<Warning> = done.warnings.iter().cloned().collect();
        let warnings = warned.iter().map(|warning| warning.name.clone()).collect();
        Self { warnings, warned, values: members(&done.reply), telling: Telling::default() }
    }

    /// Adds a value. Lists and objects become `key.0`, `key.name` lines.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.values.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a value that is shown as its text.
    #[must_use]
    pub fn with_text(self, key: &str, value: impl ToString) -> Self {
        self.with(key, value.to_string())
    }

    /// Adds warnings by name.
    #[must_use]
    pub fn warn(mut self, warnings: impl IntoIterator<Item = impl ToString>) -> Self {
        self.warnings.extend(warnings.into_iter().map(|warning| warning.to_string()));
        self
    }

    /// Says that the human text has told the values, so that a terminal need not repeat them.
    #[must_use]
    pub const fn told(mut self) -> Self {
        self.telling = Telling::Told;
        self
    }

    /// The same with the values of another one that it does not have itself.
    #[must_use]
    pub fn over(mut self, other: Self) -> Self {
        for (key, value) in other.values {
            self.values.entry(key).or_insert(value);
        }
        self.warnings.extend(other.warnings);
        self
    }

    /// The fault, with the values that were added.
    pub fn beside(self, fault: Fault) -> Fault {
        self.values.into_iter().fold(fault, |fault, (key, value)| fault.with(&key, value))
    }

    /// A value that was added.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }
}

/// The members of a reply by name; every reply is an object.
pub(crate) fn members(reply: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(reply) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Renders what goes to standard output.
pub fn render(result: &Result<Outcome, Fault>, reader: Reader) -> String {
    match reader {
        Reader::Json => object(result),
        Reader::Lines | Reader::Person => lines(result, reader),
    }
}

fn lines(result: &Result<Outcome, Fault>, reader: Reader) -> String {
    let mut text = String::new();
    match result {
        Ok(outcome) => {
            text.push_str("result=verified code=ok stage=complete field=-\n");
            for warning in &outcome.warnings {
                line(&mut text, "warning", warning);
            }
            if reader == Reader::Person && outcome.telling == Telling::Told {
                return text;
            }
            let mut flat = Vec::new();
            for (key, value) in &outcome.values {
                flatten(key, value, &mut flat);
            }
            flat.sort();
            for (key, value) in flat {
                line(&mut text, &key, &value);
            }
        }
        Err(fault) => {
            let code = fault.code();
            let verdict = verdict(code);
            let field = one_word(fault.field());
            // Writing to a string cannot fail.
            let _ok =
                writeln!(text, "result={verdict} code={code} stage={} field={field}", code.stage());
            let mut flat = Vec::new();
            for (key, value) in fault.values() {
                flatten(key, value, &mut flat);
            }
            flat.sort();
            for (key, value) in flat {
                line(&mut text, &key, &value);
            }
        }
    }
    text
}

fn object(result: &Result<Outcome, Fault>) -> String {
    let mut object = Map::new();
    match result {
        Ok(outcome) => {
            object.extend(outcome.values.clone());
            object.insert("result".to_owned(), "verified".into());
            object.insert("code".to_owned(), "ok".into());
            object.insert("stage".to_owned(), "complete".into());
            object.insert("field".to_owned(), "-".into());
            let warnings: Vec<Value> =
                outcome.warnings.iter().map(|warning| warning.as_str().into()).collect();
            object.insert("warnings".to_owned(), warnings.into());
            if !outcome.warned.is_empty() {
                object.insert("warned".to_owned(), json!(outcome.warned));
            }
        }
        Err(fault) => {
            object.extend(fault.values().clone());
            object.insert("result".to_owned(), verdict(fault.code()).into());
            object.insert("code".to_owned(), fault.code().to_string().into());
            object.insert("stage".to_owned(), fault.code().stage().into());
            object.insert("field".to_owned(), fault.field().into());
            object.insert("warnings".to_owned(), Value::Array(Vec::new()));
            object.insert("message".to_owned(), fault.what().into());
            object.insert("advice".to_owned(), fault.advice().into());
            if let Some(remedy) = fault.remedy() {
                object.insert("remedy".to_owned(), json!(remedy));
            }
        }
    }
    let mut text = Value::Object(object).to_string();
    text.push('\n');
    text
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ok = writeln!(text, "{key}={}", printable(value));
}

fn flatten(key: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Null => into.push((key.to_owned(), "none".to_owned())),
        Value::Bool(value) => into.push((key.to_owned(), value.to_string())),
        Value::Number(value) => into.push((key.to_owned(), value.to_string())),
        Value::String(value) => into.push((key.to_owned(), value.clone())),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(&format!("{key}.{index}"), value, into);
            }
        }
        Value::Object(values) => {
            for (name, value) in values {
                flatten(&format!("{key}.{name}"), value, into);
            }
        }
    }
}

/// A field's name without anything that would end the word.
fn one_word(text: &str) -> String {
    let word: String = printable(text).replace(' ', "_");
    if word.is_empty() { "-".to_owned() } else { word }
}

/// Text from outside without characters that could move the cursor or start a new line.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            let hidden = c.is_control()
                || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
            if hidden { '?' } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use app::command::records::Revoked;
    use app::command::{Answer, Done, Refused, Warning};
    use app::problem::Problem;
    use serde_json::{Value, json};
    use verifier::scalars::Id;
    use verifier::{Advice, Code, Remedy};

    use super::{Outcome, Reader, printable, render};
    use crate::fault::Fault;

    #[test]
    fn the_verdict_comes_first_then_warnings_then_sorted_values() {
        let outcome = Outcome::new()
            .with_text("slm.runtime", "executable")
            .with("pieces", 4)
            .with("peers", json!([{"id": "b"}, {"id": "a"}]))
            .warn(["transfer-cap", "browser-budget"]);
        let text = render(&Ok(outcome), Reader::Lines);
        assert_eq!(
            text,
            "result=verified code=ok stage=complete field=-\n\
             warning=browser-budget\nwarning=transfer-cap\n\
             peers.0.id=b\npeers.1.id=a\npieces=4\nslm.runtime=executable\n"
        );
    }

    #[test]
    fn a_rejection_names_code_stage_and_field() {
        let fault = Fault::new(Code::new("route", "scheme"), "license.route", "what", "advice");
        let text = render(&Err(fault), Reader::Lines);
        assert_eq!(text, "result=rejected code=route.scheme stage=boundary field=license.route\n");
        let fault = Fault::new(Code::new("output", "exists"), "-", "what", "advice");
        let text = render(&Err(fault), Reader::Lines);
        assert_eq!(text, "result=failed code=output.exists stage=output field=-\n");
        let fault = Fault::new(Code::new("manifest", "unknown-key"), "a b\n", "what", "advice");
        let text = render(&Err(fault), Reader::Lines);
        assert_eq!(text, "result=rejected code=manifest.unknown-key stage=manifest field=a_b?\n");
    }

    #[test]
    fn json_is_one_object_with_the_same_facts() {
        let outcome = Outcome::new().with("pieces", 4).warn(["transfer-cap"]);
        let value: Value = serde_json::from_str(&render(&Ok(outcome), Reader::Json)).unwrap();
        assert_eq!(
            value,
            json!({
                "result": "verified", "code": "ok", "stage": "complete", "field": "-",
                "warnings": ["transfer-cap"], "pieces": 4
            })
        );
        let fault = Fault::new(Code::new("slm", "bad-magic"), "magic", "w", "a");
        let value: Value = serde_json::from_str(&render(&Err(fault), Reader::Json)).unwrap();
        assert_eq!(value["result"], "rejected");
        assert_eq!(value["code"], "slm.bad-magic");
        assert_eq!(value["advice"], "a");
    }

    #[test]
    fn what_is_printed_for_programs_is_the_answer_itself() {
        let warning = Warning {
            name: Warning::LOG_AHEAD.to_owned(),
            message: "the log is ahead".to_owned(),
            advice: String::new(),
        };
        let reply = Revoked { revoked: vec![Id::parse("g-1").unwrap()] };
        let done = Done { reply: reply.clone(), warnings: [warning].into() };
        let printed =
            |result| -> Value { serde_json::from_str(&render(&result, Reader::Json)).unwrap() };
        let shown = printed(Ok(Outcome::of(&done)));
        assert_eq!(shown, serde_json::to_value(Answer(Ok(done))).unwrap());

        let advice = Advice::new("Look at it. `minimodel consent list` shows them.");
        let mut problem = Problem::new(Code::new("consent", "sequence"), "line 2 is 7", advice);
        problem.remedy = Some(Remedy::SeeGrants);
        let refused = Refused { problem, beside: Some(Box::new(reply)) };
        let answer = serde_json::to_value(Answer(Err(refused.clone()))).unwrap();
        let mut typed = refused;
        typed.problem.advice = "Look at it.".to_owned();
        assert_eq!(printed(Err(Fault::refused(typed))), answer);
    }

    #[test]
    fn a_person_who_was_told_is_not_told_again() {
        let outcome = Outcome::new().with("pieces", 4).told();
        let text = render(&Ok(outcome), Reader::Person);
        assert_eq!(text, "result=verified code=ok stage=complete field=-\n");
        assert_eq!(printable("a\u{1b}[2Jb"), "a?[2Jb");
    }
}
