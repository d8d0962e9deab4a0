#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measurements keyed by IKE_SAs that two real charons set up: from fizeau to fizeaud, with fizeau-iked at both ends."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from testlib.ikedpair import IkedPair, ask, iked_missing, until  # noqa: E402
from testlib.suite import FIZEAU, Fizeaud, Suite, fizeau, fizeau_json, inside, skip_all  # noqa: E402

COUNT = 20
PRFS = (("hmac-sha1", "aes128-sha1-prfsha1-modp2048"), ("hmac-sha2-256", "aes128-sha256-prfsha256-ecp256"),
        ("hmac-sha2-384", "aes128-sha256-prfsha384-ecp256"), ("hmac-sha2-512", "aes128-sha256-prfsha512-ecp256"),
        ("aes128-xcbc", "aes128-sha256-prfaesxcbc-ecp256"), ("aes128-cmac", "aes128-sha256-prfaescmac-ecp256"))


def daemon(pair, conf=""):
    return Fizeaud(f"ike socket {pair.b.socket}\npbkdf2-count 1024\n{conf}", pair.b.address)


def measure(pair, server, *args, count=COUNT, status=0):
    return fizeau_json("twoway", "-c", count, "-i", "2ms", "-w", "500ms", "--ike-socket", pair.a.socket, "-I", pair.a.address,
                       *args, server.target, status=status)


def all_back(result, count=COUNT):
    packets = result["sessions"][0]["packets"]
    assert packets["sent"] == packets["received"] == count and packets["lost"] == 0, packets
    return result


#= rfc7717#section-5.1 IK-5.1-01 IK-5.1-03
#= rfc7717#section-5.3 IK-5.3-01 IK-5.3-03
def every_prf(suite):
    for auth in ("psk", "pubkey"):
        for prf, proposal in PRFS:
            with suite.case(f"{prf}, childless, {auth}"), IkedPair(auth=auth, more=f"proposal {proposal}") as pair:
                sa = pair.initiate()
                with daemon(pair) as server:
                    key = all_back(measure(pair, server, "--ike", "require"))["key"]
                    log = server.log()
                assert key["source"] == "ikev2" and key["prf"] == prf, key
                assert (key["spi_i"], key["spi_r"]) == (sa["spi_i"], sa["spi_r"]), (key, sa)
                assert "b.example.org" in key["peer_id"] and "a.example.org" in key["local_id"], key
                assert f"{sa['spi_i']}/{sa['spi_r']}" in log and "a.example.org" in log, log
                assert sa["key"] not in log and sa["key"][:32] not in log


def every_mode(suite, pair, server):
    for mode in ("authenticated", "encrypted", "mixed"):
        for reading in ("direct", "pbkdf2"):
            #= rfc7717#section-5.3 IK-5.3-02
            with suite.case(f"{mode}, reading {reading}"):
                result = all_back(measure(pair, server, "--ike", "require", "-m", mode, "--ike-key", reading))
                assert result["mode"] == mode, result["mode"]
                assert f"reading {reading}" in server.log(), server.log()


def roles(suite):
    #= rfc7717#section-5.3 IK-5.3-04 IK-5.3-05
    with suite.case("the Control-Client was the IKE responder: SPIi stays the IKE initiator's"), IkedPair() as pair:
        head, sas = ask(pair.b.socket, initiate=1, connection="a", timeout_ms=20000)
        assert head["errno"] == "0", head
        with daemon(pair) as server:
            key = all_back(measure(pair, server, "--ike", "require"))["key"]
        assert (key["spi_i"], key["spi_r"]) == (sas[0]["spi_i"], sas[0]["spi_r"]), (key, sas)


