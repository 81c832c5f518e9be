//! The colours of everything but the piece map: surfaces, lines, quiet text.

use iced::theme::palette::Extended;
use iced::{Color, Theme, color};

/// The colours of surfaces and lines in a theme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tones {
    /// What lies on the background: cards, lists.
    pub surface: Color,
    /// What lies lower than the surface: fields, rails, tracks.
    pub sunken: Color,
    /// Lines around and between them.
    pub line: Color,
    /// Text that is read second.
    pub muted: Color,
    /// Text on the primary colour.
    pub on_primary: Color,
    /// Behind what is selected.
    pub selected: Color,
    /// Behind what the pointer is on.
    pub hovered: Color,
    /// Behind a warning.
    pub warned: Color,
    /// Behind an error.
    pub failed: Color,
    /// Over everything that waits while something is asked.
    pub veil: Color,
}

const LIGHT: Tones = Tones {
    surface: color!(0xffffff),
    sunken: color!(0xeef0f2),
    line: color!(0xd5dade),
    muted: color!(0x57606a),
    on_primary: color!(0xffffff),
    selected: color!(0xdcebf8),
    hovered: color!(0xeaf1f8),
    warned: color!(0xfdf3dc),
    failed: color!(0xfce8e3),
    veil: color!(0x101418, 0.45),
};

const DARK: Tones = Tones {
    surface: color!(0x1b2128),
    sunken: color!(0x10141a),
    line: color!(0x36404b),
    muted: color!(0xa2adb8),
    on_primary: color!(0x0b1117),
    selected: color!(0x22384c),
    hovered: color!(0x262f39),
    warned: color!(0x352b17),
    failed: color!(0x3b211c),
    veil: color!(0x000000, 0.6),
};

/// The colours of surfaces and lines in the theme.
pub fn tones(theme: &Theme) -> &'static Tones {
    let Extended { is_dark, .. } = theme.extended_palette();
    if *is_dark { &DARK } else { &LIGHT }
}

#[cfg(test)]
mod tests {
    use iced::{Color, Theme};

    use super::tones;
    use crate::theme::{dark, light};

    /// The contrast of two colours, as the Web Content Accessibility Guidelines 2.2 measure it.
    fn contrast(one: Color, other: Color) -> f32 {
        let light = |colour: Color| colour.relative_luminance() + 0.05;
        let (one, other) = (light(one), light(other));
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_text_can_be_read() {
        for theme in [light(), dark()] {
            let tones = tones(&theme);
            let palette = Theme::palette(&theme);
            let grounds = [palette.background, tones.surface, tones.sunken];
            let marked = [tones.selected, tones.hovered, tones.warned, tones.failed];
            for ground in grounds.into_iter().chain(marked) {
                for text in [palette.text, tones.muted, palette.primary, palette.danger] {
                    assert!(contrast(text, ground) >= 4.5, "{theme:?}: {text} on {ground}");
                }
            }
            assert!(contrast(tones.on_primary, palette.primary) >= 4.5);
            assert!(contrast(palette.warning, tones.warned) >= 4.5, "{theme:?}");
        }
    }
}
