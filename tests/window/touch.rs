//! What the window's thread reads and writes: nothing, whatever is on the disk.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::stage::Stage;
use crate::harness::Turn;

/// Keeps the disk busy until it is dropped.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn start(folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, path) = (Arc::clone(&stop), folder.join("busy"));
        let thread = std::thread::spawn(move || {
            let block = vec![7; 1 << 20];
            while !seen.load(Ordering::Relaxed) {
                let mut file = fs::File::create(&path).unwrap();
                file.write_all(&block).unwrap();
                file.sync_all().unwrap();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_windows_thread_reads_and_writes_nothing_under_a_busy_disk() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    benches::library::fill(&data, 1_000, 100_000);
    let _busy = Busy::start(folder.path());
    let mut stage = Stage::open(&data);
    stage.until_said("model-0001");
    // The fonts of the system are read once, with the first frame.
    stage.picture();
    stage.forget_touched();
    for place in Place::ALL {
        stage.go(place);
        stage.press(Key::Named(Named::Tab), Modifiers::empty());
        stage.picture();
    }
    stage.go(Place::Library);
    stage.click("large 1");
    stage.until_said("1 of 100000 pieces kept");
    for _ in 0..3 {
        stage.press(Key::Named(Named::ArrowDown), Modifiers::empty());
        stage.picture();
    }
    let touched = stage.touched();
    // A wake-up of the threads that do the work is a write of eight bytes to the kernel.
    assert_eq!(touched.read, 0);
    assert!(touched.written < 8 * 1_024, "{touched:?}");
}
