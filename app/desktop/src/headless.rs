//! Runs what is on the screen without one, for tests.
//!
//! Pictures are drawn by the software renderer, with the font that is part of the program and two
//! physical pixels to a logical one, so that they are the same on every machine. They lie under
//! `snapshots/`; a test fails if its picture is missing or differs. To write them anew, run the
//! tests with `SNAPSHOTS=write` and look at what changed.

use std::path::{Path, PathBuf};

use iced::{Element, Settings, Size, Theme};
use iced_test::Simulator;

use crate::theme::FONT;

/// How many physical pixels a logical one is in a picture.
pub(crate) const SCALE_FACTOR: f32 = 2.0;

/// What the element would be in a window of the size, in logical pixels.
pub(crate) fn open<'a, Message>(
    size: impl Into<Size>,
    element: impl Into<Element<'a, Message>>,
) -> Simulator<'a, Message> {
    let settings = Settings { default_font: FONT, ..Settings::default() };
    Simulator::with_size(settings, size, element)
}

/// Compares what is drawn with the picture of that name.
pub(crate) fn assert_drawn<Message>(ui: &mut Simulator<'_, Message>, theme: &Theme, name: &str) {
    let snapshot = ui.snapshot(theme).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    // The renderer's name is added to the picture's by the toolkit.
    let file = |folder: &Path| folder.join(format!("{name}-tiny-skia.png"));
    let expected = file(&folder);
    let writes = std::env::var("SNAPSHOTS").is_ok_and(|value| value == "write");
    if writes && expected.exists() {
        std::fs::remove_file(&expected).unwrap();
    }
    // Of a picture that is not there the toolkit makes one, and is content with it.
    if (writes || expected.exists()) && snapshot.matches_image(folder.join(name)).unwrap() {
        return;
    }
    let found = std::env::temp_dir().join("minimodel-snapshots");
    let found_file: PathBuf = file(&found);
    if found_file.exists() {
        std::fs::remove_file(&found_file).unwrap();
    }
    snapshot.matches_image(found.join(name)).unwrap();
    panic!("{} is not what is drawn, {}", expected.display(), found_file.display());
}
