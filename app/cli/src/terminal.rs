//! Where a command's words go, and where its answers come from.

use std::io::{self, BufRead, IsTerminal as _, Write};

use app::problem::Problem;
use app::stop::Listener;

use crate::outcome::printable;

/// Standard output, standard error and standard input, or what stands in for them.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    asking: Asking,
    reading: Reading,
    paint: Paint,
    listener: Option<Listener>,
}

/// Whether somebody is there who can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Somebody sees questions and can answer them.
    Possible,
    /// Nobody is there.
    Impossible,
}

/// Who reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// A person at a terminal.
    Person,
    /// A program or a file.
    Program,
}

/// Whether text for people may be coloured and redrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Colours and moving bars are fine.
    Colours,
    /// Plain lines only.
    Plain,
}

impl Terminal {
    /// The process's own streams.
    pub fn system() -> Self {
        let people = io::stderr().is_terminal();
        let asking =
            if people && io::stdin().is_terminal() { Asking::Possible } else { Asking::Impossible };
        let reading = if io::stdout().is_terminal() { Reading::Person } else { Reading::Program };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            asking,
            reading,
            paint: if people && !plain { Paint::Colours } else { Paint::Plain },
            listener: None,
        }
    }

    /// Streams of the caller's own, for tests.
    pub fn with(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        input: Box<dyn BufRead + Send>,
        asking: Asking,
    ) -> Self {
        let (reading, paint) = (Reading::Program, Paint::Plain);
        Self { out, err, input, asking, reading, paint, listener: None }
    }

    /// Says one line to people.
    ///
    /// A closed standard error is no reason to stop, so a failure is left out.
    pub fn say(&mut self, text: &str) {
        let _ok = writeln!(self.err, "{text}");
    }

    /// Says what is wrong although all that was asked for is done; gives the name of a warning that
    /// something was not written down.
    pub fn warn(&mut self, trouble: &Problem) -> &'static str {
        self.caution(&trouble.what, &trouble.advice);
        "not-written-down"
    }

    /// Says what is to be known beside, and what to do about it if there is anything to do.
    pub fn caution(&mut self, what: &str, advice: &str) {
        self.say(&format!("minimodel: warning: {}", printable(what)));
        if !advice.is_empty() {
            self.say(&printable(advice));
        }
    }

    /// Writes standard output, all of it at once.
    ///
    /// # Errors
    ///
    /// What the stream said.
    pub fn answer(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Asks a question and reads one line of answer; `None` at the end of input.
    ///
    /// # Errors
    ///
    /// What the stream said.
    pub fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        write!(self.err, "{question}")?;
        self.err.flush()?;
        let mut line = String::new();
        let read = io::Read::take(&mut self.input, MAX_ANSWER).read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// Lets no wish that the program end cut what is done from now on: it is heard by
    /// [`Self::wished`] alone, and the command ends by itself, with its answer.
    ///
    /// Call it before anything is done that has to be taken back or told; no question may follow.
    pub fn listen(&mut self) {
        self.listener.get_or_insert_default();
    }

    /// Resolves at the wish that the program end: at the first since [`Self::listen`], if that was
    /// called.
    pub fn wished(&self) -> impl Future<Output = ()> + Send + use<> {
        let listener = self.listener.clone();
        async move { listener.unwrap_or_default().wished().await }
    }

    /// Whether somebody is there who can be asked.
    pub const fn asking(&self) -> Asking {
        self.asking
    }

    /// Who reads standard output.
    pub const fn reading(&self) -> Reading {
        self.reading
    }

    /// Whether text for people may be coloured and redrawn.
    pub const fn paint(&self) -> Paint {
        self.paint
    }
}

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256;

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("asking", &self.asking)
            .field("reading", &self.reading)
            .field("paint", &self.paint)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use crate::prompt::tests::terminal;
    use crate::terminal::Asking;

    /// Without somebody who listens, the signal ends the test's own process.
    #[tokio::test]
    async fn a_wish_that_comes_after_what_is_done_does_not_cut_its_answer() {
        let mut terminal = terminal("", Asking::Impossible);
        terminal.listen();
        let own = std::process::id().to_string();
        let sent = Command::new("kill").args(["-TERM", &own]).status().unwrap();
        assert!(sent.success());
        terminal.wished().await;
    }
}
