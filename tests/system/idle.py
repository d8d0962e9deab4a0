#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A control connection says nothing during a test: that the kernel's questions whether the peer is still there go unanswered
for a while does not end the test."""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from testlib.suite import FIZEAU, Fizeaud, Netns, Suite, namespaces_work, skip_all  # noqa: E402

DEAF = """table inet deaf {
  counter probes { }
  chain input { type filter hook input priority 0; meta l4proto tcp counter name probes drop; }
}
"""
SECONDS = 60
SILENT_S = 46  # two probes of each end: after 30 and 40 s


def nft(netns, *args, **kwargs):
    return subprocess.run(["ip", "netns", "exec", netns, "nft", *args], check=True, text=True, capture_output=True, **kwargs)


def probes(netns):
    listed = json.loads(nft(netns, "-j", "list", "counter", "inet", "deaf", "probes").stdout)
    return next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry)


def main():
    if os.getuid() != 0 or not shutil.which("nft") or not namespaces_work():
        skip_all("needs root, network namespaces and nft")
    suite = Suite()
    with Netns("a", "b") as ns:
        ns.link("a", "10.79.1.1/24", "b", "10.79.1.2/24")
        with Fizeaud("ike off", "10.79.1.2", ns["b"]) as server, suite.case("two probes of each end are lost: the test runs on"):
            clients = [subprocess.Popen(["ip", "netns", "exec", ns["a"], FIZEAU, command, *more, "-m", "open", "-j", "-c", str(SECONDS),
                                         "-i", "1s", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                       for command, more, target in (("twoway", (), server.target), ("oneway", ("--to",), server.owamp_target))]
            for _ in range(400):
                if server.log().count("session") >= len(clients):
                    break
                time.sleep(0.025)
            time.sleep(1)
            for end in ("a", "b"):
                nft(ns[end], "-f", "-", input=DEAF)
            time.sleep(SILENT_S)
            for end in ("a", "b"):
                assert probes(ns[end]) >= 2 * len(clients), probes(ns[end])
                nft(ns[end], "delete", "table", "inet", "deaf")
            for client in clients:
                out, error = client.communicate(timeout=60)
                assert client.returncode == 0, (error, server.log())
                session, = json.loads(out)["sessions"]
                assert session["packets"]["received"] == SECONDS, session["packets"]
    suite.done()


if __name__ == "__main__":
    main()
