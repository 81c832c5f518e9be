//! Colours and sizes: everything that screens and widgets are drawn with.
//!
//! The window is drawn in one of two themes, [`light`] and [`dark`]. Text sizes and spaces come
//! from a [`Scale`], which the user sets.

mod palette;
pub mod style;
mod tones;

use iced::theme::{Palette, palette::Extended};
use iced::{Color, Font, Theme, color};

pub use palette::{Ink, PEERS, PieceColours};
pub use tones::{Tones, tones};

/// The font of the window; it is part of the program, so that every machine shows the same.
pub const FONT: Font = Font::with_name("Fira Sans");

/// The theme for bright surroundings.
pub fn light() -> Theme {
    Theme::custom("MiniModel light", LIGHT)
}

/// The theme for dark surroundings.
pub fn dark() -> Theme {
    Theme::custom("MiniModel dark", DARK)
}

/// The colours of the piece map in a theme.
pub fn pieces(theme: &Theme) -> &'static PieceColours {
    let Extended { is_dark, .. } = theme.extended_palette();
    if *is_dark { &palette::DARK } else { &palette::LIGHT }
}

const LIGHT: Palette = Palette {
    background: color!(0xfbfbfa),
    text: color!(0x1b1f24),
    primary: color!(0x1d5f9e),
    success: color!(0x1d5f9e),
    warning: color!(0x9a6400),
    danger: color!(0xb42a10),
};

const DARK: Palette = Palette {
    background: color!(0x14181d),
    text: color!(0xe4e7eb),
    primary: color!(0x6cb2ea),
    success: color!(0x6cb2ea),
    warning: color!(0xf0b43c),
    danger: color!(0xff7a5c),
};

/// How large text and spaces are: 1.0 is the size they were drawn for.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Scale(f32);

impl Default for Scale {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Scale {
    /// The smallest and the largest scale.
    pub const LIMITS: (f32, f32) = (0.75, 2.0);

    /// A scale, brought within [`Self::LIMITS`].
    pub fn new(scale: f32) -> Self {
        if scale.is_nan() {
            return Self::default();
        }
        Self(scale.clamp(Self::LIMITS.0, Self::LIMITS.1))
    }

    /// The scale as a factor.
    pub const fn factor(self) -> f32 {
        self.0
    }

    /// The size of a text, in logical pixels.
    pub fn text(self, text: Text) -> f32 {
        self.0
            * match text {
                Text::Small => 12.0,
                Text::Body => 14.0,
                Text::Heading => 18.0,
                Text::Title => 24.0,
            }
    }

    /// The width of a space, in logical pixels.
    pub fn space(self, space: Space) -> f32 {
        self.0
            * match space {
                Space::Hair => 4.0,
                Space::Narrow => 8.0,
                Space::Normal => 12.0,
                Space::Wide => 20.0,
                Space::Section => 32.0,
            }
    }
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// A legend or a remark.
    Small,
    /// Whatever is read.
    Body,
    /// The name of a part of a screen.
    Heading,
    /// The name of a screen.
    Title,
}

/// What a space parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// A mark and its word.
    Hair,
    /// Words that belong together.
    Narrow,
    /// Lines and controls.
    Normal,
    /// Groups of them.
    Wide,
    /// Parts of a screen.
    Section,
}

/// The colour as red, green, blue and opacity.
pub(crate) fn rgba(colour: Color) -> [u8; 4] {
    colour.into_rgba8()
}

#[cfg(test)]
mod tests {
    use super::{Scale, Space, Text, dark, light, pieces};

    #[test]
    fn a_scale_keeps_its_limits() {
        for (asked, given) in [(1.25, 1.25), (0.1, 0.75), (9.0, 2.0), (f32::NAN, 1.0)] {
            assert_eq!(Scale::new(asked).factor(), given);
        }
        assert_eq!(Scale::new(2.0).text(Text::Body), 28.0);
        assert_eq!(Scale::default().space(Space::Narrow), 8.0);
    }

    #[test]
    fn each_theme_has_its_own_piece_colours() {
        assert_ne!(pieces(&light()), pieces(&dark()));
        assert!(dark().extended_palette().is_dark && !light().extended_palette().is_dark);
    }
}
