#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeau twoway with many servers at once: one process, one table, one document, whatever becomes of each of them."""
import contextlib
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from key_service import EBUSY, IkeDaemon, Refused  # noqa: E402
from suite import FIZEAU, Fizeaud, Suite, fizeau, fizeau_json, private_file  # noqa: E402

MODES = ("open", "authenticated", "encrypted", "mixed")
QUICK = ("-c", 5, "-i", "5ms")


def targets_file(name, targets):
    return private_file(folder, name, "".join(f"{target}\n" for target in targets))


def check_session(result, count):
    session, = result["sessions"]
    packets = session["packets"]
    assert (packets["sent"], packets["received"], packets["lost"]) == (count, count, 0), (result["target"], packets)
    # Between ends on one host a stamp may be wrong by more than the packet took: it is then in no delay.
    delays = (session["round_trip_delay_ns"]["n"] or 0) + packets["impossible"] + packets["across_step"]
    assert delays == count, (packets, session["round_trip_delay_ns"])
    return session


def check_document(document, targets, count=5):
    """All were measured, in the order in which they were given."""
    assert (document["schema"], document["protocol"]) == ("fizeau.result/1", "TWAMP"), document
    counts = tuple(document[name] for name in ("targets", "measured", "failed"))
    assert counts == (len(targets), len(targets), 0), (counts, [r for r in document["results"] if "error" in r][:3])
    assert [result["target"] for result in document["results"]] == list(targets)
    for result in document["results"]:
        assert "error" not in result and result["schema"] == "fizeau.result/1", result
        check_session(result, count)
    sids = {result["sessions"][0]["sid"] for result in document["results"]}
    ports = {result["sessions"][0]["local"] for result in document["results"]}
    assert len(sids) == len(ports) == len(targets), "each target has a session and a socket of its own"