def without_an_sa(suite):
    with IkedPair() as pair, daemon(pair) as server:
        #= rfc7717#section-5.1 IK-5.1-07
        with suite.case("no SA, auto: an error is logged, and the modes of the older RFCs serve"):
            run = fizeau("twoway", "-c", 3, "-i", "1ms", "--ike-socket", pair.a.socket, "-j", server.target)
            assert run.returncode == 0 and '"mode": "open"' in run.stdout, run
            assert "no IKE SA" in run.stderr, run.stderr
        with suite.case("no SA, require: refused with the remedy"):
            run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", pair.a.socket, server.target)
            assert run.returncode == 1 and "initiate" in run.stderr, run
        #= rfc7717#section-5.1 IK-5.1-06
        with suite.case("no SA, initiate: one is set up, with a log line"):
            run = fizeau("twoway", "-c", 3, "-i", "1ms", "--ike", "initiate", "--ike-socket", pair.a.socket, "-j", server.target)
            assert run.returncode == 0 and '"source": "ikev2"' in run.stdout, run
            assert run.stderr.strip(), "nothing was logged"
        with suite.case("an SA, initiate: the one that is there is used"):
            before = len(ask(pair.a.socket, list=1)[1])
            all_back(measure(pair, server, "--ike", "initiate"))
            assert len(ask(pair.a.socket, list=1)[1]) == before


class Background(threading.Thread):
    """A measurement of some seconds while something happens."""

    def __init__(self, pair, server):
        super().__init__()
        self.command = [FIZEAU, "twoway", "-c", "100", "-i", "30ms", "-w", "500ms", "--ike", "require", "--ike-socket",
                        pair.a.socket, "-I", pair.a.address, "-j", server.target]
        self.result = None
        self.start()
        until(lambda: any(s["received"] > 2 for s in server.status()["sessions"]), "the session does not run")

    def run(self):
        self.result = subprocess.run(inside(None, self.command), capture_output=True, text=True, timeout=60)

    def all_back(self):
        self.join(60)
        assert self.result.returncode == 0 and '"lost": 0' in self.result.stdout, self.result


#= rfc7717#section-5.1 IK-5.1-08
def running_sessions(suite):
    with suite.case("rekeying every second: a running session never notices"), IkedPair(more="rekey 1s") as pair:
        sa = pair.initiate()
        with daemon(pair) as server:
            running = Background(pair, server)
            until(lambda: all(s["spi_i"] != sa["spi_i"] for s in ask(pair.a.socket, list=1)[1] if s["state"] == "established"),
                  "no rekeying")
            running.all_back()
            all_back(measure(pair, server, "--ike", "require"))
    with suite.case("both charons are killed: a running session ends in order, new ones have no key, open mode serves"):
        with IkedPair() as pair:
            pair.initiate()
            with daemon(pair) as server:
                running = Background(pair, server)
                pair.a.kill()
                pair.b.kill()
                run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", pair.a.socket, server.target)
                assert run.returncode == 1 and run.stderr.strip(), run
                run = fizeau("twoway", "-c", 3, "-i", "1ms", "--ike", "off", "-m", "open", server.target)
                assert run.returncode == 0, run
                running.all_back()


def refusals(suite):
    #= rfc7717#section-5.3 IK-5.3-09 IK-5.3-10
    with suite.case("an SA that the server's charon never had: Accept 6 after ike-wait, a log line, other clients served"):
        with IkedPair() as pair, IkedPair("127.0.0.3", "127.0.0.4") as other:
            other.initiate()
            with Fizeaud(f"ike socket {pair.b.socket}\nike-wait 300ms\npbkdf2-count 1024", other.b.address) as server:
                run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", other.a.socket, server.target)
                assert run.returncode == 1 and "Accept 6" in run.stderr, run
                sa = ask(other.a.socket, list=1)[1][0]
                assert sa["spi_i"] in server.log(), server.log()


def many_set_ups(suite):
    with suite.case("set-ups while both ends rekey: none refused, none mis-keyed"), IkedPair(more="rekey 1s") as pair:
        pair.initiate()
        with daemon(pair) as server:
            end, done = time.monotonic() + 10, 0
            while time.monotonic() < end:
                all_back(measure(pair, server, "--ike", "require", count=1), 1)
                done += 1
            print(f"# {done} set-ups")
            assert done > 10, done


def main():
    reason = iked_missing()
    if reason:
        skip_all(reason)
    suite = Suite()
    every_prf(suite)
    with IkedPair() as pair:
        pair.initiate()
        with daemon(pair) as server:
            every_mode(suite, pair, server)
    roles(suite)
    without_an_sa(suite)
    running_sessions(suite)
    refusals(suite)
    many_set_ups(suite)
    suite.done()


if __name__ == "__main__":
    main()
