# SPDX-License-Identifier: MIT
"""Two fizeau-iked on loopback addresses, with a CA and two certificates, or a pre-shared key.

    reason = iked_missing()                  # None, or why there is no fizeau-iked to test with
    with IkedPair() as pair:                 # 127.0.0.1 and 127.0.0.2
        pair.a.socket, pair.b.socket         # key services
        sa = pair.initiate()                 # an IKE_SA between them; a dictionary as the key service tells it
        head, sas = KeyService(pair.b.socket).ask(lookup=1, remote_host=pair.a.address)

Each daemon has its own folder with configuration, log and socket; all is gone at the end.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = os.environ.get("FIZEAU_BUILD", "build")
IKED = os.path.abspath(os.path.join(BUILD, "plugin", "fizeau-iked"))
# Only heard by a build with AddressSanitizer: what is strongSwan's own.
HERE = os.path.dirname(os.path.abspath(__file__))
QUIET_LEAKS = {"LSAN_OPTIONS": "print_suppressions=0:suppressions=" + os.path.join(HERE, "lsan-iked.supp"),
               "ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"),
                                                      "suppressions=" + os.path.join(HERE, "asan-iked.supp"))))}
VICI = "vici vici.sock\n"
PATIENCE = 30  # seconds until something that does not happen is an error


def iked_missing():
    """None, or the reason why fizeau-iked cannot be run here."""
    if not os.access(IKED, os.X_OK):
        return "fizeau-iked is not built: it needs libcharon and strongSwan's headers (tools/strongswan-headers)"
    return None


def free_udp_port(*addresses):
    """A UDP port that is free on all of them right now."""
    for _ in range(100):
        with socket.socket(socket.AF_INET6 if ":" in addresses[0] else socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((addresses[0], 0))
            port = s.getsockname()[1]
        try:
            for address in addresses[1:]:
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind((address, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no UDP port is free")


def until(condition, what, seconds=PATIENCE):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)


def write(path, text, mode=0o600):
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w") as f:
        f.write(text)
    return path


def swanctl_missing():
    """None, or the reason why no IKE daemon can be steered here."""
    if not shutil.which("swanctl") or not os.path.exists("/usr/lib/ipsec/plugins/libstrongswan-vici.so"):
        return "swanctl is not installed: apt-get install strongswan-swanctl"
    return None


class KeyService:
    """A client of the key service (doc/key-service.md)."""

    def __init__(self, path, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, **pairs):
        self.socket.sendall("".join(f"{key}={value}\n" for key, value in pairs.items()).encode() + b"\n")

    def receive(self):
        """The next message: (what stands before the first SA, [SAs]). EOFError if the server closed."""
        while b"\n\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("the key service closed the connection")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\n\n", 1)
        head, sas = {}, []
        for line in message.decode().split("\n"):
            key, value = line.split("=", 1)
            if key == "spi_i":
                sas.append({})
            (sas[-1] if sas else head)[key] = value
        return head, sas

    def ask(self, **pairs):
        self.send(**pairs)
        return self.receive()


def ask(path, **pairs):
    """One question on a connection of its own."""
    with KeyService(path) as service:
        return service.ask(**pairs)


class Authority:
    """A CA in a folder, and certificates from it."""

    def __init__(self, folder, name="Fizeau test CA"):
        self.folder, self.key, self.certificate = folder, os.path.join(folder, "ca.key"), os.path.join(folder, "ca.crt")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                     "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    @staticmethod
    def openssl(*args):
        run = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"openssl {args[0]}: {run.stderr}")

    def issue(self, name, folder):
        """name.key and name.crt in folder, with name as subjectAltName."""
        base = os.path.join(folder, name)
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", base + ".key", "-out", base + ".csr")
        write(base + ".ext", f"subjectAltName=DNS:{name}\n")
        self.openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                     "-days", "20", "-extfile", base + ".ext", "-out", base + ".crt")
        os.chmod(base + ".key", 0o600)
        return base + ".crt", base + ".key"


class Iked:
    """One fizeau-iked. conf is the text of its configuration; it lies in folder, as do log and socket."""

    def __init__(self, folder, conf, address, identity, port, user=None, env=None, netns=None):
        self.folder, self.address, self.id, self.port = folder, address, identity, port
        self.user, self.env, self.netns = user, env, netns
        self.conf = write(os.path.join(folder, "iked.conf"), conf)
        self.socket = os.path.join(folder, "ike.sock")
        self.log_path = os.path.join(folder, "iked.log")
        self.process = None

    def start(self, wait=True):
        extra = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        program = IKED
        if self.user is not None:  # the clone may lie where that user cannot go, such as /root
            program = shutil.copy(IKED, self.folder)
        command = (["ip", "netns", "exec", self.netns] if self.netns else []) + [program, "-c", self.conf]
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **QUIET_LEAKS, **(self.env or {})}, **extra)
        if wait:
            until(self.is_up, f"fizeau-iked does not come up: {self.log()}")
        return self

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"fizeau-iked ended with {self.process.returncode}: {self.log()}")
        try:
            return ask(self.socket, list=1)[0]["errno"] == "0"
        except OSError:
            return False

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path) as f:
            return f.read()

    def swanctl(self, *args):
        """What swanctl says; the configuration needs VICI."""
        run = subprocess.run(["swanctl", *args, "--uri", "unix://" + os.path.join(self.folder, "vici.sock")], capture_output=True,
                             text=True, timeout=PATIENCE, check=False,
                             env={**os.environ, "SWANCTL_DIR": os.path.join(self.folder, "swanctl")})
        assert run.returncode == 0, f"swanctl {' '.join(args)}: {run.stdout}{run.stderr}"
        return run.stdout

    def stop(self):
        """Ends it in order; returns its exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()


