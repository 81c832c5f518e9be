//! The benchmark that users run.

use std::fs;

use serde_json::Value;

use crate::harness::{Companion, Turn};

/// A run as short as can be.
const SHORT: [&str; 8] =
    ["bench", "verify", "--quick", "--size", "1MiB", "--samples", "3", "--cores=2"];

#[test]
fn figures_are_saved_and_compared_with_a_later_run() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let one = Companion::new(folder.path(), "one");
    let first = one.run(&[&SHORT[..], &["--save", "first"]].concat());
    let report = first.done()["report"].clone();
    let rows = report["rows"].as_array().unwrap();
    let of = |what: &str| rows.iter().filter(|row| row["work"]["what"] == what).count();
    // Two hashes, four sizes, one core and two, memory and file.
    assert_eq!(of("pieces"), 32);
    for (what, count) in [("root", 2), ("proof", 2), ("container", 1), ("artifact", 2)] {
        assert_eq!(of(what), count, "{what}");
    }
    for row in rows {
        for figure in ["verified", "raw", "ratio"] {
            assert!(row[figure]["median"].as_f64().unwrap() > 0.0, "{row}");
        }
    }
    assert!(report["machine"]["features"].is_array() && report["build"]["profile"].is_string());
    let saved: Value =
        serde_json::from_slice(&fs::read(folder.path().join("first")).unwrap()).unwrap();
    assert_eq!(saved, report);
    // A person sees as many rows, none wider than a terminal.
    let table = first.err.lines().filter(|line| line.contains("/s")).collect::<Vec<_>>();
    assert_eq!(table.len(), rows.len(), "{first}");
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{first}");

    let second = one.run(&[&SHORT[..], &["--compare", "first"]].concat()).done();
    let changes = second["comparison"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), rows.len());
    assert_eq!(second["comparison"]["differences"], Value::Array(Vec::new()));
    assert!(!one.data.exists(), "a benchmark needs no data folder");
}

#[test]
fn what_cannot_be_measured_or_compared_is_refused_first() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let one = Companion::new(folder.path(), "one");
    fs::write(folder.path().join("other"), "{\"format\":\"another\"}").unwrap();
    for (words, status, code) in [
        (["--compare", "nowhere"], 3, "io.failed"),
        (["--compare", "other"], 2, "usage.arguments"),
        (["--save", "other"], 3, "output.exists"),
        (["--size", "1KiB"], 2, "usage.arguments"),
        (["--size", "2GiB"], 2, "usage.arguments"),
    ] {
        one.refuses(&[&["bench", "verify"], &words[..]].concat(), status, code);
    }
    assert_eq!(
        fs::read_to_string(folder.path().join("other")).unwrap(),
        "{\"format\":\"another\"}"
    );
}
