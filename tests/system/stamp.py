#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeaud as STAMP Session-Reflector, asked by a sender written from the RFCs (RFC 8762, RFC 8972, TWAMP Light)."""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
import stamp  # noqa: E402
from octets import ntp, wait_for  # noqa: E402
from stamp import (COS, DIRECT, FOLLOW_UP, HMAC, LOCATION, TIMESTAMPS, I, M, Sender, U, mac, packet, tlv,  # noqa: E402
                   tlvs_of)
from suite import FIZEAUD, Suite, fizeau, private_file  # noqa: E402
from twamp import Fizeaud  # noqa: E402

KEY = b"a key of octets that both know"
OTHER = b"another"
LOOPBACK = "127.0.0.1"


def free_udp(host=LOOPBACK):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((host.replace("*", "0.0.0.0"), 0))
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

    def reload(self, conf):
        """Other directives beside the listeners of TWAMP and OWAMP; True if they are taken over."""
        lines = f"listen twamp {self.host} {self.port}\nlisten owamp {self.host} {self.owamp_port}\n"
        before = self.log().count("configuration ")
        private_file(self.folder.name, "fizeaud.conf",
                     f"{lines}control {self.control}\nuser -\nstorage {self.storage}\n{conf}\n")
        self.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.log().count("configuration ") > before)
        return "not taken over" not in self.log().splitlines()[-1]


def spoof(source, source_port, target, target_port, octets):
    """A datagram from an address that is not ours to send from. Needs CAP_NET_RAW."""
    udp = struct.pack(">HHHH", source_port, target_port, 8 + len(octets), 0) + octets
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                               socket.inet_aton(target)) + udp, (target, 0))


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

with suite.case("Class of Service: DSCP and ECN as they came, the reflection with the DSCP asked for, where policy has it"):
    for conf, sent_with, rp in (("", 10, 0), ("stamp-dscp af11,ef", 10, 0), ("stamp-dscp none", 46, 1),
                                ("stamp-dscp ef", 46, 1)):
        with Reflector(conf) as server, server.sender(tos=46 << 2 | 1) as sender:
            got = sender.ask(packet(0, tlvs=tlv(COS, struct.pack(">I", 10 << 26))))
            ((flags, kind, value),) = got.tlvs()
            word = struct.unpack(">I", value)[0]
            #= rfc8972#section-4.4 SX-4.4-01
            assert (flags, kind, word >> 20 & 63, word >> 18 & 3) == (0, COS, 46, 1), value.hex()
            #= rfc8972#section-4.4 SX-4.4-02 SX-4.4-03
            #= rfc8972#section-6 SX-6-02
            assert (word >> 26, word >> 16 & 3, sender.got["tos"] >> 2) == (10, rp, sent_with), (conf, value.hex(), sender.got)
            # Without the TLV it leaves as it came.
            sender.ask(packet(1))
            assert sender.got["tos"] >> 2 == 46, sender.got

with suite.case("Location: ports and addresses as they arrive, nothing of them if stamp-location is no"):
    asked = tlv(LOCATION, bytes(4) + tlv(4, bytes(16)) + tlv(7, bytes(16)))
    with Reflector("") as server, server.sender("127.0.0.5") as sender:
        ((flags, kind, value),) = sender.ask(packet(0, tlvs=asked)).tlvs()
        #= rfc8972#section-4.2 SX-4.2-01
        assert (flags, kind, len(value)) == (0, LOCATION, 44), value.hex()
        assert struct.unpack(">HH", value[:4]) == (server.stamp_port, sender.port), value.hex()
        inner = {one: octets for _, one, octets in tlvs_of(value[4:])}
        assert inner == {5: bytes([127, 0, 0, 1]) + bytes(12), 8: bytes([127, 0, 0, 5]) + bytes(12)}, value.hex()
    with Reflector("stamp-location no") as server, server.sender() as sender:
        ((_, kind, value),) = sender.ask(packet(0, tlvs=asked)).tlvs()
        #= rfc8972#section-4.2.2 SX-4.2-02
        assert kind == LOCATION and not any(value[:4]) and b"\x7f\0\0\x01" not in value, value.hex()

