//! Which tensors a header asks for, and whether the directory has them (docs/formats.md 5.5, N1 to
//! N3).
//!
//! ```
//! use verifier::slm::names::{LayerTensor, TensorName};
//!
//! let name = TensorName::Layer(0, LayerTensor::Wq);
//! assert_eq!(name.to_string(), "layers.0.wq.weight");
//! assert_eq!(name.hash(), 0x2E19_20BD_B770_12A5);
//! assert_eq!(TensorName::all(2).count(), 3 + 2 * 9);
//! ```

use std::fmt::{self, Write as _};

use crate::slm::directory::Directory;
use crate::slm::header::Header;
use crate::slm::policy::{TensorOrder, TiedOutputPolicy};

/// A tensor of the architecture; shown as its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TensorName {
    /// Token embeddings.
    Embeddings,
    /// The last normalisation.
    Norm,
    /// The output layer, absent when it is tied to the embeddings.
    Output,
    /// A tensor of a layer.
    Layer(u32, LayerTensor),
}

/// A tensor that every layer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerTensor {
    /// `attn_norm.weight`: the normalisation before attention, H.
    AttnNorm,
    /// `ffn_norm.weight`: the normalisation before the feed-forward part, H.
    FfnNorm,
    /// `wq.weight`: queries, H × H.
    Wq,
    /// `wk.weight`: keys, KV × H.
    Wk,
    /// `wv.weight`: values, KV × H.
    Wv,
    /// `wo.weight`: the output of attention, H × H.
    Wo,
    /// `w1.weight`: ffn × H.
    W1,
    /// `w2.weight`: H × ffn.
    W2,
    /// `w3.weight`: ffn × H.
    W3,
}

const LAYER_TENSORS: [LayerTensor; 9] = [
    LayerTensor::AttnNorm,
    LayerTensor::FfnNorm,
    LayerTensor::Wq,
    LayerTensor::Wk,
    LayerTensor::Wv,
    LayerTensor::Wo,
    LayerTensor::W1,
    LayerTensor::W2,
    LayerTensor::W3,
];

/// The used dims of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dims {
    /// Rank 1.
    Vector([u32; 1]),
    /// Rank 2.
    Matrix([u32; 2]),
}

impl Dims {
    /// The dims in order.
    pub const fn as_slice(&self) -> &[u32] {
        match self {
            Self::Vector(dims) => dims,
            Self::Matrix(dims) => dims,
        }
    }
}

impl TensorName {
    /// Every name of a model with so many layers, in the order a writer has them.
    pub fn all(layers: u32) -> impl Iterator<Item = Self> {
        let of_layers = (0..layers)
            .flat_map(|layer| LAYER_TENSORS.into_iter().map(move |part| Self::Layer(layer, part)));
        [Self::Embeddings, Self::Norm, Self::Output].into_iter().chain(of_layers)
    }

    /// The dims that the header gives this tensor.
    pub const fn dims(self, header: &Header) -> Dims {
        let hidden = header.hidden_size;
        let (outputs, inputs) = match self {
            Self::Norm | Self::Layer(_, LayerTensor::AttnNorm | LayerTensor::FfnNorm) => {
                return Dims::Vector([hidden]);
            }
            Self::Embeddings | Self::Output => (header.vocab_size, hidden),
            Self::Layer(_, LayerTensor::Wq | LayerTensor::Wo) => (hidden, hidden),
            Self::Layer(_, LayerTensor::Wk | LayerTensor::Wv) => (header.kv_size(), hidden),
            Self::Layer(_, LayerTensor::W1 | LayerTensor::W3) => (header.ffn_size, hidden),
            Self::Layer(_, LayerTensor::W2) => (hidden, header.ffn_size),
        };
        Dims::Matrix(TensorOrder::RowMajor.matrix(outputs, inputs))
    }

    /// FNV-1a 64 of the name's UTF-8 (docs/formats.md 5.2, D1), by which the directory knows the
    /// tensor.
    pub fn hash(self) -> u64 {
        let mut hash = Fnv1a(0xCBF2_9CE4_8422_2325);
        // Fnv1a takes any text, so that this never fails.
        write!(hash, "{self}").unwrap_or_default();
        hash.0
    }
}

