#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeaud as its peers see it: sessions in open mode, bad input, stalls, limits, signals. The client here is written
from the RFCs, byte by byte, so that it can do what a good client never would."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import PATIENCE, closed, ntp, receive, wait_for  # noqa: E402
from suite import FIZEAU, FIZEAUD, Suite, free_port, private_file  # noqa: E402
from twamp import FEATURES, PORTS, Control, Fizeaud, Sender, counter, good_client, status  # noqa: E402

suite = Suite()
case = suite.case

with case("a session in open mode reflects"), Fizeaud("ike off") as server, Control(server) as control, \
        Sender(server) as sender:
    #= rfc4656#section-3.1 OW-3.1-02 OW-3.1-03 OW-3.1-04 OW-3.1-09 OW-3.1-10
    #= rfc4656#section-2 OW-2-05
    #= rfc5357#section-3.1 TW-3.1-01 TW-3.1-02
    assert control.modes == 1 | FEATURES, control.modes
    with Control(server) as other:
        #= rfc4656#section-6.10 OW-6.10-04
        assert other.greeting[16:32] != control.greeting[16:32] != bytes(16)
        #= rfc4656#section-3.1 OW-3.1-07 OW-3.1-08
        assert other.greeting[32:48] != control.greeting[32:48] != control.greeting[16:32]
    count = struct.unpack(">I", control.greeting[48:52])[0]
    assert count >= 1024 and count & (count - 1) == 0, count
    port, sid = control.open().session(sender_port=sender.port, dscp=46, padding=100)
    #= rfc5357#section-3.5 TW-3.5-13 TW-3.5-21
    assert PORTS <= port < PORTS + 80 and sid[:4] == bytes([127, 0, 0, 1]), (port, sid)
    control.start()
    for n, padding in enumerate([100, 27, 0, 100]):
        sent, (octets, source, ttl, tos) = sender.echo(port, padding)
        #= rfc5357#section-3.5 TW-3.5-09 TW-3.5-19
        #= rfc5357#section-1.2 TW-1.2-01
        #= rfc4656#section-6.2 OW-6.2-03
        assert source == ("127.0.0.1", port) and tos == 46 << 2, (source, tos)
        assert len(octets) == max(14 + padding, 41), len(octets)
        #= rfc5357#section-4.2.1 TW-4.2.1-06
        #= rfc5357#section-4.2 TW-4.2-04 TW-4.2-05 TW-4.2-08
        assert struct.unpack(">I", octets[:4])[0] == n
        assert octets[24:38] == sent[:14] and octets[40] == 200 and ttl == 255
        received, back = struct.unpack(">Q", octets[16:24])[0], struct.unpack(">Q", octets[4:12])[0]
        #= rfc5357#section-4.2 TW-4.2-01 TW-4.2-10
        assert struct.unpack(">Q", sent[4:12])[0] - 2**20 < received <= back < ntp(time.time() + 1)
    [one] = status(server)["sessions"]
    assert one["received"] == one["reflected"] == 4 and one["sid"] == sid.hex() and one["state"] == "running", one
    assert one["key"]["source"] == "none" and one["class"] == "anyone" and one["port"] == port
    control.stop()
    wait_for("the session ends", lambda: not status(server)["sessions"])

with case("Challenge and Salt are of this connection only"), Fizeaud() as server:
    #= rfc4656#section-3.1 OW-3.1-07 OW-3.1-08
    #= rfc4656#section-6.10 OW-6.10-04
    seen = set()
    for _ in range(50):
        with Control(server) as control:
            seen |= {control.greeting[16:32], control.greeting[32:48]}
    assert len(seen) == 100, len(seen)

