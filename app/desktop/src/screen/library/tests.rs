//! The library as its users meet it.

mod arranged;
mod handed;
mod looks;
mod repaired;

use std::sync::{Arc, LazyLock};

use app::library::{Checked, Kept, Snapshot, State};
use app::ports::{Accounts, Footprint, Model, PieceState, Pin};
use app::problem::Problem;
use iced::Size;
use iced::keyboard::key::Named;
use verifier::identity::{PeerId, SigningKey};
use verifier::piece::Source;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{Bitfield, ChunkAlgorithm, Code, Geometry, PieceIndex, Root, Sha256};

use super::message::{Command, News, Part, Placed, Work};
use super::{Action, Library, Message};
use crate::context::{Book, Context};
use crate::headless::{self, SCALE_FACTOR};
use crate::screen::{Changed, Errand, Place};
use crate::theme::Scale;
use crate::widget::piece_map::Pieces;

const NOW: UtcTime = UtcTime::from_unix(1_795_348_800);

fn peer(seed: u8) -> PeerId {
    SigningKey::from_seed([seed; 32]).public_key().peer_id()
}

static BOOK: LazyLock<Book> = LazyLock::new(|| Book { own: peer(0), peers: Arc::new([]) });

fn context(percent: u16) -> Context<'static> {
    Context {
        scale: Scale::new(f32::from(percent) / 100.0),
        scale_factor: SCALE_FACTOR,
        now: NOW,
        book: &BOOK,
        size: Size::new(1_180.0, 780.0),
    }
}

/// A model of which each character is a piece: `#` kept, `.` missing, `!` corrupt.
fn kept(id: &str, version: &str, picture: &str, hours: u64) -> Kept {
    let count = u64::try_from(picture.len()).unwrap();
    let geometry = Geometry::new(count * 262_144 - 1_000, 262_144).unwrap();
    let mut have = Bitfield::empty(geometry.piece_count());
    for (index, piece) in geometry.indices().zip(picture.chars()) {
        if piece == '#' {
            have.insert(index);
        }
    }
    let artifact = Sha256::of(format!("{id}-{version}").as_bytes());
    let ago = |hours: u64| UtcTime::from_unix(NOW.unix() - hours * 3_600);
    let model = Model {
        model_id: Id::parse(id).unwrap(),
        model_version: Version::parse(version).unwrap(),
        artifact,
        manifest_sha256: Sha256::of(id.as_bytes()),
        geometry,
        root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, *artifact.as_bytes()),
        have,
        pin: if version == "1.0" { Pin::Pinned } else { Pin::Unpinned },
        last_use: ago(hours),
        last_verified: picture.chars().all(|piece| piece == '#').then(|| ago(hours * 3)),
        outside: None,
    };
    let kept_bytes = app::library::kept_bytes(&model);
    let corrupt = u32::try_from(picture.matches('!').count()).unwrap();
    Kept { model, kept_bytes, corrupt }
}

/// The pieces of such a model, from three peers in turn.
fn pieces(kept: &Kept, picture: &str) -> Pieces {
    let state = |(place, piece): (usize, char)| match piece {
        '#' => PieceState::Kept {
            source: Source::Peer(peer(u8::try_from(place / 7 % 3 + 1).unwrap())),
            verified: None,
        },
        '!' => PieceState::Corrupt,
        _ => PieceState::Missing,
    };
    let states: Vec<PieceState> = picture.chars().enumerate().map(state).collect();
    Pieces::stored(kept.model.geometry, &states, kept.model.last_verified)
}

const SOUND: &str = "#########################################################";
const HOLED: &str = "##########.##########.....####################";
const ROTTEN: &str = "####!############!!####.....############";

fn models() -> Vec<Kept> {
    vec![
        kept("storyteller", "1.0", SOUND, 2),
        kept("storyteller", "2.1", HOLED, 30),
        kept("tiny-chat", "0.9", ROTTEN, 90),
        kept("tiny-chat", "1.0", "#", 700),
        kept("verse", "3", "##", 1),
    ]
}

fn snapshot(models: Vec<Kept>) -> Arc<Snapshot> {
    let accounts = Accounts { live: 1, shared: 0, index: 1, reserved: 0, quota: 4 << 30, free: 1 };
    Arc::new(Snapshot { models, accounts, quotas: Default::default() })
}

/// The screen after its first look.
fn shown(models: Vec<Kept>) -> Library {
    let mut library = Library::default();
    let [Work::Look(number)] = library.enter().work[..] else { panic!("it does not look") };
    let action = library.update(Message::Looked(number, Ok(snapshot(models))));
    answer_maps(&mut library, &action);
    library
}

