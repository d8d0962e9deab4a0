#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Inside and outside of a real ESP tunnel (RFC 7717 section 5.4): two hosts with the distribution's charon, whose kernel-libipsec
carries ESP over a TUN device. What was ESP and what was not, a capture of the link between them tells."""
import collections
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.gateway import Gateway, certified, charon_missing, ippm_missing, libipsec_missing  # noqa: E402
from testlib.ikedpair import until  # noqa: E402
from testlib.suite import FIZEAUD, Fizeaud, Netns, Suite, fizeau, fizeau_json, namespaces_work, private_file, skip_all  # noqa: E402

A, B, C = "10.78.0.1", "10.78.0.2", "10.78.0.3"
COUNT = 20
INJECTED = 30
# Both ends on one link, and the tunnel between just these addresses: marked packets go around it.
TUNNEL = """connections {{
  {name} {{
    version = 2
    local_addrs = {here}
    remote_addrs = {there}
    local {{
      auth = pubkey
      certs = {here_id}.crt
      id = {here_id}
    }}
    remote {{
      auth = pubkey
      id = {there_id}
    }}
    children {{
      {name} {{
        local_ts = {here}
        remote_ts = {there}
        esp_proposals = aes128gcm16
      }}
    }}
  }}
}}
"""
SIX = {A: "2001:db8:78::1", B: "2001:db8:78::2"}
LIBIPSEC = {
    "charon/kernel-libipsec.conf": "kernel-libipsec {\n  load = 10\n  allow_peer_ts = yes\n}\n",
    "charon/kernel-netlink.conf": "kernel-netlink {\n  load = yes\n  fwmark = !0x42\n}\n",
    "charon/socket-default.conf": "socket-default {\n  load = yes\n  fwmark = 0x42\n}\n",
}
CLONE_NEWNET = 0x40000000


def in_netns(netns, make):
    """What make returns, called in a thread that has entered the namespace: sockets stay there."""
    found = []

    def enter():
        with open(f"/run/netns/{netns}", "rb") as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        found.append(make())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return found[0]


Frame = collections.namedtuple("Frame", "source target protocol ports payload")


class Capture:
    """Every IP packet that an interface of a namespace sends or takes, from enter to exit."""

    def __init__(self, netns, interface):
        self.netns, self.interface, self.frames, self.ended = netns, interface, [], False

    def __enter__(self):
        def make():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind((self.interface, 0x0003))
            s.settimeout(0.2)
            return s
        self.socket = in_netns(self.netns, make)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        return self

    def read(self):
        while True:
            try:
                data = self.socket.recv(65535)
            except TimeoutError:
                if self.ended:
                    return
                continue
            if len(data) >= 20 and data[0] >> 4 == 4:
                self.add(socket.AF_INET, data[12:16], data[16:20], data[9], data[(data[0] & 15) * 4:])
            elif len(data) >= 40 and data[0] >> 4 == 6 and data[6] != 58:  # but for neighbour discovery
                self.add(socket.AF_INET6, data[8:24], data[24:40], data[6], data[40:])

    def add(self, family, source, target, protocol, payload):
        ports = struct.unpack_from("!HH", payload) if protocol in (6, 17) and len(payload) >= 4 else (0, 0)
        self.frames.append(Frame(socket.inet_ntop(family, source), socket.inet_ntop(family, target), protocol, ports, payload))

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.socket.close()

    def kinds(self):
        """Packets by what they are: esp, ike, tcp (in clear), udp (in clear)."""
        count = collections.Counter()
        for frame in self.frames:
            if frame.protocol == 17 and frame.ports[0] in (500, 4500) and frame.ports[1] in (500, 4500):
                # RFC 3948: four octets of zero mark IKE on port 4500, one octet of 0xff a keep-alive.
                payload = frame.payload[8:]
                marked = 4500 in frame.ports and payload[:4] != b"\0\0\0\0" and len(payload) > 1
                count["esp" if marked else "ike"] += 1
            elif frame.protocol == 50:
                count["esp"] += 1
            else:
                count[{6: "tcp", 17: "udp"}.get(frame.protocol, "other")] += 1
        return count

    def udp(self):
        return [frame for frame in self.frames if frame.protocol == 17 and not set(frame.ports) & {500, 4500}]


def tell(name, capture):
    print(f"# {name}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(capture.kinds().items())))


def all_back(result, count=COUNT):
    packets = result["sessions"][0]["packets"]
    assert packets["sent"] == packets["received"] == count, packets
    return result


def twoway(host, *args, status=0):
    return fizeau_json("twoway", "-c", COUNT, "-i", "5ms", "-w", "2s", *args, f"{B}:862", netns=host.inside, status=status)


def counter(server, name):
    return server.status()["counters"][name]


def test_port(server):
    """Of the only session that runs."""
    return until(lambda: [s["port"] for s in server.status()["sessions"] if s["state"] == "running"], "a session")[0]


def open_mode_inside(suite, a, server, link):
    #= rfc7717#section-5.4 IK-5.4-01
    with suite.case("open mode through the tunnel: nothing of it is in clear on the link"):
        with Capture(*link) as capture:
            result = all_back(twoway(a, "-m", "open", "--ike", "off"))
        assert result["sessions"][0]["bypass_ipsec_mark"] is None
        tell("open, inside", capture)
        kinds = capture.kinds()
        assert kinds["tcp"] == kinds["udp"] == 0, kinds
        # Each test packet and its reflection, and the control connection.
        assert kinds["esp"] >= 2 * COUNT + 10, kinds


def keyed_outside(suite, a, server, link, key):
    with suite.case("keyed, with --bypass-ipsec: every test packet is in clear on the link, the control connection is ESP"):
        with Capture(*link) as capture:
            result = all_back(twoway(a, "-m", "encrypted", "--bypass-ipsec", *key))
        tell("keyed, outside", capture)
        session = result["sessions"][0]
        assert session["bypass_ipsec_mark"] == 0x42
        ports = {int(session["local"].rsplit(":", 1)[1]), int(session["remote"].rsplit(":", 1)[1])}
        seen = [frame for frame in capture.udp() if set(frame.ports) == ports]
        there = [frame for frame in seen if frame.source == A]
        assert len(there) == COUNT and len(seen) == 2 * COUNT, (len(there), len(seen))
        assert len(capture.udp()) == 2 * COUNT and capture.kinds()["tcp"] == 0, capture.kinds()
        assert capture.kinds()["esp"] >= 10, capture.kinds()

    with suite.case("keyed, without it: inside, as ever"):
        with Capture(*link) as capture:
            # The class sends its reflections around the tunnel; what this end sends goes through it.
            all_back(twoway(a, "-m", "encrypted", *key))
        tell("keyed, inside there, outside back", capture)
        assert [frame.source for frame in capture.udp()] == [B] * COUNT, capture.kinds()

    with suite.case("another mark, which no rule knows: it does not go around, and is told so"):
        with Capture(*link) as capture:
            run = fizeau("twoway", "-m", "encrypted", "--bypass-ipsec=0x77", "-c", COUNT, "-i", "5ms", *key, f"{B}:862",
                         netns=a.inside)
        assert run.returncode == 0 and "the tunnel ipsec0" in run.stderr and "0x77" in run.stderr, run
        assert [frame for frame in capture.udp() if frame.source == A] == [], capture.kinds()


def without_the_right(suite, a, server):
    with suite.case("without CAP_NET_ADMIN: exit 2 and a line that says so, before anything is sent"):
        before = counter(server, "connections")
        run = fizeau("twoway", "--bypass-ipsec", "-m", "open", "--ike", "off", f"{B}:862",
                     netns=lambda command: a.inside(["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]))
        assert run.returncode == 2 and "CAP_NET_ADMIN" in run.stderr and run.stderr.count("\n") == 1, run
        assert counter(server, "connections") == before


def required(suite, a, c, server, link):
    with suite.case("require-ipsec: open mode from inside is measured"):
        with Capture(*link) as capture:
            all_back(twoway(a, "-m", "open", "--ike", "off"))
        assert capture.kinds()["udp"] == capture.kinds()["tcp"] == 0, capture.kinds()
        assert counter(server, "dropped_not_ipsec") == 0

    with suite.case("require-ipsec: a peer outside of the tunnel is refused, Accept 1, and the log says why"):
        run = fizeau("twoway", "-m", "open", "--ike", "off", f"{B}:862", netns=c)
        assert run.returncode == 1 and "Accept 1" in run.stderr, run
        assert "requires IPsec" in server.log() and C in server.log(), server.log()
        assert counter(server, "refused_not_ipsec") == 1

    with suite.case("require-ipsec: a connection from the peer's own address around the tunnel is refused"):
        with in_netns(a.netns, marked_tcp) as s:
            s.settimeout(10)
            s.bind((A, 0))
            s.connect((B, 862))
            greeting = receive(s, 64)
            assert struct.unpack_from("!I", greeting, 12)[0] & 1, greeting
            s.sendall(struct.pack("!I", 1) + bytes(160))
            start = receive(s, 48)
            assert start[15] == 1, start.hex()
        assert counter(server, "refused_not_ipsec") == 2

    with suite.case("require-ipsec: packets around the tunnel for a session inside are dropped and counted"):
        with Capture(*link) as capture:
            port = inject(a, server)
        tell("injected outside", capture)
        seen = [frame for frame in capture.udp() if frame.ports[1] == port]
        assert len(seen) == len(capture.udp()) == INJECTED, "all of them were in clear, and none came back in clear"

    with suite.case("require-ipsec: modes with a key are not concerned"):
        all_back(fizeau_json("twoway", "-c", COUNT, "-i", "5ms", "-w", "2s", "-m", "authenticated", "--ike", "off", "-k", "joe",
                             "--keys", server.keys, f"{B}:862", netns=c))


def inject(a, server):
    """Open test packets from the peer's own address, but around the tunnel, during a measurement inside; the port they go to."""
    results = []
    thread = threading.Thread(target=lambda: results.append(fizeau_json(
        "twoway", "-m", "open", "--ike", "off", "-c", 200, "-i", "10ms", "-w", "2s", f"{B}:862", netns=a.inside)))
    thread.start()
    port = test_port(server)
    with in_netns(a.netns, marked_udp) as s:
        s.bind((A, 0))
        for n in range(INJECTED):
            s.sendto(struct.pack("!IIIH", n, 1, 1, 1) + bytes(27), (B, port))
            time.sleep(0.01)
    thread.join()
    packets = results[0]["sessions"][0]["packets"]
    assert packets["sent"] == packets["received"] == 200 and packets["duplicates"] == 0, packets
    assert counter(server, "dropped_not_ipsec") == INJECTED, server.status()["counters"]
    return port


