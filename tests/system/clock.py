#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clocks: what chronyd and ptp4l, played here, say of them; clocks that are set meanwhile, each a program's own
(step_clock.c: this machine's is never touched); and what is left of the figures."""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from suite import BUILD, FIZEAU, Fizeaud, Netns, Suite, fizeau, fizeau_json, inside, namespaces_work  # noqa: E402

STEP_CLOCK = os.path.abspath(os.path.join(BUILD, "tests", "system", "libstep_clock.so"))
QUICK = ("-m", "open", "-c", 10, "-i", "5ms")
MS = 10**6
NS = 10**9


class Played:
    """A daemon on a datagram socket that answers by answer(request, number), None: not."""

    def __init__(self, answer, path=None):
        self.answer, self.asked = answer, 0
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.where = path or "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __enter__(self):
        self.ending = False
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def serve(self):
        while not self.ending:
            with contextlib.suppress(socket.timeout, ConnectionRefusedError, FileNotFoundError):
                request, peer = self.socket.recvfrom(4096)
                self.asked += 1
                answer = self.answer(request, self.asked)
                if answer is not None:
                    self.socket.sendto(answer, peer)

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.socket.close()


def chrony_float(seconds):
    """25 bits of coefficient, 7 of exponent."""
    exponent = 0
    while seconds and abs(seconds) * 2 ** (25 - exponent) >= 2**24:
        exponent += 1
    while seconds and abs(seconds) * 2 ** (25 - exponent) < 2**22 and exponent > -60:
        exponent -= 1
    return (exponent & 0x7f) << 25 | int(seconds * 2 ** (25 - exponent)) & 0x1ffffff


def tracking(request, leap=0, stratum=3, correction=0.0, delay=0.0, dispersion=0.002, sequence=None):
    assert len(request) == 104 and request[:2] == b"\x06\x01" and request[4:6] == b"\x00\x21", request
    number, = struct.unpack("!I", request[8:12])
    return (struct.pack("!BBHHHH6xI8x", 6, 2, 0, 33, 5, 0, number if sequence is None else sequence) +
            struct.pack("!I20xHH12x", 0xc0000207, stratum, leap) +
            struct.pack("!I20xIII", chrony_float(correction), chrony_float(delay), chrony_float(dispersion), 0))


def chronyd(path=None, **what):
    return Played(lambda request, number: tracking(request, **what), path)


def ptp4l(path, state=9, stamps=0, accuracy=0x23, clock_class=6, offset=-3500, delay=20000, steps=1, domain=0):
    def answer(request, number):
        identifier, = struct.unpack("!H", request[52:54])
        data = {0x2001: struct.pack("!Hqq", steps, offset << 16, delay << 16),
                0x2002: bytes(19) + bytes([clock_class, accuracy]) + bytes(11),
                0xc004: bytes(10) + bytes([state, stamps]) + b"\x02lo\x00"}[identifier]
        if request[4] != domain:
            return None
        return (request[:2] + struct.pack("!H", 54 + len(data)) + request[4:46] + b"\x02\x00" +
                struct.pack("!HHH", 1, 2 + len(data), identifier) + data)
    return Played(answer, path)


def sender_clock(*args):
    session, = fizeau_json("twoway", *QUICK, *args, server.target)["sessions"]
    assert session["packets"]["received"] == 10, session["packets"]
    return session["clock"]["sender"]


def daemons():
    with suite.case("chronyd: its root distance and its correction are the bound"), \
            chronyd(correction=-0.004, delay=0.010, dispersion=0.002) as played:
        clock = sender_clock("--clock", f"chronyd {played.where}")
        assert clock["synchronized"] and clock["source"] == "chronyd" and clock["stepped"] is None, clock
        # 4 + 10 / 2 + 2 ms, and what the Error Estimate's 8 bits round up.
        assert 11 * MS <= clock["error_ns"] <= 11.2 * MS, clock
    with suite.case("chronyd by its socket"), chronyd(os.path.join(folder, "chronyd")) as played:
        clock = sender_clock("--clock", f"chronyd {played.where}")
        assert clock["synchronized"] and clock["source"] == "chronyd", clock
        assert not [name for name in os.listdir(folder) if name.startswith("fizeau.")], os.listdir(folder)
    for name, what in (("that is not synchronised", {"leap": 3}), ("with another's number", {"sequence": 7}),
                       ("of stratum 0", {"stratum": 0}), ("an hour off", {"dispersion": 3600.0})):
        with suite.case(f"chronyd: an answer {name} is none"), chronyd(**what) as played:
            clock = sender_clock("--clock", f"chronyd {played.where}")
            assert not clock["synchronized"] and clock["source"] == "chronyd" and played.asked >= 1, clock
    with suite.case("chronyd: rubbish, cut answers, none"):
        for answer in (lambda r, n: os.urandom(104), lambda r, n: tracking(r)[:-1], lambda r, n: b"", lambda r, n: None):
            with Played(answer) as played:
                assert not sender_clock("--clock", f"chronyd {played.where}")["synchronized"]
                assert played.asked >= 1
    with suite.case("nobody is there: measured all the same"):
        for choice in ("chronyd 127.0.0.1:9", f"chronyd {folder}/nobody", f"ptp4l {folder}/nobody", "kernel"):
            assert sender_clock("--clock", choice)["source"] == choice.split()[0]
    path = os.path.join(folder, "ptp4l")
    for number, (name, what, words, bound) in enumerate((
            ("slave", {}, "", 3500 + 20000 + 1000), ("slave, domain 24", {"domain": 24}, " 24", 24500),
            ("slave of a grandmaster that does not tell its accuracy", {"accuracy": 0xfe}, "", 23500),
            ("a locked grandmaster", {"steps": 0, "state": 6, "offset": 0, "delay": 0}, "", 1000),
            ("listening", {"state": 4}, "", None), ("another domain", {"domain": 1}, "", None),
            ("a grandmaster in holdover", {"steps": 0, "state": 6, "clock_class": 7}, "", None))):
        with suite.case(f"ptp4l: {name}"), ptp4l(f"{path}{number}", **what) as played:
            clock = sender_clock("--clock", f"ptp4l {played.where}{words}")
            assert clock["synchronized"] == (bound is not None) and clock["source"] == "ptp4l", clock
            if bound:
                assert bound <= clock["error_ns"] <= bound + 20000, clock
    with suite.case("fizeaud: clock-source"), chronyd(dispersion=0.003) as played, \
            Fizeaud(f"ike off\nclock-source chronyd {played.where}") as other:
        session, = fizeau_json("twoway", *QUICK, other.target)["sessions"]
        receiver = session["clock"]["receiver"]
        assert receiver["synchronized"] and 3 * MS <= receiver["error_ns"] <= 3.2 * MS, receiver
        to, back = fizeau_json("oneway", *QUICK, other.owamp_target)["sessions"]
        assert to["clock"]["receiver"]["synchronized"] and back["clock"]["sender"]["synchronized"], (to, back)
    with suite.case("a daemon is not asked once per packet"), chronyd() as played:
        fizeau_json("twoway", "-m", "open", "-c", 500, "-i", "100us", "--clock", f"chronyd {played.where}", server.target)
        assert 1 <= played.asked <= 50, played.asked


class Stepped:
    """A wall clock of a program's own, as what runs the program (suite.inside)."""

    def __init__(self, name, synchronized=False, netns=None):
        self.path, self.netns = os.path.join(folder, name), netns
        with open(self.path, "wb") as f:
            f.write(struct.pack("qq", 0, synchronized))

    def __call__(self, command):
        return inside(self.netns, ["env", f"LD_PRELOAD={STEP_CLOCK}", f"FIZEAU_TEST_CLOCK={self.path}",
                                   "ASAN_OPTIONS=verify_asan_link_order=0", *command])

    def set(self, ns):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("q", ns))


