# SPDX-License-Identifier: MIT
"""fizeau-iked and the key service with real IKEv2 on loopback: no root, no namespace."""
import hashlib
import hmac
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from ikedpair import (Authority, IKED, Iked, IkedPair, KeyService, QUIET_LEAKS, ask, free_udp_port,  # noqa: E402
                      iked_missing, until, write)
from suite import Suite, skip_all  # noqa: E402

BUILD = os.environ.get("FIZEAU_BUILD", "build")
PLUGIN = os.path.abspath(os.path.join(BUILD, "plugin", "libstrongswan-ippm.so"))
FAKE_MARKER = os.path.abspath(os.path.join(BUILD, "tests", "system", "libfake_marker.so"))
CHARON = "/usr/sbin/charon-systemd"
SANITIZED = b"__asan_init" in open(IKED, "rb").read() if os.path.exists(IKED) else False

if iked_missing():
    skip_all(iked_missing())
suite = Suite()


class Relay:
    """Forwards UDP between two daemons that know each other under its addresses; look(number, data, from_a) says what to do
    with a datagram: True forwards it, False drops it."""

    def __init__(self, seen_a, seen_b, real_a, real_b, look):
        self.look, self.real, self.number, self.ended = look, (real_a, real_b), 0, False
        # What a sends to seen_b goes on to b from seen_a, and the other way round.
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for s, address in zip(self.sockets, (seen_b, seen_a)):
            s.bind(address)
            s.settimeout(0.2)
        self.threads = [threading.Thread(target=self.run, args=(side,)) for side in (0, 1)]
        for thread in self.threads:
            thread.start()

    def run(self, side):
        while not self.ended:
            try:
                data, _ = self.sockets[side].recvfrom(65535)
            except TimeoutError:
                continue
            self.number += 1
            if self.look(self.number, data, side == 0):
                self.sockets[1 - side].sendto(data, self.real[1 - side])

    def close(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        for s in self.sockets:
            s.close()


def spis(sa):
    return {"spi_i": sa["spi_i"], "spi_r": sa["spi_r"]}


def lookup(daemon, sa, wait_ms=0):
    """(errno, SA or None) by SPIs."""
    head, sas = ask(daemon.socket, lookup=1, **spis(sa), wait_ms=wait_ms)
    return head["errno"], sas[0] if sas else None


def established(daemon):
    _, sas = ask(daemon.socket, list=1)
    return [sa for sa in sas if sa["state"] == "established"]


#= rfc7717#section-5.1 IK-5.1-01 IK-5.1-04 IK-5.1-05
with suite.case("certificates: both ends have the same key, identities and SPIs"):
    with IkedPair() as pair:
        a = pair.initiate()
        head, sas = ask(pair.b.socket, lookup=1, remote_host="127.0.0.1")
        b = sas[0]
        assert head == {"errno": "0"} and len(sas) == 1, (head, sas)
        assert a["key"] == b["key"] and len(a["key"]) in (64, 96) and spis(a) == spis(b)
        assert (a["local_id"], a["remote_id"]) == ("a.example.org", "b.example.org") == (b["remote_id"], b["local_id"])
        assert (a["local_host"], a["remote_host"]) == ("127.0.0.1", "127.0.0.2") == (b["remote_host"], b["local_host"])
        assert a["auth"] == b["auth"] == "pubkey" and a["state"] == "established"
        assert (a["connection"], b["connection"]) == ("b", "a")
        assert lookup(pair.b, {"spi_i": a["spi_r"], "spi_r": a["spi_i"]})[0] == "2"
        assert ask(pair.a.socket, initiate=1, remote_host="127.0.0.2")[1][0] == a, "the SA that is up is taken"
        assert len(established(pair.a)) == 1
        assert "key" not in ask(pair.a.socket, list=1)[1][0]
        for daemon in pair.daemons:
            assert a["key"] not in daemon.log()
        assert pair.stop() == [0, 0]

with suite.case("pre-shared key, as a user without any right"):
    with IkedPair(auth="psk", user=65534 if os.geteuid() == 0 else None) as pair:
        a = pair.initiate()
        assert lookup(pair.b, a)[1]["key"] == a["key"] and a["auth"] == "psk"

with suite.case("IPv6, both on one address"):
    with IkedPair("::1", "::1") as pair:
        a = pair.initiate()
        assert a["remote_host"] == "::1" and lookup(pair.b, a)[1]["key"] == a["key"]

#= rfc7717#section-5.1 IK-5.1-03
for prf, octets, proposal in (("hmac-sha1", 20, "aes128-sha1-prfsha1-modp2048"),
                              ("hmac-sha2-256", 32, "aes128-sha256-prfsha256-ecp256"),
                              ("hmac-sha2-384", 48, "aes256gcm16-prfsha384-ecp384"),
                              ("hmac-sha2-512", 64, "aes256-sha512-prfsha512-modp2048"),
                              ("aes128-xcbc", 16, "aes128-sha256-prfaesxcbc-ecp256"),
                              ("aes128-cmac", 16, "aes128-sha256-prfaescmac-ecp256")):
    with suite.case(f"PRF {prf}"):
        with IkedPair(auth="psk", more=f"proposal {proposal}") as pair:
            a = pair.initiate()
            b = lookup(pair.b, a)[1]
            assert a["prf"] == b["prf"] == prf and a["key"] == b["key"] and len(a["key"]) == 2 * octets

#= rfc7717#section-5.1 IK-5.1-05
with suite.case("an unknown pair of SPIs is waited for until IKE_AUTH is through"):
    port, seen = free_udp_port("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"), {}
    held = threading.Event()

    def hold_auth(number, data, from_a):
        if not from_a and "spis" not in seen:
            # The answer to IKE_SA_INIT: after the non-ESP marker stand both SPIs.
            seen["spis"] = {"spi_i": data[4:12].hex(), "spi_r": data[12:20].hex()}
        elif from_a and "spis" in seen:
            return held.wait(20)
        return True

    with IkedPair(seen_a=("127.0.0.3", port), seen_b=("127.0.0.4", port), ports=(port, port)) as pair:
        relay = Relay(("127.0.0.3", port), ("127.0.0.4", port), ("127.0.0.1", port), ("127.0.0.2", port), hold_auth)
        try:
            with KeyService(pair.a.socket) as client, KeyService(pair.b.socket) as server:
                client.send(initiate=1, remote_host="127.0.0.4", timeout_ms=30000)
                until(lambda: "spis" in seen, "IKE_SA_INIT")
                assert server.ask(lookup=1, **seen["spis"])[0]["errno"] == "2", "not before the peer is authenticated"
                server.send(lookup=1, wait_ms=10000, **seen["spis"])
                time.sleep(0.3)
                held.set()
                head, sas = server.receive()
                assert head["errno"] == "0", head
                assert client.receive()[1][0]["key"] == sas[0]["key"]
        finally:
            held.set()
            relay.close()

with suite.case("a lost answer to rekeying: whatever SA one end names, the other knows"):
    port, lost = free_udp_port("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"), []

    def lose(number, data, from_a):
        create_child_sa = len(data) > 24 and data[22] == 36  # exchange type, after the marker
        if create_child_sa and data[23] & 0x20 and len(lost) < 1:
            lost.append(number)
            return False
        return True

    with IkedPair(seen_a=("127.0.0.3", port), seen_b=("127.0.0.4", port), ports=(port, port), more_a="rekey 2s",
                  more_b="rekey 1h") as pair:
        relay = Relay(("127.0.0.3", port), ("127.0.0.4", port), ("127.0.0.1", port), ("127.0.0.2", port), lose)
        try:
            first = pair.initiate()
            until(lambda: lost, "rekeying")
            newest = until(lambda: [sa for sa in established(pair.b) if sa["spi_i"] != first["spi_i"]], "the new SA")[0]
            for daemon in pair.daemons:
                assert lookup(daemon, first)[0] == "0"
            assert lookup(pair.a, newest, 10000)[1]["key"] == lookup(pair.b, newest)[1]["key"]
        finally:
            relay.close()

with suite.case("rekeying: new key, same identities; the old SA stays known for its grace time, and goes"):
    with IkedPair(more="rekey 2s\ngrace 3s") as pair:
        with KeyService(pair.b.socket) as watcher:
            assert watcher.ask(watch=1)[0] == {"errno": "0"}
            first = pair.initiate()
            events = [watcher.receive() for _ in range(3)]
            assert [head["event"] for head, _ in events] == ["up", "rekeyed", "up"], events
            assert spis(events[0][1][0]) == spis(events[1][1][0]) == spis(first) and "key" not in events[2][1][0]
            second = lookup(pair.b, events[2][1][0])[1]
        assert second["key"] != first["key"] and second["remote_id"] == "a.example.org" and second["auth"] == "pubkey"
        assert lookup(pair.a, second, 5000)[1]["key"] == second["key"]
        until(lambda: lookup(pair.b, first)[0] == "2", "the end of the grace time")

#= rfc7717#section-5.1 IK-5.1-08
with suite.case("hold: what was known stays known across rekeying and deletion until it is released"):
    with IkedPair(more="grace 1s\ngrace-deleted 1s", more_a="rekey 2s", more_b="rekey 1h") as pair:
        first = pair.initiate()
        hold = KeyService(pair.b.socket)
        assert hold.ask(hold=1) == ({"errno": "0"}, [])
        second = until(lambda: [sa for sa in established(pair.b) if sa["spi_i"] != first["spi_i"]], "rekeying")[0]
        assert lookup(pair.a, second, 10000)[0] == "0"  # b, as the responder, knows it first
        assert pair.a.stop() == 0  # deletes the living SA
        until(lambda: not established(pair.b), "the deletion")
        time.sleep(3)  # long past the grace times
        assert lookup(pair.b, first)[1]["state"] == "rekeyed" and lookup(pair.b, first)[1]["key"] == first["key"]
        assert lookup(pair.b, second)[0] == "0"
        assert ask(pair.b.socket, lookup=1, remote_host="127.0.0.1")[0]["errno"] in ("0", "2")
        hold.close()
        until(lambda: lookup(pair.b, first)[0] == "2" and lookup(pair.b, second)[0] == "2", "the end of the hold")

#= rfc7717#section-5.1 IK-5.1-06
with suite.case("initiation that fails says how"):
    with IkedPair(auth="psk", psks=("one secret of two", "another secret")) as pair:
        head, _ = ask(pair.a.socket, initiate=1, remote_host="127.0.0.2", timeout_ms=20000)
        assert head["errno"] == "113" and "log" in head["reason"], head
        assert ask(pair.a.socket, initiate=1, remote_host="127.0.0.9")[0]["errno"] == "2"
        assert ask(pair.a.socket, initiate=1, connection="nobody")[0]["errno"] == "2"
        assert not established(pair.a) and not established(pair.b)
        pair.b.kill()
        head, _ = ask(pair.a.socket, initiate=1, remote_host="127.0.0.2", timeout_ms=300)
        assert head["errno"] == "110", head
        assert ask(pair.a.socket, list=1)[0]["errno"] == "0"

with suite.case("400 clients and rubbish on the socket stop neither IKE nor other clients nor SIGTERM"):
    with IkedPair() as pair:
        with KeyService(pair.a.socket) as first:
            assert first.ask(list=1)[0]["errno"] == "0"
            crowd = []
            for n in range(400):
                s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                s.connect(pair.a.socket)
                crowd.append(s)
                try:
                    s.sendall(b"lookup=1\nremote_host=" if n % 2 else os.urandom(5000))
                except OSError:
                    pass  # refused already
            head, sas = first.ask(initiate=1, remote_host="127.0.0.2", timeout_ms=20000)
            assert head["errno"] == "0", head
            assert lookup(pair.b, sas[0])[1]["key"] == sas[0]["key"]
            assert pair.a.stop() == 0
            for s in crowd:
                s.close()

with suite.case("one daemon is killed: the other serves on, and both agree again after its return"):
    with IkedPair() as pair:
        first = pair.initiate()
        pair.b.kill()
        assert lookup(pair.a, first)[1]["key"] == first["key"]
        pair.b.start()  # over the socket that the dead one left
        assert lookup(pair.b, first)[0] == "2", "its keys died with it"
        head, sas = ask(pair.b.socket, initiate=1, remote_host="127.0.0.1", timeout_ms=20000)
        assert head["errno"] == "0", head
        assert lookup(pair.a, sas[0], 10000)[1]["key"] == sas[0]["key"]
        # INITIAL_CONTACT: the old SA is gone at the other end too.
        until(lambda: lookup(pair.a, first)[1]["state"] == "deleted", "the end of the old SA")
        newest = ask(pair.a.socket, lookup=1, remote_host="127.0.0.2")[1]
        assert [spis(sa) for sa in newest] == [spis(sas[0])]

with suite.case("a configuration that cannot work is refused in one line, with its reason"):
    folder = tempfile.mkdtemp(prefix="iked-conf-")
    try:
        authority = Authority(folder)
        authority.issue("a.example.org", folder)
        authority.issue("c.example.org", folder)
        write(os.path.join(folder, "psk"), "a secret of the two\n")
        write(os.path.join(folder, "open"), "a secret of the two\n", 0o644)
        os.chmod(os.path.join(folder, "open"), 0o644)
        write(os.path.join(folder, "rubbish"), "rubbish\n")
        good = ("local 127.0.0.1 port 14500\nid a.example.org\ncertificate a.example.org.crt\nkey a.example.org.key\n"
                "ca ca.crt\npeer 127.0.0.2 id b.example.org\n")

        def check(text):
            write(os.path.join(folder, "conf"), text)
            run = subprocess.run([IKED, "-n", "-c", os.path.join(folder, "conf")], capture_output=True, text=True, check=False,
                                 env={**os.environ, **QUIET_LEAKS})
            return run.returncode, run.stderr

        assert check(good) == (0, ""), check(good)
        for text, expected in (
                ("", "no local"),
                (good + "colour red\n", "conf:7: 'colour' is no directive"),
                (good + "local 127.0.0.3\n", "conf:7: local is given twice"),
                (good.replace("127.0.0.1", "127.0.0"), "conf:1: '127.0.0' is no IPv4 or IPv6 address"),
                (good.replace("14500", "0"), "conf:1: '0' is not a number"),
                (good.replace("14500", "500"), "port 500"),
                (good.replace("key a", "key c"), "is not the key of"),
                (good.replace("id a.example.org", "id x.example.org"), "does not name x.example.org"),
                (good.replace("ca ca.crt\n", ""), "conf:5: nothing authenticates this peer"),
                (good.replace("certificate a.example.org.crt\n", ""), "go together"),
                (good.replace("ca.crt", "rubbish"), "no X.509 certificate"),
                (good + "psk open\n", "chmod 600"),
                (good + "psk missing\n", "No such file"),
                (good.replace("id b.example.org", "ca rubbish"), "rubbish is no X.509 certificate"),
                (good.replace("id b.example.org", "ca ca.crt psk psk"), "a psk or a ca, not both"),
                (good + "dpd soon\n", "no duration"),
                (good + "proposal aes128-rubbish\n", "no IKE proposal"),
                (good + "rekey 4x\n", "no duration"),
                (good + "peer 127.0.0.2 id b.example.org\n", "a second peer"),
                (good + "peer any\n", "needs an id"),
                (good + 'id "open\n', "quote"),
                (good + "x" * 2000 + "\n", "longer"),
                (good + "psk psk\npsk psk\n", "psk is given twice")):
            status, error = check(text)
            assert status == 1 and expected in error and error.count("\n") == 1, (text, status, error)
        run = subprocess.run([IKED], capture_output=True, text=True, check=False)
        assert run.returncode == 2 and "usage" in run.stderr
    finally:
        shutil.rmtree(folder)

with suite.case("a port or a socket in use is said, and nothing else is touched"):
    with IkedPair() as pair:
        second = subprocess.run([IKED, "-c", pair.a.conf], capture_output=True, text=True, timeout=60, check=False,
                                env={**os.environ, **QUIET_LEAKS})
        assert second.returncode == 1 and "in use" in second.stderr, second
        assert pair.initiate()["state"] == "established"

with suite.case("a charon that the plugin was not built for: it refuses to load"):
    with IkedPair() as pair:
        pair.a.stop()
        if SANITIZED:
            pass  # ASan wants to be preloaded first: the other builds try this
        else:
            run = subprocess.run([IKED, "-c", pair.a.conf], capture_output=True, text=True, timeout=60, check=False,
                                 env={**os.environ, "LD_PRELOAD": FAKE_MARKER})
            assert run.returncode == 1 and "ippm: not loaded: built for strongSwan" in run.stderr, run


def stock_charon(folder, port, iked_port, psk):
    """The installed charon-systemd with the plugin preloaded, as 127.0.0.2, without any right but that of its user."""
    conf = f"""charon-systemd {{
  load = random nonce openssl aes sha1 sha2 hmac kdf pem pkcs1 pkcs8 pubkey x509 constraints kernel-netlink socket-default vici ippm
  load_modular = no
  port = {port - 1}
  port_nat_t = {port}
  install_routes = no
  install_virtual_ip = no
  routing_table = 0
  plugins {{
    vici {{
      socket = unix://{folder}/vici
    }}
    ippm {{
      socket = unix://{folder}/ippm
    }}
  }}
  filelog {{
    log {{
      path = {folder}/log
      default = 1
      ike = 4
      flush_line = yes
    }}
  }}
}}
"""
    os.mkdir(os.path.join(folder, "swanctl"))
    swanctl = f"""connections {{
  a {{
    version = 2
    local_addrs = 127.0.0.2
    remote_addrs = 127.0.0.1
    remote_port = {iked_port}
    mobike = no
    childless = force
    local {{
      auth = psk
      id = b.example.org
    }}
    remote {{
      auth = psk
      id = a.example.org
    }}
  }}
}}
secrets {{
  ike-a {{
    secret = "{psk}"
  }}
}}
"""
    write(os.path.join(folder, "swanctl", "swanctl.conf"), swanctl)
    env = {**os.environ, "STRONGSWAN_CONF": write(os.path.join(folder, "strongswan.conf"), conf)}
    with open(os.path.join(folder, "stderr"), "w") as log:
        charon = subprocess.Popen([CHARON], env={**env, "LD_PRELOAD": PLUGIN}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: os.path.exists(os.path.join(folder, "vici")) and os.path.exists(os.path.join(folder, "ippm"))
              or charon.poll() is not None, "charon-systemd")
        subprocess.run(["swanctl", "--load-all", "--uri", f"unix://{folder}/vici"], capture_output=True, check=True,
                       env={**env, "SWANCTL_DIR": os.path.join(folder, "swanctl")})
    except BaseException:
        charon.kill()
        charon.wait()
        raise
    return charon


#= rfc7717#section-5.1 IK-5.1-02 IK-5.1-03
NAME = "stock charon with the plugin; the key is HMAC(SK_d, \"IPPM\") of the SK_d that charon logs"
if not os.path.exists(CHARON) or not shutil.which("swanctl"):
    suite.skip(NAME, "charon-systemd or swanctl is not installed")
elif os.geteuid() != 0:
    suite.skip(NAME, "without root charon-systemd has no kernel backend that starts")
elif SANITIZED:
    print(f"# not a case of this build, whose plugin no charon without a sanitizer can load: {NAME}")
else:
    with suite.case(NAME):
        folder = tempfile.mkdtemp(prefix="charon-")
        port, iked_port = free_udp_port("127.0.0.2"), free_udp_port("127.0.0.1")
        iked_folder = os.path.join(folder, "iked")
        os.mkdir(iked_folder)
        write(os.path.join(iked_folder, "psk"), "a secret of the two\n")
        iked = Iked(iked_folder, f"local 127.0.0.1 port {iked_port}\nid a.example.org\npsk psk\n"
                    f"peer 127.0.0.2 port {port} id b.example.org name b\nproposal aes128-sha256-prfsha256-ecp256\n",
                    "127.0.0.1", "a.example.org", iked_port)
        charon = None
        try:
            charon = stock_charon(folder, port, iked_port, "a secret of the two")
            iked.start()
            head, sas = ask(iked.socket, initiate=1, remote_host="127.0.0.2", timeout_ms=20000)
            assert head["errno"] == "0", (head, iked.log())
            charon_side = ask(os.path.join(folder, "ippm"), lookup=1, wait_ms=5000, **spis(sas[0]))[1][0]
            assert charon_side["key"] == sas[0]["key"] and charon_side["remote_id"] == "a.example.org"
            with open(os.path.join(folder, "log"), errors="replace") as f:
                log = f.read()
            at = re.search(r"Sk_d secret => (\d+) bytes", log)
            octets, sk_d = int(at.group(1)), b""
            for line in log[at.end():].splitlines()[1:]:
                if len(sk_d) >= octets:
                    break
                sk_d += bytes.fromhex(re.search(r"\d+: ((?:[0-9A-F]{2} ?)+)", line).group(1).replace(" ", ""))
            sk_d = sk_d[:octets]
            assert hmac.new(sk_d, b"IPPM", hashlib.sha256).hexdigest() == sas[0]["key"]
            assert sk_d.hex() not in str(charon_side)
            charon.send_signal(signal.SIGTERM)
            assert charon.wait(30) == 0
            until(lambda: not established(iked), "the deletion")
        finally:
            if charon and charon.poll() is None:
                charon.kill()
                charon.wait()
            iked.stop()
            shutil.rmtree(folder)

suite.done()
