//! One import from several peers, and what it leaves behind.

use crate::harness::{Companion, Model, Scene, grants};

#[test]
fn three_peers_give_one_model_and_the_receipt_says_who_gave_what() {
    let scene = Scene::new(3, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let answer = scene.import(&["--consent", Scene::YES, "--sign"]).ends().done();
    let receipt = scene.came_out();

    assert_eq!(receipt["transfer.pieces_local"], "0");
    assert_eq!(receipt["transfer.pieces_fetched"], scene.pieces.to_string());
    assert_eq!(receipt["receipt.signer"], scene.importer.id());
    assert_eq!(answer["transfer.peer_count"], receipt["transfer.peer_count"].as_str());
    assert_eq!(answer["banned"].as_array().unwrap().len(), 0);

    let map = scene.importer.run(&["library", "map", "tiny"]).done();
    assert_eq!((&map["missing"], &map["corrupt"]), (&0.into(), &0.into()));
    assert_eq!(map["kept"], scene.pieces);
    let received: u64 = grants(&scene.importer, "fetch")
        .iter()
        .map(|grant| grant["bytes_used"].as_u64().unwrap())
        .sum();
    assert!(received >= scene.bytes, "{received} bytes were asked for");
    assert_eq!(moved(&scene.importer, "bytes_given"), scene.bytes);

    let served = servers.into_iter().map(|server| {
        let answer = server.stop().done();
        assert_eq!(answer["ended"], "stopped");
        answer["peer"][0]["bytes"].as_u64().unwrap_or(0)
    });
    assert!(served.sum::<u64>() >= scene.bytes);
    let taken = scene.peers.iter().map(|peer| moved(peer, "bytes_taken"));
    assert!(taken.sum::<u64>() >= scene.bytes);
}

/// What all peers of this one gave or took together, as its list of peers says.
fn moved(one: &Companion, way: &str) -> u64 {
    let list = one.run(&["peer", "list"]).done();
    let peers = list["peer"].as_array().unwrap().iter();
    peers.map(|peer| peer[way].as_u64().unwrap()).sum()
}

#[test]
fn pieces_proven_by_blake3_are_imported_too() {
    let scene = Scene::new(2, Model { algorithm: "blake3-tree-v0", ..Model::SMALL });
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    assert_eq!(scene.came_out()["chunking.algorithm"], "blake3-tree-v0");
}

#[test]
fn a_second_import_into_the_same_folder_is_refused_before_anyone_is_called() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    scene.importer.run(&["library", "forget", "tiny", "--yes"]).done();
    let given = grants(&scene.importer, "fetch").len();

    scene.importer.refuses(&scene.import_words(&["--consent", Scene::YES]), 3, "output.exists");
    for server in servers {
        let answer = server.stop();
        assert_eq!(answer.err.matches("importer called").count(), 1, "{answer}");
    }
    scene.importer.refuses(&scene.import_words(&["--consent", Scene::YES]), 3, "output.exists");
    assert_eq!(grants(&scene.importer, "fetch").len(), given, "a yes was written down");
    scene.came_out();
}

#[test]
fn half_a_pair_in_the_way_is_not_written_over() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    let words = scene.import_words(&["--consent", Scene::YES]);
    for name in ["tiny-1.0.slm", "tiny-1.0.minimodel-receipt"] {
        let path = scene.out().join(name);
        std::fs::write(&path, "mine").unwrap();
        scene.importer.refuses(&words, 3, "output.exists");
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        std::fs::remove_file(&path).unwrap();
        scene.nothing_came_out();
    }
}

#[test]
fn a_model_larger_than_the_quota_is_imported_without_caching() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.importer.run(&["library", "quota", "1MiB"]).done();
    let refused = scene.import(&["--consent", Scene::YES]).ends().refused(3, "io.failed");
    assert_eq!(refused["field"], "quota", "{refused}");
    scene.import(&["--consent", "fetch,import"]).ends().done();
    scene.came_out();
}

#[test]
fn without_a_yes_to_caching_nothing_stays_in_the_library() {
    let scene = Scene::new(1, Model::SMALL);
    let _servers = scene.serve_all(&[]);
    scene.import(&["--consent", "fetch,import"]).ends().done();
    scene.came_out();
    let library = scene.importer.run(&["library", "list"]).done();
    assert_eq!(library["model_count"], 0);
    let room = scene.importer.run(&["library", "room", "1KiB"]).done();
    assert_eq!(room["evicted_count"], 0, "{room}");
    scene.importer.refuses(&["library", "room", "1000TiB"], 3, "io.failed");
    let accounts = scene.importer.run(&["library", "quota"]).done();
    assert_eq!(accounts["live"], 0, "{accounts}");
}

#[test]
fn without_a_yes_nothing_is_fetched_or_written() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    let named = scene.importer.refuses(&scene.import_words(&[]), 1, "consent.denied");
    assert_eq!(named["field"], "fetch");
    let words = scene.import_words(&["--consent", "fetch"]);
    let named = scene.importer.refuses(&words, 1, "consent.denied");
    assert_eq!(named["field"], "import");

    scene.nothing_came_out();
    assert_eq!(scene.importer.kept(), 0);
    assert_eq!(grants(&scene.importer, "fetch").len(), 0);
    for server in servers {
        let answer = server.stop();
        assert!(!answer.err.contains("called"), "{answer}");
    }
}

#[test]
fn what_is_kept_is_imported_again_without_any_peer() {
    let scene = Scene::new(1, Model::SMALL);
    let servers = scene.serve_all(&[]);
    scene.import(&["--consent", Scene::YES]).ends().done();
    drop(servers);
    for name in ["tiny-1.0.slm", "tiny-1.0.minimodel-receipt"] {
        std::fs::remove_file(scene.out().join(name)).unwrap();
    }
    scene.import(&["--consent", "import,cache"]).ends().done();
    let receipt = scene.came_out();
    assert_eq!(receipt["transfer.pieces_local"], "0");
    assert_eq!(receipt["transfer.peer.0.id"], scene.peers[0].id());
}
