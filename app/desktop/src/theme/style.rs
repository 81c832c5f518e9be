//! How containers, fields, bars and rails look.

use iced::widget::{container, progress_bar, rule, scrollable, text_input};
use iced::{Background, Border, Color, Shadow, Theme, Vector};

use super::tones;

/// How round corners are, in logical pixels.
pub const RADIUS: f32 = 6.0;

/// A card on the background.
pub fn card(theme: &Theme) -> container::Style {
    let tones = tones(theme);
    container::Style {
        background: Some(tones.surface.into()),
        border: Border { color: tones.line, width: 1.0, radius: RADIUS.into() },
        ..container::Style::default()
    }
}

/// A part that lies lower than the card it is in.
pub fn sunken(theme: &Theme) -> container::Style {
    container::Style {
        background: Some(tones(theme).sunken.into()),
        border: Border { radius: RADIUS.into(), ..Border::default() },
        ..container::Style::default()
    }
}

/// A card that warns.
pub fn warned(theme: &Theme) -> container::Style {
    framed(tones(theme).warned, theme.palette().warning)
}

/// A card that tells of an error.
pub fn failed(theme: &Theme) -> container::Style {
    framed(tones(theme).failed, theme.palette().danger)
}

/// A card that is about what was done well, or waits for the user.
pub fn noted(theme: &Theme) -> container::Style {
    framed(tones(theme).selected, theme.palette().primary)
}

fn framed(ground: Color, frame: Color) -> container::Style {
    container::Style {
        background: Some(ground.into()),
        border: Border { color: frame, width: 1.0, radius: RADIUS.into() },
        ..container::Style::default()
    }
}

/// A sheet over the window.
pub fn sheet(theme: &Theme) -> container::Style {
    let shadow = Shadow {
        color: Color { a: 0.3, ..Color::BLACK },
        offset: Vector::new(0.0, 4.0),
        blur_radius: 24.0,
    };
    container::Style { shadow, ..card(theme) }
}

/// What lies between the window and a sheet.
pub fn veil(theme: &Theme) -> container::Style {
    container::Style { background: Some(tones(theme).veil.into()), ..container::Style::default() }
}

/// The column of screens at the window's edge.
pub fn sidebar(theme: &Theme) -> container::Style {
    container::Style {
        background: Some(tones(theme).surface.into()),
        ..container::Style::default()
    }
}

/// A field to type into; its frame is thick and coloured while it has the keyboard.
pub fn field(theme: &Theme, status: text_input::Status) -> text_input::Style {
    let (tones, palette) = (tones(theme), theme.palette());
    let (color, width) = match status {
        text_input::Status::Focused { .. } => (palette.primary, 2.0),
        text_input::Status::Hovered => (tones.muted, 1.0),
        _ => (tones.line, 1.0),
    };
    text_input::Style {
        background: Background::Color(tones.sunken),
        border: Border { color, width, radius: RADIUS.into() },
        icon: tones.muted,
        placeholder: tones.muted,
        value: palette.text,
        selection: Color { a: 0.35, ..palette.primary },
    }
}

/// A line between two parts.
pub fn line(theme: &Theme) -> rule::Style {
    rule::Style {
        color: tones(theme).line,
        radius: 0.0.into(),
        fill_mode: rule::FillMode::Full,
        snap: true,
    }
}

/// A bar that fills while work goes on.
pub fn bar(theme: &Theme) -> progress_bar::Style {
    progress_bar::Style {
        background: tones(theme).sunken.into(),
        bar: theme.palette().primary.into(),
        border: Border { radius: 3.0.into(), ..Border::default() },
    }
}

/// The rails of whatever scrolls.
pub fn scroll(theme: &Theme, status: scrollable::Status) -> scrollable::Style {
    let tones = tones(theme);
    let mut style = scrollable::default(theme, status);
    let scroller = match status {
        scrollable::Status::Active { .. } => tones.line,
        _ => tones.muted,
    };
    for rail in [&mut style.vertical_rail, &mut style.horizontal_rail] {
        rail.background = None;
        rail.scroller.background = scroller.into();
    }
    style
}
