//! Imports over lines that are long, freeze, and break.

use std::net::{SocketAddr, TcpListener};

use benches::line::{Line, Shape};

use crate::harness::{Model, Running, Scene, until};

/// A peer that is called over a line.
struct Reached {
    scene: Scene,
    line: Line,
    _server: Running,
}

impl Reached {
    fn over(shape: Shape) -> Self {
        let scene = Scene::new(1, Model::FINE);
        // Free for the server, as long as nobody else is given it meanwhile.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let line = Line::to(free, shape);
        let server = serve(&scene, free, line.address());
        scene.request("request.json", &[]);
        Self { scene, line, _server: server }
    }

    fn import(&self) -> Running {
        self.scene.import(&["--consent", Scene::YES])
    }

    /// Starts an import; gives it when some pieces have come and the line is frozen.
    fn import_until_it_freezes(&self) -> Running {
        self.line.freeze_after(512 << 10);
        let import = self.import();
        until("an import is midway", || self.line.is_frozen().then_some(()));
        import
    }
}

/// Starts the peer's server, which says that it is called at the line's end.
fn serve(scene: &Scene, listen: SocketAddr, called: SocketAddr) -> Running {
    let (listen, called) = (listen.to_string(), format!("mmp://{called}"));
    let mut words = vec!["share", "serve", "tiny", "--listen", &listen, "--address", &called];
    words.extend(["--to", "importer", "--consent", "serve", "--until-input-ends"]);
    // What goes out to somebody who is gone counts too.
    words.extend(["--bytes", "64MiB", "--offer", "peer-0.minimodel-offer"]);
    let mut server = scene.peers[0].start(&words);
    server.says("a server can be called", |line| line.starts_with("serving ").then_some(()));
    until("an offer is written", || scene.path("peer-0.minimodel-offer").is_file().then_some(()));
    server
}

#[test]
fn two_dead_connections_behind_a_line_that_froze_keep_no_third_import_out() {
    let reached = Reached::over(Shape::new(100, 20));
    for _ in 0..2 {
        let import = reached.import_until_it_freezes();
        reached.line.lose();
        import.kill();
        reached.line.resume();
    }
    assert_eq!(reached.line.calls(), 2);
    // Until the first has been quiet for four seconds it is called in vain; with less patience it is
    // called more often.
    reached.scene.import(&["--consent", Scene::YES, "--patience", "9s"]).ends().done();
    reached.scene.came_out();
}

#[test]
fn an_import_goes_on_over_the_same_connection_when_its_line_does() {
    let reached = Reached::over(Shape::new(100, 20));
    let mut import = reached.import_until_it_freezes();
    import.says("who is waited for is told", |line| {
        line.contains("Waiting for peer-0").then_some(())
    });
    reached.line.resume();
    import.ends().done();
    assert_eq!(reached.line.calls(), 1);
    reached.scene.came_out();
}

#[test]
fn an_import_calls_again_when_its_line_is_reset_and_goes_on() {
    let reached = Reached::over(Shape::new(100, 20));
    let import = reached.import_until_it_freezes();
    assert_eq!(reached.line.calls(), 1);
    reached.line.reset();
    reached.line.resume();
    import.ends().done();
    assert_eq!(reached.line.calls(), 2);
    reached.scene.came_out();
}
