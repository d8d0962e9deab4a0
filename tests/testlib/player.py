# SPDX-License-Identifier: MIT
"""Servers played by a test, for what no real one does: TWAMP in open mode or before any key is in force, and the key
service of doc/key-service.md."""
import os
import socket
import struct
import threading
import time

SETUP = 164
REQUEST = 112
START = 32
NTP = 2208988800


def greeting(modes=1, count=1024):
    return bytes(12) + struct.pack(">I", modes) + os.urandom(32) + struct.pack(">I", count) + bytes(12)


def server_start(accept=0):
    return bytes(15) + bytes([accept]) + bytes(32)


def ntp(t):
    return struct.pack(">Q", int((t + NTP) * 2**32) & (2**64 - 1))


def reflection(packet, seq, sender_seq=None, error=0x8101, extra=0):
    now = ntp(time.time())
    return (struct.pack(">I", seq) + now + struct.pack(">HH", error, 0) + now +
            (packet[:4] if sender_seq is None else struct.pack(">I", sender_seq)) + packet[4:14] + bytes(2) + b"\xff" +
            bytes(extra))


class Server:
    """A TWAMP server of one connection at a time; play(self, connection) is what it does with each."""

    def __init__(self, play, reflect=None):
        self.play, self.reflect, self.seen = play, reflect, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp_port = self.udp.getsockname()[1]
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.stopping = False
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        if reflect:
            self.threads.append(threading.Thread(target=self.serve_udp, daemon=True))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for s in (self.listener, self.udp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for thread in self.threads:
            thread.join(10)

    def serve(self):
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    self.play(self, connection)
                except (OSError, EOFError):
                    pass

    def serve_udp(self):
        seq = 0
        while not self.stopping:
            try:
                packet, peer = self.udp.recvfrom(65536)
            except OSError:
                return
            if not packet:
                return
            for answer in self.reflect(packet, seq):
                self.udp.sendto(answer, peer)
                seq += 1

    def take(self, connection, octets):
        data = b""
        while len(data) < octets:
            more = connection.recv(octets - len(data))
            if not more:
                raise EOFError
            data += more
        self.seen.append(data)
        return data

    def rest(self, connection):
        """Until the client closes."""
        while True:
            data = connection.recv(4096)
            if not data:
                return
            self.seen.append(data)


def set_up(server, connection):
    connection.sendall(greeting())
    server.take(connection, SETUP)
    connection.sendall(server_start())


def accept_session(server, connection):
    set_up(server, connection)
    server.take(connection, REQUEST)
    sid = b"\x7f\x00\x00\x01" + os.urandom(12)
    connection.sendall(struct.pack(">BBH", 0, 0, server.udp_port) + sid + bytes(28))
    server.take(connection, START)
    connection.sendall(bytes(32))


def whole_session(server, connection):
    accept_session(server, connection)
    server.rest(connection)


def after_greeting(octets, modes=1):
    def play(server, connection):
        connection.sendall(greeting(modes))
        server.take(connection, SETUP)
        connection.sendall(octets)
        server.rest(connection)
    return play


def sa_lines(number, prf="hmac-sha2-256", key="5a" * 32, **more):
    """An SA as an answer of the key service has it."""
    lines = {"spi_i": f"0f3c{number:012x}", "spi_r": f"99ab{number:012x}", "prf": prf, "key": key,
             "local_host": "127.0.0.1", "remote_host": "127.0.0.1", "local_id": "CN=me.example",
             "remote_id": "CN=gw.example", "auth": "pubkey", "established": "1764000000", "state": "established", **more}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


class KeyService:
    """Answers each request with what answer(request, number) returns: text, or None to say nothing and hang up."""

    def __init__(self, path, answer):
        self.path, self.answer, self.requests = path, answer, []

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        os.unlink(self.path)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(connection,), daemon=True).start()

    def serve_one(self, connection):
        text = b""
        with connection:
            while True:
                more = connection.recv(4096)
                if not more:
                    return
                text += more
                while b"\n\n" in text:
                    message, text = text.split(b"\n\n", 1)
                    request = dict(line.split("=", 1) for line in message.decode().split("\n"))
                    self.requests.append(request)
                    answer = self.answer(request, len(self.requests))
                    if answer is None:
                        return
                    connection.sendall(answer.encode())
