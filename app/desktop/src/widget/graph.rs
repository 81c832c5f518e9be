//! A small graph of how fast something was.

use std::sync::Arc;
use std::time::Duration;

use app::import::live::History;
use app::quantity::Span;
use iced::widget::canvas::{self, Canvas, Frame, Path, Stroke};
use iced::widget::{Space as Gap, column, container, row};
use iced::{Color, Element, Fill, Length, Point, Rectangle, Renderer, Theme, mouse};

use super::page;
use crate::context::Context;
use crate::theme::{Space, style, tones};
use crate::words;

/// How high a graph is at the normal text size, in logical pixels.
const HEIGHT: f32 = 96.0;
/// Lines across the graph, beside its edges.
const LINES: u16 = 3;

/// The rates of a graph, each of a step.
#[derive(Debug, Clone)]
pub struct Graph {
    samples: Arc<[u64]>,
    step: Duration,
    most: u64,
}

impl Graph {
    /// The graph of a history.
    pub fn new(history: &History) -> Self {
        let most = history.samples.iter().copied().max().unwrap_or(0);
        Self { samples: Arc::clone(&history.samples), step: history.step, most: round(most) }
    }

    /// How long it is.
    fn span(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.samples.len()).unwrap_or(u32::MAX))
    }
}

/// The next number that is easy to read, such as 1, 2 or 5 MiB.
fn round(most: u64) -> u64 {
    let mut unit = 1024_u64;
    loop {
        for factor in [1, 2, 5, 10, 20, 50, 100, 200, 500] {
            let step = unit.saturating_mul(factor);
            if step >= most {
                return step;
            }
        }
        unit = unit.saturating_mul(1024);
    }
}

/// The graph with what its axes mean.
pub fn view<'a, Message: 'a>(cx: &Context<'_>, graph: Graph) -> Element<'a, Message> {
    let height = Length::Fixed(cx.scale.factor() * HEIGHT);
    let (most, span) = (graph.most, graph.span());
    let canvas = Canvas::new(graph).width(Fill).height(height);
    let below = row![
        page::small(cx, "start"),
        Gap::new().width(Fill),
        page::small(cx, format!("{} later", Span(span.as_secs())))
    ];
    column![
        page::small(cx, format!("up to {}", words::rate(most))),
        container(canvas).padding(1.0).style(style::sunken),
        below
    ]
    .spacing(cx.space(Space::Hair))
    .into()
}

#[expect(clippy::cast_precision_loss, reason = "places on a graph, rounded to pixels anyway")]
impl<Message> canvas::Program<Message> for Graph {
    type State = ();

    fn draw(
        &self,
        (): &(),
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<canvas::Geometry> {
        let mut frame = Frame::new(renderer, bounds.size());
        let (width, height) = (bounds.width, bounds.height);
        let line = Stroke::default().with_color(tones(theme).line).with_width(1.0);
        for number in 1..=LINES {
            let y = (height * f32::from(number) / f32::from(LINES + 1)).round() + 0.5;
            frame.stroke(&Path::line(Point::new(0.0, y), Point::new(width, y)), line);
        }
        let last = self.samples.len().saturating_sub(1).max(1) as f32;
        let at = |(place, rate): (usize, &u64)| {
            let share = page::fraction(*rate, self.most);
            Point::new(width * place as f32 / last, (height - 1.0) * (1.0 - share))
        };
        let points: Vec<Point> = self.samples.iter().enumerate().map(at).collect();
        let (Some(first), Some(end)) = (points.first(), points.last()) else {
            return vec![frame.into_geometry()];
        };
        let colour = theme.palette().primary;
        let area = Path::new(|path| {
            path.move_to(Point::new(first.x, height));
            points.iter().for_each(|point| path.line_to(*point));
            path.line_to(Point::new(end.x, height));
            path.close();
        });
        frame.fill(&area, Color { a: 0.2, ..colour });
        let curve = Path::new(|path| {
            path.move_to(*first);
            points.iter().skip(1).for_each(|point| path.line_to(*point));
        });
        frame.stroke(&curve, Stroke::default().with_color(colour).with_width(1.5));
        vec![frame.into_geometry()]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use app::import::live::History;

    use super::{Graph, round};

    #[test]
    fn the_axis_ends_at_a_number_that_is_easy_to_read() {
        for (most, end) in [
            (0, 1 << 10),
            (1_500, 2 << 10),
            (900 << 10, 1 << 20),
            (3 << 20, 5 << 20),
            (1 << 30, 1 << 30),
        ] {
            assert_eq!(round(most), end, "{most}");
        }
        assert!(round(u64::MAX) == u64::MAX);
    }

    #[test]
    fn a_graph_knows_how_long_it_is() {
        let samples = vec![1, 5 << 20, 3].into();
        let graph = Graph::new(&History { samples, step: Duration::from_secs(2) });
        assert_eq!((graph.span(), graph.most), (Duration::from_secs(6), 5 << 20));
    }
}
