//! What an error advises: the right file, folder, command and side, and nothing that destroys.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use verifier::Sha256;
use verifier::consent::{Act, ConsentLog, GrantTerms, Scope};
use verifier::scalars::{Id, UtcTime};

use crate::harness::{Companion, Model, Scene, grants};

/// A line that is dated so long after now, behind what the log has.
fn puts_ahead(companion: &Companion, ahead: Duration) {
    let path = companion.data.join("consent.log");
    let mut bytes = fs::read(&path).unwrap_or_default();
    let later = (SystemTime::now() + ahead).duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let granted = UtcTime::from_unix(later.as_secs());
    let terms = GrantTerms {
        id: Id::parse("g-odd").unwrap(),
        act: Act::Cache,
        model_id: Id::parse("other").unwrap(),
        artifact_sha256: Sha256::of(b"other"),
        scope: Scope::None,
        byte_limit: 1,
        granted,
        expires: granted.plus(86_400),
    };
    bytes.extend(ConsentLog::parse(&bytes).unwrap().grant_line(&terms).unwrap());
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_new_yes_counts_now_although_a_clock_was_ahead_once() {
    let scene = Scene::new(1, Model::SMALL);
    let (peer, importer) = (&scene.peers[0], &scene.importer);
    puts_ahead(peer, Duration::from_secs(20 * 60));
    // Ten minutes more, so that the days stay whole while the test runs.
    puts_ahead(importer, Duration::from_secs(40 * 86_400 + 600));
    let server = scene.serve_all(&["--for", "5min"]).pop().unwrap();
    assert!(server.said().contains("ahead of this machine's clock"), "{}", server.said());
    let imported = scene.import(&["--consent", Scene::YES]).stop();
    imported.done();
    assert!(imported.err.contains("40 days ahead of this machine's clock"), "{imported}");
    scene.came_out();
    // It counted, and ended with the import.
    let fetched = grants(importer, "fetch").pop().unwrap();
    assert_eq!((&fetched["bytes_used"], &fetched["live"]), (&scene.bytes.into(), &false.into()));
    assert_eq!(grants(importer, "cache")[0]["live"], false);
    let listed = importer.run(&["consent", "list"]);
    assert!(listed.err.contains("g-odd  ahead"), "{listed}");
    let answers = [&["consent", "list"][..], &["activity"], &["share", "list"]];
    for answer in answers.map(|words| importer.run(words)).into_iter().chain([imported]) {
        assert_eq!(answer.done()["warnings"][0], "consent-log-ahead", "{answer}");
        assert!(answer.err.contains("ahead of this machine's clock"), "{answer}");
    }

    // What is taken back stops it, and the log holds from its first line to its last.
    let serve = grants(peer, "serve").pop().unwrap();
    peer.run(&["consent", "revoke", serve["id"].as_str().unwrap()]).done();
    server.ends().done();
    for companion in [peer, importer] {
        let checked = companion.run(&["consent", "check"]);
        checked.done();
        assert!(checked.err.contains("ahead of this machine's clock"), "{checked}");
    }
}

#[test]
fn a_limit_that_cannot_be_is_named_with_its_option_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Companion::new(folder.path(), "nobody");
    for (line, option, most) in [
        ("share serve m --to a --for 31d", "--for <TIME>", "30d"),
        ("share serve m --to a --bytes 9008TiB", "--bytes <SIZE>", "8191TiB"),
        ("import-peer-request r m out --for 5w", "--for <TIME>", "30d"),
        ("peer invite --for 31d", "--for <TIME>", "30d"),
        ("request new m o --out r --for 31d", "--for <TIME>", "30d"),
        ("announce m --out a --for 25h", "--for <TIME>", "1d"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = nobody.run(&words);
        assert_eq!(answer.status, Some(2), "{answer}");
        for text in [option, &format!("use {most} at most")] {
            assert!(answer.out.contains(text) && answer.err.contains(text), "{answer}");
        }
        assert!(!answer.err.contains("consent.log"), "{answer}");
    }
    let low = "900 bytes a second are less than 4 KiB a second; use 4KiB at least";
    for (line, option) in [
        ("share serve m --to a --upload-limit 900", "--upload-limit <SIZE>"),
        ("share serve m --to a --peer-limit 900", "--peer-limit <SIZE>"),
        ("import-peer-request r m out --download-limit 900", "--download-limit <SIZE>"),
        ("settings set upload-limit 900", "upload_limit"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = nobody.run(&words);
        assert_eq!(answer.status, Some(2), "{answer}");
        for text in [option, low, "usage.arguments"] {
            assert!(answer.out.contains(text), "{answer}");
        }
        assert!(answer.err.contains(low) && !nobody.data.exists(), "{answer}");
    }
    fs::create_dir(&nobody.data).unwrap();
    let file = nobody.data.join("settings.json");
    fs::write(&file, "{\"peer_limit\": 900}").unwrap();
    let refused = nobody.run(&["settings"]).refused(2, "usage.arguments");
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains(low) && told.contains(file.to_str().unwrap()), "{refused}");
    fs::remove_file(file).unwrap();
    let nine: Vec<String> = (1..=9).map(|port| format!("mmp://127.0.0.1:{port}")).collect();
    let mut words = vec!["peer", "invite"];
    words.extend(nine.iter().flat_map(|address| ["--address", address]));
    let refused = nobody.run(&words).refused(2, "usage.arguments");
    assert!(!refused["advice"].as_str().unwrap().contains("ticket"), "{refused}");
}

#[test]
fn a_message_is_about_what_was_typed() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let anna = &scene.importer;
    for (words, said) in [
        (&["peer", "add", "mmticket0:abc"][..], "text is no ticket, or a part of one: "),
        (&["consent", "revoke", "g5"], "there is no live grant `g5`"),
        (&["peer", "invite", "--for", "0s"], "`0s` is zero; use 1 at least"),
        (&["peer", "invite", "--for", "-1s"], "`-1s` does not start with a number"),
        (
            &["share", "prepare", "tiny.slm", "--out", "x", "--model-id", "Bad Id"],
            "for example --model-id tiny-story",
        ),
        (
            &["share", "prepare", "tiny.slm", "--out", "x", "--model-card-route", "../c"],
            "for example --model-card-route /card.md",
        ),
        (
            &["settings", "set", "upload-limit", "0"],
            "upload_limit is none from now on: there is no limit.",
        ),
        (&["receipt", "list", "."], "No receipts in this folder."),
    ] {
        let answer = anna.run(words);
        assert!(answer.err.contains(said), "{answer}");
    }
    fs::write(anna.data.join("settings.json"), "").unwrap();
    let empty = anna.run(&["settings"]);
    assert!(empty.err.contains("the file is empty"), "{empty}");
    let ben = Companion::new(&scene.path(""), "ben");
    fs::write(&ben.data, "").unwrap();
    let file = ben.run(&["settings"]);
    assert!(file.err.contains("name a folder instead"), "{file}");
}

