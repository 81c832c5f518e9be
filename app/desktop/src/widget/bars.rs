//! Bars on a common axis: each a measured speed, how far its samples lie apart, and what it is
//! compared with.
//!
//! What a mark means can be told by its shape alone: a filled bar, a thin line with ends, a tall
//! stroke, a ring.

use iced::advanced::text::Alignment;
use iced::alignment::Vertical;
use iced::widget::canvas::{self, Canvas, Frame, Geometry, Path, Stroke};
use iced::{Color, Fill, Length, Point, Rectangle, Renderer, Size, Theme, mouse};

use crate::context::Context;
use crate::theme::{FONT, Text, tones};

/// An axis from 0 to a round number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    step: f64,
    steps: u32,
}

impl Axis {
    /// How many steps an axis has at most.
    const MOST: u32 = 6;

    /// The axis with the fewest round steps on which `most` has a place.
    pub fn over(most: f64) -> Self {
        if !most.is_finite() || most <= 0.0 {
            return Self { step: 1.0, steps: 1 };
        }
        let mut unit = 10_f64.powf((most / f64::from(Self::MOST)).log10().floor());
        loop {
            for part in [1.0, 2.0, 5.0] {
                let step = unit * part;
                let fits = (1..=Self::MOST).find(|steps| step * f64::from(*steps) >= most);
                if let Some(steps) = fits {
                    return Self { step, steps };
                }
            }
            unit *= 10.0;
        }
    }

    /// The end of the axis.
    pub fn end(self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// Each round number on it, with its text.
    fn ticks(self) -> impl Iterator<Item = (f64, String)> {
        let digits = (-self.step.log10()).ceil().clamp(0.0, 9.0);
        (0..=self.steps).map(move |step| {
            let value = self.step * f64::from(step);
            (value, format!("{value:.*}", whole(digits)))
        })
    }

    /// Where a value lies on so many pixels.
    #[expect(clippy::cast_possible_truncation, reason = "a place on the screen, within its width")]
    fn place(self, value: f64, width: f32) -> f32 {
        (value / self.end()).clamp(0.0, 1.0) as f32 * width
    }
}

/// What one bar shows, in the unit of its axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The lower quartile, the median and the upper quartile.
    pub quartiles: [f64; 3],
    /// What it is measured beside.
    pub beside: f64,
    /// What it was in an earlier run, if that is shown.
    pub earlier: Option<f64>,
}

/// A kind of mark, for the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The bar itself.
    Median,
    /// The line from one quartile to the other.
    Spread,
    /// The stroke at what it is measured beside.
    Beside,
    /// The ring at what it was earlier.
    Earlier,
}

/// Room at both ends, so that a mark at the very end is whole and numbers have room.
const INSET: f32 = 10.0;

/// One bar, as wide as there is room.
pub fn bar<'a, Message: 'a>(cx: &Context<'_>, axis: Axis, bar: Bar) -> Canvas<Drawn, Message> {
    drawn(cx, What::Bar(axis, bar)).width(Fill).height(Fill)
}

/// The numbers of an axis, as wide as its bars.
pub fn numbers<'a, Message: 'a>(cx: &Context<'_>, axis: Axis) -> Canvas<Drawn, Message> {
    drawn(cx, What::Numbers(axis)).width(Fill).height(Fill)
}

/// A mark by itself, for the legend.
pub fn symbol<'a, Message: 'a>(cx: &Context<'_>, mark: Mark) -> Canvas<Drawn, Message> {
    let side = cx.text(Text::Body) * 1.4;
    drawn(cx, What::Symbol(mark)).width(Length::Fixed(side)).height(Length::Fixed(side))
}

fn drawn<Message>(cx: &Context<'_>, what: What) -> Canvas<Drawn, Message> {
    canvas::Canvas::new(Drawn { what, scale: cx.scale.factor(), text: cx.text(Text::Small) })
}

/// Something that is drawn on a canvas.
#[derive(Debug, Clone)]
pub struct Drawn {
    what: What,
    scale: f32,
    text: f32,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Bar(Axis, Bar),
    Numbers(Axis),
    Symbol(Mark),
}

impl<Message> canvas::Program<Message> for Drawn {
    type State = ();

    fn draw(
        &self,
        _state: &(),
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _cursor: mouse::Cursor,
    ) -> Vec<Geometry> {
        let mut pen = Pen {
            frame: Frame::new(renderer, bounds.size()),
            theme,
            scale: self.scale,
            text: self.text,
        };
        match self.what {
            What::Bar(axis, bar) => pen.bar(axis, &bar),
            What::Numbers(axis) => pen.numbers(axis),
            What::Symbol(mark) => pen.symbol(mark),
        }
        vec![pen.frame.into_geometry()]
    }
}

struct Pen<'a> {
    frame: Frame,
    theme: &'a Theme,
    scale: f32,
    text: f32,
}