def marked(kind):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x42)
    return s


def marked_tcp():
    return marked(socket.SOCK_STREAM)


def marked_udp():
    return marked(socket.SOCK_DGRAM)


def receive(s, octets):
    data = b""
    while len(data) < octets:
        more = s.recv(octets - len(data))
        assert more, f"closed after {len(data)} octets"
        data += more
    return data


def six(suite, a, serve, link):
    args = ("-c", COUNT, "-i", "5ms", "-w", "2s", "-m", "open", "--ike", "off", f"[{SIX[B]}]:862")
    with serve("limit anyone require-ipsec yes\nipsec interface ipsec0\n", SIX[B]) as server, \
            suite.case("IPv6, require-ipsec: from inside; packets around the tunnel are not taken"):
        with Capture(*link) as capture:
            all_back(fizeau_json("twoway", *args, netns=a.inside))
        tell("IPv6, open, inside", capture)
        assert capture.kinds()["udp"] == capture.kinds()["tcp"] == 0, capture.kinds()
        with Capture(*link) as capture:
            result = fizeau_json("twoway", "--bypass-ipsec", *args, netns=a.inside, status=1)
        assert result["sessions"][0]["packets"]["received"] == 0
        assert [frame.source for frame in capture.udp()] == [SIX[A]] * COUNT, capture.kinds()
        assert counter(server, "dropped_not_ipsec") == COUNT
    with serve("limit anyone bypass-ipsec yes\n", SIX[B]), suite.case("IPv6, around the tunnel both ways"):
        with Capture(*link) as capture:
            all_back(fizeau_json("twoway", "--bypass-ipsec", *args, netns=a.inside))
            assert "tunnel" not in fizeau("twoway", "--bypass-ipsec", *args[:-1], "-q", args[-1], netns=a.inside).stderr
        tell("IPv6, open, outside", capture)
        assert len(capture.udp()) == 4 * COUNT and capture.kinds()["tcp"] == 0, capture.kinds()


