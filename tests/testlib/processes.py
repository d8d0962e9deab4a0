# SPDX-License-Identifier: MIT
"""A process and all that it has started, as one: who they are, and holding them."""
import contextlib
import os
import signal
import time

PATIENCE = 20  # seconds


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
