//! Arguments of the command that measures.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use app::bench::Plan;
use app::quantity::Size;
use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand, value_parser};

/// `bench`.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// How fast pieces, trees, documents and whole files are verified here, beside the raw speed
    /// of the hashes
    Verify(BenchArgs),
}

/// `bench verify`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Some seconds instead of a minute or two: a smaller model, fewer samples
    #[arg(long)]
    pub quick: bool,
    /// About how large the sample model is, from 1MiB to 1GiB; it is held in memory [default:
    /// 64MiB, 16MiB with --quick]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Size>,
    /// How often each work is timed [default: 15, 5 with --quick]
    #[arg(long, value_name = "N", value_parser = within(Plan::SAMPLES))]
    pub samples: Option<u32>,
    /// How many threads work where all cores do [default: as many as this machine can run]
    #[arg(long, value_name = "N", value_parser = within(Plan::CORES))]
    pub cores: Option<u32>,
    /// Keep the figures in this file; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Say what changed since the figures in this file
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

/// Reads a number within a range.
fn within(range: RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(i64::from(*range.start())..=i64::from(*range.end()))
}