def comes_and_goes(suite, a, b, serve):
    with serve("limit anyone require-ipsec yes\nipsec interface ipsec0\n"), \
            suite.case("the IKE daemons are restarted, and with them the interface: the daemon knows the new one"):
        all_back(twoway(a, "-m", "open", "--ike", "off"))
        for gateway in (a, b):
            gateway.restart()
            gateway.swanctl("--load-all")
        a.swanctl("--initiate", "--child", "v4")
        all_back(twoway(a, "-m", "open", "--ike", "off"))


def one_way(suite, a, c, serve, link, key):
    def oneway(host, *args, status=0):
        return fizeau_json("oneway", "-c", COUNT, "-i", "5ms", "-w", "2s", *args, f"{B}:861", netns=host, status=status)

    def arrived(result):
        for session in result["sessions"]:
            assert session["packets"]["sent"] == session["packets"]["received"] == COUNT, session["packets"]
        assert len(result["sessions"]) == 2

    with serve("limit anyone require-ipsec yes\nipsec interface ipsec0\n") as server, \
            suite.case("OWAMP, require-ipsec: from inside both ways, from outside neither"):
        with Capture(*link) as capture:
            arrived(oneway(a.inside, "-m", "open", "--ike", "off"))
        tell("OWAMP, open, inside", capture)
        assert capture.kinds()["udp"] == capture.kinds()["tcp"] == 0, capture.kinds()
        run = fizeau("oneway", "-m", "open", "--ike", "off", f"{B}:861", netns=c)
        assert run.returncode == 1 and "Accept 1" in run.stderr, run
        assert counter(server, "dropped_not_ipsec") == 0 and counter(server, "refused_not_ipsec") == 1
    with serve("limit anyone require-ipsec yes\nipsec interface not-this\n") as server, \
            suite.case("OWAMP, require-ipsec: another interface is another interface"):
        run = fizeau("oneway", "-m", "open", "--ike", "off", f"{B}:861", netns=a.inside)
        assert run.returncode == 1 and "Accept 1" in run.stderr, run
    with serve("limit anyone bypass-ipsec yes\n"), suite.case("OWAMP, keyed, with --bypass-ipsec: test packets in clear, both ways"):
        with Capture(*link) as capture:
            arrived(oneway(a.inside, "-m", "encrypted", "--bypass-ipsec", *key))
        tell("OWAMP, keyed, outside", capture)
        assert len(capture.udp()) == 2 * COUNT and capture.kinds()["tcp"] == 0, capture.kinds()


