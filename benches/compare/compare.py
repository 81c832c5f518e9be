#!/usr/bin/env python3
"""Moves one file from four local servers with each program that is installed, in rotated rounds.

README.md says what is measured and how to install the others. Everything runs in a network of its
own that has a loopback device and nothing else, so no byte can leave this machine.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import programs

ALONE = "COMPARE_HAS_A_NETWORK_OF_ITS_OWN"


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--ours", metavar="NAME=PATH", action="append", default=[],
                       help="a build of minimodel; may be repeated, to compare builds")
    words.add_argument("--cached", action="store_true",
                       help="measure ours with a yes to cache too: the library keeps the model")
    words.add_argument("--only", metavar="NAME", action="append", help="leave out all others")
    words.add_argument("--size", default="1GiB", help="about how large the file is")
    words.add_argument("--rounds", type=int, default=6)
    words.add_argument("--rate", help="what the loopback device carries, such as 1gbit")
    words.add_argument("--folder", type=Path, help="where files are fetched to, and removed after")
    words.add_argument("--servers", type=Path, metavar="FOLDER",
                       help="where the servers' files are put, and removed after: the same, if "
                            "nothing is said")
    words.add_argument("--json", type=Path, help="where every figure of every round is put")
    words.add_argument("--profile", type=Path, metavar="FOLDER",
                       help="record each fetch with perf, into this folder; slows it a little")
    words = words.parse_args()
    alone(words.rate)
    builds = [named.split("=", 1) for named in words.ours or [f"ours={repository_build()}"]]
    builds = [(name, Path(path).resolve()) for name, path in builds]
    with (tempfile.TemporaryDirectory(prefix="compare-", dir=words.folder) as folder,
          tempfile.TemporaryDirectory(prefix="compare-", dir=words.servers or folder) as servers):
        measure(words, builds, Path(servers), Path(folder))


def repository_build():
    return Path(__file__).parents[2] / "target/release/minimodel"


def alone(rate):
    """Goes on in a network namespace with nothing but loopback, which carries so much."""
    if ALONE not in os.environ:
        rights = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.environ[ALONE] = "yes"
        os.execvp("unshare", ["unshare", "--net", *rights, sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if rate:
        shape = ["tbf", "rate", rate, "burst", "256kb", "latency", "20ms"]
        subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", *shape], check=True)
    devices = [line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line]
    if devices != ["lo"]:
        sys.exit(f"this network has more than a loopback device: {devices}")


def measure(words, builds, servers, folder):
    model = servers / "model.slm"
    subprocess.run([builds[0][1], "sample", model, "--bytes", words.size, "--quant", "f32"],
                   check=True, capture_output=True)
    contenders = []
    for contender in programs.all_of(builds, words.cached):
        if words.only and contender.name not in words.only:
            continue
        if missing := contender.missing():
            print(f"{contender.name} is left out: {missing}", file=sys.stderr)
            continue
        contenders.append(contender)
    try:
        for contender in contenders:
            contender.serve(model, servers)
        figures = {contender.name: [] for contender in contenders}
        for number in range(words.rounds):
            at = number % max(len(contenders), 1)
            for contender in contenders[at:] + contenders[:at]:
                took = once(contender, model, folder, profiling(words.profile, contender, number))
                figures[contender.name].append(took)
                print(number, contender.name, json.dumps(took), file=sys.stderr, flush=True)
    finally:
        for contender in contenders:
            contender.stop()
    if words.json:
        words.json.write_text(json.dumps(figures, indent=1))
    tell(contenders, figures)


def profiling(folder, contender, number):
    """The words before a command that let it be recorded."""
    if folder is None:
        return []
    recorded = folder / f"{contender.name.replace(' ', '-')}-{number}.perf"
    return ["perf", "record", "--quiet", "--freq", "2000", "--output", recorded]


def once(contender, model, folder, before):
    """Lets one program fetch the file once; says what that took."""
    out = folder / "out"
    out.mkdir()
    contender.prepare(out)
    # What others left to be written is not this one's to wait for.
    os.sync()
    spent = contender.spent()
    with open(folder / "said", "w+b") as said:
        begun = time.monotonic()
        process = subprocess.Popen([*before, *contender.fetch(out)], cwd=out,
                                   env=contender.environment(), stdin=subprocess.DEVNULL,
                                   stdout=said, stderr=subprocess.STDOUT)
        memory, used = watched(process)
        done = time.monotonic()
        said.seek(0)
        said = said.read().decode(errors="replace")
    if process.returncode != 0:
        sys.exit(f"{contender.name} failed:\n{said}")
    [file] = [path for path in out.rglob("*") if path.is_file() and size(path) == size(model)]
    with open(file, "rb+") as written:
        os.fsync(written.fileno())
    synced = time.monotonic()
    if subprocess.run(["cmp", "--silent", model, file]).returncode != 0:
        sys.exit(f"{contender.name} made another file")
    took = {"file": done - begun, "synced": synced - begun,
            "importer": used.ru_utime + used.ru_stime, "servers": contender.spent() - spent,
            "memory": memory, **contender.told(said)}
    shutil.rmtree(out)
    return took


def watched(process):
    """Waits for the end; says the most memory that was resident, in bytes, and what was used."""
    # What the system says at the end counts from before the program began, when it was still this
    # one: its own peak is asked for while it runs.
    memory = 0
    while True:
        status = Path(f"/proc/{process.pid}/status").read_text()
        if peak := re.search(r"VmHWM:\s+(\d+) kB", status):
            memory = max(memory, int(peak[1]) << 10)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return memory, used
        time.sleep(0.002)


def size(path):
    return path.stat().st_size


def tell(contenders, figures):
    def median(name, key, unit):
        values = [took[key] for took in figures[name] if key in took]
        return f"{statistics.median(values):.{unit}f}" if values else "–"

    head = ["program", "pieces here", "file there", "and synced", "importer, CPU s",
            "servers, CPU s", "importer, MiB", "encrypted", "verified"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for contender in contenders:
        name = contender.name
        for took in figures[name]:
            took["mib"] = took["memory"] / (1 << 20)
        seconds = ["pieces", "file", "synced", "importer", "servers"]
        columns = [median(name, key, 2) for key in seconds]
        columns += [median(name, "mib", 0), contender.encrypts, contender.verifies]
        print("| " + " | ".join([name, *columns]) + " |")


if __name__ == "__main__":
    main()
