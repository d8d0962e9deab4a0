# SPDX-License-Identifier: MIT
"""A relay for IKE over UDP between two daemons that know each other under its addresses: it may delay, lose and count messages.

    with IkeRelay(a, b, seen_a, seen_b, policy) as relay:    # each (address, port): real ones, and those the other side sees

policy(message) says for how many seconds a message is held; None loses it.
"""
import heapq
import itertools
import select
import socket
import threading
import time

IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37
MARKER = 4  # octets before the IKE header where no port is 500


class Message:
    """What an IKE header tells (RFC 7296 section 3.1)."""

    def __init__(self, data, from_a, again):
        header = data[MARKER:MARKER + 28]
        self.spis = (header[:8].hex(), header[8:16].hex())
        self.exchange, self.response = header[18], bool(header[19] & 0x20)
        self.number = int.from_bytes(header[20:24], "big")
        self.from_a, self.again = from_a, again  # again: how often the same was seen before

    @property
    def key(self):
        return self.from_a, self.spis, self.exchange, self.response, self.number


class IkeRelay:
    def __init__(self, real_a, real_b, seen_a, seen_b, policy):
        self.policy, self.real = policy, (real_a, real_b)
        # What a sends to seen_b goes on to b from seen_a, and the other way round.
        self.sockets = []
        for address in (seen_b, seen_a):
            s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(address)
            self.sockets.append(s)
        self.ended = False
        self.seen, self.rekeyings, self.lost, self.held = {}, {}, {}, 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        for s in self.sockets:
            s.close()

    def collisions(self):
        """IKE_SAs that both ends asked to rekey: charon does not ask once it has agreed to the other's request. Only right
        where no CREATE_CHILD_SA makes or rekeys a CHILD_SA."""
        return sum(len(sides) == 2 for sides in list(self.rekeyings.values()))

    def lost_count(self):
        return sum(list(self.lost.values()))

    def judge(self, data, side):
        key = data if len(data) < MARKER + 28 else Message(data, side == 0, 0).key
        again = self.seen.get(key, 0)
        self.seen[key] = again + 1
        if isinstance(key, bytes):
            return 0
        message = Message(data, side == 0, again)
        if message.exchange == CREATE_CHILD_SA and not message.response:
            self.rekeyings.setdefault(message.spis, set()).add(side)
        delay = self.policy(message)
        if delay is None:
            name = (message.exchange, message.response)
            self.lost[name] = self.lost.get(name, 0) + 1
        elif delay:
            self.held += 1
        return delay

    def run(self):
        queue, order = [], itertools.count()
        while not self.ended:
            wait = max(0, min(0.1, queue[0][0] - time.monotonic())) if queue else 0.1
            for s in select.select(self.sockets, [], [], wait)[0]:
                side = self.sockets.index(s)
                try:
                    data = s.recv(65535)
                except OSError:  # ICMP of a daemon that is not there
                    continue
                delay = self.judge(data, side)
                if delay is not None:
                    heapq.heappush(queue, (time.monotonic() + delay, next(order), side, data))
            while queue and queue[0][0] <= time.monotonic():
                _, _, side, data = heapq.heappop(queue)
                try:
                    self.sockets[1 - side].sendto(data, self.real[1 - side])
                except OSError:
                    pass
