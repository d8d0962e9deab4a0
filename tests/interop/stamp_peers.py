#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our programs against public programs of TWAMP Light, STAMP and TWAMP, both ways, in a network namespace of their own.

    tests/interop/stamp_peers.py FOLDER [BUILD_DIR]

What is in FOLDER is run, the rest is skipped. BUILD_DIR is a build of ours (build). Needs root, for the namespace; the programs of others run
as nobody. Not part of ./check: Debian has no package of any of them.

    twampy/              the Python package of nokia/twampy (src/twampy)
    stamp-reflector      yuu61/RFC8762-CLI, reflector.c and sender.c
    stamp-sender
    twamp-light-server   getCUJO/twamp-light, or domoslabs/twamp-light
    twamp-light-client
    emirica-server       emirica/twamp-protocol, server.c and client.c
    emirica-client
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time

COUNT = 10
STAMP, TWAMP = 8620, 862  # twamp-light-server and the clients of emirica and twampy want the well-known port of TWAMP-Control
HOST = "192.0.2.1"        # an address that is no loopback's: getaddrinfo of some of them wants one
PORTS = "18760-18960"


class Peers:
    def __init__(self, folder, build):
        self.folder, self.build = os.path.abspath(folder), os.path.abspath(build)
        self.passed = self.failed = self.skipped = 0

    def has(self, name):
        return os.path.exists(os.path.join(self.folder, name))

    def command(self, name, *args):
        """Theirs, as nobody."""
        path = os.path.join(self.folder, name)
        program = [sys.executable, "-m", name] if os.path.isdir(path) else [path]
        return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *program, *map(str, args)]

    def run(self, name, *args, timeout=40):
        return subprocess.run(self.command(name, *args), cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False)

    @contextlib.contextmanager
    def serving(self, name, *args):
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(self.command(name, *args), cwd=self.folder, stdout=log, stderr=log)
            time.sleep(1)
            try:
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"{name} ended: {log.read()}")
                yield
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(10)

    @contextlib.contextmanager
    def fizeaud(self):
        with tempfile.TemporaryDirectory() as folder:
            conf = os.path.join(folder, "conf")
            with open(conf, "w", encoding="utf-8") as f:
                f.write(f"listen twamp {HOST} {TWAMP}\nlisten stamp {HOST} {STAMP}\ncontrol {folder}/ctl\nuser -\nike off\n"
                        f"test-ports {PORTS}\nclass anyone any\nlimit anyone padding 9000\n")
            with open(os.path.join(folder, "log"), "w+", encoding="utf-8") as log:
                process = subprocess.Popen([os.path.join(self.build, "daemon", "fizeaud"), "-f", "-v", "-c", conf], stdout=log, stderr=log)
                time.sleep(1)
                try:
                    yield log.name
                finally:
                    process.terminate()
                    process.wait(10)

    def fizeau(self, *args):
        """Exit status, packets of the only session, stderr."""
        run = subprocess.run([os.path.join(self.build, "cli", "fizeau"), *map(str, args)], capture_output=True, text=True, timeout=60,
                             check=False)
        session = json.loads(run.stdout)["sessions"][0] if run.stdout.startswith("{") and run.returncode == 0 else {}
        return run.returncode, session.get("packets", {}), run.stderr.strip()

    @contextlib.contextmanager
    def case(self, what, *needs):
        """Fails if its body raises; skipped if a program is missing, and then the body finds `False`."""
        missing = [name for name in needs if not self.has(name)]
        if missing:
            self.skipped += 1
            print(f"skipped {what}: no {', '.join(missing)}")
            yield False
            return
        try:
            yield True
        except Exception as e:  # the next is tried all the same
            self.failed += 1
            print(f"FAILED {what}: {type(e).__name__}: {e}")
        else:
            self.passed += 1
            print(f"passed {what}")


def all_back(result):
    status, packets, error = result
    assert status == 0 and packets["received"] == COUNT and packets["lost"] == 0, (status, packets, error)


def refused(result, word):
    status, _, error = result
    assert status == 1 and word in error, (status, error)


def ours_to_theirs(peers):
    target = f"{HOST}:{STAMP}"
    stamp = ("stamp", "-c", COUNT, "-i", "5ms", "-w", "500ms", "-j")

    for name, args in (("open, no answer to the SSID", ()), ("PTPv2 stamps", ("--ptp",)), ("TLVs and padding", (
            "--tlv", "location,timestamp-information,direct-measurement", "-s", 200)), ("as TWAMP Light", ("--light",)),
                       ("as TWAMP Light, 1400 octets", ("--light", "-s", 1386))):
        with peers.case(f"fizeau stamp -> RFC8762-CLI reflector, {name}", "stamp-reflector") as there:
            if there:
                with peers.serving("stamp-reflector", "-4", STAMP):
                    all_back(peers.fizeau(*stamp, *args, target))
    # Z = 1 with NTP's seconds and nanoseconds behind them: no format of RFC 8762, and no figure can come of it.
    with peers.case("fizeau stamp -> RFC8762-CLI reflector -P, refused with a reason", "stamp-reflector") as there:
        if there:
            with peers.serving("stamp-reflector", "-4", "-P", STAMP):
                refused(peers.fizeau(*stamp, target), "stamps")
    for padding in (28, 400, 1400):
        with peers.case(f"fizeau stamp --light -> twamp-light-server, padding {padding}", "twamp-light-server") as there:
            if there:
                with peers.serving("twamp-light-server", "-a", HOST, "-P", STAMP, "--ip", 4):
                    all_back(peers.fizeau(*stamp, "--light", "-s", padding, target))
    with peers.case("fizeau stamp -> twamp-light-server", "twamp-light-server") as there:
        if there:
            with peers.serving("twamp-light-server", "-a", HOST, "-P", STAMP, "--ip", 4):
                all_back(peers.fizeau(*stamp, target))
    for padding in (8, 27):
        with peers.case(f"fizeau stamp --light -> twampy responder, padding {padding}", "twampy") as there:
            if there:
                with peers.serving("twampy", "responder", "--padding", padding, target):
                    all_back(peers.fizeau(*stamp, "--light", target))
    with peers.case("fizeau stamp --light -> twampy responder without padding: 38 octets, refused with a reason", "twampy") as there:
        if there:
            with peers.serving("twampy", "responder", "--padding", 0, target):
                refused(peers.fizeau(*stamp, "--light", target), "short")
    for padding in (0, 27, 200, 1400):
        with peers.case(f"fizeau twoway -> emirica server (TWAMP), padding {padding}", "emirica-server") as there:
            if there:
                with peers.serving("emirica-server"):
                    all_back(peers.fizeau("twoway", "-c", COUNT, "-i", "5ms", "-w", "500ms", "-s", padding, "--ike", "off", "-j", HOST))


