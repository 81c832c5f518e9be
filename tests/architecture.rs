//! The crates depend on each other only along the arrows of `docs/architecture.md`, and the tests
//! that documents name are where they say.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may depend on, in any way.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("lanes", &[]),
    ("verifier", &["lanes"]),
    ("app", &["verifier"]),
    ("store", &["app", "verifier"]),
    ("engine", &["verifier"]),
    ("simulator", &["engine", "verifier"]),
    ("transfer", &["app", "engine", "verifier"]),
    ("cli", &["app", "store", "transfer", "verifier"]),
    ("desktop", &["app", "store", "transfer", "verifier"]),
];

/// Crates that may depend on anything.
const FREE: [&str; 3] = ["benches", "fuzz", "tests"];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"].as_array().unwrap().iter();
            let names = needs.map(|d| d["name"].as_str().unwrap()).filter(|n| ours.contains(n));
            (package["name"].as_str().unwrap().to_owned(), names.map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn no_arrow_goes_where_it_may_not() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    for (package, needs) in graph() {
        if FREE.contains(&package.as_str()) {
            continue;
        }
        let may = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} is not in the table of arrows"));
        for need in needs {
            assert!(may.contains(&need.as_str()), "{package} must not depend on {need}");
        }
    }
}

#[test]
fn only_the_programs_that_wire_the_ports_name_an_adapter() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../app");
    let mut folders = vec![root.join("cli/src"), root.join("desktop/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.file_name().unwrap() == "main.rs" {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for adapter in ["store::", "transfer::"] {
                let named = text.lines().any(|line| {
                    let code = line.trim_start();
                    !code.starts_with("//") && names(code, adapter)
                });
                assert!(!named, "{} names {adapter}", path.display());
            }
        }
    }
}

#[test]
fn the_store_asks_the_disk_in_one_place_so_that_tests_can_make_it_fail() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/src");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("tests") && !name.starts_with("files") && name != "device.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                assert!(!code.contains("std::fs"), "{name} names std::fs");
            }
        }
    }
}

#[test]
fn what_the_window_shows_too_names_no_command() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = ["app/src", "store/src", "transfer/src"].map(|at| root.join(at)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for word in ["`minimodel ", "command again", "`--"] {
                    assert!(!line.contains(word), "{} says {word}: {line}", path.display());
                }
            }
        }
    }
}

/// Whether the line names the crate, and not something that ends like it.
fn names(line: &str, adapter: &str) -> bool {
    line.match_indices(adapter).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn each_test_that_a_document_names_is_in_the_file_beside_it() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    let mut found = 0;
    for (document, default) in
        [("docs/promises.md", Some("tests/promises")), ("docs/threats.md", None)]
    {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for row in text.lines().filter(|line| line.starts_with("| ")) {
            let cell = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
            for (tests, places) in named_tests(cell) {
                let last = tests.len() - 1;
                let places = resolved(&root, &places);
                for (at, test) in tests.iter().enumerate() {
                    found += 1;
                    let holds = |place: &String| holds_test(&root.join(place), test);
                    // One that is not beside the file itself may have none, where that says where.
                    let by_default =
                        || default.is_some_and(|folder| holds_test(&root.join(folder), test));
                    let is_there = match (at == last, places.is_empty()) {
                        (_, true) => by_default(),
                        (true, false) => places.iter().all(holds),
                        (false, false) => places.iter().any(holds) || by_default(),
                    };
                    if !is_there {
                        wrong.push(format!("{document}: `{test}` is not in {places:?}"));
                    }
                }
            }
        }
    }
    assert!(found > 200, "{found} tests are named");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The tests that a cell names, in groups with what stands in parentheses after each.
fn named_tests(cell: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let mut groups = Vec::new();
    let mut tests = Vec::new();
    for (at, part) in cell.split('`').enumerate() {
        let is_code = at % 2 == 1;
        if is_code && part.contains('_') && !part.contains(['.', ' ', '-', '/']) {
            tests.push(part);
        } else if !is_code && !tests.is_empty() {
            let places = part.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
            let places: Vec<&str> = places
                .map(|(places, _)| places.split([',', ';']).map(str::trim).collect())
                .unwrap_or_default();
            if !places.is_empty() || part.trim_start().starts_with(';') {
                groups.push((std::mem::take(&mut tests), places));
            }
        }
    }
    if !tests.is_empty() {
        groups.push((tests, Vec::new()));
    }
    groups
}

/// Paths of the workspace: a bare name is one beside the file before it, or of the promises.
fn resolved(root: &std::path::Path, places: &[&str]) -> Vec<String> {
    let mut folder = "tests/promises".to_owned();
    let mut paths = Vec::new();
    for place in places {
        let path =
            if place.contains('/') { (*place).to_owned() } else { format!("{folder}/{place}") };
        if root.join(&path).is_file() {
            folder = path.rsplit_once('/').unwrap().0.to_owned();
        }
        // What is no path is a remark.
        if place.contains('/') || place.ends_with(".rs") {
            paths.push(path);
        }
    }
    paths
}

/// Whether the file, or one in the folder, has the test.
fn holds_test(place: &std::path::Path, test: &str) -> bool {
    if place.is_dir() {
        let mut entries = std::fs::read_dir(place).unwrap();
        return entries.any(|entry| holds_test(&entry.unwrap().path(), test));
    }
    std::fs::read_to_string(place).is_ok_and(|text| text.contains(&format!("fn {test}(")))
}
