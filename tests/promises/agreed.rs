//! What was agreed to: to whom, until when, act by act, and nothing before a yes.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Instant, SystemTime};

use serde_json::Value;
use verifier::Sha256;
use verifier::consent::{Act, ConsentLog, GrantTerms, Scope};
use verifier::scalars::{Id, UtcTime};

use crate::harness::{Companion, DEADLINE, Model, Running, Scene, files, grants, midway};

/// How many grants of an act are live.
#[track_caller]
fn live(companion: &Companion, act: &str) -> usize {
    grants(companion, act).iter().filter(|grant| grant["live"] == true).count()
}

/// A scene whose peer knows fred and gina too.
fn scene() -> Scene {
    let scene = Scene::new(1, Model::SMALL);
    for name in ["fred", "gina"] {
        scene.peers[0].learns_of(&Companion::new(&scene.path(""), name));
    }
    scene
}

/// Starts to serve to somebody who never calls.
#[track_caller]
fn serves(scene: &Scene, to: &str, more: &[&str]) -> Running {
    let words = ["share", "serve", "tiny", "--listen", "127.0.0.1:0", "--to", to];
    let mut server = scene.peers[0].start(&[&words[..], &["--consent", "serve"], more].concat());
    server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));
    server
}

#[test]
#[cfg(unix)]
fn ctrl_c_takes_back_what_the_run_granted() {
    let scene = scene();
    let server = serves(&scene, "fred", &[]);
    assert_eq!(live(&scene.peers[0], "serve"), 1);
    let answer = server.interrupt();
    let served = answer.done();
    assert_eq!(served["taken_back"].as_array().unwrap().len(), 1);
    assert!(answer.err.contains("it takes back what this yes grants"), "{answer}");
    assert!(answer.err.contains("What your yes granted is taken back."), "{answer}");
    assert_eq!(live(&scene.peers[0], "serve"), 0);
}

/// Starts to serve to fred and waits, without a pause, until the yes is in the consent log.
#[cfg(unix)]
fn just_granted(scene: &Scene) -> Running {
    let log = scene.peers[0].data.join("consent.log");
    let length = || fs::metadata(&log).map_or(0, |found| found.len());
    let before = length();
    let words = ["share", "serve", "tiny", "--listen", "127.0.0.1:0", "--to", "fred"];
    let server = scene.peers[0].start(&[&words[..], &["--consent", "serve"]].concat());
    let started = Instant::now();
    while length() == before {
        assert!(started.elapsed() < DEADLINE, "nothing is granted: {}", server.said());
        std::thread::yield_now();
    }
    server
}

#[test]
#[cfg(unix)]
fn a_signal_right_at_the_yes_takes_back_what_it_granted() {
    let scene = scene();
    for signal in ["TERM", "INT", "HUP", "TERM"] {
        just_granted(&scene).ends_by(signal).done();
        assert_eq!(live(&scene.peers[0], "serve"), 0, "{signal}");
    }
}

