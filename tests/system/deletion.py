#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""IKE_SAs that go: deleted by the administrator of either end, by dead peer detection, by reauthentication, by the end of an IKE daemon in
order or with kill -9. A session that is set up runs to its end; a new one gets a new SA with --ike initiate, and is refused or falls
back otherwise; and how long the key of a deleted SA opens set-ups is a setting, tried on both sides of it."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib import player  # noqa: E402
from testlib.ikedpair import VICI, IkedPair, ask, iked_missing, swanctl_missing, until, write  # noqa: E402
from testlib.keyed import Running, fell_back, keyed, measure, refused, server  # noqa: E402
from testlib.suite import FIZEAU, Suite, fizeau, skip_all  # noqa: E402

NAMES = {"a": "the client's", "b": "the server's"}


def state(daemon, sa):
    _, sas = ask(daemon.socket, lookup=1, spi_i=sa["spi_i"], spi_r=sa["spi_r"])
    return sas[0]["state"] if sas else None


def spis(key):
    return key["spi_i"], key["spi_r"]


def naming(pair, daemon, sa):
    """A set-up that names this SA whatever the client's own key service says of it: as one that had chosen it before it went."""
    text = "errno=0\n" + "".join(f"{name}={value}\n" for name, value in sa.items()) + "\n"
    with player.KeyService(os.path.join(pair.folder, "played"), lambda request, n: text) as service:
        return fizeau("twoway", "-c", 1, "-i", "1ms", "--ike", "require", "--ike-socket", service.path, "-I", pair.a.address,
                      daemon.target)


#= rfc7717#section-5.1 IK-5.1-08
def by_administrator(suite):
    for end in "ab":
        with suite.case(f"the administrator of {NAMES[end]} end deletes the SA"), IkedPair(more=VICI) as pair:
            sa = pair.initiate()
            with server(pair) as daemon, Running(pair, daemon) as running:
                (pair.a if end == "a" else pair.b).swanctl("--terminate", "--ike", "b" if end == "a" else "a")
                until(lambda: {state(d, sa) for d in pair.daemons} == {"deleted"}, "the deletion")
                refused(measure(pair, daemon.target, "--ike", "require"), "no IKE SA", "--initiate")
                fell_back(measure(pair, daemon.target))
                assert spis(keyed(measure(pair, daemon.target, "--ike", "initiate"))) != spis(sa)
                running.noticed_nothing()


def ends_in_order(suite):
    for end in "ab":
        with suite.case(f"{NAMES[end]} IKE daemon is restarted in order"), IkedPair() as pair:
            sa = pair.initiate()
            one = pair.a if end == "a" else pair.b
            with server(pair) as daemon, Running(pair, daemon) as running:
                assert one.stop() == 0
                if end == "b":
                    refused(measure(pair, daemon.target, "--ike", "require"), "IKE")
                else:
                    refused(measure(pair, daemon.target, "--ike", "require"), pair.a.socket)
                one.start()
                refused(measure(pair, daemon.target, "--ike", "require"), "no IKE SA")
                fell_back(measure(pair, daemon.target))
                assert spis(keyed(measure(pair, daemon.target, "--ike", "initiate"))) != spis(sa)
                running.noticed_nothing()


