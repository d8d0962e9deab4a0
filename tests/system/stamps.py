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
from processes import PATIENCE, at_work, family, held, measured, udp_sockets, until, without_stamps  # noqa: E402
from suite import FIZEAU, Fizeaud, Suite, fizeau, fizeau_json  # noqa: E402
OPEN = ("-m", "open", "--ike", "off")
UNLIMITED = "ike off\nlimit anyone rate none\nlimit anyone bandwidth none\nlimit anyone packets none\n"


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
    with suite.case("without stamps of the kernel every packet counts as stamped in user space"):
        run = subprocess.run([FIZEAU, "twoway", "-j", "-c", "50", "-i", "1ms", *OPEN, server.target], capture_output=True,
                             text=True, timeout=PATIENCE, check=False, env=without_stamps())
        assert run.returncode == 0, run
        session, = json.loads(run.stdout)["sessions"]
        consistent(session)
        assert session["stamps"]["sent_by"] == {"hardware": 0, "kernel": 0, "user": 50}, session["stamps"]
        assert session["stamps"]["received"] == "user", session["stamps"]


def stopped():
    with suite.case("a twoway that is stopped and goes on tells the slots it missed, and loses nothing"), \
            Fizeaud(UNLIMITED) as other, \
            at_work(FIZEAU, "twoway", "-j", "-c", 600, "-i", "5ms", "-w", "10s", *OPEN, other.target) as sender:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        with held(sender.pid):
            time.sleep(1)
        session = measured(sender)
        consistent(session)
        packets, missed = session["packets"], session["missed_slots"]
        assert (packets["sent"], packets["lost"]) == (600, 0), packets
        # A second has 200 slots, of which the one that it was continued in may have been kept.
        assert missed["count"] >= 150 and any(last - first >= 100 for first, last in missed["numbers"]), missed
        assert session["send_error_ns"]["max"] > 5 * 10**8, session["send_error_ns"]
    with suite.case("stopped for longer than the timeout: the schedule goes on from there, and the slot is told"), \
            Fizeaud(UNLIMITED) as other, \
            at_work(FIZEAU, "twoway", "-j", "-c", 300, "-i", "5ms", "-w", "200ms", *OPEN, other.target) as sender:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        with held(sender.pid):
            time.sleep(1)
        session = measured(sender)
        consistent(session)
        assert session["packets"]["sent"] == 300 and session["missed_slots"]["count"] >= 1, session


def overflow():
    with suite.case("what the client's own socket drops is local, never the network's loss"), Fizeaud("ike off") as other, \
            at_work(FIZEAU, "twoway", "-j", "-c", 300, "-i", "5ms", "-w", "20s", *OPEN, other.target) as sender, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        until("some have come", lambda: any(s["received"] > 20 for s in other.status()["sessions"]))
        (port, _), = udp_sockets([sender.pid])
        with contextlib.ExitStack() as reflectors:
            for pid in family(other.process.pid):
                reflectors.enter_context(held(pid))
            # Some packets wait at the reflector; then nobody reads at the client, and its socket fills up.
            time.sleep(0.3)
            with held(sender.pid):
                # As long as reflections, so that none fits where they do not.
                while udp_sockets([sender.pid])[0][1] == 0:
                    for _ in range(1000):
                        flood.sendto(bytes(41), ("127.0.0.1", port))
                drops = udp_sockets([sender.pid])[0][1]
                reflectors.close()
                until("reflections have been dropped", lambda: udp_sockets([sender.pid])[0][1] > drops + 5)
        session = measured(sender)
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
