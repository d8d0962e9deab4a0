# SPDX-License-Identifier: MIT
"""The key service by its document (doc/key-service.md): the same cases against the plugin inside fizeau-iked, and against a second
server that was written from that page alone. Whoever writes a third one can add it to `servers`."""
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from ikedpair import IkedPair, KeyService, ask, iked_missing, until  # noqa: E402
from key_service import IkeDaemon, rekey  # noqa: E402
from suite import FIZEAU, Fizeaud, Suite, fizeau, fizeau_json, inside  # noqa: E402

KNOWN = {"spi_i", "spi_r", "prf", "key", "local_host", "remote_host", "local_id", "remote_id", "auth", "established", "state",
         "vanished", "connection"}


@contextlib.contextmanager
def script():
    with tempfile.TemporaryDirectory() as folder:
        with IkeDaemon(os.path.join(folder, "a"), "127.0.0.1", "a.example.org") as a, \
                IkeDaemon(os.path.join(folder, "b"), "127.0.0.2", "b.example.org") as b:
            a.knows(b)
            b.knows(a)
            yield a.path, b.path


@contextlib.contextmanager
def plugin():
    with IkedPair() as pair:
        yield pair.a.socket, pair.b.socket


def raw(path, octets):
    """What is answered to these octets until the server closes or has nothing more to say for a second."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(1)
        s.connect(path)
        s.sendall(octets)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while more := s.recv(65536):
                answer += more
            return answer, True
        return answer, False


def errno_of(path, **request):
    return ask(path, **request)[0]["errno"]


def form(suite, name, path):
    with suite.case(f"{name}: a broken form is answered with errno 71, once, and the connection closed"):
        for octets in (b"lookup\n\n", b"lookup=1\nremote_host=\x01\n\n", b"lookup=1\nremote_host=" + b"a" * 600 + b"\n\n",
                       b"LOOKUP=1\n\n", b"a=1\n" * 17 + b"\n", b"x=" + b"a" * 600, b"a=\x7f\n\n"):
            answer, closed = raw(path, octets)
            assert answer.startswith(b"errno=71\n") and answer.count(b"errno=") == 1 and closed, (octets, answer, closed)
    with suite.case(f"{name}: a wrong request is answered with errno 22 and a reason, and the connection goes on"):
        with KeyService(path) as service:
            for request in ({"lookup": 1}, {"lookup": 2, "remote_host": "192.0.2.1"}, {"lookup": 1, "remote_host": "nobody"},
                            {"lookup": 1, "spi_i": "0" * 16}, {"lookup": 1, "spi_i": "0" * 15, "spi_r": "0" * 16},
                            {"lookup": 1, "spi_i": "0" * 16, "spi_r": "1" * 16, "wait_ms": "10001"}, {"hold": 1, "list": 1},
                            {"hold": 1, "extra": ""}, {"what": 1}, {"list": 1, "skip": "-1"}, {"initiate": 1},
                            {"initiate": 1, "remote_host": "192.0.2.1", "timeout_ms": 0}):
                head, sas = service.ask(**request)
                assert head["errno"] == "22" and head["reason"] and not sas, (request, head)
            service.socket.sendall(b"list=1\nlist=1\n\n")
            assert service.receive()[0]["errno"] == "22", "a key twice"
            assert service.ask(list=1)[0]["errno"] == "0"
    with suite.case(f"{name}: requests that come together are answered in order; one octet at a time is enough"):
        with KeyService(path) as service:
            service.socket.sendall(b"lookup=1\nremote_host=192.0.2.1\n\nlist=1\n\nwhat=1\n\n")
            assert [service.receive()[0]["errno"] for _ in range(3)] == ["2", "0", "22"]
            for octet in b"list=1\n\n":
                service.socket.sendall(bytes([octet]))
            assert service.receive()[0]["errno"] == "0"


def one_sa(suite, name, path, other):
    with suite.case(f"{name}: watch, initiate, lookup by host and by SPIs, list: one SA, seen from both ends"):
        with KeyService(path) as watch:
            assert watch.ask(watch=1)[0] == {"errno": "0"}
            head, sas = ask(path, initiate=1, remote_host="127.0.0.2", timeout_ms=20000)
            assert head == {"errno": "0"} and len(sas) == 1, (head, sas)
            sa = sas[0]
            assert set(sa) <= KNOWN and sa["state"] == "established" and len(sa["key"]) in (32, 40, 64, 96, 128), sa
            event, seen = watch.receive()
            assert event == {"event": "up"} or seen[0]["spi_i"] == sa["spi_i"], (event, seen)
            assert "key" not in seen[0], "an event has no key"
        spis = {"spi_i": sa["spi_i"], "spi_r": sa["spi_r"]}
        there = ask(other, lookup=1, **spis, wait_ms=5000)[1][0]
        assert there["key"] == sa["key"] and there["local_id"] == sa["remote_id"], (sa, there)
        assert ask(path, lookup=1, remote_host="127.0.0.2")[1] == sas
        assert ask(path, initiate=1, remote_host="127.0.0.2")[1] == sas, "the SA that is there is answered with"
        assert ask(path, lookup=1, spi_i=sa["spi_r"], spi_r=sa["spi_i"])[0]["errno"] == "2", "SPIs are not to be swapped"
        listed = ask(path, list=1)[1]
        assert {"spi_i": listed[0]["spi_i"], "spi_r": listed[0]["spi_r"]} == spis and "key" not in listed[0], listed
        assert ask(path, list=1, skip=1)[1] == []
    with suite.case(f"{name}: another: one more SA, and it comes first"):
        head, sas = ask(path, initiate=1, remote_host="127.0.0.2", another=1, timeout_ms=20000)
        assert head["errno"] == "0" and len(sas) == 2 and sas[0]["spi_i"] != sa["spi_i"] == sas[1]["spi_i"], (head, sas)
        assert [one["state"] for one in sas] == ["established"] * 2 and sas[0]["key"] != sas[1]["key"]
        assert ask(other, lookup=1, spi_i=sas[0]["spi_i"], spi_r=sas[0]["spi_r"], wait_ms=5000)[1][0]["key"] == sas[0]["key"]
    with suite.case(f"{name}: what is not there: a host, a connection, SPIs at once and after wait_ms"):
        assert errno_of(path, lookup=1, remote_host="192.0.2.1") == "2"
        assert errno_of(path, initiate=1, remote_host="192.0.2.1", timeout_ms=2000) == "2"
        assert errno_of(path, initiate=1, connection="nobody", timeout_ms=2000) == "2"
        began = time.monotonic()
        assert errno_of(path, lookup=1, spi_i="0" * 15 + "1", spi_r="f" * 16, wait_ms=700) == "2"
        assert time.monotonic() - began >= 0.7


def crowd(suite, name, path):
    with suite.case(f"{name}: 64 connections; one more is told errno 16; those that are there are served"):
        services = [KeyService(path) for _ in range(64)]
        try:
            for service in services:
                assert service.ask(list=1)[0]["errno"] == "0"
            with KeyService(path) as more:
                assert more.receive()[0]["errno"] == "16"
                try:
                    more.receive()
                    raise AssertionError("one connection too many stays open")
                except (EOFError, ConnectionResetError):
                    pass
            assert services[0].ask(list=1)[0]["errno"] == "0"
        finally:
            for service in services:
                service.close()
        until(lambda: errno_of(path, list=1) == "0", "the service does not recover")


def measure(path, server, *args, status=0):
    return fizeau_json("twoway", "-c", 5, "-i", "1ms", "-w", "500ms", "--ike", "require", "--ike-socket", path, "-I", "127.0.0.1",
                       *args, server.target, status=status)


def keyed(suite):
    """fizeau and fizeaud on the second server: with them the page is enough for another IKE daemon."""
    with tempfile.TemporaryDirectory() as folder:
        with IkeDaemon(os.path.join(folder, "a"), "127.0.0.1", "a.example.org") as a, \
                IkeDaemon(os.path.join(folder, "b"), "127.0.0.2", "b.example.org", grace_deleted=2) as b, \
                Fizeaud(f"ike socket {b.path}\npbkdf2-count 1024\nike-wait 3s\nclass known ike-id a.example.org\n"
                        "class others any\nlimit others deny yes", "127.0.0.2") as server:
            a.knows(b)
            with suite.case("script: initiate, and a measurement in every protected mode"):
                for mode in ("authenticated", "encrypted", "mixed"):
                    run = fizeau("twoway", "-c", 3, "-i", "1ms", "--ike", "initiate", "--ike-socket", a.path, "-m", mode,
                                 "-I", "127.0.0.1", server.target)
                    assert run.returncode == 0, run
                sa = next(iter(a.sas))
                assert "class known" in server.log() and "a.example.org" in server.log(), server.log()
            with suite.case("script: rekeyed: the new SA is used; the old one's key would still be known"):
                old, sa = sa, rekey(a, b, sa)
                assert measure(a.path, server)["key"]["spi_i"] == sa[0] and old in b.sas
            with suite.case("script: the server's end learns of the new SA a second later: it waits for it"):
                sa = rekey(a, b, sa, loses=True)
                late = subprocess.Popen(inside(None, [FIZEAU, "twoway", "-c", "3", "-i", "1ms", "--ike", "require", "-I", "127.0.0.1",
                                                      "--ike-socket", a.path, server.target]), stdout=subprocess.DEVNULL)
                time.sleep(1)
                b.vanish(a.sas[sa]["replaced"], "rekeyed")
                b.learn({**a.sas[sa], "local_host": "127.0.0.2", "remote_host": "127.0.0.1", "local_id": "b.example.org",
                         "remote_id": "a.example.org"})
                assert late.wait(30) == 0
            with suite.case("script: deleted at the server's end: it and those it replaced open set-ups for grace_deleted, then Accept 6"):
                b.vanish(sa, "deleted")
                assert measure(a.path, server)["key"]["spi_i"] == sa[0]
                until(lambda: sa not in b.sas, "the deleted SA stays", 10)
                run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", a.path, server.target)
                assert run.returncode == 1 and "(Accept 6)" in run.stderr, run
            with suite.case("script: deleted at the client's end: no set-up begins"):
                a.vanish(sa, "deleted")
                run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", a.path, server.target)
                assert run.returncode == 1 and "no IKE SA" in run.stderr, run
            with suite.case("script: a peer with an IKE_SA but of no class is refused, with the reason in the log"):
                stranger = IkeDaemon(os.path.join(folder, "c"), "127.0.0.1", "mallory.example.net")
                with stranger:
                    stranger.establish(b)
                    run = fizeau("twoway", "-c", 3, "--ike", "require", "--ike-socket", stranger.path, server.target)
                assert run.returncode == 1 and "Accept 1" in run.stderr, run
                assert "mallory.example.net" in server.log() and "denied by its class" in server.log(), server.log()


def main():
    suite = Suite()
    servers = [("script", script)]
    if iked_missing():
        suite.skip("plugin: the same cases", iked_missing())
    else:
        servers.append(("plugin", plugin))
    for name, server in servers:
        with server() as (path, other):
            form(suite, name, path)
            one_sa(suite, name, path, other)
            crowd(suite, name, path)
    keyed(suite)
    suite.done()


main()