with case("several sessions of a connection, and more after the stop"), Fizeaud() as server, \
        Control(server) as control, Sender(server) as a, Sender(server) as b:
    control.open()
    one, two = control.session(sender_port=a.port), control.session(sender_port=b.port)
    assert one[0] != two[0] and one[1] != two[1]
    #= rfc5357#section-3.7 TW-3.7-02
    assert a.silence(one[0])
    wait_for("it is dropped", lambda: counter(server, "dropped_not_started") == 1)
    control.start()
    a.echo(one[0])
    b.echo(two[0])
    #= rfc5357#section-3.8 TW-3.8-04
    control.stop(2)
    again = control.session(sender_port=a.port)
    control.start()
    a.echo(again[0])
    assert counter(server, "dropped_not_started") == 1
    control.stop()

with case("one port serves two addresses"), Fizeaud("workers 1") as server, Control(server) as control, \
        Control(server, "127.0.0.2") as other, Sender(server) as a, Sender(server, "127.0.0.2") as b, \
        Sender(server, "127.0.0.3") as stranger:
    one, two = control.open().session(sender_port=a.port), other.open().session(sender_port=b.port)
    assert one[0] == two[0] and one[1] != two[1], (one, two)
    control.start()
    other.start()
    for n in range(3):
        assert struct.unpack(">I", a.echo(one[0])[1][0][:4])[0] == n
    assert struct.unpack(">I", b.echo(two[0])[1][0][:4])[0] == 0
    #= rfc8545#section-6 PO-6-01
    assert stranger.silence(one[0]) and counter(server, "dropped_no_session") == 1

with case("a port rewritten on the way"), Fizeaud() as server, Control(server) as control, Sender(server) as a, \
        Sender(server) as rewritten:
    port, _ = control.open().session(sender_port=a.port)
    control.start()
    rewritten.echo(port)
    assert status(server)["sessions"][0]["remote"] == f"127.0.0.1:{rewritten.port}"

with case("a wanted port is given, or another"), Fizeaud(f"test-ports {PORTS + 80}-{PORTS + 89}") as server, \
        Control(server) as control:
    #= rfc5357#section-3.5 TW-3.5-22
    #= rfc8545#section-5.1 PO-5.1-01 PO-5.1-06
    #= rfc8545#section-5 PO-5-02
    assert control.open().session(sender_port=5000, port=PORTS + 87)[0] == PORTS + 87
    assert PORTS + 80 <= control.session(sender_port=5000, port=PORTS + 87)[0] != PORTS + 87
    assert PORTS + 80 <= control.session(sender_port=5000, port=862)[0] <= PORTS + 89
    for _ in range(7):
        control.session(sender_port=5000)
    #= rfc5357#section-3.5 TW-3.5-24 TW-3.5-25
    #= rfc8545#section-5.1 PO-5.1-03 PO-5.1-04
    #= rfc4656#section-3.3 OW-3.3-01
    assert control.refused(sender_port=5000) == 5 and counter(server, "request_ports") == 1

with case("reflection for Timeout after the stop, the connection gone or not"), Fizeaud() as server, \
        Sender(server) as a, Sender(server) as b:
    with Control(server) as control:
        port, _ = control.open().session(sender_port=a.port, timeout=3.0)
        short, _ = control.session(sender_port=b.port)
        control.start()
        b.echo(short)
        control.stop(2)
    #= rfc5357#section-3.5 TW-3.5-15 TW-3.5-16 TW-3.5-17
    #= rfc5357#section-3.8 TW-3.8-09
    #= rfc5357#section-4.2 TW-4.2-11 TW-4.2-12
    wait_for("the connection is gone", lambda: status(server)["connections"]["now"] == 0)
    a.echo(port)
    wait_for("Timeout 0 is over", lambda: [s["state"] for s in status(server)["sessions"]] == ["stopped"])
    assert b.silence(short)
    wait_for("Timeout is over", lambda: not status(server)["sessions"])
    assert a.silence(port) and counter(server, "ended_stop") == 2

