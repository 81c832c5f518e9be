//! Writes sample files, for demonstrations, tests and measurements (docs/formats.md 5.8).
//!
//! ```
//! use std::io::Cursor;
//! use verifier::slm::{ChecksumRule, Quantisation, Shape, validate, write_sample};
//!
//! let mut file = Cursor::new(Vec::new());
//! let length = write_sample(&Shape::TINY, Quantisation::Q4_0, 7, &mut file)?;
//! assert_eq!(Some(length), Shape::TINY.file_size(Quantisation::Q4_0));
//! assert!(validate(file.get_ref(), ChecksumRule::Verify).is_ok());
//! // The same shape, form and seed give the same bytes everywhere.
//! let mut again = Cursor::new(Vec::new());
//! write_sample(&Shape::TINY, Quantisation::Q4_0, 7, &mut again)?;
//! assert_eq!(again, file);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, Seek, SeekFrom, Write};

use crate::slm::checksum::RollingChecksum;
use crate::slm::generator::Generator;
use crate::slm::header::{ALIGNMENT, CHECKSUM_OFFSET, Header};
use crate::slm::names::{Dims, TensorName};
use crate::slm::policy::{DirectoryPolicy, TensorOrder};
use crate::slm::quantisation::Quantisation;
use crate::slm::quantiser::Quantiser;
use crate::slm::shape::{Shape, Stored};
use crate::slm::tokenizer::btok_section;

/// Writes a valid file with weights drawn from `seed`, and returns its length.
///
/// The same shape, form and seed give the same bytes everywhere. The bytes are written in
/// order in blocks; at last the checksum is written into the header. Memory holds a row, a
/// block and, for quantised forms, the scales of one tensor.
///
/// # Errors
///
/// What `out` returns, and [`io::ErrorKind::InvalidInput`] if no file can have this shape.
pub fn write_sample<W: Write + Seek>(
    shape: &Shape,
    quant: Quantisation,
    seed: u64,
    mut out: W,
) -> io::Result<u64> {
    let header = shape.header().ok_or_else(impossible)?;
    let length = shape.file_size(quant).ok_or_else(impossible)?;
    let base = out.stream_position()?;

    let mut sink = Sink::new(&mut out);
    sink.put(&header.encode())?;
    sink.put(&btok_section())?;
    sink.align()?;
    write_directory(shape, quant, &header, &mut sink)?;
    let mut generator = Generator::new(seed);
    for name in shape.tensors() {
        write_tensor(name.dims(&header), quant, &mut generator, &mut sink)?;
    }
    let checksum = sink.finish()?;

    out.seek(SeekFrom::Start(base + CHECKSUM_OFFSET))?;
    out.write_all(&checksum.to_le_bytes())?;
    out.seek(SeekFrom::Start(base + length))?;
    out.flush()?;
    Ok(length)
}

fn impossible() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no sample file can have this shape")
}

fn write_directory<W: Write>(
    shape: &Shape,
    quant: Quantisation,
    header: &Header,
    sink: &mut Sink<'_, W>,
) -> io::Result<()> {
    let mut offset = header.tensor_data_offset;
    for name in shape.tensors() {
        let dims = name.dims(header);
        let stored = Stored::of(dims, quant).ok_or_else(impossible)?;
        let payload = u64::try_from(stored.payload).map_err(|_| impossible())?;
        let scales = u64::try_from(stored.scales).map_err(|_| impossible())?;
        let behind = (offset + payload).next_multiple_of(ALIGNMENT);
        sink.put(&entry(
            name,
            dims,
            quant,
            stored.block_size,
            [offset, payload, if scales == 0 { DirectoryPolicy::F32_SCALE_OFFSET } else { behind }],
        ))?;
        offset = (behind + scales).next_multiple_of(ALIGNMENT);
    }
    Ok(())
}

fn entry(
    name: TensorName,
    dims: Dims,
    quant: Quantisation,
    block_size: u32,
    places: [u64; 3],
) -> Vec<u8> {
    let used = dims.as_slice();
    let rank: u32 = match dims {
        Dims::Vector(_) => 1,
        Dims::Matrix(_) => 2,
    };
    let mut entry = name.hash().to_le_bytes().to_vec();
    entry.extend(quant.dtype().to_le_bytes());
    entry.extend(rank.to_le_bytes());
    for dim in used.iter().chain(&[1; 4]).take(4) {
        entry.extend(dim.to_le_bytes());
    }
    for place in places {
        entry.extend(place.to_le_bytes());
    }
    entry.extend(block_size.to_le_bytes());
    entry.extend(DirectoryPolicy::RESERVED.to_le_bytes());
    entry
}

