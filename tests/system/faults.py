#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults between IKE and the measurement: a key service that is not what it should be, while fizeaud goes on serving who needs none; and
an IKE daemon short of descriptors, flooded on its key service, or with an SA that cannot key anything, while IKE goes on."""
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib import player  # noqa: E402
from testlib.ikedpair import VICI, IkedPair, KeyService, ask, iked_missing, swanctl_missing, until  # noqa: E402
from testlib.keyed import fell_back, keyed, measure, refused, server  # noqa: E402
from testlib.suite import FIZEAU, Fizeaud, Suite, fizeau  # noqa: E402

GOOD = "errno=0\n" + player.sa_lines(1) + "\n"


class Rogue:
    """A key service of one connection after the other, each on its own thread; play(connection, request) is what it does with a
    request. A hold is taken without a word."""

    def __init__(self, path, play):
        self.path, self.play, self.requests = path, play, 0
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.one, args=(self.listener.accept()[0],), daemon=True).start()

    def one(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            text = b""
            while not text.endswith(b"\n\n"):
                more = connection.recv(4096)
                if not more:
                    return
                text += more
            if text.startswith(b"hold"):
                connection.recv(1)
                return
            self.requests += 1
            self.play(connection, text)


def says(text):
    return lambda connection, _request: connection.sendall(text.encode())


def silent(connection, _request):
    connection.recv(1)  # until the client closes


def half(connection, _request):
    connection.sendall(GOOD[:60].encode())
    connection.recv(1)


def slow(connection, _request):
    for octet in GOOD.encode():
        connection.sendall(bytes([octet]))
        time.sleep(0.002)


def flood(line):
    def play(connection, _request):
        connection.sendall(b"errno=0\n")
        while True:
            connection.sendall(line * 1000)
    return play


def hang_up(_connection, _request):
    pass


# What the server's key service does; what the client is told, and what stands in the server's log.
BAD_SERVICES = (
    ("says nothing", silent, "Accept 2", "it did not answer in time"),
    ("stops in the middle of a message", half, "Accept 2", "it did not answer in time"),
    ("ends in the middle of a request", hang_up, "Accept 2", "it closed the connection without an answer"),
    ("floods with lines", flood(b"x=y\n"), "Accept 2", "the message has too many lines"),
    ("floods without an end of line", flood(b"x=" + b"y" * 100), "Accept 2", "a line is too long"),
    ("floods with zeros", flood(bytes(100)), "Accept 2", "a line has a control character"),
    ("talks of something else", says("hello\n\n"), "Accept 2", "a line has no '='"),
    ("gives a key that is not the SA's", says("errno=0\n" + player.sa_lines(1, key="a5" * 32) + "\n"), "Accept 1",
     "the Token does not open under the IKE SA's key"),
    ("gives a key of a wrong length", says("errno=0\n" + player.sa_lines(1, key="5a" * 31) + "\n"), "Accept 2",
     "a key has not the length of its prf's output"),
    ("gives two SAs with the same SPIs", says("errno=0\n" + player.sa_lines(1) + player.sa_lines(1, key="a5" * 32) + "\n"), "Accept 2",
     "two SAs have the same SPIs"),
    ("gives another SA than was asked for", says("errno=0\n" + player.sa_lines(2) + "\n"), "Accept 2", "another SA than was asked for"),
    ("gives an SA whose PRF nobody knows", says("errno=0\n" + player.sa_lines(1, prf="hmac-md5") + "\n"), "Accept 2",
     "which is not known here"),
    ("has a reason", says("errno=12\nreason=out of memory, sorry\n\n"), "Accept 2", "out of memory, sorry"),
)


def open_mode(daemon):
    run = fizeau("twoway", "-c", 3, "-i", "1ms", "-w", "500ms", "--ike", "off", "-m", "open", daemon.target)
    assert run.returncode == 0, run


def bad_services(suite):
    with tempfile.TemporaryDirectory() as folder:
        path, own = os.path.join(folder, "ike"), os.path.join(folder, "own")

        def measured(address="127.0.0.1"):
            return fizeau("twoway", "-c", 3, "-i", "1ms", "-w", "500ms", "--ike", "require", "--ike-socket", own, "-I", address,
                          daemon.target, timeout=60)

        with player.KeyService(own, lambda request, n: GOOD), \
                Fizeaud(f"ike socket {path}\npbkdf2-count 1024\nike-wait 300ms") as daemon:
            with suite.case("the server's key service is slow: the set-up waits for it"), Rogue(path, slow):
                run = measured()
                assert run.returncode == 0, run
            for number, (name, play, accept, reason) in enumerate(BAD_SERVICES):
                # Each from an address of its own: an address that is refused too often is not logged any more.
                address = f"127.0.5.{number + 1}"
                with suite.case(f"the server's key service {name}: refused, and why is in the log; open mode is served meanwhile"), \
                        Rogue(path, play) as rogue:
                    before, runs = len(daemon.log()), []
                    asking = threading.Thread(target=lambda runs=runs, address=address: runs.append(measured(address)))
                    asking.start()
                    until(lambda rogue=rogue: rogue.requests, "the request")
                    open_mode(daemon)
                    asking.join()
                    refused(runs[0], accept)
                    assert reason in daemon.log()[before:], (reason, daemon.log()[before:])
                    assert "5a5a5a5a" not in daemon.log()
            with suite.case("the server's key service is gone: refused, and why is in the log; open mode is served"):
                refused(measured("127.0.5.100"), "Accept 2")
                assert "127.0.5.100:" in daemon.log() and "nobody serves it" in daemon.log(), daemon.log()
                open_mode(daemon)
            with suite.case("nobody listens on its socket: refused, and why is in the log"):
                with socket.socket(socket.AF_UNIX) as s:
                    s.bind(path)
                before = len(daemon.log())
                refused(measured("127.0.5.101"), "Accept 2")
                assert "nobody serves it" in daemon.log()[before:], daemon.log()[before:]
                open_mode(daemon)
                os.unlink(path)
            with suite.case("forty set-ups wait for a key service that says nothing: open mode is served, and keyed ones afterwards"):
                with Rogue(path, silent):
                    crowd = [threading.Thread(target=measured) for _ in range(40)]
                    for one in crowd:
                        one.start()
                    for _ in range(3):
                        open_mode(daemon)
                    for one in crowd:
                        one.join()
                with Rogue(path, says(GOOD)):
                    run = measured()
                    assert run.returncode == 0, run


def processor_s(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rekeyings(watch, wanted, seconds=60):
    """Waits for so many rekeyings that this watch tells."""
    seen, end = 0, time.monotonic() + seconds
    while seen < wanted:
        assert time.monotonic() < end, f"{seen} rekeyings in {seconds} s"
        head, _ = watch.receive()
        seen += head["event"] == "rekeyed"
    return seen


def few_descriptors(suite):
    with suite.case("an IKE daemon without a descriptor left, 400 clients: IKE rekeys and sets up, nothing spins, all is well after"):
        with IkedPair(more_a="rekey 1h", more_b="rekey 1s") as pair, KeyService(pair.b.socket) as watch, server(pair) as daemon:
            pair.initiate()
            watch.ask(watch=1)
            number = len(os.listdir(f"/proc/{pair.a.process.pid}/fd"))
            resource.prlimit(pair.a.process.pid, resource.RLIMIT_NOFILE, (number + 4, number + 4))
            with KeyService(pair.a.socket) as first, contextlib.ExitStack() as stack:
                assert first.ask(list=1)[0]["errno"] == "0"
                waiting = 0
                for _ in range(400):
                    s = stack.enter_context(socket.socket(socket.AF_UNIX))
                    s.setblocking(False)
                    try:
                        s.connect(pair.a.socket)
                    except BlockingIOError:  # its queue is full
                        waiting += 1
                until(lambda: "no descriptor left" in pair.a.log(), "the end of descriptors")
                began, used = time.monotonic(), processor_s(pair.a.process)
                seen = rekeyings(watch, 3)
                head, _ = first.ask(initiate=1, connection="b", another=1, timeout_ms=20000)
                assert head["errno"] == "0", head
                until(lambda: time.monotonic() - began > 3, "three seconds")
                share = (processor_s(pair.a.process) - used) / (time.monotonic() - began)
                print(f"# without a descriptor: {seen} rekeyings and one set-up, {100 * share:.1f} % of a processor, "
                      f"{waiting} of 400 clients not even queued")
                assert share < 0.5, share
            keyed(measure(pair, daemon.target, "--ike", "require"))
            assert pair.a.stop() == 0


def flooded(suite):
    with suite.case("twenty clients flood the key service with requests: IKE rekeys, and measurements are set up"):
        with IkedPair(more="rekey 1s") as pair, KeyService(pair.b.socket) as watch, server(pair) as daemon:
            pair.initiate()
            watch.ask(watch=1)
            ended, answered = threading.Event(), []

            def ask_and_ask(path):
                with KeyService(path) as service:
                    n = 0
                    while not ended.is_set():
                        service.socket.sendall(b"list=1\n\nlookup=1\nremote_host=127.0.0.1\n\nwhat=1\n\n" * 5)
                        for _ in range(15):
                            service.receive()
                            n += 1
                    answered.append(n)

            crowd = [threading.Thread(target=ask_and_ask, args=(path,)) for path in (pair.a.socket, pair.b.socket) * 10]
            for one in crowd:
                one.start()
            try:
                set_ups = 0
                for _ in range(5):
                    keyed(measure(pair, daemon.target, "--ike", "require"))
                    set_ups += 1
                seen = rekeyings(watch, 3)
            finally:
                ended.set()
                for one in crowd:
                    one.join()
            assert len(answered) == 20 and min(answered) > 0, answered
            print(f"# {sum(answered)} requests; meanwhile {set_ups} set-ups and at least {seen} rekeyings")


def no_key(suite):
    with suite.case("an SA whose PRF keys nothing: said at once and by name, IKE keeps it, open mode serves; nobody takes it for a key"):
        with IkedPair(more=VICI + "proposal aes128-sha256-prfmd5-modp2048") as pair, server(pair) as daemon:
            for _ in range(2):  # the second finds the SA that is up
                run = measure(pair, daemon.target, "--ike", "initiate")
                assert run.returncode == 1 and "its PRF is not supported" in run.stderr, run
            assert "no key from an IKE_SA with PRF_HMAC_MD5" in pair.a.log(), pair.a.log()
            assert pair.a.swanctl("--list-sas").count("ESTABLISHED") == 1
            assert ask(pair.a.socket, list=1)[1] == ask(pair.b.socket, list=1)[1] == []
            fell_back(measure(pair, daemon.target))


def restarted(suite):
    with suite.case("the key service ends while fizeaud waits for an SA: refused with the reason; the next set-up finds it restarted"):
        with IkedPair() as pair, IkedPair("127.0.0.3", "127.0.0.4") as other, server(pair, "ike-wait 8s") as daemon:
            other.initiate()
            pair.initiate()
            sa = ask(other.a.socket, list=1)[1][0]
            text = "errno=0\n" + player.sa_lines(1, spi_i=sa["spi_i"], spi_r=sa["spi_r"]) + "\n"
            path = os.path.join(pair.folder, "played")
            command = [FIZEAU, "twoway", "-c", "1", "--ike", "require", "--ike-socket", path, daemon.target]
            with player.KeyService(path, lambda request, n: text) as service:
                waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                until(lambda: service.requests, "the client's lookup")
                time.sleep(1)  # for its Set-Up-Response to come to fizeaud; it would wait for 8 s
                pair.b.kill()
                _, error = waiting.communicate(timeout=30)
            assert waiting.returncode == 1 and "Accept 2" in error, error
            assert "it closed the connection without an answer" in daemon.log(), daemon.log()
            pair.b.start()
            keyed(measure(pair, daemon.target, "--ike", "initiate"))


def main():
    suite = Suite()
    bad_services(suite)
    reason = iked_missing() or swanctl_missing()
    for case in (few_descriptors, flooded, no_key, restarted):
        if reason:
            suite.skip(case.__name__, reason)
        else:
            case(suite)
    suite.done()


if __name__ == "__main__":
    main()
