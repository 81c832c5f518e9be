//! Cuts a file into chunks: its root, and the list of its digests.

use std::io::Read as _;
use std::path::Path;

use app::input;
use verifier::chunk_list::ChunkList;
use verifier::digest::ChunkDigest;
use verifier::geometry::CHUNK_LIMITS;
use verifier::piece::PieceStream;
use verifier::{Geometry, Root};

use crate::args::{ChunkListArgs, ChunkingArgs, MerkleArgs};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::session::Session;
use crate::wiring::Wiring;

/// How many bytes are read at once.
const BLOCK: usize = 1 << 20;

/// `merkle-root`.
///
/// # Errors
///
/// [`Fault`] if the file cannot be read or cut.
pub fn root(args: &MerkleArgs) -> Result<Outcome, Fault> {
    let cut = cut(&args.file, &args.chunking)?;
    Ok(outcome(&cut))
}

/// `write-chunk-list`.
///
/// # Errors
///
/// [`Fault`] if the file cannot be read or cut, or the list cannot be written.
pub fn write_list<W: Wiring>(
    session: &Session<'_, W>,
    args: &ChunkListArgs,
) -> Result<Outcome, Fault> {
    let cut = cut(&args.file, &args.chunking)?;
    let outcome = outcome(&cut);
    let size = cut.geometry.piece_size();
    let list = ChunkList::new(cut.root.algorithm(), size, cut.digests)
        .map_err(|error| Fault::coded(&error))?
        .write();
    session.write(&args.out, &list)?;
    Ok(outcome
        .with_text("list.path", args.out.display())
        .with_text("chunking.list_sha256", verifier::Sha256::of(&list)))
}

struct Cut {
    geometry: Geometry,
    root: Root,
    digests: Vec<ChunkDigest>,
}

fn outcome(cut: &Cut) -> Outcome {
    Outcome::new()
        .with_text("chunking.algorithm", cut.root.algorithm())
        .with_text("chunking.chunk_size", cut.geometry.piece_size())
        .with_text("chunking.chunk_count", cut.geometry.piece_count())
        .with_text("chunking.merkle_root", cut.root)
        .with_text("artifact.byte_count", cut.geometry.byte_count())
}

fn cut(path: &Path, chunking: &ChunkingArgs) -> Result<Cut, Fault> {
    let (mut file, length) = input::open(path)?;
    let size = chunking
        .chunk_size
        .or_else(|| CHUNK_LIMITS.size_for(length))
        .unwrap_or(CHUNK_LIMITS.default_size);
    let geometry = Geometry::new(length, size).map_err(|error| Fault::coded_in(path, &error))?;
    let mut stream = PieceStream::new(chunking.algorithm(), geometry)
        .map_err(|error| Fault::coded_in(path, &error))?;
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block).map_err(|error| Fault::io("read", path, &error))?;
        match block.get(..read) {
            Some([]) | None => break,
            Some(bytes) => stream.update(bytes),
        }
    }
    let (digests, root) = stream.finish().ok_or_else(|| {
        let error = std::io::Error::other("it became shorter while it was read");
        Fault::io("read", path, &error)
    })?;
    Ok(Cut { geometry, root, digests })
}
