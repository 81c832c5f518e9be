//! A bar of several parts, told apart by patterns as well as colours.

use iced::advanced::widget::Tree;
use iced::advanced::{Layout, Widget, layout, mouse, renderer};
use iced::{Background, Border, Element, Length, Rectangle, Renderer, Size, Theme};

use crate::theme::{self, Ink, tones};

/// How a part looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Filled: what is kept.
    Solid,
    /// With lines across: what is needed beside.
    Lined,
    /// With dots: what is promised.
    Dotted,
    /// Empty: what is left.
    Empty,
}

impl Look {
    fn ink(self, theme: &Theme) -> Ink {
        let colours = theme::pieces(theme);
        let [kept, verified, _, asked, missing, _] = colours.states;
        match self {
            Self::Solid => kept,
            Self::Lined => verified,
            Self::Dotted => asked,
            Self::Empty => Ink { fill: tones(theme).sunken, ..missing },
        }
    }

    /// The marks that are drawn on the part, from its upper left corner.
    fn marks(self, size: Size) -> Vec<Rectangle> {
        let places = |length: f32, step: f32| {
            std::iter::successors(Some(step), move |at| Some(at + step))
                .take_while(move |at| at + 1.0 < length)
                .take(MOST)
        };
        let mark = |x, y, width, height| Rectangle { x, y, width, height };
        match self {
            Self::Solid | Self::Empty => Vec::new(),
            Self::Lined => {
                places(size.height, 4.0).map(|y| mark(0.0, y, size.width, 1.5)).collect()
            }
            Self::Dotted => places(size.width, 6.0)
                .flat_map(|x| places(size.height, 5.0).map(move |y| mark(x, y, 2.0, 2.0)))
                .collect(),
        }
    }
}

/// The most marks across a part; no window is wide enough for more.
const MOST: usize = 2_000;
/// How wide a part is that there is at least a little of, in logical pixels.
const LEAST: f32 = 3.0;

/// A bar of several parts.
#[derive(Debug, Clone)]
pub struct Meter {
    parts: Vec<(Look, u64)>,
    width: Length,
    height: f32,
}

impl Meter {
    /// A bar of parts of these sizes, which is as wide as it can be.
    pub fn new(parts: impl Into<Vec<(Look, u64)>>, height: f32) -> Self {
        Self { parts: parts.into(), width: Length::Fill, height }
    }

    /// As wide as its portion of the room.
    #[must_use]
    pub fn portion(self, portion: u16) -> Self {
        Self { width: Length::FillPortion(portion), ..self }
    }

    /// A square that looks like a part, to stand beside its name.
    pub fn swatch(look: Look, side: f32) -> Self {
        Self { parts: vec![(look, 1)], width: Length::Fixed(side), height: side }
    }
}

/// How wide each part is: what is not nothing can be seen, at the cost of the widest.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "rounded to pixels anyway"
)]
fn widths(parts: &[(Look, u64)], width: f32) -> Vec<f32> {
    let whole: f64 = parts.iter().map(|(_, size)| *size as f64).sum();
    if whole <= 0.0 {
        return vec![0.0; parts.len()];
    }
    let wide = |size: u64| (size as f64 / whole * f64::from(width)) as f32;
    let mut widths: Vec<f32> = parts
        .iter()
        .map(|(_, size)| if *size == 0 { 0.0 } else { wide(*size).max(LEAST).round() })
        .collect();
    let over = widths.iter().sum::<f32>() - width;
    if let Some(widest) = widths.iter_mut().max_by(|one, other| one.total_cmp(other)) {
        *widest = (*widest - over).max(0.0);
    }
    widths
}

impl<Message> Widget<Message, Theme, Renderer> for Meter {
    fn size(&self) -> Size<Length> {
        Size::new(self.width, Length::Fixed(self.height))
    }

    fn layout(&mut self, _: &mut Tree, _: &Renderer, limits: &layout::Limits) -> layout::Node {
        layout::atomic(limits, self.width, self.height)
    }

    fn draw(
        &self,
        _: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        _: &renderer::Style,
        layout: Layout<'_>,
        _: mouse::Cursor,
        _: &Rectangle,
    ) {
        use iced::advanced::Renderer as _;

        let bounds = layout.bounds();
        let mut fill = |bounds: Rectangle, colour: iced::Color| {
            let quad = renderer::Quad { bounds, ..renderer::Quad::default() };
            renderer.fill_quad(quad, Background::Color(colour));
        };
        let mut left = bounds.x;
        for ((look, _), width) in self.parts.iter().zip(widths(&self.parts, bounds.width)) {
            let part = Rectangle { x: left, width, ..bounds };
            let ink = look.ink(theme);
            fill(part, ink.fill);
            for mark in look.marks(part.size()) {
                let mark = mark + iced::Vector::new(part.x, part.y);
                if let Some(mark) = mark.intersection(&part) {
                    fill(mark, ink.line);
                }
            }
            left += width;
        }
        let border = Border { color: tones(theme).muted, width: 1.0, radius: 2.0.into() };
        renderer.fill_quad(
            renderer::Quad { bounds, border, ..renderer::Quad::default() },
            Background::Color(iced::Color::TRANSPARENT),
        );
    }
}

impl<'a, Message: 'a> From<Meter> for Element<'a, Message> {
    fn from(meter: Meter) -> Self {
        Self::new(meter)
    }
}

#[cfg(test)]
mod tests {
    use iced::Size;

    use super::{LEAST, Look, widths};

    #[test]
    fn what_there_is_a_little_of_is_seen() {
        let parts = |sizes: [u64; 3]| sizes.map(|size| (Look::Solid, size));
        assert_eq!(widths(&parts([1, 1, 2]), 400.0), [100.0, 100.0, 200.0]);
        assert_eq!(widths(&parts([1, 0, 1 << 40]), 400.0), [LEAST, 0.0, 400.0 - LEAST]);
        assert_eq!(widths(&parts([0, 0, 0]), 400.0), [0.0; 3]);
        for sizes in [[1, 2, 3], [u64::MAX, 1, 1], [7, 7, 7], [1, 1, u64::MAX / 2]] {
            let sum: f32 = widths(&parts(sizes), 333.0).iter().sum();
            assert!((sum - 333.0).abs() < 0.01, "{sizes:?}: {sum}");
        }
    }

    #[test]
    fn every_look_has_marks_of_its_own() {
        let size = Size::new(40.0, 16.0);
        let looks = [Look::Solid, Look::Lined, Look::Dotted];
        for (place, one) in looks.into_iter().enumerate() {
            for other in looks.into_iter().skip(place + 1) {
                assert_ne!(one.marks(size), other.marks(size), "{one:?} and {other:?}");
            }
        }
        assert!(Look::Lined.marks(Size::new(1.0, f32::MAX)).len() <= 2_000);
    }
}
