#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Set-ups while IKE rekeys: pairs of fizeau-iked whose both ends rekey every few seconds, over a relay that delays and loses their
messages, so that rekeyings collide and answers are missing; meanwhile control connections are set up without a pause in both directions
and all protected modes, and sessions run from beginning to end. None may be refused, none mis-keyed.

It runs until everything was seen often enough: a little of it by default, as much as is claimed with

    FIZEAU_BUILD=build tests/system/rekey.py --set-ups 2000 --rekeys 200 --collisions 20 --lost 20 [--pairs 4] [--seed N]
"""
import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from testlib.ikedpair import IkedPair, KeyService, ask, free_udp_port, iked_missing  # noqa: E402
from testlib.ikerelay import CREATE_CHILD_SA, INFORMATIONAL, IkeRelay  # noqa: E402
from testlib.suite import FIZEAU, Fizeaud, Suite, skip_all  # noqa: E402

MODES = ("authenticated", "encrypted", "mixed")
KINDS = tuple(("twoway", mode) for mode in MODES) + (("oneway", "authenticated"), ("oneway", "encrypted"))
FAILURES_MAX = 20  # more need no further proof
LIMIT_S = 200  # a short run that takes longer has failed; a long one may take ten times that
WORDS = {(CREATE_CHILD_SA, False): "requests to rekey", (CREATE_CHILD_SA, True): "answers to it",
         (INFORMATIONAL, False): "deletions", (INFORMATIONAL, True): "answers to those"}


class Counts:
    """What the set-ups came to. mended: those that Accept 6 made try the other SA."""

    def __init__(self):
        self.lock = threading.Lock()
        self.set_ups = {kind: 0 for kind in KINDS}
        self.mended, self.busy, self.failures, self.slowest = 0, 0, [], 0

    def total(self):
        return sum(self.set_ups.values())


def trouble(chance, most):
    """One message in so many is lost, but none more than twice, and no more than most of an exchange; half of the others take up to
    300 ms."""
    lost = {}

    def policy(message):
        if message.exchange not in (CREATE_CHILD_SA, INFORMATIONAL):
            return 0
        exchange = (message.spis, message.number, message.from_a != message.response)
        if message.again < 2 and lost.get(exchange, 0) < most and chance.random() < 0.15:
            lost[exchange] = lost.get(exchange, 0) + 1
            return None
        return chance.choice((0, 0, 0.1, 0.3 * chance.random()))
    return policy


class Watcher(threading.Thread):
    """The events of one key service."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.service = KeyService(path, None)
        assert self.service.ask(watch=1)[0]["errno"] == "0"
        self.rekeyed, self.up, self.down = set(), set(), set()
        self.start()

    def run(self):
        try:
            while True:
                head, sas = self.service.receive()
                getattr(self, head["event"]).add((sas[0]["spi_i"], sas[0]["spi_r"]))
        except (EOFError, OSError):
            pass


