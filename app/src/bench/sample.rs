//! Quartiles a work and its raw counterpart in turn.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{BenchError, Plan, Prepared, Round, Row, Work};

/// A sample takes at least this long: shorter work is repeated, so that the clock is not measured.
const MIN_SAMPLE: Duration = Duration::from_millis(5);
/// The most rounds in a sample.
const MAX_ROUNDS: u32 = 100_000;

/// What samples tell: their median, and the quartiles, between which half of them lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quartiles {
    /// The lower quartile.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub high: f64,
}

impl Quartiles {
    /// Median and quartiles of `samples`; all 0 if there are none.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let last = samples.len().saturating_sub(1);
        let at = |quarters: usize| samples.get((last * quarters + 2) / 4).copied();
        let [low, median, high] = [1, 2, 3].map(|quarters| at(quarters).unwrap_or_default());
        Self { low, median, high }
    }

    /// Half the distance of the quartiles, as a part of the median.
    pub fn spread(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.median
    }
}

/// Warms up, then takes the plan's samples of the work and of its raw counterpart in turn, telling
/// `sampled` of each pair.
///
/// # Errors
///
/// What the work gives, or what `sampled` gives.
pub fn measure(
    work: Work,
    prepared: &Prepared<'_>,
    plan: &Plan,
    mut sampled: impl FnMut() -> Result<(), BenchError>,
) -> Result<Row, BenchError> {
    let verified = Side::warm(&prepared.verified, plan.warm_up)?;
    let raw = Side::warm(&prepared.raw, plan.warm_up)?;
    let mut pairs = Vec::new();
    for sample in 0..plan.samples {
        // Whoever goes first finds the caches as the other left them: they take turns at that.
        let pair = if sample % 2 == 0 {
            let first = verified.sample()?;
            (first, raw.sample()?)
        } else {
            let first = raw.sample()?;
            (verified.sample()?, first)
        };
        pairs.push(pair);
        sampled()?;
    }
    Ok(Row {
        work,
        amount: prepared.amount,
        verified: Quartiles::of(pairs.iter().map(|(verified, _)| *verified).collect()),
        raw: Quartiles::of(pairs.iter().map(|(_, raw)| *raw).collect()),
        ratio: Quartiles::of(pairs.iter().map(|(verified, raw)| raw / verified).collect()),
    })
}

/// Something to time, and how many rounds make a sample.
struct Side<'a> {
    round: &'a Round<'a>,
    rounds: u32,
}

impl<'a> Side<'a> {
    fn warm(round: &'a Round<'a>, time: Duration) -> Result<Self, BenchError> {
        let started = Instant::now();
        let mut fastest = Duration::MAX;
        loop {
            let before = Instant::now();
            round()?;
            fastest = fastest.min(before.elapsed());
            if started.elapsed() >= time {
                break;
            }
        }
        let rounds = MIN_SAMPLE.as_nanos().div_ceil(fastest.as_nanos().max(1));
        let rounds = u32::try_from(rounds).unwrap_or(MAX_ROUNDS).min(MAX_ROUNDS);
        Ok(Self { round, rounds })
    }

    /// How long one round takes, in nanoseconds.
    fn sample(&self) -> Result<f64, BenchError> {
        let started = Instant::now();
        for _ in 0..self.rounds {
            (self.round)()?;
        }
        // Never 0, which no ratio could be made of.
        let took = started.elapsed().max(Duration::from_nanos(1));
        Ok(took.as_secs_f64() * 1e9 / f64::from(self.rounds))
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn a_median_and_quartiles_are_found() {
        let five = Quartiles::of(vec![50.0, 10.0, 30.0, 20.0, 40.0]);
        assert_eq!(five, Quartiles { low: 20.0, median: 30.0, high: 40.0 });
        assert_eq!(Quartiles::of(vec![7.0]), Quartiles { low: 7.0, median: 7.0, high: 7.0 });
        assert!((five.spread() - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn one_wild_sample_changes_little() {
        let calm = Quartiles::of((1..=15).map(f64::from).collect());
        let wild = Quartiles::of((1..=14).map(f64::from).chain([1e9]).collect());
        assert_eq!(calm, wild);
    }
}
