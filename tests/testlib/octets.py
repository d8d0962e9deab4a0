# SPDX-License-Identifier: MIT
"""What the clients that go byte by byte share (twamp.py, owamp.py)."""
import os
import select
import socket
import struct
import time

PATIENCE = 20  # seconds until something that has to come counts as missing


def receive(sock, count):
    """count octets, or fewer if the peer closes before."""
    octets = b""
    while len(octets) < count:
        part = sock.recv(count - len(octets))
        if not part:
            break
        octets += part
    return octets


def closed(sock):
    """True if the peer closes, whatever it says before."""
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def nothing_came(sock):
    """True if there is nothing to read, for now."""
    return not select.select([sock], [], [], 0)[0]


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"still not: {what}"
        time.sleep(0.02)


def own_ports(first, blocks):
    """The first of a hundred ports, of as many blocks of them from first on, that no other test has while this one runs; and what
    keeps the others out."""
    for n in range(blocks):
        ports, guard = first + (os.getpid() + n) % blocks * 100, socket.socket(socket.AF_UNIX)
        try:
            guard.bind(f"\0fizeau test ports {ports}")
            return ports, guard
        except OSError:
            guard.close()
    raise RuntimeError("all blocks of test ports are in use")


def address16(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text).ljust(16, b"\0")


def ntp(when):
    return int((when + 2208988800) * 2**32) & (2**64 - 1)


class Connection:
    """A control connection: sock, and request(), which gives the 48 octets of Accept-Session."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def session(self, **wishes):
        """Port and SID of an accepted session."""
        answer = self.request(**wishes)
        assert len(answer) == 48 and answer[0] == 0, f"Accept {answer[:1].hex()}"
        return struct.unpack(">H", answer[2:4])[0], answer[4:20]

    def refused(self, **wishes):
        """Accept of a refused one; Port and SID have to be zero then."""
        answer = self.request(**wishes)
        assert len(answer) == 48 and answer[0] != 0, f"not refused: {answer[:20].hex()}"
        assert answer[2:20] == bytes(18), answer.hex()
        return answer[0]

    def closed(self):
        return closed(self.sock)
