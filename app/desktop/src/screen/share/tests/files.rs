//! Making a file ready.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::problem::Problem;
use app::question::Question;
use verifier::slm::{ChecksumRule, validate};

use super::{Message, NOW, Purpose, SIZE, Sample, Share, Work, book, context, press, sees};
use crate::headless::{assert_drawn, open};
use crate::screen::share::{Found, Here, Kept, Prepare, Preparing, Ready, preparing};
use crate::screen::{Changed, Errand};
use crate::theme::{dark, light};

/// A screen on which a file was dropped, and the work that comes of it.
fn dropped() -> (Share, Prepare) {
    let mut screen = Share::default();
    let mut action = screen.dropped(PathBuf::from("/home/anna/tiny-1.0.slm"));
    let Some(Work::Prepare(work)) = action.work.pop() else { panic!("{action:?}") };
    (screen, work)
}

fn tell(screen: &mut Share, message: Preparing) -> super::super::Action {
    screen.update(Message::Preparing(message))
}

/// The same, when the file was read.
fn named() -> Share {
    let (mut screen, work) = dropped();
    let Prepare::Read(run, wish, _) = work else { panic!("{work:?}") };
    let found = Arc::new(Found {
        out: wish.slm.with_extension("manifest"),
        slm: wish.slm,
        survey: Sample::new().survey,
        is_taken: true,
    });
    let _action = tell(&mut screen, Preparing::Found(run, Ok(found)));
    screen
}

#[test]
fn with_nothing_kept_the_way_to_share_is_shown() {
    let mut screen = Share::default();
    let _action = screen.enter();
    let look = Arc::new(super::super::Look { models: Vec::new() });
    let _action = screen.update(Message::Looked(1, Ok(look)));
    sees(&screen, "Nothing is ready to be served");
    let _action = press(&mut screen, "Make a .slm ready…");
    let slm = Preparing::Slm("/home/anna/other.slm".to_owned());
    let _action = tell(&mut screen, slm);
    let action = press(&mut screen, "Check the file");
    assert!(matches!(&action.work[..], [Work::Prepare(Prepare::Read(_, wish, _))]
        if wish.slm.as_os_str() == "/home/anna/other.slm" && wish.manifest.is_none()));
}

#[test]
fn a_bad_file_shows_what_the_verifier_found() {
    let (mut screen, work) = dropped();
    let Prepare::Read(run, ..) = work else { panic!("{work:?}") };
    let found = validate(&[0; 108], ChecksumRule::Verify).unwrap_err();
    let problem = Problem::coded(&found);
    let code = format!("{} at {}", problem.code, problem.field);
    let advice = problem.advice.clone();
    let _action = tell(&mut screen, Preparing::Found(run, Err(problem)));
    sees(&screen, &code);
    sees(&screen, &advice);
    assert!(screen.at_work().is_none());
}

#[test]
fn reading_is_shown_and_can_be_cancelled() {
    let (mut screen, work) = dropped();
    let Prepare::Read(run, _, mut stop) = work else { panic!("{work:?}") };
    let _action = tell(&mut screen, Preparing::Progress(run.clone(), 1 << 20, 4 << 20));
    sees(&screen, "1.00 MiB of 4.00 MiB");
    assert!(screen.at_work().unwrap().starts_with("Checking "));
    let another = screen.dropped(PathBuf::from("/home/anna/other.slm"));
    assert!(another.work.is_empty(), "one file at a time");
    let _action = press(&mut screen, "Cancel");
    assert!(stop.is_wished());
    // What the cancelled run still tells is not heard.
    let problem = Problem::machine("late", &std::io::Error::other("late"));
    let _action = tell(&mut screen, Preparing::Found(run, Err(problem)));
    sees(&screen, "Which model");
}

fn set(screen: &mut Share, name: preparing::Name, typed: &str) {
    let _action = tell(screen, Preparing::Name(name, typed.to_owned()));
}

/// Says where licence and card are read.
fn set_routes(screen: &mut Share) {
    set(screen, preparing::Name::License, "/license.md");
    set(screen, preparing::Name::Card, "/card.md");
}

#[test]
fn the_form_wants_a_licence_and_a_card_and_invents_none() {
    let mut screen = named();
    sees(&screen, "Say where the licence and the model card are read.");
    assert!(tell(&mut screen, Preparing::Named).work.is_empty());
    set(&mut screen, preparing::Name::License, "/license.md");
    sees(&screen, "Say where the model card is read.");
    assert!(tell(&mut screen, Preparing::Named).work.is_empty());
    set(&mut screen, preparing::Name::Card, "somewhere");
    sees(&screen, "Correct what is marked above.");
    set(&mut screen, preparing::Name::Card, "/card.md");
    assert!(!press(&mut screen, "Continue").work.is_empty());
}

