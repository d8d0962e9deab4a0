# SPDX-License-Identifier: MIT
"""An OWAMP client in open mode, written from RFC 4656 byte by byte, so that it can do what a good client never would; and
a fizeaud for it."""
import os
import socket
import struct
import time

from octets import PATIENCE, Connection, address16, ntp, own_ports, receive
from suite import Fizeaud as AnyFizeaud

PORTS, PORTS_GUARD = own_ports(10000, 80)  # test ports of this run: another run beside it must not answer for ours
SECOND = 2**32
ALL = (0, 0xffffffff)
RECORD = 25


def pad16(octets):
    return octets + bytes(-len(octets) % 16)


def fixed(seconds):
    """A slot of a constant wait."""
    return 1, int(seconds * 2**32)


def exponential(seconds):
    return 0, int(seconds * 2**32)


class Record:
    """One of a fetch's records (section 3.9)."""

    def __init__(self, octets):
        (self.seq, self.send_error, self.receive_error, self.sent, self.received,
         self.ttl) = struct.unpack(">IHHQQB", octets)
        self.octets = octets
        self.lost = self.received == 0


class Fetched:
    """An accepted Fetch-Session."""

    def __init__(self, ack, head, slots, ranges, records):
        self.finished, self.next_seqno = ack[1], struct.unpack(">I", ack[4:8])[0]
        self.head, self.slots, self.ranges = head, slots, ranges
        self.records = [Record(records[at:at + RECORD]) for at in range(0, len(records), RECORD)]


class Control(Connection):
    """A control connection in open mode."""

    def __init__(self, host, port, source=None, set_up=True):
        self.sock = socket.create_connection((host, port), PATIENCE, source and (source, 0))
        self.version = 6 if ":" in host else 4
        self.greeting = receive(self.sock, 64)
        self.modes = struct.unpack(">I", self.greeting[12:16])[0] if len(self.greeting) == 64 else None
        if set_up:
            accept = self.set_up()
            assert accept == 0, f"Accept {accept}"

    def set_up(self, mode=1):
        self.sock.sendall(struct.pack(">I", mode) + bytes(160))
        start = receive(self.sock, 48)
        return start[15] if len(start) == 48 else None

    def request(self, conf=(0, 1), slots=(fixed(0.01),), packets=10, ports=(0, 0), sender=None, receiver=None, sid=bytes(16),
                padding=0, start=None, timeout=1.0, type_p=0, version=None, slot_count=None):
        """The 48 octets of Accept-Session."""
        head = struct.pack(">BBBBIIHH", 1, version or self.version, *conf, len(slots) if slot_count is None else slot_count,
                           packets, *ports)
        head += address16(sender) if sender else bytes(16)
        head += address16(receiver) if receiver else bytes(16)
        self.start_time = ntp(time.time() + 0.2) if start is None else start
        head += sid + struct.pack(">IQQI", padding, self.start_time, int(timeout * 2**32), type_p) + bytes(8) + bytes(16)
        self.sock.sendall(head + b"".join(struct.pack(">B7xQ", *slot) for slot in slots) + bytes(16))
        return receive(self.sock, 48)

    def start(self):
        self.sock.sendall(bytes([2]) + bytes(31))
        ack = receive(self.sock, 32)
        assert len(ack) == 32, ack.hex()
        return ack[0]

    def stop(self, ends=(), accept=0, count=None):
        """ends: (SID, Next Seqno, [(first, last), ...]) of each session that the client sends."""
        records = b"".join(
            pad16(sid + struct.pack(">II", next_seqno, len(ranges)) + b"".join(struct.pack(">II", *r) for r in ranges))
            for sid, next_seqno, ranges in ends)
        self.sock.sendall(struct.pack(">BBHI8x", 3, accept, 0, len(ends) if count is None else count) + records + bytes(16))

    def stopped(self):
        """The server's Stop-Sessions: Accept and its ends."""
        head = receive(self.sock, 16)
        assert len(head) == 16 and head[0] == 3, head.hex()
        ends = []
        for _ in range(struct.unpack(">I", head[4:8])[0]):
            sid, next_seqno, count = struct.unpack(">16sII", receive(self.sock, 24))
            ranges = receive(self.sock, 8 * count)
            fill = receive(self.sock, -(24 + 8 * count) % 16)
            assert not any(fill)
            ends.append((sid, next_seqno, [struct.unpack(">II", ranges[8 * i:8 * i + 8]) for i in range(count)]))
        assert receive(self.sock, 16) == bytes(16)
        return head[1], ends

    def fetch(self, sid, begin=ALL[0], end=ALL[1]):
        """Fetched, or the Accept of a refusal."""
        self.sock.sendall(struct.pack(">B7xII", 4, begin, end) + sid + bytes(16))
        ack = receive(self.sock, 32)
        assert len(ack) == 32, ack.hex()
        if ack[0]:
            assert ack[1:16] == bytes(15), ack.hex()
            return ack[0]
        range_count, record_count = struct.unpack(">II", ack[8:16])
        head = receive(self.sock, 112)[:96]
        slots = receive(self.sock, 16 * struct.unpack(">I", head[4:8])[0])
        receive(self.sock, 16)
        ranges = receive(self.sock, len(pad16(bytes(8 * range_count))))
        receive(self.sock, 16)
        records = receive(self.sock, len(pad16(bytes(RECORD * record_count))))
        assert len(receive(self.sock, 16)) == 16, "cut short"
        return Fetched(ack, head, slots, [struct.unpack(">II", ranges[8 * i:8 * i + 8]) for i in range(range_count)],
                       records[:RECORD * record_count])

class Sender:
    """A Session-Sender in open mode."""

    def __init__(self, host, source=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((source or host, 0))
        self.host, self.port = host, self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, port, seq, padding=0, sent=None, error=0x8001):
        octets = struct.pack(">IQH", seq, ntp(time.time()) if sent is None else sent, error) + os.urandom(padding)
        self.sock.sendto(octets, (self.host, port))


class Receiver:
    """A socket that a Session-Sender sends to."""

    def __init__(self, host):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
        self.port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def packet(self, patience=PATIENCE):
        """(number, stamp, length, from, traffic class), or None if none comes."""
        self.sock.settimeout(patience)
        try:
            octets, ancillary, _, source = self.sock.recvmsg(65535, 256)
        except (TimeoutError, ConnectionRefusedError):
            return None
        tos = next((data[0] for _, kind, data in ancillary if kind == 1), None)
        seq, sent = struct.unpack(">IQ", octets[:12])
        return seq, sent, len(octets), source, tos


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


WHOLE = {"packets": 3, "slots": [fixed(0.01)], "timeout": 0.6}  # a session that is soon over


def record_some(control, sender, numbers=(0, 1, 2), **wishes):
    """Port and SID of a running session that has recorded these numbers."""
    port, sid = control.session(**{**WHOLE, **wishes})
    assert control.start() == 0
    time.sleep(0.25)
    for seq in numbers:
        sender.send(port, seq)
    return port, sid


def measure(server, end=None, numbers=(0, 1, 2), accept=0, **wishes):
    """The SID of a whole session; end: what the client says of it."""
    with server.client() as control, server.sender() as sender:
        _, sid = record_some(control, sender, numbers, **wishes)
        assert control.stopped()[0] == 0
        control.stop([(sid, *(end or (3, [])))], accept)
        assert control.fetch(bytes(16)) == 1  # it has been read by then
    return sid
