//! What is kept becomes a file, and the file is verified before another program gets it.

use std::fs;
use std::path::Path;

use app::Blamed as _;
use app::import::Settings;
use app::library::{Event, ExportError, Found, HandOffError, export, find, recheck_all, snapshot};
use app::ports::{OutputError, Patience};
use desktop::wiring::Wiring;
use store::Layout;
use tokio::runtime::Runtime;
use verifier::Sha256;
use verifier::scalars::Version;
use verifier::slm::ChecksumRule;

use crate::harness::{Model, Scene, files};
use crate::window::Wired;

const SLM: &str = "tiny-1.0.slm";

type Ports = <Wired as Wiring>::Ports;

/// The ports of an installation, as its program wires them.
fn open(data: &Path) -> Ports {
    Wired::default().open(data, &app::settings::Settings::default()).unwrap().ports
}

fn settings() -> Settings {
    let verifier_version = Version::parse("1").unwrap();
    Settings {
        verifier_version,
        signer: None,
        rule: ChecksumRule::Verify,
        patience: Patience::default(),
    }
}

/// The only model that is kept.
async fn only(ports: &Ports) -> Sha256 {
    snapshot(ports).await.unwrap().models[0].model.artifact
}

#[test]
fn a_file_that_was_changed_is_told_and_not_handed_over() {
    let scene = Scene::new(1, Model::SMALL);
    let out = scene.out();
    Runtime::new().unwrap().block_on(async {
        let ports = open(&scene.peers[0].data);
        let artifact = only(&ports).await;
        let look = || find(&ports, artifact, &out, |_| {});
        assert_eq!(look().await.unwrap(), Found::Absent);

        let mut told = Vec::new();
        let on = |event| told.push(event);
        let exported = export(&ports, artifact, out.clone(), settings(), on).await.unwrap();
        assert_eq!(exported.named.artifact, out.join(SLM));
        assert_eq!(told.last(), Some(&Event::Naming));
        let mut read = 0;
        let found = find(&ports, artifact, &out, |bytes| read = bytes).await.unwrap();
        assert_eq!(found, Found::Sound(out.join(SLM)));
        assert!(read <= scene.bytes);
        let again = export(&ports, artifact, out.clone(), settings(), |_| {}).await.unwrap_err();
        assert!(matches!(again, ExportError::Output(OutputError::Exists(_))), "{again}");

        let sound = fs::read(out.join(SLM)).unwrap();
        let mut changed = sound.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(out.join(SLM), &changed).unwrap();
        let error = look().await.unwrap_err();
        assert!(matches!(error, HandOffError::Changed { .. }), "{error}");
        fs::write(out.join(SLM), &sound[1..]).unwrap();
        assert_eq!(look().await.unwrap_err().code().to_string(), "artifact.byte-count");
        fs::remove_file(out.join(SLM)).unwrap();
        fs::create_dir(out.join(SLM)).unwrap();
        assert!(matches!(look().await.unwrap_err(), HandOffError::File(_)));
        let nobody = Sha256::of(b"nobody");
        let error = find(&ports, nobody, &out, |_| {}).await.unwrap_err();
        assert!(matches!(error, HandOffError::Unknown(_)), "{error}");
    });
}

#[test]
fn an_export_that_nobody_waits_for_leaves_no_file() {
    let scene = Scene::new(1, Model { bytes: "16MiB", ..Model::SMALL });
    let out = scene.out();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let ports = open(&scene.peers[0].data);
        let artifact = only(&ports).await;
        let (begun, mut first) = tokio::sync::mpsc::channel(1);
        let on = move |event| {
            let Event::Written { done, of } = event else { panic!("it came to its end") };
            assert!(done <= of);
            let _first_only = begun.try_send(());
        };
        tokio::select! {
            ended = export(&ports, artifact, out.clone(), settings(), on) => panic!("{ended:?}"),
            seen = first.recv() => seen.unwrap(),
        }
    });
    // Waits for the threads that block.
    drop(runtime);
    assert_eq!(files(&out), [""; 0]);
    assert_eq!(files(&Layout::new(&scene.peers[0].data).drafts()), [""; 0]);
    scene.peers[0].run(&["library", "export", "tiny", "out"]).done();
}

#[test]
fn a_recheck_of_everything_skips_no_model() {
    let scene = Scene::new(1, Model::SMALL);
    let owner = &scene.peers[0];
    for seed in ["1", "2"] {
        let name = format!("more-{seed}.slm");
        owner.run(&["sample", &name, "--bytes", "1MiB", "--seed", seed]).done();
        owner.prepares(&name, &[]);
    }
    Runtime::new().unwrap().block_on(async {
        use app::library::AllEvent;

        let ports = open(&owner.data);
        let (mut begun, mut ended) = (Vec::new(), Vec::new());
        let on = |event: AllEvent<'_>| match event {
            AllEvent::Begun { model, place, of } => {
                assert_eq!((place, of), (begun.len(), 3));
                begun.push(model.artifact);
            }
            AllEvent::Ended { model, outcome } => {
                let found = outcome.unwrap();
                assert_eq!(found.pieces, model.geometry.piece_count());
                ended.push(model.artifact);
            }
            _ => {}
        };
        recheck_all(&ports, on).await.unwrap();
        assert_eq!(begun, ended);
        let kept = snapshot(&ports).await.unwrap();
        assert_eq!(kept.models.len(), 3);
        assert!(kept.models.iter().all(|kept| kept.model.last_verified.is_some()));
    });
}
