//! A process of the program that runs beside the test.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::answer::Answer;
use super::patience::until;
use super::program;

/// Waits until an import has told that it keeps some pieces; gives how many bytes it told of.
#[track_caller]
pub fn midway(import: &mut Running) -> u64 {
    past(import, 0)
}

/// Waits until an import or a repair has told that it keeps more than so many bytes; gives how many
/// it told of.
#[track_caller]
pub fn past(running: &mut Running, bytes: u64) -> u64 {
    running.says("it is midway", |line| {
        let told = line.strip_prefix("import: ").or_else(|| line.strip_prefix("repair: "))?;
        let (number, rest) = told.split_once(' ')?;
        let (unit, _) = rest.split_once(' ')?;
        let unit = match unit {
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            _ => return None,
        };
        // Rounded down as it was told, so the number of bytes may only be too small.
        let told = (number.parse::<f64>().ok()? * unit) as u64;
        (told > bytes).then_some(told)
    })
}

/// A process of the program; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    said: Arc<Mutex<String>>,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts the program with these words; its input is held open until it is told to stop.
    pub fn start(folder: &Path, words: &[String]) -> Self {
        Self::begin(Command::new(program::path()), folder, words)
    }

    /// The same for a process that may have so many files open at a time.
    #[cfg(unix)]
    pub fn start_with_few_files(folder: &Path, files: u32, words: &[String]) -> Self {
        let mut shell = Command::new("sh");
        let program = program::path().to_str().unwrap();
        shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), program]);
        Self::begin(shell, folder, words)
    }

    fn begin(mut command: Command, folder: &Path, words: &[String]) -> Self {
        let mut child = command
            .args(words)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let err = std::thread::spawn(move || {
            for line in stderr.lines() {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line.unwrap());
                heard.push('\n');
            }
        });
        Self { line: words.join(" "), child, said, out: Some(out), err: Some(err) }
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said to people so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says a line that `find` finds something in.
    #[track_caller]
    pub fn says<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        until(what, || {
            let ended = self.child.try_wait().unwrap();
            let found = self.said().lines().find_map(&find);
            assert!(found.is_some() || ended.is_none(), "ended before {what}: {}", self.said());
            found
        })
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn ends(mut self) -> Answer {
        let line = self.line.clone();
        let status = until(&format!("`minimodel {line}` ends"), || self.child.try_wait().unwrap());
        Answer {
            line,
            status: status.code(),
            out: self.out.take().unwrap().join().unwrap(),
            err: {
                self.err.take().unwrap().join().unwrap();
                self.said()
            },
        }
    }

    /// Ends its input, which a server takes as the wish to stop, and waits until it has ended.
    #[track_caller]
    pub fn stop(mut self) -> Answer {
        drop(self.child.stdin.take());
        self.ends()
    }

    /// Interrupts it as Ctrl-C does, and waits until it has ended.
    #[cfg(unix)]
    #[track_caller]
    pub fn interrupt(self) -> Answer {
        self.ends_by("INT")
    }

    /// Sends it a signal, by its name without `SIG`, and waits until it has ended.
    #[cfg(unix)]
    #[track_caller]
    pub fn ends_by(self, signal: &str) -> Answer {
        self.signal(signal);
        self.ends()
    }

    /// Sends it a signal, by its name without `SIG`.
    #[cfg(unix)]
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let signal = format!("-{signal}");
        let killed = Command::new("kill").args([&signal, &self.pid().to_string()]).status();
        assert!(killed.unwrap().success());
    }

    /// Kills it as a power cut would, and waits until it is gone.
    #[track_caller]
    pub fn kill(mut self) -> Answer {
        self.child.kill().unwrap();
        self.ends()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}
