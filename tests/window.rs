//! The window as its users meet it, but for the screen: its real state, real disk and network
//! behind it, and clicks and keys that go through its real controls.

mod consent;
mod counter;
mod display;
mod import;
mod library;
mod parity;
mod records;
mod screen;
mod settings;
mod share;
mod stage;
mod start;
mod touch;
mod wired;

use std::fs;
use std::path::Path;

pub use wired::Wired;

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}
