#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client behind a NAT that rewrites its address and ports: client - router - server, each a network namespace."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from testlib.suite import Fizeaud, Netns, Suite, fizeau_json, namespaces_work, private_file, skip_all  # noqa: E402

NAT = """table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "to-server" ip protocol tcp masquerade
    oifname "to-server" ip protocol udp masquerade to :41000-41999
  }
}
"""


def nftables(netns, rules):
    subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", "-"], input=rules, text=True, check=True)


def main():
    if os.getuid() != 0 or not shutil.which("nft") or not namespaces_work():
        skip_all("needs root, network namespaces and nft")
    suite = Suite()
    with Netns("client", "router", "server") as ns, tempfile.TemporaryDirectory() as folder:
        ns.link("client", "10.77.1.2/24", "router", "10.77.1.1/24")
        ns.link("router", "10.77.2.1/24", "server", "10.77.2.2/24")
        ns.ip("-n", ns["client"], "route", "add", "default", "via", "10.77.1.1")
        subprocess.run(["ip", "netns", "exec", ns["router"], "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        nftables(ns["router"], NAT)
        keys = private_file(folder, "keys", "joe a passphrase\n")
        with Fizeaud(f"keys {keys}\nike off\npbkdf2-count 1024\nstorage {folder}", "10.77.2.2", ns["server"], 862) as server:
            for mode in ("open", "authenticated", "encrypted", "mixed"):
                #= rfc5357#section-3.5 TW-3.5-11
                with suite.case(f"{mode}: address and port rewritten by NAT"):
                    result = fizeau_json("twoway", "-c", 20, "-i", "5ms", "-w", "500ms", "-m", mode, "--ike", "off",
                                         "-k", "joe", "--keys", keys, server.target, netns=ns["client"])
                    session = result["sessions"][0]
                    assert session["packets"]["received"] == 20, session["packets"]
                    assert "10.77.1.2" in session["local"], session["local"]
            for mode in ("open", "authenticated", "encrypted"):
                with suite.case(f"OWAMP, {mode}: packets to the server through the NAT"):
                    result = fizeau_json("oneway", "--to", "-c", 20, "-i", "5ms", "-w", "500ms", "-m", mode, "--ike",
                                         "off", "-k", "joe", "--keys", keys, server.owamp_target, netns=ns["client"])
                    session, = result["sessions"]
                    assert session["packets"]["received"] == 20, session["packets"]
                    assert session["ttl"] == {"min": 254, "max": 254}, session["ttl"]
    suite.done()


if __name__ == "__main__":
    main()
