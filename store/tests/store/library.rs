//! One library: its owner, its peers and its quota.

use std::fs;

use app::ports::{Access, KnownPeer, PieceStore as _};
use store::{LockError, OpenError, Store};
use verifier::boundary::PeerAddress;
use verifier::identity::SigningKey;
use verifier::scalars::Label;

use crate::fixture::now;
use crate::open;

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let error = Store::open(folder.path(), "other").unwrap_err();
    assert!(matches!(&error, OpenError::Lock(LockError::Held { pid, program })
        if *pid == std::process::id() && program == "test"));
    drop(store);
    open(folder.path());
}

#[tokio::test]
async fn peers_and_quota_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let id = SigningKey::from_seed([3; 32]).public_key().peer_id();
    let known = KnownPeer {
        id,
        label: Label::parse("Study").unwrap(),
        addresses: vec![PeerAddress::parse("mmp://192.168.1.7:4711").unwrap()],
        added: now(),
        access: Access::Blocked,
    };
    let store = open(folder.path());
    store.add_peer(known.clone()).await.unwrap();
    store.set_quota(123_456_789).await.unwrap();
    drop(store);
    fs::remove_dir_all(folder.path().join("store/index")).unwrap();
    let store = open(folder.path());
    let peers = store.peers().await.unwrap();
    assert_eq!(peers.len(), 1);
    assert_eq!((peers[0].id, &peers[0].label, peers[0].added), (id, &known.label, now()));
    assert_eq!(peers[0].addresses, known.addresses);
    assert_eq!(peers[0].access, Access::Blocked);
    assert!(!store.lets_in(id));
    store.add_peer(KnownPeer { access: Access::Open, ..known }).await.unwrap();
    assert!(store.lets_in(id));
    assert_eq!(store.accounts().await.unwrap().quota, 123_456_789);
    assert!(store.remove_peer(id).await.unwrap());
    assert!(!store.lets_in(id));
    assert!(!store.remove_peer(id).await.unwrap());
}
