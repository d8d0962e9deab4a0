#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host's own charon: two gateways with Debian's charon-systemd and swanctl, and doc/existing-gateway.md followed on them. Each
has a network namespace, and /run, /etc/strongswan.d and /etc/swanctl of its own; the machine's are not touched."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.gateway import BUILD, Gateway, certified, charon_missing, ippm_missing, kernel_has_esp, libipsec_missing  # noqa: E402
from testlib.ikedpair import ask, until, write  # noqa: E402
from testlib.suite import Netns, Suite, fizeau_json, namespaces_work, skip_all  # noqa: E402

A, B = "192.0.2.1", "192.0.2.2"
COUNT = 20
ACCOUNT = 64123
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/existing-gateway.md")
# What such a gateway has before anybody thought of measuring: networks behind both, joined by a tunnel.
SITE_TO_SITE = """connections {{
  peer {{
    version = 2
    local_addrs = {here}
    remote_addrs = {there}
    proposals = {proposal}
    {more}
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
      networks {{
        local_ts = {here_net}
        remote_ts = {there_net}
        esp_proposals = aes128gcm16
      }}
    }}
  }}
}}
{secrets}
"""
PPK = "secrets {{\n  ppk-one {{\n    id = one@example.org\n    secret = {secret}\n  }}\n}}\n"


def blocks():
    """The marked blocks of the page, by number."""
    with open(PAGE, encoding="utf-8") as f:
        found = re.findall(r"\(block (\d)\).*?\n```(?:sh)?\n(.*?)```", f.read(), re.DOTALL)
    return {int(number): text for number, text in found}


class Pair:
    """Two gateways that know each other, without our plugin yet."""

    def __init__(self, ns):
        self.a, self.b = Gateway(ns["a"], "a.example.org", A), Gateway(ns["b"], "b.example.org", B)
        self.esp = kernel_has_esp(ns["a"])
        certified((self.a, self.b))
        for gateway in (self.a, self.b):
            gateway.account("fizeau", ACCOUNT)
            if not self.esp:
                gateway.strongswan("charon/kernel-libipsec.conf", "kernel-libipsec {\n  load = 10\n}\n")
        self.configure()

    def configure(self, proposal="aes128-sha256-ecp256", more="", secrets=("", "")):
        for here, there, here_net, there_net, secret in (
                (self.a, self.b, "10.1.0.0/24", "10.2.0.0/24", secrets[0]),
                (self.b, self.a, "10.2.0.0/24", "10.1.0.0/24", secrets[1])):
            here.swanctl_conf(SITE_TO_SITE.format(here=here.address, there=there.address, here_id=here.id, there_id=there.id,
                                                  here_net=here_net, there_net=there_net, proposal=proposal, more=more,
                                                  secrets=secret))

    def load(self):
        for gateway in (self.a, self.b):
            gateway.swanctl("--load-all", "--clear")

    def terminate(self):
        self.a.swanctl("--terminate", "--ike", "peer", status=None)
        for gateway in (self.a, self.b):
            until(lambda gateway=gateway: "peer:" not in gateway.swanctl("--list-sas"), "the end of the IKE_SA")

    def sas(self, gateway):
        """Of its key service, the living ones."""
        head, sas = ask(gateway.path("charon.ippm"), list=1)
        assert head["errno"] == "0", head
        return [sa for sa in sas if sa["state"] == "established"]

    def same_key(self, sa):
        """What both ends' key services tell of one SA."""
        keys = []
        for gateway in (self.a, self.b):
            head, found = ask(gateway.path("charon.ippm"), lookup=1, spi_i=sa["spi_i"], spi_r=sa["spi_r"], wait_ms=5000)
            assert head["errno"] == "0", head
            keys.append(found[0]["key"])
        assert keys[0] == keys[1] and len(keys[0]) >= 32
        return keys[0]


@contextlib.contextmanager
def fizeaud(gateway, program, conf):
    """As the unit starts it: root that becomes fizeau."""
    path = write(os.path.join(gateway.folder, "fizeaud.conf"), conf, 0o644)
    log_path = gateway.path("fizeaud.log")
    with open(log_path, "w") as log:
        process = subprocess.Popen(gateway.inside([program, "-f", "-v", "-c", path]), stdout=log, stderr=log)

    def log_text():
        with open(log_path) as f:
            return f.read()
    try:
        until(lambda: " serves " in log_text() or process.poll() is not None, "fizeaud")
        assert process.poll() is None, log_text()
        with open(f"/proc/{process.pid}/status") as f:
            assert f"Uid:\t{ACCOUNT}\t{ACCOUNT}\t{ACCOUNT}" in f.read(), "it became the user of the page"
        yield log_text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def installed(folder):
    """The build, as `meson install` lays it out, where nobody but this test looks."""
    os.chmod(folder, 0o755)
    if not shutil.which("meson"):
        raise RuntimeError("no meson to install with")
    run = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], capture_output=True,
                         text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            found[name] = os.path.join(top, name)
    assert found["libstrongswan-ippm.so"].endswith("/usr/lib/ipsec/plugins/libstrongswan-ippm.so"), found
    return found


