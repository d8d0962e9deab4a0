#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What goes wrong under load, and many sessions at once: ends that are stopped and go on, socket buffers that overflow, a
kernel that stamps nothing, a peer that floods. Counts and orders only, no times.

    tests/system/load.py --full      10,000 sessions over 1,000 control connections, instead of a tenth of that
"""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from processes import PATIENCE, at_work, family, held, measured, udp_sockets, until, without_stamps  # noqa: E402
from suite import BUILD, FIZEAU, Fizeaud, Suite, fizeau_json, private_file  # noqa: E402

MANY = os.path.join(BUILD, "bench", "system", "many_sessions")
OPEN = ("-m", "open", "--ike", "off", "-j")
UNLIMITED = "".join(f"limit anyone {item} none\n" for item in (
    "connections", "peer-connections", "sessions", "peer-sessions", "packets", "rate", "bandwidth"))
# As in bench/system/control.h.
SPI_I, SPI_R, SK_D = b"benchini", b"benchres", b"SK_d of the benches, no secret.."


def socket_drops(pids):
    return sum(drops for _, drops in udp_sockets(pids))


def session_of(server):
    sessions = server.status()["sessions"]
    return sessions[0] if sessions else {"received": 0, "sent": 0}


def no_network_loss(packets, local):
    """What was lost is what was dropped here or there for want of a buffer, and is told as that."""
    assert packets["lost"] == local > 0, (packets, local)
    assert packets.get("lost_network") is None or packets["lost_network"] + packets["lost_local"] == packets["lost"], packets


def stopped_senders():
    #= rfc4656#section-4.1.1 OW-4.1.1-04
    args = ("oneway", "-c", 400, "-i", "5ms", "-w", "300ms", *OPEN)

    def check(session):
        packets = session["packets"]
        assert packets["skipped"] > 0, packets
        assert packets["sent"] + packets["skipped"] == packets["wanted"] == 400, packets
        # It may have been stopped between the stamp and the system call: that one packet is late, which is true.
        assert packets["received"] + packets["lost"] == packets["sent"] and packets["lost"] <= 1, packets
        missed = session.get("missed_slots", packets.get("missed_slots"))
        assert missed is None or missed["count"] >= packets["skipped"], (missed, packets)

    with suite.case("a sender that is stopped and goes on: slots missed, nothing lost that was not sent"), \
            Fizeaud("ike off") as server, at_work(FIZEAU, *args, "--to", server.owamp_target) as sender:
        until("some are there", lambda: session_of(server)["received"] > 20)
        with held(sender.pid):
            time.sleep(1)
        check(measured(sender))
    with suite.case("a fizeaud that sends is stopped and goes on: likewise"), \
            Fizeaud("ike off") as server, at_work(FIZEAU, *args, "--from", server.owamp_target) as receiver:
        until("some have left", lambda: session_of(server)["sent"] > 20)
        with held(server.process.pid):
            time.sleep(1)
        check(measured(receiver))


def overflows():
    args = ("-c", 100000, "-i", "40us", "-w", "20s", *OPEN)

    def overflow(process):
        """Holds it until its socket is full, while what fills it goes on."""
        pids = family(process.pid)
        before = socket_drops(pids)
        with held(process.pid):
            until("its socket is full", lambda: socket_drops(pids) > before)

    with suite.case("a reflector that is stopped until its socket overflows: the drops are local ones, and no others"), \
            Fizeaud(f"ike off\n{UNLIMITED}") as server, at_work(FIZEAU, "twoway", *args, server.target) as sender:
        until("some have come back", lambda: session_of(server)["received"] > 20)
        overflow(server.process)
        assert sender.poll() is None, "over before the socket was full"
        packets = measured(sender)["packets"]
        counters = server.status()["counters"]
        assert counters["dropped_receive"] > 0 and counters["packets_received"] == counters["packets_reflected"], counters
        assert counters["dropped_receive"] + counters["packets_received"] == packets["sent"] == 100000, (counters, packets)
        no_network_loss(packets, counters["dropped_receive"] + packets["receive_drops"])
    with suite.case("a fizeaud that receives is stopped until its socket overflows: likewise"), \
            Fizeaud(f"ike off\n{UNLIMITED}limit anyone storage none\n") as server, \
            at_work(FIZEAU, "oneway", *args, "--to", server.owamp_target) as sender:
        until("some are there", lambda: session_of(server)["received"] > 20)
        overflow(server.process)
        assert sender.poll() is None, "over before the socket was full"
        packets = measured(sender)["packets"]
        counters = server.status()["counters"]
        assert packets["sent"] + packets["skipped"] == 100000, packets
        no_network_loss(packets, counters["dropped_receive"])
    with suite.case("a client that receives is stopped until its socket overflows: likewise"), \
            Fizeaud(f"ike off\n{UNLIMITED}") as server, \
            at_work(FIZEAU, "oneway", *args, "--from", server.owamp_target) as receiver:
        until("some have left", lambda: session_of(server)["sent"] > 20)
        overflow(receiver)
        packets = measured(receiver)["packets"]
        no_network_loss(packets, packets["receive_drops"])


def no_stamps():
    with suite.case("a kernel and a card that stamp nothing: the result says so, and is one"), Fizeaud("ike off") as server:
        for which in ("twoway", "oneway"):
            target = server.target if which == "twoway" else server.owamp_target
            run = subprocess.run([FIZEAU, which, "-c", "20", "-i", "2ms", *OPEN, *(["--from"] if which == "oneway" else []), target],
                                 capture_output=True, text=True, timeout=PATIENCE, env=without_stamps())
            assert run.returncode == 0, run
            session, = json.loads(run.stdout)["sessions"]
            assert session["packets"]["lost"] == 0 and session["packets"]["received"] == 20, session
            if which == "twoway":
                assert session["stamps"]["received"] == session["stamps"]["sent"] == "user", session["stamps"]
            else:
                assert session["stamps"]["received"] in ("user", None), session["stamps"]


def flood():
    """Ten times of what the class may: 1,000 a second and a quarter of that at once."""
    conf = "ike off\nlimit anyone rate 1000\nlimit anyone bandwidth none\nlimit anyone packets none\n"
    with suite.case("a peer that floods at ten times its class's rate is limited and counted, another loses nothing"), \
            Fizeaud(conf) as server:
        began = time.monotonic()
        with at_work(FIZEAU, "twoway", "-I", "127.0.0.2", "-c", 30000, "-i", "100us", "-w", "1s", *OPEN,
                     server.target) as flooding:
            until("it floods", lambda: session_of(server)["received"] > 300)
            good = fizeau_json("twoway", "-I", "127.0.0.3", "-c", 50, "-i", "20ms", *OPEN[:-1], server.target)
            now = {session["peer"]: session for session in server.status()["sessions"]}
            assert "127.0.0.2" in now, "over before the other one was"
            assert now["127.0.0.2"]["drops"]["rate"] > 0, now
            bad = measured(flooding)["packets"]
        most = 250 + 1000 * (time.monotonic() - began)
        packets = good["sessions"][0]["packets"]
        assert packets["sent"] == packets["received"] == 50, packets
        counters = server.status()["counters"]
        assert 0 < bad["received"] <= most, (bad, most)
        assert bad["lost"] == counters["dropped_rate"] + counters["dropped_receive"] + bad["receive_drops"], (bad, counters)
        assert counters["dropped_rate"] > bad["sent"] / 2, (bad, counters)
        assert counters["packets_reflected"] == counters["packets_received"] - counters["dropped_rate"], counters


class Many:
    """bench/system/many_sessions: a TWAMP client with an address for each control connection."""

    def __init__(self, server, mode, connections, each):
        self.process = subprocess.Popen([MANY, str(server.port), mode, str(connections), str(each)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        assert self.line() == "ready\n"
        return self

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            out, err = self.process.communicate(timeout=PATIENCE)
            raise AssertionError(f"many_sessions ended with {self.process.returncode}: {err}")
        return text

    def ask(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()


def many(mode, connections, each):
    sessions = connections * each
    wanted_mode = mode.partition("+")[0]
    with suite.case(f"{sessions} sessions over {connections} control connections, {mode}: each reflects, all end in order"), \
            tempfile.TemporaryDirectory() as folder:
        sas = private_file(folder, "sas", f"{SPI_I.hex()} {SPI_R.hex()} hmac-sha2-256 {SK_D.hex()}\n")
        keys = private_file(folder, "keys", "bench bench passphrase\n")
        with Fizeaud(f"ike static {sas}\nkeys {keys}\npbkdf2-count 1024\n{UNLIMITED}") as server:
            with Many(server, mode, connections, each) as peers:
                sent = peers.ask(f"send {3 * sessions} 20000")
                assert sent == {"sent": 3 * sessions, "back": 3 * sessions, "bad": 0, "least_of_a_session": 3}, sent
                now = server.status()
                assert now["connections"]["now"] == connections and len(now["sessions"]) == sessions, now["connections"]
                assert len({session["sid"] for session in now["sessions"]}) == sessions
                for session in now["sessions"]:
                    assert (session["mode"], session["state"]) == (wanted_mode, "running"), session
                    assert session["received"] == session["reflected"] == 3, session
                    assert not any(session["drops"].values()), session
                assert now["counters"]["packets_reflected"] == 3 * sessions, now["counters"]
                assert peers.ask("stop") == {"stopped": connections}
                until("all sessions have ended", lambda: not server.status()["sessions"])
                assert server.status()["counters"]["ended_stop"] == sessions
            until("all connections are closed", lambda: server.status()["connections"]["now"] == 0)


suite = Suite()
stopped_senders()
overflows()
no_stamps()
flood()
for security in ("open", "authenticated+ike", "encrypted+ike", "mixed+ike", "authenticated", "encrypted"):
    many(security, *((1000, 10) if "--full" in sys.argv else (100, 10)))
suite.done()