def by_mark(suite, a, b, c, serve):
    """What the firewall marks has come through IPsec. Here it goes by the interface, for want of ESP in the kernel."""
    rules = """table inet fizeau {
  chain input {
    type filter hook prerouting priority mangle;
    CONDITION meta mark set 0x1
  }
}
"""
    with suite.case("ipsec mark: the rules of the man page load where the kernel has IPsec"):
        with open(os.path.join(os.path.dirname(__file__), "../../doc/man/fizeaud.conf.5"), encoding="utf-8") as f:
            page = f.read()
        b.run("nft", "-c", "-f", private_file(b.folder, "man.nft", page[page.index("table inet fizeau"):].split(".Ed")[0]))
    b.run("nft", "-f", private_file(b.folder, "rules.nft", rules.replace("CONDITION", 'iifname "ipsec0"')))
    conf = "limit anyone require-ipsec yes\nipsec mark 0x1/0xf\n"
    with serve(conf) as server, suite.case("ipsec mark: without the sysctl a line of the log says what will happen"):
        assert "net.ipv4.tcp_fwmark_accept" in server.log(), server.log()
        run = fizeau("twoway", "-m", "open", "--ike", "off", f"{B}:862", netns=a.inside)
        assert run.returncode == 1 and "Accept 1" in run.stderr, run
    b.run("sysctl", "-qw", "net.ipv4.tcp_fwmark_accept=1")
    with serve(conf) as server:
        with suite.case("ipsec mark: what is marked is measured, what is not is refused"):
            assert "net.ipv4.tcp_fwmark_accept" not in server.log(), server.log()
            all_back(twoway(a, "-m", "open", "--ike", "off"))
            run = fizeau("twoway", "-m", "open", "--ike", "off", f"{B}:862", netns=c)
            assert run.returncode == 1 and "Accept 1" in run.stderr, run
            assert counter(server, "dropped_not_ipsec") == 0 and counter(server, "refused_not_ipsec") == 1
        with suite.case("ipsec mark: packets around the tunnel are dropped and counted"):
            inject(a, server)
    b.run("nft", "delete", "table", "inet", "fizeau")


