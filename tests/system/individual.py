#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Individual session control (RFC 5938) at fizeaud: sessions of one control connection that are started and stopped one by one,
in every mode, by a client that goes byte by byte."""
import contextlib
import hmac
import os
import signal
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import closed, receive, wait_for  # noqa: E402
from player import REQUEST, SETUP, Server, greeting, reflection, server_start  # noqa: E402
from suite import Suite, fizeau, fizeau_json, private_file  # noqa: E402
from twamp import PORTS, Control, Fizeaud, Sender, counter, good_client, status  # noqa: E402
from twamp_keyed import AUTHENTICATED, ENCRYPTED, IKE, MIXED, KeyedControl, KeyedSender  # noqa: E402

INDIVIDUAL = 16
OPEN = 1
START, STOP = 7, 9
PASSPHRASE = b"sesame opens"
SPIS = bytes.fromhex("0f3c000000000001") + bytes.fromhex("99ab000000000000")
SK_D = bytes.fromhex("5a" * 32)
IKE_KEY = hmac.digest(SK_D, b"IPPM", "sha256")

suite = Suite()
case = suite.case


class Session:
    """One with a sender of its own."""

    def __init__(self, stack, server, control, mode=OPEN, **wishes):
        keyed = mode & (AUTHENTICATED | ENCRYPTED)
        self.control = control
        self.sender = stack.enter_context(KeyedSender(server, mode) if keyed else Sender(server))
        self.port, self.sid = control.session(sender_port=self.sender.port, **wishes)
        if keyed:
            self.sender.keys = control.test_keys(self.sid)

    def start(self):
        self.control.start_n(self.sid)
        return self

    def stop(self):
        self.control.stop_n(self.sid)

    def echo(self):
        self.sender.echo(self.port)

    def silent(self):
        return self.sender.silence(self.port)

    def told(self, server):
        return next((s for s in status(server)["sessions"] if s["sid"] == self.sid.hex()), None)


@contextlib.contextmanager
def connected(server, mode=OPEN):
    """A connection in that mode with individual session control."""
    if mode == OPEN:
        with Control(server) as control:
            assert control.set_up(OPEN | INDIVIDUAL) == 0
            yield control
    else:
        with KeyedControl(server) as control:
            yield control.open(mode | INDIVIDUAL, *((SPIS, IKE_KEY) if mode & IKE else (b"alice", PASSPHRASE)))


def several(stack, server, control, count, **wishes):
    return [Session(stack, server, control, **wishes) for _ in range(count)]


def one_by_one(server, mode):
    with connected(server, mode) as control, contextlib.ExitStack() as stack:
        first, second, third = several(stack, server, control, 3, mode=mode)
        #= rfc5938#section-3.2 IS-3.2-01 IS-3.2-03 IS-3.2-08 IS-3.2-10
        #= rfc5938#section-4.1 IS-4.1-01
        #= rfc5938#section-4.2 IS-4.2-01
        control.start_n(second.sid, first.sid)
        first.echo()
        second.echo()
        assert third.silent()
        #= rfc5938#section-3.4 IS-3.4-04 IS-3.4-07 IS-3.4-09
        first.stop()
        #= rfc5938#section-4.2 IS-4.2-02 IS-4.2-03
        wait_for("the end of the first", lambda: not first.told(server))
        assert first.silent() and third.silent()
        second.echo()
        third.start().echo()
        # There may be more while others run (wire.md T-31), and when none does.
        fourth = Session(stack, server, control, mode).start()
        fourth.echo()
        control.stop_n(fourth.sid, second.sid, third.sid)
        wait_for("the end of all", lambda: not status(server)["sessions"])
        Session(stack, server, control, mode).start().echo()


with tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", f"alice {PASSPHRASE.decode()}\n")
    sas = private_file(folder, "sas", f"{SPIS[:8].hex()} {SPIS[8:].hex()} hmac-sha2-256 {SK_D.hex()} remote-id CN=client.example\n")
    with Fizeaud(f"keys {keys}\nike static {sas}\npbkdf2-count 1024") as server:
        with case("the greeting offers it"), Control(server) as control:
            #= rfc5938#section-3.1 IS-3.1-01
            #= rfc5938#section-3.7 IS-3.7-01
            assert control.modes & INDIVIDUAL, control.modes
        for mode, name in ((OPEN, "open"), (AUTHENTICATED, "authenticated"), (ENCRYPTED, "encrypted"), (MIXED, "mixed"),
                           (AUTHENTICATED | IKE, "authenticated, IKEv2"), (ENCRYPTED | IKE, "encrypted, IKEv2"),
                           (MIXED | IKE, "mixed, IKEv2")):
            #= rfc5938#section-2 IS-2-01
            #= rfc5938#section-3.1 IS-3.1-02 IS-3.1-03 IS-3.1-04 IS-3.1-07
            with case(f"{name}: each session starts and stops by itself"):
                one_by_one(server, mode)
        with case("an HMAC that fails ends the connection, and nothing starts"), connected(server, ENCRYPTED) as control, \
                contextlib.ExitStack() as stack:
            #= rfc5938#section-1 IS-1-04
            session = Session(stack, server, control, ENCRYPTED)
            control.hmac_key = bytes(32)
            control.say_n(START, [session.sid])
            assert closed(control.sock)
            wait_for("its end", lambda: not session.told(server))
            assert session.silent() and counter(server, "closed_hmac") == 1
        with case("a mode without security is refused"), Control(server) as control:
            #= rfc5938#section-3.1 IS-3.1-06
            assert control.set_up(INDIVIDUAL) == 3 and closed(control.sock)
        good_client(server)

with case("every SID gets its own Accept"), Fizeaud() as server, connected(server) as control, contextlib.ExitStack() as stack:
    runs, stopped, fine, never = several(stack, server, control, 4)
    nobody = os.urandom(16)
    control.start_n(runs.sid, stopped.sid)
    stopped.stop()
    #= rfc5938#section-3.2 IS-3.2-07
    #= rfc5938#section-3.3 IS-3.3-06
    told = control.carried_out(START, [nobody, runs.sid, fine.sid, stopped.sid])
    assert told == {nobody: 1, runs.sid: 1, fine.sid: 0, stopped.sid: 1}, told
    fine.echo()
    runs.echo()
    #= rfc5938#section-3.5 IS-3.5-02
    told = control.carried_out(STOP, [never.sid, fine.sid, nobody])
    assert told == {never.sid: 1, fine.sid: 0, nobody: 1}, told
    runs.echo()
    never.start().echo()
    control.say_n(STOP, [runs.sid, runs.sid])
    told = sorted([control.hear_n(STOP), control.hear_n(STOP)])
    assert told == [(0, [runs.sid]), (1, [runs.sid])], told

with case("one that lacks its worker is refused alone, with Accept 5"), Fizeaud("workers 2") as server, \
        connected(server) as control, contextlib.ExitStack() as stack:
    sessions = several(stack, server, control, 4)
    before = {s.sid: s.told(server)["worker"] for s in sessions}
    victim = before[sessions[2].sid]
    lost = {sid for sid, worker in before.items() if worker == victim}
    assert 0 < len(lost) < 4, before
    os.kill(next(w["pid"] for w in status(server)["workers"] if w["worker"] == victim), signal.SIGKILL)
    wait_for("its end", lambda: not sessions[2].told(server))
    #= rfc5938#section-3.3 IS-3.3-03 IS-3.3-06
    told = control.carried_out(START, [s.sid for s in sessions])
    assert told == {s.sid: 5 if s.sid in lost else 0 for s in sessions}, told
    for session in sessions:
        if session.sid not in lost:
            session.echo()

with case("commands that do not wait for acks are all answered, in order"), Fizeaud() as server, connected(server) as control, \
        contextlib.ExitStack() as stack:
    #= rfc5938#section-3.2 IS-3.2-11 IS-3.2-12
    first, second, third = several(stack, server, control, 3)
    for command, session in (START, second), (START, first), (STOP, second), (START, third), (STOP, second):
        control.say_n(command, [session.sid])
    acks = [control.hear_n(command) for command in (START, START, STOP, START, STOP)]
    assert acks == [(0, [second.sid]), (0, [first.sid]), (0, [second.sid]), (0, [third.sid]), (1, [second.sid])], acks
    first.echo()
    third.echo()

with case("many in one command"), Fizeaud(f"limit anyone sessions 400\nlimit anyone peer-sessions 400\ntest-ports {PORTS}-{PORTS + 19}") as server, \
        connected(server) as control, contextlib.ExitStack() as stack:
    sessions = several(stack, server, control, 300)
    control.start_n(*(s.sid for s in reversed(sessions)))
    assert {s["state"] for s in status(server)["sessions"]} == {"running"}
    sessions[0].echo()
    sessions[299].echo()
    control.stop_n(*(s.sid for s in sessions[1:]))
    sessions[0].echo()

for number, count, name in ((START, 0, "none"), (STOP, 0, "none"), (START, 2**31, "more than there can be"),
                            (STOP, 2**32 - 1, "more than there can be")):
    with case(f"command {number} for {name} is not affirmed"), Fizeaud() as server, connected(server) as control, \
            contextlib.ExitStack() as stack:
        #= rfc5938#section-3.2 IS-3.2-04 IS-3.2-06
        #= rfc5938#section-3.4 IS-3.4-02 IS-3.4-05
        session = Session(stack, server, control)
        control.say_n(number, [session.sid], count)
        assert receive(control.sock, 1) == b"" and session.silent()
        good_client(server)

with case("a command that stalls is cut off"), Fizeaud("servwait 500ms") as server, connected(server) as control, \
        contextlib.ExitStack() as stack:
    #= rfc5938#section-3.2 IS-3.2-05 IS-3.2-06
    session = Session(stack, server, control)
    control.say_n(START, [session.sid], 3)
    assert receive(control.sock, 1) == b"" and session.silent() and counter(server, "closed_timeout") == 1

with Fizeaud() as server:
    for number in 1, 2, 3, 4, 6, 8, 10, 11:
        with case(f"command {number} is unexpected where sessions start one by one"), connected(server) as control, \
                contextlib.ExitStack() as stack:
            #= rfc5938#section-2 IS-2-02
            #= rfc5938#section-3.1 IS-3.1-05
            #= rfc5938#section-6.4 IS-6.4-01
            session = Session(stack, server, control)
            control.sock.sendall(bytes([number]) + bytes(15))
            assert receive(control.sock, 64) == bytes([3]) + bytes(47) and session.silent()
    for number in 7, 8, 9, 10:
        with case(f"command {number} is unexpected where they start together"), Control(server) as control, Sender(server) as sender:
            port, sid = control.open().session(sender_port=sender.port)
            control.say_n(number, [sid])
            assert receive(control.sock, 64) == bytes([3]) + bytes(47) and sender.silence(port)
    good_client(server)

with case("SERVWAIT does not count while any session runs, and counts again when none does"), \
        Fizeaud("servwait 500ms\nrefwait 60s") as server, connected(server) as control, contextlib.ExitStack() as stack:
    #= rfc5938#section-3.6 IS-3.6-01 IS-3.6-02 IS-3.6-03
    first, second, _ = several(stack, server, control, 3)
    control.start_n(first.sid, second.sid)
    time.sleep(1.5)
    first.echo()
    first.stop()
    time.sleep(1.5)
    second.echo()
    assert counter(server, "closed_timeout") == 0
    second.stop()
    assert closed(control.sock) and counter(server, "closed_timeout") == 1

with case("SERVWAIT counts again when REFWAIT has ended all"), Fizeaud("servwait 500ms\nrefwait 1s") as server, \
        connected(server) as control, contextlib.ExitStack() as stack:
    #= rfc5938#section-3.6 IS-3.6-03 IS-3.6-04
    #= rfc5938#section-4.2 IS-4.2-04
    sessions = several(stack, server, control, 2)
    control.start_n(*(s.sid for s in sessions))
    assert closed(control.sock)
    assert counter(server, "ended_refwait") == 2 and counter(server, "closed_timeout") == 1

with case("REFWAIT ends one and not the other, and a stop of either is fine"), Fizeaud("refwait 1s") as server, \
        connected(server) as control, contextlib.ExitStack() as stack:
    #= rfc5938#section-3.6 IS-3.6-02
    #= rfc5938#section-4.2 IS-4.2-04
    quiet, busy = several(stack, server, control, 2)
    control.start_n(quiet.sid, busy.sid)

    def over():
        busy.echo()
        return not quiet.told(server)
    wait_for("the end of the quiet one", over)
    assert quiet.silent()
    busy.echo()
    control.stop_n(quiet.sid, busy.sid)
    wait_for("the end of both", lambda: not status(server)["sessions"])
    assert counter(server, "ended_refwait") == 1 and counter(server, "ended_stop") == 1

with case("a stopped session reflects for its Timeout, also without its connection"), Fizeaud() as server, \
        contextlib.ExitStack() as stack:
    #= rfc5938#section-4.2 IS-4.2-02
    with connected(server) as control:
        long, short, other = (Session(stack, server, control, timeout=t) for t in (60, 0, 60))
        control.start_n(long.sid, short.sid, other.sid)
        control.stop_n(long.sid, short.sid)
        wait_for("the end of the short one", lambda: not short.told(server))
        assert short.silent()
        long.echo()
    wait_for("the end of the one that was not stopped", lambda: not other.told(server))
    assert other.silent()
    long.echo()

with case("random octets after a good set-up leave the server well"), Fizeaud() as server:
    for seed in range(40):
        with connected(server) as control, contextlib.ExitStack() as stack:
            session = Session(stack, server, control)
            octets = bytearray(struct.pack(">B11xI", (START, STOP)[seed % 2], 2) + session.sid * 2 + bytes(16))
            for _ in range(3):
                at = int.from_bytes(os.urandom(2), "big") % len(octets)
                octets[at] ^= os.urandom(1)[0]
            with contextlib.suppress(ConnectionError):
                control.sock.sendall(bytes(octets) + os.urandom(64))
                control.sock.shutdown(socket.SHUT_WR)
                closed(control.sock)
    good_client(server)

MEASURE = ("twoway", "-m", "open", "--features", "individual", "-c", 3, "-i", "5ms", "-w", "500ms")

with case("fizeau twoway starts and stops its session by itself"), Fizeaud() as server:
    result = fizeau_json(*MEASURE, server.target)
    assert result["features"] == ["individual"] and result["sessions"][0]["packets"]["received"] == 3, result
    # And several with as many servers, here one.
    assert fizeau(*MEASURE, *[server.target] * 3).returncode == 0
    wait_for("the end of all", lambda: not status(server)["sessions"])
    assert counter(server, "ended_stop") == 4 and counter(server, "ended_connection") == 0


def played(answer):
    """A server with individual session control; answer gives what follows Start-N-Sessions, from the SID."""
    def play(server, connection):
        connection.sendall(greeting(OPEN | INDIVIDUAL))
        server.take(connection, SETUP)
        connection.sendall(server_start())
        server.take(connection, REQUEST)
        sid = b"\x7f\0\0\1" + os.urandom(12)
        connection.sendall(struct.pack(">BBH", 0, 0, server.udp_port) + sid + bytes(28))
        server.take(connection, 48)
        connection.sendall(answer(sid))
        server.rest(connection)
    return Server(play, lambda packet, seq: [reflection(packet, seq)])


def ack(command, accept, *sids):
    return struct.pack(">BB10xI", command, accept, len(sids)) + b"".join(sids) + bytes(16)


with case("what fizeau twoway says then"), played(lambda sid: ack(8, 0, sid)) as server:
    #= rfc5938#section-2 IS-2-02
    #= rfc5938#section-3.1 IS-3.1-03 IS-3.1-04 IS-3.1-06
    #= rfc5938#section-3.2 IS-3.2-02 IS-3.2-05 IS-3.2-07
    #= rfc5938#section-3.4 IS-3.4-03 IS-3.4-06
    #= rfc5938#section-4.1 IS-4.1-01
    assert fizeau_json(*MEASURE, server.target)["sessions"][0]["packets"]["received"] == 3
    wait_for("its last word", lambda: len(server.seen) > 3)
    set_up, request, start, stop = server.seen
    assert set_up[:4] == bytes([0, 0, 0, OPEN | INDIVIDUAL]) and request[0] == 5
    sid = start[16:32]
    assert sid[:4] == b"\x7f\0\0\1"
    assert start == struct.pack(">B11xI", START, 1) + sid + bytes(16), start.hex()
    assert stop == struct.pack(">B11xI", STOP, 1) + sid + bytes(16), stop.hex()

for answer, words in ((lambda sid: ack(8, 5, sid), ("refused to start the test session", "Accept 5", "temporary resource limit")),
                      (lambda sid: ack(8, 0), ("forbidden value",)),
                      (lambda sid: ack(8, 0, bytes(16)), ("forbidden value",)),
                      (lambda sid: ack(8, 0, sid, sid), ("forbidden value",)),
                      (lambda sid: ack(10, 0, sid), ("forbidden value",)),
                      (lambda sid: ack(2, 0, sid), ("no place",)),
                      (lambda sid: bytes(48), ("no place",))):
    with case(f"fizeau twoway does not go on: {words[0]}"), played(answer) as server:
        #= rfc5938#section-3.3 IS-3.3-02 IS-3.3-03 IS-3.3-04
        run = fizeau(*MEASURE, server.target)
        assert run.returncode == 1 and run.stderr.count("\n") == 1, run
        for word in words:
            assert word in run.stderr, run.stderr

suite.done()
