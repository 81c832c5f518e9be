//! The colours of the piece map, chosen to differ for colour-blind eyes too.

use iced::{Color, color};

/// How many peers have a colour of their own.
pub const PEERS: usize = 12;

/// The two colours of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    /// What the cell is filled with.
    pub fill: Color,
    /// What its pattern is drawn with.
    pub line: Color,
}

/// The colours of a piece map.
///
/// Any two fills that one map can show differ in lightness or hue as seen with each kind of
/// dichromacy; peers whose colours come nearest to each other have different patterns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PieceColours {
    /// By state, from kept to corrupt.
    pub states: [Ink; 6],
    /// Pieces of unknown source.
    pub unknown: Ink,
    /// Pieces from a file of the user's own.
    pub local: Ink,
    /// Pieces from a peer, by its place.
    pub peers: [Ink; PEERS],
    /// Pieces from all other peers.
    pub other: Ink,
    /// By age, from an hour to never.
    pub ages: [Ink; 6],
    /// Around the selected piece, the focused map and the part that is shown.
    pub mark: Color,
    /// Between that and the cells, and around the piece under the pointer.
    pub halo: Color,
}

const fn ink(fill: Color, line: Color) -> Ink {
    Ink { fill, line }
}

pub(super) const LIGHT: PieceColours = PieceColours {
    states: [
        ink(color!(0x1f5f99), color!(0x5e93c4)),
        ink(color!(0x4a90c8), color!(0x164570)),
        ink(color!(0x9ac8e6), color!(0x3d78a3)),
        ink(color!(0xf5c957), color!(0x9a6400)),
        ink(color!(0xe2e6ea), color!(0xaab3bc)),
        ink(color!(0xc82a12), color!(0xffffff)),
    ],
    unknown: ink(color!(0xa9b1b9), color!(0x676f76)),
    local: ink(color!(0x5f6b77), color!(0x9aa7b4)),
    peers: [
        ink(color!(0x219475), color!(0x6cd4b2)),
        ink(color!(0x944aa4), color!(0xd487e5)),
        ink(color!(0xbe9226), color!(0x70540e)),
        ink(color!(0x2e45c5), color!(0x6789fb)),
        ink(color!(0xe16998), color!(0x962358)),
        ink(color!(0x7e91cd), color!(0x415087)),
        ink(color!(0xda99fe), color!(0x9455b5)),
        ink(color!(0x5c0142), color!(0x9b447a)),
        ink(color!(0xf4de8f), color!(0xad984a)),
        ink(color!(0x5cddbf), color!(0x1d947c)),
        ink(color!(0x234b62), color!(0x5c849e)),
        ink(color!(0x1f0677), color!(0x4a4db8)),
    ],
    other: ink(color!(0x1f2326), color!(0x52575a)),
    ages: [
        ink(color!(0x173f7a), color!(0x4f79b9)),
        ink(color!(0x2f72b3), color!(0x6db0f6)),
        ink(color!(0x74b0da), color!(0x316d94)),
        ink(color!(0xb9ddc4), color!(0x759780)),
        ink(color!(0xefe3a6), color!(0xa89d62)),
        ink(color!(0x8d7fa8), color!(0x4e4166)),
    ],
    mark: color!(0x111519),
    halo: color!(0xffffff),
};

pub(super) const DARK: PieceColours = PieceColours {
    states: [
        ink(color!(0x4e9bd8), color!(0x8cc3ee)),
        ink(color!(0x3577ab), color!(0x9ccbf0)),
        ink(color!(0x274e70), color!(0x6fa5cc)),
        ink(color!(0xf2cf4a), color!(0x7a5a00)),
        ink(color!(0x2a3139), color!(0x5a6673)),
        ink(color!(0xf4553a), color!(0x2c0a04)),
    ],
    unknown: ink(color!(0x59626c), color!(0x939da8)),
    local: ink(color!(0xa9b2bb), color!(0x677078)),
    peers: [
        ink(color!(0x1f9e76), color!(0x0c563f)),
        ink(color!(0xaf88fb), color!(0x6e44b1)),
        ink(color!(0xe6ab17), color!(0x926c13)),
        ink(color!(0x8357c4), color!(0xbd9afd)),
        ink(color!(0xd57b9c), color!(0x8c3a5b)),
        ink(color!(0x6dabd0), color!(0x29688a)),
        ink(color!(0xffa4fc), color!(0xb560b3)),
        ink(color!(0x842a54), color!(0xc6668e)),
        ink(color!(0xbeebcf), color!(0x79a48a)),
        ink(color!(0x40d48e), color!(0x048955)),
        ink(color!(0x14569b), color!(0x5492dd)),
        ink(color!(0x4c137d), color!(0x8454bd)),
    ],
    other: ink(color!(0xf4f6f8), color!(0xadafb1)),
    ages: [
        ink(color!(0x2f5fa8), color!(0x699cea)),
        ink(color!(0x3c8ccf), color!(0x054b7c)),
        ink(color!(0x86c3e8), color!(0x437fa1)),
        ink(color!(0xc4e8cf), color!(0x7fa18a)),
        ink(color!(0xf3e6a4), color!(0xac9f60)),
        ink(color!(0x8a7ba8), color!(0xc8b8e9)),
    ],
    mark: color!(0xffffff),
    halo: color!(0x0a0d10),
};

