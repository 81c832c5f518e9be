//! How many bytes have moved under each grant.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use verifier::scalars::{Id, parse_int};

use crate::files;

/// The first line of the file.
const HEAD: &str = "consent-used 0";

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Bytes by grant.
pub(super) type Used = BTreeMap<Id, u64>;

/// What is counted here, and how much of it is written down.
#[derive(Debug)]
pub(super) struct Tally {
    saved: Used,
    unsaved: Used,
}

impl Tally {
    pub(super) const fn new(saved: Used) -> Self {
        Self { saved, unsaved: Used::new() }
    }

    pub(super) fn used(&self, grant: &Id) -> u64 {
        let of = |used: &Used| used.get(grant).copied().unwrap_or(0);
        of(&self.saved).saturating_add(of(&self.unsaved))
    }

    pub(super) fn add(&mut self, grant: Id, bytes: u64) {
        let used = self.unsaved.entry(grant).or_default();
        *used = used.saturating_add(bytes);
    }

    pub(super) const fn unsaved(&self) -> &Used {
        &self.unsaved
    }

    pub(super) fn unsaved_bytes(&self) -> u64 {
        self.unsaved.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Takes over what other processes wrote down.
    pub(super) fn set_saved(&mut self, saved: Used) {
        self.saved = saved;
    }

    /// Takes over what is written down now, `counted` being the part of it that was unsaved.
    pub(super) fn saved_now(&mut self, saved: Used, counted: &Used) {
        self.saved = saved;
        self.unsaved.retain(|grant, bytes| {
            *bytes = bytes.saturating_sub(counted.get(grant).copied().unwrap_or(0));
            *bytes > 0
        });
    }
}

/// Adds up two counts.
pub(super) fn add(to: &mut Used, counted: &Used) {
    for (grant, bytes) in counted {
        let used = to.entry(grant.clone()).or_default();
        *used = used.saturating_add(*bytes);
    }
}

/// The file: a head line, then a grant and its bytes a line, by grant.
#[derive(Debug)]
pub(super) struct TallyFile {
    path: PathBuf,
}

impl TallyFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; nothing was used if there is none.
    ///
    /// # Errors
    ///
    /// What the disk said, or that the file is not a tally: a limit that cannot be kept is not
    /// taken for one that is unused.
    pub(super) fn load(&self) -> io::Result<Used> {
        let Some(bytes) = files::read(&self.path, MAX_FILE)? else { return Ok(Used::new()) };
        String::from_utf8(bytes).ok().and_then(|text| parse(&text)).ok_or_else(|| {
            let text = format!("{} is not a tally of bytes by grant", self.path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }

    /// Replaces the file, whole.
    pub(super) fn replace(&self, used: &Used) -> io::Result<()> {
        files::replace(&self.path, &[write(used).as_bytes()])
    }
}

fn write(used: &Used) -> String {
    let lines = used.iter().map(|(grant, bytes)| format!("{grant} {bytes}\n"));
    format!("{HEAD}\n{}", lines.collect::<String>())
}

fn parse(text: &str) -> Option<Used> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()? != HEAD {
        return None;
    }
    let mut used = Used::new();
    for line in lines {
        let (grant, bytes) = line.split_once(' ')?;
        let grant = Id::parse(grant).ok()?;
        let is_in_order = used.last_key_value().is_none_or(|(before, _)| *before < grant);
        if !is_in_order {
            return None;
        }
        used.insert(grant, parse_int(bytes).ok()?);
    }
    Some(used)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Tally, Used, add, parse, write};
    use verifier::scalars::Id;

    #[test]
    fn what_is_written_down_counts_once() {
        let [one, two] = ["one", "two"].map(|text| Id::parse(text).unwrap());
        let mut tally = Tally::new(Used::from([(one.clone(), 5)]));
        tally.add(one.clone(), 10);
        let counted = tally.unsaved().clone();
        tally.add(one.clone(), 1);
        tally.add(two.clone(), 2);
        // Another process counted 100 meanwhile.
        let mut saved = Used::from([(one.clone(), 105)]);
        add(&mut saved, &counted);
        tally.saved_now(saved, &counted);
        assert_eq!((tally.used(&one), tally.used(&two)), (116, 2));
        assert_eq!(tally.unsaved_bytes(), 3);
    }

    #[test]
    fn a_file_that_was_cut_is_refused() {
        let text = "consent-used 0\na 1\nb 20\n";
        assert_eq!(parse(text).unwrap().len(), 2);
        for cut in (0..text.len()).filter(|cut| !text[..*cut].ends_with('\n')) {
            assert_eq!(parse(&text[..cut]), None, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_text_returns_and_what_is_read_is_written_alike(
            text in "(consent-used 0\n)?([ab-]{0,2} [0-9]{0,3}\n){0,4}\\PC{0,3}",
        ) {
            if let Some(used) = parse(&text) {
                prop_assert_eq!(write(&used), text);
            }
        }
    }
}
