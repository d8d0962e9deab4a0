# SPDX-License-Identifier: MIT
"""Reads the open STAMP packets of a capture with scapy, an independent decoder: JSON lines on stdout. Needs a Python that has scapy,
which may be another than the one that runs the tests:

    if python_with_scapy():
        packets = decoded(path, port)
"""
import contextlib
import json
import subprocess
import sys

PYTHONS = (sys.executable, "/usr/bin/python3")


def read(path, port):
    import scapy.contrib.stamp as stamp  # noqa: PLC0415
    from scapy.layers.inet import UDP  # noqa: PLC0415
    from scapy.utils import rdpcap  # noqa: PLC0415

    def estimate(e):
        return {"s": int(e.S), "z": int(e.Z), "scale": int(e.scale), "multiplier": int(e.multiplier)}

    def stamp_of(value):
        """Seconds since 1900 of NTP; the 64 bits of PTPv2."""
        return value if isinstance(value, int) else float(value)

    for packet in rdpcap(path):
        if UDP not in packet or port not in (packet[UDP].sport, packet[UDP].dport):
            continue
        layer = stamp.STAMPSessionSenderTestUnauthenticated if packet[UDP].dport == port else \
            stamp.STAMPSessionReflectorTestUnauthenticated
        # Called by hand: bound to the port, scapy 2.5 does not find the length of the datagram.
        test = layer(bytes(packet[UDP].payload), _parent=packet[UDP])
        row = {"sender": packet[UDP].dport == port, "octets": len(packet[UDP].payload), "seq": test.seq, "ssid": test.ssid,
               "ts": stamp_of(test.ts), "error": estimate(test.err_estimate),
               "tlvs": [{"flags": int(t.flags), "type": int(t.type), "len": int(t.len), "value": bytes(t.value).hex()}
                        for t in test.tlv_objects]}
        if row["sender"]:
            row["mbz"] = [int(test.mbz)]
        else:
            row |= {"ts_rx": stamp_of(test.ts_rx), "seq_sender": test.seq_sender, "ts_sender": stamp_of(test.ts_sender),
                    "error_sender": estimate(test.err_estimate_sender), "ttl_sender": test.ttl_sender, "mbz": [test.mbz1, int(test.mbz2)]}
        print(json.dumps(row))


def python_with_scapy():
    """None if there is none."""
    for python in PYTHONS:
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", "import scapy.contrib.stamp"], capture_output=True, check=False).returncode == 0:
                return python
    return None


def decoded(path, port):
    run = subprocess.run([python_with_scapy(), __file__, path, str(port)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


if __name__ == "__main__":
    read(sys.argv[1], int(sys.argv[2]))
