# SPDX-License-Identifier: MIT
"""A host with the distribution's own charon-systemd: a network namespace, and a mount namespace in which /run,
/etc/strongswan.*, /etc/swanctl and strongSwan's folder of plugins are its own. Nothing of the machine's is touched.

    reason = charon_missing()                        # None, or why there is none to test with
    with Netns("a", "b") as ns, Gateway(ns["a"], "a.example.org", "10.78.0.1") as a:
        a.strongswan("charon/ippm.conf", "ippm {\\n  load = yes\\n}\\n")
        a.swanctl_conf("connections { ... }")
        a.start()
        a.swanctl("--load-all")
        a.run(FIZEAU, "twoway", ...)                 # sees /run/charon.ippm like any program of that host
"""
import os
import shutil
import signal
import subprocess
import tempfile

from .ikedpair import IKED, Authority, until, write

BUILD = os.environ.get("FIZEAU_BUILD", "build")
PLUGIN = os.path.abspath(os.path.join(BUILD, "plugin", "libstrongswan-ippm.so"))
CHARON = "/usr/sbin/charon-systemd"
PLUGINS = "/usr/lib/ipsec/plugins"
TEMPLATES = "/usr/share/strongswan/templates/config/plugins"
# What Debian's strongswan-libcharon, libstrongswan-standard-plugins and strongswan-swanctl switch on.
MODULES = ("aes aesni cmac constraints counters drbg fips-prf gcm gmp hmac kdf kernel-netlink md5 mgf1 nonce openssl pem pgp pkcs1"
           " pkcs7 pkcs8 pkcs12 pubkey random revocation sha1 sha2 socket-default sshkey updown vici x509 xcbc").split()
# As the package has it.
STRONGSWAN_CONF = """charon {
  load_modular = yes
  plugins {
    include strongswan.d/charon/*.conf
  }
}
include strongswan.d/*.conf
"""
LOG = """charon-systemd {
  filelog {
    log {
      path = /run/charon.log
      default = 1
      flush_line = yes
    }
  }
}
"""


def charon_missing():
    """None, or the reason why the distribution's charon cannot be run here."""
    for path, package in ((CHARON, "charon-systemd"), ("/usr/sbin/swanctl", "strongswan-swanctl"), (TEMPLATES, "libstrongswan")):
        if not os.path.exists(path):
            return f"needs {path}: apt-get install {package}"
    return None


def ippm_missing():
    """None, or the reason why that charon cannot load our plugin."""
    if not os.path.exists(PLUGIN):
        return "the plugin is not built: it needs libcharon and strongSwan's headers (tools/strongswan-headers)"
    with open(IKED, "rb") as f:
        if b"__asan_init" in f.read():
            return "no charon without a sanitizer can load the plugin of a build with one"
    return None


def libipsec_missing():
    """None, or the reason why there can be no tunnel without the kernel's ESP."""
    if not os.path.exists(os.path.join(PLUGINS, "libstrongswan-kernel-libipsec.so")):
        return "needs kernel-libipsec: apt-get install libcharon-extra-plugins"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    return None


def kernel_has_esp(netns):
    """Whether an SA can be given to the kernel."""
    add = ["ip", "-n", netns, "xfrm", "state", "add", "src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x100",
           "mode", "tunnel", "aead", "rfc4106(gcm(aes))", "0x" + "11" * 20, "128"]
    if subprocess.run(add, capture_output=True, check=False).returncode:
        return False
    subprocess.run(["ip", "-n", netns, "xfrm", "state", "flush"], check=False)
    return True