def measured(result, count=COUNT):
    packets = result["sessions"][0]["packets"]
    assert packets["sent"] == packets["received"] == count, packets
    return result["key"]


def main():
    for reason in (None if os.getuid() == 0 and namespaces_work() else "needs root and network namespaces",
                   charon_missing(), ippm_missing()):
        if reason:
            skip_all(reason)
    suite = Suite()
    with Netns("a", "b") as ns, tempfile.TemporaryDirectory(prefix="installed-") as folder:
        ns.link("a", f"{A}/24", "b", f"{B}/24")
        for name, address in (("a", "10.1.0.1"), ("b", "10.2.0.1")):
            ns.ip("-n", ns[name], "address", "add", f"{address}/24", "dev", "lo")
        pair = Pair(ns)
        if not pair.esp and libipsec_missing():
            skip_all(f"the kernel has no ESP: {libipsec_missing()}")
        with pair.a, pair.b:
            follow(suite, pair, folder)
    suite.done()


def follow(suite, pair, folder):
    a, b, steps = pair.a, pair.b, blocks()
    assert sorted(steps) == [1, 2, 3, 4], steps
    files = installed(folder)
    path = os.path.dirname(files["fizeau"])
    print(f"# CHILD_SAs: {'the kernel' if pair.esp else 'kernel-libipsec, for want of ESP in the kernel'}")

    def shell(text, gateway=a, **kwargs):
        """As it stands in the page, but with the installed programs in front."""
        return gateway.run("env", f"PATH={path}:{os.environ['PATH']}", "sh", "-e", "-c", text, **kwargs)

    with suite.case("an existing gateway: the tunnel of two networks, without us"):
        for gateway in (a, b):
            gateway.start()
        pair.load()
        a.swanctl("--initiate", "--child", "networks")
        assert "INSTALLED" in b.swanctl("--list-sas"), b.log()
        assert not os.path.exists(a.path("charon.ippm"))

    with suite.case("the plugin and its file, a restart: the IKE_SA comes back, and both ends have the same key"):
        for gateway in (a, b):
            gateway.install_plugin(files["libstrongswan-ippm.so"])
            gateway.strongswan("charon/ippm.conf", steps[1])
            gateway.restart()
        pair.load()
        a.swanctl("--initiate", "--child", "networks")
        assert pair.sas(a)[0]["connection"] == "peer", pair.sas(a)
        pair.same_key(pair.sas(a)[0])
        status = os.stat(a.path("charon.ippm"))
        assert status.st_gid == ACCOUNT and status.st_mode & 0o777 == 0o660, status

    with fizeaud(b, files["fizeaud"], steps[2]) as log:
        with suite.case("the commands of the page, as they stand there"):
            done = shell(steps[3])
            sa = pair.sas(a)[0]
            assert f"{sa['spi_i']}/{sa['spi_r']}" in done.stdout and "b.example.org" in done.stdout, done.stdout
            assert "class peers" in log() and "a.example.org" in log(), log()
            assert pair.same_key(sa) not in done.stdout + log()

        with suite.case("a member of the group may, others may not"):
            program, member = files["fizeau"], ["setpriv", "--reuid", "65534", "--regid", "65534"]
            done = a.run(*member, "--groups", str(ACCOUNT), program, "twoway", "--ike", "require", "-c", 5, "-i", "5ms", B)
            assert "IKEv2 SA" in done.stdout, done.stdout
            done = a.run(*member, "--clear-groups", program, "twoway", "--ike", "require", "-c", 5, "-i", "5ms", B, status=1)
            assert "/run/charon.ippm" in done.stderr, done.stderr
            done = a.run(*member, "--clear-groups", program, "keys", B, status=None)
            assert done.returncode and "/run/charon.ippm: permission denied" in done.stderr, done

        def twoway(*args, count=COUNT):
            return fizeau_json("twoway", "-c", count, "-i", "5ms", "-w", "2s", *args, B, netns=a.inside)

        with suite.case("every protected mode"):
            for mode in ("authenticated", "encrypted", "mixed"):
                assert measured(twoway("--ike", "require", "-m", mode))["spi_i"] == pair.sas(a)[0]["spi_i"]

        with suite.case("swanctl --rekey by hand: new SPIs, a new key, equal on both ends"):
            old = pair.sas(a)[0]
            old_key = pair.same_key(old)
            a.swanctl("--rekey", "--ike", "peer")
            until(lambda: pair.sas(a) and pair.sas(a)[0]["spi_i"] != old["spi_i"], "the new IKE_SA")
            assert pair.same_key(pair.sas(a)[0]) != old_key
            assert measured(twoway("--ike", "require"))["spi_i"] == pair.sas(a)[0]["spi_i"] != old["spi_i"]

        #= rfc7717#section-5.1 IK-5.1-08
        with suite.case("swanctl --rekey and --terminate during a measurement: it does not notice"):
            results = []
            thread = threading.Thread(target=lambda: results.append(twoway("--ike", "require", count=600)))
            thread.start()
            until(lambda: b.run(files["fizeau"], "status", "-j").stdout.count('"running"') == 1, "a session")
            b.swanctl("--rekey", "--ike", "peer")
            pair.terminate()
            thread.join()
            measured(results[0], 600)

        with suite.case("no IKE_SA: refused with the remedy; --ike initiate, as the page has it, sets one up"):
            until(lambda: not pair.sas(a) and not pair.sas(b), "the end of the IKE_SA")
            done = shell(steps[3].splitlines()[1], status=1)
            assert f"no IKE SA with {B}" in done.stderr and "--ike initiate" in done.stderr, done.stderr
            shell(steps[4], timeout=120)
            assert len(pair.sas(a)) == 1
            pair.same_key(pair.sas(a)[0])

        with suite.case("swanctl --initiate --ike: childless"):
            pair.terminate()
            a.swanctl("--initiate", "--ike", "peer")
            assert "networks:" not in a.swanctl("--list-sas")
            measured(twoway("--ike", "require"))

        with suite.case("the other host initiated: the same measurement, SPIs by IKE's roles"):
            pair.terminate()
            b.swanctl("--initiate", "--child", "networks")
            sa = pair.sas(b)[0]
            key = measured(twoway("--ike", "require"))
            assert (key["spi_i"], key["spi_r"]) == (sa["spi_i"], sa["spi_r"])

        #= rfc7717#section-5.1 IK-5.1-08
        with suite.case("swanctl --rekey --reauth during a measurement: it runs on, the next one has the new IKE_SA's key"):
            old, results = pair.sas(a)[0], []
            old_key = pair.same_key(old)
            thread = threading.Thread(target=lambda: results.append(twoway("--ike", "require", count=600)))
            thread.start()
            until(lambda: b.run(files["fizeau"], "status", "-j").stdout.count('"running"') == 1, "a session")
            a.swanctl("--rekey", "--ike", "peer", "--reauth")
            until(lambda: [sa for sa in pair.sas(a) if sa["spi_i"] != old["spi_i"]], "the new IKE_SA")
            thread.join()
            assert measured(results[0], 600)["spi_i"] == old["spi_i"]
            until(lambda: len(pair.sas(a)) == len(pair.sas(b)) == 1, "the end of the old IKE_SA")
            assert "networks:" in a.swanctl("--list-sas"), "its CHILD_SA came with it"
            assert pair.same_key(pair.sas(a)[0]) != old_key
            key = measured(twoway("--ike", "require"))
            assert key["spi_i"] == pair.sas(a)[0]["spi_i"] != old["spi_i"], key

        with suite.case("PPK (RFC 8784): equal keys, and a measurement"):
            pair.terminate()
            secret = PPK.format(secret="0x" + "5a" * 32)
            pair.configure(more="ppk_id = one@example.org\n    ppk_required = yes", secrets=(secret, secret))
            pair.load()
            a.swanctl("--initiate", "--child", "networks")
            assert "using PPK for PPK_ID 'one@example.org'" in a.log() + b.log(), b.log()
            pair.same_key(pair.sas(a)[0])
            measured(twoway("--ike", "require", "-m", "encrypted"))
        with suite.case("PPK: two that differ give no SA, and so no measurement"):
            pair.terminate()
            pair.configure(more="ppk_id = one@example.org\n    ppk_required = yes",
                           secrets=(secret, PPK.format(secret="0x" + "a5" * 32)))
            pair.load()
            a.swanctl("--initiate", "--child", "networks", status=None)
            assert not pair.sas(a) and not pair.sas(b)
            done = a.run(files["fizeau"], "twoway", "--ike", "initiate", B, status=1, timeout=120)
            assert "could be set up" in done.stderr, done.stderr

        name = "additional key exchanges (RFC 9370): equal keys, again after rekeying, and measurements"
        version = re.search(r"(\d+)\.(\d+)", a.run("swanctl", "--version", status=None).stdout)
        if not version or int(version.group(1)) < 6:
            suite.skip(name, f"strongSwan {version.group(0) if version else 'of this host'} has none: 6.0.0 is the first that has")
        else:
            with suite.case(name):
                pair.configure(proposal="aes128-sha256-ecp256-ke1_modp3072-ke2_ecp384")
                pair.load()
                a.swanctl("--initiate", "--child", "networks")
                listed = a.swanctl("--list-sas")
                assert "KE1_MODP_3072" in listed and "KE2_ECP_384" in listed, listed
                old = pair.sas(a)[0]
                old_key = pair.same_key(old)
                measured(twoway("--ike", "require"))
                a.swanctl("--rekey", "--ike", "peer")
                until(lambda: pair.sas(a) and pair.sas(a)[0]["spi_i"] != old["spi_i"], "the new IKE_SA")
                assert pair.same_key(pair.sas(a)[0]) != old_key
                assert measured(twoway("--ike", "require"))["spi_i"] == pair.sas(a)[0]["spi_i"]


if __name__ == "__main__":
    main()
