#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OWAMP as fizeaud serves it: sessions both ways in open mode, storage and fetches, bad input. The client here is
tests/testlib/owamp.py."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import ntp, wait_for  # noqa: E402
from owamp import PORTS, SECOND, WHOLE, Fizeaud, Sender, fixed, measure, record_some  # noqa: E402
from suite import Suite  # noqa: E402

suite = Suite()
case = suite.case

with case("a client's packets are recorded, and fetched"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender:
    assert control.modes == 1, control.modes
    #= rfc8545#section-4 PO-4-01
    #= rfc8545#section-5.2 PO-5.2-02
    #= rfc4656#section-3.5 OW-3.5-13 OW-3.5-27 OW-3.5-28 OW-3.5-29
    port, sid = control.session(packets=5, slots=[fixed(0.02)], timeout=0.6, ports=(sender.port, 861))
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
    port, _ = control.session(conf=(1, 0), packets=5, slots=[fixed(0.02)], timeout=0.6, ports=(0, receiver.port),
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

with case("a running session is not had whole, a broken one in part"), Fizeaud("ike off") as server, \
        server.sender() as sender:
    with server.client() as control:
        _, sid = record_some(control, sender, numbers=(0, 2), packets=5)
        time.sleep(1)
    #= rfc4656#section-2 OW-2-02
    wait_for("the session ends", lambda: server.counter("ended_connection") == 1)
    with server.client() as other:
        #= rfc4656#section-3.9 OW-3.9-03 OW-3.9-04
        #= rfc4656#section-3.8 OW-3.8-08 OW-3.8-13 OW-3.8-14
        assert other.fetch(sid) == 1
        part = other.fetch(sid, 0, 10)
        assert part.finished and part.next_seqno == 3
        assert [(r.seq, r.lost) for r in part.records if r.seq < 3] == [(0, False), (2, False), (1, True)]
        assert all(r.seq < 3 for r in part.records), "what was lost behind the last that came is not known"

with case("either end's Accept invalidates the results"), Fizeaud("ike off") as server:
    #= rfc4656#section-3.8 OW-3.8-06 OW-3.8-07
    sid = measure(server, accept=1)
    with server.client() as control:
        assert control.fetch(sid) == 1 and len(control.fetch(sid, 0, 9).records) == 3
    assert server.counter("ended_failed") == 1

with case("a Next Seqno below a number that came invalidates the session"), Fizeaud("ike off") as server:
    #= rfc4656#section-3.8 OW-3.8-15
    sid = measure(server, end=(2, []))
    with server.client() as control:
        assert control.fetch(sid) == 1 and len(control.fetch(sid, 0, 9).records) == 3
    assert server.counter("ended_failed") == 1

with case("what the sender skipped is not lost"), Fizeaud("ike off") as server:
    #= rfc4656#section-3.8 OW-3.8-12
    #= rfc4656#section-3.9 OW-3.9-16
    sid = measure(server, end=(6, [(1, 1), (3, 4)]), numbers=(0, 2), packets=6)
    with server.client() as control:
        whole = control.fetch(sid)
        assert whole.next_seqno == 6 and whole.ranges == [(1, 1), (3, 4)]
        assert [(r.seq, r.lost) for r in whole.records] == [(0, False), (2, False), (5, True)]

with case("Stop-Sessions that does not add up closes the connection"), Fizeaud("ike off") as server, \
        server.sender() as sender:
    #= rfc4656#section-3.8 OW-3.8-04 OW-3.8-09 OW-3.8-10
    stops = {
        "none of one": lambda sid: [],
        "one too many": lambda sid: [(sid, 3, []), (os.urandom(16), 3, [])],
        "twice": lambda sid: [(sid, 3, []), (sid, 3, [])],
        "unknown": lambda sid: [(os.urandom(16), 3, [])],
        "ranges out of order": lambda sid: [(sid, 3, [(2, 2), (0, 0)])],
        "ranges that overlap": lambda sid: [(sid, 3, [(0, 1), (1, 2)])],
        "a range that ends before it begins": lambda sid: [(sid, 3, [(2, 1)])],
        "a range above Next Seqno": lambda sid: [(sid, 3, [(2, 3)])],
    }
    for name, ends in stops.items():
        with server.client() as control:
            _, sid = record_some(control, sender)
            time.sleep(0.3)
            control.stop(ends(sid))
            assert control.closed(), name
        with server.client() as control:
            assert control.fetch(sid) == 1, name
    wait_for("all are over", lambda: not server.status()["sessions"])

with case("two sessions of one connection, one each way, and more after the stop"), Fizeaud("ike off") as server, \
        server.client() as control, server.sender() as sender, server.receiver() as receiver:
    for _ in range(2):
        port, sid = control.session(**WHOLE)
        back = os.urandom(16)
        control.session(conf=(1, 0), ports=(0, receiver.port), sid=back, **WHOLE)
        assert control.start() == 0
        assert [receiver.packet()[0] for _ in range(3)] == [0, 1, 2]
        for seq in range(3):
            sender.send(port, seq)
        #= rfc4656#section-3.8 OW-3.8-09
        assert control.stopped() == (0, [(back, 3, [])])
        control.stop([(sid, 3, [])])
        assert len(control.fetch(sid).records) == 3

with case("an early stop ends our sender first"), Fizeaud("ike off") as server, server.client() as control, \
        server.receiver() as receiver:
    sid = os.urandom(16)
    control.session(conf=(1, 0), ports=(0, receiver.port), sid=sid, packets=1000, slots=[fixed(0.02)])
    assert control.start() == 0
    for _ in range(3):
        last = receiver.packet()[0]
    control.stop()
    #= rfc4656#section-3.8 OW-3.8-11 OW-3.8-19
    accept, [(which, next_seqno, ranges)] = control.stopped()
    assert (accept, which, ranges) == (0, sid, []) and next_seqno > last
    while last + 1 < next_seqno:
        last = receiver.packet()[0]
    assert receiver.packet(0.2) is None

with case("an early stop leaves out what may be under way"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender:
    port, sid = control.session(packets=1000, slots=[fixed(0.05)], timeout=0.4)
    assert control.start() == 0
    time.sleep(0.2)
    sent = []
    for seq in range(20):
        time.sleep(0.05)
        sender.send(port, seq)
        sent.append(ntp(time.time()))
    control.stop([(sid, 20, [])])
    stopped = ntp(time.time())
    #= rfc4656#section-3.8 OW-3.8-16
    assert control.stopped() == (0, [])
    whole = control.fetch(sid)
    assert whole.next_seqno == 20 and 5 <= len(whole.records) < 20, len(whole.records)
    assert all(r.sent <= stopped - int(0.3 * SECOND) for r in whole.records)

with case("packets late by more than Timeout are skipped, the others caught up with"), Fizeaud("ike off") as server, \
        server.client() as control, server.receiver() as receiver:
    #= rfc4656#section-4.1.1 OW-4.1.1-03 OW-4.1.1-04
    sid = os.urandom(16)
    control.session(conf=(1, 0), ports=(0, receiver.port), sid=sid, packets=10, slots=[fixed(1)], timeout=2.5,
                    start=ntp(time.time() - 7.5))
    assert control.start() == 0
    first = receiver.packet()[0]
    assert 3 <= first <= 6, first
    control.stop()
    accept, [(_, next_seqno, ranges)] = control.stopped()
    assert accept == 0 and next_seqno > first and ranges == [(0, first - 1)], ranges

with case("what a request may not ask for"), Fizeaud("ike off\nlimit anyone third-party no") as server, \
        server.client() as control:
    #= rfc4656#section-6.2 OW-6.2-01 OW-6.2-02 OW-6.2-03
    sending = dict(conf=(1, 0), ports=(0, 5000))
    assert control.refused(receiver="192.0.2.1", **sending) == 1
    assert control.refused(receiver="127.0.0.2") == 1
    assert control.refused(sender="192.0.2.1", **sending) == 1
    assert control.refused(sender="127.0.0.2") == 1
    assert server.counter("request_third_party") == 4
    #= rfc4656#section-3.5 OW-3.5-14
    assert control.refused(conf=(1, 1)) == 3
    #= rfc4656#section-3.5 OW-3.5-22 OW-3.5-23
    for type_p in (0x40000000, 0x80000000, 0xc0000000, 0x2e000001):
        assert control.refused(type_p=type_p, **sending) == 3
        control.session(type_p=type_p)
    assert control.refused(conf=(1, 0), ports=(0, 0)) == 3
    assert control.refused(version=6) == 3
    #= rfc4656#section-3.5 OW-3.5-11 OW-3.5-12 OW-3.5-25
    assert control.refused(conf=(0, 0)) != 0
    control.session(conf=(0, 7))
    sid = os.urandom(16)
    control.session(sid=sid, **sending)
    assert control.refused(sid=sid, **sending) == 1
    with server.client() as other:
        assert other.refused(sid=sid, **sending) == 1
    assert server.counter("request_sid") == 1  # on one connection it does not come to that
    # The connection goes on after all that.
    assert control.start() == 0

with case("what its class may not have"), Fizeaud("""ike off
limit anyone packets 1000
limit anyone rate 100
limit anyone bandwidth 80000
limit anyone padding 500
limit anyone duration 60s
limit anyone storage 100000""") as server, server.client() as control:
    #= rfc4656#section-6.5 OW-6.5-01
    #= rfc4656#section-3.3 OW-3.3-01
    short = [fixed(0.01)]
    assert control.refused(packets=1001, slots=short) == 4
    assert control.refused(packets=2, slots=[fixed(0.0099)]) == 4
    assert control.refused(packets=2, slots=[fixed(0)]) == 4
    assert control.refused(packets=2, slots=[fixed(0), fixed(0.0199)]) == 4
    assert control.refused(packets=1000, slots=[fixed(0.06)]) == 4
    assert control.refused(packets=1, slots=[(1, 2**64 - 1)]) == 4
    assert control.refused(packets=10, slots=short, timeout=60) == 4
    assert control.refused(packets=10, slots=short, start=ntp(time.time() + 61)) == 4
    assert control.refused(packets=2, slots=short, padding=501) == 4
    assert control.refused(packets=2, slots=[fixed(0.05)], padding=487) == 4
    counters = server.status()["counters"]
    assert [counters[f"request_{name}"] for name in ("packets", "rate", "duration", "padding", "bandwidth")] == \
        [1, 3, 4, 1, 1], counters
    control.session(packets=2, slots=[fixed(0), fixed(0.021)])
    control.session(packets=2, slots=[fixed(0.05)], padding=480)
    for _ in range(2):
        control.session(packets=1000, slots=[fixed(0.011)])
    while (answer := control.request(packets=1000, slots=[fixed(0.011)]))[0] == 0:
        pass
    assert answer[0] == 5 and server.counter("request_storage") == 1
    # What is not started takes nothing any more once its connection is gone.
    control.sock.close()
    wait_for("it is free again", lambda: server.status()["classes"][0]["storage_octets"] == 0)

with case("storage that can never be enough"), Fizeaud("ike off\nlimit anyone storage 10000") as server, \
        server.client() as control:
    assert control.refused(packets=1000, slots=[fixed(0.01)]) == 4

with case("both ends here, where a third party is allowed"), Fizeaud("ike off\nlimit anyone third-party yes") as server, \
        server.client() as control:
    #= rfc4656#section-3.5 OW-3.5-14 OW-3.5-27
    port, sid = control.session(conf=(1, 1), **WHOLE, sender="127.0.0.2")
    assert port == 0 and sid != bytes(16)
    assert control.refused(conf=(1, 1), sender="192.0.2.1", **WHOLE) == 3
    assert control.start() == 0
    assert control.stopped() == (0, [(sid, 3, [])])
    control.stop()
    whole = control.fetch(sid)
    assert [(r.seq, r.lost, r.ttl) for r in whole.records] == [(0, False, 255), (1, False, 255), (2, False, 255)]

with case("SIDs are of this host, of this moment, and not to be guessed"), Fizeaud("ike off") as server, \
        server.client() as control:
    #= rfc4656#section-3.5 OW-3.5-28 OW-3.5-29 OW-3.5-32
    before = ntp(time.time())
    sids = [control.session(**WHOLE)[1] for _ in range(40)]
    after = ntp(time.time() + 1)
    assert all(sid[:4] == bytes([127, 0, 0, 1]) and before <= int.from_bytes(sid[4:12], "big") <= after for sid in sids)
    assert len({sid[12:] for sid in sids}) == 40

with case("IPv6"), Fizeaud("ike off", host="::1") as server, server.client() as control, server.sender() as sender, \
        server.receiver() as receiver:
    assert control.refused(version=4) == 3
    port, sid = control.session(**WHOLE)
    back = os.urandom(16)
    control.session(conf=(1, 0), ports=(0, receiver.port), sid=back, **WHOLE)
    assert control.start() == 0
    for seq in range(3):
        assert receiver.packet()[0] == seq
        sender.send(port, seq)
    control.stopped()
    control.stop([(sid, 3, [])])
    assert [r.seq for r in control.fetch(sid).records] == [0, 1, 2]

with case("what does not belong to the session gives no record"), Fizeaud("ike off") as server, \
        server.client() as control, server.sender() as sender, Sender(server.host, "127.0.0.2") as stranger:
    port, sid = control.session(packets=3, slots=[fixed(0.01)], timeout=1.0, padding=4)
    assert control.start() == 0
    time.sleep(0.25)
    #= rfc4656#section-4.2 OW-4.2-01
    stranger.send(port, 0, 4)
    sender.send(port, 0, 3)
    sender.send(port, 3, 4)
    sender.send(port, 0, 4, error=0)
    sender.send(port, 0, 4, sent=ntp(time.time() - 2))
    sender.send(port, 0, 4, sent=ntp(time.time() + 2))
    sender.send(port, 1, 4)
    names = ["dropped_no_session", "dropped_length", "dropped_unknown_number", "dropped_error_estimate", "dropped_late"]
    wait_for("all are counted", lambda: [server.counter(name) for name in names] == [1, 1, 1, 1, 2])
    with server.client() as other:
        assert [r.seq for r in other.fetch(sid, 0, 9).records if not r.lost] == [1]
    [one] = server.status()["sessions"]
    assert (one["protocol"], one["direction"], one["received"], one["state"]) == ("owamp", "receive", 1, "running"), one
    assert one["sid"] == sid.hex() and one["port"] == port and one["drops"]["late"] == 2, one

suite.done()
