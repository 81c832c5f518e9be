//! Which control has the keyboard, and that it is in sight.

use iced::advanced::widget::operation::{Outcome, Scrollable, focusable};
use iced::advanced::widget::{Id, Operation, operate};
use iced::widget::scrollable::AbsoluteOffset;
use iced::{Rectangle, Task, Vector};

/// Gives the keyboard to the next control, and scrolls it into sight.
pub fn next<T: Send + 'static>() -> Task<T> {
    iced::widget::operation::focus_next::<T>().chain(operate(reveal()))
}

/// Gives the keyboard to the previous control, and scrolls it into sight.
pub fn previous<T: Send + 'static>() -> Task<T> {
    iced::widget::operation::focus_previous::<T>().chain(operate(reveal()))
}

/// Scrolls what has the keyboard into sight.
///
/// The tree is walked twice: the first walk finds where the control is, the second scrolls what
/// it is in.
fn reveal<T: Send + 'static>() -> impl Operation<T> {
    struct Find {
        found: Option<Rectangle>,
    }

    struct Scroll {
        target: Rectangle,
    }

    impl<T: Send + 'static> Operation<T> for Find {
        fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<T>)) {
            operate(self);
        }

        fn focusable(
            &mut self,
            _: Option<&Id>,
            bounds: Rectangle,
            state: &mut dyn focusable::Focusable,
        ) {
            if state.is_focused() {
                self.found = Some(bounds);
            }
        }

        fn finish(&self) -> Outcome<T> {
            match self.found {
                Some(target) => Outcome::Chain(Box::new(Scroll { target })),
                None => Outcome::None,
            }
        }
    }

    impl<T> Operation<T> for Scroll {
        fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<T>)) {
            operate(self);
        }

        fn scrollable(
            &mut self,
            _: Option<&Id>,
            bounds: Rectangle,
            content: Rectangle,
            translation: Vector,
            state: &mut dyn Scrollable,
        ) {
            // Whatever lies in the content has bounds as if nothing were scrolled.
            if content.intersection(&self.target).is_none() {
                return;
            }
            let top = self.target.y - translation.y;
            let bottom = top + self.target.height;
            let by = if top < bounds.y {
                top - bounds.y
            } else if bottom > bounds.y + bounds.height {
                (bottom - bounds.y - bounds.height).min(top - bounds.y)
            } else {
                return;
            };
            state.scroll_by(AbsoluteOffset { x: 0.0, y: by }, bounds, content);
        }
    }

    Find { found: None }
}
