//! The measures of a model from which a sample file is made (docs/formats.md 5.8).
//!
//! ```
//! use verifier::slm::{Quantisation, Shape};
//!
//! assert_eq!(Shape::TINY.file_size(Quantisation::F32), Some(20_352));
//! assert_eq!(Shape::M16.parameters(), Some(17_048_064));
//! // No file can have three heads of four in a width of eight.
//! assert_eq!(Shape { heads: 3, ..Shape::TINY }.file_size(Quantisation::F32), None);
//! ```

use crate::slm::header::{ALIGNMENT, ENTRY_LEN, HEADER_LEN, Header};
use crate::slm::names::{Dims, TensorName};
use crate::slm::policy::{DirectoryPolicy, TOKENIZER_RULES, TensorOrder};
use crate::slm::quantisation::Quantisation;
use crate::slm::tokenizer::btok_section;

/// The measures of a sample model; its vocabulary is always the 260 byte-level tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// vocab_size: tokens in the vocabulary; only 260 can be written.
    pub vocab: u32,
    /// hidden_size: width of the model, 1 to 1,048,576.
    pub hidden: u32,
    /// layer_count, from 1.
    pub layers: u32,
    /// head_count, from 1; heads × head_dim is hidden.
    pub heads: u32,
    /// kv_head_count, from 1; divides heads.
    pub kv_heads: u32,
    /// head_dim: width of a head, even.
    pub head_dim: u32,
    /// ffn_size: width of the feed-forward part, 1 to 1,048,576.
    pub ffn: u32,
    /// max_context: the most tokens in a context, from 1.
    pub context: u32,
    /// Whether the output layer shares the embedding's weights.
    pub tied: bool,
}

/// The longest row of a sample, so that a row fits in memory.
const MAX_ROW: u32 = 1 << 20;

/// The most layers that [`Shape::near`] tries.
const MAX_LAYERS: u32 = 512;

/// The usual number of values in a q4_0 block, and the number where rows do not divide by it.
const Q4_BLOCKS: [u32; 2] = [32, 8];

impl Shape {
    /// The smallest sample: 4,824 parameters.
    pub const TINY: Self = Self {
        vocab: 260,
        hidden: 8,
        layers: 1,
        heads: 2,
        kv_heads: 2,
        head_dim: 4,
        ffn: 16,
        context: 64,
        tied: false,
    };

    /// 17 million parameters: 68 MB in f32, 17 MB in q8_0, 11 MB in q4_0.
    pub const M16: Self = Self {
        vocab: 260,
        hidden: 512,
        layers: 4,
        heads: 8,
        kv_heads: 8,
        head_dim: 64,
        ffn: 2048,
        context: 512,
        tied: false,
    };

    /// A shape whose file has about so many bytes: within one per cent from 64 KiB on.
    ///
    /// Whatever is smaller than [`TINY`](Self::TINY) gives that. `None` means that no sample
    /// comes within two per cent, which starts at some 30 GB in q4_0.
    pub fn near(bytes: u64, quant: Quantisation) -> Option<Self> {
        if bytes <= Self::TINY.file_size(quant)? {
            return Some(Self::TINY);
        }
        let closest = |heads: &[u32]| {
            heads
                .iter()
                .flat_map(|heads| Self::with_heads(*heads))
                .flat_map(|shape| shape.with_ffn_near(bytes, quant))
                .filter_map(|shape| Some((shape.file_size(quant)?.abs_diff(bytes), shape)))
                .min_by_key(|(distance, _)| *distance)
        };
        let large = closest(&[8, 16, 32]).filter(|(distance, _)| *distance <= bytes / 200);
        let (distance, shape) = large.or_else(|| closest(&[0, 1, 2, 4, 8, 16, 32]))?;
        (distance <= bytes / 50).then_some(shape)
    }

    /// The number of weights; `None` if no sample can have this shape.
    pub fn parameters(&self) -> Option<u64> {
        let header = self.header()?;
        let count = self.sum(|name| Some(value_count(name.dims(&header))))?;
        u64::try_from(count).ok()
    }

    /// The length of the file; `None` if no sample can have this shape.
    pub fn file_size(&self, quant: Quantisation) -> Option<u64> {
        let header = self.header()?;
        let length = |name: TensorName| Stored::of(name.dims(&header), quant).map(|s| s.length());
        let padded = self.sum(|name| length(name).map(align))?;
        let last = length(TensorName::all(1).last()?)?;
        let end = u128::from(header.tensor_data_offset) + padded - (align(last) - last);
        u64::try_from(end).ok()
    }

    /// The header of the file, without its checksum; `None` if no sample can have this shape.
    pub(super) fn header(&self) -> Option<Header> {
        if self.vocab != Self::TINY.vocab || self.hidden > MAX_ROW || self.ffn > MAX_ROW {
            return None;
        }
        let tensor_count =
            self.layers.checked_mul(9)?.checked_add(if self.tied { 2 } else { 3 })?;
        let tokenizer_length = btok_section().len() as u64;
        let tokenizer_offset = HEADER_LEN as u64;
        let directory = (tokenizer_offset + tokenizer_length).next_multiple_of(ALIGNMENT);
        let header = Header {
            header_length: u32::try_from(HEADER_LEN).ok()?,
            flags: self.tied.into(),
            vocab_size: self.vocab,
            special_token_count: TOKENIZER_RULES.btok_special_count,
            hidden_size: self.hidden,
            layer_count: self.layers,
            head_count: self.heads,
            kv_head_count: self.kv_heads,
            head_dim: self.head_dim,
            ffn_size: self.ffn,
            max_context: self.context,
            rope_theta: 10_000.0,
            rms_norm_epsilon: 1e-5,
            tokenizer_offset,
            tokenizer_length,
            tensor_directory_offset: directory,
            tensor_count,
            tensor_data_offset: directory + ENTRY_LEN * u64::from(tensor_count),
            checksum: 1,
        };
        Header::parse(&header.encode(), u64::MAX).ok()
    }

