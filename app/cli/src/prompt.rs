//! Asking the user for a yes.

use verifier::consent::Act;
use verifier::scalars::UtcTime;

use crate::fault::Fault;
use crate::outcome::printable;
use crate::terminal::{Asking, Terminal};

/// Everything a person has to know before saying yes.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What will be done, to what.
    pub what: String,
    /// The acts without which nothing happens.
    pub required: &'a [Act],
    /// Acts that may be left out of a yes given beforehand.
    pub optional: &'a [Act],
    /// How many bytes may move.
    pub bytes: String,
    /// Whom it concerns, one a line; empty if no peer is concerned.
    pub peers: Vec<String>,
    /// The licence route of the manifest.
    pub license: String,
    /// When the yes ends.
    pub until: UtcTime,
    /// How to stop it before.
    pub stop: String,
}

/// Gets the user's yes to the question: from `given` if it was said beforehand, else by asking.
///
/// The default is no. Returns the acts that were agreed to, all required ones among them.
///
/// # Errors
///
/// `consent.denied` if the answer is no, or if nobody is there who could be asked.
pub fn consent(
    terminal: &mut Terminal,
    given: &[Act],
    question: &Question<'_>,
) -> Result<Vec<Act>, Fault> {
    let all = || question.required.iter().chain(question.optional).copied();
    if !given.is_empty() {
        let missing: Vec<Act> =
            question.required.iter().copied().filter(|act| !given.contains(act)).collect();
        if !missing.is_empty() {
            let what = format!("--consent does not say yes to {}", names(missing.iter().copied()));
            let advice = format!("Add it if you agree: --consent {}", flag(all()));
            return Err(Fault::denied(what, advice).at(missing.first().map(|act| act.as_str())));
        }
        let agreed: Vec<Act> = all().filter(|act| given.contains(act)).collect();
        tell(terminal, question, &agreed);
        terminal.say("Agreed beforehand by --consent.");
        return Ok(agreed);
    }
    let agreed: Vec<Act> = all().collect();
    tell(terminal, question, &agreed);
    if terminal.asking() == Asking::Impossible {
        let what = format!("this needs your yes to {}, and nobody is here to ask", names(all()));
        let advice =
            format!("Run it in a terminal, or agree beforehand: --consent {}", flag(all()));
        let first = question.required.first().map(|act| act.as_str());
        return Err(Fault::denied(what, advice).at(first));
    }
    if yes(terminal, "Do you agree? [y/N] ")? {
        Ok(agreed)
    } else {
        let first = question.required.first().map(|act| act.as_str());
        Err(Fault::denied(
            "you did not agree",
            "Nothing was done. Run it again if you change your mind.",
        )
        .at(first))
    }
}

/// Asks a question that is not about consent; the default is no.
///
/// # Errors
///
/// `consent.denied` if the answer is no, or if nobody is there who could be asked.
pub fn confirm(terminal: &mut Terminal, question: &str, instead: &str) -> Result<(), Fault> {
    if terminal.asking() == Asking::Impossible {
        let what = "this needs your yes, and nobody is here to ask";
        return Err(Fault::denied(what, format!("Run it in a terminal, or add {instead}.")));
    }
    if yes(terminal, &format!("{question} [y/N] "))? {
        Ok(())
    } else {
        Err(Fault::denied("you said no", "Nothing was changed."))
    }
}

fn yes(terminal: &mut Terminal, question: &str) -> Result<bool, Fault> {
    let answer = terminal
        .ask(question)
        .map_err(|error| Fault::machine("cannot read your answer", &error))?;
    Ok(answer.is_some_and(|answer| {
        answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
    }))
}

fn tell(terminal: &mut Terminal, question: &Question<'_>, acts: &[Act]) {
    terminal.say(&format!("{}.", printable(&question.what)));
    terminal.say(&format!("  yes to    {}", names(acts.iter().copied())));
    terminal.say(&format!("  bytes     {}", question.bytes));
    for (place, peer) in question.peers.iter().enumerate() {
        let head = if place == 0 { "peers" } else { "" };
        terminal.say(&format!("  {head:<9} {}", printable(peer)));
    }
    if !question.peers.is_empty() {
        terminal.say("  they see  your IP address");
    }
    terminal.say(&format!("  licence   {}", printable(&question.license)));
    terminal.say(&format!("  until     {}", question.until));
    terminal.say(&format!("  to stop   {}", question.stop));
}

fn names(acts: impl Iterator<Item = Act>) -> String {
    acts.map(Act::as_str).collect::<Vec<_>>().join(", ")
}

fn flag(acts: impl Iterator<Item = Act>) -> String {
    acts.map(Act::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use verifier::consent::Act;
    use verifier::scalars::UtcTime;

    use super::{Question, confirm, consent};
    use crate::terminal::{Asking, Terminal};

    fn terminal(answer: &str, asking: Asking) -> Terminal {
        let input = Box::new(Cursor::new(answer.to_owned()));
        Terminal::with(Box::new(Vec::new()), Box::new(Vec::new()), input, asking)
    }

    fn question() -> Question<'static> {
        Question {
            what: "Fetch tiny 1 from 1 peer".to_owned(),
            required: &[Act::Fetch, Act::Import],
            optional: &[Act::Cache],
            bytes: "20 KiB".to_owned(),
            peers: vec!["anna".to_owned()],
            license: "/license.md".to_owned(),
            until: UtcTime::from_unix(0),
            stop: "press Ctrl-C".to_owned(),
        }
    }

    #[test]
    fn the_default_is_no() {
        for answer in ["", "\n", "n\n", "no\n", "maybe\n", "yep\n", "Y E S\n"] {
            let mut terminal = terminal(answer, Asking::Possible);
            let fault = consent(&mut terminal, &[], &question()).unwrap_err();
            assert_eq!(fault.code().to_string(), "consent.denied", "{answer:?}");
        }
    }

    #[test]
    fn a_yes_covers_what_was_said() {
        for answer in ["y\n", "Y\n", " yes \n", "YES"] {
            let mut terminal = terminal(answer, Asking::Possible);
            let acts = consent(&mut terminal, &[], &question()).unwrap();
            assert_eq!(acts, [Act::Fetch, Act::Import, Act::Cache], "{answer:?}");
        }
    }

    #[test]
    fn nobody_there_is_a_no() {
        let mut there = terminal("y\n", Asking::Impossible);
        let fault = consent(&mut there, &[], &question()).unwrap_err();
        assert_eq!(fault.code().to_string(), "consent.denied");
        assert!(fault.advice().contains("--consent fetch,import,cache"));
        assert!(confirm(&mut terminal("y\n", Asking::Impossible), "Sure?", "--yes").is_err());
        assert!(confirm(&mut terminal("y\n", Asking::Possible), "Sure?", "--yes").is_ok());
    }

    #[test]
    fn the_flag_has_to_name_every_act_that_is_required() {
        let mut there = terminal("", Asking::Impossible);
        let given = [Act::Import, Act::Fetch, Act::Serve];
        let acts = consent(&mut there, &given, &question()).unwrap();
        assert_eq!(acts, [Act::Fetch, Act::Import]);
        let fault = consent(&mut there, &[Act::Fetch], &question()).unwrap_err();
        assert_eq!(
            (fault.code().to_string().as_str(), fault.field()),
            ("consent.denied", "import")
        );
    }
}
