//! One run of the program: parse, do, answer.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Cli, Command, LIAR};
use crate::fault::{Exit, Fault};
use crate::outcome::{self, Outcome, Reader};
use crate::session::Session;
use crate::terminal::{Reading, Terminal};
use crate::wiring::Wiring;
use crate::{
    activity, announce, bench, calibrate, check, chunks, consent, demo, import, library, peer,
    receipt, request, sample, settings, share, verify,
};

/// Runs one command line, the program's name first, and answers on the terminal.
pub async fn run<W: Wiring>(
    line: impl IntoIterator<Item = OsString>,
    wiring: &W,
    terminal: &mut Terminal,
) -> Exit {
    let line: Vec<OsString> = line.into_iter().collect();
    let json = line.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    let cli = match Cli::read(&line) {
        Ok(cli) => cli,
        Err(error) => return refuse(error, json, terminal),
    };
    trace(cli.global.verbose);
    let reader = match (cli.global.json, terminal.reading()) {
        (true, _) => Reader::Json,
        (false, Reading::Person) => Reader::Person,
        (false, Reading::Program) => Reader::Lines,
    };
    let mut session = Session::new(wiring, terminal, cli.global.data_dir);
    let result = perform(&mut session, &cli.command).await;
    answer(&result, reader, terminal)
}

async fn perform<W: Wiring>(
    session: &mut Session<'_, W>,
    command: &Command,
) -> Result<Outcome, Fault> {
    match command {
        Command::VerifyManifest(args) => verify::manifest(args),
        Command::VerifyArtifact(args) => verify::artifact(args),
        Command::WriteImportReceipt(args) => verify::new_receipt(session, args),
        Command::VerifyReceipt(args) => verify::receipt(session, args),
        Command::ImportPeerRequest(args) => import::run(session, args).await,
        Command::CheckRequest(args) => check::request(session, args),
        Command::CheckOffer(args) => check::offer(session, args),
        Command::CheckAnnouncement(args) => check::announcement(session, args),
        Command::CheckTicket(args) => check::ticket(session, args),
        Command::MerkleRoot(args) => chunks::root(args),
        Command::WriteChunkList(args) => chunks::write_list(session, args),
        Command::Calibrate(args) => calibrate::search(session, args).await,
        Command::Share(command) => share::run(session, command).await,
        Command::Peer(command) => peer::run(session, command).await,
        Command::Request(command) => request::run(session, command).await,
        Command::Announce(args) => announce::run(session, args).await,
        Command::Library(command) => library::run(session, command).await,
        Command::Receipt(command) => receipt::run(session, command),
        Command::Consent(command) => consent::run(session, command).await,
        Command::Activity(args) => activity::run(session, args).await,
        Command::Settings(args) => settings::run(session, args).await,
        Command::Sample(args) => sample::run(session.terminal, args).await,
        Command::Bench(command) => bench::run(session, command).await,
        Command::Demo(args) => demo::run(session, args).await,
        Command::DemoLiar(args) => demo::liar::run(session, args).await,
    }
}

fn answer(result: &Result<Outcome, Fault>, reader: Reader, terminal: &mut Terminal) -> Exit {
    if let Err(fault) = result {
        terminal.say(&format!("minimodel: {}", outcome::printable(fault.what())));
        if !fault.advice().is_empty() {
            terminal.say(&outcome::printable(fault.advice()));
        }
    }
    let exit = result.as_ref().map_or_else(Fault::exit, |_| Exit::Done);
    match terminal.answer(&outcome::render(result, reader)) {
        Ok(()) => exit,
        Err(_) => Exit::Io,
    }
}

/// Answers a command line that cannot be read, or that asks for help.
fn refuse(mut error: clap::Error, json: bool, terminal: &mut Terminal) -> Exit {
    suggest_no_liar(&mut error);
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return if terminal.answer(&text).is_ok() { Exit::Done } else { Exit::Io };
    }
    terminal.say(text.trim_end());
    let what = match text.split("\n\n").next().and_then(|first| first.strip_prefix("error: ")) {
        Some(first) => first.split_whitespace().collect::<Vec<_>>().join(" "),
        None => "the command line is not one that this program knows".to_owned(),
    };
    let fault: Result<Outcome, Fault> = Err(Fault::usage("-", what, "See `minimodel help`."));
    let reader = if json { Reader::Json } else { Reader::Lines };
    match terminal.answer(&outcome::render(&fault, reader)) {
        Ok(()) => Exit::Usage,
        Err(_) => Exit::Io,
    }
}

/// Suggests to nobody who mistyped something the command that sends wrong bytes.
fn suggest_no_liar(error: &mut clap::Error) {
    let names = match error.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names,
        Some(ContextValue::String(name)) => vec![name],
        _ => return,
    };
    let names: Vec<String> = names.into_iter().filter(|name| name != LIAR).collect();
    if !names.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(names));
    }
}

/// Starts telling on standard error what happens inside.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let crates = ["cli", "app", "store", "transfer", "verifier"];
    let told = Targets::new().with_targets(crates.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second start in one process, as tests make, changes nothing.
    let _ok = tracing_subscriber::registry().with(lines).with(told).try_init();
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Write};
    use std::sync::{Arc, Mutex};

    use super::refuse;
    use crate::args::Cli;
    use crate::fault::Exit;
    use crate::terminal::{Asking, Terminal};

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl Heard {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn refused(line: &str, json: bool) -> (Exit, String, String) {
        let (out, err) = (Heard::default(), Heard::default());
        let input = Box::new(Cursor::new(Vec::new()));
        let mut terminal =
            Terminal::with(Box::new(out.clone()), Box::new(err.clone()), input, Asking::Impossible);
        let error = Cli::read(line.split(' ')).unwrap_err();
        let exit = refuse(error, json, &mut terminal);
        (exit, out.text(), err.text())
    }

    #[test]
    fn a_wrong_command_line_is_a_usage_fault() {
        let (exit, out, err) = refused("minimodel verify-manifest", false);
        assert_eq!(exit.number(), 2);
        assert_eq!(out, "result=failed code=usage.arguments stage=usage field=-\n");
        assert!(err.contains("<MANIFEST>"), "{err}");
        let (_, out, _) = refused("minimodel peer invite --for 31d --json", true);
        for named in ["--for <TIME>", "`31d`", "use 30d at most"] {
            assert!(out.contains(named), "{out}");
        }
        let (_, out, _) = refused("minimodel library recheck --json", true);
        assert!(out.contains("<MODEL|--all>"), "{out}");
        let (exit, out, _) = refused("minimodel --json verify-manifests", true);
        assert_eq!(exit.number(), 2);
        let object: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(object["code"], "usage.arguments");
    }

    #[test]
    fn nobody_is_led_to_the_demos_liar() {
        for typo in ["demo-lia", "demo-lair", "demoliar", "demo-lie"] {
            let (exit, _, err) = refused(&format!("minimodel {typo} tiny"), false);
            assert_eq!(exit.number(), 2);
            assert!(
                err.contains("unrecognized subcommand") && !err.contains("'demo-liar'"),
                "{err}"
            );
        }
        assert!(refused("minimodel librari", false).2.contains("'library'"));
        let (_, help, _) = refused("minimodel demo-liar --help", false);
        assert!(help.contains("127.0.0.1:0") && !help.contains("0.0.0.0:9410"), "{help}");
    }

    #[test]
    fn help_is_no_fault() {
        let (exit, out, err) = refused("minimodel share serve --help", false);
        assert_eq!((exit, err.as_str()), (Exit::Done, ""));
        assert!(out.contains("--offer"), "{out}");
    }
}
