#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is on the wire, read by tshark: an independent decoder of our messages and packets."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from testlib.capture import Capture  # noqa: E402
from testlib.suite import Fizeaud, Netns, Suite, fizeau_json, namespaces_work, private_file, skip_all  # noqa: E402

SPI_I, SPI_R = "0f3c010203040506", "99ab112233445566"
SA = f"{SPI_I} {SPI_R} hmac-sha2-256 {'ab' * 32} remote 127.0.0.1 remote-id CN=server.example local-id CN=client.example\n"
FEATURES = 16 | 32 | 64 | 256  # that the greeting offers by default
PORT, COUNT = 862, 10
HEADERS = {"open": (14, 41), "authenticated": (48, 112), "encrypted": (48, 112), "mixed": (14, 41)}


def measure(netns, folder, server, mode, ike, dscp):
    keys = ["--ike", "require", "--ike-static", os.path.join(folder, "sas")] if ike else ["--ike", "off"]
    if not ike and mode != "open":
        keys += ["-k", "joe", "--keys", os.path.join(folder, "keys")]
    capture = Capture(netns, os.path.join(folder, f"{mode}-{ike}.pcap"))
    try:
        result = fizeau_json("twoway", "-c", COUNT, "-i", "5ms", "-w", "500ms", "-m", mode, "--dscp", dscp, *keys,
                             server.target, netns=netns)
    finally:
        capture.stop()
    assert result["sessions"][0]["packets"]["received"] == COUNT
    return capture, result["sessions"][0]


#= rfc7717#section-5.2 IK-5.2-01 IK-5.2-02
#= rfc7717#section-5.3 IK-5.3-01 IK-5.3-02 IK-5.3-03 IK-5.3-04 IK-5.3-05 IK-5.3-06 IK-5.3-12
def check_set_up(capture, mode, ike, bits):
    greeting = capture.fields("twamp.control.modes", "twamp.control.modes", "twamp.control.count", "tcp.len")
    assert len(greeting) == 1 and greeting[0][2] == "64", greeting
    assert int(greeting[0][0], 0) == 0x8F | FEATURES, f"modes {greeting[0][0]}"
    count = int(greeting[0][1], 0)
    assert count >= 1024 and count & (count - 1) == 0, count
    # tshark shows 40 of the KeyID's 80 octets, so these come from the segment itself.
    answer = capture.fields("twamp.control.keyid", "twamp.control.mode", "tcp.payload", "tcp.len")
    assert len(answer) == 1 and answer[0][2] == "164", answer
    assert int(answer[0][0], 0) == bits, answer[0][0]
    wanted = SPI_I + SPI_R if ike else ("" if mode == "open" else b"joe".hex())
    key_id = answer[0][1].replace(":", "")[8:168]
    assert key_id == wanted.ljust(160, "0"), key_id


#= rfc5357#section-4.2.1 TW-4.2.1-03 TW-4.2.1-17
#= rfc5357#section-3.5 TW-3.5-19
#= rfc5618#section-3.1 MX-3.1-01 MX-3.1-04
def check_packets(capture, mode, session, dscp):
    there = int(session["remote"].rsplit(":", 1)[1])
    sent = capture.fields(f"udp.dstport == {there}", "udp.length", "ip.ttl", "ip.dsfield.dscp")
    back = capture.fields(f"udp.srcport == {there}", "udp.length", "ip.ttl", "ip.dsfield.dscp")
    assert len(sent) == COUNT and len(back) == COUNT, (len(sent), len(back))
    sender_header, reflector_header = HEADERS[mode]
    length = sender_header + session["padding_octets"]
    for packets, octets in ((sent, length), (back, max(length, reflector_header))):
        for udp_length, ttl, traffic in packets:
            assert int(udp_length) == octets + 8, (udp_length, octets)
            assert ttl == "255", ttl
            assert int(traffic, 0) == dscp, traffic


#= rfc5357#section-4.2.1 TW-4.2.1-06 TW-4.2.1-21
def check_open_contents(capture, session):
    there = int(session["remote"].rsplit(":", 1)[1])
    rows = capture.fields(f"udp.srcport == {there}", "twamp.test.seq_number", "twamp.test.sender_seq_number",
                          "twamp.test.sender_ttl", "twamp.test.error_estimate.multiplier")
    numbers = [(int(seq), int(sender)) for seq, sender, _, _ in rows]
    assert numbers == [(n, n) for n in range(COUNT)], numbers
    # Two Multipliers: of the reflector's stamps and of the sender's.
    assert all(ttl == "255" and "0" not in multipliers.split(",") for _, _, ttl, multipliers in rows), rows


def main():
    if os.getuid() != 0 or not shutil.which("tshark") or not namespaces_work():
        skip_all("needs root, network namespaces and tshark")
    suite = Suite()
    with Netns("wire") as ns, tempfile.TemporaryDirectory() as folder:
        keys = private_file(folder, "keys", "joe a passphrase\n")
        sas = private_file(folder, "sas", SA)
        with Fizeaud(f"keys {keys}\nike static {sas}\npbkdf2-count 1024", netns=ns["wire"], port=PORT) as server:
            for mode, bit in (("open", 1), ("authenticated", 2), ("encrypted", 4), ("mixed", 8)):
                for ike in (False, True):
                    if ike and mode == "open":
                        continue
                    with suite.case(f"{mode}, {'IKEv2-derived key' if ike else 'without IKE'}: as tshark reads it"):
                        capture, session = measure(ns["wire"], folder, server, mode, ike, 46)
                        check_set_up(capture, mode, ike, bit + (128 if ike else 0))
                        check_packets(capture, mode, session, 46)
                        if mode == "open":
                            check_open_contents(capture, session)
    suite.done()


if __name__ == "__main__":
    main()
