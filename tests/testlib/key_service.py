# SPDX-License-Identifier: MIT
"""A second server of the key service, written from doc/key-service.md alone: nothing of the plugin is in it.

    a, b = IkeDaemon(path_a, "192.0.2.1", "a.example"), IkeDaemon(path_b, "192.0.2.7", "b.example")
    sa = a.establish(b)          # both ends know an IKE_SA: its number
    sa = rekey(a, b, sa)         # a new one takes its place
    a.vanish(sa, "deleted")      # at this end

What an IKE daemon would do is played: SK_d is drawn from the system's random source. `loses=True` leaves b ignorant until
`a.arrives(b)`, as a lost IKE message would.
"""
import collections
import grp
import hashlib
import hmac
import os
import pwd
import re
import selectors
import socket
import struct
import threading
import time

LINE, REQUEST, LINES, ANSWER_SAS, CONNECTIONS = 512, 2048, 16, 64, 64
EVENT_BACKLOG, INCOMPLETE_S, IDLE_S = 256 * 1024, 10, 60
ENOENT, EBUSY, EINVAL, EPROTO, EHOSTUNREACH = 2, 16, 22, 71, 113
NAME = re.compile(rb"[a-z0-9_]{1,32}")
SPI = re.compile(r"[0-9a-f]{16}")
ARGUMENTS = {"lookup": {"remote_host", "spi_i", "spi_r", "wait_ms"}, "hold": set(),
             "initiate": {"remote_host", "connection", "timeout_ms", "another"}, "list": {"skip"}, "watch": set()}
FIELDS = ("spi_i", "spi_r", "prf", "key", "local_host", "remote_host", "local_id", "remote_id", "auth", "established", "state",
          "vanished", "connection")


class Refused(Exception):
    def __init__(self, number, reason):
        super().__init__(reason)
        self.number = number


def text_of(pairs):
    return "".join(f"{key}={value}\n" for key, value in pairs) + "\n"


def prf_ippm(sk_d):
    return hmac.new(sk_d, b"IPPM", hashlib.sha256).hexdigest()


class Client:
    """One connection: what came and was not read yet, what is still to go."""

    def __init__(self, connection):
        self.connection, self.received, self.output = connection, b"", b""
        self.began = self.active = time.monotonic()
        self.waiting = None  # (SPIs, end) of a lookup
        self.holds, self.watches, self.closing, self.held_since = False, False, False, None