    /// The tensors of the file, in its order.
    pub(super) fn tensors(&self) -> impl Iterator<Item = TensorName> + use<> {
        let tied = self.tied;
        TensorName::all(self.layers).filter(move |name| !(tied && *name == TensorName::Output))
    }

    /// Adds a number over all tensors; every layer gives the same, so one is looked at.
    fn sum(&self, of: impl Fn(TensorName) -> Option<u128>) -> Option<u128> {
        let mut total = 0_u128;
        for name in (Self { layers: 1, ..*self }).tensors() {
            let times = if matches!(name, TensorName::Layer(..)) { self.layers } else { 1 };
            total = total.checked_add(of(name)?.checked_mul(times.into())?)?;
        }
        Some(total)
    }

    fn with_heads(heads: u32) -> impl Iterator<Item = Self> {
        let base = match heads {
            0 => Self::TINY,
            _ => Self { hidden: 64 * heads, heads, kv_heads: heads, ..Self::M16 },
        };
        (1..=MAX_LAYERS).map(move |layers| Self { layers, ..base })
    }

    /// The same with the two or three ffn sizes that come closest.
    fn with_ffn_near(self, bytes: u64, quant: Quantisation) -> impl Iterator<Item = Self> {
        let step = if self.hidden < Self::M16.hidden { 8 } else { 32 };
        let size = |ffn| Self { ffn, ..self }.file_size(quant);
        let guess = size(32).zip(size(64)).and_then(|(small, large)| {
            let missing = u128::from(bytes).checked_sub(small.into())?;
            u32::try_from(32 + missing * 32 / u128::from(large.checked_sub(small)?.max(1))).ok()
        });
        let below = guess.unwrap_or(0) / step * step;
        let sizes = [below, below.saturating_add(step), below.saturating_add(2 * step)];
        sizes
            .into_iter()
            .filter(move |ffn| (step..=8 * self.hidden).contains(ffn))
            .map(move |ffn| Self { ffn, ..self })
    }
}

/// How long the stored parts of a tensor are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) block_size: u32,
    pub(super) payload: u128,
    pub(super) scales: u128,
}

impl Stored {
    /// `None` if rows cannot be divided into blocks.
    pub(super) fn of(dims: Dims, quant: Quantisation) -> Option<Self> {
        let (rows, cols) = TensorOrder::RowMajor.split(dims.as_slice());
        let block_size = match quant {
            Quantisation::F32 => DirectoryPolicy::F32_BLOCK_SIZE,
            Quantisation::Q8_0 => u32::try_from(cols).ok()?,
            Quantisation::Q4_0 => {
                Q4_BLOCKS.into_iter().find(|block| cols.is_multiple_of(u128::from(*block)))?
            }
        };
        let payload = quant.payload_len(rows, cols);
        Some(Self { block_size, payload, scales: quant.scales_len(rows, cols, block_size) })
    }

    /// From the payload's start to the end of the last part.
    pub(super) const fn length(&self) -> u128 {
        if self.scales == 0 { self.payload } else { align(self.payload) + self.scales }
    }
}

const fn align(length: u128) -> u128 {
    length.next_multiple_of(ALIGNMENT as u128)
}

fn value_count(dims: Dims) -> u128 {
    dims.as_slice().iter().map(|dim| u128::from(*dim)).product()
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use crate::slm::quantisation::Quantisation;

    const FORMS: [Quantisation; 3] = [Quantisation::F32, Quantisation::Q8_0, Quantisation::Q4_0];

    #[test]
    fn sizes_are_the_published_ones() {
        let sizes = |shape: Shape| FORMS.map(|quant| shape.file_size(quant).unwrap());
        assert_eq!(sizes(Shape::M16), [68_194_944, 17_160_000, 10_657_728]);
        assert_eq!(sizes(Shape::TINY), [20_352, 8_832, 6_592]);
        let tied = Shape { tied: true, ..Shape::TINY };
        assert_eq!(tied.file_size(Quantisation::F32), Some(11_968));
        let parameters = [Shape::M16, Shape::TINY, tied].map(|shape| shape.parameters().unwrap());
        assert_eq!(parameters, [17_048_064, 4_824, 2_744]);
    }

    #[test]
    fn a_shape_is_found_near_any_size() {
        for quant in FORMS {
            assert_eq!(Shape::near(0, quant), Some(Shape::TINY));
            for power in 15..=34 {
                for bytes in [1_u64 << power, 3 << (power - 1)] {
                    let shape = Shape::near(bytes, quant);
                    let size = shape.and_then(|shape| shape.file_size(quant)).unwrap_or(0);
                    let allowed = if power < 16 { bytes / 50 } else { bytes / 100 };
                    assert!(size.abs_diff(bytes) <= allowed, "{quant} {bytes}: {size}");
                }
            }
        }
    }

    #[test]
    fn a_shape_that_no_file_can_have_has_no_size() {
        let odd = Shape { ffn: 17, ..Shape::TINY };
        assert!(odd.file_size(Quantisation::F32).is_some());
        assert_eq!(odd.file_size(Quantisation::Q4_0), None);
        assert_eq!(Shape { heads: 3, ..Shape::TINY }.file_size(Quantisation::F32), None);
        assert_eq!(Shape { vocab: 261, ..Shape::TINY }.parameters(), None);
        assert_eq!(Shape { layers: u32::MAX, ..Shape::TINY }.parameters(), None);
    }
}
