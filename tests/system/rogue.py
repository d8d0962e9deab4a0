#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeau twoway against servers that are not what they should be: played by this test, in open mode or before any key is
in force. What a server sends may cost it its session; the client ends with a clear error, never hangs, and loses no
result."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from player import (NTP, REQUEST, Server, accept_session, after_greeting, greeting, reflection,  # noqa: E402
                    server_start, set_up, whole_session)
from suite import FIZEAU, Suite, fizeau, fizeau_json, private_file  # noqa: E402

def refused(name, play, *says, args=(), limit=30):
    """The client ends with status 1 and one line that says all of that."""
    with suite.case(name), Server(play) as server:
        run = fizeau("twoway", "-c", 3, "-i", "1ms", "-w", "500ms", *args, server.target, timeout=limit)
        assert run.returncode == 1, run
        assert run.stdout == "", run
        assert run.stderr.count("\n") == 1, run.stderr
        for words in says:
            assert words in run.stderr, (words, run.stderr)
        return server


def send(octets, then=None):
    def play(server, connection):
        connection.sendall(octets)
        if then:
            then(server, connection)
    return play


def hang_up(_server, connection):
    connection.shutdown(socket.SHUT_RDWR)


def after_setup(octets):
    def play(server, connection):
        set_up(server, connection)
        server.take(connection, REQUEST)
        connection.sendall(octets)
        server.rest(connection)
    return play


def refusals(keys, static):
    passphrase = ("-k", "joe", "--keys", keys)
    refused("a server that is not willing", send(greeting(modes=0), Server.rest), "not willing", "Modes 0")
    refused("a server that hangs up", hang_up, "closed the connection")
    refused("half a greeting", send(greeting()[:40], hang_up), "the set-up")
    refused("no mode that is acceptable", send(greeting(modes=1), Server.rest), "offers no mode", "open",
            args=("-m", "authenticated", *passphrase))
    refused("no key", send(greeting(modes=6), Server.rest), "no key for", "--keyid")
    # No 2^31 rounds for a stranger.
    #= rfc5357#section-6 TW-6-05
    for count in (2**31, 65536, 512, 1023, 3000, 0):
        refused(f"PBKDF2 Count {count}", send(greeting(7, count), Server.rest), f"asks for {count} rounds",
                "1024 to 32768", args=passphrase, limit=10)
    refused("Accept 1 in open mode", after_greeting(server_start(1)), "Accept 1", "may want a key")
    refused("Accept 1 with a passphrase", after_greeting(server_start(1), 7), "Accept 1", "KeyID joe",
            args=passphrase)
    refused("an Accept nobody knows", after_greeting(server_start(99)), "Accept 99", "failure")
    #= rfc7717#section-5.3 IK-5.3-11
    refused("Accept 6", after_greeting(server_start(6), 0x87),
            "has no IKE SA with SPIs 0f3c000000000001/99ab000000000002 (Accept 6)", args=("--ike-static", static))
    refused("an IKE SA required from a server that takes none", send(greeting(7), Server.rest),
            "takes no IKEv2-derived keys", args=("--ike", "require", "--ike-static", static))
    refused("the test session refused", after_setup(b"\x05" + bytes(47)), "refused the test session", "Accept 5")
    refused("rubbish instead of Server-Start", after_greeting(os.urandom(15) + b"\x02" + os.urandom(500)), "Accept 2")


