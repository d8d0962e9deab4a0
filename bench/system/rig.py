# SPDX-License-Identifier: MIT
"""What the figures need around them: a fizeaud without limits on a core of its own, the CPU time and memory of all its
processes, the small programs beside it."""
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "testlib"))
import suite  # noqa: E402
from processes import family  # noqa: E402

# As in control.h.
SPI_I, SPI_R, SK_D = b"benchini", b"benchres", b"SK_d of the benches, no secret.."
CORES = sorted(os.sched_getaffinity(0))
OURS, THEIRS = CORES[0], CORES[-1]  # senders on the one, what is measured on the other
UNLIMITED = "\n".join(f"limit bench {item} none" for item in (
    "connections", "peer-connections", "sessions", "peer-sessions", "packets", "rate", "bandwidth", "duration"))


def on_core(core):
    """For preexec_fn: pinned, and ahead of others' work on the machine where that is allowed; both sides of a ratio are."""
    def prepare():
        os.sched_setaffinity(0, {core})
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -19)
    return prepare


class Daemon(suite.Fizeaud):
    """A fizeaud of one worker on a core of its own; ike="static": it knows the benches' IKE_SA; ike=PATH: a key service is
    asked."""

    def __init__(self, ike="off", count=1024, netns=None, host="127.0.0.1", workers=1, busy_poll=False):
        self.keyfiles = suite.tempfile.TemporaryDirectory(prefix="fizeau-bench-")
        keys = suite.private_file(self.keyfiles.name, "keys", "bench bench passphrase\n")
        self.static = suite.private_file(self.keyfiles.name, "sas",
                                         f"{SPI_I.hex()} {SPI_R.hex()} hmac-sha2-256 {SK_D.hex()}\n")
        self.keys = keys
        source = f"static {self.static}" if ike == "static" else "off" if ike == "off" else f"socket {ike}"
        super().__init__(f"keys {keys}\nike {source}\npbkdf2-count {count}\nworkers {workers}\nbusy-poll {'yes' if busy_poll else 'no'}\nclass bench any\n{UNLIMITED}\n",
                         host, netns)

    def start(self, conf, log):
        return subprocess.Popen(suite.inside(self.netns, [suite.FIZEAUD, "-f", "-c", conf]), stdout=log, stderr=log,
                                preexec_fn=on_core(THEIRS))

    def __exit__(self, *failure):
        try:
            super().__exit__(*failure)
        finally:
            self.keyfiles.cleanup()

    def processes(self):
        """The daemon and all that it has started."""
        return family(self.process.pid)

    def cpu_ns(self):
        """User and system time of all processes; of one process and all its threads, as clock_getcpuclockid(3) has it."""
        return sum(time.clock_gettime_ns(~pid << 3 | 2) for pid in self.processes())

    def memory(self):
        """Octets of all processes together. A page that several share counts once (PSS)."""
        total = 0
        for pid in self.processes():
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += next(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        return total


def tool(name, *args, timeout=900):
    """One of the small programs, on the senders' core: what it printed, as JSON."""
    path = os.path.join(suite.BUILD, "bench", "system", name)
    run = subprocess.run([path, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                         preexec_fn=on_core(OURS))
    if run.returncode:
        raise RuntimeError(f"{name}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def measure(*args, netns=None, timeout=120, core=OURS):
    """`fizeau ... -j` on the senders' core: the document; exit status 1 (every packet lost) is a result as well."""
    run = subprocess.run(suite.inside(netns, [suite.FIZEAU, *map(str, args), "-j"]), capture_output=True, text=True,
                         timeout=timeout, preexec_fn=on_core(core))
    if not run.stdout:
        raise RuntimeError(f"fizeau {args[0]}: {run.stderr.strip()}")
    return json.loads(run.stdout)["sessions"][0]


class Sessions:
    """many_sessions at work."""

    def __init__(self, daemon, mode, connections, each):
        path = os.path.join(suite.BUILD, "bench", "system", "many_sessions")
        self.process = subprocess.Popen([path, str(daemon.port), mode, str(connections), str(each)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=on_core(OURS))

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            self.process.wait(30)
            raise RuntimeError(f"many_sessions: {self.process.stderr.read().strip()}")
        return text.strip()

    def __enter__(self):
        if self.line() != "ready":
            raise RuntimeError("many_sessions is not ready")
        return self

    def send(self, packets, rate):
        self.process.stdin.write(f"send {packets} {rate}\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def stop(self):
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()


def others_share(before, after):
    """What others took of the machine's CPU between two readings of /proc/stat: the hypervisor (steal), and all but us."""
    passed = [b - a for a, b in zip(before, after)]
    return passed[7] / max(1, sum(passed[:8]))


def proc_stat():
    with open("/proc/stat") as f:
        return [int(field) for field in f.readline().split()[1:]]


def figure(name, what, method, ratios, at_most=None, at_least=None, unit="ratio", **detail):
    """A figure with its goal: median, least and most of the runs, and whether the median reaches it."""
    value = statistics.median(ratios)
    reached = value <= at_most if at_most is not None else value >= at_least if at_least is not None else None
    return {"name": name, "what": what, "method": method, "unit": unit, "value": value, "least": min(ratios),
            "most": max(ratios), "runs": list(ratios), "goal": {"at_most": at_most, "at_least": at_least},
            "reached": reached, "detail": detail}


def not_yet(name, what, method, why, at_most=None, at_least=None, unit="ratio"):
    return {"name": name, "what": what, "method": method, "unit": unit, "value": None, "least": None, "most": None,
            "runs": [], "goal": {"at_most": at_most, "at_least": at_least}, "reached": None, "not_measured": why,
            "detail": {}}