with suite.case("Follow-Up tells when the reflection before really left, Direct Measurement counts"):
    with Reflector() as server, server.sender() as sender:
        both = tlv(DIRECT, struct.pack(">III", 77, 0, 0)) + tlv(FOLLOW_UP, bytes(16))
        before, counts, real = None, [], 0
        for number in range(8):
            got = sender.ask(packet(number, tlvs=both))
            back = ntp(time.time())
            (_, _, direct), (flags, _, follow) = got.tlvs()
            sent, *rest = struct.unpack(">III", direct)
            #= rfc8972#section-4.5 SX-4.5-01
            assert sent == 77
            counts.append(tuple(rest))
            seq, left, method = struct.unpack(">IQB3x", follow)
            if before:
                #= rfc8972#section-4.7 SX-4.7-01
                assert (flags, seq) == (0, number - 1) and method in (1, 2), follow.hex()
                assert before[0].received < left < before[1], (left, before[0].octets.hex())
                real += left != before[0].stamp
            before = got, back
        assert counts == [(counts[0][0] + n, counts[0][1] + n) for n in range(8)], counts
        assert real >= 6, f"only {real} were told of a transmit stamp"
    with Reflector("stamp-stateless yes") as server, server.sender() as sender:
        for number in range(2):
            ((_, _, follow),) = sender.ask(packet(number, tlvs=tlv(FOLLOW_UP, bytes(16)))).tlvs()
            assert not any(follow), follow.hex()

with suite.case("Timestamp Information, unknown and malformed TLVs, and stamp-tlvs no"):
    with Reflector() as server, server.sender() as sender:
        (flags, kind, value), (unknown, _, same) = sender.ask(
            packet(0, tlvs=tlv(TIMESTAMPS, bytes(4)) + tlv(200, b"abcd"))).tlvs()
        #= rfc8972#section-4.3 SX-4.3-01
        assert (flags, kind) == (0, TIMESTAMPS) and value[0] in (1, 2, 5) and value[1] in (1, 2) and value[3] in (1, 2), value
        #= rfc8972#section-4 SX-4-04 SX-4-09
        assert (unknown, same) == (U, b"abcd")
        got = sender.ask(packet(1, tlvs=tlv(COS, bytes(4), length=0xffff)))
        #= rfc8972#section-4 SX-4-05
        assert got.tail[0] & M, got.tail.hex()
    with Reflector("stamp-tlvs no") as server, server.sender() as sender:
        tail = tlv(COS, bytes(4)) + tlv(TIMESTAMPS, bytes(4))
        assert sender.ask(packet(0, tlvs=tail)).tail == tail

with suite.case("authenticated TLVs are used only under a right HMAC TLV; so are open ones where stamp-key says tlvs"):
    for line, key in (("stamp-key ours net 127.0.0.0/8\n", KEY), ("stamp-key ours net 127.0.0.0/8 tlvs\n", None)):
        with Reflector(line, keys=f"ours hex:{KEY.hex()}\n") as server, server.sender() as sender:
            cos = tlv(COS, struct.pack(">I", 10 << 26))
            for seq, tail, good in ((0, cos + tlv(HMAC, mac(KEY, bytes(4) + cos)), True),
                                    (1, cos + tlv(HMAC, mac(OTHER, struct.pack(">I", 1) + cos)), False), (2, cos, False)):
                got = sender.ask(packet(seq, key, tlvs=tail), key)
                #= rfc8972#section-4.8 SX-4.8-01 SX-4.8-05 SX-4.8-06
                assert bool(got.tail[0] & I) is not good, (line, seq, got.tail.hex())
                assert sender.got["tos"] >> 2 == (10 if good else 0)
                if good:
                    base = struct.pack(">I", got.seq)
                    assert got.tail[-16:] == mac(KEY, base + got.tail[:8]), "HMAC TLV of the reflection"
            (one,) = server.sessions()
            assert one["mode"] == ("authenticated" if key else "open") and one["key"]["source"] == ("passphrase" if key else "none")

with suite.case("who is of no class, is denied or has not the mode gets no answer, and asks but seldom"):
    conf = "class in net 127.0.0.2/32\nclass keyed net 127.0.0.3/32\nclass no net 127.0.0.4/32\n" \
        "limit keyed modes authenticated,encrypted\nlimit no deny\n"
    with Reflector(conf) as server, server.sender("127.0.0.2") as good:
        assert good.ask(packet(0)).seq == 0
        for source, counter in (("127.0.0.1", "refused_deny"), ("127.0.0.4", "refused_deny"), ("127.0.0.3", "refused_modes")):
            before = server.counter(counter)
            with server.sender(source) as sender:
                assert sender.silent(packet(0))
                # The address was refused as a whole: 200 packets, and hardly a question.
                for number in range(200):
                    sender.send(packet(number, ssid=number))
                assert sender.silent(packet(0))
            assert 1 <= server.counter(counter) - before <= 10, (source, server.counter(counter))
        assert good.ask(packet(1)).seq == 1
        assert [one["class"] for one in server.sessions()] == ["in"]
    with Reflector("limit anyone modes authenticated\nstamp-key ours net 127.0.0.2\nclass anyone keyid our*\nclass x any\n"
                   "limit x deny\n", keys=f"ours hex:{KEY.hex()}\n") as server, \
            server.sender("127.0.0.2") as keyed, server.sender("127.0.0.3") as other:
        assert keyed.ask(packet(0, KEY), KEY).seq == 0
        assert other.silent(packet(0, KEY)) and other.silent(packet(0))

