#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where fizeau takes the key of a measurement from: the key service and the server are played, so that each can change
its mind, know nothing, or fall silent at the worst moment."""
import json
import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from player import KeyService, Server, after_greeting, sa_lines, server_start  # noqa: E402
from suite import Suite, fizeau, private_file  # noqa: E402

OFFER = 0x8F
NONE = "errno=2\nreason=no such IKE SA\n\n"


def found(*numbers):
    return "errno=0\n" + "".join(sa_lines(n) for n in numbers) + "\n"


def spis(setup):
    return setup[4:12].hex(), setup[12:20].hex()


def sa(number):
    return f"0f3c{number:012x}", f"99ab{number:012x}"


def measure(answer, *args, play=None):
    """What a client does whose server answers Accept 6 to every key: its run, the Set-Up-Responses, the requests."""
    with KeyService(path, answer) as service, Server(play or after_greeting(server_start(6), OFFER)) as server:
        began = time.monotonic()
        run = fizeau("twoway", "-c", 1, "--ike-socket", path, *args, server.target, timeout=40)
        assert time.monotonic() - began < 35
        assert "5a5a5a5a" not in run.stdout + run.stderr, run
        return run, [seen for seen in server.seen if len(seen) == 164], service.requests


def accept_6():
    with suite.case("the SA is looked up by the server's address; newest first"):
        #= rfc7717#section-5.1 IK-5.1-05
        run, setups, requests = measure(lambda request, n: found(1))
        assert requests[0] == {"lookup": "1", "remote_host": "127.0.0.1"}, requests
        assert spis(setups[0]) == sa(1)
        assert setups[0][:4] == struct.pack(">I", 130)
        assert run.returncode == 1 and "(Accept 6)" in run.stderr, run
    with suite.case("Accept 6: asked afresh, the new SA is tried on a new connection"):
        run, setups, requests = measure(lambda request, n: found(1) if n == 1 else found(2, 1))
        assert [spis(s) for s in setups] == [sa(1), sa(2)], setups
        assert len(requests) == 3
        assert "/".join(sa(2)) in run.stderr and run.stderr.count("\n") == 1, run.stderr
    with suite.case("Accept 6: the next of the list if the newest is the same"):
        run, setups, _ = measure(lambda request, n: found(2, 1))
        assert [spis(s) for s in setups] == [sa(2), sa(1)], setups
    with suite.case("Accept 6: several servers behind one address, each with an SA: one after the other, each once"):
        run, setups, _ = measure(lambda request, n: found(4, 3, 2, 1))
        assert [spis(s) for s in setups] == [sa(4), sa(3), sa(2), sa(1)], setups
        assert run.returncode == 1 and run.stderr.count("\n") == 1, run.stderr
    with suite.case("Accept 6: no more than nine connections, however many SAs there are"):
        run, setups, _ = measure(lambda request, n: found(*range(n + 20, n, -1)))
        assert len(setups) == len({spis(s) for s in setups}) == 9, setups
    with suite.case("Accept 6: the only SA once more, then it ends"):
        run, setups, _ = measure(lambda request, n: found(1))
        assert [spis(s) for s in setups] == [sa(1), sa(1)], setups
        assert run.returncode == 1
    with suite.case("Accept 6: no SA any more"):
        run, setups, _ = measure(lambda request, n: found(1) if n == 1 else NONE)
        assert [spis(s) for s in setups] == [sa(1)]
        assert "/".join(sa(1)) in run.stderr and "(Accept 6)" in run.stderr, run.stderr


def initiation():
    def after_initiation(request, _):
        return found(7) if "initiate" in request else NONE

    with suite.case("initiate: an SA is set up, with a log line, and used"):
        #= rfc7717#section-5.1 IK-5.1-06
        run, setups, requests = measure(after_initiation, "--ike", "initiate")
        assert "initiate" in requests[1] and requests[1]["remote_host"] == "127.0.0.1", requests
        assert spis(setups[0]) == sa(7)
        assert "having one set up" in run.stderr, run.stderr
    with suite.case("initiate: what is there is used"):
        play = after_greeting(server_start(1), OFFER)
        run, setups, requests = measure(lambda request, n: found(1), "--ike", "initiate", play=play)
        assert [spis(s) for s in setups] == [sa(1)] and not any("initiate" in r for r in requests)
    with suite.case("initiate: the server knows nothing of what is there: another one is set up, once"):
        run, setups, requests = measure(lambda request, n: found(9, 1) if "initiate" in request else found(1), "--ike", "initiate")
        assert [spis(s) for s in setups] == [sa(1), sa(9)], setups
        assert [r.get("another") for r in requests if "initiate" in r] == ["1"], requests
        assert run.returncode == 1 and "another" in run.stderr and "/".join(sa(9)) in run.stderr, run.stderr
        run, setups, requests = measure(lambda request, n: found(n), "--ike", "initiate")
        assert [spis(s) for s in setups] == [sa(n) for n in range(1, 11)] and "another" in requests[9], requests
    with suite.case("initiate: fails with the reason"):
        run, setups, _ = measure(lambda request, n: NONE if n == 1 else "errno=113\nreason=peer says no\n\n", "--ike",
                                 "initiate")
        assert run.returncode == 1 and "peer says no" in run.stderr and not setups, run
    with suite.case("auto does not initiate"):
        _, setups, requests = measure(after_initiation)
        assert len(requests) == 1 and setups[0][:4] == struct.pack(">I", 1)


def fallback():
    keys = private_file(folder, "keys", "joe secret\n")
    refuse = after_greeting(server_start(1), OFFER)
    for name, answer in (("has no SA", lambda request, n: NONE), ("hangs up", lambda request, n: None),
                         ("talks rubbish", lambda request, n: "hello\n\n"),
                         ("says nothing", lambda request, n: ""),
                         ("gives a key that is too short", lambda request, n: "errno=0\n" + sa_lines(1, key="5a") + "\n"),
                         ("gives a PRF nobody knows", lambda request, n: "errno=0\n" + sa_lines(1, "md5") + "\n")):
        with suite.case(f"auto: the key service {name}: an error line, open mode"):
            #= rfc7717#section-5.1 IK-5.1-07
            run, setups, _ = measure(answer, play=refuse)
            assert setups[0][:4] == struct.pack(">I", 1), setups
            assert "open mode" in run.stderr.splitlines()[0], run.stderr
        with suite.case(f"require: the key service {name}: an error, no set-up"):
            run, setups, _ = measure(answer, "--ike", "require", play=refuse)
            assert run.returncode == 1 and not setups and run.stderr.count("\n") == 1, run
    with suite.case("auto: the passphrase if there is one"):
        run, setups, _ = measure(lambda request, n: NONE, "-k", "joe", "--keys", keys, play=refuse)
        assert setups[0][:4] == struct.pack(">I", 2) and setups[0][4:8] == b"joe\0", setups
    with suite.case("auto: no open mode for who wants protection"):
        run, setups, _ = measure(lambda request, n: NONE, "-m", "encrypted", play=refuse)
        assert run.returncode == 1 and not setups and "no key for" in run.stderr, run
    with suite.case("the service is not asked when no key of it would be used"):
        #= rfc7717#section-5.2 IK-5.2-03 IK-5.2-04
        for args, offer in ((("--ike", "off"), OFFER), (("-m", "open"), OFFER), ((), 0x0F)):
            _, setups, requests = measure(lambda request, n: found(1), *args, play=after_greeting(server_start(1), offer))
            assert not requests and setups[0][:4] == struct.pack(">I", 1), (args, requests)


def keys_command():
    with suite.case("fizeau keys asks for the list, and shows it"):
        with KeyService(path, lambda request, n: "errno=0\n" + sa_lines(1, remote_id="CN=a", key="") .replace("key=\n", "")
                        + "\n") as service:
            run = fizeau("keys", "--ike-socket", path)
            assert run.returncode == 0 and sa(1)[0] in run.stdout and "CN=a" in run.stdout, run
            assert "list" in service.requests[0]
            run = fizeau("keys", "--ike-socket", path, "192.0.2.1")
            assert run.returncode == 1 and run.stdout == "" and "192.0.2.1" in run.stderr, run
    with suite.case("fizeau keys tells which SAs live, and since when others do not"):
        gone = sa_lines(2, state="rekeyed", vanished=int(time.time()) - 40)
        with KeyService(path, lambda request, n: "errno=0\n" + sa_lines(1) + gone + "\n"):
            lines = fizeau("keys", "--ike-socket", path).stdout.splitlines()
            assert "established " in lines[1] and "ago" not in lines[1] and "rekeyed 4" in lines[2] and "s ago" in lines[2]
            sas = json.loads(fizeau("keys", "--ike-socket", path, "-j").stdout)["sas"]
            assert sas[0]["vanished_unix_s"] is None and time.time() - sas[1]["vanished_unix_s"] < 60, sas
    with suite.case("fizeau keys --initiate"):
        with KeyService(path, lambda request, n: found(3)) as service:
            run = fizeau("keys", "--ike-socket", path, "--initiate", "127.0.0.1")
            assert run.returncode == 0 and sa(3)[0] in run.stdout and "5a5a" not in run.stdout, run
            assert "initiate" in service.requests[0] and service.requests[0]["remote_host"] == "127.0.0.1"
    with suite.case("fizeau keys without a service"):
        run = fizeau("keys", "--ike-socket", path)
        assert run.returncode == 1 and path in run.stderr and run.stderr.count("\n") == 1, run


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "service")
    accept_6()
    initiation()
    fallback()
    keys_command()
suite.done()
