//! A second client of the transfer protocol, which a stranger to this code could have written: from
//! docs/protocol.md and docs/formats.md alone.

mod artifact;
mod client;

use std::fs;

use serde_json::Value;

use crate::harness::{Companion, Model, Running, Scene, lines};

use artifact::{Artifact, Hash};
use client::{Call, Caller, frame, kind};

/// The SHA-256 of an artifact that nobody has.
const NOT_THERE: Hash = [0xA5; 32];
/// What whoever opens what it may not have hears, from the document.
const NOT_SERVED: &[u8] = b"\x04\0\0\0\x01\x01\0\0\x04\x03\0\0\0\x0A\0\x01\0\x02\0\0\0\x0B\0\0";

#[test]
fn a_client_written_from_the_document_alone_fetches_and_verifies_a_piece() {
    for (algorithm, piece) in [
        ("fixed-size-merkle-v0", "16KiB"),
        ("blake3-tree-v0", "512KiB"),
        ("fixed-size-merkle-v0", "4MiB"),
        ("blake3-tree-v0", "4MiB"),
    ] {
        let served = Served::to("reader", Model { algorithm, piece, ..Model::SMALL });
        let artifact = &served.artifact;
        let last = artifact.pieces - 1;
        let mut call = served.call();
        call.say(&[hello(1, &[]), open(artifact.sha256), index(kind::ASK_PROVEN, last)]);
        assert_eq!(named(&call.hears(kind::HELLO)), [1, 1024]);
        served.opened(&call.hears(kind::OPENED));
        served.proven(&mut call, last);
        call.say(&[index(kind::ASK_PROVEN, 0)]);
        served.proven(&mut call, 0);

        call.say(&[frame(kind::LEARN, &[])]);
        let list = served.learned(&mut call);
        let middle = artifact.pieces / 2;
        call.say(&[index(kind::ASK, middle)]);
        let piece = served.piece(&mut call, middle).unwrap();
        assert_eq!(artifact.digest(middle, &piece), list[usize::try_from(middle).unwrap()]);

        // It may be on its way before the cancel comes.
        call.say(&[index(kind::ASK, last), index(kind::CANCEL, last)]);
        if let Err(code) = served.piece(&mut call, last) {
            assert_eq!(code, 4, "not refused as cancelled");
        }
        call.say(&[close(0)]);
        assert_eq!(call.hear_out(), b"");
    }
}

#[test]
fn what_is_not_served_looks_like_what_is_not_held_to_such_a_client() {
    let served = Served::to("friend", Model::SMALL);
    for more in [
        vec![],
        vec![frame(kind::LEARN, &[]), index(kind::ASK, 0)],
        vec![index(kind::ASK_PROVEN, u32::MAX)],
    ] {
        for wanted in [served.artifact.sha256, NOT_THERE] {
            let mut call = served.call();
            call.say(&[vec![hello(1, &[]), open(wanted)], more.clone()].concat());
            assert_eq!(call.hear_out(), NOT_SERVED);
        }
    }
}

#[test]
fn a_client_that_is_not_paired_hears_an_alert_where_the_first_frame_was_due() {
    let served = Served::to("reader", Model::SMALL);
    let stranger = Caller::of([0x43; 32]);
    let error = served.is_called_by(&stranger).hear_any().unwrap_err();
    assert_eq!(error.to_string(), "received fatal alert: CertificateUnknown");
    let elsewhere = served.caller.call(served.says("/addresses/0"), &stranger.id());
    assert!(elsewhere.is_err(), "another key than the one that was meant was let answer");
}

#[test]
fn a_later_version_of_the_protocol_talks_to_this_one() {
    let served = Served::to("reader", Model::SMALL);
    for (version, more) in [(2, &[7; 9][..]), (u16::MAX, &[7; 60])] {
        let mut call = served.call();
        call.say(&[hello(version, more), open(served.artifact.sha256)]);
        assert_eq!(named(&call.hears(kind::HELLO))[0], 1);
        served.opened(&call.hears(kind::OPENED));
        call.say(&[index(kind::ASK_PROVEN, 3)]);
        served.proven(&mut call, 3);
        call.say(&[close(0)]);
        assert_eq!(call.hear_out(), b"");
    }
}

#[test]
fn a_version_that_nobody_speaks_and_a_broken_protocol_are_told_apart() {
    let served = Served::to("reader", Model::SMALL);
    let (open, pieces) = (open(served.artifact.sha256), served.artifact.pieces);
    for (code, flight) in [
        (4, vec![hello(0, &[])]),
        (3, vec![hello(1, &[0; 61])]),
        (3, vec![open.clone()]),
        (3, vec![hello(1, &[]), hello(1, &[])]),
        (3, vec![hello(1, &[]), index(kind::ASK, 0)]),
        (3, vec![hello(1, &[]), open.clone(), index(kind::ASK, pieces)]),
        (3, vec![hello(1, &[]), open.clone(), index(kind::ASK, 0), index(kind::ASK, 0)]),
        (3, vec![hello(1, &[]), open.clone(), index(kind::CANCEL, 0)]),
        (3, vec![hello(1, &[]), open.clone(), frame(15, &[])]),
    ] {
        let mut call = served.call();
        call.say(&flight);
        assert_eq!(named(&call.hears(kind::HELLO))[0], 1);
        let said = call.hear_out();
        assert!(said.ends_with(&close(code)), "{flight:02X?} is answered by {said:02X?}");
    }
}

/// A peer that serves a model, and a caller that it is paired with.
struct Served {
    caller: Caller,
    artifact: Artifact,
    bytes: Vec<u8>,
    offer: Value,
    _server: Running,
    _scene: Scene,
}