with case("a connection lost in a test ends its sessions"), Fizeaud() as server, Sender(server) as sender:
    #= rfc4656#section-2 OW-2-02
    with Control(server) as control:
        port, _ = control.open().session(sender_port=sender.port, timeout=60)
        control.start()
        sender.echo(port)
    wait_for("the session ends", lambda: counter(server, "ended_connection") == 1)
    assert sender.silence(port)
    with Control(server) as control:
        control.open().session(sender_port=sender.port, timeout=60)
        control.start()
        control.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for("the session ends", lambda: counter(server, "ended_connection") == 2)
    assert "connection lost during a test: Connection reset by peer" in server.log()

with case("unexpected commands are answered with Accept 3"), Fizeaud() as server:
    for command in [0, 1, 2 | 4, 3, 4, 7, 8, 12, 254, 255]:
        with Control(server) as control:
            control.open().sock.sendall(bytes([command]) + bytes(200))
            #= rfc5357#section-3.5 TW-3.5-03
            answer = receive(control.sock, 48)
            assert len(answer) == 48 and answer[0] == 3 and closed(control.sock), (command, answer.hex())
    assert counter(server, "closed_unexpected") == 10
    good_client(server)

with case("a malformed request is refused, the connection goes on"), Fizeaud() as server, \
        Control(server) as control:
    control.open()
    #= rfc5357#section-3.5 TW-3.5-06 TW-3.5-18
    assert control.refused(sender_port=5000, conf=(1, 0)) == 3
    assert control.refused(sender_port=5000, conf=(0, 1)) == 3
    assert control.refused(sender_port=5000, type_p=0x40000000) == 3
    #= rfc4656#section-3.5 OW-3.5-07 OW-3.5-25
    assert control.refused(sender_port=5000, version=5) == 3
    assert control.refused(sender_port=5000, version=6) == 3
    #= rfc4656#section-6.5 OW-6.5-01 OW-6.5-03
    #= rfc5357#section-6 TW-6-01
    #= rfc5357#section-3.3 TW-3.3-01
    assert control.refused(sender_port=5000, padding=8973) == 4
    assert control.refused(sender_port=5000, padding=2**32 - 1) in (3, 4)
    control.session(sender_port=5000)

with case("rubbish, and modes that were not offered"), Fizeaud("ike off") as server:
    for octets in [b"GET / HTTP/1.1\r\n\r\n" * 20, bytes(164), os.urandom(4096), b"\xff" * 164]:
        with Control(server) as control:
            with contextlib.suppress(ConnectionError):
                control.sock.sendall(octets)
            assert closed(control.sock)
    for mode in [2, 4, 8, 1 | 2, 1 | 128, 2 | 128, 128]:
        with Control(server) as control:
            #= rfc4656#section-3.1 OW-3.1-19
            assert control.set_up(mode) not in (0, None) and closed(control.sock), mode
    with Control(server) as control:
        #= rfc4656#section-3.1 OW-3.1-22
        assert control.set_up(0) is None
    good_client(server)

with case("Number of Sessions that does not fit"), Fizeaud() as server, Control(server) as control:
    control.open().session(sender_port=5000)
    control.start()
    control.stop(sessions=7)
    #= rfc5357#section-3.8 TW-3.8-08
    assert closed(control.sock) and counter(server, "closed_sessions") == 1

with case("who stalls is closed"), Fizeaud("setup-timeout 300ms\nservwait 300ms") as server:
    with Control(server) as silent, Control(server) as half, Control(server) as idle, Control(server) as within:
        half.sock.sendall(bytes(50))
        idle.open()
        within.open().sock.sendall(bytes([5, 4]) + bytes(50))
        #= rfc4656#section-3 OW-3-02 OW-3-03
        #= rfc5357#section-3.1 TW-3.1-05
        for control in silent, half, idle, within:
            assert closed(control.sock)
    assert counter(server, "closed_timeout") == 4

