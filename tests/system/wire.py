#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is on the wire, read by others: our TWAMP by tshark, our STAMP by scapy."""
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from testlib.scapy_stamp import decoded, python_with_scapy  # noqa: E402
from testlib.suite import Fizeaud, Netns, Suite, fizeau_json, namespaces_work, private_file, skip_all  # noqa: E402

SPI_I, SPI_R = "0f3c010203040506", "99ab112233445566"
SA = f"{SPI_I} {SPI_R} hmac-sha2-256 {'ab' * 32} remote 127.0.0.1 remote-id CN=server.example local-id CN=client.example\n"
FEATURES = 16 | 32 | 64 | 256  # that the greeting offers by default
PORT, COUNT = 862, 10
HEADERS = {"open": (14, 41), "authenticated": (48, 112), "encrypted": (48, 112), "mixed": (14, 41)}


class Capture:
    """A capture of a namespace's loopback."""

    def __init__(self, netns, path):
        self.path, self.netns = path, netns
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, "tshark", "-q", "-i", "lo", "-w", path],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.mark("the capture begins")

    def mark(self, word):
        """Sends a datagram until it is in the file: what follows is captured, and what came before is written."""
        for _ in range(200):
            subprocess.run(["ip", "netns", "exec", self.netns, "bash", "-c", f"printf '{word}' >/dev/udp/127.0.0.1/9"],
                           check=True)
            time.sleep(0.1)
            if os.path.exists(self.path):
                with open(self.path, "rb") as file:
                    if word.encode() in file.read():
                        return
        raise AssertionError("tshark captures nothing")

    def stop(self):
        self.mark("the capture ends")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def fields(self, display_filter, *fields):
        """One list of values for each packet that matches."""
        command = ["tshark", "-r", self.path, "-Y", display_filter, "-T", "fields", "-E", "separator=;"]
        for field in fields:
            command += ["-e", field]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split(";") for line in text.splitlines()]


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


def measure_stamp(netns, folder, name, *args):
    """The capture, and the session as the sender saw it."""
    capture = Capture(netns, os.path.join(folder, f"stamp-{name}.pcap"))
    try:
        result = fizeau_json("stamp", "-c", COUNT, "-i", "5ms", "-w", "500ms", *args, f"127.0.0.1:{PORT}", netns=netns)
    finally:
        capture.stop()
    assert result["sessions"][0]["packets"]["received"] == COUNT
    return capture


#= rfc8762#section-4.2.1 ST-4.2.1-01 ST-4.2.1-02 ST-4.2.1-04 ST-4.2.1-06
#= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-02 ST-4.3.1-03 ST-4.3.1-04 ST-4.3.1-05 ST-4.3.1-06
#= rfc8972#section-4 SX-4-01 SX-4-03 SX-4-04
def check_stamp(rows, ssid, z, tlvs):
    sent = {row["seq"]: row for row in rows if row["sender"]}
    back = [row for row in rows if not row["sender"]]
    assert sorted(sent) == list(range(COUNT)) and len(back) == COUNT, (sorted(sent), len(back))
    for row in rows:
        assert row["ssid"] == ssid and not any(row["mbz"]) and row["error"]["multiplier"] > 0, row
        assert [tlv["type"] for tlv in row["tlvs"]] == list(tlvs), row
        assert [tlv["len"] for tlv in row["tlvs"]] == list(tlvs.values()), row
        # U says that nobody has looked at it yet; a reflector that knows it clears it.
        assert all(tlv["flags"] == (0x80 if row["sender"] else 0) for tlv in row["tlvs"]), row
    for number, row in enumerate(back):
        mine = sent[row["seq_sender"]]
        assert row["seq"] == number and row["ttl_sender"] == 255 and row["octets"] == mine["octets"], (row, mine)
        assert row["ts_sender"] == mine["ts"] and row["error_sender"] == mine["error"], (row, mine)
        assert row["ts_rx"] <= row["ts"] and row["error"]["z"] == 0, row
    assert all(row["error"]["z"] == z for row in sent.values())


STAMP_TLVS = {  # fizeau's words for them: type and octets of the value. Access Report is not in every packet
    "location": {2: 4 + 12 + 20 + 20}, "timestamp-information": {3: 4}, "class-of-service=af41": {4: 4}, "direct-measurement": {5: 12},
    "follow-up": {7: 16},
}


def open_stamp(suite, netns, folder):
    if not python_with_scapy():
        suite.skip("STAMP as scapy reads it", "needs scapy: apt-get install python3-scapy")
        return
    for name, args, z, tlvs in (
            ("bare", (), 0, {}), ("PTPv2 stamps", ("--ptp",), 1, {}), ("padding", ("-s", 100), 0, {1: 100}),
            *((word, ("--tlv", word), 0, types) for word, types in STAMP_TLVS.items()),
            ("three at once, and padding", ("--tlv", "timestamp-information,direct-measurement,follow-up", "-s", 40), 0,
             {3: 4, 5: 12, 7: 16, 1: 40})):
        with suite.case(f"STAMP, {name}: as scapy reads it"):
            capture = measure_stamp(netns, folder, name.replace(" ", "-"), "--ssid", 0xBEEF, *args)
            check_stamp(decoded(capture.path, PORT), 0xBEEF, z, tlvs)


#= rfc8762#section-4.4 ST-4.4-01
def authenticated_stamp(suite, netns, folder):
    with suite.case("STAMP, authenticated: HMACs as Python computes them"):
        capture = measure_stamp(netns, folder, "authenticated", "-k", "joe", "--keys", os.path.join(folder, "keys"), "-I", "127.0.0.1",
                                "--ssid", 2)
        rows = capture.fields(f"udp.port == {PORT}", "udp.payload")
        assert len(rows) == 2 * COUNT, len(rows)
        for payload, in rows:
            octets = bytes.fromhex(payload.replace(":", ""))
            want = hmac.new(b"a passphrase", octets[:96], hashlib.sha256).digest()[:16]
            assert len(octets) == 112 and octets[96:] == want, octets.hex()


def main():
    if os.getuid() != 0 or not shutil.which("tshark") or not namespaces_work():
        skip_all("needs root, network namespaces and tshark")
    suite = Suite()
    with Netns("wire") as ns, tempfile.TemporaryDirectory() as folder:
        keys = private_file(folder, "keys", "joe a passphrase\n")
        sas = private_file(folder, "sas", SA)
        conf = f"listen stamp 127.0.0.1 {PORT}\nstamp-key joe net 127.0.0.1/32 ssid 2\n"
        with Fizeaud(f"keys {keys}\nike static {sas}\npbkdf2-count 1024\n{conf}", netns=ns["wire"], port=PORT) as server:
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
            open_stamp(suite, ns["wire"], folder)
            authenticated_stamp(suite, ns["wire"], folder)
    suite.done()


if __name__ == "__main__":
    main()
