//! What the window's thread reads and writes: nothing, whatever is on the disk.

use benches::Busy;
use desktop::screen::Place;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};

use super::stage::Stage;
use crate::harness::Turn;

#[test]
#[cfg(target_os = "linux")]
fn the_windows_thread_reads_and_writes_nothing_under_a_busy_disk() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    benches::library::fill(&data, 60, 100_000);
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
    // The C library's allocator asks the kernel once, in one byte, whether a heap may shrink.
    assert!(touched.read <= 1, "{touched:?}");
    // A wake-up of the threads that do the work is a write of eight bytes to the kernel.
    assert!(touched.written < 8 * 1_024, "{touched:?}");
}