#[test]
fn a_failure_names_the_file_that_is_to_blame() {
    let scene = Scene::of_strangers(1, Model::SMALL);
    let anna = &scene.importer;
    for (line, code, file) in [
        ("import-peer-request tiny.slm tiny.manifest out", "request.too-large", "tiny.slm: "),
        ("verify-artifact tiny.slm tiny.slm", "manifest.too-large", "tiny.slm: "),
        ("verify-receipt tiny.manifest tiny.manifest tiny.slm", "receipt.missing-key", "receipt: "),
        (
            "verify-artifact tiny.manifest tiny.slm --chunk-list tiny.manifest",
            "chunk-list.missing-key",
            "chunk list is not valid: ",
        ),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let refused = anna.refuses(&words, 1, code);
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(file), "{line}: {message}");
        assert_eq!(message.contains("tiny.slm"), file.contains("tiny.slm"), "{line}: {message}");
    }
}

#[test]
fn a_broken_consent_log_is_kept_and_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let anna = Companion::new(folder.path(), "anna");
    puts_ahead_of_nothing(&anna);
    let log = anna.data.join("consent.log");
    let broken = [&fs::read(&log).unwrap()[..], b"{}\n"].concat();
    fs::write(&log, &broken).unwrap();
    let place =
        format!("the first line of the consent log {} holds, line 2 does not: ", log.display());
    let refused = anna.refuses(&["consent", "check"], 1, "consent.missing-key");
    assert!(refused["message"].as_str().unwrap().starts_with(&place), "{refused}");
    assert_eq!(refused["lines"], 1, "{refused}");
    let advice = refused["advice"].as_str().unwrap();
    for (text, is_there) in
        [("Do not delete it", true), ("consent.log.broken", true), ("consent check", false)]
    {
        assert_eq!(advice.contains(text), is_there, "{advice}");
    }
    // What holds is shown all the same, and allows nothing.
    for (line, count) in [("consent list", "grant_count"), ("activity", "entry_count")] {
        let answer = anna.run(&line.split(' ').collect::<Vec<_>>());
        let shown = answer.done();
        assert_eq!(
            (&shown[count], &shown["warnings"][0]),
            (&1.into(), &"consent-log-broken".into())
        );
        assert!(
            answer.err.contains(&place)
                && answer.err.contains("yes to cache") == (line == "activity")
        );
    }
    // What needs no yes goes on.
    let ben = Companion::new(folder.path(), "ben");
    anna.learns_of(&ben);
    anna.run(&["library", "list"]).done();
    let blocked = anna.refuses(&["peer", "block", "ben"], 1, "consent.missing-key");
    let said = blocked["message"].as_str().unwrap();
    assert!(said.starts_with("ben is blocked, but") && said.contains(&place), "{said}");
    assert_eq!(anna.run(&["peer", "list"]).done()["peer"][0]["blocked"], true);
    assert_eq!(fs::read(&log).unwrap(), broken);
    // The advice leads out of it, and the old log stays.
    fs::rename(&log, anna.data.join("consent.log.broken")).unwrap();
    anna.run(&["consent", "check"]).done();
}