#[test]
fn names_are_checked_one_by_one() {
    let mut screen = named();
    set_routes(&mut screen);
    set(&mut screen, preparing::Name::Id, "Tiny Story");
    set(&mut screen, preparing::Name::Version, "");
    let refused = tell(&mut screen, Preparing::Named);
    assert!(refused.work.is_empty());
    set(&mut screen, preparing::Name::Id, "story");
    set(&mut screen, preparing::Name::Version, "2");
    let mut action = tell(&mut screen, Preparing::Named);
    let Some(Work::Prepare(Prepare::Draft(_, _, names, out))) = action.work.pop() else {
        panic!("{action:?}")
    };
    assert_eq!((names.id.as_str(), names.license.as_str()), ("story", "/license.md"));
    assert_eq!(out, PathBuf::from("/home/anna/tiny-1.0-new.manifest"));
}

#[test]
fn a_file_that_is_here_already_is_not_named_again() {
    let (mut screen, work) = dropped();
    let Prepare::Read(run, ..) = work else { panic!("{work:?}") };
    let artifact = Sample::new().survey.sha256;
    let here = Here { artifact, name: "tiny 1.0".to_owned() };
    let _action = tell(&mut screen, Preparing::Here(run, here));
    sees(&screen, "tiny 1.0 is here already");
    assert!(screen.at_work().is_none());
    let action = press(&mut screen, "Serve tiny 1.0");
    assert!(matches!(&action.work[..], [Work::Open(Purpose::Serve, found)] if *found == artifact));
}

#[test]
fn a_manifest_that_is_there_is_used_if_the_user_wants() {
    let mut screen = named();
    let action = press(&mut screen, "Use that manifest");
    assert!(matches!(&action.work[..], [Work::Prepare(Prepare::Read(_, wish, _))]
        if wish.manifest == Some(PathBuf::from("/home/anna/tiny-1.0.manifest"))));
}

#[test]
fn nothing_is_kept_without_a_yes() {
    let mut screen = named();
    set_routes(&mut screen);
    let mut action = tell(&mut screen, Preparing::Named);
    let Some(Work::Prepare(Prepare::Draft(run, found, names, out))) = action.work.pop() else {
        panic!("{action:?}")
    };
    let manifest = names.draft(&found.survey, NOW).unwrap();
    let question = Question::keep(&manifest, NOW.plus(60), "forget it in the Library");
    let (slm, list) = (found.slm.clone(), Arc::clone(&found.survey.list));
    let artifact = manifest.artifact_sha256();
    let ready = Arc::new(Ready { slm, manifest, list, out: Some(out.clone()) });
    let _action = tell(&mut screen, Preparing::Ready(run, Ok((ready, Box::new(question)))));
    let _action = press(&mut screen, "Cache: keep the pieces in the library of this machine");
    let mut action = press(&mut screen, "Keep tiny");
    let Some(Work::Prepare(Prepare::Keep(run, _, yes, _))) = action.work.pop() else {
        panic!("{action:?}")
    };
    assert_eq!(yes.artifact(), artifact);
    assert_eq!(screen.at_work().unwrap(), "Keeping tiny");
    let disk: Arc<Path> = Path::new("/mnt/stick").into();
    let _action = tell(&mut screen, Preparing::Paused(run.clone(), Some(disk)));
    let paused = "Paused: the disk of /mnt/stick is full. It goes on by itself when there is room.";
    sees(&screen, paused);
    let _action = tell(&mut screen, Preparing::Paused(run.clone(), None));
    let kept = Kept {
        artifact,
        name: "tiny 1.0".to_owned(),
        manifest: Some(out),
        trouble: None,
        given_up: vec!["old 1 (sha256:BF47), 1.00 MiB".to_owned()],
    };
    let action = tell(&mut screen, Preparing::Kept(run, Ok(kept)));
    assert!(matches!(action.errands[1], Errand::Changed(Changed::Library)));
    sees(&screen, "old 1 (sha256:BF47), 1.00 MiB, to make room");
    let action = press(&mut screen, "Serve tiny 1.0");
    assert!(matches!(&action.work[..], [Work::Open(Purpose::Serve, found)] if *found == artifact));
}

#[test]
fn it_is_drawn() {
    let screen = named();
    let book = book();
    for (theme, colours) in [(light(), "light"), (dark(), "dark")] {
        let view = screen.view(&context(&book));
        assert_drawn(&mut open(SIZE, view), &theme, &format!("share-prepare-{colours}"));
    }
}