class Line:
    """Two hosts with a relay between their IKE daemons, and a fizeaud on each, found under the address the other sees."""

    def __init__(self, number, seed):
        # Only on Linux is all of 127/8 there; the rest of the suite relies on it as well.
        a, b, seen_a, seen_b = (f"127.0.{10 + number}.{n}" for n in (1, 2, 3, 4))
        port = free_udp_port(a, b, seen_a, seen_b)
        self.most = 4 if number % 2 else 2
        self.hosts = (seen_a, seen_b)
        self.pair = IkedPair(a, b, more="rekey 3s", seen_a=(seen_a, port), seen_b=(seen_b, port), ports=(port, port))
        self.relay = IkeRelay((a, port), (b, port), (seen_a, port), (seen_b, port),
                              trouble(random.Random(seed + number), self.most))
        self.servers, self.watchers, self.sessions = [], [], []

    def __enter__(self):
        self.relay.__enter__()
        self.pair.start()
        self.watchers = [Watcher(daemon.socket) for daemon in self.pair.daemons]
        self.pair.initiate()
        for me in (0, 1):
            # A lost answer leaves the other end without the new SA until it is sent again, after 2 s or 5.6 s (and later where more
            # is lost): one server does not wait for so long, and leaves it to the client's second try.
            conf = f"ike socket {self.pair.daemons[me].socket}\npbkdf2-count 1024\nike-wait {('2s', '7s')[me]}"
            self.servers.append(Fizeaud(conf, self.hosts[me]).__enter__())
        for me in (0, 1):
            for mode in MODES:
                self.sessions.append(subprocess.Popen(
                    self.command(me, ("twoway", mode), "-c", 1000000, "-i", "100ms", "-w", "5s"), stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True))
        return self

    def __exit__(self, *_):
        for session in self.sessions:
            if session.poll() is None:
                session.kill()
                session.wait()
        for server in self.servers:
            server.__exit__()
        self.pair.stop()
        self.relay.__exit__()

    def command(self, me, kind, *more):
        """A measurement by me of the other."""
        name, mode = kind
        there = self.servers[1 - me]
        return [FIZEAU, name, "--ike", "require", "--ike-socket", self.pair.daemons[me].socket, "-m", mode, "-I", self.hosts[me],
                *map(str, more), "-v", "-j", there.target if name == "twoway" else there.owamp_target]

    def set_up(self, me, counts, ended):
        for kind in itertools.cycle(KINDS):
            if ended.is_set():
                return
            began = time.monotonic()
            try:
                limits = ("-w", "2s") if kind[0] == "twoway" else ("-w", "1s", "--to")
                run = subprocess.run(self.command(me, kind, "-c", 1, "-i", "1ms", *limits), capture_output=True, text=True,
                                     timeout=60, check=False)
                status, error = run.returncode, run.stderr
            except (OSError, subprocess.TimeoutExpired) as why:
                status, error = -1, str(why)
            with counts.lock:
                counts.slowest = max(counts.slowest, time.monotonic() - began)
                counts.mended += "once more" in error
                if status and "session to the server started" in error:
                    counts.busy += 1  # both ends agreed on keys; the one packet came too late on a machine that has much to do
                    counts.set_ups[kind] += 1
                elif status:
                    counts.failures.append(f"{'ab'[me]} {' '.join(kind)}: exit {status}: {error}")
                else:
                    counts.set_ups[kind] += 1

    def rekeys(self):
        return len(self.watchers[0].rekeyed | self.watchers[1].rekeyed)

    def collisions_logged(self):
        """How many of its own rekeyings an end saw collide, as its charon logs it; that of the end that saw more."""
        return max(daemon.log().count("detected IKE_REKEY collision with IKE_REKEY") for daemon in self.pair.daemons)

    def refusals(self, me):
        """Set-ups that a server refused, though the client's next try went well."""
        return [line for line in self.servers[me].log().splitlines() if "set-up refused" in line]

    def end_sessions(self):
        """Ends the sessions that ran all the time: (packets sent, packets that did not come back)."""
        sent = lost = 0
        for session in self.sessions:
            session.send_signal(signal.SIGINT)
        for session in self.sessions:
            out, error = session.communicate(timeout=60)
            assert session.returncode == 0, (session.returncode, error, [
                (server.process.poll(), server.log()[-2000:]) for server in self.servers])
            packets = json.loads(out)["sessions"][0]["packets"]
            sent, lost = sent + packets["sent"], lost + packets["lost"]
        return sent, lost

    def compare_keys(self):
        """All that both ends know under the same SPIs: (how many, with different keys, only one end has it)."""
        same = different = single = 0
        for spi_i, spi_r in self.watchers[0].up | self.watchers[1].up:
            found = [ask(daemon.socket, lookup=1, spi_i=spi_i, spi_r=spi_r)[1] for daemon in self.pair.daemons]
            if not all(found):
                single += 1
            elif (found[0][0]["key"], found[0][0]["prf"]) == (found[1][0]["key"], found[1][0]["prf"]):
                same += 1
            else:
                different += 1
        return same, different, single


def storm(lines, wanted, limit_s):
    """Sets up and up until all of wanted has happened; the counts."""
    counts, ended, began = Counts(), threading.Event(), time.monotonic()
    workers = [threading.Thread(target=line.set_up, args=(me, counts, ended)) for line in lines for me in (0, 1)]
    for worker in workers:
        worker.start()

    def enough():
        return (counts.total() >= wanted.set_ups and sum(line.rekeys() for line in lines) >= wanted.rekeys
                and sum(line.relay.lost_count() for line in lines) >= wanted.lost
                and sum(line.relay.collisions() for line in lines) >= wanted.collisions
                and sum(line.collisions_logged() for line in lines) >= wanted.collisions)

    try:
        while not enough() and len(counts.failures) <= FAILURES_MAX:
            time.sleep(0.5)
            assert time.monotonic() - began < limit_s, f"{counts.total()} set-ups and not enough trouble in {limit_s} s"
    finally:
        ended.set()
        for worker in workers:
            worker.join()
    return counts