with case("SERVWAIT waits for the end of the test, REFWAIT ends it"), \
        Fizeaud("servwait 500ms\nrefwait 1500ms") as server, Control(server) as control, Sender(server) as sender:
    port, _ = control.open().session(sender_port=sender.port)
    control.start()
    #= rfc5357#section-3.1 TW-3.1-06
    for _ in range(10):
        time.sleep(0.1)
        sender.echo(port)
    assert status(server)["connections"]["now"] == 1
    #= rfc5357#section-3.1 TW-3.1-08 TW-3.1-09
    #= rfc5357#section-4.2 TW-4.2-13 TW-4.2-15
    assert closed(control.sock)
    assert counter(server, "ended_refwait") == 1 and counter(server, "closed_timeout") == 1
    assert sender.silence(port)

with case("SERVWAIT counts again from the stop"), Fizeaud("servwait 300ms") as server, Control(server) as control:
    control.open().session(sender_port=5000)
    control.start()
    time.sleep(0.7)
    assert status(server)["connections"]["now"] == 1
    control.stop()
    #= rfc5357#section-3.1 TW-3.1-07
    assert closed(control.sock) and counter(server, "closed_timeout") == 1

with case("1,000 half-open connections cost nobody else anything"), \
        Fizeaud("half-open 100 50\nsetup-timeout 5m") as server, contextlib.ExitStack() as stack:
    for n in range(1000):
        source = f"127.0.0.{2 + n % 20}"
        stack.enter_context(Control(server, source, greet=False))
        if n % 100 == 0:
            good_client(server)
    for _ in range(5):
        good_client(server)
    now = status(server)
    assert now["connections"]["half_open"] <= 100 and now["counters"]["half_open_dropped"] >= 900, now["connections"]

with case("a flood from one's own address leaves room for oneself"), \
        Fizeaud("setup-timeout 5m") as server, contextlib.ExitStack() as stack:
    for _ in range(200):
        stack.enter_context(Control(server, greet=False))
    good_client(server)
    assert status(server)["connections"]["half_open"] <= 64

with case("without descriptors left it neither spins nor ends"), contextlib.ExitStack() as stack:
    with Fizeaud("half-open 65536 65536\nlimit anyone connections none\nsetup-timeout 5m") as server:
        subprocess.run(["prlimit", f"--pid={server.process.pid}", "--nofile=40:40"], check=True)
        held = [stack.enter_context(Control(server).open()) for _ in range(10)]
        for _ in range(80):
            stack.enter_context(Control(server, greet=False))
        good_client(server)
        while True:
            control = stack.enter_context(Control(server, greet=False))
            control.sock.settimeout(1)
            try:
                if len(receive(control.sock, 64)) < 64 or control.set_up() != 0:
                    break
            except (TimeoutError, ConnectionError):
                break
            held.append(control)
            assert len(held) < 100
        ticks = lambda: sum(map(int, open(f"/proc/{server.process.pid}/stat").read().split()[13:15]))  # noqa: E731
        begin = ticks()
        time.sleep(1)
        assert ticks() - begin < 50, "half of a second's CPU spent on nothing"
        for control in held:
            control.sock.close()
        good_client(server)

with case("half-open connections that hold every descriptor do not cost a session its socket"), \
        contextlib.ExitStack() as stack, Fizeaud("half-open 65536 65536\nsetup-timeout 5m") as server:
    control = stack.enter_context(Control(server).open())
    descriptors = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: E731
    limit = descriptors() + 20
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--nofile={limit}:{limit}"], check=True)
    while descriptors() < limit:
        assert len(receive(stack.enter_context(Control(server, greet=False)).sock, 64)) == 64
    # Accepting leaves one free; the first session takes it, and the others have to get theirs as well.
    for port in (5000, 5001, 5002):
        control.session(sender_port=port)

with case("third parties are refused unless they are allowed"), Fizeaud() as server, Control(server) as control:
    control.open()
    #= rfc4656#section-6.2 OW-6.2-01 OW-6.2-02
    assert control.refused(sender_port=5000, sender="192.0.2.1") == 1
    assert control.refused(sender_port=5000, receiver="192.0.2.1") == 1
    assert control.refused(sender_port=5000, receiver="127.0.0.9") == 1
    assert counter(server, "request_third_party") == 3
    #= rfc5357#section-3.5 TW-3.5-11
    control.session(sender_port=5000, sender="127.0.0.1", receiver="127.0.0.1")

