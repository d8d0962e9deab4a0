# SPDX-License-Identifier: MIT
"""The TWAMP client of twamp.py in the modes with a key: control connection and test packets as RFC 4656 sections 3.2, 3.4, 4.1.2
and RFC 5357 sections 3.2, 4.1.2, 4.2.1 have them. AES is the openssl command's."""
import hashlib
import hmac
import os
import struct
import subprocess
import time

from octets import ntp, receive
from twamp import Control, Sender

AUTHENTICATED, ENCRYPTED, MIXED, IKE = 2, 4, 8, 128


def aes(key, octets, iv=None, decrypt=False):
    """AES-128, CBC, or ECB without an IV."""
    args = ["openssl", "enc", "-aes-128-ecb" if iv is None else "-aes-128-cbc", "-nopad", "-K", key.hex()]
    args += [] if iv is None else ["-iv", iv.hex()]
    done = subprocess.run(args + (["-d"] if decrypt else []), input=octets, capture_output=True, check=True)
    assert len(done.stdout) == len(octets), done.stderr
    return done.stdout


def mac(key, octets):
    return hmac.digest(key, octets, "sha1")[:16]


class KeyedControl(Control):
    """A control connection that is encrypted: key_id and passphrase, or SPIs and the octets of an IKE_SA's key."""

    def set_up(self, mode, key_id, secret):
        self.aes_key, self.hmac_key, client_iv = os.urandom(16), os.urandom(32), os.urandom(16)
        challenge, salt, count = self.greeting[16:32], self.greeting[32:48], struct.unpack(">I", self.greeting[48:52])[0]
        key = secret[:16] if mode & IKE else hashlib.pbkdf2_hmac("sha1", secret, salt, count, 16)
        token = aes(key, challenge + self.aes_key + self.hmac_key, bytes(16))
        self.sock.sendall(struct.pack(">I", mode) + key_id.ljust(80, b"\0") + token + client_iv)
        start = receive(self.sock, 48)
        if len(start) < 48 or start[15]:
            return start[15] if len(start) == 48 else None
        self.out_iv, self.in_iv = client_iv, start[16:32]
        #= rfc4656#section-3.2 OW-3.2-05
        self.heard = b""
        self.hear_part(0, start[32:])
        self.mode = mode
        return 0

    def open(self, mode, key_id, secret):
        accept = self.set_up(mode, key_id, secret)
        assert accept == 0, f"Accept {accept}"
        return self

    def say(self, message):
        message = message[:-16] + mac(self.hmac_key, message[:-16])
        octets = aes(self.aes_key, message, self.out_iv)
        self.out_iv = octets[-16:]
        self.sock.sendall(octets)

    def hear_part(self, count, octets=None):
        octets = receive(self.sock, count) if octets is None else octets
        if not octets or len(octets) % 16:
            return b""
        clear = aes(self.aes_key, octets, self.in_iv, True)
        self.in_iv = octets[-16:]
        self.heard += clear
        return clear

    def hear_end(self, count):
        clear = self.hear_part(count + 16)
        if len(clear) < count + 16:
            return b""
        assert clear[count:] == mac(self.hmac_key, self.heard[:-16]), "HMAC"
        self.heard = b""
        return clear[:count]

    def hear(self, count):
        return self.hear_end(count - 16) + bytes(16)

    def test_keys(self, sid):
        return aes(sid, self.aes_key), aes(sid, self.hmac_key, bytes(16))


class KeyedSender(Sender):
    """A Session-Sender; keys is what KeyedControl.test_keys gave for the session that it is to send in."""

    def __init__(self, server, mode, source=None):
        super().__init__(server, source)
        self.encrypted, self.keys = bool(mode & ENCRYPTED), None

    def send(self, port, padding=64, octets=None):
        key, hmac_key = self.keys
        head, stamp = struct.pack(">I12x", self.seq), struct.pack(">QH6x", ntp(time.time()), 0x8001)
        self.seq += 1
        if self.encrypted:
            sealed = aes(key, head + stamp, bytes(16)) + mac(hmac_key, head + stamp)
        else:
            sealed = aes(key, head) + stamp + mac(hmac_key, head)
        return super().send(port, padding, sealed + bytes(padding))

    def echo(self, port, padding=64):
        sent, back = super().echo(port, padding)
        octets, (key, hmac_key) = back[0], self.keys
        clear = aes(key, octets[:96], bytes(16), True) if self.encrypted else aes(key, octets[:16], None, True)
        assert octets[96:112] == mac(hmac_key, clear), "HMAC of a reflection"
        return sent, back