def tell(lines, counts, seconds, sent, lost, keys):
    by_kind = {}
    for line in lines:
        for kind, n in line.relay.lost.items():
            by_kind[kind] = by_kind.get(kind, 0) + n
    print(f"# {counts.total()} set-ups in {seconds:.0f} s ("
          + ", ".join(f"{n} {' '.join(kind)}" for kind, n in counts.set_ups.items()) + f"), the slowest {counts.slowest:.1f} s")
    print(f"# {sum(line.rekeys() for line in lines)} rekeyings of IKE_SAs; {sum(line.relay.collisions() for line in lines)} "
          f"collided on the wire, {sum(line.collisions_logged() for line in lines)} by charon's log")
    print(f"# {sum(by_kind.values())} messages lost ("
          + ", ".join(f"{n} {WORDS[kind]}" for kind, n in sorted(by_kind.items())) + "), "
          f"{sum(line.relay.held for line in lines)} held up")
    refused = [sum(len(line.refusals(me)) for line in lines) for me in (0, 1)]
    print(f"# {len(counts.failures)} failures; {counts.mended} set-ups mended by the client's second try: {refused[0]} refused after "
          f"ike-wait 2s, {refused[1]} after ike-wait 7s")
    print(f"# {counts.busy} one-way measurements whose only packet came too late")
    print(f"# {sum(len(line.sessions) for line in lines)} sessions all the time: {sent} packets, {lost} lost")
    print(f"# {keys[0]} IKE_SAs with the same key at both ends, {keys[1]} with different ones, {keys[2]} known to one only")
    sys.stdout.flush()


def arguments():
    parser = argparse.ArgumentParser()
    for name, few in (("--set-ups", 100), ("--rekeys", 6), ("--collisions", 1), ("--lost", 3), ("--pairs", 2),
                      ("--seed", None)):
        parser.add_argument(name, type=int, default=few)
    return parser.parse_args()


def main():
    reason = iked_missing()
    if reason:
        skip_all(reason)
    suite, wanted = Suite(), arguments()
    seed = wanted.seed if wanted.seed is not None else random.randrange(1 << 30)
    print(f"# --seed {seed}")
    limit_s = LIMIT_S * (10 if wanted.set_ups > 100 else 1)
    lines = [Line(number, seed) for number in range(wanted.pairs)]
    try:
        for line in lines:
            line.__enter__()
        with suite.case(f"{wanted.set_ups} set-ups, {wanted.rekeys} rekeyings, {wanted.collisions} collisions, {wanted.lost} "
                        "lost messages: enough trouble was made"):
            began = time.monotonic()
            counts = storm(lines, wanted, limit_s)
            seconds = time.monotonic() - began
            assert len(counts.failures) <= FAILURES_MAX, counts.failures[:3]
        results = [line.end_sessions() for line in lines]
        sent, lost = (sum(r[n] for r in results) for n in (0, 1))
        compared = [line.compare_keys() for line in lines]
        keys = [sum(c[n] for c in compared) for n in (0, 1, 2)]
        tell(lines, counts, seconds, sent, lost, keys)
        #= rfc7717#section-5.1 IK-5.1-03
        with suite.case("none was refused, none mis-keyed"):
            assert not counts.failures, counts.failures[:3]
            assert all(counts.set_ups.values()), counts.set_ups
        with suite.case("a server that waits longer than IKE needs to send again refuses nobody even once"):
            refusals = [refusal for line in lines if line.most == 2 for refusal in line.refusals(1)]
            assert not refusals, refusals[:3]
        #= rfc7717#section-5.1 IK-5.1-08
        with suite.case("the sessions that ran all the time noticed nothing"):
            assert sent > 0 and lost == 0, (sent, lost)
        with suite.case("an SA that both ends know has one key"):
            assert keys[0] and not keys[1], keys
    finally:
        for line in lines:
            line.__exit__()
    suite.done()


if __name__ == "__main__":
    main()
