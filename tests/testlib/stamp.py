# SPDX-License-Identifier: MIT
"""A STAMP and TWAMP Light Session-Sender written from RFC 8762, RFC 8972 and RFC 5357, octet by octet, so that it can do what a
good sender never would."""
import hashlib
import hmac
import socket
import struct
import time

from octets import PATIENCE, ntp

IP_TOS, IP_TTL, IP_RECVTTL, IP_RECVTOS = 1, 2, 12, 13  # of <linux/in.h>; Python's socket lacks two of them
SHORT = 0.5  # seconds without an answer that count as silence

PADDING, LOCATION, TIMESTAMPS, COS, DIRECT, ACCESS, FOLLOW_UP, HMAC = range(1, 9)
U, M, I = 0x80, 0x40, 0x20  # flags of a TLV


def mac(key, octets):
    """HMAC-SHA-256 truncated to 128 bits (RFC 8762 4.4)."""
    return hmac.new(key, octets, hashlib.sha256).digest()[:16]


def tlv(kind, value=b"", flags=U, length=None):
    return struct.pack(">BBH", flags, kind, len(value) if length is None else length) + value


def tlvs_of(octets):
    """(flags, type, value) of what follows a base packet."""
    found = []
    while octets:
        flags, kind, length = struct.unpack(">BBH", octets[:4])
        found.append((flags, kind, octets[4:4 + length]))
        octets = octets[4 + length:]
    return found


def packet(seq, key=None, ssid=0, tlvs=b"", light=None, stamp=None, error=0x8001, mbz=0):
    """A sender's packet. light: octets of Packet Padding after TWAMP Light's 14; mbz: an octet for where zero belongs."""
    stamp = ntp(time.time()) if stamp is None else stamp
    fill = bytes([mbz])
    if light is not None:
        return struct.pack(">IQH", seq, stamp, error) + light
    if key is None:
        return struct.pack(">IQHH", seq, stamp, error, ssid) + 28 * fill + tlvs
    base = struct.pack(">I", seq) + 12 * fill + struct.pack(">QHH", stamp, error, ssid) + 68 * fill
    return base + mac(key, base) + tlvs


class Reflection:
    """A reflector's packet, its fields by RFC 8762 4.3."""

    def __init__(self, octets, key=None):
        self.octets = octets
        self.base = 44 if key is None else 112
        if key is None:
            (self.seq, self.stamp, self.error, self.ssid, self.received, self.sender_seq, self.sender_stamp,
             self.sender_error) = struct.unpack(">IQHHQIQH", octets[:38])
            self.mbz = octets[38:40] + octets[41:44]
            self.ttl = octets[40]
        else:
            assert hmac.compare_digest(mac(key, octets[:96]), octets[96:112]), "HMAC of the reflection"
            self.seq, self.stamp, self.error, self.ssid = struct.unpack(">I12xQHH", octets[:28])
            self.received, self.sender_seq, self.sender_stamp, self.sender_error = struct.unpack(">Q8xI12xQH", octets[32:74])
            self.mbz = (octets[4:16] + octets[28:32] + octets[40:48] + octets[52:64] + octets[74:80] + octets[81:96])
            self.ttl = octets[80]
        self.tail = octets[self.base:]

    def tlvs(self):
        return tlvs_of(self.tail)


class Sender:
    """A socket towards a reflector. tos and ttl are what its packets leave with; of a reflection they are in self.got."""

    def __init__(self, host, port, source=None, source_port=0, ttl=200, tos=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.bind((source or host, source_port))
        self.target = host, port
        self.port = self.sock.getsockname()[1]
        self.got = {}
        if family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_TTL, ttl)
            self.sock.setsockopt(socket.IPPROTO_IP, IP_TOS, tos)
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, octets):
        self.sock.sendto(octets, self.target)

    def receive(self, wait=PATIENCE):
        """Octets of what comes next; None if nothing does."""
        self.sock.settimeout(wait)
        try:
            octets, control, _, self.got["from"] = self.sock.recvmsg(9216, 512)
        except TimeoutError:
            return None
        for level, kind, value in control:
            if level == socket.IPPROTO_IP and kind == IP_TTL:
                self.got["ttl"] = struct.unpack("i", value[:4])[0]
            elif level == socket.IPPROTO_IP and kind == IP_TOS:
                self.got["tos"] = value[0]
        return octets

    def ask(self, octets, key=None):
        """The reflection of that packet, which has to come."""
        self.send(octets)
        answer = self.receive()
        assert answer is not None, f"no reflection of {octets.hex()}"
        return Reflection(answer, key)

    def silent(self, octets):
        """True if that packet has no answer."""
        self.send(octets)
        return self.receive(SHORT) is None
