//! Figures as people read them.

use super::{Change, Row, Work};

impl Work {
    /// How much is done in a second, with three digits: `1.64 GiB/s`, or `12.0 M/s` where items
    /// are counted.
    pub fn rate(&self, rate: f64) -> String {
        let units: [(f64, &str); 3] = if self.counts_bytes() {
            [(1_073_741_824.0, "GiB/s"), (1_048_576.0, "MiB/s"), (1_024.0, "KiB/s")]
        } else {
            [(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")]
        };
        let [_, _, last] = units;
        let (unit, name) = units.into_iter().find(|(unit, _)| rate >= *unit).unwrap_or(last);
        let shown = rate / unit;
        let digits = match shown {
            shown if shown < 9.995 => 2,
            shown if shown < 99.95 => 1,
            _ => 0,
        };
        format!("{shown:.digits$} {name}")
    }
}

impl Row {
    /// How much is verified in a second.
    pub fn verified_text(&self) -> String {
        self.work.rate(self.verified_rate())
    }

    /// How much the raw counterpart does in a second.
    pub fn raw_text(&self) -> String {
        self.work.rate(self.raw_rate())
    }

    /// How far the samples of the work lie apart: `10 %`.
    pub fn spread_text(&self) -> String {
        format!("{:.0} %", self.verified.spread() * 100.0)
    }

    /// The verified speed over the raw one: `0.95`.
    pub fn ratio_text(&self) -> String {
        format!("{:.2}", self.ratio.median)
    }
}

impl Change {
    /// The change of the speed: `+12 %`.
    pub fn percent(&self) -> String {
        // Adding 0 makes the 0 that rounding leaves a positive one.
        let percent = ((self.factor - 1.0) * 100.0).round() + 0.0;
        format!("{percent:+.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Quartiles, Row, Verdict, Work};

    #[test]
    fn rates_have_three_digits() {
        let rate = |amount, median| {
            let times = Quartiles { low: median, median, high: median };
            let row =
                Row { work: Work::Manifest, amount, verified: times, raw: times, ratio: times };
            row.verified_text()
        };
        assert_eq!(rate(1 << 20, 1e9), "1.00 MiB/s");
        assert_eq!(rate(100 << 20, 1e9), "100 MiB/s");
        assert_eq!(rate(1023 << 20, 1e9), "1023 MiB/s");
        assert_eq!(rate(12 << 30, 1e9), "12.0 GiB/s");
        assert_eq!(rate(512, 1e9), "0.50 KiB/s");
    }

    #[test]
    fn a_change_has_its_sign() {
        for (factor, text) in [(1.0, "+0 %"), (1.124, "+12 %"), (0.5, "-50 %"), (0.999, "+0 %")] {
            let change = Change { work: Work::Manifest, factor, verdict: Verdict::Same };
            assert_eq!(change.percent(), text);
        }
    }
}
