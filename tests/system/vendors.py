#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What boxes and programs of others are known to do in TWAMP, played on loopback: as servers of fizeau twoway and as clients of fizeaud. Each
is measured as what it is, or refused with a reason."""
import json
import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import ntp  # noqa: E402
from odd_reflector import HEADER, Reflector  # noqa: E402
from player import REQUEST, START, Server, greeting, server_start  # noqa: E402
from suite import Suite, fizeau, fizeau_json  # noqa: E402
from twamp import Control, Fizeaud, Sender  # noqa: E402

COUNT = 12


def control(modes=1, judge=lambda request: 0):
    """A server that answers a request with what judge says, 0 is yes."""
    def play(server, connection):
        connection.sendall(greeting(modes))
        server.take(connection, 164)
        connection.sendall(server_start())
        accept = judge(server.take(connection, REQUEST))
        if accept:
            connection.sendall(struct.pack(">BBH", accept, 0, 0) + bytes(44))
            server.rest(connection)
            return
        connection.sendall(struct.pack(">BBH", 0, 0, server.udp_port) + b"\x7f\x00\x00\x01" + os.urandom(12) + bytes(28))
        server.take(connection, START)
        connection.sendall(bytes(32))
        server.rest(connection)
    return play


def juniper(request):
    """Refuses padding below 27, and spare octets of its addresses that are not zero."""
    padding = struct.unpack(">I", request[64:68])[0]
    spare = request[20:32] + request[36:48]
    return 0 if padding >= 27 and spare == bytes(24) else 3


def measure(server, *args, status=0):
    """The result's session, and the records by number."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "records")
        result = fizeau_json("twoway", "-c", COUNT, "-i", "2ms", "-w", "500ms", "--ike", "off", "--records", path, *args, server.target,
                             status=status)
        with open(path, encoding="utf-8") as f:
            records = {record["seq"]: record for record in map(json.loads, f)}
    session, = result["sessions"]
    return session, records


def is_what_was_told(records, reflector):
    """Every figure of the reflector arrived as it gave it: to the nanosecond, or what 2^-32 s make of it."""
    for number, (seq, came, goes) in reflector.told.items():
        record = records[number]
        assert record["reflector_seq"] == seq, (record, seq)
        assert abs(record["reflector_received_unix_ns"] - came) <= 1, (record, came)
        assert abs(record["reflector_sent_unix_ns"] - goes) <= 1, (record, goes)
        assert abs(record["reflector_ns"] - (goes - came)) <= 2, record
    assert len(reflector.told) == len([record for record in records.values() if not record["lost"]])


# What is said of them, how they reflect, and how they judge a request.
SERVERS = (
    ("Cisco IOS XR: numbers are copies of the sender's", {"copies": True}, {}),
    ("Juniper: copied numbers, addresses and padding looked at", {"copies": True}, {"judge": juniper}),
    ("Nokia twampy: T2 is T3, no TTL, an Error Estimate of 2^-32 s", {"same_stamps": True, "ttl": 0, "error": 0x0001}, {}),
    ("emirica: as long as what came, 41 at least; DSCP and ECN monitoring offered", {"error": 0x8001}, {"modes": 1 + 256}),
    ("padding that is not truncated", {"octets": lambda received: received + HEADER - 14}, {}),
    ("no padding in the reflections", {"octets": lambda received: HEADER}, {}),
    ("spare octets that are not zero, as a Member ID is", {"spare": (0x0101, 0xffff)}, {}),
    ("numbers that do not begin with 0", {"first": 1000}, {}),
    ("numbers that begin anew in the middle of it", {"resets": (5, 9)}, {}),
    ("TTL cannot be read there: 255", {"ttl": 255, "same_stamps": True}, {}),
)


def as_servers(suite):
    for name, quirks, judged in SERVERS:
        for padding in (27, 200):
            with suite.case(f"server, {name}; padding {padding}"):
                reflector = Reflector(**quirks)
                with Server(control(**judged), reflector) as server:
                    session, records = measure(server, "-s", padding)
                packets = session["packets"]
                assert (packets["sent"], packets["received"], packets["lost"]) == (COUNT, COUNT, 0), packets
                assert packets["duplicates"] == 0 and not any(packets["discarded"].values()), packets
                is_what_was_told(records, reflector)
                assert session["ttl"]["forward_min"] == session["ttl"]["forward_max"] == quirks.get("ttl", 255), session["ttl"]
    with suite.case("server, Juniper: less padding than 27 is refused, with a reason"):
        with Server(control(judge=juniper), Reflector(copies=True)) as server:
            run = fizeau("twoway", "-c", COUNT, "-s", 26, "--ike", "off", server.target)
        assert run.returncode == 1 and "Accept 3" in run.stderr, run


