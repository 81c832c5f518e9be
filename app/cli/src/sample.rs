//! Writes valid `.slm` files with made-up weights.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use app::quantity::Size;
use verifier::slm::writer::write_sample;
use verifier::slm::{Quantisation, Shape};

use crate::args::{QuantChoice, SampleArgs, ShapeChoice};
use crate::fault::Fault;
use crate::outcome::Outcome;
use crate::stop::{Waiting, unless_stopped};
use crate::terminal::Terminal;

/// Bytes that are collected before they go to the disk.
const BUFFER: usize = 1 << 20;

/// `sample`.
///
/// # Errors
///
/// [`Fault`] if no sample has that size, or the file cannot be written.
pub async fn run(terminal: &mut Terminal, args: &SampleArgs) -> Result<Outcome, Fault> {
    let quant = match args.quant {
        QuantChoice::F32 => Quantisation::F32,
        QuantChoice::Q8_0 => Quantisation::Q8_0,
        QuantChoice::Q4_0 => Quantisation::Q4_0,
    };
    let shape = match (args.bytes, args.shape) {
        (Some(bytes), _) => near(bytes, quant)?,
        (None, ShapeChoice::Tiny) => Shape::TINY,
        (None, ShapeChoice::M16) => Shape::M16,
    };
    let work = write(args.out.clone(), shape, quant, args.seed);
    let advice = "No file was left behind. Run it again.";
    // Once the file has its name, that is told.
    terminal.listen();
    let length = unless_stopped(terminal.wished(), "the writing", advice, work).await?;
    Ok(Outcome::new()
        .with_text("path", args.out.display())
        .with("byte_count", length)
        .with_text("quantization", quant)
        .with("parameter_count", shape.parameters()))
}

/// A shape whose file has about so many bytes.
///
/// # Errors
///
/// `usage.arguments` if no sample comes near that size.
pub fn near(Size(bytes): Size, quant: Quantisation) -> Result<Shape, Fault> {
    Shape::near(bytes, quant).ok_or_else(|| {
        let what = format!("no sample comes near {bytes} bytes");
        Fault::usage("--bytes", what, "Choose a smaller size.")
    })
}

/// Writes a sample to a name that is free; returns its length in bytes.
///
/// It is written under a temporary name in the same folder, so that no half a file stays; also if
/// the future is dropped.
///
/// # Errors
///
/// `output.exists` if something is there, `io.failed` if the disk fails.
pub async fn write(
    path: PathBuf,
    shape: Shape,
    quant: Quantisation,
    seed: u64,
) -> Result<u64, Fault> {
    let waiting = Waiting::default();
    let goes_on = waiting.asker();
    tokio::task::spawn_blocking(move || write_now(&path, &shape, quant, seed, goes_on))
        .await
        .map_err(|join| Fault::machine("the writing ended early", &join))?
}

fn write_now(
    path: &Path,
    shape: &Shape,
    quant: Quantisation,
    seed: u64,
    goes_on: impl Fn() -> ControlFlow<()>,
) -> Result<u64, Fault> {
    if path.symlink_metadata().is_ok() {
        return Err(Fault::exists(path));
    }
    let unfinished = Unfinished::create(path)?;
    let failed = |error: &std::io::Error| Fault::io("write", path, error);
    let mut out = BufWriter::with_capacity(BUFFER, Wanted { file: &unfinished.file, goes_on });
    let length = write_sample(shape, quant, seed, &mut out).map_err(|error| failed(&error))?;
    out.flush().map_err(|error| failed(&error))?;
    drop(out);
    unfinished.file.sync_all().map_err(|error| failed(&error))?;
    std::fs::hard_link(&unfinished.path, path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Fault::exists(path),
        _ => failed(&error),
    })?;
    Ok(length)
}

/// A file that is written while somebody waits for it.
struct Wanted<'a, F> {
    file: &'a File,
    goes_on: F,
}

impl<F: Fn() -> ControlFlow<()>> Write for Wanted<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.goes_on)() {
            ControlFlow::Continue(()) => self.file.write(bytes),
            ControlFlow::Break(()) => Err(io::Error::other("nobody wants it any more")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<F> Seek for Wanted<'_, F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A file under a temporary name, which goes away in any case.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn create(beside: &Path) -> Result<Self, Fault> {
        let mut name = beside.as_os_str().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = PathBuf::from(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| Fault::io("write", &path, &error))?;
        Ok(Self { path, file })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nothing more can be done about a temporary file that does not go away.
        let _ok = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use verifier::slm::{Quantisation, Shape};

    use super::write;

    #[tokio::test]
    async fn a_sample_never_replaces_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.slm");
        let written = write(path.clone(), Shape::TINY, Quantisation::F32, 1).await;
        assert_eq!(written.unwrap(), 20_352);
        let fault = write(path, Shape::TINY, Quantisation::F32, 1).await.unwrap_err();
        assert_eq!(
            (fault.code().to_string().as_str(), fault.exit().number()),
            ("output.exists", 3)
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
