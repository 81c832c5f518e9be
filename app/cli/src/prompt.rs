//! Asking the user for a yes.

use app::consent::Consent;
use app::ports::Journal;
use app::question::{Question, Yes, meaning};
use verifier::consent::Act;
use verifier::scalars::UtcTime;

use crate::fault::Fault;
use crate::outcome::printable;
use crate::terminal::{Asking, Terminal};

/// Gets the user's yes to the question: from `given` if it was said beforehand, else by asking for
/// each act by itself. An act that may be left out can be declined alone.
///
/// The default is no.
///
/// # Errors
///
/// `consent.denied` if the answer is no, or if nobody is there who could be asked.
pub fn consent(terminal: &mut Terminal, given: &[Act], question: &Question) -> Result<Yes, Fault> {
    let all = || question.acts();
    if !given.is_empty() {
        let yes = question.agree(given).map_err(|missing| {
            let what = format!("--consent does not say yes to {}", missing.as_str());
            let more = all().filter(|act| !given.contains(act));
            let advice = format!(
                "Add it if you agree: --consent {}",
                flag(given.iter().copied().chain(more))
            );
            Fault::denied(what, advice).at(Some(missing.as_str()))
        })?;
        let agreed: Vec<Act> = all().filter(|act| given.contains(act)).collect();
        tell(terminal, question, &agreed);
        terminal.say("Agreed beforehand by --consent.");
        return Ok(yes);
    }
    tell(terminal, question, &all().collect::<Vec<_>>());
    if terminal.asking() == Asking::Impossible {
        let what = format!("this needs your yes to {}, and nobody is here to ask", names(all()));
        let advice =
            format!("Run it in a terminal, or agree beforehand: --consent {}", flag(all()));
        let first = question.required.first().map(|act| act.as_str());
        return Err(Fault::denied(what, advice).at(first));
    }
    let mut agreed = Vec::new();
    for act in all() {
        let is_optional = question.optional.contains(&act);
        let note = if is_optional { " (may be left out)" } else { "" };
        if yes(terminal, &format!("{}{note}. Do you agree? [y/N] ", meaning(act)))? {
            agreed.push(act);
        } else if !is_optional {
            break;
        }
    }
    question.agree(&agreed).map_err(|missing| {
        let advice = "Nothing was done. Run it again if you change your mind.";
        Fault::denied("you did not agree", advice).at(Some(missing.as_str()))
    })
}

/// Writes a yes down, and warns of a log that is ahead of the clock. From then on a wish that the
/// program end waits for [`Terminal::wished`]: what was granted can be taken back.
///
/// # Errors
///
/// [`Fault`] if it cannot be written down; then nothing may be done.
pub async fn write_down<J: Journal>(
    terminal: &mut Terminal,
    yes: Yes,
    journal: &J,
    now: UtcTime,
) -> Result<Consent, Fault> {
    terminal.listen();
    let consent = yes.write_down(journal, now).await.map_err(|error| Fault::blamed(&error))?;
    if let Some(warning) = consent.odd_time() {
        terminal.say(&warning);
    }
    Ok(consent)
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

/// Asks a question once more for a part of it; the default is no.
///
/// # Errors
///
/// [`Fault`] if the answer cannot be read.
pub fn yes(terminal: &mut Terminal, question: &str) -> Result<bool, Fault> {
    let answer = terminal
        .ask(question)
        .map_err(|error| Fault::machine("cannot read your answer", &error))?;
    Ok(answer.is_some_and(|answer| {
        answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
    }))
}

fn tell(terminal: &mut Terminal, question: &Question, acts: &[Act]) {
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
    for older in &question.older {
        terminal.say(&format!("  also      {}", printable(&older.what)));
    }
    for (word, what) in &question.facts {
        terminal.say(&format!("  {word:<9} {}", printable(what)));
    }
    terminal.say(&format!("  licence   {}", printable(&question.license)));
    terminal.say(&format!("  card      {}", printable(&question.card)));
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
pub(crate) mod tests {
    use std::io::Cursor;

    use app::ports::Terms;
    use app::question::Yes;
    use verifier::Sha256;
    use verifier::consent::{Act, Scope};
    use verifier::scalars::{Id, UtcTime};

    use super::{Question, confirm, consent};
    use crate::terminal::{Asking, Terminal};

    pub(crate) fn terminal(answer: &str, asking: Asking) -> Terminal {
        let input = Box::new(Cursor::new(answer.to_owned()));
        Terminal::with(Box::new(Vec::new()), Box::new(Vec::new()), input, asking)
    }

    pub(crate) fn question() -> Question {
        let artifact = Sha256::of(b"tiny");
        let until = UtcTime::from_unix(0);
        let terms = [Act::Fetch, Act::Import, Act::Cache].map(|act| Terms {
            act,
            model_id: Id::parse("tiny").unwrap(),
            artifact,
            scope: Scope::None,
            byte_limit: 1,
            expires: until,
        });
        Question {
            what: "Fetch tiny 1 from 1 peer".to_owned(),
            artifact,
            required: vec![Act::Fetch, Act::Import],
            optional: vec![Act::Cache],
            bytes: "20 KiB".to_owned(),
            peers: vec!["anna".to_owned()],
            license: "/license.md".to_owned(),
            card: "/card.md".to_owned(),
            facts: Vec::new(),
            older: Vec::new(),
            replaced: Vec::new(),
            until,
            stop: "press Ctrl-C".to_owned(),
            terms: terms.to_vec(),
        }
    }

    fn acts(yes: &Yes) -> Vec<Act> {
        yes.terms().iter().map(|terms| terms.act).collect()
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
        for answers in ["y\ny\ny\n", "Y\nyes\n YES \n", "YES\ny\nyes"] {
            let mut terminal = terminal(answers, Asking::Possible);
            let yes = consent(&mut terminal, &[], &question()).unwrap();
            assert_eq!(acts(&yes), [Act::Fetch, Act::Import, Act::Cache], "{answers:?}");
        }
    }

    #[test]
    fn each_act_is_asked_for_by_itself() {
        let said = |answers| {
            let mut terminal = terminal(answers, Asking::Possible);
            consent(&mut terminal, &[], &question())
        };
        for answers in ["y\ny\nn\n", "y\ny\n\n", "y\ny\n"] {
            assert_eq!(acts(&said(answers).unwrap()), [Act::Fetch, Act::Import], "{answers:?}");
        }
        for (answers, missing) in [("y\nn\ny\n", "import"), ("n\ny\ny\n", "fetch")] {
            let fault = said(answers).unwrap_err();
            let told = (fault.code().to_string(), fault.field());
            assert_eq!(told, ("consent.denied".to_owned(), missing), "{answers:?}");
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
        let yes = consent(&mut there, &given, &question()).unwrap();
        assert_eq!(acts(&yes), [Act::Fetch, Act::Import]);
        let fault = consent(&mut there, &[Act::Fetch], &question()).unwrap_err();
        assert_eq!(
            (fault.code().to_string().as_str(), fault.field()),
            ("consent.denied", "import")
        );
    }
}