def wire(static):
    """What the client puts into its messages."""
    with suite.case("KeyID is SPIi, SPIr and zeros; Mode is 128 and one security bit"):
        #= rfc7717#section-5.3 IK-5.3-02 IK-5.3-03 IK-5.3-04 IK-5.3-05 IK-5.3-06
        for mode, bit in (("authenticated", 2), ("encrypted", 4), ("mixed", 8)):
            with Server(after_greeting(server_start(6), 0x8F)) as server:
                fizeau("twoway", "-m", mode, "--ike-static", static, server.target)
                setup = server.seen[0]
                assert setup[:4] == struct.pack(">I", 128 + bit), setup[:4]
                assert setup[4:12] == bytes.fromhex("0f3c000000000001"), setup[4:12]
                assert setup[12:20] == bytes.fromhex("99ab000000000002"), setup[12:20]
                assert setup[20:84] == bytes(64)
    with suite.case("session keys and Client-IV are of this connection only"):
        #= rfc4656#section-3.1 OW-3.1-31 OW-3.1-32
        tokens, ivs = set(), set()
        for _ in range(20):
            with Server(after_greeting(server_start(6), 0x8F)) as server:
                fizeau("twoway", "--ike-static", static, server.target)
                tokens |= {setup[100:148] for setup in server.seen}
                ivs |= {setup[148:164] for setup in server.seen}
        assert len(tokens) == len(ivs) >= 20 and not ivs & {token[i:i + 16] for token in tokens for i in (0, 16, 32)}
    with suite.case("a client without IKE disregards the bit"):
        #= rfc7717#section-5.2 IK-5.2-03
        with Server(after_greeting(server_start(1), 0x8F)) as server:
            run = fizeau("twoway", "--ike", "off", server.target)
            assert server.seen[0][:4] == struct.pack(">I", 1), server.seen[0][:4]
            assert run.stderr.count("\n") == 1, run.stderr
    with suite.case("auto without an IKE SA logs an error and goes on in open mode"):
        #= rfc7717#section-5.1 IK-5.1-07
        with Server(after_greeting(server_start(1), 0x8F)) as server:
            run = fizeau("twoway", "--ike-socket", "/nonexistent", server.target)
            assert server.seen[0][:4] == struct.pack(">I", 1), server.seen[0][:4]
            assert "no IKE SA" in run.stderr and "open mode" in run.stderr, run.stderr
    with suite.case("Request-TW-Session and Stop-Sessions"):
        #= rfc5357#section-3.5 TW-3.5-05 TW-3.5-07 TW-3.5-08 TW-3.5-10 TW-3.5-12 TW-3.5-14
        #= rfc5357#section-3.8 TW-3.8-02 TW-3.8-03 TW-3.8-07
        packets = []

        def reflect(packet, seq):
            packets.append(packet)
            return [reflection(packet, seq)]

        with Server(whole_session, reflect) as server:
            before = time.time()
            result = fizeau_json("twoway", "-c", 3, "-i", "1ms", "-w", "1500ms", "--dscp", "ef", server.target)
            for _ in range(100):
                if len(server.seen) == 4:
                    break
                time.sleep(0.05)
            request, stop = server.seen[1], server.seen[3]
            assert request[:12] == bytes([5, 4]) + bytes(10), request[:12]
            port = struct.unpack(">H", request[12:14])[0]
            assert result["sessions"][0]["local"] == f"127.0.0.1:{port}"
            assert request[16:64] == bytes(48)
            assert struct.unpack(">I", request[64:68])[0] == 27
            start = struct.unpack(">Q", request[68:76])[0] / 2**32 - NTP
            assert before <= start < time.time() + 1, start - before
            assert request[76:84] == struct.pack(">Q", 3 << 31)
            assert request[84:88] == struct.pack(">I", 46 << 24)
            assert len(stop) == 32 and stop[:16] == bytes([3, 0, 0, 0, 0, 0, 0, 1]) + bytes(8), stop
            #= rfc4656#section-4.1.2 OW-4.1.2-11
            #= rfc5560#section-2.5 DU-2.5-02
            assert [struct.unpack(">I", packet[:4])[0] for packet in packets] == [0, 1, 2] and len(set(packets)) == 3


