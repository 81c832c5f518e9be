"""The programs that are compared: how each is made to serve and to fetch, with nothing looked for
beyond the servers that are named."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import torrent

SERVERS = 4
# How long a server may take until it can be called, in seconds.
READY = 120


def all_of(builds, cached):
    """Every program, ours first."""
    ours = [Ours(name, path, "fetch,import") for name, path in builds]
    if cached:
        ours += [Ours(f"{name}, cached", path, "fetch,import,cache") for name, path in builds]
    return [*ours, Rqbit(), Aria2(), Libtorrent(), Sendme()]


class Program:
    """One of them. Servers are processes of their own that run until all rounds are over."""

    def __init__(self, name, program):
        self.name = name
        self.program = shutil.which(str(program))
        self.wanted = program
        self.servers = []

    def missing(self):
        return None if self.program else f"there is no {self.wanted}"

    def start(self, words, folder, **more):
        # A folder of its own is home, so that nothing of the user's is read or written.
        log = open(folder / f"{self.name}-{len(self.servers)}.log", "wb")
        server = subprocess.Popen(words, stdout=more.pop("stdout", log), stderr=log,
                                  env=self.environment(), **more)
        self.servers.append(server)
        return server

    def environment(self):
        home = getattr(self, "home", None)
        return {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)} if home else None

    def prepare(self, out):
        """Does what is not to be measured before the file is fetched into that folder."""

    def told(self, said):
        """What the program itself says of its run."""
        return {}

    def spent(self):
        """The processor time of all servers so far, in seconds."""
        def ticks(server):
            behind_name = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return int(behind_name[11]) + int(behind_name[12])
        return sum(map(ticks, self.servers)) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        for server in self.servers:
            server.kill()
            server.wait()


class Ours(Program):
    encrypts = "TLS 1.3"

    def __init__(self, name, path, acts):
        super().__init__(name, path)
        self.acts = acts
        self.verifies = ("each piece: SHA-256; the whole: SHA-256, container, its checksum; "
                         "durable, signed receipt")

    def run(self, data, *words):
        line = [self.program, *words, "--json", "--data-dir", data]
        ran = subprocess.run(line, capture_output=True, check=False)
        if ran.returncode != 0:
            sys.exit(f"{' '.join(map(str, line))} failed:\n{ran.stderr.decode()}")
        return json.loads(ran.stdout)

    def serve(self, model, folder):
        self.folder = folder / self.name.replace(" ", "-")
        self.folder.mkdir()
        self.importer, self.manifest = self.folder / "importer", self.folder / "manifest"
        ticket = self.run(self.importer, "peer", "invite", "--address", "mmp://127.0.0.1:9410",
                          "--label", "importer")["ticket"]
        offers = []
        for number in range(SERVERS):
            data, offer = self.folder / f"peer-{number}", self.folder / f"offer-{number}"
            self.share(model, data, ticket, offer)
            offers.append(offer)
            address = json.loads(offer.read_text())["addresses"][0]
            ticket_of_it = self.run(data, "peer", "invite", "--address", address,
                                    "--label", f"peer-{number}")["ticket"]
            self.run(self.importer, "peer", "add", ticket_of_it, "--yes")
        self.request = self.folder / "request"
        self.run(self.importer, "request", "new", self.manifest, *offers, "--out", self.request,
                 "--consent", "fetch")

    def share(self, model, data, ticket, offer):
        if self.manifest.exists():
            names = ["--manifest", self.manifest]
        else:
            names = ["--model-version", "1.0", "--publisher", "compare", "--display-name", "Model",
                     "--license-route", "/license.md", "--model-card-route", "/card.md",
                     "--out", self.manifest]
        prepared = self.run(data, "share", "prepare", model, *names, "--consent", "cache")
        self.run(data, "peer", "add", ticket, "--yes")
        words = ["share", "serve", prepared["artifact.sha256"], "--listen", "127.0.0.1:0",
                 "--to", "importer", "--for", "1d", "--bytes", str(model.stat().st_size * 1000),
                 "--offer", offer, "--consent", "serve", "--data-dir", data]
        self.start([self.program, *words], self.folder, stdin=subprocess.DEVNULL)
        wait_until(offer.exists)

    def prepare(self, out):
        self.data = out.with_name("importer")
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.importer, self.data)

    def fetch(self, out):
        return [self.program, "import-peer-request", self.request, self.manifest, out,
                "--consent", self.acts, "--sign", "--json", "--data-dir", self.data]

    def told(self, said):
        shutil.rmtree(self.data)
        [answer] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        keys = {"pieces": "transfer.seconds", "named": "import.seconds"}
        return {name: float(answer[key]) for name, key in keys.items() if key in answer}


class Torrent(Program):
    """A program that speaks BitTorrent; all of them get pieces as long as ours."""

    encrypts = "no"
    verifies = "each piece: SHA-1"

    def serve(self, model, folder):
        self.home = folder / self.name
        self.home.mkdir()
        self.torrent = self.home / "model.torrent"
        self.ports = [free_port() for _ in range(SERVERS)]
        self.torrent.write_bytes(torrent.made_of(model, self.tracker()))
        for port in self.ports:
            folder = self.home / f"server-{port}"
            folder.mkdir()
            os.link(model, folder / model.name)
            self.start(self.seeding(port, folder), self.home, stdin=subprocess.DEVNULL)
        for port in self.ports:
            wait_until(lambda: answers(port))
        self.wait_until_checked()

    def tracker(self):
        return None

    def wait_until_checked(self):
        """Waits until every server has looked at its file."""
        wait_until_idle(self)


class Rqbit(Torrent):
    def __init__(self):
        super().__init__("rqbit", "rqbit")

    def line(self, port):
        return [self.program, "-v", "warn", "--disable-dht", "--disable-lsd", "--disable-trackers",
                "--disable-upnp-port-forward", "--ipv4-only", "--listen-ip", "127.0.0.1",
                "--listen-port", str(port), "download", "--disable-http-api"]

    def seeding(self, port, folder):
        return [*self.line(port), "--overwrite", "-o", folder, self.torrent]

    def fetch(self, out):
        peers = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return [*self.line(free_port()), "--exit-on-finish", "--initial-peers", peers, "-o", out,
                self.torrent]


class Aria2(Torrent):
    """It has to be told of peers by a tracker, so there is one here, for these servers alone."""

    def __init__(self):
        super().__init__("aria2", "aria2c")

    def tracker(self):
        compact = b"".join(bytes([127, 0, 0, 1]) + port.to_bytes(2, "big") for port in self.ports)

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(torrent.encoded({"interval": 1800, "peers": compact}))

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/announce"

    def line(self, port, folder):
        return [self.program, "--no-conf", "--quiet", "--enable-dht=false", "--enable-dht6=false",
                "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--disable-ipv6=true",
                "--interface=127.0.0.1", f"--listen-port={port}", "--file-allocation=none",
                f"--dir={folder}"]

    def seeding(self, port, folder):
        return [*self.line(port, folder), "--check-integrity=true", "--seed-ratio=0.0",
                self.torrent]

    def fetch(self, out):
        return [*self.line(free_port(), out), "--seed-time=0", self.torrent]


class Libtorrent(Torrent):
    """The library's own peer of a few lines, since it comes without a command."""

    # Debian's package is for Debian's interpreter.
    INTERPRETERS = [sys.executable, "/usr/bin/python3"]

    def __init__(self):
        super().__init__("libtorrent", "libtorrent for Python")
        has = [python for python in self.INTERPRETERS if Path(python).exists()
               and subprocess.run([python, "-c", "import libtorrent"],
                                  capture_output=True).returncode == 0]
        self.program = has[0] if has else None

    def line(self, port, folder):
        script = Path(__file__).with_name("libtorrent_peer.py")
        return [self.program, script, self.torrent, folder, str(port)]

    def seeding(self, port, folder):
        return self.line(port, folder)

    def fetch(self, out):
        return [*self.line(free_port(), out), *map(str, self.ports)]

    def told(self, said):
        return {"pieces": float(said)}


