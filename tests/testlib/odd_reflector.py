# SPDX-License-Identifier: MIT
"""Reflectors of open test packets as boxes and programs of others have them: TWAMP-Test (RFC 5357), TWAMP Light and STAMP (RFC 8762), with
the quirks that are told of them. What one wrote is in told."""
import socket
import struct
import threading
import time

EPOCH_1900 = 2208988800
TAI_UTC = 37
HEADER = 41
Z = 0x4000


def ntp(unix_ns):
    seconds, rest = divmod(unix_ns, 10**9)
    return (seconds + EPOCH_1900) << 32 | (rest << 32) // 10**9


def ptp(unix_ns):
    seconds, rest = divmod(unix_ns + TAI_UTC * 10**9, 10**9)
    return (seconds & 0xffffffff) << 32 | rest


class Reflector:
    """Called with a packet: the datagrams that go back. told: by the sender's number, its own number, T2 and T3 in nanoseconds of Unix
    time."""

    def __init__(self, copies=False, first=0, resets=(), error=0x8101, same_stamps=False, ttl=255, spare=(0, 0), loses=(),
                 octets=lambda received: max(received, HEADER), stamps=ntp, echoes_z=False, ssid=None):
        self.copies, self.next, self.resets, self.error, self.same_stamps = copies, first, resets, error, same_stamps
        self.ttl, self.spare, self.octets, self.loses = ttl, spare, octets, loses
        self.stamps, self.echoes_z, self.ssid = stamps, echoes_z, ssid
        self.told = {}

    def __call__(self, packet, _number=None):
        came = time.time_ns()
        sender = struct.unpack(">I", packet[:4])[0]
        if sender in self.loses:
            return []
        if sender in self.resets:
            self.next = 0
        seq = sender if self.copies else self.next
        self.next += 1
        goes = came if self.same_stamps else time.time_ns()
        self.told[sender] = (seq, came, goes)
        error = self.error
        if self.echoes_z:
            error = error & ~Z | struct.unpack(">H", packet[12:14])[0] & Z
        spare = self.ssid(packet) if self.ssid else self.spare[0]
        answer = (struct.pack(">IQHHQ", seq, self.stamps(goes), error, spare, self.stamps(came)) + packet[:14]
                  + struct.pack(">HB", self.spare[1], self.ttl))
        length = self.octets(len(packet))
        return [(answer + self.rest(packet)).ljust(length, b"\0")[:length]]

    def rest(self, packet):
        """What follows the header: the sender's padding, from its first octet."""
        return packet[14:]


class Stamp(Reflector):
    """As long as what came, but a base packet of STAMP at least; the SSID is the sender's, TLVs come back as they are."""

    def __init__(self, octets=lambda received: max(received, 44), ssid=lambda packet: struct.unpack(">H", packet[14:16])[0], **quirks):
        super().__init__(octets=octets, ssid=ssid, **quirks)

    def rest(self, packet):
        return bytes(3) + packet[44:]


class Listening:
    """A reflector at a UDP port of loopback."""

    def __init__(self, reflector, port=0):
        self.reflector = reflector
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.port = self.udp.getsockname()[1]
        self.target = f"127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.udp.close()

    def serve(self):
        while True:
            packet, peer = self.udp.recvfrom(65536)
            if not packet:
                return
            for answer in self.reflector(packet):
                self.udp.sendto(answer, peer)
