//! The work of the screen `settings`.

use std::path::PathBuf;
use std::sync::Arc;

use app::ports::Ports;
use app::settings::Settings;
use iced::Task;

use super::{blocking, perform};
use crate::screen::settings::{Folders, Message, Work};
use crate::wiring::Opened;

/// Starts the work; what comes of it comes as messages.
pub fn start<P: Ports + 'static>(
    opened: &Arc<Opened<P>>,
    _settings: &Settings,
    work: Work,
) -> Task<Message> {
    match work {
        Work::Look(imports) => {
            let data = opened.data.clone();
            perform(blocking(move || Ok(look(data, imports))), Message::Looked)
        }
        Work::Choose => perform(choose(), Message::Chosen),
    }
}

/// How the folders are; blocks for as long as the disk takes.
pub(crate) fn look(data: PathBuf, imports: Option<PathBuf>) -> Folders {
    let downloads = super::imports(None);
    let folder = imports.as_ref().or(downloads.as_ref());
    let is_there = folder.is_some_and(|folder| folder.is_dir());
    Folders { data, downloads, imports, is_there }
}

/// Lets the user look for a folder in the desktop's own window.
async fn choose() -> Option<PathBuf> {
    let dialog = rfd::AsyncFileDialog::new().set_title("Folder of imports");
    dialog.pick_folder().await.map(|folder| folder.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::look;

    #[test]
    fn a_folder_is_there_or_not() {
        let data = tempfile::tempdir().unwrap();
        let here = data.path().to_owned();
        assert!(look(here.clone(), Some(here.clone())).is_there);
        let file = data.path().join("file");
        std::fs::write(&file, "").unwrap();
        let folders = look(here.clone(), Some(file));
        assert!(!folders.is_there);
        assert_eq!(folders.data, here);
    }
}
