//! What lies where, and what is bad there.

use app::ports::Pin;
use verifier::piece::Source;
use verifier::scalars::{Id, UtcTime, Version};
use verifier::{ChunkAlgorithm, Geometry, Root, Sha256};

use super::{Artifact, Bad, Catalogue};
use crate::index::Known;
use crate::pack::Location;

fn artifact(pieces: u32) -> Artifact {
    Artifact::new(Known {
        model_id: Id::parse("tiny").unwrap(),
        model_version: Version::parse("1").unwrap(),
        manifest_sha256: Sha256::of(b"manifest"),
        geometry: Geometry::new(u64::from(pieces) * 16_384, 16_384).unwrap(),
        root: Root::from_bytes(ChunkAlgorithm::FixedSizeMerkleV0, [0; 32]),
        pin: Pin::Unpinned,
        last_use: UtcTime::from_unix(0),
        last_verified: None,
    })
}

/// With a pass over the library for each of them, this would not end for minutes.
#[test]
fn a_hundred_thousand_bad_pieces_are_marked_one_by_one() {
    const PIECES: u32 = 100_000;
    let place = |block| Location { pack: 0, block, entry: 0 };
    let names = [b"one", b"two"].map(|name| Sha256::of(name));
    let mut catalogue = Catalogue::default();
    for name in names {
        let mut entry = artifact(PIECES);
        for index in entry.known.geometry.indices() {
            entry.keep(index, place(index.get()), Source::Local);
            catalogue.addresses.lie_at(index.get().into(), place(index.get()));
        }
        catalogue.artifacts.insert(name, entry);
    }
    catalogue.recount();
    let bytes = catalogue.live_bytes();
    for block in 0..PIECES - 1 {
        let bad = if block % 2 == 0 { Bad::Corrupt } else { Bad::Unread };
        let marked = catalogue.mark(place(block), bad);
        assert_eq!(marked.into_keys().count(), 2, "both share it");
        assert_eq!(catalogue.addresses.place_of(block.into()), None);
    }
    for entry in catalogue.artifacts.values() {
        assert_eq!((entry.have.count(), entry.lying().count()), (1, 50_000));
    }
    assert_eq!(catalogue.live_bytes(), bytes - 50_000 * (16_384 + 4_096), "with their headers");
    let live = catalogue.live.clone();
    catalogue.recount();
    assert_eq!(catalogue.live, live);
    catalogue.addresses.lie_at(7, place(7));
    assert_eq!(catalogue.addresses.place_of(7), Some(place(7)));
    assert!(catalogue.mark(place(PIECES), Bad::Corrupt).is_empty());
}

#[test]
fn what_is_live_is_the_same_when_it_is_counted_anew() {
    let one = Sha256::of(b"one");
    let mut catalogue = Catalogue::default();
    catalogue.artifacts.insert(one, artifact(4));
    let indices: Vec<_> = catalogue.artifacts[&one].known.geometry.indices().collect();
    let place = |block, entry| Location { pack: 0, block, entry };
    for (entry, index) in (0..3).zip(&indices) {
        catalogue.keep(one, *index, place(0, entry), Source::Local);
    }
    let check = |catalogue: &mut Catalogue, pieces: u64, headers: u64| {
        let live = catalogue.live_bytes();
        assert_eq!(live, pieces * 16_384 + headers * 4_096);
        catalogue.recount();
        assert_eq!(catalogue.live_bytes(), live);
    };
    catalogue.recount();
    check(&mut catalogue, 3, 1);
    // From here on it is known who lies where, also of what comes later and of who does.
    catalogue.mark(place(0, 0), Bad::Corrupt);
    check(&mut catalogue, 2, 1);
    let two = Sha256::of(b"two");
    catalogue.artifacts.insert(two, artifact(4));
    catalogue.keep(two, indices[3], place(0, 1), Source::Local);
    assert_eq!(catalogue.users(place(0, 1)).into_keys().count(), 2);
    catalogue.mark(place(0, 1), Bad::Unread);
    check(&mut catalogue, 2, 1);
    // What cannot be read is kept elsewhere, by one and then by the other.
    *catalogue.live.entry(0).or_default() += 16_384 + 4_096;
    catalogue.keep(one, indices[1], place(9, 0), Source::Local);
    check(&mut catalogue, 3, 2);
    catalogue.keep(two, indices[3], place(9, 0), Source::Local);
    check(&mut catalogue, 2, 2);
    catalogue.mark(place(0, 2), Bad::Corrupt);
    check(&mut catalogue, 1, 1);
    assert!(catalogue.mark(place(0, 2), Bad::Corrupt).is_empty(), "it is gone already");
    catalogue.mark(place(9, 0), Bad::Corrupt);
    check(&mut catalogue, 0, 0);
}
