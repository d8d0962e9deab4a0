#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scapy, which knows STAMP (RFC 8972, open mode), reads what the library writes, and writes what it reads."""
import hashlib
import hmac
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.suite import BUILD, Suite, skip_all  # noqa: E402

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that a distribution's scapy is for
try:
    from scapy.all import conf
    from scapy.contrib import stamp
except ImportError:
    if sys.executable != SYSTEM_PYTHON and subprocess.run(
            [SYSTEM_PYTHON, "-c", "import scapy.contrib.stamp"], capture_output=True).returncode == 0:
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    skip_all("no scapy: apt install python3-scapy")

BASE = 44
KEY = b"0123456789abcdef0123456789abcdef"
SSID = 0x0102
U = 0x80
EXTRA_PADDING, LOCATION, TIMESTAMP, CLASS_OF_SERVICE, DIRECT, ACCESS, FOLLOW_UP, HMAC = range(1, 9)
Sender = stamp.STAMPSessionSenderTestUnauthenticated
Reflector = stamp.STAMPSessionReflectorTestUnauthenticated
conf.debug_dissector = True  # what it cannot read is an error


def ours(*arguments):
    program = os.path.join(BUILD, "tests", "system", "st_packet")
    return bytes.fromhex(subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout)


def read(kind, octets):
    # scapy asks the layer below for the length, and is not told which that is.
    kind.fields_desc[-1].length_from = lambda packet, length=len(octets) - BASE: length
    packet = kind(octets)
    assert not packet.payload, packet.payload
    return packet


def tlvs_of(packet):
    """Flags, type, value of each."""
    return [(int(t.flags), t.type, bytes(t.value)) for t in packet.tlv_objects]


def fixed_point(seconds):
    """32.32 seconds since 1900 of what scapy has of them, which is a decimal number."""
    return int(seconds * 2**32)


def assert_covered(octets):
    """The HMAC TLV is over the Sequence Number and all TLVs before it."""
    at = BASE
    while octets[at + 1] != HMAC:
        at += 4 + int.from_bytes(octets[at + 2:at + 4], "big")
    want = hmac.new(KEY, octets[:4] + octets[BASE:at], hashlib.sha256).digest()[:16]
    assert octets[at + 4:at + 20] == want


suite = Suite()

#= rfc8762#section-4.2 ST-4.2-01
#= rfc8972#section-3 SX-3-01
#= rfc8972#section-4 SX-4-01 SX-4-03
with suite.case("a packet of our sender"):
    octets = ours("send", "7")
    packet = read(Sender, octets)
    assert (packet.seq, packet.ssid, packet.mbz) == (7, SSID, 0)
    assert (packet.err_estimate.S, packet.err_estimate.Z) == (1, 0)
    assert (packet.err_estimate.scale, packet.err_estimate.multiplier) == (10, 1)
    assert fixed_point(packet.ts) == 0xe800000a80000000
    tlvs = tlvs_of(packet)
    assert [t[1] for t in tlvs] == [LOCATION, TIMESTAMP, CLASS_OF_SERVICE, DIRECT, ACCESS, FOLLOW_UP, HMAC, EXTRA_PADDING]
    assert all(flags == U for flags, _, _ in tlvs)
    assert tlvs[2][2] == bytes([10 << 2, 0, 0, 0])
    assert tlvs[4][2] == bytes([0x10, 1, 0, 0])
    assert_covered(octets)

#= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-04 ST-4.3.1-05
#= rfc8972#section-3 SX-3-07
#= rfc8972#section-4 SX-4-04
with suite.case("its reflection"):
    octets = ours("reflect", ours("send", "7").hex())
    packet = read(Reflector, octets)
    assert (packet.seq, packet.seq_sender, packet.ssid, packet.ttl_sender) == (0, 7, SSID, 61)
    assert (packet.mbz1, packet.mbz2) == (0, 0)
    assert fixed_point(packet.ts_sender) == 0xe800000a80000000
    assert fixed_point(packet.ts_rx) == 0xe800000ac0000000
    assert fixed_point(packet.ts) == 0xe800000b00000000
    assert (packet.err_estimate.S, packet.err_estimate.scale) == (0, 11)
    assert (packet.err_estimate_sender.S, packet.err_estimate_sender.scale) == (1, 10)
    tlvs = {kind: value for flags, kind, value in tlvs_of(packet) if flags == 0}
    assert sorted(tlvs) == list(range(EXTRA_PADDING, HMAC + 1))
    assert tlvs[LOCATION][:4] == bytes.fromhex("035e9c40")
    assert tlvs[TIMESTAMP] == bytes([1, 2, 1, 2])
    assert tlvs[CLASS_OF_SERVICE] == bytes.fromhex("2ae40000")
    assert tlvs[ACCESS] == bytes.fromhex("10010000")
    assert_covered(octets)

#= rfc8762#section-4.3 ST-4.3-01
#= rfc8972#section-4 SX-4-09
with suite.case("the reflection of a packet that scapy made"):
    padding = stamp.STAMPTestTLV(flags=U, type=EXTRA_PADDING, len=20, value=b"\xa5" * 20)
    octets = bytes(Sender(seq=0x01020304, ts=0, err_estimate=stamp.ErrorEstimate(S=0, Z=0, scale=3, multiplier=9), ssid=77,
                          tlv_objects=[padding]))
    assert len(octets) == BASE + 24, len(octets)
    packet = read(Reflector, ours("reflect", octets.hex()))
    assert (packet.seq, packet.seq_sender, packet.ssid) == (0, 0x01020304, 77)
    assert (packet.err_estimate_sender.scale, packet.err_estimate_sender.multiplier) == (3, 9)
    assert tlvs_of(packet) == [(0, EXTRA_PADDING, b"\xa5" * 20)]

suite.done()
