//! The piece map: drawing its picture, and whole frames through the software renderer.
//!
//! Every frame has changed data, so nothing drawn before helps. A frame is what a window does for
//! one: lay out, draw the picture, let the renderer put it on the screen's pixels and read those.

use std::hint::black_box;

use app::ports::PieceState;
use criterion::{Criterion, criterion_group, criterion_main};
use desktop::theme;
use desktop::widget::piece_map::{Colouring, Mark, PieceMap, Pieces, picture};
use futures::executor::block_on;
use iced_test::core::renderer::{Headless, Style};
use iced_test::core::{Color, Element, Size, Theme, mouse};
use iced_test::renderer::Renderer;
use iced_test::runtime::UserInterface;
use iced_test::runtime::user_interface::Cache;
use verifier::Geometry;
use verifier::identity::SigningKey;
use verifier::piece::Source;
use verifier::scalars::UtcTime;

const SIZE: Size<u32> = Size::new(1_200, 800);
const NOW: UtcTime = UtcTime::from_unix(1_790_000_000);

/// Runs of pieces from four peers, some missing and a few corrupt, spread without a period.
fn pieces(count: u32) -> Pieces {
    let peers = [1, 2, 3, 4].map(|seed| SigningKey::from_seed([seed; 32]).public_key().peer_id());
    let state = |index: u32| {
        let drawn = (index / 37).wrapping_mul(2_654_435_761) >> 16;
        match index {
            _ if index % 99_991 == 500 => PieceState::Corrupt,
            _ if drawn.is_multiple_of(11) => PieceState::Missing,
            _ => PieceState::Kept {
                source: Source::Peer(peers[drawn as usize % peers.len()]),
                verified: None,
            },
        }
    };
    let geometry = Geometry::new(u64::from(count) * 1_024, 1_024).unwrap();
    Pieces::stored(geometry, &(0..count).map(state).collect::<Vec<_>>(), Some(NOW))
}

/// A window with nothing but the map.
struct Window {
    renderer: Renderer,
    cache: Cache,
    pieces: Pieces,
    marked: u32,
}

impl Window {
    fn new(pieces: Pieces) -> Self {
        let renderer = <Renderer as Headless>::new(theme::FONT, 14.0.into(), Some("tiny-skia"));
        let renderer = block_on(renderer).unwrap();
        Self { renderer, cache: Cache::new(), pieces, marked: 0 }
    }

    /// Marks a piece and draws the frame that shows it.
    fn frame(&mut self, theme: &Theme, colouring: Colouring) -> Vec<u8> {
        self.marked = (self.marked + 7_919) % self.pieces.count();
        let index = self.pieces.geometry().index(self.marked).unwrap();
        // The window holds the last snapshot, as it does while an import runs.
        self.pieces.mark(index, Mark::Kept(Source::Local, NOW.plus(u64::from(self.marked))));
        let size = Size::new(SIZE.width as f32, SIZE.height as f32);
        let map = PieceMap::new(&self.pieces, |_| ()).colouring(colouring);
        let map: Element<'_, (), Theme, Renderer> = map.into();
        let cache = std::mem::take(&mut self.cache);
        let mut ui = UserInterface::build(map, size, cache, &mut self.renderer);
        ui.draw(&mut self.renderer, theme, &Style::default(), mouse::Cursor::Unavailable);
        self.cache = ui.into_cache();
        self.renderer.screenshot(SIZE, 1.0, Color::WHITE)
    }
}

const COLOURINGS: [(&str, Colouring); 3] =
    [("state", Colouring::State), ("source", Colouring::Source), ("age", Colouring::Age(NOW))];

fn pictures(c: &mut Criterion) {
    let mut group = c.benchmark_group("piece_map/picture");
    let theme = theme::light();
    for (count, name) in [(1_000_000, "1000000"), (100_000, "100000"), (1_000, "1000")] {
        let pieces = pieces(count);
        for (colouring, show) in COLOURINGS {
            group.bench_function(format!("{name}/{colouring}"), |b| {
                b.iter(|| picture(black_box(&pieces), SIZE, 1.0, show, &theme));
            });
        }
    }
    group.finish();
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("piece_map/frame");
    group.sample_size(30);
    for (theme_name, theme) in [("light", theme::light()), ("dark", theme::dark())] {
        for (count, name) in [(1_000_000, "1000000"), (100_000, "100000"), (1_000, "1000")] {
            let mut window = Window::new(pieces(count));
            for (colouring, show) in COLOURINGS.into_iter().take(2) {
                group.bench_function(format!("{name}/{colouring}/{theme_name}"), |b| {
                    b.iter(|| window.frame(&theme, show));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, pictures, frames);
criterion_main!(benches);