#[test]
#[cfg(unix)]
fn a_second_ctrl_c_does_not_cut_the_taking_back() {
    let scene = scene();
    for _ in 0..3 {
        let server = serves(&scene, "fred", &[]);
        let pid = server.pid().to_string();
        let twice = format!("kill -INT {pid}; sleep 0.002; kill -INT {pid}");
        Command::new("sh").args(["-c", &twice]).status().unwrap();
        let answer = server.ends();
        assert_eq!(answer.done()["taken_back"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(live(&scene.peers[0], "serve"), 0);
    }
}

#[test]
fn a_run_ends_with_the_last_grant_of_its_own_yes() {
    let scene = scene();
    // A power cut leaves the grant.
    serves(&scene, "fred", &[]).kill();
    let answer = serves(&scene, "gina", &["--for", "2s"]).ends();
    assert_eq!(answer.done()["ended"], "no-grant");
    assert_eq!(live(&scene.peers[0], "serve"), 1, "fred's grant is another yes");
}

#[test]
fn the_question_names_everybody_to_whom_the_model_is_open_and_ends_older_grants_on_a_word() {
    let scene = scene();
    serves(&scene, "fred", &["--bytes", "5MiB"]).kill();
    let until = grants(&scene.peers[0], "serve")[0]["expires_utc"].as_str().unwrap().to_owned();
    let named = |answer: &str| {
        let line = answer.lines().find(|line| line.starts_with("  also      fred (mmpeer1"));
        let line = line.unwrap_or_else(|| panic!("fred is not named: {answer}"));
        assert!(line.contains(&until) && line.contains("5.00 MiB left"), "{line}");
    };
    let beside = serves(&scene, "gina", &["--until-input-ends"]).stop();
    named(&beside.err);
    assert_eq!(beside.done()["older_ended"].as_array().unwrap().len(), 0);
    assert_eq!(live(&scene.peers[0], "serve"), 1);

    let server = serves(&scene, "gina", &["--until-input-ends", "--only"]);
    let may: Vec<Value> = grants(&scene.peers[0], "serve");
    let may: Vec<&Value> = may.iter().filter(|grant| grant["live"] == true).collect();
    let gina = Companion::new(&scene.path(""), "gina").id();
    assert_eq!(may.iter().map(|grant| &grant["peer"]).collect::<Vec<_>>(), [&gina]);
    let alone = server.stop();
    named(&alone.err);
    assert_eq!(alone.done()["older_ended"].as_array().unwrap().len(), 1);
    assert_eq!(live(&scene.peers[0], "serve"), 0);
}

#[test]
fn a_grant_that_is_used_up_ends_its_run_after_its_last_byte() {
    let scene = Scene::new(1, Model::SMALL);
    let server = scene.serve_all(&["--bytes", &scene.bytes.to_string()]).pop().unwrap();
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.came_out();
    let served = server.ends().done();
    assert_eq!(served["ended"], "no-grant");
    assert_eq!(served["peer"][0]["bytes"], scene.bytes);
}

#[test]
fn the_question_names_the_offer_and_its_addresses() {
    let scene = Scene::new(1, Model::SMALL);
    let answer = scene.serves(0, "importer", &[]).stop();
    let line = answer.err.lines().find(|line| line.starts_with("  offer ")).unwrap();
    let offer = fs::read_to_string(scene.path("peer-0.minimodel-offer")).unwrap();
    let offer: Value = serde_json::from_str(&offer).unwrap();
    assert!(line.contains("peer-0.minimodel-offer, which says your peer id"), "{line}");
    assert!(line.ends_with(offer["addresses"][0].as_str().unwrap()), "{line}");
}

#[test]
fn a_start_that_fails_grants_nothing() {
    let scene = Scene::new(1, Model::SMALL);
    let peer = &scene.peers[0];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = taken.local_addr().unwrap().to_string();
    let serve = |more: &[&str], code| {
        let words = ["share", "serve", "tiny", "--to", "importer", "--consent", "serve"];
        peer.refuses(&[&words[..], more].concat(), 3, code);
    };
    serve(&["--listen", &busy], "io.failed");
    serve(&["--listen", "127.0.0.1:0", "--offer", "nowhere/offer"], "output.unsafe");
    let announce = ["announce", "tiny", "--address", "mmp://127.0.0.1:9", "--consent", "publish"];
    peer.refuses(&[&announce[..], &["--out", "nowhere/a"]].concat(), 3, "output.unsafe");
    assert_eq!((grants(peer, "serve").len(), grants(peer, "publish").len()), (0, 0));

    let importer = &scene.importer;
    importer.run(&["library", "quota", "1MiB"]).done();
    let prepare = ["share", "prepare", "tiny.slm", "--manifest", "tiny.manifest"];
    importer.refuses(&[&prepare[..], &["--consent", "cache"]].concat(), 3, "io.failed");
    let _servers = scene.serve_all(&[]);
    let import = [&scene.import_words(&[])[..], &["--consent", Scene::YES]].concat();
    assert_eq!(importer.refuses(&import, 3, "io.failed")["field"], "quota");
    let count = importer.run(&["consent", "list"]).done()["grant_count"].clone();
    assert_eq!(count, 0, "nothing was granted");
}

#[test]
fn a_request_says_that_its_user_agrees_only_after_they_said_so() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let words = ["request", "new", "tiny.manifest", "peer-0.minimodel-offer", "--out", "new.json"];
    for more in [&[][..], &["--consent", "import"]] {
        let words = [&words[..], more].concat();
        assert_eq!(scene.importer.refuses(&words, 1, "consent.denied")["field"], "fetch");
        assert!(!scene.path("new.json").exists());
    }
    scene.importer.run(&[&words[..], &["--consent", "fetch"]].concat()).done();
    scene.importer.run(&["check-request", "new.json", "tiny.manifest"]).done();
    assert!(grants(&scene.importer, "fetch").is_empty(), "a request alone grants nothing");
}

#[test]
fn an_unknown_grant_among_others_takes_none_back() {
    let scene = Scene::new(1, Model::SMALL);
    let peer = &scene.peers[0];
    let server = scene.serve_all(&[]).pop().unwrap();
    let grant = grants(peer, "serve").pop().unwrap();
    let grant = grant["id"].as_str().unwrap();
    let words = ["consent", "revoke", grant, "g-nobody"];
    let refused = peer.refuses(&words, 1, "consent.unknown-grant");
    assert_eq!((refused["field"].as_str(), live(peer, "serve")), (Some("g-nobody"), 1));
    peer.run(&["consent", "revoke", grant, grant]).done();
    assert_eq!(live(peer, "serve"), 0);
    server.stop().done();
}

#[cfg(unix)]
#[test]
fn an_import_takes_back_what_is_left_of_its_yes_however_it_ends() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "512KiB"]);
    let none_is_live = || {
        let live = ["fetch", "import", "cache"].map(|act| live(&scene.importer, act));
        assert_eq!(live, [0; 3]);
    };
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    let answer = cut.interrupt();
    answer.refused(3, "io.failed");
    assert!(answer.err.contains("; it ends with the import"), "{answer}");
    none_is_live();
    let answer = scene.import(&["--consent", Scene::YES]).ends();
    answer.done();
    assert!(!answer.err.contains("earlier grant"), "{answer}");
    none_is_live();
}