def lost_where(suite):
    """Numbers 3 and 7 never get there. A reflector that counts proves it; what cannot be told is not told."""
    for name, quirks, split in (("counts from 0", {}, (2, 0)), ("counts from 1000", {"first": 1000}, (None, None)),
                                ("begins anew", {"resets": (6,)}, None)):
        with suite.case(f"loss on the way there, the reflector {name}"):
            reflector = Reflector(loses=(3, 7), **quirks)
            with Server(control(), reflector) as server:
                session, records = measure(server)
            packets = session["packets"]
            assert (packets["received"], packets["lost"]) == (COUNT - 2, 2), packets
            is_what_was_told(records, reflector)
            if split:
                assert (packets["lost_forward"], packets["lost_backward"]) == split, packets


def no_estimate(suite):
    with suite.case("server, an Error Estimate of nothing: discarded and said so"):
        with Server(control(), Reflector(error=0x8000)) as server:
            session, _ = measure(server, status=1)
        packets = session["packets"]
        assert packets["received"] == 0 and packets["discarded"]["error_estimate"] == COUNT, packets


class OddSender(Sender):
    """A Session-Sender that is not as ours."""

    def __init__(self, server, error=0x8001, first=0, spare=None):
        super().__init__(server)
        self.error, self.seq, self.spare = error, first, spare

    def send(self, port, padding=27, octets=None):
        if octets is None:
            rest = bytes(padding)
            if self.spare is not None:
                rest = (struct.pack(">H", self.spare) + rest)[:padding]
            octets = struct.pack(">IQH", self.seq, ntp(time.time()), self.error) + rest
            self.seq = (self.seq + 1) % 2**32
        return super().send(port, padding, octets)


CLIENTS = (
    ("twampy: an Error Estimate of 0x3fff, padding of 8, 534 and 1458 zeros", {"error": 0x3fff}, (8, 534, 1458)),
    ("emirica: an Error Estimate of 0x8001", {"error": 0x8001}, (27,)),
    ("an Error Estimate of nothing, which is the sender's affair", {"error": 0x0000}, (27,)),
    ("Huawei: Member ID behind the header, padding 128", {"spare": 0x0101}, (128,)),
    ("numbers that do not begin with 0", {"first": 5000}, (27,)),
    ("numbers that pass the largest", {"first": 2**32 - 2}, (27,)),
    ("no padding at all", {}, (0,)),
)


def as_clients(suite, server):
    for name, quirks, paddings in CLIENTS:
        with suite.case(f"client, {name}"), Control(server) as control_, OddSender(server, **quirks) as sender:
            port, _ = control_.open().session(sender_port=sender.port, padding=max(paddings))
            control_.start()
            for number, padding in enumerate(paddings * 3):
                sent, (back, *_) = sender.echo(port, padding)
                assert len(back) == max(len(sent), HEADER), (len(sent), len(back))
                #= rfc5357#section-4.2.1 TW-4.2.1-06 TW-4.2.1-08 TW-4.2.1-19 TW-4.2.1-20
                assert back[24:38] == sent[:14], back.hex()
                assert struct.unpack(">I", back[:4])[0] == number, back[:4].hex()
                if len(back) > HEADER:
                    # The sender's padding from its first octet, the tail dropped (RFC 5357 4.2.1).
                    assert back[HEADER:] == sent[14:14 + len(back) - HEADER], back.hex()
            control_.stop()
    with suite.case("client, spare octets of its addresses that are not zero"), Control(server) as control_, Sender(server) as sender:
        control_.open()
        request = bytearray(struct.pack(">BBBBIIHH", 5, 4, 0, 0, 0, 0, sender.port, 0) + bytes(32) + bytes(16)
                            + struct.pack(">IQQI", 27, ntp(time.time()), 0, 0) + bytes(24))
        request[20:32] = request[36:48] = b"\xff" * 12
        control_.sock.sendall(request)
        answer = control_.sock.recv(48)
        assert len(answer) == 48 and answer[0] == 0, answer.hex()
        port = struct.unpack(">H", answer[2:4])[0]
        control_.start()
        sender.echo(port)
        control_.stop()
    with suite.case("client, twampy: Start-Time of 0, Timeout in whole seconds"), Control(server) as control_, Sender(server) as sender:
        port, _ = control_.open().session(sender_port=sender.port, padding=1458, timeout=3.0)
        control_.start()
        sender.echo(port, 8)
        control_.stop()


def main():
    suite = Suite()
    as_servers(suite)
    lost_where(suite)
    no_estimate(suite)
    with Fizeaud("ike off\nclass anyone any\nlimit anyone padding 9000") as server:
        as_clients(suite, server)
    suite.done()


if __name__ == "__main__":
    main()