/// Gives the maps that the screen asks for.
fn answer_maps(library: &mut Library, action: &Action) {
    for work in &action.work {
        if let Work::Map { number, artifact } = work {
            let kept = library.kept(*artifact).unwrap();
            let picture = match kept.model.geometry.piece_count() {
                46 => HOLED,
                40 => ROTTEN,
                _ => SOUND,
            };
            let pieces = pieces(kept, picture);
            let _none = library.update(Message::Mapped(*number, Ok(Some(pieces))));
        }
    }
}

/// What pressing the button with this label asks for, in the end.
fn press(library: &mut Library, label: &str) -> Action {
    let messages: Vec<Message> = {
        let mut ui = headless::open((1_032.0, 780.0), library.view(&context(100)));
        if let Err(error) = ui.click(label) {
            panic!("{label}: {error}");
        }
        ui.into_messages().collect()
    };
    hear(library, messages)
}

fn hear(library: &mut Library, messages: Vec<Message>) -> Action {
    let mut all = Action::none();
    for message in messages {
        all = super::both(all, library.update(message));
    }
    answer_maps(library, &all);
    all
}

fn says(library: &Library, words: &str) -> bool {
    headless::open((1_032.0, 780.0), library.view(&context(100))).find(words).is_ok()
}

fn problem(what: &str) -> Problem {
    Problem::new(Code::new("io", "failed"), what, "Check the disk.")
}

fn artifact(library: &Library) -> Sha256 {
    library.chosen().unwrap().model.artifact
}

#[test]
fn an_empty_library_says_what_to_do_next() {
    let mut library = shown(Vec::new());
    assert!(says(&library, "Nothing is kept yet"));
    let action = press(&mut library, "Import from peers…");
    assert!(matches!(action.errands[..], [Errand::Go(Place::Import)]));
    let action = press(&mut library, "Add a file of mine…");
    assert!(matches!(action.errands[..], [Errand::Go(Place::Share)]));
}

#[test]
fn an_older_look_does_not_replace_a_newer_one() {
    let mut library = Library::default();
    let [Work::Look(first)] = library.enter().work[..] else { panic!() };
    let [Work::Look(second)] = library.enter().work[..] else { panic!() };
    let _map = library.update(Message::Looked(second, Ok(snapshot(models()))));
    let _none = library.update(Message::Looked(first, Ok(snapshot(Vec::new()))));
    assert!(says(&library, "storyteller 1.0"));
    let [Work::Look(third)] = library.enter().work[..] else { panic!() };
    let _none = library.update(Message::Looked(third, Err(problem("the disk is gone"))));
    assert!(says(&library, "The disk is gone") && says(&library, "storyteller 1.0"));
}

#[test]
fn the_map_of_another_model_is_not_shown() {
    let mut library = shown(models());
    let first = library.mapped;
    let other = library.kept(models()[2].model.artifact).unwrap().clone();
    let action = library.update(Message::Select(other.model.artifact));
    let [Work::Map { number, artifact }] = action.work[..] else { panic!("{action:?}") };
    assert_eq!((number, artifact), (first + 1, other.model.artifact));
    let old = pieces(&models()[0], SOUND);
    let _none = library.update(Message::Mapped(first, Ok(Some(old))));
    assert!(says(&library, "Looking at its pieces…"));
    answer_maps(&mut library, &action);
    assert!(says(&library, "32 of 40 pieces kept, 5 missing, 3 corrupt"));
}

#[test]
fn the_keyboard_moves_through_the_list_and_shows_each_model() {
    let mut library = shown(models());
    assert_eq!(library.name(artifact(&library)), "storyteller 1.0");
    let messages: Vec<Message> = {
        let mut ui = headless::open((1_032.0, 780.0), library.view(&context(100)));
        // A click on a line gives the list the keyboard.
        ui.click("tiny-chat").unwrap();
        ui.tap_key(Named::End);
        ui.into_messages().collect()
    };
    let action = hear(&mut library, messages);
    assert_eq!(library.name(artifact(&library)), "verse 3");
    assert_eq!(action.work.len(), 2, "{action:?}");
}

#[test]
fn a_model_is_pinned_and_the_screen_looks_again() {
    let mut library = shown(models());
    let pinned = artifact(&library);
    let action = press(&mut library, "Unpin");
    let [Work::Pin(asked, Pin::Unpinned)] = action.work[..] else { panic!("{action:?}") };
    assert_eq!(asked, pinned);
    let action = library.update(Message::Pinned(Ok(())));
    assert!(matches!(action.errands[..], [Errand::Changed(Changed::Library)]));
    let _none = library.update(Message::Pinned(Err(problem("no room"))));
    assert!(says(&library, "No room"));
    let _none = press(&mut library, "Dismiss");
    assert!(!says(&library, "No room"));
}