#[test]
fn the_yes_to_an_import_takes_the_place_of_earlier_ones() {
    let scene = Scene::new(1, Model::FINE);
    let _servers = scene.serve_all(&["--upload-limit", "256KiB"]);
    let mut cut = scene.import(&["--consent", Scene::YES]);
    midway(&mut cut);
    // A power cut leaves its grants.
    cut.kill();
    let mut import = scene.import(&["--consent", Scene::YES]);
    midway(&mut import);
    let left: Vec<Value> = grants(&scene.importer, "fetch");
    let left: Vec<&Value> = left.iter().filter(|grant| grant["live"] == true).collect();
    let [newest] = left[..] else { panic!("{left:?}") };
    scene.importer.run(&["consent", "revoke", newest["id"].as_str().unwrap()]).done();
    let answer = import.ends();
    answer.refused(1, "consent.denied");
    let told = "  ends      3 earlier grants for this model that have not ended";
    assert!(answer.err.contains(told), "{answer}");
    scene.nothing_came_out();
}

#[test]
fn an_import_of_what_is_here_names_no_peer_because_it_calls_none() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    drop(servers);
    for blocked in [false, true] {
        for name in files(&scene.out()) {
            fs::remove_file(scene.out().join(name)).unwrap();
        }
        if blocked {
            scene.importer.run(&["peer", "block", "peer-0"]).done();
        }
        let answer = scene.import(&["--consent", "import"]).ends();
        answer.done();
        for false_word in ["from each peer", "IP address", "not called", "peers   "] {
            assert!(!answer.err.contains(false_word), "{false_word}: {answer}");
        }
        let told = "  bytes     nothing to fetch, all pieces are kept already; nobody is called";
        assert!(answer.err.contains(told), "{answer}");
        let told = format!("Nothing was fetched: {} pieces were here already.", scene.pieces);
        assert!(answer.err.contains(&told), "{answer}");
        scene.came_out();
    }
}

/// Writes down, as by a clock that is a day ahead, that fred may have the scene's model; from
/// when on.
#[track_caller]
fn granted_ahead(scene: &Scene, name: &str) -> String {
    let peer = &scene.peers[0];
    let fred = Companion::new(&scene.path(""), "fred").id();
    let library = peer.run(&["library", "list"]).done();
    let artifact = library["model"][0]["artifact_sha256"].as_str().unwrap().to_owned();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let granted = UtcTime::from_unix(now.as_secs() + 86_400);
    let path = peer.data.join("consent.log");
    let mut bytes = fs::read(&path).unwrap();
    let terms = GrantTerms {
        id: Id::parse(name).unwrap(),
        act: Act::Serve,
        model_id: Id::parse("tiny").unwrap(),
        artifact_sha256: Sha256::parse(&artifact).unwrap(),
        scope: Scope::parse(&fred).unwrap(),
        byte_limit: 5 << 20,
        granted,
        expires: granted.plus(86_400),
    };
    let mut log = ConsentLog::parse(&bytes).unwrap();
    let line = log.grant_line(&terms).unwrap();
    log.extend(&line).unwrap();
    bytes.extend(line);
    fs::write(path, bytes).unwrap();
    granted.to_string()
}