class Sendme(Program):
    """It fetches from one server only."""

    encrypts = "QUIC with TLS 1.3"
    verifies = "each 16 KiB: BLAKE3 tree"

    def __init__(self):
        super().__init__("sendme (one server)", "sendme")

    def serve(self, model, folder):
        self.home = folder / "sendme"
        self.home.mkdir()
        shutil.copyfile(model, self.home / model.name)
        server = self.start([self.program, "send", "--relay", "disabled", "--no-progress",
                             "--magic-ipv4-addr", f"127.0.0.1:{free_port()}", "--ticket-type",
                             "addresses", self.home / model.name],
                            self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            cwd=self.home)
        for line in server.stdout:
            if found := re.search(rb"sendme receive (\S+)", line):
                self.ticket = found[1].decode()
                return
        sys.exit("sendme gave no ticket")

    def fetch(self, out):
        return [self.program, "receive", "--relay", "disabled", "--no-progress",
                "--magic-ipv4-addr", f"127.0.0.1:{free_port()}", self.ticket]


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def answers(port):
    with socket.socket() as calling:
        return calling.connect_ex(("127.0.0.1", port)) == 0


def wait_until(holds):
    end = time.monotonic() + READY
    while not holds():
        if time.monotonic() > end:
            sys.exit("a server does not get ready")
        time.sleep(0.05)


def wait_until_idle(program):
    """Waits until no server has worked for half a second."""
    before = None
    while before != (before := program.spent()):
        time.sleep(0.5)
