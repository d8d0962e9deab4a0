# SPDX-License-Identifier: MIT
"""A process and all that it has started, as one: who they are, holding them, what their UDP sockets dropped; and a fizeau
at work beside the test."""
import contextlib
import json
import os
import signal
import subprocess
import time

from suite import BUILD

PATIENCE = 60  # seconds until something that has to come counts as missing


def look(pid):
    """State and parent; None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except (OSError, IndexError):
        return None
    return fields[0], int(fields[1])


def family(pid):
    """The process and its descendants, as they are now; parents before children."""
    children = {}
    for name in os.listdir("/proc"):
        seen = look(name) if name.isdigit() else None
        if seen:
            children.setdefault(seen[1], []).append(int(name))
    all_of_them = [pid]
    for one in all_of_them:
        all_of_them.extend(children.get(one, []))
    return all_of_them


@contextlib.contextmanager
def held(pid):
    """Nobody of the family runs meanwhile (SIGSTOP, SIGCONT)."""
    pids = family(pid)
    try:
        for one in pids:
            os.kill(one, signal.SIGSTOP)
        end = time.monotonic() + PATIENCE
        while any(look(one)[0] != "T" for one in pids):
            assert time.monotonic() < end, "still not stopped"
            time.sleep(0.005)
        yield
    finally:
        for one in pids:
            os.kill(one, signal.SIGCONT)


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def at_work(*args):
    """A program beside the test; what it printed is for measured()."""
    process = subprocess.Popen([*map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def without_stamps():
    """The environment of a program for which neither kernel nor card stamps packets. A sanitizer wants to be loaded before
    anything else, but can do without."""
    library = os.path.abspath(os.path.join(BUILD, "tests", "system", "libno_stamps.so"))
    asan = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    return {**os.environ, "LD_PRELOAD": library, "ASAN_OPTIONS": asan}


def measured(process):
    """The only session of a measurement that is at work with -j."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (process.returncode, err)
    session, = json.loads(out)["sessions"]
    return session


def udp_sockets(pids):
    """(port, datagrams that the kernel dropped for want of room) of each UDP socket of these processes."""
    inodes, sockets = set(), []
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with open(table) as f:
            for fields in (line.split() for line in list(f)[1:]):
                if fields[9] in inodes:
                    sockets.append((int(fields[1].split(":")[1], 16), int(fields[-1])))
    return sockets
