#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What fizeaud stores of OWAMP sessions, and who gets it: restarts, kill -9, torn and altered files, full disks, foreign
fetches, every mode."""
import contextlib
import os
import pwd
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import receive, wait_for  # noqa: E402
from owamp import WHOLE, Fizeaud, fixed, measure, record_some  # noqa: E402
from suite import FIZEAUD, Suite, fizeau, fizeau_json, private_file  # noqa: E402

SPI_I, SPI_R = "0f3c010203040506", "99ab112233445566"
SA = f"{SPI_I} {SPI_R} hmac-sha2-256 {'ab' * 32} remote 127.0.0.1 remote-id CN=peer.example local-id CN=me.example\n"


def file_of(server, sid):
    return os.path.join(server.storage, sid.hex())


def numbers(fetched):
    return [r.seq for r in fetched.records]


@contextlib.contextmanager
def started_again(server, during=lambda: None, sig=signal.SIGTERM):
    """The same configuration and folder, another process; `during` is called while there is none."""
    server.process.send_signal(sig)
    server.process.wait(20)
    during()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(server.control)
    with open(server.log_path, "a") as log:
        server.process = subprocess.Popen(server.process.args, stdout=log, stderr=log)
    wait_for("it is up again", lambda: os.path.exists(server.control))
    yield


suite = Suite()
case = suite.case

with case("sessions survive a restart"), Fizeaud("ike off") as server:
    sid = measure(server)
    before = open(file_of(server, sid), "rb").read()
    assert os.stat(file_of(server, sid)).st_mode & 0o777 == 0o600
    with started_again(server), server.client() as control:
        assert numbers(control.fetch(sid)) == [0, 1, 2]
        assert open(file_of(server, sid), "rb").read() == before

with case("what was fetched, or confirmed by Stop-Sessions, survives kill -9; what runs is ended"), \
        Fizeaud("ike off") as server, server.sender() as sender:
    done = measure(server)
    with server.client() as control, server.client() as other:
        port, sid = record_some(control, sender, numbers=range(5), packets=100)
        wait_for("packets are recorded", lambda: len(other.fetch(sid, 0, 99).records) >= 5)
        shown = [r.octets for r in other.fetch(sid, 0, 4).records]
        with started_again(server, sig=signal.SIGKILL), server.client() as again:
            assert numbers(again.fetch(done)) == [0, 1, 2]
            #= rfc4656#section-3.9 OW-3.9-03
            assert again.fetch(sid) == 1
            part = again.fetch(sid, 0, 4)
            assert part.finished and part.next_seqno == 5 and [r.octets for r in part.records] == shown
    assert server.process.poll() is None

with case("SIGTERM ends sessions in order"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender, server.receiver() as receiver:
    port, sid = control.session(packets=100, slots=[fixed(0.02)], timeout=0.5)
    back = os.urandom(16)
    control.session(conf=(1, 0), ports=(0, receiver.port), sid=back, packets=100, slots=[fixed(0.02)], timeout=0.5)
    assert control.start() == 0
    for seq in range(30):
        assert receiver.packet()[0] == seq
        sender.send(port, seq)
    server.process.send_signal(signal.SIGTERM)
    accept, [(which, next_seqno, ranges)] = control.stopped()
    assert accept == 0 and which == back and next_seqno >= 30 and not ranges
    #= rfc4656#section-3.8 OW-3.8-20
    sender.send(port, 33)
    time.sleep(0.7)
    control.stop([(sid, 34, [(30, 32)])])
    assert server.process.wait(20) == 0
    with started_again(server), server.client() as again:
        whole = again.fetch(sid)
        assert whole.next_seqno == 34 and numbers(whole)[:5] == [0, 1, 2, 3, 4]
        assert 33 in numbers(whole) and not set(numbers(whole)) & {30, 31, 32}

with case("SIGTERM does not wait for a client that says nothing"), Fizeaud("ike off") as server, \
        server.client() as control, server.sender() as sender:
    record_some(control, sender, packets=1000)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert control.stopped() == (0, [])
    assert server.process.wait(20) == 0 and time.monotonic() - began < 15

with case("SIGHUP leaves sessions alone"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender:
    port, sid = record_some(control, sender, numbers=[0])
    server.process.send_signal(signal.SIGHUP)
    wait_for("it was read", lambda: "read again" in server.log())
    sender.send(port, 1)
    control.stopped()
    control.stop([(sid, 3, [])])
    assert numbers(control.fetch(sid)) == [0, 1, 2]

with case("altered and torn files are named in the log, and not served"), Fizeaud("ike off") as server:
    good, altered, head, torn, other = (measure(server) for _ in range(5))

    def spoil():
        octets = bytearray(open(file_of(server, altered), "rb").read())
        octets[len(octets) // 2 + 30] ^= 1
        open(file_of(server, altered), "wb").write(octets)
        octets = bytearray(open(file_of(server, head), "rb").read())
        octets[40] ^= 1
        open(file_of(server, head), "wb").write(octets)
        os.truncate(file_of(server, torn), os.path.getsize(file_of(server, torn)) - 5)
        os.rename(file_of(server, other), os.path.join(server.storage, "ff" * 16))
        private_file(server.storage, "ee" * 16, "rubbish")
        private_file(server.storage, "0123", "not ours")

    with started_again(server, spoil), server.client() as control:
        assert numbers(control.fetch(good)) == [0, 1, 2]
        for sid in altered, head, torn, other, b"\xff" * 16, b"\xee" * 16:
            assert control.fetch(sid) == 1, sid.hex()
        assert numbers(control.fetch(torn, 0, 9)) == [0, 1, 2]
        assert control.fetch(altered, 0, 9) == 1 and control.fetch(head, 0, 9) == 1
        log = server.log()
        for sid in head, b"\xff" * 16, b"\xee" * 16:
            assert f"{sid.hex()} cannot be served: it is not what was written" in log, log
        assert "0123" not in log and os.path.exists(os.path.join(server.storage, "0123"))

with case("a file altered while it is fetched closes the connection"), Fizeaud("ike off\nlimit anyone rate none\nlimit anyone bandwidth none") as server, \
        server.sender() as sender:
    count = 400000  # lost packets, more octets than sockets hold
    with server.client() as control:
        _, sid = record_some(control, sender, packets=count, slots=[fixed(0.000005)])
        control.stopped()
        control.stop([(sid, count, [])])
        assert len(control.fetch(sid).records) == count
    with server.client() as control:
        control.sock.sendall(bytes([4]) + bytes(11) + b"\xff" * 4 + sid + bytes(16))
        ack = receive(control.sock, 32)
        assert ack[0] == 0 and int.from_bytes(ack[12:16], "big") == count
        with open(file_of(server, sid), "r+b") as f:
            f.seek(-5000, 2)
            f.write(bytes(100))
        got = 0
        while part := control.sock.recv(65536):
            got += len(part)
        assert 25 * 10 < got < 25 * count, got
    with server.client() as control:
        assert control.fetch(sid) == 1

with case("storage-keep"), Fizeaud("ike off\nstorage-keep 3s") as server, server.client() as control:
    #= rfc4656#section-6.5 OW-6.5-05
    sid = measure(server)
    assert numbers(control.fetch(sid)) == [0, 1, 2]
    wait_for("it is gone", lambda: control.fetch(sid) == 1)
    assert os.listdir(server.storage) == ["lock"]
    sid = measure(server)
    with started_again(server, lambda: time.sleep(4)), server.client() as again:
        assert again.fetch(sid) == 1 and os.listdir(server.storage) == ["lock"]

with case("without a folder nothing is received, and the log says why"), tempfile.TemporaryDirectory() as folder, \
        Fizeaud(f"ike off\nstorage {folder}/none") as server, server.client() as control, server.receiver() as receiver:
    assert f"storage {folder}/none: No such file or directory; OWAMP sessions are not received" in server.log()
    assert control.refused() == 5
    control.session(conf=(1, 0), ports=(0, receiver.port), **WHOLE)
    assert control.fetch(bytes(16)) == 1
    assert server.status()["storage"]["path"] is None

class WithVarLib(Fizeaud):
    """One started as root that becomes nobody, in a mount namespace with an empty /var/lib, which is its storage."""

    def __init__(self, size="10m"):
        super().__init__("ike off")
        self.size = size

    def folder_seen(self):
        return f"/proc/{self.process.pid}/root/var/lib/fizeau"

    def start(self, conf, log):
        text = open(conf).read().replace("user -\n", "user nobody\n").replace(f"storage {self.storage}\n", "")
        private_file(self.folder.name, "fizeaud.conf", text)
        return subprocess.Popen(["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o "$1" none /var/lib && shift && exec "$@"', "sh",
                                 f"mode=755,size={self.size}",
                                 FIZEAUD, "-f", "-v", "-c", conf], stdout=log, stderr=log)


NAME = "the default folder is made, and is its user's"
FULL = "a disk that is full, at a request and in the middle of a session"
if os.getuid() or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/var/lib"], capture_output=True,
                                 check=False).returncode:
    for name in NAME, FULL:
        suite.skip(name, "needs root and a mount namespace of its own")
else:
    with case(NAME), WithVarLib() as server, server.client() as control:
        st = os.stat(server.folder_seen())
        assert st.st_uid == pwd.getpwnam("nobody").pw_uid and st.st_mode & 0o777 == 0o700, st
        assert numbers(control.fetch(measure(server))) == [0, 1, 2]
    with case(FULL), WithVarLib("200k") as server, server.client() as control, server.sender() as sender:
        assert control.refused(packets=10000, slots=[fixed(0.005)]) == 5 and "disk of its storage is full" in server.log()
        port, sid = control.session(packets=3000, slots=[fixed(0.005)], timeout=0.5)
        assert control.start() == 0
        with open(os.path.join(server.folder_seen(), "filler"), "wb", buffering=0) as filler, \
                contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        # Lost packets are records, too. What fits the file's last page is stored, and not more.
        assert control.stopped() == (5, [])
        control.stop([(sid, 3000, [])])
        os.unlink(os.path.join(server.folder_seen(), "filler"))
        assert control.fetch(sid) == 1 and control.fetch(sid, 0, 3000).finished
        assert "No space left on device" in server.log() and server.counter("ended_storage") == 1
        assert numbers(control.fetch(measure(server))) == [0, 1, 2]

with case("one folder, one daemon"), Fizeaud("ike off") as server, \
        Fizeaud(f"ike off\nstorage {server.storage}") as second, second.client() as control:
    assert "another fizeaud uses it" in second.log() and control.refused() == 5
    with server.client() as first:
        first.session()

with case("a disk that is full in the middle of a session"), Fizeaud("ike off") as server, server.client() as control, \
        server.sender() as sender, server.receiver() as receiver:
    port, sid = control.session(packets=2000, slots=[fixed(0.005)], timeout=0.5)
    back = os.urandom(16)
    control.session(conf=(1, 0), ports=(0, receiver.port), sid=back, packets=2000, slots=[fixed(0.02)], timeout=0.5)
    assert control.start() == 0
    while os.path.getsize(file_of(server, sid)) < 1000:
        seq = receiver.packet()[0]
        sender.send(port, 4 * seq)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (os.path.getsize(file_of(server, sid)) + 10,) * 2)
    #= rfc4656#section-3.8 OW-3.8-06 OW-3.8-09 OW-3.8-19
    accept, [(which, next_seqno, _)] = control.stopped()
    assert accept == 5 and which == back and next_seqno > 0
    control.stop([(sid, 2000, [])])
    assert control.fetch(sid) == 1
    assert len(control.fetch(sid, 0, 2000).records) > 10
    counters = server.status()["counters"]
    assert counters["ended_storage"] == 1 and "File too large" in server.log(), counters

with case("sessions of an identity are its own, in every mode"), tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", "joe a passphrase\nann another one\n")
    sas = private_file(folder, "sas", SA)
    with Fizeaud(f"keys {keys}\nike static {sas}\npbkdf2-count 1024") as server:
        who = {"open": ["-m", "open", "--ike", "off"], "ike": ["--ike", "require", "--ike-static", sas]}
        for name in "joe", "ann":
            who[name] = ["--ike", "off", "-k", name, "--keys", keys]
        for mode in "open", "authenticated", "encrypted":
            for name in ["open"] if mode == "open" else ["joe", "ike"]:
                options = who[name] if mode == "open" else ["-m", mode, *who[name]]
                result = fizeau_json("oneway", "-c", 10, "-i", "5ms", "-w", "400ms", *options, server.owamp_target)
                sids = {s["direction"]: s for s in result["sessions"]}
                assert all(s["packets"]["received"] == 10 for s in sids.values()), result
                sid = sids["to"]["sid"]
                for other, rights in who.items():
                    run = fizeau("fetch", *rights, server.owamp_target, sid)
                    allowed = mode == "open" or other == name
                    assert (run.returncode == 0) == allowed, (mode, name, other, run.stderr)

with case("a client that does not read its fetch is dropped, and holds up nobody"), \
        Fizeaud("ike off\nservwait 2s\nlimit anyone rate none\nlimit anyone bandwidth none") as server, \
        server.sender() as sender, server.receiver() as receiver:
    count = 400000
    with server.client() as control:
        _, sid = record_some(control, sender, packets=count, slots=[fixed(0.000005)])
        control.stopped()
        control.stop([(sid, count, [])])
        assert control.fetch(bytes(16)) == 1
    with server.client() as lazy, server.client() as busy:
        lazy.sock.sendall(bytes([4]) + bytes(11) + b"\xff" * 4 + sid + bytes(16))
        back = os.urandom(16)
        busy.session(conf=(1, 0), ports=(0, receiver.port), sid=back, packets=50, slots=[fixed(0.01)])
        assert busy.start() == 0
        assert [receiver.packet()[0] for _ in range(50)] == list(range(50))
        busy.stop()
        wait_for("it is dropped", lambda: server.counter("closed_timeout") == 1)

suite.done()
