//! What the manifest that is made says, as typed, asked for, or read from the file's name.

use app::problem::Problem;
use app::share::Names;
use verifier::manifest::{Draft, Manifest, ManifestError};

use crate::args::PrepareArgs;
use crate::fault::Fault;
use crate::terminal::{Asking, Terminal};

/// Who publishes a model where nobody says.
const PUBLISHER: &str = "local";
/// How often a route is asked for.
const TRIES: u32 = 3;

/// A route that the user has to name.
struct Route {
    option: &'static str,
    key: &'static str,
    /// What is read there.
    what: &'static str,
    example: &'static str,
}

const LICENSE: Route = Route {
    option: "--license-route",
    key: "license.route",
    what: "the licence",
    example: "/license.md",
};
const CARD: Route = Route {
    option: "--model-card-route",
    key: "model_card.route",
    what: "about the model",
    example: "/card.md",
};

/// What the user named, and else what follows from the file's name. Where licence and model card
/// are read follows from nothing, so it is asked for.
///
/// # Errors
///
/// [`Fault`] if a name breaks its rule, or a route is not given and nobody can be asked.
pub(super) fn ask(terminal: &mut Terminal, args: &PrepareArgs) -> Result<Names, Fault> {
    let stem = args.slm.file_stem().unwrap_or_default().to_string_lossy();
    let mut names = Names::guess(&stem, args.publisher.as_deref().unwrap_or(PUBLISHER));
    names.display.clone_from(&args.display_name);
    for (name, given) in [
        (&mut names.id, &args.model_id),
        (&mut names.version, &args.model_version),
        (&mut names.license, &args.license_route),
        (&mut names.card, &args.model_card_route),
    ] {
        if let Some(given) = given {
            name.clone_from(given);
        }
    }
    let wanted = [(LICENSE, &args.license_route), (CARD, &args.model_card_route)];
    // What was typed is judged first: nobody is asked in vain.
    for (key, fault) in names.faults() {
        if !wanted.iter().any(|(route, given)| given.is_none() && route.key == key) {
            return Err(mistyped(key, &fault));
        }
    }
    for (route, given) in &wanted {
        if given.is_none() {
            let said = route.ask(terminal)?;
            if route.key == LICENSE.key { names.license = said } else { names.card = said }
        }
    }
    Ok(names)
}

/// What was typed breaks a rule: names the option and what would do.
fn mistyped(key: &str, error: &ManifestError) -> Fault {
    let (option, example) = match key {
        "model.id" => ("--model-id", "tiny-story"),
        "model.version" => ("--model-version", "1.0"),
        "model.display_name" => ("--display-name", "\"Tiny Story\""),
        "publisher.id" => ("--publisher", "anna"),
        key if key == LICENSE.key => (LICENSE.option, LICENSE.example),
        _ => (CARD.option, CARD.example),
    };
    let advice = format!("Correct {option}, for example {option} {example}. Nothing was made.");
    Problem { advice, remedy: None, ..Problem::coded(error) }.into()
}

impl Route {
    fn ask(&self, terminal: &mut Terminal) -> Result<String, Fault> {
        let Self { option, key, what, example } = self;
        if terminal.asking() == Asking::Possible {
            for _ in 0..TRIES {
                let said = terminal
                    .ask(&format!("Where do people read {what}? An https address, or a path such as {example}: "))
                    .map_err(|error| Fault::machine("cannot read your answer", &error))?;
                let Some(said) = said.filter(|said| !said.is_empty()) else { break };
                match Draft::new().set(key, &said) {
                    Ok(_) => return Ok(said),
                    Err(error) => terminal.say(&format!("That cannot be: {error}.")),
                }
            }
        }
        let what = format!("the manifest has to say where people read {what}");
        let advice = format!(
            "Give {option} ROUTE: an https address, or a path such as {example}. Nothing was made."
        );
        Err(Fault::usage(*option, what, advice))
    }
}

/// Refuses options that ask for another manifest than the one under which the file is here.
///
/// # Errors
///
/// [`Fault`] with the first option that differs.
pub(super) fn check_same(args: &PrepareArgs, here: &Manifest) -> Result<(), Fault> {
    let chunking = here.chunking();
    let own = |key: &str| here.value(key).map(str::to_owned);
    let text = |given: &Option<String>| given.clone();
    let differing: Vec<(&str, String)> = [
        ("--model-id", text(&args.model_id), own("model.id")),
        ("--model-version", text(&args.model_version), own("model.version")),
        ("--display-name", text(&args.display_name), own("model.display_name")),
        ("--publisher", text(&args.publisher), own("publisher.id")),
        (LICENSE.option, text(&args.license_route), own(LICENSE.key)),
        (CARD.option, text(&args.model_card_route), own(CARD.key)),
        (
            "--algorithm",
            args.chunking.algorithm.map(|algorithm| algorithm.to_string()),
            chunking.map(|chunking| chunking.algorithm().to_string()),
        ),
        (
            "--chunk-size",
            args.chunking.chunk_size.map(|size| size.to_string()),
            chunking.map(|chunking| chunking.geometry.piece_size().to_string()),
        ),
    ]
    .into_iter()
    .filter(|(_, given, own)| given.is_some() && given != own)
    .map(|(option, _, own)| (option, own.unwrap_or_else(|| "none".to_owned())))
    .collect();
    let Some((first, _)) = differing.first() else { return Ok(()) };
    let (id, version) = (here.model_id(), here.model_version());
    let said: Vec<String> =
        differing.iter().map(|(option, own)| format!("{option} {own}")).collect();
    let said = said.join(", ");
    let what = format!("this file is in the library already, as {id} {version} with {said}");
    let advice = format!(
        "Leave that out to get the manifest that is there. To name the model anew, first type \
         `minimodel library forget {id}`; offers that you gave name the manifest that is there."
    );
    Err(Fault::usage(*first, what, advice))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use clap::Parser as _;

    use super::ask;
    use crate::args::{Cli, Command, PrepareArgs, ShareCommand};
    use crate::terminal::{Asking, Terminal};

    fn typed(line: &str) -> PrepareArgs {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Share(ShareCommand::Prepare(args)) = cli.command else { panic!("{line}") };
        args
    }

    fn terminal(answers: &str, asking: Asking) -> Terminal {
        let input = Box::new(Cursor::new(answers.to_owned()));
        Terminal::with(Box::new(Vec::new()), Box::new(Vec::new()), input, asking)
    }

    #[test]
    fn where_the_licence_is_read_is_asked_until_it_can_be() {
        let args = typed("minimodel share prepare tiny-1.0.slm");
        let mut there = terminal("licence.md\n/license.md\n/card.md\n", Asking::Possible);
        let names = ask(&mut there, &args).unwrap();
        assert_eq!((&*names.license, &*names.card), ("/license.md", "/card.md"));
        assert_eq!((&*names.id, &*names.version), ("tiny", "1.0"));
        for (answers, asking) in [("\n", Asking::Possible), ("/l.md\n", Asking::Impossible)] {
            let fault = ask(&mut terminal(answers, asking), &args).unwrap_err();
            assert_eq!((fault.field(), fault.exit().number()), ("--license-route", 2));
        }
        let half = typed("minimodel share prepare tiny.slm --license-route /l.md");
        let fault = ask(&mut terminal("", Asking::Impossible), &half).unwrap_err();
        assert_eq!(fault.field(), "--model-card-route");
    }
}