def killed(suite):
    with suite.case("kill -9 of the client's IKE daemon, which comes back"), IkedPair() as pair:
        sa = pair.initiate()
        with server(pair) as daemon, Running(pair, daemon) as running:
            pair.a.kill()
            refused(measure(pair, daemon.target, "--ike", "require"), pair.a.socket, "nobody serves it")
            pair.a.start()
            refused(measure(pair, daemon.target, "--ike", "require"), "no IKE SA")
            fell_back(measure(pair, daemon.target))
            assert spis(keyed(measure(pair, daemon.target, "--ike", "initiate"))) != spis(sa)
            until(lambda: state(pair.b, sa) == "deleted", "INITIAL_CONTACT")
            running.noticed_nothing()
    with suite.case("kill -9 of the server's IKE daemon, which comes back: the client's end still has the SA"), IkedPair() as pair:
        sa = pair.initiate()
        with server(pair, "ike-wait 300ms") as daemon, Running(pair, daemon) as running:
            pair.b.kill()
            refused(measure(pair, daemon.target, "--ike", "require"), "Accept 2")
            assert "the key service did not answer" in daemon.log(), daemon.log()
            pair.b.start()
            assert state(pair.a, sa) == "established" and state(pair.b, sa) is None
            for way in ("require", "auto"):
                refused(measure(pair, daemon.target, "--ike", way), "Accept 6", sa["spi_i"])
            run = measure(pair, daemon.target, "--ike", "initiate")
            assert spis(keyed(run)) != spis(sa) and "another" in run.stderr, run
            keyed(measure(pair, daemon.target, "--ike", "require"))
            running.noticed_nothing()