with case("third parties that are allowed"), Fizeaud("limit anyone third-party yes") as server, \
        Control(server) as control, Sender(server, "127.0.0.7") as sender:
    assert control.open().refused(sender_port=5000, receiver="192.0.2.1") == 3
    assert control.refused(sender_port=5000, sender="224.0.0.1") == 3
    port, _ = control.session(sender_port=sender.port, sender="127.0.0.7")
    control.start()
    sender.echo(port)

with case("limits of a class"), Fizeaud(
        "class few net 127.0.0.2\nclass none net 127.0.0.3\nclass keyed net 127.0.0.4\nclass anyone any\n"
        "limit few connections 2\nlimit few sessions 2\nlimit few padding 100\nlimit few rate 100\n"
        "limit none deny\nlimit keyed modes authenticated") as server:
    with Control(server, "127.0.0.2") as one, Control(server, "127.0.0.2") as two, \
            Control(server, "127.0.0.2") as three, Sender(server, "127.0.0.2") as sender:
        one.open()
        #= rfc4656#section-6.5 OW-6.5-01
        assert one.refused(sender_port=5000, padding=101) == 4
        port, _ = one.session(sender_port=sender.port, padding=100)
        two.open().session(sender_port=5000)
        assert one.refused(sender_port=5000) == 5
        assert three.set_up() == 5
        one.start()
        for _ in range(200):
            sender.send(port, 0)
        wait_for("all 200 packets seen", lambda: status(server)["sessions"][0]["received"] == 200)
        [first] = [s for s in status(server)["sessions"] if s["port"] == port and s["received"]]
        assert first["drops"]["rate"] == 200 - first["reflected"] > 0 and first["reflected"] >= 32, first
        sender.send(port, 400)
        wait_for("a long packet dropped", lambda: counter(server, "dropped_length") == 1)
    #= rfc4656#section-3.1 OW-3.1-12
    with Control(server, "127.0.0.3") as denied:
        assert denied.modes == 0 and closed(denied.sock)
    with Control(server, "127.0.0.4") as keyed:
        assert keyed.modes == 0
    counts = status(server)["counters"]
    assert counts["refused_deny"] == 1 and counts["request_padding"] == 1 and counts["refused_connections"] == 1
    good_client(server)

with case("duration and packets end a session"), Fizeaud(
        "class short net 127.0.0.2\nclass anyone any\nlimit short duration 300ms\nlimit anyone packets 3") as server, \
        Control(server) as control, Control(server, "127.0.0.2") as other, Sender(server) as a, \
        Sender(server, "127.0.0.2") as b:
    port, _ = control.open().session(sender_port=a.port)
    short, _ = other.open().session(sender_port=b.port)
    control.start()
    other.start()
    for _ in range(3):
        a.echo(port)
    assert a.silence(port)
    wait_for("duration is over", lambda: counter(server, "ended_duration") == 1)
    assert b.silence(short) and counter(server, "ended_packets") == 1

with case("forged and short packets"), Fizeaud() as server, Control(server) as control, Sender(server) as sender:
    #= rfc6673#section-8 RL-8-02
    port, _ = control.open().session(sender_port=sender.port)
    control.start()
    for octets in [b"", b"x", bytes(13)]:
        sender.send(port, octets=octets)
    wait_for("three short packets dropped", lambda: counter(server, "dropped_length") == 3)
    sender.echo(port)

