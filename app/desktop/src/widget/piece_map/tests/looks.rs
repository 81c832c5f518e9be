//! The map as it looks; the pictures are under `snapshots/`.

use iced::widget::{column, container, text};
use iced::{Element, Theme};
use verifier::piece::Source;
use verifier::{Geometry, PieceIndex};

use super::{NOW, map, moved, name, peer, pieces, wheel};
use crate::headless::{SCALE_FACTOR, assert_drawn, open};
use crate::theme::{self, FONT, Scale, Text};
use crate::widget::piece_map::{Colouring, Event, Mark, Pieces, State, entries, legend};

/// A map with its legend and words, as screens have it.
fn page(pieces: &Pieces, colouring: Colouring, selected: Option<PieceIndex>) -> Element<'_, Event> {
    let line = |words: String| text(words).size(Scale::default().text(Text::Body)).font(FONT);
    let facts = selected.and_then(|index| pieces.facts(index)).map(|facts| facts.line(name));
    let map = map(pieces).colouring(colouring).selected(selected).scale_factor(SCALE_FACTOR);
    let legend = legend(entries(pieces, colouring, name), Scale::default(), SCALE_FACTOR);
    let words = column![line(pieces.tally().summary()), line(facts.unwrap_or_default())];
    container(column![legend, map, words.spacing(6)].spacing(12)).padding(16).into()
}

fn themes() -> [(&'static str, Theme); 2] {
    [("light", theme::light()), ("dark", theme::dark())]
}

fn few() -> Pieces {
    let runs = [
        ("#", 24),
        ("1", 17),
        ("2", 9),
        ("1", 6),
        (".", 1),
        ("!", 1),
        ("3", 14),
        ("2", 12),
        ("+", 5),
        (">", 4),
        ("?", 9),
        (".", 14),
        ("3", 3),
        (".", 11),
    ];
    pieces(&runs.map(|(piece, count)| piece.repeat(count)).concat())
}

fn from_many() -> Pieces {
    let peers = "123456789abcd".chars().map(|peer| peer.to_string().repeat(9)).collect::<String>();
    pieces(&(peers + "######....!???"))
}

#[test]
fn a_small_map_looks_as_it_did() {
    let (few, many) = (few(), from_many());
    for (name, theme) in themes() {
        for (what, colouring, pieces) in [
            ("state", Colouring::State, &few),
            ("source", Colouring::Source, &many),
            ("age", Colouring::Age(NOW), &few),
        ] {
            // Clicked once to learn what is selected, and again where that is shown in words.
            let mut chosen = None;
            for _ in 0..2 {
                let mut ui = open((480.0, 340.0), page(pieces, colouring, chosen));
                moved(&mut ui, (100.0, 130.0));
                ui.simulate(iced_test::simulator::click());
                moved(&mut ui, (200.0, 150.0));
                if chosen.is_some() {
                    assert_drawn(&mut ui, &theme, &format!("small-{what}-{name}"));
                }
                let selected = ui.into_messages().find_map(|event| match event {
                    Event::Selected(index) => Some(index),
                    Event::Hovered(_) => None,
                });
                chosen = chosen.or(selected);
            }
            assert!(chosen.is_some());
        }
    }
}

/// A million pieces as an import leaves them: runs from five peers, the end still full of holes,
/// and three corrupt pieces.
fn million() -> Pieces {
    let geometry = Geometry::new(1_000_000 * 1_024, 1_024).unwrap();
    let run = |index: u32| (index / 731).wrapping_mul(2_654_435_761) >> 16;
    let state = |index: PieceIndex| {
        use app::ports::PieceState::{Corrupt, Kept, Missing};
        match index.get() {
            123_456 | 700_000 | 999_999 => Corrupt,
            300_000..302_000 => Missing,
            late @ 640_000.. if run(late) % 7 < 3 => Missing,
            kept => {
                let seed = u8::try_from((kept / 4_096 + run(kept) % 2) % 5 + 1).unwrap();
                Kept { source: Source::Peer(peer(seed)), verified: None }
            }
        }
    };
    let states: Vec<_> = geometry.indices().map(state).collect();
    let mut pieces = Pieces::stored(geometry, &states, Some(NOW));
    let late = geometry.indices().filter(|index| index.get() > 640_000);
    for index in late.filter(|index| index.get() % 20_000 < 900) {
        if pieces.facts(index).unwrap().state == State::Missing {
            pieces.mark(index, Mark::Asked(peer(1)));
        }
    }
    pieces
}

#[test]
fn a_map_of_a_million_pieces_looks_as_it_did() {
    let pieces = million();
    let chosen = pieces.geometry().index(123_456);
    for (name, theme) in themes() {
        for (what, colouring, notches) in [
            ("state", Colouring::State, 0.0),
            ("source", Colouring::Source, 0.0),
            ("closer", Colouring::Source, 2.0),
        ] {
            let mut ui = open((640.0, 480.0), page(&pieces, colouring, chosen));
            ui.point_at((380.0, 400.0));
            ui.simulate([wheel(notches)]);
            assert_drawn(&mut ui, &theme, &format!("million-{what}-{name}"));
        }
    }
}
