# SPDX-License-Identifier: MIT
"""What the system tests share: cases counted as TAP, our programs started and ended, namespaces of the test's own.

    suite = Suite()
    with suite.case("open mode measures"):
        with Fizeaud(conf) as server:
            result = fizeau_json("twoway", ..., server.target)
    suite.done()

The build's folder is in FIZEAU_BUILD (meson sets it), else ./build.
"""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ.get("FIZEAU_BUILD", "build")
FIZEAU = os.path.join(BUILD, "cli", "fizeau")
FIZEAUD = os.path.join(BUILD, "daemon", "fizeaud")


class Suite:
    """Counts cases and prints them as TAP."""

    def __init__(self):
        self.count = self.failed = 0

    @contextlib.contextmanager
    def case(self, name):
        self.count += 1
        try:
            yield
        except Exception:  # a case must not take the others with it
            self.failed += 1
            print(f"not ok {self.count} - {name}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
        else:
            print(f"ok {self.count} - {name}")
        sys.stdout.flush()

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def skip_all(reason):
    """For a whole file that cannot run on this machine."""
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def free_port(host="127.0.0.1"):
    """A TCP port that nobody has right now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def inside(netns, command):
    """The command as it is run in a namespace, by name, or by whoever knows how (testlib/gateway.py)."""
    if callable(netns):
        return netns(command)
    return ["ip", "netns", "exec", netns, *command] if netns else list(command)


def private_file(folder, name, text):
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path


class Fizeaud:
    """A fizeaud with the directives given, beside listeners, control socket, storage and user of the test's own."""

    def __init__(self, conf="", host="127.0.0.1", netns=None, port=None, owamp_port=None):
        self.host, self.netns, self.extra = host, netns, conf
        self.wanted = port, owamp_port
        self.choose_ports()

    def choose_ports(self):
        self.port, self.owamp_port = self.wanted
        while not self.port or self.port == self.owamp_port:
            self.port = free_port(self.host if not self.netns else "127.0.0.1")
        while not self.owamp_port or self.owamp_port == self.port:
            self.owamp_port = free_port(self.host if not self.netns else "127.0.0.1")
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.target, self.owamp_target = f"{host}:{self.port}", f"{host}:{self.owamp_port}"

    def __enter__(self):
        for _ in range(5):
            if self.comes_up():
                return self
            # Somebody else was faster with a port that was free?
            log = self.log()
            if all(self.wanted) or "Address already in use" not in log:
                break
            self.folder.cleanup()
            self.choose_ports()
        raise RuntimeError(f"fizeaud did not come up: {log}")

    def comes_up(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fizeaud-")
        self.control = os.path.join(self.folder.name, "ctl")
        self.storage = os.path.join(self.folder.name, "storage")
        os.mkdir(self.storage, 0o700)
        storage = "" if "\nstorage " in f"\n{self.extra}" else f"storage {self.storage}\n"
        conf = private_file(self.folder.name, "fizeaud.conf",
                            f"listen twamp {self.host} {self.port}\nlisten owamp {self.host} {self.owamp_port}\n"
                            f"control {self.control}\nuser -\n{storage}{self.extra}\n")
        self.log_path = os.path.join(self.folder.name, "log")
        with open(self.log_path, "w") as log:
            self.process = self.start(conf, log)
        for _ in range(200):
            if os.path.exists(self.control):
                return True
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        return False

    def start(self, conf, log):
        return subprocess.Popen(inside(self.netns, [FIZEAUD, "-f", "-v", "-c", conf]), stdout=log, stderr=log)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.folder.cleanup()

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def status(self):
        return json.loads(fizeau("status", "-j", "--control", self.control).stdout)


def fizeau(*args, netns=None, timeout=60):
    """Runs the client; the result has returncode, stdout and stderr."""
    return subprocess.run(inside(netns, [FIZEAU, *map(str, args)]), capture_output=True, text=True, timeout=timeout)


def fizeau_json(*args, status=0, **kwargs):
    """Runs a measurement with -j, checks its exit status and returns the document."""
    run = fizeau(*args, "-j", **kwargs)
    assert run.returncode == status, f"exit {run.returncode}, wanted {status}: {run.stdout}{run.stderr}"
    return json.loads(run.stdout)


class Netns:
    """Network namespaces of the test's own, gone at the end. Names are unique to the process."""

    def __init__(self, *names):
        self.names = {name: f"fz{os.getpid()}{name}" for name in names}

    def __getitem__(self, name):
        return self.names[name]

    def __enter__(self):
        for name in self.names.values():
            self.ip("netns", "add", name)
            self.single(name, "lo")
            self.ip("-n", name, "link", "set", "lo", "up")
        return self

    def single(self, name, device):
        """Datagrams that leave as one train pass the device one by one, as a capture is to see them."""
        self.ip("-n", name, "link", "set", "dev", device, "gso_max_segs", "1")

    def __exit__(self, *_):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False)

    @staticmethod
    def ip(*args):
        subprocess.run(["ip", *args], check=True)

    def link(self, a, a_address, b, b_address):
        """A veth pair between two of them, its ends named after the other side."""
        self.ip("-n", self[a], "link", "add", f"to-{b}", "type", "veth", "peer", "name", f"to-{a}", "netns", self[b])
        for here, there, address in ((a, b, a_address), (b, a, b_address)):
            self.single(self[here], f"to-{there}")
            self.ip("-n", self[here], "address", "add", address, "dev", f"to-{there}")
            self.ip("-n", self[here], "link", "set", f"to-{there}", "up")


def namespaces_work():
    """Whether they can be made and entered: in a container or chroot the one may work without the other."""
    probe = f"fz{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode == 0
    if not made:
        return False
    entered = subprocess.run(inside(probe, ["true"]), capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", probe], check=False)
    return entered