with case("IPv6"), Fizeaud(host="::1") as server, Control(server) as control, Sender(server) as sender:
    port, sid = control.open().session(sender_port=sender.port)
    #= rfc4656#section-3.5 OW-3.5-30 OW-3.5-31
    own = [socket.inet_aton(word.split("/")[0]) for word in subprocess.run(
        ["ip", "-4", "-o", "address"], capture_output=True, text=True, check=True).stdout.split() if word.count(".") == 3]
    own = [address for address in own if address[0] != 127] or [bytes([0, 0, 0, 1])]
    assert sid[:4] in own, (sid.hex(), own)
    assert control.refused(sender_port=5000, version=4) == 3
    control.start()
    sender.echo(port)
    control.stop()

with case("all addresses of both families"), Fizeaud() as server:
    port, owamp = free_port(), free_port()
    private_file(server.folder.name, "fizeaud.conf",
                 f"listen twamp * {port}\nlisten owamp ::1 {owamp}\nstorage {server.storage}\ncontrol {server.control}\nuser -\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the new listener", lambda: {tuple(row.values()) for row in status(server)["listen"]}
             == {("twamp", "0.0.0.0", port), ("twamp", "::", port), ("owamp", "::1", owamp)})
    for host in "127.0.0.1", "::1":
        server.host, server.port = host, port
        good_client(server)