def measured_across(daemon, step, *args, command="twoway", client=None, after=15):
    """A measurement in the middle of which step() is called; its standard output."""
    target = daemon.target if command == "twoway" else daemon.owamp_target
    with subprocess.Popen(inside(client, [FIZEAU, command, "-m", "open", "-c", "60", "-i", "40ms", *args, target]),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(2000):
                counters = daemon.status()["counters"]
                if counters["packets_reflected"] + counters["packets_recorded"] >= after:
                    break
                time.sleep(0.01)
            step()
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, (process.returncode, out, err)
    return out


def steps():
    none = {"n", "min", "mean", "median", "p90", "p95", "p99", "p999", "max", "stddev"}
    for size in (NS // 2, -NS // 2, 3600 * NS):
        with suite.case(f"the sender's clock is set by {size / NS:+} s in mid-session"), Fizeaud("ike off") as daemon:
            clock = Stepped(f"sender{size}", synchronized=True)
            out = measured_across(daemon, lambda: clock.set(size), "-j", client=clock)
            session, = json.loads(out)["sessions"]
            packets, said = session["packets"], session["clock"]
            stepped = said["sender"]["stepped"]
            assert stepped["count"] == 1 and abs(stepped["size_ns"] - size) < MS, said
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z", stepped["noticed"]), said
            assert said["usable"] is False and said["reason"] == "sender_stepped", said
            assert session["forward_delay_ns"] == session["backward_delay_ns"] == dict.fromkeys(none), session
            # Nothing is lost by it, and no round trip has the step in it.
            assert packets["received"] == 60 and packets["late"] == packets["lost"] == 0, packets
            trips = session["round_trip_delay_ns"]
            assert trips["n"] == 60 - packets["across_step"] - packets["impossible"], (trips, packets)
            assert trips["n"] >= 30 and -1000000 <= trips["min"] and trips["max"] < NS // 2, trips
    with suite.case("the same as text"), Fizeaud("ike off") as daemon:
        clock = Stepped("text", synchronized=True)
        out = measured_across(daemon, lambda: clock.set(NS), client=clock)
        assert re.search(r"^clock here: set by \+(1000\.0|999\.9)\d\d ms, while measuring$", out, re.M), out
        assert ": no forward and backward, the sender's clock was set meanwhile; the round trip within" in out, out
        assert re.search(r"^forward +- +- +- +- +-$", out, re.M) and re.search(r"^round trip +-?\d", out, re.M), out
    for size in (NS // 2, -NS // 2):
        with suite.case(f"the reflector's clock is set by {size / NS:+} s in mid-session"):
            clock = Stepped(f"reflector{size}", synchronized=True)
            with Fizeaud("ike off\nworkers 1", netns=clock) as daemon:
                out = measured_across(daemon, lambda: clock.set(size), "-j")
                # Where nobody measures the clock is looked at every few seconds.
                for _ in range(2000):
                    log = daemon.log()
                    if "clock was set" in log:
                        break
                    time.sleep(0.01)
            session, = json.loads(out)["sessions"]
            said = session["clock"]
            assert said["usable"] is False and said["reason"] in ("clocks_moved", "receiver_stepped"), said
            assert said["sender"]["stepped"] is None, said
            stepped = said["receiver"]["stepped"]
            assert stepped["count"] is None and abs(stepped["size_ns"] - size) < 100 * MS, said
            assert session["forward_delay_ns"]["median"] is None and session["packets"]["received"] == 60, session
            assert session["round_trip_delay_ns"]["min"] >= -1000000, session
            # Said once by the daemon, not by each of its processes.
            assert len(re.findall("wall clock was set by", log)) == 1, log
    with suite.case("from then on its stamps are not synchronised"):
        clock = Stepped("reflector-estimate", synchronized=True)
        with Fizeaud("ike off\nworkers 1", netns=clock) as daemon:
            before, = fizeau_json("twoway", *QUICK, daemon.target)["sessions"]
            assert before["clock"]["receiver"]["synchronized"] is True, before["clock"]
            session, = json.loads(measured_across(daemon, lambda: clock.set(NS), "-j", "-c", "200", after=30))["sessions"]
            assert session["clock"]["receiver"]["synchronized"] is False, session["clock"]
            # The bound covers the step.
            assert session["clock"]["receiver"]["error_ns"] >= NS, session["clock"]
    with suite.case("OWAMP: the receiver's clock goes back"):
        clock = Stepped("owamp", synchronized=True)
        with Fizeaud("ike off", netns=clock) as daemon:
            out = measured_across(daemon, lambda: clock.set(-NS // 2), "--to", "-j", "-i", "50ms", command="oneway")
        session, = json.loads(out)["sessions"]
        assert session["clock"]["usable"] is False and session["clock"]["reason"] == "receiver_stepped", session["clock"]
        for name in ("delay_ns", "ipdv_ns", "pdv_ns"):
            assert session[name]["median"] is None, session[name]


def meaningless():
    """Between two namespaces, whose addresses do not tell that they have one clock."""
    if os.getuid() != 0 or not namespaces_work():
        suite.skip("two hosts", "needs root and network namespaces")
        return
    good, bad = os.path.join(folder, "good"), os.path.join(folder, "bad")
    with Netns("here", "there") as ns, chronyd(good, dispersion=0.001) as synchronised, chronyd(bad, leap=3) as not_so:
        ns.link("here", "10.78.1.1/24", "there", "10.78.1.2/24")

        def measure(here, there, *args, command="twoway"):
            with Fizeaud(f"ike off\nclock-source chronyd {there.where}", "10.78.1.2", ns["there"]) as daemon:
                target = daemon.target if command == "twoway" else daemon.owamp_target
                return fizeau_json(command, *QUICK, "--clock", f"chronyd {here.where}", *args, target, netns=ns["here"])

        for name, here, there, reason in (("both", synchronised, synchronised, None),
                                          ("neither", not_so, not_so, "neither_synchronized"),
                                          ("the sender not", not_so, synchronised, "sender_not_synchronized"),
                                          ("the receiver not", synchronised, not_so, "receiver_not_synchronized")):
            with suite.case(f"{name} synchronised"):
                session, = measure(here, there)["sessions"]
                said = session["clock"]
                assert said["same"] is False and said["usable"] is (reason is None) and said["reason"] == reason, said
                for figure in ("forward_delay_ns", "backward_delay_ns"):
                    assert (session[figure]["median"] is None) == (reason is not None), session[figure]
                assert session["round_trip_delay_ns"]["median"] > -1000000 and said["round_trip_error_ns"] > 0, session
                if reason is None:
                    assert 2 * MS <= said["one_way_error_ns"] <= 2.2 * MS, said
        with suite.case("OWAMP: neither synchronised, variation is left"):
            for session in measure(not_so, not_so, command="oneway")["sessions"]:
                assert session["clock"]["reason"] == "neither_synchronized", session["clock"]
                assert session["delay_ns"]["median"] is None and session["ipdv_ns"]["median"] is not None, session
                assert session["clock"]["trusted"] is False and session["clock"]["ipdv_error_ns"] > 0, session["clock"]
        with suite.case("--same-clock"):
            session, = measure(not_so, not_so, "--same-clock")["sessions"]
            assert session["clock"]["same"] and session["clock"]["usable"], session["clock"]
            assert session["forward_delay_ns"]["median"] is not None, session
        with suite.case("a clock that says it is right and is not: the figures contradict it"):
            clock = Stepped("wrong", netns=ns["there"])
            clock.set(-5 * NS // 100)
            with Fizeaud(f"ike off\nclock-source chronyd {good}", "10.78.1.2", clock) as daemon:
                session, = fizeau_json("twoway", *QUICK, "--clock", f"chronyd {good}", daemon.target,
                                       netns=ns["here"])["sessions"]
            assert session["clock"]["reason"] == "bounds_contradicted", session["clock"]
            assert session["forward_delay_ns"]["median"] is None, session


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    with Fizeaud("ike off") as server:
        daemons()
        with suite.case("one clock at both ends need not be synchronised"):
            session, = fizeau_json("twoway", *QUICK, "--clock", "kernel", server.target)["sessions"]
            assert session["clock"]["same"] and session["clock"]["usable"], session["clock"]
            assert session["forward_delay_ns"]["median"] is not None, session
        with suite.case("--clock: what is wrong with it"):
            run = fizeau("twoway", "--clock", "ntpd", server.target)
            assert run.returncode == 2 and "must be one of auto, kernel, chronyd" in run.stderr, run
    steps()
    meaningless()
suite.done()