fn write_tensor<W: Write>(
    dims: Dims,
    quant: Quantisation,
    generator: &mut Generator,
    sink: &mut Sink<'_, W>,
) -> io::Result<()> {
    let (rows, cols) = TensorOrder::RowMajor.split(dims.as_slice());
    let stored = Stored::of(dims, quant).ok_or_else(impossible)?;
    let block = usize::try_from(stored.block_size).map_err(|_| impossible())?;
    let mut row = vec![0.0_f32; usize::try_from(cols).map_err(|_| impossible())?];
    let row_len = stored.payload.checked_div(rows).and_then(|bytes| usize::try_from(bytes).ok());
    let mut payload = vec![0; row_len.ok_or_else(impossible)?];
    let mut scales = Vec::new();

    sink.align()?;
    for _ in 0..rows {
        generator.fill(&mut row);
        match quant {
            Quantisation::F32 => {
                let (values, _) = payload.as_chunks_mut::<4>();
                for (to, value) in values.iter_mut().zip(&row) {
                    *to = value.to_le_bytes();
                }
            }
            Quantisation::Q8_0 => {
                scales.extend(Quantiser::V0.q8(&row, &mut payload).to_le_bytes());
            }
            Quantisation::Q4_0 => {
                let blocks = row.chunks(block.max(2));
                for (values, payload) in blocks.zip(payload.chunks_mut(block.max(2) / 2)) {
                    scales.extend(Quantiser::V0.q4(values, payload).to_le_bytes());
                }
            }
        }
        sink.put(&payload)?;
    }
    if !scales.is_empty() {
        sink.align()?;
        sink.put(&scales)?;
    }
    Ok(())
}

/// Gathers bytes into blocks, and sums each block before it is written.
struct Sink<'a, W> {
    out: &'a mut W,
    block: Vec<u8>,
    checksum: RollingChecksum,
    position: u64,
}

const BLOCK_LEN: usize = 256 << 10;

impl<'a, W: Write> Sink<'a, W> {
    fn new(out: &'a mut W) -> Self {
        let block = Vec::with_capacity(BLOCK_LEN);
        Self { out, block, checksum: RollingChecksum::new(), position: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        if self.block.len() + bytes.len() > BLOCK_LEN {
            self.flush()?;
        }
        self.block.extend_from_slice(bytes);
        Ok(())
    }

    fn align(&mut self) -> io::Result<()> {
        let gap = self.position.next_multiple_of(ALIGNMENT) - self.position;
        (0..gap).try_for_each(|_| self.put(&[0]))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.block);
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.checksum.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::write_sample;
    use crate::slm::quantisation::Quantisation;
    use crate::slm::shape::Shape;
    use crate::slm::{ChecksumRule, validate};

    fn sample(shape: &Shape, quant: Quantisation, seed: u64) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let length = write_sample(shape, quant, seed, &mut out).unwrap();
        assert_eq!(out.position(), length);
        assert_eq!(Some(length), shape.file_size(quant));
        out.into_inner()
    }

    #[test]
    fn what_is_written_is_valid() {
        let grouped = Shape { kv_heads: 1, layers: 3, ..Shape::TINY };
        let tied = Shape { tied: true, ffn: 64, ..Shape::TINY };
        for shape in [Shape::TINY, grouped, tied] {
            for quant in [Quantisation::F32, Quantisation::Q8_0, Quantisation::Q4_0] {
                let bytes = sample(&shape, quant, 7);
                assert_eq!(Some(bytes.len() as u64), shape.file_size(quant));
                let slm = validate(&bytes, ChecksumRule::Verify).unwrap();
                assert_eq!(slm.quantisation(), Some(quant));
                assert_eq!(Some(slm.parameter_count()), shape.parameters().map(u128::from));
                assert!(slm.warnings().is_empty());
            }
        }
    }

    #[test]
    fn the_published_sample_is_valid() {
        let bytes = sample(&Shape::M16, Quantisation::Q8_0, 1);
        assert_eq!(bytes.len(), 17_160_000);
        assert!(validate(&bytes, ChecksumRule::Verify).is_ok());
    }

    #[test]
    fn a_seed_always_gives_the_same_bytes() {
        let first = sample(&Shape::TINY, Quantisation::Q4_0, 3);
        assert_eq!(sample(&Shape::TINY, Quantisation::Q4_0, 3), first);
        assert_ne!(sample(&Shape::TINY, Quantisation::Q4_0, 4), first);
    }

    #[test]
    fn a_sample_may_stand_behind_other_bytes() {
        let mut out = Cursor::new(vec![9; 10]);
        out.set_position(10);
        write_sample(&Shape::TINY, Quantisation::F32, 3, &mut out).unwrap();
        assert_eq!(&out.into_inner()[10..], sample(&Shape::TINY, Quantisation::F32, 3));
    }
}