class IkedPair:
    """Two of them that know each other. auth: "pubkey" or "psk". more: further directives for both; more_a, more_b: for
    one. seen_a, seen_b: (address, port) under which the other side sees it, if something lies between. netns_a, netns_b: names of
    network namespaces to run them in."""

    def __init__(self, a="127.0.0.1", b="127.0.0.2", auth="pubkey", more="", more_a="", more_b="", seen_a=None, seen_b=None,
                 ports=None, user=None, psks=None, netns_a=None, netns_b=None):
        self.temporary = tempfile.TemporaryDirectory(prefix="ikedpair-")
        self.folder = self.temporary.name
        if ports is None:
            ports = (4500, 4500) if netns_a else (free_udp_port(a), free_udp_port(b))
        if a == b and ports[0] == ports[1]:
            raise ValueError("two daemons on one address need two ports")
        self.authority = Authority(self.folder)
        psks = psks or ("a secret of the two", "a secret of the two")
        sides = ((a, "a.example.org", ports[0]), (b, "b.example.org", ports[1]))
        seen = (seen_a or (a, ports[0]), seen_b or (b, ports[1]))
        self.daemons = []
        for me in (0, 1):
            address, identity, port = sides[me]
            folder = os.path.join(self.folder, "ab"[me])
            os.mkdir(folder, 0o700)
            conf = f"local {address} port {port}\nid {identity}\nsocket ike.sock\n"
            if auth == "psk":
                write(os.path.join(folder, "psk"), psks[me] + "\n")
                conf += "psk psk\n"
            else:
                self.authority.issue(identity, folder)
                conf += f"certificate {identity}.crt\nkey {identity}.key\nca ../ca.crt\n"
            conf += f"peer {seen[1 - me][0]} port {seen[1 - me][1]} id {sides[1 - me][1]} name {'ab'[1 - me]}\n"
            conf += more + "\n" + (more_a, more_b)[me] + "\n"
            self.daemons.append(Iked(folder, conf, address, identity, port, user, netns=(netns_a, netns_b)[me]))
        self.a, self.b = self.daemons
        if user is not None:
            for folder, _, names in os.walk(self.folder):
                for name in [folder] + [os.path.join(folder, name) for name in names]:
                    os.chown(name, user, user)

    def start(self):
        try:
            for daemon in self.daemons:
                daemon.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        try:
            return [daemon.stop() for daemon in self.daemons]
        finally:
            self.temporary.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def initiate(self, timeout_ms=20000):
        """Sets up an IKE_SA from a to b, waits until b knows it too, and returns it as a tells it."""
        head, sas = ask(self.a.socket, initiate=1, connection="b", timeout_ms=timeout_ms)
        assert head["errno"] == "0", f"{head}: {self.a.log()}"
        head, _ = ask(self.b.socket, lookup=1, spi_i=sas[0]["spi_i"], spi_r=sas[0]["spi_r"], wait_ms=10000)
        assert head["errno"] == "0", f"{head}: {self.b.log()}"
        return sas[0]
