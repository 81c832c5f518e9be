//! A model's file: found, written, shown.

use std::path::PathBuf;

use app::blame::IO_FAILED;
use app::library::Found;
use app::problem::Problem;

use super::{
    Changed, Command, Errand, Library, Message, News, Part, Placed, Work, artifact, hear, models,
    press, problem, says, shown,
};

/// The screen where no file was found in `/models`.
fn placing(library: &mut Library) {
    let action = press(library, "Show file…");
    let Work::Find { run, artifact: asked, .. } = action.work[0] else { panic!("{action:?}") };
    assert_eq!(asked, artifact(library));
    let found = News::Found(run, "/models".into(), Ok(Found::Absent));
    let _none = hear(library, vec![Message::News(found)]);
}

#[test]
fn a_sound_file_is_shown_with_the_way_into_the_other_program() {
    let mut library = shown(models());
    let action = press(&mut library, "Show file…");
    let Work::Find { run, .. } = action.work[0] else { panic!("{action:?}") };
    let path = PathBuf::from("/models/storyteller-1.0.slm");
    let found = News::Found(run, "/models".into(), Ok(Found::Sound(path.clone())));
    let action = hear(&mut library, vec![Message::News(found)]);
    assert!(matches!(&action.work[..], [Work::Reveal { path: asked, .. }] if *asked == path));
    let _none = hear(&mut library, vec![Message::News(News::Revealed(run, Ok(())))]);
    assert!(says(&library, "storyteller 1.0 is verified. The file manager was asked to show it."));
    assert!(says(
        &library,
        "Open it in TinyRustLM with its own file picker. Nothing is sent to it."
    ));
}

#[test]
fn where_no_file_manager_is_the_path_can_be_copied() {
    let mut library = shown(models());
    let action = press(&mut library, "Show file…");
    let Work::Find { run, .. } = action.work[0] else { panic!("{action:?}") };
    let found = Found::Sound("/models/storyteller-1.0.slm".into());
    let unable = News::Revealed(run, Err(problem("there is no session bus")));
    let news = [News::Found(run, "/models".into(), Ok(found)), unable];
    let _none = hear(&mut library, news.map(Message::News).to_vec());
    assert!(says(&library, "/models/storyteller-1.0.slm"));
    assert!(says(&library, "there is no session bus"));
    let action = press(&mut library, "Copy the path");
    let [Errand::Copy(text)] = &action.errands[..] else { panic!("{action:?}") };
    assert_eq!(text, "/models/storyteller-1.0.slm");
    let action = press(&mut library, "Show it again");
    assert!(matches!(action.work[..], [Work::Reveal { .. }]));
}

#[test]
fn a_model_without_a_file_is_written_into_the_folder_that_is_typed() {
    let mut library = shown(models());
    placing(&mut library);
    let action = press(&mut library, "Browse…");
    let [Work::Browse { run, .. }] = action.work[..] else { panic!("{action:?}") };
    let _none = hear(&mut library, vec![Message::News(News::Chosen(run, Some("/other".into())))]);
    assert!(says(&library, "/other"));
    let action = press(&mut library, "Write and show");
    let Work::Export { run, artifact: asked, folder, .. } = &action.work[0] else {
        panic!("{action:?}");
    };
    assert_eq!((*asked, folder.as_path()), (artifact(&library), std::path::Path::new("/other")));
    let part = Part { done: 1 << 20, of: 14 << 20, rate: 0 };
    let run = *run;
    let _none = hear(&mut library, vec![Message::News(News::Reached(run, part))]);
    assert!(says(&library, "1.00 MiB of 14.00 MiB"));
    // What fails when the file is there is told, and the file is shown all the same.
    let trouble = Problem::new(IO_FAILED, "it is not noted", "Check the disk.");
    let path = PathBuf::from("/other/storyteller-1.0.slm");
    let forgotten = Some("You fetched bytes of it from anna once.".to_owned());
    let placed = Placed { path, forgotten, trouble: Some(trouble) };
    let action = hear(&mut library, vec![Message::News(News::Exported(run, Ok(placed)))]);
    assert!(matches!(action.work[0], Work::Reveal { .. }));
    let [Errand::Changed(Changed::Library), Errand::Tell(once), Errand::Tell(told)] =
        &action.errands[..]
    else {
        panic!("{action:?}");
    };
    assert_eq!(once, "You fetched bytes of it from anna once.");
    assert_eq!(told, "It is not noted. Check the disk.");
}

#[test]
fn nothing_is_written_into_no_folder() {
    let mut library = shown(models());
    placing(&mut library);
    let _none = hear(&mut library, vec![Message::Do(Command::Folder("  ".to_owned()))]);
    assert!(press(&mut library, "Write and show").work.is_empty());
    let _none = press(&mut library, "Cancel");
    assert!(!says(&library, "Write and show"));
}

#[test]
fn a_changed_file_is_told_and_another_folder_offered() {
    let mut library = shown(models());
    let action = press(&mut library, "Show file…");
    let Work::Find { run, .. } = action.work[0] else { panic!("{action:?}") };
    let changed = Err(problem("/models/storyteller-1.0.slm is not the file that was verified"));
    let found = News::Found(run, "/models".into(), changed);
    let action = hear(&mut library, vec![Message::News(found)]);
    assert!(action.work.is_empty(), "it is not handed over");
    assert!(says(&library, "/models/storyteller-1.0.slm is not the file that was verified"));
    let _none = press(&mut library, "Choose another folder…");
    assert!(says(&library, "Write and show"));
}

#[test]
fn a_model_with_holes_cannot_be_written_and_says_how_it_can_be_whole() {
    let mut library = shown(models());
    let _none = hear(&mut library, vec![Message::Select(models()[1].model.artifact)]);
    assert!(says(&library, "6 pieces missing. A repair fetches only what is missing."));
    placing(&mut library);
    assert!(!says(&library, "Write and show"));
    let action = press(&mut library, "Repair…");
    assert!(matches!(action.work[..], [Work::LookWhatIsBad { .. }]));
}
