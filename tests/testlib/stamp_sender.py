# SPDX-License-Identifier: MIT
"""A Session-Sender of STAMP (RFC 8762), written from the RFCs byte by byte; keys from IKE_SAs are from doc/stamp-ike.md."""
import hashlib
import hmac
import socket
import struct
import time

from octets import PATIENCE, ntp

OPEN, AUTHENTICATED = 44, 112


def key_of_sa(prf_ippm, spi_i, spi_r, ssid):
    """The key of a session under an IKE_SA; SPIs in hex, as the key service has them."""
    text = b"Fizeau STAMP 1" + bytes.fromhex(spi_i) + bytes.fromhex(spi_r) + struct.pack(">H", ssid)
    return hmac.new(prf_ippm, text, hashlib.sha256).digest()


def ippm_of(sk_d):
    """prf(SK_d, "IPPM") with PRF-HMAC-SHA-256."""
    return hmac.new(sk_d, b"IPPM", hashlib.sha256).digest()


def field(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()[:16]


class StampSender:
    """Packets from one port to a reflector; key None: open ones."""

    def __init__(self, host, port, key=None, ssid=0, source="127.0.0.1", source_port=0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((source, source_port))
        self.peer, self.key, self.ssid, self.seq = (host, port), key, ssid, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def packet(self, error=0x8101, stamp=None):
        stamp = ntp(time.time()) if stamp is None else stamp
        if self.key is None:
            return struct.pack(">IQHH", self.seq, stamp, error, self.ssid) + bytes(28)
        octets = struct.pack(">I12xQHH68x", self.seq, stamp, error, self.ssid)
        return octets + field(self.key, octets)

    def send(self, octets=None):
        octets = self.packet() if octets is None else octets
        self.sock.sendto(octets, self.peer)
        self.seq = (self.seq + 1) % 2**32
        return octets

    def receive(self, patience=PATIENCE):
        """A reflection, None if none comes."""
        self.sock.settimeout(patience)
        try:
            return self.sock.recv(65535)
        except (TimeoutError, ConnectionRefusedError):
            return None

    def echo(self, octets=None):
        sent = self.send(octets)
        back = self.receive()
        assert back is not None, "no reflection"
        return sent, back

    def is_good(self, back):
        """Whether the reflection has this session's SSID and HMAC."""
        if self.key is None:
            return len(back) >= OPEN and struct.unpack(">H", back[14:16])[0] == self.ssid
        return (len(back) >= AUTHENTICATED and struct.unpack(">H", back[26:28])[0] == self.ssid
                and hmac.compare_digest(back[96:112], field(self.key, back[:96])))
