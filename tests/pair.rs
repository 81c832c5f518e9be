//! Two installations get to know each other, or do not.

use serde_json::Value;

use crate::harness::{Companion, Turn};

fn ticket(of: &Companion) -> String {
    let invite = ["peer", "invite", "--address", "mmp://127.0.0.1:9", "--label", &of.name];
    of.run(&invite).done()["ticket"].as_str().unwrap().to_owned()
}

#[test]
fn both_see_one_code_and_a_wrong_one_pairs_nobody() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let [anna, ben] = ["anna", "ben"].map(|name| Companion::new(folder.path(), name));
    let (of_anna, of_ben) = (ticket(&anna), ticket(&ben));
    let wrong = ["peer", "add", &of_ben, "--expect-code", "1234"];
    assert_eq!(anna.refuses(&wrong, 1, "consent.denied")["field"], "pair_code");
    anna.refuses(&["peer", "add", &of_anna, "--yes"], 2, "usage.arguments");
    anna.refuses(&["peer", "add", &of_ben], 1, "consent.denied");
    assert_eq!(anna.run(&["peer", "list"]).done()["peer_count"], 0);

    let there = anna.run(&["peer", "add", &of_ben, "--yes"]).done();
    let code = there["pair_code"].as_str().unwrap().replace(' ', "-");
    ben.run(&["peer", "add", &of_anna, "--expect-code", &code]).done();
    assert_eq!(labels(&ben), ["anna"]);
}

#[test]
fn no_two_peers_go_by_one_name() {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    let names = ["anna", "ben", "cleo"];
    let [anna, ben, cleo] = names.map(|name| Companion::new(folder.path(), name));
    anna.learns_of(&ben);
    let taken = ["peer", "add", &ticket(&cleo), "--yes", "--label", "ben"];
    anna.refuses(&taken, 2, "usage.arguments");
    anna.learns_of(&cleo);

    anna.refuses(&["peer", "rename", "cleo", "ben"], 2, "usage.arguments");
    anna.refuses(&["peer", "rename", "nobody", "dora"], 2, "usage.arguments");
    anna.refuses(&["peer", "rename", "cleo", "a/b"], 2, "usage.arguments");
    let renamed = anna.run(&["peer", "rename", "cleo", "dora"]).done();
    assert_eq!(renamed["peer_id"], cleo.id());
    let mut now = labels(&anna);
    now.sort();
    assert_eq!(now, ["ben", "dora"]);
    anna.run(&["peer", "remove", "dora"]).done();
    assert_eq!(labels(&anna), ["ben"]);
}

fn labels(of: &Companion) -> Vec<String> {
    let list = of.run(&["peer", "list"]).done();
    let peers = list["peer"].as_array().unwrap().iter();
    peers.map(|peer: &Value| peer["label"].as_str().unwrap().to_owned()).collect()
}