fn puts_ahead_of_nothing(companion: &Companion) {
    fs::create_dir_all(&companion.data).unwrap();
    puts_ahead(companion, Duration::ZERO);
}

/// The texts between quotes of every function that advises, and of every advice that is a constant.
fn advice_in(source: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for (start, ends) in [("-> Advice {", ["\n    }\n", "\n}\n"]), (": Advice =", [";\n"; 2])] {
        for part in source.split(start).skip(1) {
            let shorter = ends.map(|end| part.split(end).next().unwrap());
            let body = shorter.into_iter().min_by_key(|body| body.len()).unwrap();
            texts.extend(body.split('"').skip(1).step_by(2).map(|text| {
                text.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ")
            }));
        }
    }
    texts
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let mut found: Vec<PathBuf> = folders.iter().flat_map(|folder| sources(folder)).collect();
    found.extend(files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")));
    found
}

#[test]
fn no_advice_names_a_command_or_throws_away_what_cannot_be_had_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut count = 0;
    for folder in ["verifier/src", "app/src", "store/src", "transfer/src"] {
        for path in sources(&root.join(folder)) {
            for advice in advice_in(&fs::read_to_string(&path).unwrap()) {
                // What stands between two sentences is no advice.
                if advice.trim().is_empty() {
                    continue;
                }
                let told = format!("{}: {advice}", path.display());
                let begins = advice.starts_with(|c: char| c.is_uppercase() || c == '{');
                assert!(advice.ends_with('.') && begins, "{told}");
                for command in ["`", "minimodel ", " --", "Ctrl-C", "button"] {
                    assert!(!advice.contains(command), "{told}");
                }
                let lower = advice.to_lowercase().replace("do not delete", "");
                for loss in ["delete", "remove the file", "move consent.log", "throw away"] {
                    assert!(!lower.contains(loss), "{told}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 100, "only {count} were found");
}
