# SPDX-License-Identifier: MIT
"""A STAMP Session-Reflector in a few lines, from RFC 8762 and RFC 8972, that also does what boxes of others do instead.

    with Reflector(key=b"...") as reflector:
        fizeau_json("stamp", reflector.target)
    assert reflector.packets[0].ssid == ...

It answers on a thread of its own. Quirks are keyword arguments; each is off at first.
"""
import hashlib
import hmac
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

LOCATION, INFORMATION, CLASS, DIRECT, ACCESS, FOLLOW_UP, HMAC = 2, 3, 4, 5, 6, 7, 8
PADDING = 1
U, M, I = 0x80, 0x40, 0x20
TAI_UTC = 37
IP_RECVTTL = 12  # not in Python's socket
LENGTHS = {CLASS: 4, DIRECT: 12, ACCESS: 4, FOLLOW_UP: 16, HMAC: 16}


def ntp(ns):
    seconds, rest = divmod(ns, 10**9)
    return ((seconds + 2208988800) & 0xFFFFFFFF) << 32 | (rest << 32) // 10**9


def ptp(ns):
    seconds, rest = divmod(ns, 10**9)
    return ((seconds + TAI_UTC) & 0xFFFFFFFF) << 32 | rest


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()[:16]


@dataclass
class Tlv:
    flags: int
    type: int
    value: bytes

    def octets(self):
        return struct.pack(">BBH", self.flags, self.type, len(self.value)) + self.value


def tlvs_of(octets):
    """The TLVs, and what is no whole one behind them."""
    found = []
    while len(octets) >= 4:
        flags, kind, length = struct.unpack(">BBH", octets[:4])
        if 4 + length > len(octets):
            break
        found.append(Tlv(flags, kind, octets[4:4 + length]))
        octets = octets[4 + length:]
    return found, octets


@dataclass
class Packet:
    """A sender's packet as it came."""
    octets: bytes
    peer: tuple
    ttl: int
    tos: int
    authenticated: bool
    seq: int = field(init=False)
    stamp: int = field(init=False)
    error: int = field(init=False)
    ssid: int = field(init=False)
    tlvs: list = field(init=False)

    def __post_init__(self):
        octets = self.octets
        self.seq, = struct.unpack(">I", octets[:4])
        at = 16 if self.authenticated else 4
        self.stamp, self.error = struct.unpack(">QH", octets[at:at + 10])
        self.base = 112 if self.authenticated else 44
        self.ssid = struct.unpack(">H", octets[at + 10:at + 12])[0] if len(octets) >= self.base else 0
        self.tlvs, _ = tlvs_of(octets[self.base:])

    def tlv(self, kind):
        """The value of the only one of that type; None: there is none."""
        values = [t.value for t in self.tlvs if t.type == kind]
        assert len(values) < 2, values
        return values[0] if values else None


