#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What boxes and programs of others are known to do in TWAMP Light and STAMP, played on loopback: as reflectors of fizeau stamp and as senders
to fizeaud. Each is measured as what it is, or refused with a reason."""
import json
import os
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from odd_reflector import HEADER, Listening, Reflector, Stamp, ntp, ptp  # noqa: E402
from stamp_sender import OPEN, StampSender  # noqa: E402
from suite import Suite, fizeau, fizeau_json  # noqa: E402
from twamp import Fizeaud, counter, status  # noqa: E402

COUNT = 12


def free_udp_port(host):
    """A UDP port that nobody has right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def measure(target, *args, status=0):
    """The result's session, and the records by number."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "records")
        result = fizeau_json("stamp", "-c", COUNT, "-i", "2ms", "-w", "500ms", "--records", path, *args, target, status=status)
        with open(path, encoding="utf-8") as f:
            records = {record["seq"]: record for record in map(json.loads, f)}
    session, = result["sessions"]
    return session, records


def is_what_was_told(session, records, reflector, lost=0):
    packets = session["packets"]
    assert (packets["sent"], packets["received"], packets["lost"]) == (COUNT, COUNT - lost, lost), packets
    assert packets["duplicates"] == 0 and not any(packets["discarded"].values()), packets
    assert len(reflector.told) == COUNT - lost
    for number, (seq, came, goes) in reflector.told.items():
        record = records[number]
        assert record["reflector_seq"] == seq, (record, seq)
        assert abs(record["reflector_received_unix_ns"] - came) <= 1, (record, came)
        assert abs(record["reflector_sent_unix_ns"] - goes) <= 1, (record, goes)


def refused(reflector, *args, because):
    with Listening(reflector) as there:
        run = fizeau("stamp", "-c", COUNT, "-i", "2ms", "-w", "500ms", *args, there.target)
    assert run.returncode == 1 and because in run.stderr, run


def no_ssid(_packet):
    return 0


def member_id(_packet):
    return 0x0101


# What is said of them, how they reflect, and what fizeau stamp has to be told.
LIGHT = (
    ("Cisco IOS XR: numbers are copies of the sender's", {"copies": True}, ()),
    ("Nokia twampy: T2 is T3, no TTL, an Error Estimate of 2^-32 s, begins anew at the sender's 0", {
        "same_stamps": True, "ttl": 0, "error": 0x0001, "resets": (0,)}, ()),
    ("Nokia twampy: it begins anew after 30 s", {"resets": (7,)}, ()),
    ("emirica: as long as what came, 41 at least", {"error": 0x8001}, ()),
    ("padding that is not truncated", {"octets": lambda received: received + HEADER - 14}, ()),
    ("41 octets whatever comes", {"octets": lambda received: HEADER}, ()),
    ("44 octets whatever comes: STAMP's answer to Light", {"octets": lambda received: max(received, 44)}, ("-s", 0)),
    ("Huawei: Member ID, padding 128", {"spare": (0x0101, 0)}, ("-s", 128)),
    ("spare octets that are not zero", {"spare": (0xffff, 0xffff)}, ()),
    ("numbers that do not begin with 0", {"first": 1000}, ()),
    ("TTL cannot be read there", {"ttl": 255}, ()),
)

STAMP = (
    ("stateless: numbers are copies of the sender's", {"copies": True}, ()),
    ("no RFC 8972: the SSID comes back as 0", {"ssid": no_ssid}, ()),
    ("Huawei: Member ID in the SSID's place, which none is asked for", {"ssid": member_id}, ("--ssid", 0)),
    ("numbers that do not begin with 0", {"first": 1}, ()),
    ("stamps of PTPv2, its Z says so", {"stamps": ptp, "error": 0xc101}, ()),
    ("stamps of NTP, the packets' are PTPv2's", {}, ("--ptp",)),
    ("stamps of PTPv2 at both ends", {"stamps": ptp, "error": 0xc101}, ("--ptp",)),
    ("T2 is T3, no TTL", {"same_stamps": True, "ttl": 0}, ()),
    ("longer than what came", {"octets": lambda received: received + 27}, ()),
    ("TWAMP Light's: 41 octets whatever comes", {"octets": lambda received: HEADER, "ssid": no_ssid}, ()),
    ("a base packet whatever comes", {"octets": lambda received: 44}, ("-s", 100)),
)


def as_reflectors(suite):
    for light, cases in ((True, LIGHT), (False, STAMP)):
        for name, quirks, args in cases:
            with suite.case(f"{'Light' if light else 'STAMP'} reflector, {name}"):
                reflector = (Reflector if light else Stamp)(**quirks)
                with Listening(reflector) as there:
                    session, records = measure(there.target, *(("--light",) if light else ()), *args)
                is_what_was_told(session, records, reflector)
                assert session["ttl"]["forward_min"] == session["ttl"]["forward_max"] == quirks.get("ttl", 255), session["ttl"]


def lost_where(suite):
    """Numbers 3 and 7 never get there. Copies of numbers prove nothing, and nothing is told."""
    for name, quirks, split in (("counts from 0", {}, (2, 0)), ("counts from 1000", {"first": 1000}, (2, 0)),
                                ("copies", {"copies": True}, (None, None))):
        with suite.case(f"loss on the way there, the reflector {name}"):
            reflector = Stamp(loses=(3, 7), **quirks)
            with Listening(reflector) as there:
                session, records = measure(there.target)
            is_what_was_told(session, records, reflector, lost=2)
            packets = session["packets"]
            assert (packets["lost_forward"], packets["lost_backward"]) == split, packets


def refusals(suite):
    with suite.case("Nokia: Z is the sender's, the stamps are PTPv2's all the same"):
        refused(Stamp(stamps=ptp, echoes_z=True), because="--ptp")
    with suite.case("Nokia: Z is the sender's, the stamps are NTP's all the same"):
        refused(Stamp(stamps=ntp, echoes_z=True), "--ptp", because="without --ptp")
    for name, format_, args in (("PTPv2", ptp, ("--ptp",)), ("NTP", ntp, ())):
        with suite.case(f"Nokia: Z is the sender's, and the format is set to match: {name}"):
            reflector = Stamp(stamps=format_, echoes_z=True)
            with Listening(reflector) as there:
                is_what_was_told(*measure(there.target, *args), reflector)
    with suite.case("Huawei: Member ID where an SSID was asked for"):
        refused(Stamp(ssid=member_id), because="--ssid 0")
    with suite.case("the SSID does not come back, and is needed"):
        refused(Stamp(ssid=no_ssid), "--need-ssid", because="--need-ssid")
    with suite.case("twampy without padding: 38 octets are no reflection"):
        refused(Reflector(octets=lambda received: 38), "--light", because="too short")
    for name, error in (("0", 0x8000), ("0 of a PTPv2 clock", 0xc000)):
        with suite.case(f"a Multiplier of {name}"):
            refused(Stamp(error=error), because="Multiplier")
    with suite.case("stamps of neither format: NTP's seconds with nanoseconds"):
        refused(Stamp(stamps=lambda ns: ntp(ns) & ~0xffffffff | ns % 10**9, error=0xc101), because="stamps")
    with suite.case("numbers of packets that were never sent"):
        class Ahead(Stamp):
            def __call__(self, packet, _number=None):
                answer, = super().__call__(packet)
                return [answer[:24] + struct.pack(">I", 1000) + answer[28:]]
        refused(Ahead(), because="not sent")


class Sender(StampSender):
    """Open packets of a given length, made by hand."""

    def __init__(self, reflector, octets=OPEN, error=0x8101, first=0, ssid=0, stamps=ntp, source_port=0):
        super().__init__("127.0.0.1", reflector.stamp_port, ssid=ssid, source_port=source_port)
        self.octets, self.error, self.seq, self.stamps = octets, error, first, stamps

    def packet(self, **_):
        head = struct.pack(">IQHH", self.seq, self.stamps(time.time_ns()), self.error, self.ssid)
        return head[:self.octets].ljust(self.octets, b"\0")


class StampReflector(Fizeaud):
    """A fizeaud that reflects STAMP for everybody."""

    def __init__(self, conf="", port=None):
        self.stamp_port = port or free_udp_port("127.0.0.1")
        super().__init__(f"listen stamp 127.0.0.1 {self.stamp_port}\n{conf}")


# What is said of them, how they send, and how far what comes back goes as a reflection of theirs.
SENDERS = (
    ("Cisco IOS XR, Juniper: TWAMP Light of 41 octets", {"octets": 41}),
    ("twampy with padding 27: an Error Estimate of 0x3fff", {"octets": 41, "error": 0x3fff}),
    ("twampy with padding 30: 44 octets", {"octets": 44, "error": 0x3fff}),
    ("emirica's packets: an Error Estimate of 0x8001", {"octets": 100, "error": 0x8001}),
    ("Huawei: Member ID in the SSID's place, padding 128", {"octets": 142, "ssid": 0x0101}),
    ("an Error Estimate of nothing, which is the sender's affair", {"error": 0}),
    ("stamps of PTPv2", {"stamps": ptp, "error": 0xc101}),
    ("numbers that do not begin with 0", {"first": 5000}),
    ("numbers that pass the largest", {"first": 2**32 - 2}),
    ("as long as an Ethernet frame takes", {"octets": 1472}),
)


def as_senders(suite):
    for stateless in (False, True):
        with StampReflector(f"stamp-stateless {'yes' if stateless else 'no'}") as reflector:
            for name, quirks in SENDERS:
                with suite.case(f"sender, {name}; {'stateless' if stateless else 'stateful'}"), Sender(reflector, **quirks) as sender:
                    for number in range(4):
                        sent, back = sender.echo()
                        assert len(back) == len(sent), (len(sent), len(back))
                        #= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-02 ST-4.3.1-04
                        assert back[24:38] == sent[:14], back.hex()
                        seq = struct.unpack(">I", back[:4])[0]
                        assert seq == (struct.unpack(">I", sent[:4])[0] if stateless else number), seq
                        estimate = struct.unpack(">H", back[12:14])[0]
                        assert estimate & 0xff and not estimate & 0x4000, back.hex()
                        received, sent_back = struct.unpack(">Q", back[16:24])[0], struct.unpack(">Q", back[4:12])[0]
                        assert received <= sent_back, back.hex()
                        if len(back) >= OPEN:
                            assert struct.unpack(">H", back[14:16])[0] == quirks.get("ssid", 0), back.hex()
    with StampReflector() as reflector:
        for octets in (13, 14, 40):
            with suite.case(f"sender, {octets} octets: no answer would be as short; counted"), \
                    Sender(reflector, octets) as sender, Sender(reflector) as other:
                before = counter(reflector, "dropped_length")
                sender.send()
                other.echo()
                assert sender.receive(0.3) is None
                assert counter(reflector, "dropped_length") > before, status(reflector)["counters"]
    with StampReflector("stamp-short yes") as reflector:
        for octets in (14, 40, 41, 43):
            with suite.case(f"sender, {octets} octets, stamp-short: a base packet of STAMP comes back"), \
                    Sender(reflector, octets) as sender:
                sent, back = sender.echo()
                assert len(back) == OPEN and back[24:38] == sent[:14], back.hex()


def main():
    suite = Suite()
    as_senders(suite)
    as_reflectors(suite)
    lost_where(suite)
    refusals(suite)
    suite.done()


if __name__ == "__main__":
    main()