def rights(suite, b, folder):
    """Of fizeaud itself."""
    def conf(name, lines):
        return private_file(folder, name, f"listen twamp {B} 8620\ncontrol {folder}/{name}.ctl\nike off\n{lines}")

    def log_of(name):
        with open(os.path.join(folder, f"{name}.log")) as f:
            return f.read()

    def start(path, log):
        return subprocess.Popen(b.inside([FIZEAUD, "-f", "-v", "-c", path]), stdout=log, stderr=log)

    with suite.case("fizeaud as its user keeps CAP_NET_ADMIN for bypass-ipsec, and nothing else"):
        path = conf("kept", "user nobody\nlimit anyone bypass-ipsec yes\n")
        with open(os.path.join(folder, "kept.log"), "w") as log:
            process = start(path, log)
        try:
            until(lambda: " serves " in log_of("kept") or process.poll() is not None, "fizeaud")
            with open(f"/proc/{process.pid}/status") as f:
                lines = dict(line.strip().split(":\t", 1) for line in f if ":\t" in line)
            assert lines["Uid"].split()[0] != "0", lines["Uid"]
            assert int(lines["CapEff"], 16) == int(lines["CapPrm"], 16) == 1 << 12, lines
            all_back(fizeau_json("twoway", "-c", COUNT, "-i", "5ms", "-w", "2s", "-m", "open", "--ike", "off", f"{B}:8620",
                                 netns=b.inside))
        finally:
            process.terminate()
            process.wait(20)

    with suite.case("a configuration that asks for it when the right is gone: the old one stays, and the log says why"):
        path = conf("gone", "user nobody\n")
        with open(os.path.join(folder, "gone.log"), "w") as log:
            process = start(path, log)
        try:
            until(lambda: " serves " in log_of("gone") or process.poll() is not None, "fizeaud")
            with open(f"/proc/{process.pid}/status") as f:
                assert "CapEff:\t0000000000000000\n" in f.read()
            os.chmod(folder, 0o711)
            conf("gone", "user nobody\nlimit anyone bypass-ipsec yes\n")
            os.chmod(path, 0o644)
            process.send_signal(signal.SIGHUP)
            until(lambda: "the old one stays" in log_of("gone") or process.poll() is not None, "reading again")
            assert "CAP_NET_ADMIN" in log_of("gone") and "limit anyone bypass-ipsec" in log_of("gone"), log_of("gone")
        finally:
            process.terminate()
            process.wait(20)

    with suite.case("fizeaud without the right does not start with such a class: exit 2"):
        path = conf("never", "user -\nlimit anyone bypass-ipsec yes\n")
        run = subprocess.run(b.inside(["setpriv", "--bounding-set=-all", "--inh-caps=-all", FIZEAUD, "-f", "-c", path]),
                             capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 2 and "CAP_NET_ADMIN" in run.stderr, run


def policies(suite, here, there, prefix):
    """The kernel's own IPsec, as far as it goes without ESP: policies that let UDP between two hosts through an SA only. There is
    none, so what does not go around is held back; what does goes in clear."""
    target = f"[{there}]:862" if ":" in there else f"{there}:862"
    with Netns("p", "q") as ns:
        ns.ip("-n", ns["p"], "link", "add", "to-q", "type", "veth", "peer", "name", "to-p", "netns", ns["q"])
        for name, device, address in (("p", "to-q", here), ("q", "to-p", there)):
            ns.single(ns[name], device)
            ns.ip("-n", ns[name], "address", "add", f"{address}/{prefix}", "dev", device, *(["nodad"] if ":" in address else []))
            ns.ip("-n", ns[name], "link", "set", device, "up")
        try:
            for name, own, other in (("p", here, there), ("q", there, here)):
                for direction, source, goal in (("out", own, other), ("in", other, own)):
                    ns.ip("-n", ns[name], "xfrm", "policy", "add", "src", source, "dst", goal, "proto", "udp", "dir", direction,
                          "tmpl", "proto", "esp", "mode", "transport")
        except subprocess.CalledProcessError:
            suite.skip(f"policies of the kernel, {here}", "this kernel has no XFRM")
            return
        args = ("-c", COUNT, "-i", "5ms", "-w", "500ms", "-m", "open", "--ike", "off", target)
        link = (ns["q"], "to-p")
        with Fizeaud("ike off\n", there, ns["q"], 862) as server:
            with suite.case(f"{here}, a policy that wants ESP: without an SA no test packet leaves"):
                with Capture(*link) as capture:
                    assert fizeau("twoway", *args, netns=ns["p"]).returncode == 1
                assert capture.udp() == [], capture.kinds()
            with suite.case(f"{here}, --bypass-ipsec: in clear, and the policy of a server that does not go around drops them"):
                with Capture(*link) as capture:
                    result = fizeau_json("twoway", "--bypass-ipsec", *args, netns=ns["p"], status=1)
                assert result["sessions"][0]["packets"]["received"] == 0, result["sessions"][0]["packets"]
                assert [frame.source for frame in capture.udp()] == [here] * COUNT, capture.kinds()
                assert counter(server, "packets_received") == 0
        with Fizeaud("ike off\nlimit anyone bypass-ipsec yes\n", there, ns["q"], 862):
            with suite.case(f"{here}, --bypass-ipsec, and a class with bypass-ipsec: measured in clear, whatever policies want"):
                with Capture(*link) as capture:
                    all_back(fizeau_json("twoway", "--bypass-ipsec", *args, netns=ns["p"]))
                tell("around the kernel's policies", capture)
                assert len(capture.udp()) == 2 * COUNT and capture.kinds()["esp"] == 0, capture.kinds()


def main():
    for reason in (None if os.getuid() == 0 and namespaces_work() else "needs root and network namespaces",
                   charon_missing(), libipsec_missing()):
        if reason:
            skip_all(reason)
    keyed = ippm_missing()
    suite = Suite()
    with Netns("a", "b", "c", "switch") as ns, Gateway(ns["a"], "a.example.org", A) as a, \
            Gateway(ns["b"], "b.example.org", B) as b, tempfile.TemporaryDirectory() as folder:
        network(ns)
        certified((a, b))
        for here, there in ((a, b), (b, a)):
            for name, text in LIBIPSEC.items():
                here.strongswan(name, text)
            if keyed is None:
                here.install_plugin()
                here.strongswan("charon/ippm.conf", "ippm {\n  load = yes\n}\n")
            here.swanctl_conf("".join(TUNNEL.format(name=name, here=one, there=other, here_id=here.id, there_id=there.id)
                                      for name, one, other in (("v4", here.address, there.address),
                                                               ("v6", SIX[here.address], SIX[there.address]))))
            here.start()
            here.swanctl("--load-all")
        a.swanctl("--initiate", "--child", "v4")
        a.swanctl("--initiate", "--child", "v6")
        link = (ns["b"], "to-switch")
        passphrases = private_file(folder, "keys", "joe a passphrase of the two\n")
        key = ("--ike", "require") if keyed is None else ("--ike", "off", "-k", "joe", "--keys", passphrases)
        print(f"# keys: {keyed or 'from the IKE_SA of the tunnel'}")
        base = f"keys {passphrases}\npbkdf2-count 1024\n" + ("" if keyed is None else "ike off\n")

        def serve(conf, address=B):
            server = Fizeaud(base + conf, address, b.inside, 862, 861)
            server.keys = passphrases
            return server

        with serve("") as server:
            open_mode_inside(suite, a, server, link)
            without_the_right(suite, a, server)
        with serve("limit anyone bypass-ipsec yes\n") as server:
            keyed_outside(suite, a, server, link, key)
        with serve("limit anyone require-ipsec yes\nipsec interface ipsec0\n") as server:
            required(suite, a, ns["c"], server, link)
        one_way(suite, a, ns["c"], serve, link, key)
        six(suite, a, serve, link)
        by_mark(suite, a, b, ns["c"], serve)
        comes_and_goes(suite, a, b, serve)
        rights(suite, b, folder)
    policies(suite, "10.78.1.1", "10.78.1.2", 24)
    policies(suite, "2001:db8:79::1", "2001:db8:79::2", 64)
    suite.done()


def network(ns):
    """a, b and c on one switch: c sees nothing of the tunnel, and a and b see each other in clear but for IPsec."""
    ns.ip("-n", ns["switch"], "link", "add", "bridge0", "type", "bridge")
    ns.ip("-n", ns["switch"], "link", "set", "bridge0", "up")
    for name, address in (("a", A), ("b", B), ("c", C)):
        ns.link(name, f"{address}/24", "switch", "10.79.0.1/32")
        ns.ip("-n", ns["switch"], "address", "flush", "dev", f"to-{name}")
        ns.ip("-n", ns["switch"], "link", "set", f"to-{name}", "master", "bridge0")
        if address in SIX:
            ns.ip("-n", ns[name], "address", "add", f"{SIX[address]}/64", "dev", "to-switch", "nodad")


if __name__ == "__main__":
    main()