class Reflector:
    """lose_forward and lose_backward are sets of the sender's numbers. What follows them are the quirks:
    copied: Sequence Number is the sender's (a stateless reflector). first: the first own number.
    z: Z of reflections, "echo": the sender's. format: "ntp" or "ptp", of the stamps whatever Z says.
    ssid: what stands in its place; None: as it came. spare: an octet for all that MBZ is. octets: length of
    reflections, None: as came. estimate: Error Estimate. ttl: what is told of it. instant: T2 = T3.
    unknown: types that it does not know. dscp_allowed: whether DSCP1 is. flags: type to flags that it sets beside.
    touch: a function that makes of a reflection what is sent instead; None: nothing is.
    departure_ns: how long after T3 the Follow-Up says that reflections leave."""

    def __init__(self, host="127.0.0.1", key=None, hmac_key=None, light=False, lose_forward=(), lose_backward=(),
                 copied=False, first=0, z=0, format="ntp", ssid=None, spare=0, octets=None, estimate=0x8101, ttl=None,
                 instant=False, unknown=(), dscp_allowed=True, flags=None, touch=None, departure_ns=0, residence_ns=0,
                 mute=False, counters=0):
        self.key, self.hmac_key, self.light = key, hmac_key or key, light
        self.lose_forward, self.lose_backward = set(lose_forward), set(lose_backward)
        self.copied, self.first, self.z, self.format, self.ssid, self.spare = copied, first, z, format, ssid, spare
        self.length, self.estimate, self.ttl, self.instant = octets, estimate, ttl, instant
        self.unknown, self.dscp_allowed, self.flags, self.touch = set(unknown), dscp_allowed, flags or {}, touch
        self.departure_ns, self.residence_ns, self.mute, self.counters = departure_ns, residence_ns, mute, counters
        self.packets, self.sessions, self.failure = [], {}, None
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        if ":" in host:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        else:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        self.host, self.port = self.sock.getsockname()[:2]
        self.target = f"[{self.host}]:{self.port}" if ":" in host else f"{self.host}:{self.port}"
        self.ended, self.end = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.close()
        self.thread.join(20)
        self.ended.close()
        self.sock.close()
        assert self.failure is None, self.failure

    def run(self):
        try:
            while True:
                ready, _, _ = select.select([self.sock, self.ended], [], [])
                if self.ended in ready:
                    return
                self.receive()
        except Exception as failure:  # told at the end, by whoever waits for answers
            self.failure = failure

    def receive(self):
        octets, control, _, peer = self.sock.recvmsg(65535, 256)
        received = time.time_ns()
        ttl, tos = 255, 0
        for level, kind, value in control:
            if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
                ttl = struct.unpack("@i", value)[0]
            elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)):
                tos = value[0]
        packet = Packet(octets, peer, ttl, tos, self.key is not None)
        self.packets.append(packet)
        if packet.seq not in self.lose_forward and not self.mute:
            self.reflect(packet, received)

    def stamp(self, ns):
        return ptp(ns) if self.format == "ptp" else ntp(ns)

    def reflect(self, packet, received):
        if self.key and mac(self.key, packet.octets[:96]) != packet.octets[96:112]:
            return
        session = self.sessions.setdefault((packet.peer, packet.ssid), {"count": 0, "departed": None})
        if self.residence_ns:
            time.sleep(self.residence_ns / 1e9)
        sent = received if self.instant else time.time_ns()
        session["count"] += 1
        seq = packet.seq if self.copied else self.first + session["count"] - 1
        z = packet.error & 0x4000 if self.z == "echo" else self.z
        error = self.estimate | z
        ssid = packet.ssid if self.ssid is None else self.ssid
        ttl = packet.ttl if self.ttl is None else self.ttl
        mbz = bytes([self.spare])
        if self.key:
            base = (struct.pack(">I", seq) + mbz * 12 + struct.pack(">QHH", self.stamp(sent), error, ssid) + mbz * 4 +
                    struct.pack(">Q", self.stamp(received)) + mbz * 8 + struct.pack(">I", packet.seq) + mbz * 12 +
                    struct.pack(">QH", packet.stamp, packet.error) + mbz * 6 + bytes([ttl]) + mbz * 15)
            base += mac(self.key, base)
        else:
            base = (struct.pack(">IQHHQIQH", seq, self.stamp(sent), error, ssid, self.stamp(received), packet.seq,
                                packet.stamp, packet.error) + mbz * 2 + bytes([ttl]) + mbz * 3)
        rest, dscp = packet.octets[packet.base:], packet.tos >> 2
        if not self.light:
            rest, dscp = self.answer_tlvs(packet, session, seq, rest)
        out = base + rest
        if self.light:
            out = (base[:41] + packet.octets[14:])[:max(41, len(packet.octets))]
        out = out[:self.length] if self.length else out
        session["departed"] = seq, self.stamp(sent + self.departure_ns)
        out = self.touch(out) if self.touch else out
        if out is not None and packet.seq not in self.lose_backward:
            family = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if ":" in self.host else (socket.IPPROTO_IP, socket.IP_TOS)
            self.sock.setsockopt(*family, dscp << 2)
            self.sock.sendto(out, packet.peer)

    def answer_tlvs(self, packet, session, seq, rest):
        """What stands behind the base packet of the reflection, and the DSCP to send it with."""
        found, tail = tlvs_of(rest)
        dscp = packet.tos >> 2
        if self.integrity_fails(packet, found):
            return b"".join(Tlv(t.flags & ~U | I, t.type, t.value).octets() for t in found) + tail, dscp
        out = b""
        for tlv in found:
            flags, value = tlv.flags & ~(U | M | I), tlv.value
            if tlv.type in self.unknown or tlv.type not in (PADDING, *LENGTHS, LOCATION, INFORMATION):
                flags |= U
            elif tlv.type == CLASS:
                wanted, dscp2 = value[0] >> 2, packet.tos >> 2
                if self.dscp_allowed:
                    dscp = wanted
                word = wanted << 26 | dscp2 << 20 | (packet.tos & 3) << 18 | (0 if self.dscp_allowed else 1) << 16
                value = struct.pack(">I", word)
            elif tlv.type == DIRECT:
                value = value[:4] + struct.pack(">II", *[(self.counters + session["count"]) & 0xFFFFFFFF] * 2)
            elif tlv.type == FOLLOW_UP:
                departed = session["departed"] if not self.copied else None
                value = struct.pack(">IQB3x", *departed, 2) if departed else bytes(16)
            elif tlv.type == INFORMATION:
                value = bytes([1, 2, 5, 3]) + value[4:]
            elif tlv.type == LOCATION:
                value = self.locate(packet, value)
            elif tlv.type == HMAC:
                value = mac(self.hmac_key, struct.pack(">I", seq), out)
            out += Tlv(flags | self.flags.get(tlv.type, 0), tlv.type, value).octets()
        return out + tail, dscp

    def integrity_fails(self, packet, found):
        """RFC 8972 section 4.8."""
        if not self.hmac_key or not found or [t.type for t in found] == [PADDING]:
            return False
        covered = packet.octets[:4]
        for tlv in found:
            if tlv.type == HMAC:
                return mac(self.hmac_key, covered) != tlv.value
            covered += tlv.octets()
        return True

    def locate(self, packet, value):
        """Same length: each sub-TLV that asks becomes one that answers."""
        out = struct.pack(">HH", self.port, packet.peer[1])
        for sub in tlvs_of(value[4:])[0]:
            address = {4: self.host, 7: packet.peer[0]}.get(sub.type)
            if address is None:
                out += Tlv(sub.flags & ~U, sub.type, sub.value).octets()
                continue
            family, kind = (socket.AF_INET6, 1) if ":" in address else (socket.AF_INET, 0)
            out += Tlv(0, {4: 5, 7: 8}[sub.type] + kind, socket.inet_pton(family, address).ljust(16, b"\0")).octets()
        return out
