#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeaud as STAMP Session-Reflector, asked by a sender written from the RFCs (RFC 8762, RFC 8972, TWAMP Light)."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import ntp  # noqa: E402
from stamp import Sender, packet, tlv  # noqa: E402
from suite import Suite, fizeau, private_file  # noqa: E402
from twamp import Fizeaud  # noqa: E402

KEY = b"a key of octets that both know"
OTHER = b"another"
LOOPBACK = "127.0.0.1"


def free_udp(host=LOOPBACK):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Reflector(Fizeaud):
    """A fizeaud that listens for STAMP; keys: lines of a keys file."""

    def __init__(self, conf="", host=LOOPBACK, keys=None, stamp_host=None, **options):
        self.stamp_port = free_udp(stamp_host or host)
        self.keys_path = f"/tmp/fizeau-stamp-{os.getpid()}-keys" if keys else None
        if keys:
            private_file("/", self.keys_path[1:], keys)
            conf = f"keys {self.keys_path}\n{conf}"
        super().__init__(f"listen stamp {stamp_host or host} {self.stamp_port}\n{conf}", host=host, **options)

    def __exit__(self, *failure):
        if self.keys_path:
            os.unlink(self.keys_path)
        super().__exit__(*failure)

    def sender(self, source=None, **options):
        return Sender(self.host, self.stamp_port, source, **options)

    def sessions(self):
        return [one for one in self.status()["sessions"] if one["protocol"] == "stamp"]

    def counter(self, name):
        return self.status()["counters"][name]


suite = Suite()

with suite.case("stateful by default: numbers of the reflector's own, stamps in order, the sender's fields as they came"):
    with Reflector() as server, server.sender(ttl=37) as sender:
        sent = []
        for number, seq in enumerate((0, 1, 5, 6)):
            octets = packet(seq, stamp=ntp(time.time()), error=0x8002)
            got = sender.ask(octets)
            #= rfc8762#section-4 ST-4-02
            #= rfc8762#section-4.3.1 ST-4.3.1-02
            assert got.seq == number, got.seq
            #= rfc8762#section-4.3.1 ST-4.3.1-04
            assert (got.sender_seq, got.sender_stamp, got.sender_error) == struct.unpack(">IQH", octets[:14])
            #= rfc8762#section-4.3.1 ST-4.3.1-05
            assert got.ttl == 37, got.ttl
            #= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-06
            assert len(got.octets) == 44 and not any(got.mbz), got.octets.hex()
            #= rfc8762#section-4.3.1 ST-4.3.1-03
            assert got.sender_stamp <= got.received <= got.stamp <= ntp(time.time()), got.octets.hex()
            #= rfc8762#section-4.2.1 ST-4.2.1-02 ST-4.2.1-04
            assert not got.error & 0x4000
            assert sender.got["ttl"] == 255

with suite.case("stateless: the number of the packet comes back"):
    with Reflector("stamp-stateless yes") as server, server.sender() as sender:
        for seq in (3, 1, 4000000000, 1):
            #= rfc8762#section-4 ST-4-01
            assert sender.ask(packet(seq)).seq == seq
        assert [one["stateful"] for one in server.sessions()] == [False]

with suite.case("two SSIDs on one 4-tuple are two sessions, two ports and two addresses too"):
    with Reflector("workers 2") as server, server.sender() as a, server.sender() as b, server.sender("127.0.0.9") as c:
        #= rfc8972#section-3 SX-3-04 SX-3-07
        for number in range(3):
            for sender, ssid in ((a, 0), (a, 1), (a, 65535), (b, 1), (c, 1)):
                got = sender.ask(packet(number + 7, ssid=ssid))
                assert (got.seq, got.ssid) == (number, ssid), (number, ssid, got.seq, got.ssid)
        sessions = server.sessions()
        assert sorted((one["ssid"], one["received"], one["reflected"]) for one in sessions) == [
            (ssid, 3, 3) for ssid in (0, 1, 1, 1, 65535)], sessions
        assert all(one["port"] == server.stamp_port and one["mode"] == "open" and one["sid"] is None and one["stateful"]
                   for one in sessions), sessions
        assert {one["remote"] for one in sessions} == {f"127.0.0.1:{a.port}", f"127.0.0.1:{b.port}", f"127.0.0.9:{c.port}"}
        text = fizeau("status", "--control", server.control).stdout
        assert sum("stamp" in line and f" {server.stamp_port} " in line and " 65535 " in line for line in text.splitlines()) == 1

with suite.case("a reflection is as long as what came"):
    with Reflector() as server, server.sender() as sender:
        for octets in (44, 45, 60, 112, 1400):
            tail = os.urandom(octets - 44)
            #= rfc8762#section-4 ST-4-03
            got = sender.ask(packet(1) + tail)
            assert len(got.octets) == octets, (octets, len(got.octets))
        #= rfc8762#section-4.3 ST-4.3-01
        got = sender.ask(packet(2, tlvs=tlv(1, bytes(range(200)))))
        assert got.tail[4:] == bytes(range(200))

