# SPDX-License-Identifier: MIT
"""Measurements between the two hosts of an IkedPair: from a to a fizeaud on b."""
import json
import subprocess
import types

from .ikedpair import until
from .suite import FIZEAU, Fizeaud, fizeau


def swapped(pair):
    """The pair seen from b."""
    return types.SimpleNamespace(a=pair.b, b=pair.a)


def server(pair, conf=""):
    return Fizeaud(f"ike socket {pair.b.socket}\npbkdf2-count 1024\n{conf}", pair.b.address)


def measure(pair, target, *args, count=3):
    """What fizeau came to: returncode, stdout (JSON), stderr."""
    return fizeau("twoway", "-c", count, "-i", "1ms", "-w", "500ms", "--ike-socket", pair.a.socket, "-I", pair.a.address, "-j", *args,
                  target)


def measure_one_way(pair, daemon, *args):
    """The same with OWAMP, in both directions."""
    return fizeau("oneway", "-c", 3, "-i", "1ms", "-w", "200ms", "--ike-socket", pair.a.socket, "-I", pair.a.address, "-j", *args,
                  daemon.owamp_target)


def keyed(run):
    """The key of a measurement that went well and was keyed by an IKE_SA."""
    assert run.returncode == 0, run
    result = json.loads(run.stdout)
    assert result["key"]["source"] == "ikev2" and not any(s["packets"]["lost"] for s in result["sessions"]), result
    return result["key"]


def refused(run, *words):
    """A measurement that was refused in one line that says so."""
    assert run.returncode == 1 and run.stderr.count("\n") == 1, run
    for word in words:
        assert word in run.stderr, (word, run.stderr)


def fell_back(run):
    """A measurement that went on in open mode, with an error line (RFC 7717 section 5.1)."""
    assert run.returncode == 0 and json.loads(run.stdout)["mode"] == "open", run
    assert "no IKE SA" in run.stderr and "open mode" in run.stderr, run.stderr


class Running:
    """A session that goes on until it is asked to end; entered as soon as packets come back."""

    def __init__(self, pair, daemon):
        self.daemon = daemon
        self.command = [FIZEAU, "twoway", "-c", "1000000", "-i", "20ms", "-w", "3s", "--ike", "require", "--ike-socket", pair.a.socket,
                        "-I", pair.a.address, "-j", daemon.target]

    def __enter__(self):
        before = {session["sid"] for session in self.daemon.status()["sessions"]}
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: any(s["received"] > 2 and s["sid"] not in before for s in self.daemon.status()["sessions"]),
              "the session does not run")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def noticed_nothing(self):
        """It still runs, ends in order, and every packet came back; how many."""
        assert self.process.poll() is None, self.process.communicate()
        self.process.send_signal(2)
        out, error = self.process.communicate(timeout=60)
        session = json.loads(out)["sessions"][0]
        assert self.process.returncode == 0 and session["ended"] == "interrupted", (self.process.returncode, session, error)
        assert session["packets"]["lost"] == 0 and session["packets"]["sent"] > 2, session["packets"]
        return session["packets"]["sent"]
