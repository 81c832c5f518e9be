//! Writes the inputs to start from where the fuzzing engine looks for them: `corpus/TARGET/`.

use std::path::PathBuf;
use std::{fs, io};

use fuzz::seeds;

fn main() -> io::Result<()> {
    let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"));
    let seeds = seeds::read(&seeds::vectors())?;
    for seed in &seeds {
        let folder = corpus.join(seed.target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(&seed.name), &seed.bytes)?;
    }
    println!("{} inputs in {}", seeds.len(), corpus.display());
    Ok(())
}
