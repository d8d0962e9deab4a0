# SPDX-License-Identifier: MIT
"""An OWAMP server played by a test, in open mode: honest unless told otherwise, with exact losses of its own making.

    with Server(OwampPlay(lost={3}, stop={"accept": 1})) as server:
        fizeau("oneway", "-i", "5ms", server.target)

It knows fixed slots only. What it is told:

    refuse        {"to": accept, "from": accept}
    nat           True: it knows the client's host by another address, and takes none but that of the connection
    port          answered instead of the real one
    lost          numbers to the server that it says are lost
    twice         numbers to the server that it records twice
    swap          (a, b): numbers whose records change places
    skip          numbers from the server that it does not send, and says so
    hide          ... and does not say so
    repeat        numbers that it sends twice
    hang_up       "request", "start", "test", "stop" or "fetch": it closes then
    stop_after    seconds after the start, before the session is over, it sends its Stop-Sessions, or hangs up
    prompt        True: it sends its Stop-Sessions as soon as every packet is sent, without a wait for the last
    stop          {"accept": n, "sessions": n, "sid": octets, "next": n, "ranges": [(a, b)], "silent": True}: what is
                  different in it
    fetch         a function of the play and the session: octets of the whole answer, instead of the right ones
    stored        sessions that can be fetched besides: {sid: Session}
"""
import os
import socket
import struct
import threading
import time

from player import ntp, set_up

BLOCK = 16
RECORD = 25


def seconds(ntp_time):
    return ntp_time / 2**32 - 2208988800


def padded(octets):
    return octets + bytes(-len(octets) % BLOCK)


def record(seq, sent, received, ttl=64, sent_error=0x8101, received_error=0x8101):
    return struct.pack(">IHHQQB", seq, sent_error, received_error, sent, received, ttl)


def lost_record(seq, due):
    return record(seq, due, 0, ttl=255, sent_error=1)


class Session:
    """One that was asked for: head is Request-Session without its HMACs, slots the slots."""

    def __init__(self, head, slots):
        self.head, self.slots = head, slots
        self.to_server = head[3] != 0
        self.packets, self.sender_port, self.receiver_port = struct.unpack(">IHH", head[8:16])
        self.sid = head[48:64]
        self.start, self.timeout = struct.unpack(">QQ", head[68:84])
        self.records = []
        self.next, self.ranges = 0, []

    def due(self, seq):
        """When a number is to be sent, NTP."""
        at, steps = self.start, [struct.unpack(">Q", self.slots[i + 8:i + 16])[0] for i in range(0, len(self.slots), 16)]
        for i in range(seq + 1):
            at += steps[i % len(steps)]
        return at & (2**64 - 1)


def fetch_answer(session, records=None, ranges=None, finished=1, next_seqno=None, accept=0, count=None, head=None):
    """Fetch-Ack and what follows it."""
    records = session.records if records is None else records
    ranges = session.ranges if ranges is None else ranges
    next_seqno = session.next if next_seqno is None else next_seqno
    ack = struct.pack(">BBHIII", accept, finished, 0, next_seqno, len(ranges), len(records) if count is None else count)
    return (ack + bytes(16) + (head or session.head) + bytes(16) + session.slots + bytes(16) +
            padded(b"".join(struct.pack(">II", *r) for r in ranges)) + bytes(16) + padded(b"".join(records)) + bytes(16))


