//! Arguments of the commands to try things with: sample and demo.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use app::quantity::{Limit, QuantityError, Size};
use clap::{Args, ValueEnum};

use super::ServeArgs;

/// `sample`.
#[derive(Debug, Clone, Args)]
pub struct SampleArgs {
    /// Where the .slm file is written; nothing may be there
    pub out: PathBuf,
    /// The model's shape: tiny is a few kilobytes, 16m has 17 million parameters
    #[arg(long, value_enum, value_name = "SHAPE", default_value_t = ShapeChoice::Tiny)]
    pub shape: ShapeChoice,
    /// Take a shape whose file has about this size, such as 1GiB
    #[arg(long, value_name = "SIZE", conflicts_with = "shape")]
    pub bytes: Option<Size>,
    /// How the weights are stored
    #[arg(long, value_enum, value_name = "QUANT", default_value_t = QuantChoice::F32)]
    pub quant: QuantChoice,
    /// The made-up weights follow from this number
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// A shape that samples can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShapeChoice {
    /// 4,824 parameters
    Tiny,
    /// 17,048,064 parameters
    #[value(name = "16m")]
    M16,
}

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QuantChoice {
    /// 32-bit floats
    F32,
    /// 8-bit integers, a scale for each row
    #[value(name = "q8_0")]
    Q8_0,
    /// 4-bit integers, a scale for each block
    #[value(name = "q4_0")]
    Q4_0,
}

/// `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The model's size: 16m is a q8_0 model of 17,160,000 bytes; else bytes, such as 1GiB
    /// [default: 16m, or 64MiB with --importers]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<DemoSize>,
    /// How many peers serve it
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u8).range(1..=16))]
    pub peers: u8,
    /// One peer flips bytes in what it sends: it must be caught and banned
    #[arg(long)]
    pub liar: bool,
    /// One peer is killed midway: the import must finish without it
    #[arg(long)]
    pub kill: bool,
    /// So many importers fetch from one source and serve each other what they have
    #[arg(long, value_name = "N", conflicts_with_all = ["peers", "liar", "kill"],
          value_parser = clap::value_parser!(u8).range(2..=16))]
    pub importers: Option<u8>,
    /// The most bytes a second that this source sends, from 4KiB
    #[arg(long, value_name = "SIZE", default_value = "8MiB", requires = "importers")]
    pub source_limit: Limit,
    /// Leave everything in this new folder: DIR/importer, DIR/peer-0 …, DIR/out
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `demo-liar`.
#[derive(Debug, Clone, Args)]
pub struct LiarArgs {
    /// What it serves, as an honest server would.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Flip a byte in every Nth piece that is sent
    #[arg(long, value_name = "N", default_value = "1")]
    pub every: NonZeroU32,
}

/// How large the demo's model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoSize {
    /// The published 16m shape in q8_0.
    M16,
    /// A shape near this size in f32.
    Near(Size),
}

impl FromStr for DemoSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.eq_ignore_ascii_case("16m") { Ok(Self::M16) } else { text.parse().map(Self::Near) }
    }
}
