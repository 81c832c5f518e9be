//! Fills a data folder with models: `cargo run --release -p benches --example library -- FOLDER
//! MODELS PIECES`.

use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| words.get(place).and_then(|word| word.parse().ok());
    match (words.first(), number(1), number(2)) {
        (Some(folder), Some(models), Some(pieces)) => {
            benches::library::fill(Path::new(folder), models, pieces);
        }
        _ => panic!("say where, how many models, and how many pieces the large one has"),
    }
}
