# SPDX-License-Identifier: MIT
"""A TWAMP client written from the RFCs, byte by byte, so that it can do what a good client never would; and a fizeaud for it
that has to end well."""
import json
import os
import socket
import struct
import time

from octets import PATIENCE, Connection, address16, ntp, own_ports, receive
from suite import Fizeaud as AnyFizeaud

IP_TOS, IP_TTL, IP_RECVTTL, IP_RECVTOS = 1, 2, 12, 13  # of <linux/in.h>; Python's socket lacks two of them
FEATURES = 16 | 32 | 64 | 256  # that the greeting offers by default
PORTS, PORTS_GUARD = own_ports(20000, 90)  # test ports of this run: another run beside it must not answer for ours


class Fizeaud(AnyFizeaud):
    """One that has to end well: a sanitizer's finding or a crash shows in its exit status."""

    def __init__(self, conf="", **options):
        super().__init__(conf if "test-ports" in conf else f"test-ports {PORTS}-{PORTS + 79}\n{conf}", **options)

    def __exit__(self, *failure):
        log = self.log()
        super().__exit__(*failure)
        assert self.process.returncode == 0, f"exit {self.process.returncode}: {log}"


class Control(Connection):
    """A control connection in open mode, or as far as one gets without a key."""

    def __init__(self, server, source=None, greet=True):
        self.sock = socket.create_connection((server.host, server.port), PATIENCE, source and (source, 0))
        if greet:
            self.greeting = receive(self.sock, 64)
            self.modes = struct.unpack(">I", self.greeting[12:16])[0] if len(self.greeting) == 64 else None

    def set_up(self, mode=1, key_id=b"", token=bytes(64)):
        self.sock.sendall(struct.pack(">I", mode) + key_id.ljust(80, b"\0") + token + os.urandom(16))
        start = receive(self.sock, 48)
        return start[15] if len(start) == 48 else None

    def open(self):
        accept = self.set_up()
        assert accept == 0, f"Accept {accept}"
        return self

    def say(self, message):
        """A command in clear, the last 16 octets of which are its HMAC."""
        self.sock.sendall(message)

    def hear(self, count):
        """An answer of so many octets in clear, HMAC and all; fewer if the server closes before."""
        return receive(self.sock, count)

    def request(self, sender_port=0, port=0, padding=0, timeout=0.0, dscp=0, sender=None, receiver=None, version=None,
                conf=(0, 0), type_p=None, reflect=(0, 0)):
        """The 48 octets of Accept-Session. reflect: octets to be reflected, length of padding to reflect."""
        version = version or (6 if self.sock.family == socket.AF_INET6 else 4)
        self.say(
            struct.pack(">BBBBIIHH", 5, version, conf[0], conf[1], 0, 0, sender_port, port)
            + (address16(sender) if sender else bytes(16)) + (address16(receiver) if receiver else bytes(16))
            + bytes(16) + struct.pack(">IQQI", padding, ntp(time.time()), int(timeout * 2**32),
                                      dscp << 24 if type_p is None else type_p)
            + struct.pack(">HHI", *reflect, 0) + bytes(16))
        return self.hear(48)

    def start(self):
        self.say_start()
        self.hear_started()

    def say_start(self):
        self.say(bytes([2]) + bytes(31))

    def hear_started(self):
        ack = self.hear(32)
        assert len(ack) == 32 and ack[0] == 0, ack.hex()

    def stop(self, sessions=1, accept=0):
        self.say(struct.pack(">BBHI", 3, accept, 0, sessions) + bytes(24))

    def say_n(self, command, sids, count=None):
        """Start-N-Sessions (7) or Stop-N-Sessions (9), RFC 5938."""
        self.say(struct.pack(">B11xI", command, len(sids) if count is None else count) + b"".join(sids) + bytes(16))

    def hear_n(self, command):
        """An ack of that command: Accept and SIDs."""
        head = self.hear_part(16)
        assert len(head) == 16 and head[0] == command + 1 and head[2:12] == bytes(10), head.hex()
        count = struct.unpack(">I", head[12:])[0]
        assert count > 0
        rest = self.hear_end(16 * count)
        assert len(rest) == 16 * count, rest.hex()
        return head[1], [rest[16 * i:16 * i + 16] for i in range(count)]

    def carried_out(self, command, sids):
        """What comes of it for each SID: every SID is acknowledged as often as it is named."""
        self.say_n(command, sids)
        told = []
        while len(told) < len(sids):
            accept, named = self.hear_n(command)
            told += [(sid, accept) for sid in named]
        assert sorted(sid for sid, _ in told) == sorted(sids), told
        return dict(told)

    def start_n(self, *sids):
        assert set(self.carried_out(7, sids).values()) == {0}

    def stop_n(self, *sids):
        assert set(self.carried_out(9, sids).values()) == {0}

    def hear_part(self, count):
        """As hear, of a message whose HMAC comes later."""
        return receive(self.sock, count)

    def hear_end(self, count):
        """As hear_part, and the HMAC after it, which is checked and not given."""
        return receive(self.sock, count + 16)[:count]


class Sender:
    """A Session-Sender in open mode."""

    def __init__(self, server, source=None):
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((source or server.host, 0))
        self.host = server.host
        self.port = self.sock.getsockname()[1]
        self.seq = 0
        if family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_TTL, 200)
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, port, padding=27, octets=None):
        if octets is None:
            octets = struct.pack(">IQH", self.seq, ntp(time.time()), 0x8001) + bytes(i % 251 for i in range(padding))
            self.seq += 1
        self.sock.sendto(octets, (self.host, port))
        return octets

    def receive(self, patience=PATIENCE):
        """Octets, from, TTL and class of a reflection; None if none comes."""
        self.sock.settimeout(patience)
        try:
            octets, ancillary, _, source = self.sock.recvmsg(65535, 256)
        except (TimeoutError, ConnectionRefusedError):
            return None
        ttl = tos = None
        for _, kind, data in ancillary:
            if kind == IP_TTL:
                ttl = struct.unpack("i", data)[0]
            elif kind == IP_TOS:
                tos = data[0]
        return octets, source, ttl, tos

    def echo(self, port, padding=27):
        """One packet there and back, again if the reflector was not reached."""
        sent = self.send(port, padding)
        back = self.receive()
        assert back, "no reflection"
        return sent, back

    def silence(self, port):
        """True if a packet gets no reflection: whatever follows it in another session has come back by then."""
        self.send(port)
        return self.receive(0.3) is None


def status(server):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(server.control)
        octets = b""
        while part := s.recv(65536):
            octets += part
    document = json.loads(octets)
    assert document["schema"] == "fizeau.status/1"
    return document


def counter(server, name):
    return status(server)["counters"][name]


def good_client(server):
    """A whole measurement, as somebody who does nothing wrong."""
    with Control(server) as control, Sender(server) as sender:
        port, _ = control.open().session(sender_port=sender.port)
        control.start()
        sender.echo(port)
        control.stop()