with case("SIGHUP takes over what is good and leaves sessions alone"), Fizeaud() as server, \
        Control(server) as control, Sender(server) as sender:
    path = os.path.join(server.folder.name, "fizeaud.conf")
    old = open(path).read()
    port, _ = control.open().session(sender_port=sender.port)
    control.start()
    private_file(server.folder.name, "fizeaud.conf", old + "limit anyone padding 10\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: status(server)["classes"][0]["limits"]["padding"] == 10)
    sender.echo(port)
    with Control(server) as fresh:
        assert fresh.open().refused(sender_port=5000, padding=11) == 4
    private_file(server.folder.name, "fizeaud.conf", old + "limit anyone padding 12\nfrobnicate yes\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the complaint", lambda: f"fizeaud.conf:{old.count(chr(10)) + 2}: unknown directive 'frobnicate'" in server.log())
    assert status(server)["classes"][0]["limits"]["padding"] == 10
    sender.echo(port)
    control.stop()
    control.session(sender_port=5000, padding=11)

with case("SIGTERM ends sessions in order"), Fizeaud() as server, Control(server) as control, \
        Sender(server) as sender:
    port, _ = control.open().session(sender_port=sender.port)
    control.start()
    sender.echo(port)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0 and closed(control.sock)
    assert not os.path.exists(server.control) and "1 packets received, 1 reflected" in server.log()

SPIS = bytes.fromhex("0f3c000000000001") + bytes.fromhex("99ab000000000000")
SA = "0f3c000000000001 99ab000000000000 hmac-sha2-256 " + "5a" * 32 + " remote-id CN=client.example\n"

with case("SPIs that are not known: Accept 6 and a log line"), tempfile.TemporaryDirectory() as folder, \
        Fizeaud("ike static " + private_file(folder, "sas", SA)) as server:
    with Control(server) as control:
        #= rfc7717#section-5.2 IK-5.2-01
        assert control.modes == 128 | 15 | FEATURES, control.modes
        #= rfc7717#section-5.3 IK-5.3-09 IK-5.3-10
        assert control.set_up(130, b"unknown " * 10) == 6 and closed(control.sock)
    assert "no IKE SA with these SPIs" in server.log() and "756e6b6e6f776e20/756e6b6e6f776e20" in server.log()
    for mode in 130, 132, 136:
        with Control(server) as control:
            #= rfc7717#section-5.3 IK-5.3-07 IK-5.3-08
            assert control.set_up(mode, SPIS + os.urandom(64), os.urandom(64)) == 1 and closed(control.sock)
    with Control(server) as control:
        assert control.set_up(2, b"somebody", os.urandom(64)) == 1
    counts = status(server)["counters"]
    assert counts["refused_no_ike_sa"] == 1 and counts["refused_key"] == 4, counts
    assert "for labs and tests" in server.log() and "5a5a" not in server.log()
    good_client(server)

with case("an SA that goes leaves its session alone"), tempfile.TemporaryDirectory() as folder:
    ours, theirs = private_file(folder, "client", SA), private_file(folder, "server", SA)
    with Fizeaud("ike static " + theirs) as server:
        measure = [FIZEAU, "twoway", "--ike-static", ours, "-j", "-m", "authenticated", "-i", "20ms"]
        running = subprocess.Popen([*measure, "-c", "150", server.target], stdout=subprocess.PIPE, text=True)
        wait_for("packets", lambda: any(s["reflected"] > 5 for s in status(server)["sessions"]))
        private_file(folder, "server", SA.replace("0f3c", "0f3d"))
        refused = subprocess.run([*measure, "-c", "1", server.target], capture_output=True, text=True, check=False,
                                 timeout=PATIENCE)
        assert refused.returncode == 1 and "Accept 6" in refused.stderr, refused
        #= rfc7717#section-5.1 IK-5.1-08
        result = json.loads(running.communicate(timeout=PATIENCE)[0])
        assert running.returncode == 0 and result["sessions"][0]["packets"]["lost"] == 0, result

with case("passphrases: wrong and unknown look the same"), tempfile.TemporaryDirectory() as folder, \
        Fizeaud("ike off\npbkdf2-count 1024\nkeys " + private_file(folder, "keys", "alice sesame opens\n")) as server:
    for key_id in b"alice", b"mallory", b"\xff" * 80, b"":
        with Control(server) as control:
            assert control.modes == 15 | FEATURES
            #= rfc4656#section-3.1 OW-3.1-33
            assert control.set_up(4, key_id, os.urandom(64)) == 1 and closed(control.sock)
    assert counter(server, "refused_key") == 4 and "sesame" not in server.log()
    good_client(server)

with case("mixed mode alone turns OWAMP clients away, and is told of"), tempfile.TemporaryDirectory() as folder, \
        Fizeaud("ike off\nmodes mixed\nkeys " + private_file(folder, "keys", "alice sesame opens\n")) as server:
    wait_for("the warning", lambda: "OWAMP clients are turned away" in server.log())
    good = subprocess.run([FIZEAU, "oneway", "--mode", "open", "-c", "1", server.owamp_target], capture_output=True, text=True,
                          check=False, timeout=PATIENCE)
    assert good.returncode == 1, good

with case("key derivation holds nobody up"), tempfile.TemporaryDirectory() as folder, \
        Fizeaud("ike off\npbkdf2-count 4194304\nkeys " + private_file(folder, "keys", "alice sesame\n")) as server, \
        Control(server) as slow:
    slow.sock.sendall(struct.pack(">I", 2) + b"alice".ljust(80, b"\0") + bytes(80))
    good_client(server)
    slow.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        raise AssertionError(f"answered before the good client was done: {slow.sock.recv(48)}")

with case("a key service that is not there"), \
        Fizeaud("ike socket /nonexistent/ippm\nike-wait 200ms") as server:
    with Control(server) as control:
        assert control.modes == 128 | 15 | FEATURES
        assert control.set_up(130, SPIS, os.urandom(64)) == 2 and closed(control.sock)
    assert counter(server, "refused_key_service") == 1
    assert server.log().count("no hold") == 1
    good_client(server)

with case("a key service that says nothing, or rubbish"), tempfile.TemporaryDirectory() as folder, \
        socket.socket(socket.AF_UNIX) as service:
    path = os.path.join(folder, "ippm")
    service.bind(path)
    service.listen(64)
    with Fizeaud(f"ike socket {path}\nike-wait 200ms") as server, Control(server) as silent:
        assert silent.set_up(130, SPIS, os.urandom(64)) == 2
        good_client(server)
    pid = os.fork()
    if pid == 0:
        while True:
            peer, _ = service.accept()
            with contextlib.suppress(OSError):
                peer.sendall(b"\xff\x00 rubbish" * 500 + b"\n\n")
    try:
        with Fizeaud(f"ike socket {path}\nike-wait 200ms") as server, Control(server) as control:
            assert control.set_up(130, SPIS, os.urandom(64)) == 2
            good_client(server)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

with case("systemd is told, the background is reached"), tempfile.TemporaryDirectory() as folder, \
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
    notified.bind(os.path.join(folder, "notify"))
    notified.settimeout(PATIENCE)
    os.environ["NOTIFY_SOCKET"] = os.path.join(folder, "notify")
    try:
        with Fizeaud() as server:
            assert b"READY=1" in notified.recv(4096)
            server.process.send_signal(signal.SIGHUP)
            assert b"RELOADING=1" in notified.recv(4096) and b"READY=1" in notified.recv(4096)
        assert b"STOPPING=1" in notified.recv(4096)
    finally:
        del os.environ["NOTIFY_SOCKET"]
    server.control, port = os.path.join(folder, "ctl"), free_port()
    path = private_file(folder, "conf", f"listen twamp 127.0.0.1 {port}\ncontrol {server.control}\nuser -\n")
    assert subprocess.run([FIZEAUD, "-c", path], timeout=PATIENCE, check=False).returncode == 0
    assert subprocess.run([FIZEAUD, "-c", path], capture_output=True, timeout=PATIENCE, check=False).returncode == 2
    pid = status(server)["pid"]
    os.kill(pid, signal.SIGTERM)
    wait_for("it ends", lambda: not os.path.exists(server.control))
    wait_for("it is gone", lambda: not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z")

if os.geteuid():
    suite.skip("root is given up", "needs root")
else:
    with case("root is given up"), Fizeaud() as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE)
        os.chmod(server.folder.name, 0o755)
        path = private_file(server.folder.name, "fizeaud.conf",
                            f"listen twamp 127.0.0.1 {server.port}\ncontrol {server.control}\nuser nobody\n")
        server.process = subprocess.Popen([FIZEAUD, "-f", "-c", path], stderr=subprocess.DEVNULL)
        wait_for("it serves", lambda: os.path.exists(server.control))
        good_client(server)
        lines = dict(line.split(":", 1) for line in open(f"/proc/{server.process.pid}/status"))
        assert set(lines["Uid"].split()) == {"65534"} and set(lines["Gid"].split()) == {"65534"}
        assert lines["Groups"].split() in (["65534"], []), lines["Groups"]
        assert int(lines["CapEff"], 16) == 0
        assert os.stat(f"/proc/{server.process.pid}/maps").st_uid == 0, "still dumpable"

with case("-n, -p and wrong usage"), tempfile.TemporaryDirectory() as folder:
    def run(*args):
        return subprocess.run([FIZEAUD, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)
    good = private_file(folder, "good", "listen twamp 192.0.2.1 862\nlimit anyone rate 5\n")
    bad = private_file(folder, "bad", "\n# fine\nservwait soon\n")
    assert run("-n", "-c", good).returncode == 0
    printed = run("-p", "-c", good)
    assert "limit anyone rate 5\n" in printed.stdout and "servwait 15m\n" in printed.stdout
    again = private_file(folder, "again", printed.stdout)
    assert run("-p", "-c", again).stdout == printed.stdout
    complaint = run("-n", "-c", bad)
    assert complaint.returncode == 2 and f"{bad}:3: " in complaint.stderr and "allowed: servwait TIME" in complaint.stderr
    assert run("-n", "-c", os.path.join(folder, "missing")).returncode == 2
    assert run("--frobnicate").returncode == 2 and run("-n", "extra").returncode == 2
    taken = socket.create_server(("127.0.0.1", 0))
    busy = private_file(folder, "busy", f"listen twamp 127.0.0.1 {taken.getsockname()[1]}\nuser -\ncontrol {folder}/c\n")
    refused = run("-f", "-c", busy)
    assert refused.returncode == 2 and "another program has it" in refused.stderr, refused.stderr
    taken.close()

suite.done()
