#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our STAMP on the wire: open packets as scapy reads them, authenticated ones with HMACs as Python computes them."""
import hashlib
import hmac
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.capture import Capture  # noqa: E402
from testlib.scapy_stamp import decoded, python_with_scapy  # noqa: E402
from testlib.suite import Fizeaud, Netns, Suite, fizeau_json, namespaces_work, private_file, skip_all  # noqa: E402

PORT, COUNT, KEYED = 862, 10, 2
# What is measured, how, Z of the sender's packets, and type and octets of each TLV. Access Report is not in every packet.
OPEN = (
    ("bare", (), 0, {}),
    ("PTPv2 stamps", ("--ptp",), 1, {}),
    ("padding", ("-s", 100), 0, {1: 100}),
    ("location", ("--tlv", "location"), 0, {2: 4 + 12 + 20 + 20}),
    ("timestamp information", ("--tlv", "timestamp-information"), 0, {3: 4}),
    ("class of service", ("--tlv", "class-of-service=af41"), 0, {4: 4}),
    ("direct measurement", ("--tlv", "direct-measurement"), 0, {5: 12}),
    ("follow-up", ("--tlv", "follow-up"), 0, {7: 16}),
    ("three at once, and padding", ("--tlv", "timestamp-information,direct-measurement,follow-up", "-s", 40), 0,
     {3: 4, 5: 12, 7: 16, 1: 40}),
)


def measure(netns, ssid, *args):
    result = fizeau_json("stamp", "-c", COUNT, "-i", "5ms", "-w", "500ms", "--ssid", ssid, *args, f"127.0.0.1:{PORT}", netns=netns)
    assert result["sessions"][0]["packets"]["received"] == COUNT, result


#= rfc8762#section-4.2.1 ST-4.2.1-01 ST-4.2.1-02 ST-4.2.1-04 ST-4.2.1-06
#= rfc8762#section-4.3.1 ST-4.3.1-01 ST-4.3.1-02 ST-4.3.1-03 ST-4.3.1-04 ST-4.3.1-05 ST-4.3.1-06
#= rfc8972#section-4 SX-4-01 SX-4-03 SX-4-04
def check(rows, z, tlvs):
    sent = {row["seq"]: row for row in rows if row["sender"]}
    back = [row for row in rows if not row["sender"]]
    assert sorted(sent) == list(range(COUNT)) and len(back) == COUNT, (sorted(sent), len(back))
    for row in rows:
        assert not any(row["mbz"]) and row["error"]["multiplier"] > 0, row
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


#= rfc8762#section-4.4 ST-4.4-01
def check_authenticated(payloads):
    sessions = [octets for octets in payloads if len(octets) == 112]
    assert len(sessions) == 2 * COUNT, len(sessions)
    for octets in sessions:
        assert octets[96:] == hmac.new(b"a passphrase", octets[:96], hashlib.sha256).digest()[:16], octets.hex()


def main():
    if os.getuid() != 0 or not shutil.which("tshark") or not namespaces_work():
        skip_all("needs root, network namespaces and tshark")
    if not python_with_scapy():
        skip_all("needs scapy: apt-get install python3-scapy")
    suite = Suite()
    with Netns("stamp") as ns, tempfile.TemporaryDirectory() as folder:
        keys = private_file(folder, "keys", "joe a passphrase\n")
        conf = f"listen stamp 127.0.0.1 {PORT}\nstamp-key joe net 127.0.0.1/32 ssid {KEYED}\nkeys {keys}\nike off\n"
        with Fizeaud(conf, netns=ns["stamp"]):
            capture = Capture(ns["stamp"], os.path.join(folder, "pcap"))
            try:
                for number, (_, args, _, _) in enumerate(OPEN):
                    measure(ns["stamp"], 100 + number, *args)
                measure(ns["stamp"], KEYED, "-k", "joe", "--keys", keys)
            finally:
                capture.stop()
        rows = [row for row in decoded(capture.path, PORT) if row["ssid"] >= 100 and row["octets"] != 112]
        for number, (name, _, z, tlvs) in enumerate(OPEN):
            with suite.case(f"{name}: as scapy reads it"):
                check([row for row in rows if row["ssid"] == 100 + number], z, tlvs)
        with suite.case("authenticated: HMACs as Python computes them"):
            check_authenticated([bytes.fromhex(payload.replace(":", ""))
                                 for payload, in capture.fields(f"udp.port == {PORT}", "udp.payload")])
    suite.done()


if __name__ == "__main__":
    main()