class IkeDaemon:
    """The key service of one host, on a thread of its own."""

    def __init__(self, path, address, identity, grace=300, grace_deleted=30):
        self.path, self.address, self.identity = path, address, identity
        self.grace = {"rekeyed": grace, "deleted": grace_deleted}
        self.sas = collections.OrderedDict()  # (spi_i, spi_r) -> fields; the newest last
        self.peers = {}                       # address -> IkeDaemon
        self.clients, self.lock, self.stopped = {}, threading.RLock(), False
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = socket.socketpair()

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o660)
        self.listener.listen(128)
        for readable in (self.listener, self.wake_read):
            readable.setblocking(False)
            self.selector.register(readable, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.wake()
        self.thread.join(10)
        for client in list(self.clients.values()):
            self.drop(client)
        for s in (self.listener, self.wake_read, self.wake_write):
            s.close()
        self.selector.close()
        os.unlink(self.path)

    # --- what IKE does

    def knows(self, peer):
        self.peers[peer.address] = peer

    def learn(self, sa, event="up"):
        with self.lock:
            self.sas[sa["spi_i"], sa["spi_r"]] = sa
            self.tell(event, sa)
        self.wake()

    def establish(self, peer, loses=False):
        """An IKE_SA from here to peer, known here; there too unless its news are lost."""
        spi_i, spi_r, key = os.urandom(8).hex(), os.urandom(8).hex(), prf_ippm(os.urandom(32))
        for me, other in ((self, peer), (peer, self)):
            sa = {"spi_i": spi_i, "spi_r": spi_r, "prf": "hmac-sha2-256", "key": key, "local_host": me.address,
                  "remote_host": other.address, "local_id": me.identity, "remote_id": other.identity, "auth": "pubkey",
                  "established": str(int(time.time())), "state": "established", "connection": other.identity.split(".")[0]}
            if me is self or not loses:
                me.learn(sa)
        return spi_i, spi_r

    def vanish(self, sa, state):
        with self.lock:
            known = self.sas.get(sa)
            if not known or known["state"] != "established":
                return
            self.bury(known, state)
            self.tell("rekeyed" if state == "rekeyed" else "down", known)
            while state == "deleted" and "replaced" in known:  # those that it had replaced are meant as well
                known = self.sas.get(known["replaced"], {})
                if known.get("state") == "rekeyed":
                    self.bury(known, "deleted")

    @staticmethod
    def bury(sa, state):
        sa.update(state=state, vanished=str(int(time.time())), gone=time.monotonic())

    def tell(self, event, sa):
        for client in self.clients.values():
            if client.watches:
                client.output += text_of([("event", event)] + self.lines(sa, key=False)).encode()

    # --- rules of section 5

    def expire(self):
        now = time.monotonic()
        holds = [client.held_since for client in self.clients.values() if client.holds]
        for name, sa in list(self.sas.items()):
            end = sa.get("gone", now) + self.grace.get(sa["state"], 0)
            if "gone" in sa and end <= now and not any(since <= end for since in holds):
                del self.sas[name]

    # --- messages

    @staticmethod
    def lines(sa, key=True):
        return [(field, sa[field]) for field in FIELDS if field in sa and (key or field != "key")]

    def newest(self, host=None, states=("established", "rekeyed", "deleted")):
        return [sa for state in states for sa in reversed(self.sas.values())
                if sa["state"] == state and host in (None, sa["remote_host"])]

    @staticmethod
    def number(request, name, low, high, default):
        if name not in request:
            return default
        if not re.fullmatch("[0-9]{1,9}", request[name]) or not low <= int(request[name]) <= high:
            raise Refused(EINVAL, f"{name} is {low} to {high}")
        return int(request[name])

    def answer(self, client, request):
        """The answer's text; None: later."""
        actions = [name for name in ARGUMENTS if name in request]
        if len(actions) != 1 or request[actions[0]] != "1":
            raise Refused(EINVAL, "exactly one action, as action=1")
        unknown = set(request) - ARGUMENTS[actions[0]] - {actions[0]}
        if unknown:
            raise Refused(EINVAL, f"unknown key {sorted(unknown)[0]}")
        return getattr(self, "do_" + actions[0])(client, request)

    def do_lookup(self, client, request):
        if "remote_host" in request:
            if "spi_i" in request or "spi_r" in request or "wait_ms" in request:
                raise Refused(EINVAL, "a host or SPIs, not both")
            return self.found(self.newest(self.host(request), ("established", "rekeyed")))
        sa = tuple(request.get(name, "") for name in ("spi_i", "spi_r"))
        if not all(map(SPI.fullmatch, sa)):
            raise Refused(EINVAL, "spi_i and spi_r are 16 hex digits each")
        wait = self.number(request, "wait_ms", 0, 10000, 0)
        if sa not in self.sas and wait:
            client.waiting = sa, time.monotonic() + wait / 1000
            return None
        return self.found([self.sas[sa]] if sa in self.sas else [])

    @staticmethod
    def host(request):
        host = request["remote_host"]
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                return socket.inet_ntop(family, socket.inet_pton(family, host))
            except OSError:
                continue
        raise Refused(EINVAL, "remote_host is an address")

    def found(self, sas):
        if not sas:
            raise Refused(ENOENT, "no such IKE SA")
        return text_of([("errno", 0)] + [line for sa in sas[:ANSWER_SAS] for line in self.lines(sa)])

    def do_hold(self, client, _request):
        client.held_since = client.held_since or time.monotonic()
        client.holds = True
        return text_of([("errno", 0)])

    def do_list(self, _client, request):
        skip = self.number(request, "skip", 0, 10**9 - 1, 0)
        sas = list(reversed(self.sas.values()))[skip:]
        more = [("more", 1)] if len(sas) > ANSWER_SAS else []
        return text_of([("errno", 0)] + more + [line for sa in sas[:ANSWER_SAS] for line in self.lines(sa, key=False)])

    def do_watch(self, client, _request):
        client.watches = True
        return text_of([("errno", 0)])

    def do_initiate(self, _client, request):
        self.number(request, "timeout_ms", 1, 60000, 10000)
        if ("remote_host" in request) == ("connection" in request):
            raise Refused(EINVAL, "remote_host or connection")
        if "remote_host" in request:
            peer = self.peers.get(self.host(request))
        else:
            peer = next((p for p in self.peers.values() if p.identity.split(".")[0] == request["connection"]), None)
        if not peer:
            raise Refused(ENOENT, "no connection is configured for it")
        if request.get("another", "1") != "1":
            raise Refused(EINVAL, "another has the value 1")
        if "another" in request or not self.newest(peer.address, ("established",)):
            if peer.stopped:
                raise Refused(EHOSTUNREACH, "the peer does not answer")
            self.establish(peer)
        return self.found(self.newest(peer.address, ("established",)))

    # --- octets

    @staticmethod
    def parse(message):
        """A request; None if its form is broken."""
        request, lines = {}, message.split(b"\n")
        if len(lines) > LINES or any(len(line) > LINE for line in lines):
            return None
        for line in lines:
            key, equals, value = line.partition(b"=")
            if not equals or not NAME.fullmatch(key) or any(octet < 32 or octet == 127 for octet in value):
                return None
            try:
                value = value.decode()
            except UnicodeDecodeError:
                return None
            if key.decode() in request:
                request[""] = ""  # a key twice: no action takes this one
            request[key.decode()] = value
        return request

    def broken(self, client):
        client.output += text_of([("errno", EPROTO), ("reason", "broken form")]).encode()
        client.closing = True

    def take_requests(self, client):
        while not client.waiting and not client.watches and not client.closing and client.received:
            message, end, rest = client.received.partition(b"\n\n")
            if not end:
                if len(client.received) > REQUEST or len(client.received.rpartition(b"\n")[2]) > LINE:
                    self.broken(client)
                return
            client.received = rest
            client.began = client.active = time.monotonic()
            request = self.parse(message) if len(message) + 2 <= REQUEST else None
            if request is None:
                self.broken(client)
                return
            try:
                text = self.answer(client, request)
            except Refused as why:
                text = text_of([("errno", why.number), ("reason", why)])
            client.output += (text or "").encode()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            if not self.may(connection):
                connection.close()
                continue
            if len(self.clients) >= CONNECTIONS:
                connection.send(text_of([("errno", EBUSY), ("reason", "too many connections")]).encode())
                connection.close()
                continue
            self.clients[connection] = Client(connection)
            self.selector.register(connection, selectors.EVENT_READ)

    @staticmethod
    def may(connection):
        _, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid in (0, os.geteuid()) or gid == os.getegid():
            return True
        try:
            return pwd.getpwuid(uid).pw_name in grp.getgrgid(os.getegid()).gr_mem
        except KeyError:
            return False

    def read(self, client):
        try:
            more = client.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.drop(client)
            return
        client.received += more
        self.take_requests(client)

    def drop(self, client):
        self.clients.pop(client.connection, None)
        try:
            self.selector.unregister(client.connection)
        except (KeyError, ValueError):
            pass
        client.connection.close()

    def settle(self, client):
        """Answers what was waited for, sends what can be sent, and ends what has no more time."""
        now = time.monotonic()
        if client.waiting and (client.waiting[0] in self.sas or now >= client.waiting[1]):
            sa, client.waiting = self.sas.get(client.waiting[0]), None
            client.output += (self.found([sa]) if sa else
                              text_of([("errno", ENOENT), ("reason", "no such IKE SA")])).encode()
            self.take_requests(client)
        try:
            while client.output:
                client.output = client.output[client.connection.send(client.output):]
        except BlockingIOError:
            pass
        except OSError:
            self.drop(client)
            return
        late = client.received and not client.waiting and now - client.began > INCOMPLETE_S
        idle = not (client.holds or client.watches or client.waiting) and now - client.active > IDLE_S
        if late or idle or len(client.output) > EVENT_BACKLOG or (client.closing and not client.output):
            self.drop(client)

    def wake(self):
        try:
            self.wake_write.send(b"x")
        except OSError:
            pass

    def serve(self):
        while not self.stopped:
            ready = self.selector.select(0.05)
            with self.lock:
                for key, _ in ready:
                    if key.fileobj is self.listener:
                        self.accept()
                    elif key.fileobj is self.wake_read:
                        self.wake_read.recv(4096)
                    elif key.fileobj in self.clients:
                        self.read(self.clients[key.fileobj])
                for client in list(self.clients.values()):
                    self.settle(client)
                self.expire()


def rekey(a, b, sa, loses=False):
    """A new SA replaces sa at both ends; with loses b keeps the old one and does not know the new one."""
    new = a.establish(b, loses)
    for daemon in (a,) if loses else (a, b):
        daemon.vanish(sa, "rekeyed")
        daemon.sas[new]["replaced"] = sa
    return new
