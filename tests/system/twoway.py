#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeau twoway with fizeaud: every mode with every source of keys, both address families, and everything that can be
wrong with a key."""
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from suite import FIZEAU, Fizeaud, Netns, Suite, fizeau, fizeau_json, inside, namespaces_work, private_file  # noqa: E402

MODES = ("authenticated", "encrypted", "mixed")
PRFS = {"hmac-sha1": 20, "hmac-sha2-256": 32, "hmac-sha2-384": 48, "hmac-sha2-512": 64, "aes128-xcbc": 16,
        "aes128-cmac": 16}
QUICK = ("-c", 10, "-i", "2ms")
# Zero octets inside the SPIs: no C string may cut them.
SPI_I, SPI_R = "0f3c00000000{:04x}", "99ab00{:02x}000000ff"


def sa(number, prf, rest=""):
    return f"{SPI_I.format(number)} {SPI_R.format(number)} {prf} {'5a' * PRFS[prf]} {rest}\n"


def check(result, mode, source, count=10):
    assert result["schema"] == "fizeau.result/1" and result["protocol"] == "TWAMP"
    assert result["mode"] == mode, result["mode"]
    assert result["key"]["source"] == source, result["key"]
    session, = result["sessions"]
    packets = session["packets"]
    assert (packets["sent"], packets["received"], packets["lost"]) == (count, count, 0), packets
    assert packets["loss_ratio"] == 0 and packets["duplicates"] == 0
    assert not any(packets["discarded"].values()), packets
    for name in ("round_trip_delay_ns", "forward_delay_ns", "backward_delay_ns", "reflector_ns"):
        figures = session[name]
        assert figures["min"] <= figures["median"] <= figures["p95"] <= figures["max"], (name, figures)
    # T3 is what the reflector expects of its sending: on loopback that may be later than the arrival.
    assert -10**6 < session["round_trip_delay_ns"]["min"] <= session["round_trip_delay_ns"]["max"] < 10**9
    return session


def open_mode():
    with suite.case("open mode; both directions have packets of equal size"):
        #= rfc5357#section-4.1.2 TW-4.1.2-02
        session = check(fizeau_json("twoway", *QUICK, "--ike", "off", server.target), "open", "none")
        assert (session["padding_octets"], session["packet_octets"]) == (27, 41), session
    for padding in (0, 1, 200, 1400):
        with suite.case(f"open mode with padding {padding}"):
            session = check(fizeau_json("twoway", *QUICK, "-m", "open", "-s", padding, server.target), "open", "none")
            assert session["packet_octets"] == 14 + padding
    with suite.case("text says what was measured and how it was keyed"):
        run = fizeau("twoway", *QUICK, "-m", "open", server.target)
        assert run.returncode == 0 and run.stdout.startswith("TWAMP open, no key\n"), run
        assert run.stderr == "", run.stderr
        assert "10 sent, 10 received, 0 lost" in run.stdout
        run = fizeau("twoway", *QUICK, "-m", "open", "-q", server.target)
        assert run.stdout.count("\n") == 1 and "10 sent, 0 lost" in run.stdout, run.stdout
    with suite.case("dscp, source and ports are as asked for"):
        #= rfc4656#section-4 OW-4-01
        session = check(fizeau_json("twoway", *QUICK, "-m", "open", "--dscp", "af41", "-I", "127.0.0.3", "-p",
                                    "40000-40999", server.target), "open", "none")
        host, port = session["local"].split(":")
        assert host == "127.0.0.3" and 40000 <= int(port) <= 40999, session["local"]
        assert session["dscp"] == 34
    with suite.case("ports that are all taken"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            run = fizeau("twoway", *QUICK, "-m", "open", "-p", port, server.target)
            assert run.returncode == 2 and "is taken" in run.stderr and "--ports" in run.stderr, run
    with suite.case("records tell every packet"):
        path = os.path.join(folder, "records")
        before = time.time_ns()
        session = check(fizeau_json("twoway", *QUICK, "-m", "open", "--records", path, server.target), "open", "none")
        after = time.time_ns()
        with open(path) as f:
            records = [json.loads(line) for line in f]
        assert sorted(r["seq"] for r in records) == list(range(10))
        assert not any(r["lost"] or r["duplicate"] for r in records)
        delays = sorted(r["round_trip_delay_ns"] for r in records)
        assert delays[0] == session["round_trip_delay_ns"]["min"]
        assert delays[-1] == session["round_trip_delay_ns"]["max"]
        for r in records:
            #= rfc5357#section-4.1.1 TW-4.1.1-01
            assert before < r["sent_unix_ns"] < r["reflector_received_unix_ns"] < r["received_unix_ns"] < after, r
            assert abs(r["forward_delay_ns"] + r["backward_delay_ns"] - r["round_trip_delay_ns"]) <= 2, r
    with suite.case("a schedule of slots: packet pairs"):
        session = check(fizeau_json("twoway", "-c", 10, "-i", "20ms,0s", "-m", "open", "--records", path,
                                    server.target), "open", "none")
        with open(path) as f:
            sent = sorted(json.loads(line)["sent_unix_ns"] for line in f)
        # 20 ms lie between the pairs, much less within: no bound on what a loaded machine does to one gap.
        assert sum(b - a for a, b in zip(sent[::2], sent[1::2])) < sum(b - a for a, b in zip(sent[1::2], sent[2::2]))


def passphrases():
    for mode in MODES:
        with suite.case(f"{mode} mode with a passphrase"):
            result = fizeau_json("twoway", *QUICK, "-m", mode, "-k", "joe", "--keys", keys, "--ike", "off", server.target)
            session = check(result, mode, "passphrase")
            assert result["key"]["keyid"] == "joe" and result["key"]["spi_i"] is None
            assert session["packet_octets"] == (41 if mode == "mixed" else 48)
    with suite.case("with a key authenticated is the default"):
        check(fizeau_json("twoway", *QUICK, "-k", "joe", "--keys", keys, "--ike", "off", server.target),
              "authenticated", "passphrase")
    with suite.case("a passphrase that is not plain text, a KeyID of 80 octets, or of UTF-8"):
        #= rfc5357#section-3.1 TW-3.1-12
        for keyid in ("binary", "k" * 80, "Jürgen"):
            check(fizeau_json("twoway", *QUICK, "-k", keyid, "--keys", keys, "--ike", "off", server.target),
                  "authenticated", "passphrase")
    with suite.case("a wrong passphrase is refused by the server, with status 1"):
        wrong = private_file(folder, "wrong", "joe another\n")
        run = fizeau("twoway", "-k", "joe", "--keys", wrong, "--ike", "off", server.target)
        assert run.returncode == 1 and run.stdout == "", run
        assert "KeyID joe" in run.stderr and "Accept 1" in run.stderr and "another" not in run.stderr, run.stderr
    with suite.case("a KeyID that the server does not know is refused like a wrong passphrase"):
        strange = private_file(folder, "strange", "nobody swordfish\n")
        run = fizeau("twoway", "-k", "nobody", "--keys", strange, "--ike", "off", server.target)
        assert run.returncode == 1 and "KeyID nobody" in run.stderr and "Accept 1" in run.stderr, run
    with suite.case("a KeyID that is not in our own file is wrong usage"):
        run = fizeau("twoway", "-k", "nobody", "--keys", keys, server.target)
        assert run.returncode == 2 and "nobody" in run.stderr, run
    with suite.case("a file that others can read is refused with the chmod that mends it"):
        path = private_file(folder, "readable", "joe swordfish\n")
        os.chmod(path, 0o644)
        run = fizeau("twoway", "-k", "joe", "--keys", path, server.target)
        assert run.returncode == 2 and "chmod" in run.stderr and "swordfish" not in run.stderr, run


def sa_goes():
    with suite.case("an IKE SA that goes during a test does not matter to it; a new connection needs another"):
        #= rfc7717#section-5.1 IK-5.1-08
        path = private_file(folder, "sas-going", sa(1, "hmac-sha1"))
        with Fizeaud(f"ike static {path}\nike-wait 1s\n") as other:
            command = [FIZEAU, "twoway", "-j", "-c", "150", "-i", "10ms", "-m", "encrypted", "--ike-static",
                       os.path.join(folder, "sa-hmac-sha1-1"), other.target]
            private_file(folder, "sa-hmac-sha1-1", sa(1, "hmac-sha1"))
            client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(lambda: any(s["received"] > 10 for s in other.status()["sessions"]))
            private_file(folder, "sas-going", sa(2, "hmac-sha1"))
            late = fizeau("twoway", "-c", 1, "--ike-static", os.path.join(folder, "sa-hmac-sha1-1"), other.target)
            assert late.returncode == 1 and "(Accept 6)" in late.stderr, late
            assert client.poll() is None, "the test was over too early to show anything"
            out, err = client.communicate(timeout=60)
            assert client.returncode == 0, err
            check(json.loads(out), "encrypted", "ikev2", 150)


def until(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("did not come about")


def terminal(*args):
    """A measurement on a terminal of its own: what appears there."""
    master, slave = pty.openpty()
    process = subprocess.Popen([FIZEAU, "twoway", "-c", "30", "-i", "100ms", "-m", "open", *args, server.target],
                               stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    out, _ = process.communicate(timeout=60)
    shown = b""
    try:
        while more := os.read(master, 4096):
            shown += more
    except OSError:
        pass  # the other side is closed
    os.close(master)
    assert process.returncode == 0
    return out, shown.decode()


def progress():
    with suite.case("progress on a terminal, gone at the end"):
        out, shown = terminal()
        assert "of 30 sent" in shown and shown.endswith("\r\x1b[K"), shown
        assert "30 sent" in out and "\r" not in out
    with suite.case("no progress with -q, nor for a short measurement"):
        assert terminal("-q")[1] == ""
        assert terminal("-c", "3")[1] == ""


def interrupts():
    with suite.case("Ctrl-C prints the result so far, and the packets on their way are waited for"):
        #= rfc4656#section-3.8 OW-3.8-19
        client = subprocess.Popen([FIZEAU, "twoway", "-j", "-c", "100000", "-i", "5ms", "-m", "open", server.target],
                                  stdout=subprocess.PIPE, text=True)
        until(lambda: any(s["received"] > 10 and s["state"] == "running" for s in server.status()["sessions"]))
        client.send_signal(signal.SIGINT)
        session, = json.loads(client.communicate(timeout=20)[0])["sessions"]
        assert client.returncode == 0 and session["ended"] == "interrupted", session
        packets = session["packets"]
        assert 10 < packets["received"] == packets["sent"] < packets["wanted"] == 100000, packets
    with suite.case("Ctrl-C before the test starts ends it with status 1"):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            client = subprocess.Popen([FIZEAU, "twoway", f"127.0.0.1:{mute.getsockname()[1]}"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
            connection, _ = mute.accept()
            with connection:
                time.sleep(0.2)
                client.send_signal(signal.SIGINT)
                out, err = client.communicate(timeout=20)
            assert client.returncode == 1 and out == "", (client.returncode, out, err)


def local_drops():
    """The route goes away on the sender's own host in the middle of a test."""
    names = ("a route that goes and comes back: sent later, not lost", "a route that goes for good: the result so far")
    if not namespaces_work():
        for name in names:
            suite.skip(name, "no network namespaces here")
        return
    with Netns("a", "b") as net:
        net.link("a", "192.0.2.1/24", "b", "192.0.2.7/24")

        def start(other, *args):
            client = subprocess.Popen(inside(net["a"], [FIZEAU, "twoway", "-j", "-m", "open", *args, other.target]),
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(lambda: any(s["received"] > 10 and s["state"] == "running" for s in other.status()["sessions"]))
            net.ip("-n", net["a"], "route", "del", "192.0.2.0/24")
            return client

        with Fizeaud("", host="192.0.2.7", netns=net["b"], port=8620) as other:
            with suite.case(names[0]):
                client = start(other, "-c", "300", "-i", "5ms", "-w", "5s")
                time.sleep(0.3)
                net.ip("-n", net["a"], "route", "add", "192.0.2.0/24", "dev", "to-b")
                out, err = client.communicate(timeout=30)
                assert client.returncode == 0, err
                packets = json.loads(out)["sessions"][0]["packets"]
                assert (packets["sent"], packets["lost"]) == (300, 0), packets
                assert packets["send_drops"] > 0 and packets["sender_late"] > 0, packets
            with suite.case(names[1]):
                client = start(other, "-c", "100000", "-i", "5ms", "-w", "500ms")
                out, err = client.communicate(timeout=30)
                assert client.returncode == 1 and "kernel takes no more packets" in err, err
                session, = json.loads(out)["sessions"]
                assert session["ended"] == "sending" and session["packets"]["received"] > 10, session


def ikev2():
    for number, prf in enumerate(PRFS):
        mine = private_file(folder, f"sa-{prf}", sa(number, prf, "remote-id CN=gw.example local-id CN=me.example"))
        for mode in MODES:
            for reading in ("direct", "pbkdf2"):
                #= rfc7717#section-1 IK-1-01
                #= rfc7717#section-5.1 IK-5.1-05
                with suite.case(f"{mode} mode keyed by an IKE SA with {prf}, {reading}"):
                    result = fizeau_json("twoway", "-c", 3, "-i", "2ms", "-m", mode, "--ike-static", mine, "--ike-key",
                                         reading, server.target)
                    check(result, mode, "ikev2", 3)
                    assert result["key"] == {
                        "source": "ikev2", "keyid": None, "spi_i": SPI_I.format(number), "spi_r": SPI_R.format(number),
                        "prf": prf, "peer_id": "CN=gw.example", "local_id": "CN=me.example"}, result["key"]
    mine = os.path.join(folder, "sa-hmac-sha2-256")
    with suite.case("the first line names SPIs, identity and prf"):
        run = fizeau("twoway", *QUICK, "--ike-static", mine, server.target)
        assert run.stdout.startswith(f"TWAMP authenticated, keyed by IKEv2 SA {SPI_I.format(1)}/{SPI_R.format(1)} with "
                                     "CN=gw.example, prf HMAC-SHA2-256\n"), run.stdout
    with suite.case("an IKE SA goes before a passphrase"):
        #= rfc7717#section-5.3 IK-5.3-01
        check(fizeau_json("twoway", *QUICK, "--ike-static", mine, "-k", "joe", "--keys", keys, server.target),
              "authenticated", "ikev2")
    with suite.case("SPIs that the server does not know: Accept 6, status 1, a log line there"):
        #= rfc7717#section-5.3 IK-5.3-09 IK-5.3-10 IK-5.3-11
        unknown = private_file(folder, "sa-unknown", sa(77, "hmac-sha1"))
        with Fizeaud(conf) as fresh:  # whose log is not full of our other cases
            run = fizeau("twoway", "--ike-static", unknown, fresh.target)
            log = fresh.log()
        spis = f"{SPI_I.format(77)}/{SPI_R.format(77)}"
        assert run.returncode == 1 and f"has no IKE SA with SPIs {spis} (Accept 6)" in run.stderr, run
        assert spis in log, log
    with suite.case("the right SPIs with another key: Accept 1, and what to try"):
        forged = private_file(folder, "sa-forged", sa(1, "hmac-sha2-256").replace("5a" * 32, "5b" * 32))
        run = fizeau("twoway", "--ike-static", forged, server.target)
        assert run.returncode == 1 and "Accept 1" in run.stderr and "--ike-key pbkdf2" in run.stderr, run
    with suite.case("no SA with this server: require fails and says how to get one"):
        other = private_file(folder, "sa-other", sa(1, "hmac-sha2-256", "remote 192.0.2.1"))
        run = fizeau("twoway", "--ike", "require", "--ike-static", other, server.target)
        assert run.returncode == 1 and "no IKE SA with 127.0.0.1" in run.stderr and "--initiate" in run.stderr, run
    with suite.case("no SA with this server: auto logs an error and measures in a mode of the older RFCs"):
        #= rfc7717#section-5.1 IK-5.1-07
        run = fizeau("twoway", *QUICK, "-j", "--ike-static", other, "-k", "joe", "--keys", keys, server.target)
        assert run.returncode == 0 and "no IKE SA" in run.stderr and "passphrase of KeyID joe" in run.stderr, run
        check(json.loads(run.stdout), "authenticated", "passphrase")
    with suite.case("no key service at all"):
        run = fizeau("twoway", "--ike", "require", "--ike-socket", os.path.join(folder, "none"), server.target)
        assert run.returncode == 1 and "none" in run.stderr, run
    with suite.case("fizeau keys lists SAs, never keys"):
        run = fizeau("keys", "--ike-static", mine)
        assert run.returncode == 0 and SPI_I.format(1) in run.stdout and "CN=gw.example" in run.stdout, run
        document = json.loads(fizeau("keys", "-j", "--ike-static", mine).stdout)
        assert document["schema"] == "fizeau.keys/1" and len(document["sas"]) == 1, document
        assert document["sas"][0]["prf"] == "hmac-sha2-256"
        assert "5a5a" not in run.stdout + json.dumps(document)
        run = fizeau("keys", "--ike-static", other, "192.0.2.9")
        assert run.returncode == 1 and run.stdout == "", run


def families():
    with suite.case("IPv6"):
        with Fizeaud(conf, host="::1") as six:
            for args in ((), ("-m", "encrypted", "-k", "joe", "--keys", keys, "--ike", "off"),
                         ("-m", "encrypted", "--ike-static", os.path.join(folder, "sa-aes128-cmac"))):
                result = fizeau_json("twoway", *QUICK, *args, six.target)
                assert result["server"] == six.target, result["server"]
                assert result["sessions"][0]["packets"]["received"] == 10
    with suite.case("the default port is 862"):
        #= rfc5357#section-3.1 TW-3.1-01 TW-3.1-02
        run = fizeau("twoway", "127.0.0.111")
        assert run.returncode == 1 and "port 862" in run.stderr, run
    with suite.case("the next address is tried where one does not answer"):
        run = fizeau("twoway", *QUICK, "-m", "open", f"localhost:{server.port}")
        assert run.returncode == 0, run


def several():
    with suite.case("several clients at once, each with its own key"):
        clients = []
        for i in range(12):
            args = [("-m", "open"), ("-m", "encrypted", "-k", "joe", "--keys", keys, "--ike", "off"),
                    ("--ike-static", os.path.join(folder, "sa-hmac-sha1"))][i % 3]
            command = [FIZEAU, "twoway", "-j", "-c", "50", "-i", "10ms", *args, server.target]
            clients.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        for i, client in enumerate(clients):
            out, err = client.communicate(timeout=60)
            assert client.returncode == 0, (i, err)
            check(json.loads(out), *(("open", "none"), ("encrypted", "passphrase"), ("authenticated", "ikev2"))[i % 3],
                  50)
    with suite.case("fizeau status shows what the daemon did"):
        document = server.status()
        assert document["schema"].startswith("fizeau.status/")
        run = fizeau("status", "--control", server.control)
        assert run.returncode == 0 and "connections" in run.stdout, run
        for secret in ("swordfish", "5a5a"):
            assert secret not in run.stdout + json.dumps(document) + server.log()


def statuses():
    with suite.case("exit status 1: unreachable"):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            run = fizeau("twoway", f"127.0.0.1:{s.getsockname()[1]}")
        assert run.returncode == 1 and "cannot be reached" in run.stderr, run
    with suite.case("exit status 1: every packet came too late"):
        run = fizeau("twoway", *QUICK, "-m", "open", "-w", "1ns", server.target)
        assert run.returncode == 1 and "--timeout" in run.stderr and "10 lost" in run.stdout, run
    with suite.case("exit status 1: more padding than the server allows, and what to do"):
        run = fizeau("twoway", "-m", "open", "-s", 65000, server.target)
        assert run.returncode == 1 and "Accept 4" in run.stderr and "padding" in run.stderr, run
    with suite.case("a result that cannot be written is no success"):
        with open("/dev/full", "w") as full:
            for args in ((), ("-j",)):
                run = subprocess.run([FIZEAU, "twoway", "-c", "1", "-i", "1ms", "-m", "open", *args, server.target],
                                     stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
                assert run.returncode == 2, run
    with suite.case("exit status 1: no such host"):
        run = fizeau("twoway", "host.invalid")
        assert run.returncode == 1 and "host.invalid" in run.stderr, run
    with suite.case("exit status 2: wrong usage"):
        for args in ((), ("-c", "0", "h"), ("-m", "plain", "h"), ("--keys", "/x", "h"), ("--what", "h"),
                     ("--records", "/nonexistent/r", server.target), ("--ike-static", "/nonexistent", server.target)):
            run = fizeau("twoway", *args)
            assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1, run
    with suite.case("every command has --help"):
        for command in ("twoway", "keys", "status"):
            run = fizeau(command, "--help")
            assert run.returncode == 0 and run.stdout.startswith("usage: fizeau " + command) and not run.stderr, run
    with suite.case("no status without a daemon"):
        run = fizeau("status", "--control", os.path.join(folder, "nobody"))
        assert run.returncode == 1 and "no fizeaud" in run.stderr, run


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", f"joe swordfish\nbinary hex:00ff0d0a\n{'k' * 80} long\nJürgen geheim\n")
    sas = private_file(folder, "sas", "".join(sa(number, prf, "remote-id CN=client") for number, prf in enumerate(PRFS)))
    conf = f"keys {keys}\nike static {sas}\npbkdf2-count 1024\n"
    with Fizeaud(conf) as server:
        open_mode()
        passphrases()
        ikev2()
        sa_goes()
        families()
        progress()
        interrupts()
        local_drops()
        several()
        statuses()
suite.done()