class Gateway:
    """One host. Its folder holds what lies over the machine's own files."""

    def __init__(self, netns, identity, address):
        self.netns, self.id, self.address = netns, identity, address
        self.charon = self.holder = None
        self.temporary = tempfile.TemporaryDirectory(prefix="gateway-")
        self.folder = self.temporary.name
        for name in ("run", "strongswan.d/charon", "swanctl/x509", "swanctl/x509ca", "swanctl/private", "swanctl/conf.d"):
            os.makedirs(os.path.join(self.folder, name), 0o755)
        shutil.copytree(PLUGINS, os.path.join(self.folder, "plugins"))
        for module in MODULES:
            source = os.path.join(TEMPLATES, module + ".conf")
            if os.path.exists(source):
                shutil.copy(source, os.path.join(self.folder, "strongswan.d", "charon"))
        write(os.path.join(self.folder, "strongswan.conf"), STRONGSWAN_CONF, 0o644)
        self.strongswan("log.conf", LOG)

    def strongswan(self, name, text):
        """A file of /etc/strongswan.d."""
        return write(os.path.join(self.folder, "strongswan.d", name), text, 0o644)

    def swanctl_conf(self, text):
        return write(os.path.join(self.folder, "swanctl", "swanctl.conf"), text)

    def certificate(self, authority):
        """Its own, and the CA's, where swanctl looks for them."""
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = authority.issue(self.id, folder)
            shutil.copy(certificate, os.path.join(self.folder, "swanctl", "x509"))
            shutil.copy(key, os.path.join(self.folder, "swanctl", "private"))
        shutil.copy(authority.certificate, os.path.join(self.folder, "swanctl", "x509ca"))

    def install_plugin(self, plugin=PLUGIN):
        """What `meson install` does with it: a file beside strongSwan's own."""
        shutil.copy(plugin, os.path.join(self.folder, "plugins"))

    def account(self, name, number):
        """A user and a group of that name, as useradd --system makes them."""
        for file, line in (("passwd", f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"), ("group", f"{name}:x:{number}:\n")):
            with open(f"/etc/{file}", encoding="utf-8") as f:
                kept = [one for one in f if not one.startswith(name + ":") and one.split(":")[2] != str(number)]
            write(os.path.join(self.folder, file), "".join(kept) + line, 0o644)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if self.holder:
                self.holder.kill()
                self.holder.wait()
            self.temporary.cleanup()

    def hold(self):
        """The namespaces, kept by a process that does nothing."""
        binds = [("run", "/run"), ("strongswan.conf", "/etc/strongswan.conf"), ("strongswan.d", "/etc/strongswan.d"),
                 ("swanctl", "/etc/swanctl"), ("plugins", PLUGINS)]
        for source, target in (("passwd", "/etc/passwd"), ("group", "/etc/group")):
            if os.path.exists(os.path.join(self.folder, source)):
                binds.append((source, target))
        script = "set -e; mount --make-rprivate /\n" + "".join(
            f"mount --bind '{self.folder}/{source}' {target}\n" for source, target in binds) + "echo ready; exec sleep infinity"
        self.holder = subprocess.Popen(["ip", "netns", "exec", self.netns, "unshare", "-m", "sh", "-c", script],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError("no mount namespace could be made")

    def inside(self, command):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", f"--wd={os.getcwd()}", "--", *map(str, command)]

    def start(self):
        if not self.holder:
            self.hold()
        with open(os.path.join(self.folder, "run", "stderr"), "a") as log:
            self.charon = subprocess.Popen(self.inside([CHARON]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # Through /proc: the namespace sees its folder as /run.
        until(lambda: os.path.exists(os.path.join(self.folder, "run", "charon.vici")) or self.charon.poll() is not None,
              "charon-systemd")
        until(lambda: self.charon.poll() is not None or self.run("swanctl", "--stats", status=None).returncode == 0, "its vici")
        if self.charon.poll() is not None:
            raise RuntimeError(f"charon-systemd ended with {self.charon.returncode}: {self.log()}")
        return self

    def stop(self, how=signal.SIGTERM):
        """nsenter became charon: the process is its own."""
        if self.charon and self.charon.poll() is None:
            self.charon.send_signal(how)
            self.charon.wait(30)

    def run(self, *command, timeout=60, status=0):
        done = subprocess.run(self.inside(command), capture_output=True, text=True, timeout=timeout, check=False)
        assert status is None or done.returncode == status, \
            f"{' '.join(map(str, command))}: exit {done.returncode}, wanted {status}: {done.stdout}{done.stderr}"
        return done

    def swanctl(self, *args, status=0):
        return self.run("swanctl", *args, status=status).stdout

    def log(self):
        text = ""
        for name in ("stderr", "charon.log"):
            path = os.path.join(self.folder, "run", name)
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text

    def restart(self):
        """As an administrator does it. The sockets of the one before are no sign of life."""
        self.stop()
        for name in ("charon.vici", "charon.ippm"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        return self.start()

    def path(self, name):
        """A file of its /run, as the machine sees it."""
        return os.path.join(self.folder, "run", name)


def certified(gateways):
    """A CA of their own, and a certificate for each."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder)
        for gateway in gateways:
            gateway.certificate(authority)
