//! A real display without a monitor, and the real program on it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iced::Point;

use super::stage::SIZE;
use crate::harness::{program, until};

/// A display that nobody looks at; it ends when it is dropped.
pub struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts one, a little larger than the window.
    pub fn start() -> Self {
        let screen = format!("{}x{}x24", SIZE.width as u32, SIZE.height as u32);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"])
            // It would begin anew whenever the last program leaves, and take no calls meanwhile.
            .arg("-noreset")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        out.read_line(&mut number).unwrap();
        Self { server, name: format!(":{}", number.trim()) }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY");
        command
    }

    fn xdotool(&self, words: &[&str]) -> String {
        let output = self.command("xdotool").args(words).output().expect("xdotool is installed");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the program over a data folder, and waits until its window is there.
    pub fn open(&self, data: &Path) -> Shown<'_> {
        let mut program = self
            .command(program::companion().to_str().unwrap())
            .arg("--verbose")
            .arg("--data-dir")
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (heard, mut err) = (Arc::clone(&said), program.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut block = [0; 1_024];
            while let Ok(read @ 1..) = err.read(&mut block) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&block[..read]));
            }
        });
        let shown = Shown { display: self, program, said };
        let window = until("the window is there", || {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", "MiniModel"]);
            found.lines().next().map(str::to_owned)
        });
        // No window manager is there to do it.
        self.xdotool(&["windowfocus", &window]);
        until("the library is on the screen", || {
            shown.said().contains("the library is on the screen").then_some(())
        });
        shown
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _killed = self.server.kill();
        let _status = self.server.wait();
    }
}

/// The program's window on a display; the program ends when it is dropped.
pub struct Shown<'a> {
    display: &'a Display,
    program: Child,
    said: Arc<Mutex<String>>,
}

impl Shown<'_> {
    /// What it said to people so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Clicks at a point of the window.
    pub fn click_at(&self, at: Point) {
        let (x, y) = (at.x.round().to_string(), at.y.round().to_string());
        self.display.xdotool(&["mousemove", &x, &y]);
        self.display.xdotool(&["click", "1"]);
    }

    /// Types what the keyboard can.
    pub fn types(&self, text: &str) {
        self.display.xdotool(&["type", "--delay", "2", text]);
    }

    /// Presses a key.
    pub fn press(&self, key: &str) {
        self.display.xdotool(&["key", key]);
    }

    /// Takes the pointer out of the way.
    pub fn point_away(&self) {
        let (x, y) = (SIZE.width.to_string(), SIZE.height.to_string());
        self.display.xdotool(&["mousemove", &x, &y]);
    }

    /// Waits until two pictures of it, taken one after the other, are the same.
    pub fn settle(&self) {
        let take = || {
            std::thread::sleep(Duration::from_millis(200));
            let mut import = self.display.command("import");
            import.args(["-window", "root", "rgb:-"]).output().unwrap().stdout
        };
        let mut last = take();
        until("the window rests", || {
            let next = take();
            let rests = next == last;
            last = next;
            rests.then_some(())
        });
    }

    /// Takes a picture of the window.
    #[track_caller]
    pub fn picture(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let taken =
            self.display.command("import").args(["-window", "root"]).arg(path).status().unwrap();
        assert!(taken.success());
    }

    /// Asks it to close, and waits until it has ended by itself.
    pub fn close(mut self) {
        self.press("ctrl+q");
        self.ends();
    }

    /// Sends it a signal, by its name without `SIG`, and waits until it has ended by itself.
    pub fn ends_by(mut self, signal: &str) {
        let words = [format!("-{signal}"), self.program.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
        self.ends();
    }

    fn ends(&mut self) {
        let status = until("the program ends", || self.program.try_wait().unwrap());
        assert!(status.success(), "{}", self.said());
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _killed = self.program.kill();
        let _status = self.program.wait();
    }
}