with suite.case("TWAMP Light: 41 octets and more come back as many, with any padding; less has no answer unless stamp-short"):
    with Reflector() as server, server.sender() as sender:
        for number, octets in enumerate((41, 42, 60, 100, 1400)):
            sender.send(packet(number, light=os.urandom(octets - 14)))
            answer = sender.receive()
            #= rfc8762#section-4.6 ST-4.6-02 ST-4.6-04
            assert len(answer) == octets and struct.unpack(">I", answer[:4])[0] == number, (octets, answer)
            assert not struct.unpack(">H", answer[12:14])[0] & 0x4000
            assert struct.unpack(">I", answer[24:28])[0] == number
        # Random padding is no SSID: all are of one session.
        assert [one["received"] for one in server.sessions()] == [5], server.sessions()
        #= rfc8762#section-4.6 ST-4.6-03
        for octets in (14, 27, 40):
            assert sender.silent(packet(9, light=bytes(octets - 14))), octets
        assert sender.silent(bytes(13))
        assert server.counter("dropped_length") == 4, server.status()["counters"]
    with Reflector("stamp-short yes") as server, server.sender() as sender:
        for octets in (14, 27, 40, 41, 44):
            sender.send(packet(5, light=bytes(octets - 14)))
            #= rfc8762#section-4.6 ST-4.6-01
            assert len(sender.receive()) == 44, octets
        assert sender.silent(bytes(13))

with suite.case("garbage where zero belongs is let pass, in both modes"):
    with Reflector("stamp-key ours net 127.0.0.2\n", keys=f"ours hex:{KEY.hex()}\n") as server, \
            server.sender() as sender, server.sender("127.0.0.2") as keyed:
        for number in range(2):
            #= rfc8762#section-4.2.1 ST-4.2.1-07
            assert sender.ask(packet(number, mbz=0xa5)).seq == number
            #= rfc8762#section-4.2.2 ST-4.2.2-02
            got = keyed.ask(packet(number, KEY, mbz=0x5a, ssid=3), KEY)
            assert (got.seq, got.ssid) == (number, 3) and not any(got.mbz)

with suite.case("authenticated: the key of the address; a wrong HMAC, a missing one, or the other format has no answer"):
    conf = "stamp-key second net 127.0.0.2/32 ssid 5-9\nstamp-key ours net 127.0.0.2\nlimit anyone modes open,authenticated\n"
    with Reflector(conf, keys=f"ours hex:{KEY.hex()}\nsecond hex:{OTHER.hex()}\n") as server, \
            server.sender("127.0.0.2") as sender, server.sender("127.0.0.3") as other:
        for number in range(3):
            #= rfc8762#section-4.3.2 ST-4.3.2-01
            #= rfc8762#section-4.4 ST-4.4-01 ST-4.4-02
            got = sender.ask(packet(number, KEY, ssid=4), KEY)
            assert (got.seq, got.ssid, got.sender_seq, len(got.octets)) == (number, 4, number, 112)
            #= rfc8762#section-4.4 ST-4.4-02
            got = sender.ask(packet(number, OTHER, ssid=7), OTHER)
            assert (got.seq, got.ssid) == (number, 7)
        #= rfc8762#section-4.4 ST-4.4-03
        bad = bytearray(packet(3, KEY, ssid=4))
        bad[100] ^= 1
        assert sender.silent(bytes(bad))
        altered = bytearray(packet(3, KEY, ssid=4))
        altered[50] ^= 1
        assert sender.silent(bytes(altered))
        assert sender.silent(packet(3, OTHER, ssid=4))
        assert sender.silent(packet(3, ssid=4)) and sender.silent(packet(3, KEY, ssid=4)[:111])
        assert sender.ask(packet(4, KEY, ssid=4), KEY).seq == 3, "those that were refused are not counted"
        # Of an address that has no key, packets are open: 112 octets with an HMAC are an open packet with a tail.
        assert len(other.ask(packet(1)).octets) == 44
        kinds = sorted((one["mode"], one["ssid"], one["key"]["source"], one["key"]["keyid"], one["drops"]["hmac"])
                       for one in server.sessions() if one["ssid"] in (4, 7))
        assert ("authenticated", 7, "passphrase", "second", 0) in kinds, kinds
        (drops,) = [kind[4] for kind in kinds if kind[:4] == ("authenticated", 4, "passphrase", "ours")]
        assert drops == 2, kinds

with suite.case("who has not the key has no session either"):
    with Reflector("stamp-key ours net 127.0.0.2\n", keys=f"ours hex:{KEY.hex()}\n") as server, \
            server.sender("127.0.0.2") as sender:
        assert sender.silent(packet(0, OTHER, ssid=4))
        assert server.sessions() == [] and server.counter("dropped_hmac") == 1
        assert server.counter("ended_failed") == 1

with suite.case("SSIDs that are not served have no answer, 0 among them where it is not listed"):
    with Reflector("stamp-ssid 5,7-9") as server, server.sender() as sender:
        #= rfc8972#section-3 SX-3-05 SX-3-06
        for ssid in (0, 1, 6, 10, 65535):
            assert sender.silent(packet(0, ssid=ssid)), ssid
        for ssid in (5, 7, 9):
            assert sender.ask(packet(0, ssid=ssid)).ssid == ssid
        assert sorted(one["ssid"] for one in server.sessions()) == [5, 7, 9]
        assert server.counter("request_ssid") == 5 and server.counter("dropped_no_session") == 5

suite.done()
