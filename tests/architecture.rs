//! The crates depend on each other only along the arrows of `docs/architecture.md`.

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
