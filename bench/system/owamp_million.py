#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A session of a million packets at 20,000 a second, recorded by fizeaud, fetched and summarised by fizeau, on loopback.

    bench/system/owamp_million.py [BUILD_DIR [PACKETS]]

It takes a minute. Exit status 1 if a record is missing that the sender and the daemon's own counters account for.
"""
import os
import sys
import time

if len(sys.argv) > 1:
    os.environ["FIZEAU_BUILD"] = sys.argv[1]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "testlib"))
from suite import Fizeaud, fizeau_json  # noqa: E402

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
LIMITS = "ike off\nlimit anyone packets none\nlimit anyone rate none\nlimit anyone bandwidth none\nlimit anyone storage 1G"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def peak_octets(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


def main():
    with Fizeaud(LIMITS) as server:
        pid = server.process.pid
        measured = fizeau_json("oneway", "--to", "-c", COUNT, "-i", "50us", "-w", "1s", server.owamp_target, timeout=300)
        used = cpu_seconds(pid)
        [sent] = measured["sessions"]
        size = os.path.getsize(os.path.join(server.storage, sent["sid"]))
        began = time.monotonic()
        [fetched] = fizeau_json("fetch", server.owamp_target, sent["sid"], timeout=300)["sessions"]
        took = time.monotonic() - began
        counters, peak = server.status()["counters"], peak_octets(pid)
    packets = fetched["packets"]
    print(f"sent {sent['packets']['sent']}, skipped {sent['packets']['skipped']}, recorded {counters['packets_recorded']}, "
          f"fetched {packets['received']} received and {packets['lost']} lost, "
          f"socket full {counters['dropped_receive']}")
    print(f"fizeaud: {used:.1f} s of CPU, {peak} octets at most; file {size} octets; fetch and summary {took:.2f} s")
    good = packets["received"] + packets["duplicates"] == counters["packets_recorded"] and \
        packets["received"] + packets["lost"] == sent["packets"]["sent"] and counters["dropped_receive"] == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
