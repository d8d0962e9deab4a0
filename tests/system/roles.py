#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who is who: clients that were the IKE responder, SPIs that follow the IKE roles, several IKE_SAs with one peer, several peers behind one
address, peers that move, and IPv6."""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.gateway import Gateway, certified, charon_missing, ippm_missing  # noqa: E402
from testlib.ikedpair import VICI, Authority, Iked, IkedPair, ask, iked_missing, swanctl_missing, until  # noqa: E402
from testlib.keyed import Running, keyed, measure, measure_one_way, refused, server, swapped  # noqa: E402
from testlib.suite import Fizeaud, Netns, Suite, fizeau_json, namespaces_work, skip_all  # noqa: E402

MODES = ("authenticated", "encrypted", "mixed")


def spis(key):
    return key["spi_i"], key["spi_r"]


def established(daemon):
    return [sa for sa in ask(daemon.socket, list=1)[1] if sa["state"] == "established"]


def agreed(pair, **patience):
    """Waits until both ends have the same living SAs; as a tells them, the newest first."""
    def same():
        a, b = established(pair.a), established(pair.b)
        return a and {spis(sa) for sa in a} == {spis(sa) for sa in b} and a
    return until(same, "both ends with the same IKE_SAs", **patience)


#= rfc7717#section-5.3 IK-5.3-04 IK-5.3-05
def both_directions(suite):
    with suite.case("whoever initiated, rekeyed or measures: the KeyID has SPIi of the IKE initiator first"):
        with IkedPair(more=VICI) as pair, server(pair) as at_b, server(swapped(pair)) as at_a:
            rounds = [lambda: pair.initiate(), lambda: pair.b.swanctl("--rekey", "--ike", "a"),
                      lambda: pair.a.swanctl("--rekey", "--ike", "b")]
            seen, initiators = set(), []
            for one_round in rounds:
                one_round()
                until(lambda: len(agreed(pair)) == 1 and spis(agreed(pair)[0]) not in seen, "the SA of this round")
                sa = agreed(pair)[0]
                seen.add(spis(sa))
                own = re.search(r"([0-9a-f]{16})_i(\*?)", pair.a.swanctl("--list-sas"))
                assert own.group(1) == sa["spi_i"], (own.group(0), sa)
                initiators.append("a" if own.group(2) else "b")
                for mode in MODES:
                    assert spis(keyed(measure(pair, at_b.target, "--ike", "require", "-m", mode))) == spis(sa)
                    assert spis(keyed(measure(swapped(pair), at_a.target, "--ike", "require", "-m", mode))) == spis(sa)
                for mode in ("authenticated", "encrypted"):
                    assert spis(keyed(measure_one_way(pair, at_b, "--ike", "require", "-m", mode))) == spis(sa)
                    assert spis(keyed(measure_one_way(swapped(pair), at_a, "--ike", "require", "-m", mode))) == spis(sa)
            assert initiators == ["a", "b", "a"], initiators


def several_with_one_peer(suite):
    with suite.case("four IKE_SAs with one peer, two from each side: any of them serves, the newest first"):
        with IkedPair(more=VICI) as pair, server(pair) as at_b, server(swapped(pair)) as at_a:
            for daemon, name in ((pair.a, "b"), (pair.b, "a"), (pair.a, "b"), (pair.b, "a")):
                head, _ = ask(daemon.socket, initiate=1, connection=name, another=1, timeout_ms=20000)
                assert head["errno"] == "0", head
            assert len(agreed(pair)) == 4
            with Running(pair, at_b) as running:
                for left in (4, 3, 2, 1):
                    sas = agreed(pair)
                    assert len(sas) == left
                    key = keyed(measure(pair, at_b.target, "--ike", "require"))
                    assert spis(key) == spis(sas[0]), (key, sas)
                    assert spis(keyed(measure(swapped(pair), at_a.target, "--ike", "require"))) in map(spis, sas)
                    number = re.search(r"#(\d+),[^\n]*" + key["spi_i"], pair.a.swanctl("--list-sas")).group(1)
                    pair.a.swanctl("--terminate", "--ike-id", number)
                    until(lambda: len(established(pair.b)) == left - 1, "the deletion")
                refused(measure(pair, at_b.target, "--ike", "require"), "no IKE SA")
                running.noticed_nothing()
    with suite.case("both ends initiate at the same moment: both can measure at once, and have the same SAs, with one key each"):
        with IkedPair(more="dpd 1s") as pair, server(pair) as at_b, server(swapped(pair)) as at_a:
            threads = [threading.Thread(target=ask, args=(daemon.socket,), kwargs={"initiate": 1, "connection": name})
                       for daemon, name in ((pair.a, "b"), (pair.b, "a"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            keyed(measure(pair, at_b.target, "--ike", "require"))
            keyed(measure(swapped(pair), at_a.target, "--ike", "require"))
            # Who begins says INITIAL_CONTACT, and at the other end that may end the SA that has just come up the other way. Who has
            # it still finds out by dead peer detection, when it has sent its question for the last time.
            for sa in agreed(pair, seconds=120):
                found = [ask(d.socket, lookup=1, spi_i=sa["spi_i"], spi_r=sa["spi_r"])[1][0]["key"] for d in pair.daemons]
                assert found[0] == found[1]


def ipv6(suite, ns):
    with suite.case("IPv6, both on ::1"), IkedPair("::1", "::1") as pair, server(pair) as daemon:
        sa = pair.initiate()
        for mode in MODES:
            assert spis(keyed(measure(pair, daemon.target, "--ike", "require", "-m", mode))) == spis(sa)
    if not ns:
        suite.skip("IPv6 between two hosts, without an SA at first", "needs root and network namespaces")
        return
    with suite.case("IPv6 between two hosts, without an SA at first"):
        ns.link("v", "fd78::1/64", "w", "fd78::2/64")
        for name in "vw":
            until(lambda n=name: not subprocess.run(["ip", "-n", ns[n], "-6", "address", "show", "tentative"], capture_output=True,
                                                    check=True).stdout, "duplicate address detection")
        with IkedPair("fd78::1", "fd78::2", netns_a=ns["v"], netns_b=ns["w"]) as pair, \
                Fizeaud(f"ike socket {pair.b.socket}\npbkdf2-count 1024", "fd78::2", ns["w"], 862) as daemon:
            result = fizeau_json("twoway", "-c", 20, "-i", "2ms", "-w", "500ms", "--ike", "initiate", "--ike-socket", pair.a.socket,
                                 daemon.target, netns=ns["v"])
            assert result["key"]["source"] == "ikev2" and result["sessions"][0]["packets"]["lost"] == 0, result
            assert established(pair.b)[0]["remote_host"] == "fd78::1", established(pair.b)


NAT = """table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "to-b" masquerade
  }
}
"""


def behind_nat(suite, ns):
    """Two hosts behind one address of a router, and b outside."""
    for n, name in enumerate(("a", "c")):
        ns.link(name, f"10.77.{n}.2/24", "router", f"10.77.{n}.1/24")
        ns.ip("-n", ns[name], "route", "add", "default", "via", f"10.77.{n}.1")
    ns.link("router", "10.77.9.1/24", "b", "10.77.9.2/24")
    subprocess.run(["ip", "netns", "exec", ns["router"], "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    subprocess.run(["ip", "netns", "exec", ns["router"], "nft", "-f", "-"], input=NAT, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        authority, daemons = Authority(folder), {}
        for name, address in (("a", "10.77.0.2"), ("c", "10.77.1.2"), ("b", "10.77.9.2")):
            home = os.path.join(folder, name)
            os.mkdir(home, 0o700)
            identity = f"{name}.example.org"
            authority.issue(identity, home)
            peers = "peer any id *.example.org name any\n" if name == "b" else "peer 10.77.9.2 id b.example.org name b\n"
            conf = (f"local {address}\nid {identity}\nsocket ike.sock\ncertificate {identity}.crt\nkey {identity}.key\n"
                    f"ca ../ca.crt\n{peers}")
            daemons[name] = Iked(home, conf, address, identity, 4500, netns=ns[name])
            stack.callback(daemons[name].stop)
            daemons[name].start()
        conf = (f"ike socket {daemons['b'].socket}\npbkdf2-count 1024\nclass first ike-id a.example.org\n"
                "class second ike-id c.example.org\n")
        daemon = stack.enter_context(Fizeaud(conf, "10.77.9.2", ns["b"], 862))
        with suite.case("two peers behind one NAT address: each has its own SA, its own class and its own name in the log"):
            keys = {}
            for name in "ac":
                result = fizeau_json("twoway", "-c", 20, "-i", "2ms", "-w", "500ms", "--ike", "initiate", "--ike-socket",
                                     daemons[name].socket, daemon.target, netns=ns[name])
                assert result["sessions"][0]["packets"]["lost"] == 0, result
                keys[name] = result["key"]
            for name in "acac":  # by turns, now that both are there
                result = fizeau_json("twoway", "-c", 3, "-i", "2ms", "-w", "500ms", "--ike", "require", "--ike-socket",
                                     daemons[name].socket, daemon.target, netns=ns[name])
                assert spis(result["key"]) == spis(keys[name]), (result["key"], keys)
            known = established(daemons["b"])
            assert {sa["remote_host"] for sa in known} == {"10.77.9.1"}, known
            assert {sa["remote_id"] for sa in known} == {"a.example.org", "c.example.org"}, known
            log = daemon.log()
            for name, of_class in (("a", "first"), ("c", "second")):
                lines = [line for line in log.splitlines() if f"/{keys[name]['spi_r']}" in line and "set up:" in line]
                assert len(lines) == 3 and all(f"class {of_class}" in line and f"{name}.example.org" in line for line in lines), log
                assert all("10.77.9.1:" in line for line in lines), lines


MOBILE = """connections {{
  peer {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    mobike = yes
    childless = allow
    local {{
      auth = pubkey
      certs = {here}.crt
      id = {here}
    }}
    remote {{
      auth = pubkey
      id = {there}
    }}
  }}
}}
"""


def moving(suite, ns):
    with suite.case("MOBIKE: the server's host moves to another address; the SA and its key follow, at both ends"), \
            Gateway(ns["m"], "a.example.org", "10.78.0.1") as a, Gateway(ns["n"], "b.example.org", "10.78.0.2") as b:
        ns.link("m", "10.78.0.1/24", "n", "10.78.0.2/24")
        certified((a, b))
        a.swanctl_conf(MOBILE.format(local="10.78.0.1", remote="%any", here=a.id, there=b.id))
        b.swanctl_conf(MOBILE.format(local="%any", remote="10.78.0.1", here=b.id, there=a.id))
        for gateway in (a, b):
            gateway.install_plugin()
            gateway.strongswan("charon/ippm.conf", "ippm {\n  load = yes\n}\n")
            gateway.start()
            gateway.swanctl("--load-all")
        b.swanctl("--initiate", "--ike", "peer")
        before = ask(a.path("charon.ippm"), lookup=1, remote_host="10.78.0.2")[1][0]
        ns.ip("-n", ns["n"], "address", "add", "10.78.0.22/24", "dev", "to-m")
        ns.ip("-n", ns["n"], "address", "del", "10.78.0.2/24", "dev", "to-m")
        # Removing the first address of a network may take the others along.
        ns.ip("-n", ns["n"], "address", "replace", "10.78.0.22/24", "dev", "to-m")
        after = until(lambda: ask(a.path("charon.ippm"), lookup=1, remote_host="10.78.0.22")[1], "MOBIKE")[0]
        assert spis(after) == spis(before) and after["key"] == before["key"]
        assert ask(a.path("charon.ippm"), lookup=1, remote_host="10.78.0.2")[0]["errno"] == "2"
        until(lambda: ask(b.path("charon.ippm"), list=1)[1][0]["local_host"] == "10.78.0.22", "MOBIKE at its own end")
        with Fizeaud("pbkdf2-count 1024", "10.78.0.22", b.inside, 862) as daemon:
            result = fizeau_json("twoway", "-c", 20, "-i", "2ms", "-w", "500ms", "--ike", "require", daemon.target, netns=a.inside)
            assert spis(result["key"]) == spis(before) and result["sessions"][0]["packets"]["lost"] == 0, result


def main():
    reason = iked_missing() or swanctl_missing()
    if reason:
        skip_all(reason)
    suite = Suite()
    both_directions(suite)
    several_with_one_peer(suite)
    names = "two peers behind one NAT address", "MOBIKE"
    if os.geteuid() != 0 or not namespaces_work():
        ipv6(suite, None)
        for name in names:
            suite.skip(name, "needs root and network namespaces")
        suite.done()
    with Netns("a", "b", "c", "m", "n", "router", "v", "w") as ns:
        ipv6(suite, ns)
        if shutil.which("nft"):
            behind_nat(suite, ns)
        else:
            suite.skip(names[0], "needs nft")
        missing = charon_missing() or ippm_missing()
        if missing and "sanitizer" in missing:
            print(f"# not a case of this build: {missing}")
        elif missing:
            suite.skip(names[1], missing)
        else:
            moving(suite, ns)
    suite.done()


if __name__ == "__main__":
    main()
