//! Plans as pictures: one character a piece.

use verifier::{Bitfield, Geometry, PieceIndex};

use super::{Arrived, Picker, Second};

fn geometry(count: usize) -> Geometry {
    Geometry::new(count as u64, 1).unwrap()
}

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
fn table(have: &str, peers: &[&str]) -> Picker {
    let mut picker = Picker::new(geometry(have.len()), &set(have).complement());
    for (seat, peer) in peers.iter().enumerate() {
        picker.join(seat, &set(peer));
    }
    picker
}

/// What the peers take in this order, each one piece a turn.
fn picks(picker: &mut Picker, turns: &[usize]) -> String {
    let pick = |seat: &usize| picker.pick(*seat).map_or('-', |index| digit(index.get()));
    turns.iter().map(pick).collect()
}

fn digit(number: u32) -> char {
    char::from_digit(number, 36).unwrap()
}

fn at(picker: &Picker, index: u32) -> PieceIndex {
    picker.geometry.index(index).unwrap()
}

#[test]
fn the_rarest_missing_piece_comes_first() {
    //                         peers  "1121", next 3
    let mut picker = table("##..", &["###.", "..##"]);
    assert_eq!(picks(&mut picker, &[1, 1, 1]), "32-");
    let mut picker = table("....", &["##..", "####", "#.#."]);
    assert_eq!(picks(&mut picker, &[1, 1, 1, 1, 1]), "3120-");
}

#[test]
fn ties_go_in_file_order_so_full_peers_share_out_the_file() {
    let full = "######";
    let mut picker = table("......", &[full, full, full]);
    assert_eq!(picks(&mut picker, &[0, 1, 2, 2, 1, 0, 0]), "012345-");
    assert_eq!(picker.missing(), 0);
    assert_eq!(picker.left(), 6);
}

#[test]
fn a_peer_is_asked_only_for_what_it_has() {
    let mut picker = table("....", &["#...", "...."]);
    assert_eq!(picks(&mut picker, &[1, 0, 0]), "-0-");
    let two = at(&picker, 2);
    picker.have(1, two);
    assert_eq!(picks(&mut picker, &[1, 1]), "2-");
    assert_eq!(picker.has_wanted(1), 1);
}

#[test]
fn what_a_peer_leaves_behind_comes_next() {
    let full = "######";
    let mut picker = table("......", &[full, full]);
    assert_eq!(picks(&mut picker, &[0, 0, 1, 1]), "0123");
    picker.leave(0);
    assert_eq!(picks(&mut picker, &[1, 1, 1, 1, 1]), "0145-");
}

#[test]
fn a_refused_piece_is_asked_of_another() {
    let mut picker = table("...", &["###", "###"]);
    assert_eq!(picks(&mut picker, &[0, 1]), "01");
    let zero = at(&picker, 0);
    picker.lacks(0, zero);
    assert_eq!(picks(&mut picker, &[0, 0, 1, 1]), "2-0-");
}

#[test]
fn an_arrived_piece_is_never_picked_again() {
    let mut picker = table("..", &["##", "##"]);
    assert_eq!(picks(&mut picker, &[0]), "0");
    let zero = at(&picker, 0);
    assert_eq!(picker.arrived(0, zero), Arrived { wanted: true, cancel: None });
    assert_eq!(picker.arrived(1, zero), Arrived { wanted: false, cancel: None });
    picker.leave(0);
    assert_eq!(picks(&mut picker, &[1, 1]), "1-");
    assert_eq!(picker.left(), 1);
}

#[test]
fn a_late_piece_counts_though_its_peer_was_given_up() {
    let mut picker = table("..", &["##", "##"]);
    assert_eq!(picks(&mut picker, &[0]), "0");
    assert_eq!(picker.release_all(0), [0]);
    assert_eq!(picks(&mut picker, &[1]), "0");
    let zero = at(&picker, 0);
    assert_eq!(picker.arrived(0, zero), Arrived { wanted: true, cancel: Some(1) });
    picker.release_all(1);
    assert_eq!(picks(&mut picker, &[1, 1]), "1-");
}

#[test]
fn at_the_end_a_fast_peer_takes_over_from_a_slow_one() {
    let mut picker = table("....", &["####", "####", "####"]);
    assert_eq!(picks(&mut picker, &[0, 0, 0, 0]), "0123");
    picker.set_rate(0, Some(10));
    assert_eq!(picker.second(1), None, "nothing is known of peer 1");
    picker.set_rate(1, Some(100));
    let [zero, one, two, three] = [0, 1, 2, 3].map(|index| at(&picker, index));
    for index in [three, two, one] {
        assert_eq!(picker.second(1), Some(Second::TakeOver(index, 0)));
        picker.release(0, index);
    }
    assert_eq!(picker.second(1), Some(Second::Race(zero)));
    assert_eq!(picker.second(1), None, "a piece is asked of a peer once");
    picker.set_rate(2, Some(1_000));
    assert_eq!(picker.second(2), Some(Second::TakeOver(one, 1)), "and of two peers at most");
    assert_eq!(picker.arrived(1, zero), Arrived { wanted: true, cancel: Some(0) });
}

#[test]
fn peers_of_like_speed_leave_each_other_alone() {
    let mut picker = table("..", &["##", "##"]);
    assert_eq!(picks(&mut picker, &[0, 0]), "01");
    picker.set_rate(0, Some(100));
    picker.set_rate(1, Some(100));
    assert_eq!(picker.second(1), None);
    picker.set_rate(0, Some(0));
    let one = at(&picker, 1);
    assert_eq!(picker.second(1), Some(Second::TakeOver(one, 0)));
}

#[test]
fn a_million_pieces_are_picked_quickly() {
    let count = 1_000_000;
    let mut picker = Picker::new(geometry(count as usize), &Bitfield::full(count));
    let mut odd = Bitfield::empty(count);
    for index in (1..count).step_by(2) {
        odd.insert_range(index, index);
    }
    picker.join(0, &Bitfield::full(count));
    picker.join(1, &odd);
    let mut taken = 0;
    for seat in [0, 1].into_iter().cycle().take(200_000) {
        let index = picker.pick(seat).unwrap();
        assert!(picker.arrived(seat, index).wanted);
        taken += 1;
    }
    assert_eq!(picker.left(), count - taken);
}
