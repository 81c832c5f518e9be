//! The search itself, file by file.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::slm::calibrate::candidate::{Candidate, Evidence, KNOWN_STARTS};
use crate::slm::calibrate::rewind::{Bundle, Starts};
use crate::slm::calibrate::rule::Rule;

/// What the files taken in so far imply.
#[derive(Debug, Default)]
pub(super) struct Search {
    searched: Vec<Searched>,
    findings: Vec<Finding>,
}

/// A file over which all rules were run.
#[derive(Debug)]
struct Searched {
    file: File,
    /// For each reading of the stored checksum, what each rule implies.
    readings: Vec<Vec<(Rule, u64)>>,
}

#[derive(Debug, Clone, Copy)]
struct File {
    number: usize,
    length: usize,
}

/// A conclusive candidate and the files that it explains.
#[derive(Debug)]
struct Finding {
    rule: Rule,
    start: u64,
    files: Vec<File>,
}

impl Search {
    /// Takes in a file whose checksum was one of `readings`.
    pub(super) fn take(&mut self, number: usize, bytes: &[u8], readings: &[u64]) {
        let file = File { number, length: bytes.len() };
        let mut explained = false;
        for finding in &mut self.findings {
            if readings.iter().any(|checksum| finding.explains(*checksum, bytes)) {
                finding.files.push(file);
                explained = true;
            }
        }
        if explained {
            return;
        }
        let readings: Vec<_> =
            readings.iter().map(|checksum| run_all_rules(*checksum, bytes)).collect();
        for (index, (rule, start)) in readings.iter().flat_map(|implied| (0..).zip(implied)) {
            let mut files = self.agreeing(index, *start);
            let two_lengths = files.iter().any(|other| other.length != file.length);
            if two_lengths || KNOWN_STARTS.contains(start) {
                files.push(file);
                self.findings.push(Finding { rule: *rule, start: *start, files });
            }
        }
        self.searched.push(Searched { file, readings });
    }

    /// All conclusive candidates.
    pub(super) fn finish(self) -> Vec<Candidate> {
        self.findings.into_iter().map(Finding::conclude).collect()
    }

    /// The files for which the rule at `index` implied `start`.
    fn agreeing(&self, index: usize, start: u64) -> Vec<File> {
        let implies = |implied: &Vec<(Rule, u64)>| {
            implied.get(index).is_some_and(|(_, other)| *other == start)
        };
        let agreeing = self.searched.iter().filter(|other| other.readings.iter().any(implies));
        agreeing.map(|other| other.file).collect()
    }
}

impl Finding {
    fn explains(&self, checksum: u64, bytes: &[u8]) -> bool {
        let bundle = Bundle::of(&self.rule);
        let starts = bundle.rewind(checksum, bytes);
        bundle.rules(starts).any(|implied| implied == (self.rule, self.start))
    }

    fn conclude(self) -> Candidate {
        let Self { rule, start, files } = self;
        let two_files = files.windows(2).any(|pair| match pair {
            [one, other] => one.length != other.length,
            _ => false,
        });
        let evidence = match (two_files, KNOWN_STARTS.contains(&start)) {
            (true, true) => Evidence::TwoFilesAndKnownConstant,
            (true, false) => Evidence::TwoFiles,
            (false, _) => Evidence::KnownConstant,
        };
        let mut files: Vec<_> = files.into_iter().map(|file| file.number).collect();
        files.sort_unstable();
        Candidate { rule, start, evidence, files }
    }
}

/// Runs all rules backwards on all cores; the rules come in the same order each time.
fn run_all_rules(checksum: u64, bytes: &[u8]) -> Vec<(Rule, u64)> {
    let bundles = Bundle::all();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, Bundle, Starts)> = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(bundle) = bundles.get(index) else { return done };
            done.push((index, *bundle, bundle.rewind(checksum, bytes)));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(bundles.len());
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, ..)| *index);
    done.into_iter().flat_map(|(_, bundle, starts)| bundle.rules(starts)).collect()
}