with suite.case("limits: sessions of an address, packets, padding, rate"):
    with Reflector("limit anyone peer-sessions 2\nlimit anyone packets 3\nlimit anyone padding 100") as server, \
            server.sender() as sender, server.sender("127.0.0.8") as other:
        for ssid in (1, 2):
            assert sender.ask(packet(0, ssid=ssid)).seq == 0
        assert sender.silent(packet(0, ssid=3))
        assert other.ask(packet(0, ssid=3)).seq == 0
        assert server.counter("request_sessions") == 1
        assert sender.ask(packet(1, ssid=1)).seq == 1
        assert len(sender.ask(packet(2, ssid=2) + bytes(168)).octets) == 212
        assert sender.silent(packet(2, ssid=2) + bytes(169))
        # The third packet of three: then it is another session.
        assert [sender.ask(packet(n, ssid=1)).seq for n in (2, 3)] == [2, 0]
        assert server.counter("ended_packets") == 1
    with Reflector("limit anyone rate 10") as server, server.sender() as sender:
        sender.ask(packet(0))
        for number in range(300):
            sender.send(packet(number + 1))
        wait_for("all to be counted", lambda: [one["received"] for one in server.sessions()] == [301])
        (one,) = server.sessions()
        assert one["reflected"] + one["drops"]["rate"] == 301 and one["reflected"] < 200, one

with suite.case("sessions end after refwait of silence, and with their duration"):
    for conf, reason in (("refwait 100ms", "ended_refwait"), ("limit anyone duration 100ms", "ended_duration")):
        with Reflector(conf) as server, server.sender() as sender:
            assert sender.ask(packet(0)).seq == 0
            wait_for("the end", lambda: server.sessions() == [] and server.counter(reason) == 1)
            assert sender.ask(packet(1)).seq == 0

with suite.case("where another wants a place, the session that is silent gives way, and the one that measures stays"):
    for limit in ("peer-sessions 2", "peer-sessions 9\nlimit anyone sessions 2"):
        with Reflector(f"limit anyone {limit}\nrefwait 5s\n") as server, server.sender() as sender:
            assert sender.ask(packet(0, ssid=1)).seq == 0 and sender.ask(packet(0, ssid=2)).seq == 0
            numbers, third = [], None
            while third is None and len(numbers) < 100:
                numbers.append(sender.ask(packet(1, ssid=1)).seq)
                sender.send(packet(0, ssid=3))
                third = sender.receive(0.2)
            assert third is not None and stamp.Reflection(third).ssid == 3
            assert numbers == list(range(1, len(numbers) + 1)), numbers
            counters = server.status()["counters"]
            assert counters["ended_silent"] == 1 and counters["request_sessions"] >= 1, counters
            assert sorted(one["ssid"] for one in server.sessions()) == [1, 3]

with suite.case("no ping-pong: what comes back, from an echo or another reflector, is dropped at once"):
    with Reflector() as one, Reflector(host="127.0.0.2") as two, one.sender() as sender:
        # An echo of the reflection, and a reflection of it.
        reflection = sender.ask(packet(0)).octets
        assert sender.silent(reflection)
        answered = struct.pack(">IQH", 0, ntp(time.time()), 0x8001) + reflection[14:24] + reflection[:14] + bytes(6)
        assert sender.silent(answered)
        (session,) = one.sessions()
        assert session["drops"]["loop"] == 2 and session["reflected"] == 1, session
        assert one.counter("dropped_loop") == 2
    if os.geteuid() == 0:
        for host, forged in (("127.0.0.2", None), ("127.0.0.3", 862), ("127.0.0.1", 0)):
            with Reflector() as one, Reflector(host="127.0.0.2") as two:
                port = two.stamp_port if forged is None else forged or one.stamp_port
                spoof(host, port, one.host, one.stamp_port, packet(0))
                wait_for("the end of it", lambda: one.counter("dropped_loop") + two.counter("dropped_loop") == 1)
                # Nothing more is under way: what would be comes before what is asked now.
                for server in (one, two):
                    with server.sender() as sender:
                        sender.ask(packet(0))
                        sender.ask(packet(1))
                received = one.counter("packets_received") + two.counter("packets_received") - 4
                assert received == (3 if forged is None else 1), (forged, received)

with suite.case("a flood of sources that nobody knows costs them questions, and others nothing"):
    with Reflector("class good net 127.0.0.2/32\nlimit good rate 100k\nworkers 1\n") as server, \
            server.sender("127.0.0.2") as good:
        assert good.ask(packet(0)).seq == 0
        floods = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(64)]
        for number, flood in enumerate(floods):
            flood.bind((f"127.1.{number}.9", 0))
        back = []
        for number in range(100):
            for ssid, flood in enumerate(floods):
                flood.sendto(packet(number, ssid=ssid), (LOOPBACK, server.stamp_port))
            back.append(good.ask(packet(number + 1)).seq)
        for flood in floods:
            flood.close()
        assert back == list(range(1, 101)), back
        counters = server.status()["counters"]
        assert counters["packets_reflected"] == 101 and counters["refused_deny"] < 3200, counters

