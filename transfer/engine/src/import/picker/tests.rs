//! Plans as pictures: one character a piece.

use std::collections::BTreeSet;

use verifier::Bitfield;

use super::{Bits, ERA, Picker};

/// The pieces at which the picture shows `#`.
fn set(picture: &str) -> Bitfield {
    let mut set = Bitfield::empty(u32::try_from(picture.len()).unwrap());
    for (at, _) in picture.char_indices().filter(|(_, c)| *c == '#') {
        let at = u32::try_from(at).unwrap();
        set.insert_range(at, at);
    }
    set
}

/// A picker for someone who has `have`, with a peer for each further picture.
fn picker_from(start: u32, have: &str, peers: &[&str]) -> Picker {
    let count = u32::try_from(have.len()).unwrap();
    let mut picker = Picker::new(count, start, &Bits::of(&set(have).complement(), count));
    for (peer, have) in (0..).zip(peers) {
        picker.join(peer, &set(have));
    }
    picker
}

fn picker(have: &str, peers: &[&str]) -> Picker {
    picker_from(0, have, peers)
}

/// What the peers take in this order, each one piece a turn.
fn picks(picker: &mut Picker, turns: &[u32]) -> String {
    let pick = |peer: &u32| {
        let next = picker.next(*peer, &BTreeSet::new());
        next.inspect(|index| picker.take(*index))
            .map_or('-', |index| char::from_digit(index, 36).unwrap())
    };
    turns.iter().map(pick).collect()
}

#[test]
fn the_longest_run_that_only_complete_peers_have_goes_round_the_end() {
    let full = "############";
    let picker = picker("............", &[full, "...#........", ".....#......"]);
    assert_eq!(picker.gap(), Some((6, 6)));
    let picker = picker_from(8, "......####..", &[full, "..#........."]);
    assert_eq!(picker.gap(), Some((10, 4)), "from 10 over the end to 1");
    assert_eq!(picker_from(0, "####", &["####"]).gap(), None);
}

#[test]
fn the_rarest_missing_piece_comes_first() {
    //                           peers  "1121", next 3
    let mut some = picker("##..", &["###.", "..##"]);
    assert_eq!(picks(&mut some, &[1, 1, 1]), "32-");
    let mut some = picker("....", &["##..", "####", "#.#."]);
    assert_eq!(picks(&mut some, &[1, 1, 1, 1, 1]), "3120-");
}

#[test]
fn ties_go_on_in_file_order_so_complete_peers_share_out_the_file() {
    let full = "######";
    let mut all = picker("......", &[full, full, full]);
    assert_eq!(picks(&mut all, &[0, 1, 2, 2, 1, 0, 0]), "012345-");
    assert_eq!(all.missing(), 0);
}

#[test]
fn each_importer_begins_in_a_part_of_its_own_and_goes_round() {
    let (full, turns) = ("######", [0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(picks(&mut picker_from(4, "......", &[full]), &turns), "450123-");
    let mut partial = picker_from(4, "......", &["####.#"]);
    assert_eq!(picks(&mut partial, &turns), "50123--");
    partial.put(1);
    partial.put(5);
    assert_eq!(picks(&mut partial, &turns), "51-----");
}

#[test]
fn a_peer_is_asked_only_for_what_it_has() {
    let mut two = picker("....", &["#...", "...."]);
    assert_eq!(picks(&mut two, &[1, 0, 0]), "-0-");
    assert!(two.landed(1, 2));
    assert!(!two.landed(1, 2), "it is known");
    assert_eq!(picks(&mut two, &[1, 1]), "2-");
    assert_eq!(two.availability(2), 1);
}

#[test]
fn what_is_missing_again_comes_next() {
    let full = "######";
    let mut two = picker("......", &[full, full]);
    assert_eq!(picks(&mut two, &[0, 0, 1, 1]), "0123");
    two.put(0);
    two.put(1);
    assert_eq!(picks(&mut two, &[1, 1, 1, 1, 1]), "0145-");
}

#[test]
fn a_piece_that_a_complete_peer_refused_is_asked_of_another() {
    let mut two = picker("...", &["###", "###"]);
    two.lacks(0, 0);
    assert_eq!(two.availability(0), 1);
    assert_eq!(picks(&mut two, &[0, 0, 0, 1]), "12-0");
}

#[test]
fn what_is_open_at_a_peer_is_passed_over_and_found_later() {
    let mut one = picker("####..", &["######"]);
    let open = BTreeSet::from([4]);
    assert_eq!(one.next(0, &open), Some(5));
    assert_eq!(one.next(0, &BTreeSet::new()), Some(4));
    assert_eq!(one.next(0, &BTreeSet::from([4, 5])), None);
}

#[test]
fn what_peers_have_is_said_to_change_when_it_does_and_never_else() {
    let mut picker = picker("....", &["##.."]);
    let mut copies = |change: fn(&mut Picker)| {
        let look = |picker: &Picker| (0..4).map(|at| picker.availability(at)).collect::<Vec<_>>();
        let before = (picker.changes(), look(&picker));
        change(&mut picker);
        let changed = picker.changes() != before.0;
        assert_eq!(changed, look(&picker) != before.1);
        changed
    };
    assert!(copies(|picker| picker.join(1, &set("####"))));
    assert!(copies(|picker| assert!(picker.landed(0, 2))));
    assert!(!copies(|picker| assert!(!picker.landed(0, 2))));
    assert!(!copies(|picker| picker.take(1)));
    assert!(copies(|picker| picker.lacks(1, 3)));
    assert!(!copies(|picker| picker.lacks(1, 3)));
    assert!(copies(|picker| picker.leave(0)));
    assert!(!copies(|picker| picker.leave(0)));
}

#[test]
fn who_leaves_makes_what_it_had_rarer() {
    let mut three = picker("...", &["##.", "###", ".##"]);
    three.leave(0);
    three.leave(0);
    assert_eq!([0, 1, 2].map(|index| three.availability(index)), [1, 2, 2]);
    assert_eq!(picks(&mut three, &[2, 2, 2]), "12-");
    assert_eq!(three.have_map(2).unwrap(), set(".##"));
    assert_eq!(three.have_map(0), None);
}

#[test]
fn a_search_finds_what_was_put_back_since_however_much_that_is() {
    let count = 3 * u32::try_from(ERA).unwrap();
    let all = Bitfield::full(count);
    let mut one = Picker::new(count, 7, &Bits::of(&all, count));
    one.join(0, &all);
    let none = BTreeSet::new();
    for again in [1, 10, ERA - 1, ERA + 1, count as usize] {
        while let Some(index) = one.next(0, &none) {
            one.take(index);
        }
        assert_eq!(one.missing(), 0);
        let again = u32::try_from(again).unwrap();
        (0..again).for_each(|index| one.put(index));
        assert_eq!(one.next(0, &none), Some(if again > 7 { 7 } else { 0 }), "{again}");
    }
}