def one_way(suite):
    with suite.case("OWAMP: both IKE daemons are killed; the sessions in both directions run to their end"), IkedPair() as pair, \
            server(pair) as daemon:
        sa = pair.initiate()
        process = subprocess.Popen([FIZEAU, "oneway", "-c", "150", "-i", "20ms", "-w", "1s", "--ike", "require", "--ike-socket",
                                    pair.a.socket, "-I", pair.a.address, "-j", daemon.owamp_target], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        until(lambda: len(daemon.status()["sessions"]) == 2, "the sessions do not run")
        pair.a.kill()
        pair.b.kill()
        out, error = process.communicate(timeout=60)
        result = json.loads(out)
        assert process.returncode == 0 and spis(result["key"]) == spis(sa), (process.returncode, result, error)
        for session in result["sessions"]:
            assert (session["packets"]["received"], session["packets"]["lost"]) == (150, 0), session["packets"]


def reauthentication(suite):
    conf = """connections {{
  again {{
    version = 2
    local_addrs = {a.address}
    remote_addrs = {b.address}
    remote_port = {b.port}
    mobike = no
    childless = force
    reauth_time = 2s
    local {{
      auth = psk
      id = {a.id}
    }}
    remote {{
      auth = psk
      id = {b.id}
    }}
  }}
}}
"""
    with suite.case("reauthentication, which strongSwan does not do for an IKE_SA without CHILD_SA: it is deleted"):
        with IkedPair(auth="psk", more=VICI) as pair:
            os.mkdir(os.path.join(pair.a.folder, "swanctl"))
            write(os.path.join(pair.a.folder, "swanctl", "swanctl.conf"), conf.format(a=pair.a, b=pair.b))
            pair.a.swanctl("--load-conns")
            head, sas = ask(pair.a.socket, initiate=1, connection="again", timeout_ms=20000)
            assert head["errno"] == "0", (head, pair.a.log())
            with server(pair) as daemon, Running(pair, daemon) as running:
                until(lambda: {state(d, sas[0]) for d in pair.daemons} == {"deleted"}, "the reauthentication")
                refused(measure(pair, daemon.target, "--ike", "require"), "no IKE SA")
                assert spis(keyed(measure(pair, daemon.target, "--ike", "initiate"))) != spis(sas[0])
                running.noticed_nothing()


def grace(suite):
    grace_s = 5
    with suite.case(f"grace-deleted {grace_s}s: a set-up that names a deleted SA is taken before that, and refused after it"):
        with IkedPair(more=f"{VICI}grace-deleted {grace_s}s") as pair, server(pair, "ike-wait 0s") as daemon:
            old = pair.initiate()
            pair.a.swanctl("--rekey", "--ike", "b")
            until(lambda: state(pair.b, old) == "rekeyed", "the rekeying")
            sa = ask(pair.b.socket, lookup=1, remote_host=pair.a.address)[1][0]
            assert spis(sa) != spis(old)
            began = time.monotonic()
            pair.b.swanctl("--terminate", "--ike", "a")
            deleted = time.monotonic()
            taken, refusals = 0, 0
            while refusals < 3:
                start = time.monotonic()
                runs = [naming(pair, daemon, one) for one in (sa, old)]
                end = time.monotonic()
                assert start - began < 60, "an SA that is deleted opens set-ups for ever"
                if end - began < grace_s:
                    assert [run.returncode for run in runs] == [0, 0], runs
                    taken += 1
                elif start - deleted > grace_s + 2:  # it looks once a second
                    for run in runs:
                        refused(run, "Accept 6")
                    refusals += 1
                time.sleep(0.2)
            assert taken, "this machine is too slow to see the time of grace"
    with suite.case("grace-deleted 0s: refused at once, also with an SA that the deleted one had replaced"):
        with IkedPair(more=f"{VICI}grace-deleted 0s") as pair, server(pair, "ike-wait 0s") as daemon:
            old = pair.initiate()
            pair.b.swanctl("--rekey", "--ike", "a")
            until(lambda: state(pair.b, old) == "rekeyed", "the rekeying")
            assert naming(pair, daemon, old).returncode == 0
            sa = ask(pair.b.socket, lookup=1, remote_host=pair.a.address)[1][0]
            pair.a.swanctl("--terminate", "--ike", "b")
            until(lambda: state(pair.b, sa) is None, "the deletion")
            for one in (sa, old):
                refused(naming(pair, daemon, one), "Accept 6")


class Default:
    """grace-deleted unless set: an SA deleted when the test begins, looked at when it ends."""

    def __init__(self):
        self.pair = IkedPair(more=VICI).start()
        self.sa = self.pair.initiate()
        self.began = time.monotonic()
        self.pair.a.swanctl("--terminate", "--ike", "b")
        self.deleted = time.monotonic()

    def look(self, suite):
        with suite.case("grace-deleted is 30s by default"):
            while time.monotonic() - self.deleted < 32:
                known, now = state(self.pair.b, self.sa), time.monotonic()
                assert known == "deleted" or now - self.began >= 30, now - self.began
                time.sleep(0.2)
            assert state(self.pair.b, self.sa) is None
        self.pair.stop()


class DeadPeer:
    """Dead peer detection takes most of a minute: begun when the test begins, looked at when it ends."""

    def __init__(self):
        self.pair = IkedPair(more="dpd 1s").start()
        self.sa = self.pair.initiate()
        self.daemon = server(self.pair).__enter__()
        self.running = Running(self.pair, self.daemon).__enter__()
        self.pair.b.kill()

    def look(self, suite):
        with suite.case("the server's IKE daemon is dead: DPD deletes the SA at the client's end; the session runs on"):
            until(lambda: state(self.pair.a, self.sa) in ("deleted", None), "dead peer detection", 120)
            assert self.pair.a.log().count("giving up after"), self.pair.a.log()
            refused(measure(self.pair, self.daemon.target, "--ike", "require"), "no IKE SA")
            fell_back(measure(self.pair, self.daemon.target))
            run = measure(self.pair, self.daemon.target, "--ike", "initiate")
            assert run.returncode == 1 and "is the peer's IKE daemon running" in run.stderr, run
            self.pair.b.start()
            keyed(measure(self.pair, self.daemon.target, "--ike", "initiate"))
            self.running.noticed_nothing()
        self.running.__exit__()
        self.daemon.__exit__()
        self.pair.stop()


def main():
    reason = iked_missing() or swanctl_missing()
    if reason:
        skip_all(reason)
    suite = Suite()
    long_ones = [DeadPeer(), Default()]
    by_administrator(suite)
    ends_in_order(suite)
    killed(suite)
    one_way(suite)
    reauthentication(suite)
    grace(suite)
    for one in long_ones:
        one.look(suite)
    suite.done()


if __name__ == "__main__":
    main()