impl Served {
    /// Serves the model to one of two that the peer is paired with: the caller is the reader.
    #[track_caller]
    fn to(label: &str, model: Model) -> Self {
        let scene = Scene::of_strangers(1, model);
        let peer = &scene.peers[0];
        peer.learns_of(&Companion::new(&scene.path(""), "friend"));
        let caller = Caller::of([0x42; 32]);
        let invitation = peer.run(&["peer", "invite", "--address", "mmp://127.0.0.1:9"]).done();
        let ticket = caller.ticket("reader", invitation["ticket"].as_str().unwrap());
        let added = peer.run(&["peer", "add", &ticket, "--yes"]).done();
        assert_eq!(added["peer_id"], caller.id());
        // A piece counts each time it is asked for.
        let server = scene.serves(0, label, &["--bytes", "64MiB"]);
        let offer = fs::read(scene.path("peer-0.minimodel-offer")).unwrap();
        Self {
            caller,
            artifact: Artifact::of(&lines(&scene.path("tiny.manifest"))),
            bytes: fs::read(scene.path("tiny.slm")).unwrap(),
            offer: serde_json::from_slice(&offer).unwrap(),
            _server: server,
            _scene: scene,
        }
    }

    /// What the offer says there.
    fn says(&self, pointer: &str) -> &str {
        self.offer.pointer(pointer).unwrap().as_str().unwrap()
    }

    #[track_caller]
    fn is_called_by(&self, caller: &Caller) -> Call {
        caller.call(self.says("/addresses/0"), self.says("/peer_id")).unwrap()
    }

    #[track_caller]
    fn call(&self) -> Call {
        self.is_called_by(&self.caller)
    }

    /// Checks that what was opened is what the manifest says, and that all of it is kept there.
    #[track_caller]
    fn opened(&self, body: &[u8]) {
        let Artifact { byte_count, piece_size, pieces, tree, root, .. } = &self.artifact;
        let mut map = vec![0_u8; usize::try_from(pieces.div_ceil(8)).unwrap()];
        for piece in 0..*pieces {
            map[usize::try_from(piece / 8).unwrap()] |= 1 << (piece % 8);
        }
        let members: [&[u8]; 6] = [
            &byte_count.to_le_bytes(),
            &piece_size.to_le_bytes(),
            &[tree.code()],
            root,
            &u64::try_from(map.len()).unwrap().to_le_bytes(),
            &map,
        ];
        assert_eq!(body, members.concat());
    }

    /// Takes a piece and its proof, and checks that they lead to the root.
    #[track_caller]
    fn proven(&self, call: &mut Call, index: u32) {
        let proof = call.hears(kind::PROOF);
        let (named, siblings) = proof.split_first_chunk().unwrap();
        assert_eq!(u32::from_le_bytes(*named), index);
        let piece = self.piece(call, index).unwrap();
        let digest = self.artifact.digest(index, &piece);
        let led = self.artifact.proven(index, digest, &hashes(siblings));
        assert_eq!(led, Some(self.artifact.root));
    }

    /// Takes a piece, or the code with which it is refused.
    #[track_caller]
    fn piece(&self, call: &mut Call, index: u32) -> Result<Vec<u8>, u16> {
        let (start, end) = self.artifact.place(index);
        let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
        let mut piece = Vec::new();
        while piece.len() < range.len() {
            let (kind, body) = call.hear();
            if kind == kind::REFUSE {
                let asked = [&[1][..], &index.to_le_bytes()].concat();
                let code = body.strip_prefix(&asked[..]).expect("that ask is refused");
                return Err(u16::from_le_bytes(code.try_into().unwrap()));
            }
            assert_eq!(kind, kind::BLOCK);
            let offset = u32::try_from(piece.len()).unwrap().to_le_bytes();
            let bytes = body.strip_prefix(&[index.to_le_bytes(), offset].concat()[..]).unwrap();
            piece.extend_from_slice(bytes);
            assert!(bytes.len() >= 512 || piece.len() == range.len());
        }
        assert!(piece == self.bytes[range], "piece {index} is another");
        Ok(piece)
    }

    /// Takes the piece list, and checks that it leads to the root.
    #[track_caller]
    fn learned(&self, call: &mut Call) -> Vec<Hash> {
        let mut list = Vec::new();
        while list.len() < usize::try_from(self.artifact.pieces).unwrap() {
            let body = call.hears(kind::DIGESTS);
            let (first, digests) = body.split_first_chunk().unwrap();
            assert_eq!(usize::try_from(u32::from_le_bytes(*first)).unwrap(), list.len());
            list.extend(hashes(digests));
        }
        assert_eq!(self.artifact.root_of(&list), self.artifact.root);
        list
    }
}

/// What hello names: a version, and how many asks may be open.
fn named(hello: &[u8]) -> [u16; 2] {
    let [a, b, c, d, ..] = hello[..] else { panic!("{hello:?}") };
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

#[track_caller]
fn hashes(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = bytes.as_chunks();
    assert_eq!(rest, b"");
    hashes.to_vec()
}

fn hello(version: u16, more: &[u8]) -> Vec<u8> {
    frame(kind::HELLO, &[&version.to_le_bytes(), &1024_u16.to_le_bytes(), more])
}

fn open(sha256: Hash) -> Vec<u8> {
    frame(kind::OPEN, &[&sha256])
}

/// A frame that names a piece and says no more.
fn index(kind: u8, index: u32) -> Vec<u8> {
    frame(kind, &[&index.to_le_bytes()])
}

fn close(code: u16) -> Vec<u8> {
    frame(kind::CLOSE, &[&code.to_le_bytes()])
}
