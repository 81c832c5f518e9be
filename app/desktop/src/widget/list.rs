//! A long list of lines of one height, of which only those in sight are made.

use iced::advanced::widget::Id;
use iced::keyboard::key::Named;
use iced::keyboard::{Key, Modifiers};
use iced::widget::{Column, Space, scrollable};
use iced::{Element, Fill, Task};

use super::control::{Kind, control};
use super::page;

/// How far a list is scrolled, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scroll {
    offset: f32,
    height: f32,
}

impl Default for Scroll {
    fn default() -> Self {
        // Before the first frame nobody knows how high the list is shown.
        Self { offset: 0.0, height: 1_200.0 }
    }
}

/// Lines above and below what is in sight that are made all the same.
const MARGIN: usize = 2;

impl Scroll {
    /// The lines that are made, of so many of this height.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both are within the list's length, which is a number of lines"
    )]
    fn range(self, count: usize, line: f32) -> std::ops::Range<usize> {
        let line = line.max(1.0);
        let first = (self.offset.max(0.0) / line) as usize;
        let last = first + (self.height.max(0.0) / line) as usize + 1;
        first.saturating_sub(MARGIN).min(count)..(last + MARGIN).min(count)
    }

    /// The same, scrolled back to the start.
    #[must_use]
    pub fn at_top(self) -> Self {
        Self { offset: 0.0, ..self }
    }

    /// Where to scroll so that a line is in sight; `None` if it is.
    #[expect(clippy::cast_precision_loss, reason = "pixels of a list that fits in memory")]
    pub fn to(self, place: usize, line: f32) -> Option<f32> {
        let top = place as f32 * line;
        if top < self.offset {
            Some(top)
        } else if top + line > self.offset + self.height {
            Some(top + line - self.height)
        } else {
            None
        }
    }
}

/// A list of `count` lines, each `line` logical pixels high and made by `make`.
///
/// The list as a whole takes the keyboard: the arrows, Home, End and the page keys say through
/// `on_move` which line to select, Enter says `on_open`.
#[expect(clippy::cast_precision_loss, reason = "pixels of a list that fits in memory")]
pub fn list<'a, Message: Clone + 'a>(
    id: impl Into<Id>,
    count: usize,
    line: f32,
    scroll: Scroll,
    selected: Option<usize>,
    make: impl Fn(usize) -> Element<'a, Message>,
    on: On<'a, Message>,
) -> Element<'a, Message> {
    let range = scroll.range(count, line);
    let above = range.start as f32 * line;
    let below = (count - range.end) as f32 * line;
    let mut lines = Column::new().width(Fill).push(Space::new().height(above));
    for place in range {
        lines = lines.push(make(place));
    }
    lines = lines.push(Space::new().height(below));
    let On { scrolled, moved, opened } = on;
    let seen = move |view: scrollable::Viewport| {
        scrolled(Scroll { offset: view.absolute_offset().y, height: view.bounds().height })
    };
    let content = page::scroll(lines).id(id).width(Fill).height(Fill).on_scroll(seen);
    control(content, Kind::Area)
        .on_key(move |key, modifiers| match key {
            Key::Named(Named::Enter) if modifiers.is_empty() => opened.clone(),
            _ => step(key, modifiers, count, selected).map(&moved),
        })
        .width(Fill)
        .height(Fill)
        .into()
}

/// What a list says.
pub struct On<'a, Message> {
    /// It is scrolled so far.
    pub scrolled: Box<dyn Fn(Scroll) -> Message + 'a>,
    /// The keyboard selects this line.
    pub moved: Box<dyn Fn(usize) -> Message + 'a>,
    /// The keyboard opens what is selected.
    pub opened: Option<Message>,
}

/// The line that a key selects.
fn step(key: &Key, modifiers: Modifiers, count: usize, selected: Option<usize>) -> Option<usize> {
    const PAGE: usize = 10;
    let last = count.checked_sub(1)?;
    if modifiers.control() || modifiers.alt() || modifiers.logo() {
        return None;
    }
    let Key::Named(named) = key else { return None };
    let to = match (named, selected) {
        (Named::ArrowDown | Named::ArrowUp | Named::PageDown | Named::PageUp, None) => 0,
        (Named::ArrowDown, Some(at)) => at + 1,
        (Named::ArrowUp, Some(at)) => at.saturating_sub(1),
        (Named::PageDown, Some(at)) => at + PAGE,
        (Named::PageUp, Some(at)) => at.saturating_sub(PAGE),
        (Named::Home, _) => 0,
        (Named::End, _) => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// Scrolls the list with this id to an offset.
pub fn scroll_to<T: Send + 'static>(id: impl Into<Id>, offset: f32) -> Task<T> {
    let offset = scrollable::AbsoluteOffset { x: None, y: Some(offset) };
    iced::widget::operation::scroll_to(id.into(), offset)
}

#[cfg(test)]
mod tests {
    use iced::keyboard::key::Named;
    use iced::keyboard::{Key, Modifiers};

    use super::{Scroll, step};

    #[test]
    fn only_lines_in_sight_are_made() {
        let scroll = Scroll { offset: 1_000.0, height: 100.0 };
        assert_eq!(scroll.range(1_000, 20.0), 48..58);
        assert_eq!(scroll.range(3, 20.0), 3..3);
        assert_eq!(Scroll { offset: 0.0, height: 100.0 }.range(1_000, 20.0), 0..8);
    }

    #[test]
    fn a_line_out_of_sight_is_scrolled_to() {
        let scroll = Scroll { offset: 100.0, height: 100.0 };
        assert_eq!(scroll.to(6, 20.0), None);
        assert_eq!(scroll.to(4, 20.0), Some(80.0));
        assert_eq!(scroll.to(10, 20.0), Some(120.0));
    }

    #[test]
    fn keys_move_the_selection() {
        let none = Modifiers::empty();
        for (key, from, to) in [
            (Named::ArrowDown, None, Some(0)),
            (Named::ArrowDown, Some(1), Some(2)),
            (Named::ArrowDown, Some(9), Some(9)),
            (Named::ArrowUp, Some(0), Some(0)),
            (Named::End, None, Some(9)),
            (Named::PageDown, Some(3), Some(9)),
            (Named::Escape, Some(3), None),
        ] {
            assert_eq!(step(&Key::Named(key), none, 10, from), to);
        }
        assert_eq!(step(&Key::Named(Named::End), none, 0, None), None);
        assert_eq!(step(&Key::Named(Named::End), Modifiers::CTRL, 9, None), None);
    }
}
