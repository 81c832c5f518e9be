//! Texts as pictures that a telephone reads.

use iced::widget::qr_code::{self, Data, ErrorCorrection};
use iced::widget::{container, text};
use iced::{Color, Element, Theme};

use crate::context::Context;

/// The longest text, in bytes, whose picture a telephone still reads from a screen.
const MOST_BYTES: usize = 1_000;
/// The longest text whose picture is made so that a part of it may be hidden.
const ROBUST_BYTES: usize = 200;

/// The picture of a text; `None` if the text is too long for one.
pub fn data(text: &str) -> Option<Data> {
    let correction = match text.len() {
        0..=ROBUST_BYTES => ErrorCorrection::Medium,
        _ => ErrorCorrection::Low,
    };
    (text.len() <= MOST_BYTES).then(|| Data::with_error_correction(text, correction).ok()).flatten()
}

/// Shows the picture with squares of about `cell` logical pixels, black on white in every theme.
pub fn code<'a, Message: 'a>(cx: &Context<'_>, data: &'a Data, cell: f32) -> Element<'a, Message> {
    // Whole pixels: squares that end within one leave seams.
    let cell = (cell * cx.scale.factor()).round().max(1.0);
    let look = |_: &Theme| qr_code::Style { cell: Color::BLACK, background: Color::WHITE };
    let paper = |_: &Theme| container::Style {
        background: Some(Color::WHITE.into()),
        text_color: Some(Color::BLACK),
        ..container::Style::default()
    };
    // The edge that the picture needs is four squares wide, of which the toolkit leaves two.
    let picture = iced::widget::qr_code(data).cell_size(cell).style(look);
    container(picture).padding(cell * 2.0).style(paper).into()
}

/// What is said in place of a picture of a text that is too long.
pub fn too_long<'a>(cx: &Context<'_>) -> text::Text<'a> {
    crate::widget::page::small(cx, "It is too long for a QR code: copy the text.")
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, data};

    #[test]
    fn only_texts_that_can_be_read_become_pictures() {
        assert!(data("mmpeer1").is_some());
        assert!(data(&"x".repeat(MOST_BYTES)).is_some());
        assert!(data(&"x".repeat(MOST_BYTES + 1)).is_none());
    }
}
