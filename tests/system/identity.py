#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Authorisation by identity: one host of two CAs, a class for each kind of identity that IKE has authenticated, and peers that are
something else than they would like to be."""
import contextlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.gateway import Gateway, certified, charon_missing, ippm_missing  # noqa: E402
from testlib.ikedpair import Authority, Iked, ask, free_udp_port, iked_missing, write  # noqa: E402
from testlib.keyed import Running, keyed, measure, refused  # noqa: E402
from testlib.suite import Fizeaud, Netns, Suite, fizeau, fizeau_json, namespaces_work, skip_all  # noqa: E402

SERVER = "127.0.0.2"
PEERS = (("*.ops.example.org", "one"), ("C=CH, O=Example, CN=*", "one"), ("C=CH, O=Example, CN=*, OU=*", "one"),
         ("*@example.org", "one"), ("*.partner.example", "two"), ("*.example.net", "two"))
CLASSES = """class ops      ike-id *.ops.example.org
class admin    ike-id "*, OU=admin"
class probes   ike-id "C=CH, O=Example, CN=*"
class mail     ike-id *@example.org
class partner  ike-id *.partner.example
limit partner  modes authenticated
limit partner  connections 1
"""


def certificate(authority, folder, name, subject, alternative=None):
    """NAME.crt and NAME.key for that subject, as openssl writes it, in UTF-8."""
    base = os.path.join(folder, name)
    authority.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject, "-utf8",
                      "-keyout", base + ".key", "-out", base + ".csr")
    write(base + ".ext", f"subjectAltName={alternative}\n" if alternative else "basicConstraints=CA:FALSE\n")
    authority.openssl("x509", "-req", "-in", base + ".csr", "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial",
                      "-days", "20", "-extfile", base + ".ext", "-out", base + ".crt")
    os.chmod(base + ".key", 0o600)


def encoded(*attributes):
    """A distinguished name in DER, of (last number of the OID 2.5.4.x, type of string, text)."""
    def tlv(tag, content):
        return bytes([tag, len(content)]) + content  # all of it is short
    return tlv(0x30, b"".join(tlv(0x31, tlv(0x30, tlv(6, bytes([0x55, 4, number])) + tlv(kind, text.encode())))
                              for number, kind, text in attributes))


class Hosts:
    """A server of both CAs, and clients that come and go."""

    def __init__(self, stack):
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="identity-"))
        self.stack, self.number = stack, 10
        self.authorities = {}
        for name in ("one", "two"):
            os.mkdir(os.path.join(self.folder, name))
            self.authorities[name] = Authority(os.path.join(self.folder, name), f"CA {name}")
        self.port = free_udp_port(SERVER)
        peers = "".join(f'peer any id "{pattern}" name p{n} ca ../{ca}/ca.crt\n' for n, (pattern, ca) in enumerate(PEERS))
        self.server = self.start("b.example.org", SERVER, self.port, "one", "/CN=b", "DNS:b.example.org", peers)
        self.b = self.server

    def start(self, identity, address, port, ca, subject, alternative, more):
        home = os.path.join(self.folder, f"host{self.number}")
        os.mkdir(home, 0o700)
        certificate(self.authorities[ca], home, "own", subject, alternative)
        conf = (f'local {address} port {port}\nid "{identity}"\nsocket ike.sock\ncertificate own.crt\nkey own.key\n'
                f"ca ../one/ca.crt\n{more}")
        daemon = Iked(home, conf, address, identity, port)
        self.stack.callback(daemon.stop)
        return daemon.start()

    def client(self, identity, ca, subject, alternative=None):
        """A host of its own address with a certificate of that CA; to be measured from, as keyed.measure wants it."""
        self.number += 1
        address = f"127.0.0.{self.number}"
        one = Hosts.__new__(Hosts)
        one.a = self.start(identity, address, free_udp_port(address), ca, subject, alternative,
                           f"peer {SERVER} port {self.port} id b.example.org name b\n")
        one.b = self.server
        return one


WELCOME = (
    ("a name", "a.ops.example.org", "one", "/CN=whatever", "DNS:a.ops.example.org", "a.ops.example.org", "ops"),
    ("a subject", "C=CH, O=Example, CN=probe 7", "one", "/C=CH/O=Example/CN=probe 7", None, "C=CH, O=Example, CN=probe 7", "probes"),
    ("a subject with a part that another class wants", "C=CH, O=Example, CN=boss, OU=admin", "one", "/C=CH/O=Example/CN=boss/OU=admin",
     None, "C=CH, O=Example, CN=boss, OU=admin", "admin"),
    ("an e-mail address", "joe@example.org", "one", "/CN=joe", "email:joe@example.org", "joe@example.org", "mail"),
    ("a name from the other CA", "x.partner.example", "two", "/CN=x", "DNS:x.partner.example", "x.partner.example", "partner"),
)


#= rfc4656#section-6.5 OW-6.5-02
def welcome(suite, hosts, daemon):
    for what, identity, ca, subject, alternative, told, of_class in WELCOME:
        with suite.case(f"{what}: class {of_class}; log and status name the identity"):
            pair = hosts.client(identity, ca, subject, alternative)
            key = keyed(measure(pair, daemon.target, "--ike", "initiate"))
            lines = [line for line in daemon.log().splitlines() if key["spi_i"] in line and "set up:" in line]
            assert len(lines) == 1 and f"with {told}," in lines[0] and lines[0].endswith(f"class {of_class}"), lines
            with Running(pair, daemon):
                session = [s for s in daemon.status()["sessions"] if s["key"]["spi_i"] == key["spi_i"]][0]
                assert session["key"]["peer_id"] == told and session["class"] == of_class, session
                assert told in fizeau("status", "--control", daemon.control).stdout, session
                if of_class == "partner":
                    refused(measure(pair, daemon.target, "--ike", "require"), "Accept 5")
                    refused(measure(pair, daemon.target, "--ike", "require", "-m", "encrypted"), "Accept 3")
                    assert "its class does not allow the mode" in daemon.log()


def unwelcome(suite, hosts, daemon):
    with suite.case("the other CA issues a name that belongs to the first one's class: IKE itself refuses it"):
        pair = hosts.client("a.ops.example.org", "two", "/CN=whatever", "DNS:a.ops.example.org")
        refused_run = measure(pair, daemon.target, "--ike", "initiate")
        assert refused_run.returncode == 1 and "could be set up" in refused_run.stderr, refused_run
        assert not [sa for sa in ask(hosts.b.socket, list=1)[1] if sa["remote_host"] == pair.a.address]
        assert "constraint check failed" in hosts.b.log(), hosts.b.log()
    with suite.case("a name of an IKE_SA that no class wants: refused, with the reason and the identity in the log"):
        pair = hosts.client("s.example.net", "two", "/CN=s", "DNS:s.example.net")
        run = measure(pair, daemon.target, "--ike", "initiate")
        assert run.returncode == 1 and "Accept 1" in run.stderr, run
        line = [line for line in daemon.log().splitlines() if "with s.example.net" in line][-1]
        assert "set-up refused" in line and "denied by its class, or in none" in line, line
        # Nor does it get further without its key: open mode is in no class either.
        run = measure(pair, daemon.target, "--ike", "off", "-m", "open")
        assert run.returncode == 1, run
    with suite.case("a name that has another one written into it is not that other one"):
        subject = encoded((6, 0x13, "CH"), (10, 0x0c, "Example"), (3, 0x0c, "mallory, OU=admin"))
        pair = hosts.client(f"asn1dn:#{subject.hex()}", "one", "/C=CH/O=Example/CN=mallory, OU=admin")
        keyed(measure(pair, daemon.target, "--ike", "initiate"))
        lines = [line for line in daemon.log().splitlines() if "mallory" in line and "set up:" in line]
        assert len(lines) == 1 and "CN=mallory\\2C OU=admin," in lines[0] and lines[0].endswith("class probes"), lines


EAP = """connections {{
  peer {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    childless = allow
    local {{
      {ours}
    }}
    remote {{
      {theirs}
    }}
  }}
}}
secrets {{
  eap-joe {{
    id = joe@example.org
    secret = a password
  }}
}}
"""


def eap(suite, ns):
    with suite.case("an EAP identity: it counts, and not the IKE identity beside it"), Gateway(ns["a"], "a.example.org", "10.78.0.1") as a, \
            Gateway(ns["b"], "b.example.org", "10.78.0.2") as b:
        ns.link("a", "10.78.0.1/24", "b", "10.78.0.2/24")
        certified((a, b))
        a.swanctl_conf(EAP.format(local="10.78.0.1", remote="10.78.0.2",
                                  ours="auth = eap-md5\n      id = boss.ops.example.org\n      eap_id = joe@example.org",
                                  theirs="auth = pubkey\n      id = b.example.org"))
        b.swanctl_conf(EAP.format(local="10.78.0.2", remote="%any", ours="auth = pubkey\n      certs = b.example.org.crt\n"
                                  "      id = b.example.org", theirs="auth = eap-md5\n      id = %any\n      eap_id = %any"))
        for gateway in (a, b):
            gateway.install_plugin()
            gateway.strongswan("charon/ippm.conf", "ippm {\n  load = yes\n}\n")
            gateway.strongswan("charon/eap.conf", "eap-md5 {\n  load = yes\n}\neap-identity {\n  load = yes\n}\n")
            gateway.start()
            gateway.swanctl("--load-all")
        with Fizeaud(f"pbkdf2-count 1024\n{CLASSES}", "10.78.0.2", b.inside, 862) as daemon:
            result = fizeau_json("twoway", "-c", 3, "-i", "2ms", "--ike", "initiate", daemon.target, netns=a.inside)
            assert result["key"]["source"] == "ikev2", result
            sa = ask(b.path("charon.ippm"), list=1)[1][0]
            assert (sa["remote_id"], sa["auth"]) == ("joe@example.org", "eap"), sa
            assert "with joe@example.org," in daemon.log() and "class mail" in daemon.log(), daemon.log()
            assert "class ops" not in daemon.log()


def main():
    if iked_missing():
        skip_all(iked_missing())
    suite = Suite()
    with contextlib.ExitStack() as stack:
        hosts = Hosts(stack)
        daemon = stack.enter_context(Fizeaud(f"ike socket {hosts.b.socket}\npbkdf2-count 1024\n{CLASSES}", SERVER))
        welcome(suite, hosts, daemon)
        unwelcome(suite, hosts, daemon)
    name = "an EAP identity"
    missing = charon_missing() or ippm_missing()
    if os.geteuid() != 0 or not namespaces_work():
        suite.skip(name, "needs root and network namespaces")
    elif missing and "sanitizer" in missing:
        print(f"# not a case of this build: {missing}")
    elif missing or not all(os.path.exists(f"/usr/lib/ipsec/plugins/libstrongswan-eap-{kind}.so") for kind in ("md5", "identity")):
        suite.skip(name, missing or "needs eap-md5 and eap-identity: apt-get install libcharon-extra-plugins")
    else:
        with Netns("a", "b") as ns:
            eap(suite, ns)
    suite.done()


if __name__ == "__main__":
    main()