class OwampPlay:
    """What a Server of player.py does with each connection."""

    def __init__(self, refuse=None, nat=False, port=None, lost=(), twice=(), swap=None, skip=(), hide=(), repeat=(), hang_up=None,
                 stop_after=None, prompt=False, stop=None, fetch=None, stored=None):
        self.nat, self.prompt = nat, prompt
        self.refuse, self.port, self.lost, self.twice, self.swap = refuse or {}, port, lost, twice, swap
        self.skip, self.hide, self.repeat, self.hang_up, self.stop_after = skip, hide, repeat, hang_up, stop_after
        self.stop_tricks, self.fetch, self.stored = stop or {}, fetch, stored or {}
        self.requests, self.stops = [], []

    def __call__(self, server, connection):
        set_up(server, connection)
        self.server, self.connection = server, connection
        self.sessions, self.threads, self.running, self.stopped = [], [], False, False
        self.sending = threading.Lock()
        try:
            while self.command():
                pass
        finally:
            self.running = False
            for thread in self.threads:
                thread.join(20)

    def send(self, octets):
        with self.sending:
            self.connection.sendall(octets)

    def take(self, octets):
        return self.server.take(self.connection, octets)

    def command(self):
        first = self.take(16)
        handler = {1: self.request, 2: self.start, 3: self.stop, 4: self.give}[first[0]]
        if self.hang_up == {1: "request", 2: "start", 3: "stop", 4: "fetch"}[first[0]]:
            return False
        return handler(first)

    def request(self, first):
        head = first + self.take(80)
        self.take(16)
        slots = self.take(16 * struct.unpack(">I", head[4:8])[0])
        self.take(16)
        session = Session(head, slots)
        self.requests.append(session)
        way = "to" if session.to_server else "from"
        own = head[16:32] if session.to_server else head[32:48]
        if self.nat and own != bytes(16):
            self.send(b"\x01" + bytes(47))
            return True
        if way in self.refuse:
            self.send(bytes([self.refuse[way]]) + bytes(47))
            return True
        session.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        session.udp.bind(("127.0.0.1", 0))
        port = session.udp.getsockname()[1]
        if session.to_server:
            session.sid = b"\x7f\x00\x00\x01" + os.urandom(12)
            session.head = head[:14] + struct.pack(">H", port) + head[16:48] + session.sid + head[64:]
        self.sessions.append(session)
        self.send(struct.pack(">BBH", 0, 0, self.port or port) + (session.sid if session.to_server else bytes(16)) +
                  bytes(28))
        return True

    def start(self, _):
        self.take(16)
        self.running = True
        for session in self.sessions:
            self.threads.append(threading.Thread(
                target=self.receive if session.to_server else self.transmit, args=(session,), daemon=True))
        if self.stop_after is not None or self.prompt or self.hang_up == "test":
            self.threads.append(threading.Thread(target=self.end_early, daemon=True))
        self.send(bytes(32))
        for thread in self.threads:
            thread.start()
        return True

    def end_early(self):
        while self.prompt and self.running and any(s.next < s.packets for s in self.sessions):
            time.sleep(0.005)
        time.sleep(0 if self.prompt else self.stop_after or 0.5)
        if self.hang_up == "test":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.running = self.prompt
        self.send_stop()

    def receive(self, session):
        session.udp.settimeout(0.05)
        while self.running:
            try:
                packet = session.udp.recv(65536)
            except OSError:
                continue
            seq, sent = struct.unpack(">IQ", packet[:12])
            arrived = struct.unpack(">Q", ntp(time.time()))[0]
            session.next = max(session.next, seq + 1)
            octets = lost_record(seq, session.due(seq)) if seq in self.lost else record(seq, sent, max(arrived, sent))
            session.records += [octets] * (2 if seq in self.twice else 1)

    def transmit(self, session):
        for seq in range(session.packets):
            while self.running and time.time() < seconds(session.due(seq)):
                time.sleep(0.001)
            if not self.running:
                return
            session.next = seq + 1
            if seq in self.skip or seq in self.hide:
                continue
            packet = struct.pack(">IQH", seq, struct.unpack(">Q", ntp(time.time()))[0], 0x8101)
            for _ in range(2 if seq in self.repeat else 1):
                session.udp.sendto(packet + bytes(struct.unpack(">I", session.head[64:68])[0]),
                                   ("127.0.0.1", session.receiver_port))

    def stop_records(self):
        tricks = self.stop_tricks
        mine = [s for s in self.sessions if not s.to_server]
        body = b""
        for session in mine[:tricks.get("sessions", len(mine))]:
            ranges = tricks.get("ranges", [(seq, seq) for seq in sorted(self.skip) if seq < session.next])
            body += padded(tricks.get("sid", session.sid) + struct.pack(">II", tricks.get("next", session.next), len(ranges)) +
                           b"".join(struct.pack(">II", *r) for r in ranges))
        return tricks.get("sessions", len(mine)), body

    def send_stop(self):
        count, body = self.stop_records()
        if not self.stop_tricks.get("silent"):
            self.send(struct.pack(">BBHI", 3, self.stop_tricks.get("accept", 0), 0, count) + bytes(8) + body + bytes(16))
        self.stopped = True

    def stop(self, first):
        self.stopped_at = time.time()
        for _ in range(struct.unpack(">I", first[4:8])[0]):
            sid, next_seqno, ranges = struct.unpack(">16sII", self.take(24))
            rest = self.take(-(-(24 + 8 * ranges) // BLOCK) * BLOCK - 24)
            self.stops.append((sid, next_seqno, [struct.unpack(">II", rest[8 * i:8 * i + 8]) for i in range(ranges)]))
            for session in self.sessions:
                if session.sid == sid:
                    session.next, session.ranges = next_seqno, self.stops[-1][2]
        self.take(16)
        time.sleep(0.1)  # what is under way
        self.running = False
        if not self.stopped:
            self.send_stop()
        for session in self.sessions:
            if session.to_server:
                self.stored[session.sid] = session
                if self.swap:
                    a, b = (next(i for i, r in enumerate(session.records) if r[:4] == struct.pack(">I", seq))
                            for seq in self.swap)
                    session.records[a], session.records[b] = session.records[b], session.records[a]
        return True

    def give(self, first):
        begin, end = struct.unpack(">II", first[8:16])
        sid = self.take(16)
        self.take(16)
        session = self.stored.get(sid)
        if self.fetch:
            self.send(self.fetch(self, session))
        elif session is None:
            self.send(b"\x01" + bytes(31))
        else:
            self.send(fetch_answer(session, [r for r in session.records if begin <= struct.unpack(">I", r[:4])[0] <= end]))
        return True
