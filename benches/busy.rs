//! A disk that others use too.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Keeps the disk busy until it is dropped.
pub struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    /// Writes and syncs a file in the folder, again and again.
    ///
    /// # Panics
    ///
    /// If the folder takes no file.
    pub fn start(folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, path) = (Arc::clone(&stop), folder.join("busy"));
        let thread = std::thread::spawn(move || {
            let block = vec![7; 1 << 20];
            while !seen.load(Ordering::Relaxed) {
                let mut file = fs::File::create(&path).expect("the disk takes it");
                file.write_all(&block).expect("the disk takes it");
                file.sync_all().expect("the disk takes it");
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends by itself");
        }
    }
}
