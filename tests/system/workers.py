#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The workers of fizeaud: how sessions are spread over them, what they count, and what is left when one of them dies."""
import contextlib
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from octets import PATIENCE, nothing_came, wait_for  # noqa: E402
from suite import FIZEAUD, Suite, fizeau, fizeau_json, private_file  # noqa: E402
from twamp import PORTS, Control, Fizeaud, Sender, counter, good_client, status  # noqa: E402

suite = Suite()
case = suite.case


def workers(server):
    return status(server)["workers"]


def alive(pid):
    """Whether it runs; a zombie, which whoever adopted it has not looked at yet, does not."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def number_of(back):
    return struct.unpack(">I", back[1][0][:4])[0]


class Session:
    """A session with a connection and a sender of its own."""

    def __init__(self, stack, server, host="127.0.0.1"):
        self.control = stack.enter_context(Control(server, host).open())
        self.sender = stack.enter_context(Sender(server, host))
        self.ask()

    def ask(self, **wishes):
        self.port, sid = self.control.session(sender_port=self.sender.port, **wishes)
        self.sid = sid.hex()
        self.control.start()

    def echo(self):
        return self.sender.echo(self.port)

    def told(self, server):
        """What status says of it; None if it is not there."""
        found = [s for s in status(server)["sessions"] if s["sid"] == self.sid]
        return found[0] if found else None


with case("sessions are spread, and each worker counts its own"), Fizeaud("workers 3") as server, \
        contextlib.ExitStack() as stack:
    assert [w["worker"] for w in workers(server)] == [1, 2, 3]
    sessions = [Session(stack, server, f"127.0.0.{2 + n % 2}") for n in range(9)]
    assert [w["sessions"] for w in workers(server)] == [3, 3, 3]
    for n, session in enumerate(sessions):
        for wanted in range(n + 1):
            assert number_of(session.echo()) == wanted
    now = status(server)
    by_worker = {1: 0, 2: 0, 3: 0}
    for n, session in enumerate(sessions):
        told = session.told(server)
        assert told["received"] == told["reflected"] == n + 1 and told["remote"].endswith(f":{session.sender.port}"), told
        by_worker[told["worker"]] += n + 1
    assert {w["worker"]: w["packets_received"] for w in now["workers"]} == by_worker
    assert {w["worker"]: w["packets_reflected"] for w in now["workers"]} == by_worker
    assert now["counters"]["packets_received"] == now["counters"]["packets_reflected"] == 45
    assert len({w["pid"] for w in now["workers"]}) == 3 and all(alive(w["pid"]) for w in now["workers"])
    text = fizeau("status", "--control", server.control).stdout
    assert "workers:" in text and "restarts" in text, text
    for session in sessions:
        session.control.stop()
    wait_for("all are over", lambda: [w["sessions"] for w in workers(server)] == [0, 0, 0])
    for n in range(9):
        assert f"{n + 1} packets received, {n + 1} reflected" in server.log()

with case("a worker that is killed takes only its own sessions with it"), Fizeaud("workers 2\nlimit anyone rate none") as server, \
        contextlib.ExitStack() as stack:
    doomed, other = Session(stack, server), Session(stack, server)
    asked = stack.enter_context(Control(server).open())
    third, fourth = asked.session(sender_port=5000), asked.session(sender_port=5001)
    place = {s["sid"]: s["worker"] for s in status(server)["sessions"]}
    assert place[doomed.sid] != place[other.sid] and place[third[1].hex()] != place[fourth[1].hex()]
    for _ in range(7):
        doomed.echo()
    before = workers(server)
    victim = place[doomed.sid]
    for n in range(500):
        if n == 100:
            os.kill(before[victim - 1]["pid"], signal.SIGKILL)
        assert number_of(other.echo()) == n
    wait_for("its sessions end", lambda: counter(server, "ended_worker") == 2)
    wait_for("it is started again", lambda: workers(server)[victim - 1]["pid"])
    after = workers(server)
    assert after[victim - 1]["pid"] != before[victim - 1]["pid"] and after[victim - 1]["restarts"] == 1, after
    assert after[2 - victim] == {**before[2 - victim], "packets_received": 500, "packets_reflected": 500}, after
    assert not doomed.told(server) and other.told(server)["received"] == 500
    assert "was killed by signal 9" in server.log() and "ended (ended_worker): 7 packets received, 7 reflected" in server.log()
    # What the dead one counted is not forgotten.
    assert counter(server, "packets_received") == 507
    assert doomed.sender.silence(doomed.port)
    # The connection is still there, and gets a new one.
    doomed.control.stop()
    doomed.sender.seq = 0
    doomed.ask()
    assert doomed.told(server)["worker"] == victim and number_of(doomed.echo()) == 0
    # So does one that had asked for sessions and not started them.
    asked.start()
    good_client(server)

with case("a worker that dies again and again is started again and again, the others go on"), \
        Fizeaud("workers 2") as server, contextlib.ExitStack() as stack:
    session = Session(stack, server)
    victim = 2 - session.told(server)["worker"]
    seen = set()
    for n in range(6):
        wait_for("it runs", lambda: workers(server)[victim]["pid"] not in seen | {None})
        seen.add(workers(server)[victim]["pid"])
        os.kill(workers(server)[victim]["pid"], signal.SIGKILL)
        wait_for("its death is noticed", lambda: workers(server)[victim]["pid"] not in seen)
        # Meanwhile everything goes to the one that runs.
        good_client(server)
        session.echo()
    wait_for("it runs", lambda: workers(server)[victim]["pid"])
    assert workers(server)[victim]["restarts"] == 6 and server.log().count("was killed by signal 9") == 6
    assert session.told(server)["received"] == 6

with case("both killed: nobody can be served until they are back, then all are"), Fizeaud("workers 2") as server, \
        contextlib.ExitStack() as stack:
    sessions = [Session(stack, server) for _ in range(2)]
    for worker in workers(server):
        os.kill(worker["pid"], signal.SIGKILL)
    wait_for("both are back", lambda: [w["restarts"] for w in workers(server)] == [1, 1])
    for session in sessions:
        session.control.stop()
        session.ask()
        session.echo()
    assert counter(server, "ended_worker") == 2

with case("workers end with their main process"), contextlib.ExitStack() as stack:
    for kill, how in (signal.SIGTERM, "asked"), (signal.SIGKILL, "killed"), (signal.SIGKILL, "one of them stopped"):
        with Fizeaud("workers 2") as server:
            for _ in range(2):
                Session(stack, server).echo()
            pids = [w["pid"] for w in workers(server)]
            if how == "one of them stopped":
                os.kill(pids[0], signal.SIGSTOP)
            server.process.send_signal(kill)
            server.process.wait(PATIENCE)
            wait_for(f"no orphans ({how})", lambda: not any(map(alive, pids)))
            server.process.returncode = 0

with case("signals to all of a terminal or a unit are the main process's"), Fizeaud("workers 1") as server, \
        contextlib.ExitStack() as stack:
    session = Session(stack, server)
    pid = workers(server)[0]["pid"]
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
        os.kill(pid, number)
    session.echo()
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: "read again" in server.log())
    session.echo()
    assert workers(server)[0]["pid"] == pid and workers(server)[0]["restarts"] == 0

with case("nothing secret in a worker's /proc, and no descriptor that is not its own"), \
        tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", "alice alice the-secret-passphrase\n")
    inherited = os.open(keys, os.O_RDONLY)
    os.set_inheritable(inherited, True)

    class Inheriting(Fizeaud):
        """With one more descriptor than it knows of."""

        def start(self, conf, log):
            return subprocess.Popen([FIZEAUD, "-f", "-v", "-c", conf], stdout=log, stderr=log, pass_fds=(inherited,))

    with Inheriting(f"workers 2\nkeys {keys}\npbkdf2-count 1024\nike off") as server:
        run = fizeau_json("twoway", "-c", "5", "-i", "10ms", "--keys", keys, "-k", "alice", "--ike", "off", server.target)
        assert run
        for pid in [w["pid"] for w in workers(server)]:
            for name in "cmdline", "environ":
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    text = f.read()
                assert b"secret" not in text and (name == "environ" or text == b"fizeaud-worker\0"), text
            with open(f"/proc/{pid}/comm") as f:
                assert f.read() == "fizeaud-worker\n"
            paths = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert keys not in paths and len(paths) < 20, paths
            with open(f"/proc/{pid}/limits") as f:
                [core] = [line.split() for line in f if line.startswith("Max core file size")]
            assert core[4:6] == ["0", "0"], core
    os.close(inherited)

if os.geteuid():
    suite.skip("a worker has no rights", "needs root")
else:
    with case("a worker has no rights"), Fizeaud() as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE)
        os.chmod(server.folder.name, 0o755)
        path = private_file(server.folder.name, "fizeaud.conf",
                            f"listen twamp 127.0.0.1 {server.port}\ncontrol {server.control}\nuser nobody\nworkers 2\n"
                            f"test-ports {PORTS}-{PORTS + 79}\nclass around net 127.0.0.2\nclass anyone any\n"
                            "limit around bypass-ipsec yes\n")
        server.process = subprocess.Popen([FIZEAUD, "-f", "-c", path], stderr=subprocess.DEVNULL)
        wait_for("it serves", lambda: os.path.exists(server.control))
        with contextlib.ExitStack() as stack:
            # A socket that goes around IPsec is opened by the main process, which has kept the right to.
            for host in "127.0.0.1", "127.0.0.2":
                Session(stack, server, host).echo()
            os.kill(workers(server)[0]["pid"], signal.SIGKILL)
            wait_for("it is started again", lambda: workers(server)[0]["restarts"] == 1)
            for host in "127.0.0.1", "127.0.0.2":
                Session(stack, server, host).echo()
        for pid in [w["pid"] for w in workers(server)]:
            with open(f"/proc/{pid}/status") as f:
                lines = dict(line.split(":", 1) for line in f)
            assert set(lines["Uid"].split()) == {"65534"} and set(lines["Gid"].split()) == {"65534"}
            assert int(lines["CapEff"], 16) == int(lines["CapPrm"], 16) == 0, lines["CapEff"]
            assert os.stat(f"/proc/{pid}/maps").st_uid == 0, "still dumpable"

with case("sessions of one address share ports when there are no more, and are told apart by their Sender Ports"), \
        Fizeaud(f"workers 2\ntest-ports {PORTS}-{PORTS + 3}\nlimit anyone peer-sessions none") as server, \
        contextlib.ExitStack() as stack:
    control = stack.enter_context(Control(server).open())
    senders = [stack.enter_context(Sender(server)) for _ in range(40)]
    ports = [control.session(sender_port=s.port)[0] for s in senders]
    assert len(set(ports[:4])) == 4 and set(ports) == set(ports[:4]), ports
    assert {ports.count(port) for port in ports} == {10}
    # The same Sender Port again, as long as there is a port that it does not have.
    again = [control.session(sender_port=senders[0].port)[0] for _ in range(3)]
    assert {ports[0], *again} == set(ports)
    assert control.refused(sender_port=senders[0].port) == 5 and counter(server, "request_ports") == 1
    control.start()
    for n in range(3):
        for sender, port in zip(senders[1:], ports[1:]):
            assert number_of(sender.echo(port)) == n
    told = status(server)["sessions"]
    assert sorted(s["received"] for s in told) == [0] * 4 + [3] * 39, [s["received"] for s in told]
    with Sender(server) as stranger:
        assert stranger.silence(ports[1]) and counter(server, "dropped_no_session") == 1

with case("an address alone on a port may have its Sender Port rewritten, and keeps the port to itself then"), \
        Fizeaud(f"workers 1\ntest-ports {PORTS}-{PORTS}") as server, contextlib.ExitStack() as stack:
    session = Session(stack, server)
    rewritten, second = stack.enter_context(Sender(server)), stack.enter_context(Control(server).open())
    rewritten.echo(session.port)
    assert second.refused(sender_port=5000) == 5

with case("a worker that stands still holds up nobody else, and then does what it was told"), \
        Fizeaud("workers 2\nlimit anyone peer-sessions none\nlimit anyone sessions none") as server, \
        contextlib.ExitStack() as stack:
    session = Session(stack, server)
    still = 2 - session.told(server)["worker"]
    os.kill(workers(server)[still]["pid"], signal.SIGSTOP)
    # More than its socket holds, and than may wait.
    control, accepted = stack.enter_context(Control(server, "127.0.0.2").open()), []
    sender = stack.enter_context(Sender(server, "127.0.0.2"))
    for n in range(4000):
        answer = control.request(sender_port=sender.port if n < 3 else 20000 + n)
        if answer[0] == 0:
            accepted.append(struct.unpack(">H", answer[2:4])[0])
        elif answer[0] == 5:
            break
    assert 500 < len(accepted) < 4000 and counter(server, "request_worker") > 0, len(accepted)
    session.echo()
    control.say_start()
    wait_for("the start", lambda: all(s["state"] == "running" for s in status(server)["sessions"]))
    session.echo()
    assert status(server)["counters"]["sessions"] == len(accepted) + 1
    # A start is acknowledged when the worker can know of it, and not before.
    assert nothing_came(control.sock)
    os.kill(workers(server)[still]["pid"], signal.SIGCONT)
    # What did not fit into its socket reaches it now, piece by piece; and the first packet finds its session.
    control.hear_started()
    for port in accepted[:3]:
        sender.echo(port)
    control.stop(len(accepted))
    wait_for("all of them end", lambda: [w["sessions"] for w in workers(server)].count(0) == 1)
    assert counter(server, "ended_stop") == len(accepted) and workers(server)[still]["restarts"] == 0

with case("1,000 sessions of 100 connections"), contextlib.ExitStack() as stack, \
        Fizeaud(f"workers 3\nlimit anyone peer-sessions none\nlimit anyone sessions none\nlimit anyone connections none\n"
                "limit anyone peer-connections none") as server:
    controls, sessions = [], []
    for c in range(100):
        host = f"127.0.1.{1 + c % 20}"
        controls.append(stack.enter_context(Control(server, host).open()))
        for _ in range(10):
            sender = stack.enter_context(Sender(server, host))
            sessions.append((sender, controls[-1].session(sender_port=sender.port)[0]))
        controls[-1].start()
    spread = [w["sessions"] for w in workers(server)]
    assert sum(spread) == 1000 and max(spread) - min(spread) <= 1, spread
    for sender, port in sessions:
        sender.send(port)
    for sender, port in sessions:
        back = sender.receive()
        assert back and struct.unpack(">I", back[0][:4])[0] == 0
    now = status(server)
    assert {(s["received"], s["reflected"]) for s in now["sessions"]} == {(1, 1)} and len(now["sessions"]) == 1000
    assert sum(w["packets_reflected"] for w in now["workers"]) == now["counters"]["packets_reflected"] == 1000
    for n, control in enumerate(controls):
        control.stop(10) if n % 2 else control.sock.close()
    wait_for("all are over", lambda: sum(w["sessions"] for w in workers(server)) == 0)
    counts = status(server)["counters"]
    assert (counts["ended_stop"], counts["ended_connection"]) == (500, 500), counts
    # Ports that nobody uses any more are closed.
    wait_for("ports are closed", lambda: sum(w["ports"] for w in workers(server)) == 0)
    good_client(server)

with case("busy-poll: a worker does not sleep while a session runs, and does else"), \
        Fizeaud("workers 1\nbusy-poll yes") as server, contextlib.ExitStack() as stack:
    worker = workers(server)[0]["pid"]

    def ticks():
        with open(f"/proc/{worker}/stat") as f:
            return sum(map(int, f.read().split()[13:15]))

    def sleeps():
        begin = ticks()
        time.sleep(0.5)
        return ticks() - begin < 10

    assert sleeps()
    session = Session(stack, server)
    begin = ticks()
    for n in range(20):
        assert number_of(session.echo()) == n
    wait_for("CPU time is used", lambda: ticks() - begin > 50)
    session.control.stop()
    wait_for("the session ends", lambda: workers(server)[0]["sessions"] == 0)
    assert sleeps()
    session.ask()
    begin = ticks()
    wait_for("CPU time is used", lambda: ticks() - begin > 10)
    path = os.path.join(server.folder.name, "fizeaud.conf")
    with open(path) as f:
        old = f.read()
    private_file(server.folder.name, "fizeaud.conf", old.replace("busy-poll yes", "busy-poll no"))
    server.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: "read again" in server.log())
    assert sleeps()
    session.echo()

with case("who started it may have ignored SIGCHLD"):
    class Deaf(Fizeaud):
        """Begun by somebody who does not want to know of dead children."""

        def start(self, conf, log):
            return subprocess.Popen([FIZEAUD, "-f", "-v", "-c", conf], stdout=log, stderr=log,
                                    preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    with Deaf("workers 1") as server:
        good_client(server)
        os.kill(workers(server)[0]["pid"], signal.SIGKILL)
        wait_for("it is started again", lambda: workers(server)[0]["restarts"] == 1)
        good_client(server)

with case("it is not started by people"):
    run = subprocess.run(["fizeaud-worker"], executable=FIZEAUD, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == 2 and "starts its workers itself" in run.stderr, run

suite.done()