with suite.case("reload: a listener more, one less; sessions that run go on"):
    with Reflector() as server, server.sender() as sender:
        assert sender.ask(packet(0)).seq == 0
        more = free_udp()
        assert server.reload(f"listen stamp {LOOPBACK} {server.stamp_port}\nlisten stamp {LOOPBACK} {more}\n"
                             "stamp-stateless yes\n")
        assert sender.ask(packet(7)).seq == 1, "the session is as it began"
        with Sender(LOOPBACK, more) as other:
            assert other.ask(packet(9)).seq == 9, "a new one is as configured now"
            # A port that somebody has: all stays as it is.
            assert not server.reload(f"listen stamp {LOOPBACK} {other.port}\n")
            assert sender.ask(packet(8)).seq == 2
            assert server.reload(f"listen stamp {LOOPBACK} {more}\n")
            assert other.ask(packet(4)).seq == 4
        wait_for("its end", lambda: server.counter("ended_listener") == 1)
        assert [one["port"] for one in server.status()["listen"] if one["protocol"] == "stamp"] == [more]

with suite.case("a worker that is killed takes its sessions with it; the next packet begins a new one"):
    with Reflector("workers 2") as server, server.sender() as sender:
        assert [sender.ask(packet(n)).seq for n in range(3)] == [0, 1, 2]
        (session,) = server.sessions()
        pid = {one["worker"]: one["pid"] for one in server.status()["workers"]}[session["worker"]]
        os.kill(pid, signal.SIGKILL)
        wait_for("its end", lambda: server.counter("ended_worker") == 1)
        # A packet that comes meanwhile waits in the socket.
        assert sender.ask(packet(3)).seq == 0
        assert sum(one["restarts"] for one in server.status()["workers"]) == 1

with suite.case("IPv6, and all addresses"):
    with Reflector(stamp_host="*", host="::1") as server, server.sender() as six, Sender(LOOPBACK, server.stamp_port) as four:
        assert six.ask(packet(0, ssid=1)).seq == 0 and four.ask(packet(0, ssid=1)).seq == 0
        assert four.got["from"][0] == LOOPBACK
        ((_, _, value),) = six.ask(packet(1, tlvs=tlv(LOCATION, bytes(4) + tlv(4, bytes(16))))).tlvs()
        assert value[8:] == socket.inet_pton(socket.AF_INET6, "::1"), value.hex()
        for host in ("127.0.0.77", LOOPBACK):
            with Sender(host, server.stamp_port, LOOPBACK) as sender:
                sender.ask(packet(0))
                assert sender.got["from"][0] == host

with suite.case("PTPv2 stamps where they are wanted, never for TWAMP Light"):
    with Reflector("stamp-format ptp") as server, server.sender() as sender:
        got = sender.ask(packet(0))
        #= rfc8762#section-4.2.1 ST-4.2.1-03 ST-4.2.1-05
        assert got.error & 0x4000
        for value in (got.stamp, got.received):
            assert abs((value >> 32) - time.time() - 37) < 60 and value & 0xffffffff < 10**9, hex(value)
        sender.send(packet(1, light=bytes(27)))
        answer = sender.receive()
        #= rfc8762#section-4.6 ST-4.6-04
        assert not answer[12] & 0x40 and abs(struct.unpack(">I", answer[4:8])[0] - 2208988800 - time.time()) < 60

with suite.case("off unless asked for; a port that is taken, and a key that is not there, are said"):
    with Fizeaud() as server:
        #= rfc8762#section-5 ST-5-01
        assert all(one["protocol"] != "stamp" for one in server.status()["listen"])
    with Reflector() as server:
        conf = f"listen stamp {LOOPBACK} {server.stamp_port}\nuser -\ncontrol {server.folder.name}/other\n"
        path = private_file(server.folder.name, "second.conf", conf)
        run = subprocess.run([FIZEAUD, "-f", "-c", path], capture_output=True, text=True, timeout=20, check=False)
        assert run.returncode == 2 and f"{LOOPBACK}:{server.stamp_port}" in run.stderr and "ss -lnup" in run.stderr, run.stderr
    run = subprocess.run([FIZEAUD, "-f", "-c", "/dev/stdin"], input=f"listen stamp {LOOPBACK} {free_udp()}\nuser -\n"
                         "control /tmp/none\nstamp-key nobody net ::/0\n", capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 2 and "stamp-key nobody: no such KeyID" in run.stderr, run.stderr

suite.done()