impl Pen<'_> {
    fn place(&self, axis: Axis, value: f64) -> f32 {
        let inset = INSET * self.scale;
        inset + axis.place(value, (self.frame.width() - 2.0 * inset).max(1.0))
    }

    fn numbers(&mut self, axis: Axis) {
        let color = tones(self.theme).muted;
        let middle = self.frame.height() / 2.0;
        for (value, content) in axis.ticks() {
            self.frame.fill_text(canvas::Text {
                content,
                position: Point::new(self.place(axis, value), middle),
                color,
                size: self.text.into(),
                font: FONT,
                align_x: Alignment::Center,
                align_y: Vertical::Center,
                ..canvas::Text::default()
            });
        }
    }

    fn bar(&mut self, axis: Axis, bar: &Bar) {
        let (height, line) = (self.frame.height(), tones(self.theme).line);
        for (value, _) in axis.ticks() {
            let x = self.place(axis, value).round();
            self.frame.fill_rectangle(Point::new(x, 0.0), Size::new(1.0, height), line);
        }
        let [low, median, high] = bar.quartiles.map(|value| self.place(axis, value));
        self.median(self.place(axis, 0.0), median);
        self.beside(self.place(axis, bar.beside));
        self.spread(low, high);
        if let Some(earlier) = bar.earlier {
            self.earlier(self.place(axis, earlier));
        }
    }

    fn symbol(&mut self, mark: Mark) {
        let (width, middle) = (self.frame.width(), self.frame.width() / 2.0);
        match mark {
            Mark::Median => self.median(0.0, width),
            Mark::Spread => self.spread(width * 0.1, width * 0.9),
            Mark::Beside => self.beside(middle),
            Mark::Earlier => self.earlier(middle),
        }
    }

    fn median(&mut self, from: f32, to: f32) {
        let height = self.frame.height() * 0.5;
        let top = Point::new(from, (self.frame.height() - height) / 2.0);
        let colour = Color { a: 0.75, ..self.theme.palette().primary };
        self.frame.fill_rectangle(top, Size::new((to - from).max(1.0), height), colour);
    }

    fn spread(&mut self, low: f32, high: f32) {
        let (middle, end) = (self.frame.height() / 2.0, self.frame.height() * 0.16);
        let path = Path::new(|path| {
            path.move_to(Point::new(low, middle));
            path.line_to(Point::new(high, middle));
            for x in [low, high] {
                path.move_to(Point::new(x, middle - end));
                path.line_to(Point::new(x, middle + end));
            }
        });
        self.stroke(&path, self.theme.palette().text, 1.5);
    }

    fn beside(&mut self, at: f32) {
        let (height, half) = (self.frame.height(), self.frame.height() * 0.22);
        let head = Path::new(|path| {
            path.move_to(Point::new(at - half, 0.0));
            path.line_to(Point::new(at + half, 0.0));
            path.line_to(Point::new(at, half * 1.4));
            path.close();
        });
        let colour = self.theme.palette().warning;
        self.frame.fill(&head, colour);
        let path = Path::line(Point::new(at, 0.0), Point::new(at, height));
        self.stroke(&path, colour, 2.0);
    }

    fn earlier(&mut self, at: f32) {
        let middle = Point::new(at, self.frame.height() / 2.0);
        let ring = Path::circle(middle, self.frame.height() * 0.2);
        self.frame.fill(&ring, tones(self.theme).surface);
        self.stroke(&ring, self.theme.palette().text, 1.5);
    }

    fn stroke(&mut self, path: &Path, colour: Color, width: f32) {
        let stroke = Stroke::default().with_color(colour).with_width(width * self.scale);
        self.frame.stroke(path, stroke);
    }
}

/// A small number of digits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped from 0 to 9 by the caller"
)]
fn whole(digits: f64) -> usize {
    digits as usize
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (most, end, ticks) in [
            (1.64, 2.0, &["0.0", "0.5", "1.0", "1.5", "2.0"][..]),
            (5.8, 6.0, &["0", "1", "2", "3", "4", "5", "6"]),
            (12.0, 12.0, &["0", "2", "4", "6", "8", "10", "12"]),
            (0.034, 0.04, &["0.00", "0.01", "0.02", "0.03", "0.04"]),
            (410.0, 500.0, &["0", "100", "200", "300", "400", "500"]),
            (0.0, 1.0, &["0", "1"]),
            (f64::NAN, 1.0, &["0", "1"]),
        ] {
            let axis = Axis::over(most);
            assert!((axis.end() - end).abs() < 1e-9, "{most}: {}", axis.end());
            let found: Vec<String> = axis.ticks().map(|(_, text)| text).collect();
            assert_eq!(found, ticks, "{most}");
        }
    }

    #[test]
    fn a_value_has_its_place_and_none_lies_outside() {
        let axis = Axis::over(2.0);
        for (value, place) in [(0.0, 0.0), (1.0, 50.0), (2.0, 100.0), (3.0, 100.0), (-1.0, 0.0)] {
            assert_eq!(axis.place(value, 100.0), place);
        }
    }
}