/// The log is of a clock that was ahead when fred's grant was written down.
#[test]
fn a_grant_that_is_not_live_yet_is_named_and_ends_like_one_that_is() {
    let scene = scene();
    let peer = &scene.peers[0];
    let is_over = |name: &str| {
        let list = peer.run(&["consent", "list"]);
        let line = list.err.lines().find(|line| line.starts_with(name)).unwrap();
        line.contains("  ended  ")
    };

    let from = granted_ahead(&scene, "g-listed");
    let list = peer.run(&["consent", "list"]);
    let line = list.err.lines().find(|line| line.starts_with("g-listed")).unwrap();
    assert!(line.contains("  ahead  ") && line.contains(&format!("from {from}")), "{line}");
    let shares = peer.run(&["share", "list"]);
    assert!(shares.err.contains(&format!("fred may have it from {from} until")), "{shares}");
    peer.run(&["share", "stop", "tiny"]).done();
    assert!(is_over("g-listed"));

    let from = granted_ahead(&scene, "g-asked");
    let beside = serves(&scene, "gina", &["--until-input-ends"]).stop();
    let line = beside.err.lines().find(|line| line.starts_with("  also      fred (mmpeer1"));
    assert!(line.unwrap().contains(&format!("may have it from {from} until")), "{beside}");
    assert!(!is_over("g-asked"));
    serves(&scene, "gina", &["--until-input-ends", "--only"]).stop().done();
    assert!(is_over("g-asked"));

    for (word, name) in [("block", "g-blocked"), ("remove", "g-removed")] {
        granted_ahead(&scene, name);
        let told = peer.run(&["peer", word, "fred"]).done();
        assert_eq!(told["revoked"], serde_json::json!([name]), "{word}");
        assert!(is_over(name));
    }
}

#[test]
fn a_limit_that_no_piece_fits_into_is_refused_before_anybody_is_asked() {
    let scene = scene();
    let words = ["share", "serve", "tiny", "--to", "fred", "--listen", "127.0.0.1:0"];
    let serve = [&words[..], &["--consent", "serve", "--bytes", "5"]].concat();
    let refused = scene.peers[0].refuses(&serve, 2, "usage.arguments");
    assert_eq!(refused["field"], "--bytes");
    let last = scene.bytes % (64 << 10);
    let least = if last == 0 { 64 << 10 } else { last };
    let advice = refused["advice"].as_str().unwrap();
    assert!(advice.contains(&format!("--bytes {least}, which is one piece")), "{advice}");
    assert!(grants(&scene.peers[0], "serve").is_empty());
    serves(&scene, "fred", &["--bytes", &least.to_string(), "--until-input-ends"]).stop().done();
}

#[test]
fn stopping_a_share_tells_a_typo_from_a_model_that_is_not_served() {
    let scene = scene();
    let peer = &scene.peers[0];
    let typo = ["share", "stop", "tyni"];
    let refused = peer.refuses(&typo, 2, "usage.arguments");
    assert_eq!(refused["message"], "no model here is called `tyni`");
    let stopped = peer.run(&["share", "stop", "tiny-1.0"]);
    assert_eq!(stopped.done()["revoked"], serde_json::json!([]));
    assert!(stopped.err.contains("`tiny-1.0` may not be served now."), "{stopped}");

    peer.run(&["sample", "other.slm"]).done();
    peer.prepares("other.slm", &["--model-id", "other", "--model-version", "1"]);
    // A power cut leaves the grant.
    serves(&scene, "fred", &[]).kill();
    let stopped = peer.run(&["share", "stop", "other"]);
    assert_eq!(stopped.done()["revoked"], serde_json::json!([]));
    assert!(stopped.err.contains("May be served now: tiny ("), "{stopped}");
    assert!(
        peer.refuses(&typo, 2, "usage.arguments")["advice"].as_str().unwrap().contains("tiny (")
    );
}