def few():
    targets = [server.target for server in servers]
    with suite.case("operands, a file, both, and stdin: results in the order in which they were given"):
        document = fizeau_json("twoway", *QUICK, "-m", "open", *targets)
        check_document(document, targets)
        assert [r["server"] for r in document["results"]] == targets, "each is measured with itself"
        path = targets_file("two", targets)
        check_document(fizeau_json("twoway", *QUICK, "-m", "open", "--targets", path), targets)
        check_document(fizeau_json("twoway", *QUICK, "-m", "open", targets[1], "--targets", path), targets[1:2] + targets)
        run = subprocess.run([FIZEAU, "twoway", "-c", "5", "-i", "5ms", "-m", "open", "-j", "--targets", "-"],
                             input="\n".join(targets), capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run
        check_document(json.loads(run.stdout), targets)
    with suite.case("the same target twice: two sessions"):
        check_document(fizeau_json("twoway", *QUICK, "-m", "open", targets[0], targets[0]), [targets[0]] * 2)
    with suite.case("one target: the document and the text of one, even from a file"):
        for args in ((targets[0],), ("--targets", targets_file("one", targets[:1]))):
            document = fizeau_json("twoway", *QUICK, "-m", "open", *args)
            assert "results" not in document and "target" not in document and len(document["sessions"]) == 1, document
            text = fizeau("twoway", *QUICK, "-m", "open", *args).stdout
            assert text.startswith("TWAMP open, no key\n") and "\nround trip " in text, text
    with suite.case("the table has a line for each, -q nothing else"):
        run = fizeau("twoway", *QUICK, "-m", "open", *targets)
        assert run.returncode == 0 and run.stderr == "", run
        assert run.stdout.startswith("TWAMP, 2 targets: 2 measured, 0 not\n"), run.stdout
        lines = [line.split() for line in run.stdout.splitlines() if line.startswith("127.")]
        assert [line[0] for line in lines] == targets, run.stdout
        for line in lines:
            assert line[1:6] == ["open", "none", "5", "0.00", "%"] and line[-1] == "measured", line
            if line[6] != "-":
                low, median, p95, high = map(float, line[6:10])
                assert -1 <= low <= median <= p95 <= high, line
        run = fizeau("twoway", *QUICK, "-m", "open", "-q", *targets)
        assert run.returncode == 0 and [line.split(": ")[0] for line in run.stdout.splitlines()] == targets, run
    with suite.case("records have their target"):
        path = os.path.join(folder, "records")
        document = fizeau_json("twoway", *QUICK, "-m", "open", "--records", path, *targets)
        with open(path) as f:
            records = [json.loads(line) for line in f]
        for target, result in zip(targets, document["results"]):
            mine = [r for r in records if r["target"] == target]
            assert sorted(r["seq"] for r in mine) == list(range(5)), records
            least = result["sessions"][0]["round_trip_delay_ns"]["min"]
            assert least is None or least in [r["round_trip_delay_ns"] for r in mine], (least, mine)
        fizeau_json("twoway", *QUICK, "-m", "open", "--records", path, targets[0])
        with open(path) as f:
            assert not any("target" in json.loads(line) for line in f), "one target needs none"


def keyed():
    targets = [servers[i % 2].target for i in range(12)]
    for mode in MODES[1:]:
        with suite.case(f"{mode} mode with a passphrase, for all targets"):
            document = fizeau_json("twoway", *QUICK, "-m", mode, "-k", "joe", "--keys", keys, "--ike", "off", *targets)
            check_document(document, targets)
            for result in document["results"]:
                assert (result["mode"], result["key"]["source"], result["key"]["keyid"]) == (mode, "passphrase", "joe")
        with suite.case(f"{mode} mode with IKE SAs, each target's own"):
            document = fizeau_json("twoway", *QUICK, "-m", mode, "--ike-static", sas, *targets)
            check_document(document, targets)
            for result, target in zip(document["results"], targets):
                number = 1 + [server.target for server in servers].index(target)
                assert (result["mode"], result["key"]["source"]) == (mode, "ikev2"), result["key"]
                assert result["key"]["spi_i"] == f"{number:016x}", result["key"]


class BusyDaemon(IkeDaemon):
    """A key service that has too many clients at first."""
    refused, refusals = 0, 30

    def busy(self, number, reason):
        if self.refused < self.refusals:
            self.refused += 1
            raise Refused(number, reason)

    def do_lookup(self, client, request):
        if "remote_host" in request:
            self.busy(EBUSY, "too many connections to the key service")
        return super().do_lookup(client, request)

    def do_initiate(self, client, request):
        self.busy(11, "too many IKE_SAs are being set up: try again later")
        return super().do_initiate(client, request)


def key_service():
    for what, args in (("an SA is there", ()), ("an SA is to be set up", ("--ike", "initiate"))):
        with suite.case(f"a key service that is busy with our own requests is asked again: {what}"):
            mine, its = (os.path.join(folder, f"{name}{len(args)}") for name in ("mine", "its"))
            with BusyDaemon(mine, "127.0.0.1", "me.example") as a, IkeDaemon(its, "127.0.8.3", "gw.example") as b, \
                    Fizeaud(f"ike socket {its}\n{limits}", host="127.0.8.3") as other:
                a.knows(b)
                if not args:
                    a.establish(b)
                document = fizeau_json("twoway", *QUICK, "-m", "encrypted", "--ike-socket", mine, *args,
                                       *[other.target] * 40)
                check_document(document, [other.target] * 40)
                assert a.refused == a.refusals, a.refused
                assert {r["key"]["peer_id"] for r in document["results"]} == {"gw.example"}, document["results"][0]


@contextlib.contextmanager
def mute():
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.8.9", 0), backlog=64) as listener:
        yield "{}:{}".format(*listener.getsockname())


def failures():
    with socket.socket() as s:
        s.bind(("127.0.8.9", 0))
        dead = "{}:{}".format(*s.getsockname())
    good = servers[0].target
    with suite.case("what fails is told with its reason, and the others are measured all the same"):
        wrong = private_file(folder, "wrong", "joe another\n")
        with Fizeaud(f"modes open\n{limits}", host="127.0.8.3") as plain, mute() as silent:
            targets = [dead, good, "host.invalid", silent, plain.target, good]
            document = fizeau_json("twoway", *QUICK, "-m", "encrypted", "-k", "joe", "--keys", keys, "--ike", "off",
                                   *targets, status=1)
            assert (document["targets"], document["measured"], document["failed"]) == (6, 2, 4), document
            reasons = [r.get("error", {}).get("reason") for r in document["results"]]
            assert reasons == ["unreachable", None, "unresolved", "silent", "keying", None], reasons
            assert [r["target"] for r in document["results"]] == targets
            for result in document["results"]:
                if "error" in result:
                    assert "sessions" not in result and "\n" not in result["error"]["text"], result
                else:
                    check_session(result, 5)
            run = fizeau("twoway", *QUICK, "-m", "encrypted", "-k", "joe", "--keys", wrong, "--ike", "off", good, good)
            assert run.returncode == 1 and run.stdout.startswith("TWAMP, 2 targets: 0 measured, 2 not\n"), run
            assert run.stdout.count("refused: server 127.0.8.1 refused encrypted mode with KeyID joe (Accept 1") == 2, run
            assert "another" not in run.stdout + run.stderr
    with suite.case("every packet lost is no measurement, but a session"):
        document = fizeau_json("twoway", *QUICK, "-m", "open", "-w", "1ns", good, good, status=1)
        for result in document["results"]:
            assert result["error"]["reason"] == "late" and result["sessions"][0]["packets"]["lost"] == 5, result
    with suite.case("silent servers, more than there are threads, hold up nobody"):
        with contextlib.ExitStack() as stack:
            other = stack.enter_context(Fizeaud(conf, host="127.0.8.3"))
            silent = [stack.enter_context(mute()) for _ in range(40)]
            client = subprocess.Popen([FIZEAU, "twoway", "-c", "3", "-i", "5ms", "-m", "open", "-j", *silent, other.target],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            # The good one is last in the queue; it is through while silent ones are still waited for.
            until(lambda: any(s["received"] == 3 for s in other.status()["sessions"]))
            assert client.poll() is None, "nobody was silent"
            client.send_signal(signal.SIGINT)
            document = json.loads(client.communicate(timeout=30)[0])
            assert client.returncode == 1 and (document["measured"], document["failed"]) == (1, 40), document
            check_session(document["results"][-1], 3)
            assert {r["error"]["reason"] for r in document["results"][:-1]} == {"interrupted"}, document


def until(condition):
    for _ in range(800):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("did not come about")


def many():
    hundred = [servers[i % 2].target for i in range(100)]
    for mode in MODES:
        with suite.case(f"100 sessions in {mode} mode"):
            key = () if mode == "open" else ("-k", "joe", "--keys", keys, "--ike", "off")
            check_document(fizeau_json("twoway", "-c", 5, "-i", "100ms", "-m", mode, *key, "--targets",
                                       targets_file("hundred", hundred)), hundred)
    thousand = [servers[i % 2].target for i in range(1000)]
    for mode, key in (("open", ()), ("encrypted", ("--ike-static", sas))):
        with suite.case(f"1,000 sessions in {mode} mode"):
            document = fizeau_json("twoway", "-c", 4, "-i", "1s", "-w", "10s", "-m", mode, *key, "--targets",
                                   targets_file("thousand", thousand), timeout=200)
            check_document(document, thousand, 4)
    with suite.case("periodic sessions do not all send in the same instant"):
        path = os.path.join(folder, "records")
        fizeau_json("twoway", "-c", 2, "-i", "1s", "-m", "open", "--records", path, "--targets",
                    targets_file("hundred", hundred), timeout=200)
        with open(path) as f:
            phases = sorted(r["sent_unix_ns"] % 10**9 for r in map(json.loads, f) if r["seq"] == 0)
        # A tenth of the second has ten of the hundred; of those that a loaded host delayed a few more.
        busiest = max(sum(1 for p in phases if i <= p // 10**8 < i + 1) for i in range(10))
        assert len(phases) == 100 and busiest < 50, (busiest, phases)


def interrupts():
    targets = [servers[i % 2].target for i in range(50)]
    with suite.case("Ctrl-C ends all, and what there is is printed"):
        client = subprocess.Popen([FIZEAU, "twoway", "-j", "-c", "100000", "-i", "50ms", "-m", "open", *targets],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: sum(s["received"] > 3 for server in servers for s in server.status()["sessions"]) == 50)
        client.send_signal(signal.SIGINT)
        document = json.loads(client.communicate(timeout=30)[0])
        assert client.returncode == 0 and (document["measured"], document["failed"]) == (50, 0), document["failed"]
        for result in document["results"]:
            session, = result["sessions"]
            packets = session["packets"]
            assert session["ended"] == "interrupted", session["ended"]
            assert 3 < packets["received"] == packets["sent"] < packets["wanted"] == 100000, packets
    with suite.case("Ctrl-C while some are not set up: they failed, with the reason"):
        with mute() as silent, Fizeaud(conf, host="127.0.8.3") as other:
            client = subprocess.Popen([FIZEAU, "twoway", "-c", "100000", "-i", "5ms", "-m", "open", silent, other.target],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(lambda: any(s["received"] > 3 for s in other.status()["sessions"]))
            client.send_signal(signal.SIGINT)
            out, err = client.communicate(timeout=30)
            assert client.returncode == 1 and out.startswith("TWAMP, 2 targets: 1 measured, 1 not\n"), (out, err)
            lines = [line.split() for line in out.splitlines() if line.startswith("127.")]
            assert [line[-1] for line in lines] == ["interrupted", "interrupted"] and lines[0][3] == "-", out


    name = "Ctrl-C does not wait for a resolver"
    conf_path = private_file(folder, "resolv.conf", "nameserver 127.0.8.53\noptions timeout:30 attempts:2\n")
    os.chmod(conf_path, 0o644)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nameserver:
        command = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', conf_path]
        try:
            nameserver.bind(("127.0.8.53", 53))
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            suite.skip(name, "no name server of the test's own here")
            return
        with suite.case(name), Fizeaud(conf, host="127.0.8.3") as other:
            client = subprocess.Popen([*command, FIZEAU, "twoway", "-j", "-c", "100000", "-i", "5ms", "-m", "open",
                                       "slow.example", other.target], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True)
            until(lambda: any(s["received"] > 3 for s in other.status()["sessions"]))
            nameserver.settimeout(20)
            nameserver.recv(512)
            client.send_signal(signal.SIGINT)
            # The resolver would take a minute.
            document = json.loads(client.communicate(timeout=30)[0])
            assert client.returncode == 1 and (document["measured"], document["failed"]) == (1, 1), document
            assert document["results"][0]["error"]["reason"] == "interrupted", document["results"][0]
            assert document["results"][1]["sessions"][0]["ended"] == "interrupted", document["results"][1]


def progress():
    with suite.case("progress of all on a terminal, gone at the end"):
        master, slave = pty.openpty()
        client = subprocess.Popen([FIZEAU, "twoway", "-c", "30", "-i", "100ms", "-m", "open",
                                   *[server.target for server in servers]], stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        out, _ = client.communicate(timeout=60)
        shown = b""
        with contextlib.suppress(OSError):  # the other side is closed
            while more := os.read(master, 4096):
                shown += more
        os.close(master)
        assert client.returncode == 0 and "2 measured" in out and "\r" not in out, out
        assert b"2 of 2 targets set up" in shown and shown.endswith(b"\r\x1b[K"), shown


def usage():
    good = servers[0].target
    for name, text, says in (("word", f"# two\n{good} {good}\n", ":2: more than one word"),
                             ("port", f"{good}\n\n  127.0.0.1:99999 # high\n", ":3: 127.0.0.1:99999 is no HOST"),
                             ("empty", "# nothing\n\n", "names no target")):
        with suite.case(f"a file with a fault is wrong usage, and nothing is sent: {name}"):
            path = private_file(folder, name, text)
            run = fizeau("twoway", "--targets", path)
            assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1, run
            assert path in run.stderr and says in run.stderr, run.stderr
    with suite.case("comments, blanks and line ends of another system"):
        path = private_file(folder, "blanks", f"# all\r\n\r\n \t{good}\t# the first\r\n{good}")
        check_document(fizeau_json("twoway", *QUICK, "-m", "open", "--targets", path), [good, good])
    with suite.case("no file, and a bad operand beside good ones"):
        for args in (("--targets", "/nonexistent/t"), (good, "[::1"), ()):
            run = fizeau("twoway", *args)
            assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1, run
    with suite.case("a limit of open files that does not suffice is told before anything is sent"):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
        run = subprocess.run([FIZEAU, "twoway", "--targets", targets_file("hundred", [good] * 100)],
                             capture_output=True, text=True, timeout=60, preexec_fn=limit, check=False)
        assert run.returncode == 2 and run.stdout == "", run
        assert "100 targets" in run.stderr and "128" in run.stderr and "limit" in run.stderr, run.stderr
        run = subprocess.run([FIZEAU, "twoway", "-c", "3", "-i", "5ms", "-m", "open", "-j", *[good] * 40],
                             capture_output=True, text=True, timeout=60, preexec_fn=limit, check=False)
        assert run.returncode == 0, run.stderr
        check_document(json.loads(run.stdout), [good] * 40, 3)
    with suite.case("a result that cannot be written is no success"):
        with open("/dev/full", "w") as full:
            for args in ((), ("-j",)):
                run = subprocess.run([FIZEAU, "twoway", "-c", "1", "-i", "1ms", "-m", "open", *args, good, good],
                                     stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
                assert run.returncode == 2, run


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", "joe swordfish\n")
    sas = private_file(folder, "sas", "".join(
        f"{i:016x} {i + 16:016x} hmac-sha2-256 {'5a' * 32} remote 127.0.8.{i}\n" for i in (1, 2)))
    # For the servers every client is the same address.
    served = sas + "-served"
    private_file(folder, "sas-served", "".join(
        f"{i:016x} {i + 16:016x} hmac-sha2-256 {'5a' * 32} remote-id CN=client\n" for i in (1, 2)))
    limits = "".join(f"limit anyone {item} 4000\n" for item in
                     ("connections", "peer-connections", "sessions", "peer-sessions"))
    conf = (f"keys {keys}\nike static {served}\npbkdf2-count 1024\ntest-ports 20000-29999\n"
            f"class anyone any\n{limits}")
    with Fizeaud(conf, host="127.0.8.1") as one, Fizeaud(conf, host="127.0.8.2") as two:
        servers = (one, two)
        few()
        keyed()
        key_service()
        failures()
        many()
        interrupts()
        progress()
        usage()
suite.done()