def theirs_to_ours(peers):
    with peers.fizeaud() as log:
        for name, args in (("NTP", ()), ("PTPv2", ("-P",))):
            with peers.case(f"RFC8762-CLI sender -> fizeaud, {name}", "stamp-sender") as there:
                if there:
                    run = peers.run("stamp-sender", "-4", *args, "-n", COUNT, "-o", "json", HOST, STAMP)
                    result = json.loads(run.stdout)
                    assert (result["packets_tx"], result["packets_rx"], result["timeouts"]) == (COUNT, COUNT, 0), run
        with peers.case("twamp-light-client -> fizeaud", "twamp-light-client") as there:
            if there:
                run = peers.run("twamp-light-client", f"{HOST}:{STAMP}", "-n", COUNT, "-i", 20, "--ip", 4, "-t", 2)
                assert run.returncode == 0 and len(run.stdout.splitlines()) > COUNT, run
        for padding in (27, 30, 400):
            with peers.case(f"twampy sender -> fizeaud, padding {padding}", "twampy") as there:
                if there:
                    run = peers.run("twampy", "sender", "-i", 100, "-c", COUNT, "--padding", padding, f"{HOST}:{STAMP}", f"{HOST}:20001")
                    assert re.search(r"Roundtrip:.* 0\.0%", run.stdout), run
        with peers.case("twampy controller -> fizeaud (TWAMP)", "twampy") as there:
            if there:
                # It sends to the port that it asked for, whatever the answer was.
                run = peers.run("twampy", "controller", "-i", 100, "-c", COUNT, f"{HOST}:18800", f"{HOST}:20002")
                assert re.search(r"Roundtrip:.* 0\.0%", run.stdout), run
        for length in (41, 200, 1400):
            with peers.case(f"emirica client -> fizeaud (TWAMP), {length} octets", "emirica-client") as there:
                if there:
                    run = peers.run("emirica-client", "-s", HOST, "-p", 20000, "-P", 21000, "-n", 2, "-m", COUNT, "-l", length, "-i", 10)
                    assert run.stdout.count(f"RT Lost packets: 0/{COUNT}") + run.stderr.count(f"RT Lost packets: 0/{COUNT}") == 2, run
        # RFC 6038 and RFC 7750: reflect octets 32, symmetrical size 64, DSCP and ECN 256.
        for mode in (1 + 32, 1 + 64, 1 + 32 + 64, 1 + 256, 1 + 32 + 256, 1 + 64 + 256, 1 + 32 + 64 + 256):
            with peers.case(f"emirica client -> fizeaud (TWAMP), mode {mode}", "emirica-client") as there:
                if there:
                    reflect = ("-o", 17) if mode & 32 else ()
                    run = peers.run("emirica-client", "-s", HOST, "-p", 20000, "-P", 21000, "-n", 1, "-m", COUNT, "-l", 200, "-i", 10, "-a",
                                    mode, *reflect)
                    said = run.stdout + run.stderr
                    assert f"RT Lost packets: 0/{COUNT}" in said and f"Mode: {mode}\n" in said, run
                    assert not reflect or "Reflected octets: 17" in said, run
        if peers.failed:
            with open(log, encoding="utf-8") as f:
                print(f.read()[-3000:])


def enter(argv):
    """A namespace of our own, with an address and ports for nobody."""
    if "--inside" not in argv:
        if os.getuid() != 0:
            raise SystemExit("needs root, for a network namespace")
        os.execvp("unshare", ["unshare", "-n", sys.executable, *argv, "--inside"])
    for command in ("ip link set lo up", f"ip address add {HOST}/32 dev lo", "sysctl -qw net.ipv4.ip_unprivileged_port_start=0"):
        subprocess.run(command.split(), check=True)
    return [arg for arg in argv if arg != "--inside"]


def main():
    argv = enter(sys.argv)
    peers = Peers(argv[1], argv[2] if len(argv) > 2 else "build")
    ours_to_theirs(peers)
    theirs_to_ours(peers)
    print(f"{peers.passed} passed, {peers.failed} failed, {peers.skipped} skipped")
    return 1 if peers.failed else 0


if __name__ == "__main__":
    sys.exit(main())
