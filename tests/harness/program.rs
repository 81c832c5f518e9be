//! The program under test, built from these sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Where the `minimodel` program is; the first caller has it built.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| own_copy("minimodel", &build("cli", "minimodel")))
}

/// Where the `minimodel-companion` program is; the first caller has it built.
pub fn companion() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let name = "minimodel-companion";
    PATH.get_or_init(|| own_copy(name, &build("desktop", name)))
}

fn build(package: &str, name: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--offline", "-p", package, "--bin", name])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = messages
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo names the program it built")
}

/// Puts the program where no build that runs meanwhile replaces it.
///
/// Its name follows from where the sources are, for folders of build products that several
/// working copies share.
fn own_copy(name: &str, built: &Path) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(place).unwrap();
    let sources = env!("CARGO_MANIFEST_DIR").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let copy = place.join(format!("{name}{sources}"));
    let fresh = place.join(format!("{name}{sources}.{}", std::process::id()));
    if fs::hard_link(built, &fresh).is_err() {
        fs::copy(built, &fresh).unwrap();
    }
    fs::rename(&fresh, &copy).unwrap();
    // Renaming one link of a file over another link of it leaves both.
    let _gone = fs::remove_file(&fresh);
    copy
}