impl fmt::Display for TensorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self {
            Self::Embeddings => return f.write_str("tok_embeddings.weight"),
            Self::Norm => return f.write_str("norm.weight"),
            Self::Output => return f.write_str("output.weight"),
            Self::Layer(layer, part) => {
                write!(f, "layers.{layer}.")?;
                part
            }
        };
        f.write_str(match part {
            LayerTensor::AttnNorm => "attn_norm.weight",
            LayerTensor::FfnNorm => "ffn_norm.weight",
            LayerTensor::Wq => "wq.weight",
            LayerTensor::Wk => "wk.weight",
            LayerTensor::Wv => "wv.weight",
            LayerTensor::Wo => "wo.weight",
            LayerTensor::W1 => "w1.weight",
            LayerTensor::W2 => "w2.weight",
            LayerTensor::W3 => "w3.weight",
        })
    }
}

/// Which tensor each entry of a directory is.
#[derive(Debug, Clone)]
pub struct TensorNames(Vec<Option<TensorName>>);

impl TensorNames {
    /// Checks that the directory has exactly the tensors the header asks for (N1 to N3).
    ///
    /// # Errors
    ///
    /// The first [`NamesError`] in the order of docs/formats.md 5.5.
    pub fn check(header: &Header, directory: &Directory) -> Result<Self, NamesError> {
        let mut names = vec![None; directory.entries().len()];
        let mut missing = None;
        for name in TensorName::all(header.layer_count) {
            let may_lack = name == TensorName::Output && header.is_tied();
            if may_lack && !TiedOutputPolicy::WarnIfPresent.allows_output() {
                continue;
            }
            match directory.find(name.hash()).and_then(|index| names.get_mut(index)) {
                Some(place) => *place = Some(name),
                None if may_lack => {}
                None => missing = missing.or(Some(name)),
            }
        }

        let named = || directory.entries().iter().zip(&names);
        for (index, (entry, name)) in named().enumerate() {
            if name.is_none() {
                return Err(NamesError::UnknownTensor { index, hash: entry.name_hash });
            }
        }
        if let Some(name) = missing {
            return Err(NamesError::MissingTensor { name: name.to_string() });
        }
        for (entry, name) in named().filter_map(|(entry, name)| Some((entry, (*name)?))) {
            let dims = name.dims(header);
            if entry.used_dims() != dims.as_slice() {
                return Err(NamesError::ShapeMismatch {
                    name: name.to_string(),
                    found: entry.used_dims().to_vec(),
                    expected: dims.as_slice().to_vec(),
                });
            }
        }
        Ok(Self(names))
    }

    /// The name of the entry with this index.
    pub fn of_entry(&self, index: usize) -> Option<TensorName> {
        self.0.get(index).copied().flatten()
    }

    /// Whether one of them is output.weight.
    pub fn has_output(&self) -> bool {
        self.0.contains(&Some(TensorName::Output))
    }
}

/// Why a directory does not fit its header (N1 to N3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// N1: an entry's hash is that of no tensor of the architecture.
    #[error(
        "name_hash of directory entry {index} is {hash:016X}, expected that of a tensor of this \
         shape"
    )]
    UnknownTensor {
        /// The entry's place in the directory, from 0.
        index: usize,
        /// Its name hash.
        hash: u64,
    },
    /// N2: a tensor of the architecture has no entry.
    #[error("tensor {name} is missing, expected by the header's shape")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// N3: a tensor has other dims than the header gives it.
    #[error("tensor {name} has dims {found:?}, expected {expected:?}")]
    ShapeMismatch {
        /// The tensor's name.
        name: String,
        /// The entry's used dims.
        found: Vec<u32>,
        /// The dims of docs/formats.md 5.5.
        expected: Vec<u32>,
    },
}

impl NamesError {
    pub(super) const fn suffix(&self) -> &'static str {
        match self {
            Self::UnknownTensor { .. } => "unknown-tensor",
            Self::MissingTensor { .. } => "missing-tensor",
            Self::ShapeMismatch { .. } => "shape-mismatch",
        }
    }

    pub(super) fn field(&self) -> String {
        match self {
            Self::UnknownTensor { index, .. } => format!("entry.{index}.name_hash"),
            Self::MissingTensor { name } | Self::ShapeMismatch { name, .. } => name.clone(),
        }
    }
}

struct Fnv1a(u64);

impl fmt::Write for Fnv1a {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{LayerTensor, TensorName};

    #[test]
    fn names_have_their_published_hashes() {
        assert_eq!(TensorName::Embeddings.hash(), 0x771E_F68A_9B91_C762);
        assert_eq!(TensorName::Norm.hash(), 0xE45E_8831_76C5_CE0F);
        assert_eq!(TensorName::Output.hash(), 0x6D1C_F81E_F83B_28C6);
        let wq = TensorName::Layer(0, LayerTensor::Wq);
        assert_eq!(wq.to_string(), "layers.0.wq.weight");
        assert_eq!(wq.hash(), 0x2E19_20BD_B770_12A5);
    }
}