#[cfg(test)]
mod tests {
    use super::{DARK, Ink, LIGHT, PieceColours};
    use iced::Color;

    /// How eyes without one kind of cone see linear colour (Viénot 1999 for red and green,
    /// Machado 2009 for blue).
    const EYES: [(&str, [[f32; 3]; 3]); 4] = [
        ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "no red",
            [[0.112_38, 0.887_62, 0.0], [0.112_38, 0.887_62, 0.0], [0.004_01, -0.004_01, 1.0]],
        ),
        (
            "no green",
            [[0.292_75, 0.707_25, 0.0], [0.292_75, 0.707_25, 0.0], [-0.022_34, 0.022_34, 1.0]],
        ),
        (
            "no blue",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_9],
            ],
        ),
    ];

    /// The colour in Oklab, as the eye sees it.
    fn seen(colour: Color, eye: &[[f32; 3]; 3]) -> [f32; 3] {
        let [r, g, b, _] = colour.into_linear();
        let row = |m: &[f32; 3]| (m[0] * r + m[1] * g + m[2] * b).clamp(0.0, 1.0);
        let [r, g, b] = [row(&eye[0]), row(&eye[1]), row(&eye[2])];
        let l = (0.412_221_47 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        [
            0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        ]
    }

    /// How far apart the two are for the eye that sees them nearest.
    fn apart(one: Color, other: Color) -> (f32, &'static str) {
        EYES.iter()
            .map(|(name, eye)| {
                let (a, b) = (seen(one, eye), seen(other, eye));
                let square: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
                (square.sqrt(), *name)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap()
    }

    fn check(what: &str, colours: &[Ink], least: f32) {
        for (i, one) in colours.iter().enumerate() {
            for (j, other) in colours.iter().enumerate().skip(i + 1) {
                let (apart, eye) = apart(one.fill, other.fill);
                assert!(apart >= least, "{what}: {i} and {j} are {apart} apart with {eye}");
            }
        }
    }

    const THEMES: [(&str, PieceColours); 2] = [("light", LIGHT), ("dark", DARK)];

    #[test]
    fn every_state_and_age_is_told_apart_by_every_eye() {
        for (theme, colours) in THEMES {
            check(&format!("{theme} states"), &colours.states, 0.08);
            // Bad states show among ages.
            let ages = [&colours.ages[..], &colours.states[2..]].concat();
            check(&format!("{theme} ages"), &ages, 0.04);
        }
    }

    #[test]
    fn corrupt_stands_out_from_everything() {
        for (theme, colours) in THEMES {
            let corrupt = colours.states[5].fill;
            let others = [
                &colours.states[..5],
                &colours.ages,
                &colours.peers,
                &[colours.local, colours.unknown, colours.other],
            ];
            for other in others.concat() {
                let (apart, eye) = apart(corrupt, other.fill);
                assert!(apart >= 0.1, "{theme}: {other:?} is {apart} from corrupt with {eye}");
            }
        }
    }

    #[test]
    fn peers_of_one_pattern_are_told_apart_by_every_eye() {
        for (theme, colours) in THEMES {
            for place in 0..6 {
                let (one, other) = (colours.peers[place], colours.peers[place + 6]);
                let (apart, eye) = apart(one.fill, other.fill);
                assert!(apart >= 0.15, "{theme}: {place} and its twin: {apart} with {eye}");
            }
            let others = [colours.local, colours.unknown, colours.other];
            let sources = [&colours.peers[..], &others, &colours.states[2..]].concat();
            check(&format!("{theme} sources"), &sources, 0.04);
        }
    }

    #[test]
    fn a_pattern_is_seen_on_its_fill() {
        for (theme, colours) in THEMES {
            for ink in [&colours.states[..], &colours.peers, &colours.ages].concat() {
                let (apart, eye) = apart(ink.fill, ink.line);
                assert!(apart >= 0.1, "{theme}: {ink:?} is {apart} with {eye}");
            }
        }
    }
}