#[test]
fn forgetting_asks_once_more_and_says_what_comes_free() {
    let mut library = shown(models());
    let chosen = artifact(&library);
    let action = press(&mut library, "Forget…");
    assert!(matches!(action.work[..], [Work::Weigh(asked)] if asked == chosen));
    let footprint = Footprint { artifact: chosen, own: 3 << 20, shared: 1 << 20 };
    let _none = hear(&mut library, vec![Message::News(News::Weighed(chosen, Ok(Some(footprint))))]);
    let asked = "Forget storyteller 1.0? 3.00 MiB come free; 1.00 MiB stay, because other models \
                 have the same pieces.";
    assert!(says(&library, asked));
    let action = press(&mut library, "Keep it");
    assert!(action.work.is_empty() && !says(&library, asked));

    let _weigh = press(&mut library, "Forget…");
    let action = press(&mut library, "Forget it");
    assert!(matches!(action.work[..], [Work::Forget(asked)] if asked == chosen));
    let action = library.update(Message::News(News::Forgotten(chosen, Ok(Some(3 << 20)))));
    let [Errand::Tell(told), Errand::Changed(Changed::Library)] = &action.errands[..] else {
        panic!("{action:?}");
    };
    assert_eq!(told, "storyteller 1.0 is forgotten; 3.00 MiB came free.");
}

#[test]
fn selecting_another_model_takes_the_question_away() {
    let mut library = shown(models());
    let chosen = artifact(&library);
    let _weigh = press(&mut library, "Forget…");
    let _map = library.update(Message::Select(models()[4].model.artifact));
    let action = library.update(Message::Do(Command::Forget));
    assert!(action.work.is_empty(), "a question that is not shown was answered");
    let late = News::Weighed(chosen, Ok(None));
    let _none = library.update(Message::News(late));
    assert!(!says(&library, "Forget it"));
}

/// What a recheck of one piece finds, in that state.
fn sound(state: State) -> Checked {
    let corrupt = Vec::new();
    Checked { pieces: 1, corrupt, unread: 0, missing: 0, lacks_manifest: false, state }
}

#[test]
fn a_recheck_tells_how_far_it_is_and_what_it_found() {
    let mut library = shown(models());
    let action = press(&mut library, "Check again");
    let Work::Recheck { run, artifact, .. } = &action.work[0] else { panic!("{action:?}") };
    let (run, model) = (*run, library.kept(*artifact).unwrap().model.clone());
    let reached = News::Reached(run, Part { done: 3 << 20, of: 14 << 20, rate: 1 << 20 });
    let _none = library.update(Message::News(reached));
    assert!(says(&library, "3.00 MiB of 14.00 MiB, 1.00 MiB/s, 11 s left"));
    let corrupt: Vec<PieceIndex> = [3, 9].map(|at| model.geometry.index(at).unwrap()).to_vec();
    let found = Checked { pieces: 57, corrupt, ..sound(State::Damaged) };
    let action = library.update(Message::News(News::Checked(run, Ok(Some(found)))));
    assert!(matches!(action.errands[..], [Errand::Changed(Changed::Library)]));
    assert!(says(
        &library,
        "storyteller 1.0: damaged: 2 pieces corrupt, 57 pieces checked. Repair the model from peers \
         that have it, or share the same file again: only the pieces that are bad or missing are \
         taken in. Check the disk's health."
    ));
    let action = press(&mut library, "Repair…");
    assert!(
        matches!(action.work[..], [Work::LookWhatIsBad { artifact, .. }] if artifact == model.artifact)
    );
}

#[test]
fn stopping_a_recheck_ends_the_work_and_hears_no_more_of_it() {
    let mut library = shown(models());
    let mut action = press(&mut library, "Check again");
    let Some(Work::Recheck { run, mut stop, .. }) = action.work.pop() else { panic!() };
    assert!(stop.try_recv().unwrap_err() == tokio::sync::oneshot::error::TryRecvError::Empty);
    // Nothing else begins meanwhile.
    assert!(press(&mut library, "Show file…").work.is_empty());
    let action = press(&mut library, "Stop");
    assert!(matches!(&action.errands[..], [Errand::Tell(_), Errand::Changed(Changed::Library)]));
    assert!(stop.try_recv().unwrap_err() == tokio::sync::oneshot::error::TryRecvError::Closed);
    let late = News::Checked(run, Ok(Some(sound(State::Whole))));
    assert!(library.update(Message::News(late)).errands.is_empty());
    assert!(!says(&library, "storyteller 1.0: whole, every piece is sound, 1 piece checked."));
}

#[test]
fn a_model_is_shared_from_here_and_its_digest_copied() {
    let mut library = shown(models());
    let chosen = artifact(&library);
    let action = press(&mut library, "Share…");
    assert!(matches!(action.errands[..], [Errand::Share(asked)] if asked == chosen));
    let action = press(&mut library, "Copy digest");
    let [Errand::Copy(text)] = &action.errands[..] else { panic!("{action:?}") };
    assert_eq!(text, &chosen.to_string());
}
