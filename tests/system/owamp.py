#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OWAMP as fizeaud serves it: sessions both ways in open mode, storage and fetches, bad input. The client here is
tests/testlib/owamp.py."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from owamp import Control, Receiver, Sender, fixed, ntp  # noqa: E402
from suite import Fizeaud as AnyFizeaud  # noqa: E402
from suite import Suite  # noqa: E402

PATIENCE = 20  # seconds until something that has to come counts as missing
PORTS = 30000 + os.getpid() % 250 * 100  # test ports of this run: another run beside it must not answer for ours


class Fizeaud(AnyFizeaud):
    """One that has to end well: a sanitizer's finding or a crash shows in its exit status."""

    def __init__(self, conf="", **options):
        super().__init__(conf if "test-ports" in conf else f"test-ports {PORTS}-{PORTS + 79}\n{conf}", **options)

    def __exit__(self, *failure):
        log = self.log()
        super().__exit__(*failure)
        assert self.process.returncode == 0, f"exit {self.process.returncode}: {log}"

    def client(self, **options):
        return Control(self.host, self.owamp_port, **options)

    def sender(self, **options):
        return Sender(self.host, **options)

    def receiver(self):
        return Receiver(self.host)

    def counter(self, name):
        return self.status()["counters"][name]


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.02)


suite = Suite()
case = suite.case

with case("a client's packets are recorded, and fetched"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender:
    assert control.modes == 1, control.modes
    #= rfc4656#section-3.5 OW-3.5-13 OW-3.5-27 OW-3.5-28 OW-3.5-29
    port, sid = control.session(packets=5, slots=[fixed(0.02)], timeout=0.3, ports=(sender.port, 9))
    assert PORTS <= port < PORTS + 80 and sid[:4] == bytes([127, 0, 0, 1]), (port, sid)
    assert control.start() == 0
    time.sleep(0.2)
    for seq in (0, 1, 3, 4, 4):
        sender.send(port, seq)
    #= rfc4656#section-3.9 OW-3.9-02 OW-3.9-03 OW-3.9-04 OW-3.9-10 OW-3.9-11
    with server.client() as other:
        assert other.fetch(sid) == 1
        wait_for("packets are there", lambda: len(other.fetch(sid, 0, 9).records) >= 5)
        part = other.fetch(sid, 3, 4)
        assert not part.finished and part.next_seqno == 0 and not part.ranges
        assert [r.seq for r in part.records if not r.lost] == [3, 4, 4]
    #= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 OW-3.8-17 OW-3.8-18
    assert control.stopped() == (0, [])
    control.stop([(sid, 5, [])])
    #= rfc4656#section-3.9 OW-3.9-09 OW-3.9-12 OW-3.9-13 OW-3.9-15 OW-3.9-19 OW-3.9-20
    whole = control.fetch(sid)
    assert whole.finished and whole.next_seqno == 5 and not whole.ranges
    assert [(r.seq, r.lost) for r in whole.records] == \
        [(0, False), (1, False), (3, False), (4, False), (4, False), (2, True)]
    assert whole.head[48:64] == sid and int.from_bytes(whole.head[14:16], "big") == port
    assert whole.head[12:14] == sender.port.to_bytes(2, "big") and whole.head[68:76] == \
        control.start_time.to_bytes(8, "big")
    assert whole.slots == bytes([1] + [0] * 7) + fixed(0.02)[1].to_bytes(8, "big")

with case("the server sends by the client's schedule"), Fizeaud("ike off") as server, server.client() as control, \
        server.receiver() as receiver:
    #= rfc4656#section-3.5 OW-3.5-17 OW-3.5-21 OW-3.5-27
    sid = os.urandom(16)
    port, _ = control.session(conf=(1, 0), packets=5, slots=[fixed(0.02)], timeout=0.3, ports=(0, receiver.port),
                              sid=sid, padding=20, type_p=46 << 24)
    assert control.start() == 0
    for seq in range(5):
        number, sent, length, source, tos = receiver.packet()
        assert (number, length, source, tos) == (seq, 34, ("127.0.0.1", port), 46 << 2)
        assert sent >= control.start_time + (seq + 1) * int(0.02 * 2**32) - 2**24
    #= rfc4656#section-3.8 OW-3.8-01 OW-3.8-09 OW-3.8-11
    assert control.stopped() == (0, [(sid, 5, [])])
    control.stop()
    assert control.fetch(sid) == 1  # its records are the client's

suite.done()