def packets():
    """Reflections of every kind."""
    def bad(packet, seq):
        number = struct.unpack(">I", packet[:4])[0]
        if number == 1:  # short, long, invalid Error Estimate, never sent
            return [reflection(packet, seq)[:40], reflection(packet, seq, extra=5000),
                    reflection(packet, seq, error=0x8100), reflection(packet, seq, 77), b""]
        if number == 2:
            return [reflection(packet, seq), reflection(packet, seq + 1)]
        return [reflection(packet, seq)]

    with suite.case("reflections that do not count are told by reason"), Server(whole_session, bad) as server:
        session = fizeau_json("twoway", "-c", 5, "-i", "20ms", "-w", "500ms", server.target)["sessions"][0]
        counts = session["packets"]
        assert (counts["sent"], counts["received"], counts["lost"], counts["duplicates"]) == (5, 4, 1, 1), counts
        assert counts["discarded"] == {"hmac": 0, "length": 3, "error_estimate": 1, "unknown_number": 1,
                                       "foreign_source": 0}, counts
    with suite.case("reflections from elsewhere do not count"):
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        def foreign(packet, seq):
            peer = int(server.seen[1][12]) * 256 + server.seen[1][13]
            other.sendto(reflection(packet, seq), ("127.0.0.1", peer))
            return []

        with other, Server(whole_session, foreign) as server:
            counts = fizeau_json("twoway", "-c", 3, "-i", "10ms", "-w", "300ms", server.target,
                                 status=1)["sessions"][0]["packets"]
            assert counts["received"] == 0 and counts["discarded"]["foreign_source"] == 3, counts
    with suite.case("every packet lost is status 1, and no figure is 0"):
        with Server(whole_session, lambda packet, seq: []) as server:
            session = fizeau_json("twoway", "-c", 3, "-i", "10ms", "-w", "300ms", server.target,
                                  status=1)["sessions"][0]
            assert session["packets"]["lost"] == 3 and session["packets"]["loss_ratio"] == 1
            assert session["packets"]["lost_forward"] is None
            for name in ("round_trip_delay_ns", "forward_delay_ns", "backward_delay_ns", "ipdv_ns", "pdv_ns"):
                assert all(value is None for value in session[name].values()), session[name]
    with suite.case("a reflection after the timeout is late, and lost"):
        def slow(packet, seq):
            if packet[3] == 0:
                time.sleep(0.4)
            return [reflection(packet, seq)]

        with Server(whole_session, slow) as server:
            counts = fizeau_json("twoway", "-c", 2, "-i", "300ms", "-w", "200ms",
                                 server.target)["sessions"][0]["packets"]
            assert (counts["lost"], counts["late"]) == (1, 1), counts


def endings():
    def dies(server, connection):
        accept_session(server, connection)
        time.sleep(0.3)

    with suite.case("the result survives the control connection"):
        #= rfc5357#section-3.8 TW-3.8-06
        with Server(dies, lambda packet, seq: [reflection(packet, seq)]) as server:
            run = fizeau("twoway", "-j", "-c", 1000, "-i", "10ms", server.target)
            session = json.loads(run.stdout)["sessions"][0]
            assert run.returncode == 1 and "(closed by the server)" in run.stderr, run
            assert session["ended"] == "control_connection", session["ended"]
            assert 0 < session["packets"]["sent"] < 1000
            assert session["packets"]["lost"] == 0, session["packets"]
    with suite.case("rubbish on the control connection during the test ends it with a result"):
        def chatters(server, connection):
            accept_session(server, connection)
            time.sleep(0.3)
            connection.sendall(os.urandom(100))
            server.rest(connection)

        with Server(chatters, lambda packet, seq: [reflection(packet, seq)]) as server:
            session = fizeau_json("twoway", "-c", 1000, "-i", "10ms", server.target, status=1)["sessions"][0]
            assert session["ended"] == "control_connection" and session["packets"]["received"] > 0, session
    with suite.case("an interrupt ends early with what there is"):
        with Server(whole_session, lambda packet, seq: [reflection(packet, seq)]) as server:
            process = subprocess.Popen([FIZEAU, "twoway", "-j", "-c", "100000", "-i", "10ms", server.target],
                                       stdout=subprocess.PIPE, text=True)
            while len(server.seen) < 3:
                time.sleep(0.05)
            time.sleep(0.5)
            process.terminate()
            out, _ = process.communicate(timeout=20)
            assert process.returncode == 0, process.returncode
            session = json.loads(out)["sessions"][0]
            assert session["ended"] == "interrupted" and session["packets"]["received"] > 0, session
            # In order: with Stop-Sessions.
            for _ in range(100):
                if len(server.seen) == 4:
                    break
                time.sleep(0.05)
            assert server.seen[-1][0] == 3


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    keys_file = private_file(folder, "keys", "joe secret\n")
    static_file = private_file(folder, "sas", f"0f3c000000000001 99ab000000000002 hmac-sha2-256 {'5a' * 32}\n")
    refusals(keys_file, static_file)
    wire(static_file)
packets()
endings()
suite.done()
