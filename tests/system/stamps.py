#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a result says of this host itself: where its stamps are from, which slots of its schedule it missed, and what its own
socket dropped. Counts and orders only, no times. tests/system/load.py has the same of the daemon and of OWAMP."""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from processes import family, held  # noqa: E402
from suite import BUILD, FIZEAU, Fizeaud, Suite, fizeau, fizeau_json  # noqa: E402

PATIENCE = 60
NO_STAMPS = os.path.abspath(os.path.join(BUILD, "tests", "system", "libno_stamps.so"))
SANITIZED = b"__asan_init" in open(FIZEAU, "rb").read()
OPEN = ("-m", "open", "--ike", "off")
UNLIMITED = "ike off\nlimit anyone rate none\nlimit anyone bandwidth none\nlimit anyone packets none\n"


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def client(*args):
    process = subprocess.Popen([FIZEAU, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def session_of(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (process.returncode, err)
    session, = json.loads(out)["sessions"]
    return session


def consistent(session):
    """Every packet's stamp is counted once, and the missed slots are as many as their numbers."""
    packets, stamps, missed = session["packets"], session["stamps"], session["missed_slots"]
    assert sum(stamps["sent_by"].values()) == packets["sent"], (stamps, packets)
    assert sum(stamps["received_by"].values()) >= packets["received"], (stamps, packets)
    numbers = [n for first, last in missed["numbers"] for n in range(first, last + 1)]
    assert numbers == sorted(set(numbers)), missed
    assert not missed["all"] or len(numbers) == missed["count"], missed
    assert all(n < packets["wanted"] for n in numbers), missed
    assert packets["lost_local"] + packets["lost_network"] == packets["lost"], packets
    assert packets["lost_local"] <= packets["receive_drops"], packets


def sources():
    path = os.path.join(folder, "records")
    for busy in ((), ("--busy-poll",)):
        with suite.case(f"the kernel's stamps are in the result, and counted {' '.join(busy)}"):
            #= rfc5357#section-4.1.1 TW-4.1.1-01
            session, = fizeau_json("twoway", "-c", 200, "-i", "1ms", *OPEN, *busy, "--records", path, server.target)["sessions"]
            consistent(session)
            assert session["stamps"]["sent_by"]["kernel"] > 0 and session["stamps"]["received_by"]["kernel"] > 0, session
            assert session["packets"]["lost"] == 0, session["packets"]
            with open(path) as f:
                # Corrected ones are estimates.
                for record in map(json.loads, f if session["stamps"]["sent_by"]["user"] == 0 else ()):
                    assert record["sent_unix_ns"] <= record["reflector_received_unix_ns"] <= record["received_unix_ns"], record
    with suite.case("at a high rate a sample has to do"):
        session, = fizeau_json("twoway", "-c", 3000, "-i", "40us", *OPEN, server.target)["sessions"]
        consistent(session)
        sent_by = session["stamps"]["sent_by"]
        assert sent_by["user"] > 0 and sent_by["kernel"] > 0 and session["stamps"]["sent"] == "user", sent_by
    with suite.case("text tells sources, send times and missed slots, of both protocols"):
        run = fizeau("twoway", "-c", 20, "-i", "2ms", *OPEN, server.target)
        assert re.search(r"^stamps: sent .*\d+ by the kernel.*; received \d+ by the kernel", run.stdout, re.M), run.stdout
        assert re.search(r"^send times: .* \(median\), .* \(p99\), .* \(max\); (no slot|\d+ slots?) missed", run.stdout,
                         re.M), run.stdout
        run = fizeau("oneway", "-c", 20, "-i", "2ms", "-w", "500ms", *OPEN, server.owamp_target)
        assert re.search(r"^to    stamps: sent 20 in user space$", run.stdout, re.M), run.stdout
        assert re.search(r"^from  stamps: received \d+ by the kernel", run.stdout, re.M), run.stdout
        assert re.search(r"^to    send times: ", run.stdout, re.M), run.stdout
    name = "without stamps of the kernel every packet counts as stamped in user space"
    if SANITIZED:
        suite.skip(name, "ASan wants to be preloaded first")
        return
    with suite.case(name):
        run = subprocess.run([FIZEAU, "twoway", "-j", "-c", "50", "-i", "1ms", *OPEN, server.target], capture_output=True,
                             text=True, timeout=PATIENCE, check=False, env={**os.environ, "LD_PRELOAD": NO_STAMPS})
        assert run.returncode == 0, run
        session, = json.loads(run.stdout)["sessions"]
        consistent(session)
        assert session["stamps"]["sent_by"] == {"hardware": 0, "kernel": 0, "user": 50}, session["stamps"]
        assert session["stamps"]["received"] == "user", session["stamps"]


def stopped():
    with suite.case("a twoway that is stopped and goes on tells the slots it missed, and loses nothing"), \
            Fizeaud(UNLIMITED) as other, client("twoway", "-j", "-c", 600, "-i", "5ms", "-w", "10s", *OPEN, other.target) as sender:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        with held(sender.pid):
            time.sleep(1)
        session = session_of(sender)
        consistent(session)
        packets, missed = session["packets"], session["missed_slots"]
        assert (packets["sent"], packets["lost"]) == (600, 0), packets
        # A second has 200 slots, of which the one that it was continued in may have been kept.
        assert missed["count"] >= 150 and any(last - first >= 100 for first, last in missed["numbers"]), missed
        assert session["send_error_ns"]["max"] > 5 * 10**8, session["send_error_ns"]
    with suite.case("stopped for longer than the timeout: the schedule goes on from there, and the slot is told"), \
            Fizeaud(UNLIMITED) as other, client("twoway", "-j", "-c", 300, "-i", "5ms", "-w", "200ms", *OPEN, other.target) as sender:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        with held(sender.pid):
            time.sleep(1)
        session = session_of(sender)
        consistent(session)
        assert session["packets"]["sent"] == 300 and session["missed_slots"]["count"] >= 1, session


def udp_ports(pids):
    inodes, ports = set(), []
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
    with open("/proc/net/udp") as f:
        for line in list(f)[1:]:
            fields = line.split()
            if fields[9] in inodes:
                ports.append((int(fields[1].split(":")[1], 16), int(fields[-1])))
    return ports


def overflow():
    with suite.case("what the client's own socket drops is local, never the network's loss"), Fizeaud("ike off") as other, \
            client("twoway", "-j", "-c", 300, "-i", "5ms", "-w", "20s", *OPEN, other.target) as sender, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        (port, _), = udp_ports([sender.pid])
        with contextlib.ExitStack() as reflectors:
            for pid in family(other.process.pid):
                reflectors.enter_context(held(pid))
            # Some packets wait at the reflector; then nobody reads at the client, and its socket fills up.
            time.sleep(0.3)
            with held(sender.pid):
                # As long as reflections, so that none fits where they do not.
                while udp_ports([sender.pid])[0][1] == 0:
                    for _ in range(1000):
                        flood.sendto(bytes(41), ("127.0.0.1", port))
                drops = udp_ports([sender.pid])[0][1]
                reflectors.close()
                until("reflections have been dropped", lambda: udp_ports([sender.pid])[0][1] > drops + 5)
        session = session_of(sender)
        consistent(session)
        packets = session["packets"]
        assert packets["receive_drops"] > 5 and packets["lost_local"] == packets["lost"] > 5, packets
        assert packets["lost_network"] == 0 and packets["lost_backward"] == 0, packets


suite = Suite()
with tempfile.TemporaryDirectory() as folder, Fizeaud(UNLIMITED) as server:
    sources()
    stopped()
    overflow()
suite.done()
