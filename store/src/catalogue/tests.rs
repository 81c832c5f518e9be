//! What lies where, and what is bad there.

use app::ports::{Day, Pin};
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};

use super::{Bad, Catalogue, Cell, Elsewhere, Heirs, Home, Place, State};
use crate::index::Known;

fn known(pieces: u32) -> Known {
    Known {
        model_id: Id::parse("tiny").unwrap(),
        model_version: Version::parse("1").unwrap(),
        manifest_sha256: Sha256::of(b"manifest"),
        geometry: Geometry::new(u64::from(pieces) * 16_384, 16_384).unwrap(),
        root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [0; 32]),
        pin: Pin::Unpinned,
        last_use: UtcTime::from_unix(0),
        last_verified: None,
        outside: None,
    }
}

/// With a pass over the library for each of them, this would not end for minutes.
#[test]
fn a_hundred_thousand_bad_pieces_are_marked_one_by_one() {
    const PIECES: u32 = 100_000;
    let names = [b"one", b"two"].map(|name| Sha256::of(name));
    let mut catalogue = Catalogue::default();
    for name in names {
        catalogue.add(name, known(PIECES));
    }
    let place = |index| Place { holder: names[0], index };
    for index in known(PIECES).geometry.indices() {
        let [one, two] = names.map(|name| name);
        catalogue
            .artifacts
            .get_mut(&one)
            .unwrap()
            .put(index, Cell::kept(0, Home::Own, Day::from_number(1)));
        let two = catalogue.artifacts.get_mut(&two).unwrap();
        two.elsewhere.put(index.get(), place(index.get()));
        two.put(index, Cell::kept(0, Home::Other, Day::from_number(1)));
    }
    for index in 0..PIECES - 1 {
        let bad = if index % 2 == 0 { Bad::Corrupt } else { Bad::Unread };
        assert_eq!(catalogue.mark(place(index), bad), 2, "both share it");
    }
    for entry in catalogue.artifacts.values() {
        assert_eq!((entry.have.count(), entry.lying().count()), (1, 50_000));
        assert!(entry.behind.is_unwritten);
    }
    assert_eq!(catalogue.mark(place(0), Bad::Corrupt), 0, "nothing lies there any more");
    assert_eq!(catalogue.mark(place(PIECES), Bad::Corrupt), 0);
}

#[test]
fn nobody_inherits_pieces_in_more_places_than_can_be_written_down() {
    const PIECES: u32 = 10_000;
    let mut names = [b"one", b"two", b"all"].map(|name| Sha256::of(name));
    names.sort_unstable();
    let [one, two, holder] = names;
    let mut catalogue = Catalogue::default();
    for name in names {
        catalogue.add(name, known(PIECES));
    }
    // The first has every other piece, so that the second would find each next to one of its own.
    for (name, step) in [(one, 2), (two, 1), (holder, 1)] {
        let entry = catalogue.artifacts.get_mut(&name).unwrap();
        for index in known(PIECES).geometry.indices().step_by(step) {
            let home = if name == holder { Home::Own } else { Home::Other };
            entry.put(index, Cell::kept(0, home, Day::from_number(1)));
            entry.elsewhere.put(index.get(), Place { holder, index: index.get() });
        }
    }
    let heirs = Heirs::of(&catalogue, holder);
    let is_copied = |user: Sha256, index: u32| {
        heirs.copies.iter().any(|(_, heir, at)| (*heir, at.get()) == (user, index))
    };
    assert!(heirs.elsewhere.keys().eq(&[one, two]));
    assert!(heirs.elsewhere[&two].rows().len() <= Elsewhere::LIMIT + 2);
    assert!(heirs.copies.len() > PIECES as usize, "some are copied twice");
    for index in (0..PIECES).step_by(499) {
        assert!(is_copied(one, index) || index % 2 == 1);
        let place = heirs.elsewhere[&two].get(index).unwrap();
        assert!(is_copied(two, index) || (place.holder == one && is_copied(one, place.index)));
    }
}

#[test]
fn a_cell_says_what_was_put_into_it_in_every_state_and_file() {
    let day = Day::from_number(20_000);
    for state in [State::Missing, State::Corrupt, State::Unread, State::Kept] {
        for home in [Home::Own, Home::Other] {
            for source in [0, 1, u16::try_from(Cell::SOURCES).unwrap() - 1] {
                let cell = Cell::kept(source, Home::Own, day).at(home).with(state);
                let again = Cell::from_bytes(cell.to_bytes());
                assert_eq!((again.state(), again.home(), again.source()), (state, home, source));
                assert_eq!(again.day(), day);
                assert_eq!(again.with(State::Kept), Cell::kept(source, home, day));
            }
        }
    }
    assert_eq!(Cell::default().state(), State::Missing);
}
