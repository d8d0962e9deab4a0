#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeau oneway and fetch: with fizeaud in every mode with every source of keys, and with a server played by this test
(testlib/owamp_player.py) for exact numbers and for everything that a server can do wrong."""
import calendar
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from owamp_player import OwampPlay, Session, fetch_answer, lost_record, record, seconds  # noqa: E402
from player import Server, after_greeting, server_start  # noqa: E402
from suite import FIZEAU, Fizeaud, Netns, Suite, fizeau, fizeau_json, namespaces_work, private_file  # noqa: E402

QUICK = ("-c", 20, "-i", "2ms", "-w", "500ms")
SPIS = "0f3c000000000001 99ab0000000000ff"
NS = 10**9


def by_direction(result):
    return {session["direction"]: session for session in result["sessions"]}


def check(result, mode, source, directions=("to", "from"), count=20):
    assert result["schema"] == "fizeau.result/1" and result["protocol"] == "OWAMP", result
    assert (result["mode"], result["key"]["source"]) == (mode, source), result
    assert [session["direction"] for session in result["sessions"]] == list(directions)
    for session in result["sessions"]:
        packets = session["packets"]
        assert session["failure"] is None and session["ended"] == "complete", session
        assert (packets["wanted"], packets["sent"], packets["skipped"]) == (count, count, 0), packets
        assert (packets["received"], packets["lost"], packets["loss_ratio"]) == (count, 0, 0), packets
        assert packets["duplicates"] == packets["reordered"] == 0, packets
        assert packets["discarded"] is None or not any(packets["discarded"].values()), packets
        for name in ("delay_ns", "pdv_ns"):
            figures = session[name]
            # The stamp is an estimate of the departure: on a way that takes no time it may lie behind it, within its error.
            low = -session["clock"]["error_ns"] if name == "delay_ns" else 0
            assert low <= figures["min"] <= figures["median"] <= figures["p95"] <= figures["max"] < NS, (name, figures)
        assert session["delay_ns"]["n"] == count and session["ipdv_ns"]["n"] == count - 1
        assert session["loss_bursts"]["count"] == 0
        assert len(session["sid"]) == 32
    return by_direction(result)


def modes():
    keyed = ("-k", "joe", "--keys", keys, "--ike", "off")
    for mode, args, source in (("open", ("--ike", "off"), "none"), ("authenticated", keyed, "passphrase"),
                               ("encrypted", keyed, "passphrase"), ("authenticated", ("--ike-static", sas), "ikev2"),
                               ("encrypted", ("--ike-static", sas, "--ike-key", "pbkdf2"), "ikev2")):
        for which in ((), ("--to",), ("--from",)):
            with suite.case(f"{mode} mode, key from {source}, {which[0] if which else 'both directions'}"):
                result = fizeau_json("oneway", *QUICK, "-m", mode, *args, *which, server.owamp_target)
                check(result, mode, source, (which[0][2:],) if which else ("to", "from"))
    with suite.case("every PRF of IKEv2"):
        for number, prf in enumerate(PRFS):
            mine = private_file(folder, f"sa-{prf}", sa(number, prf))
            check(fizeau_json("oneway", "-c", 20, "-i", "1ms", "-w", "500ms", "--ike-static", mine,
                              server.owamp_target), "authenticated", "ikev2")
    with suite.case("the default takes a key if there is one, else open mode"):
        check(fizeau_json("oneway", *QUICK, "--ike", "off", server.owamp_target), "open", "none")
        check(fizeau_json("oneway", *QUICK, *keyed, server.owamp_target), "authenticated", "passphrase")
    with suite.case("a wrong passphrase: status 1, and what must be the same"):
        wrong = private_file(folder, "wrong", "joe sardine\n")
        run = fizeau("oneway", "-k", "joe", "--keys", wrong, "--ike", "off", server.owamp_target)
        assert run.returncode == 1 and "passphrase must be the same" in run.stderr and run.stdout == "", run
    with suite.case("SPIs that the server does not know: Accept 6, status 1"):
        #= rfc7717#section-5.3 IK-5.3-11
        unknown = private_file(folder, "unknown", sa(77, "hmac-sha1"))
        run = fizeau("oneway", "--ike-static", unknown, server.owamp_target)
        assert run.returncode == 1 and "(Accept 6)" in run.stderr, run
    with suite.case("a TWAMP server is no OWAMP server"):
        run = fizeau("oneway", *QUICK, "--ike", "off", server.target)
        assert run.returncode == 1 and run.stderr and run.stdout == "", run


def traffic():
    open_args = ("--ike", "off", server.owamp_target)
    for padding in (0, 1, 1400):
        with suite.case(f"padding {padding}"):
            #= rfc4656#section-3.5 OW-3.5-18
            for session in check(fizeau_json("oneway", *QUICK, "-s", padding, *open_args), "open", "none").values():
                assert (session["padding_octets"], session["packet_octets"]) == (padding, 14 + padding), session
    with suite.case("several slots"):
        #= rfc4656#section-3.5 OW-3.5-06
        result = fizeau_json("oneway", "-c", 40, "-i", "exp:5ms,0s,3ms", "-w", "500ms", *open_args)
        for session in check(result, "open", "none", count=40).values():
            assert session["schedule"] == [{"type": "exponential", "mean_ns": 5000000}, {"type": "fixed", "interval_ns": 0},
                                           {"type": "fixed", "interval_ns": 3000000}], session["schedule"]
    with suite.case("DSCP by name"):
        #= rfc4656#section-3.5 OW-3.5-21
        for session in check(fizeau_json("oneway", *QUICK, "--dscp", "ef", *open_args), "open", "none").values():
            assert session["dscp"] == 46
    with suite.case("local ports are those asked for, one for each direction"):
        #= rfc4656#section-3.5 OW-3.5-16
        result = check(fizeau_json("oneway", *QUICK, "-p", "24600-24601", *open_args), "open", "none")
        assert {session["local"] for session in result.values()} == {"127.0.0.1:24600", "127.0.0.1:24601"}, result
        run = fizeau("oneway", *QUICK, "-p", "24600-24600", *open_args)
        assert run.returncode == 1 and "--ports" in run.stderr, run
    with suite.case("the schedule begins in the future, and no packet leaves before its time"):
        #= rfc4656#section-4.1.1 OW-4.1.1-06
        path = os.path.join(folder, "paced")
        before = time.time_ns()
        session, = fizeau_json("oneway", "-c", 10, "-i", "20ms", "-w", "500ms", "--to", "--records", path,
                               *open_args)["sessions"]
        when, fraction = session["start_time"].rstrip("Z").split(".")
        start = calendar.timegm(time.strptime(when, "%Y-%m-%dT%H:%M:%S")) * NS + int(fraction)
        assert start > before + 200_000_000, (start, before)
        for line in map(json.loads, open(path)):
            # A millisecond for a wall clock that is slewed meanwhile.
            assert line["sent_unix_ns"] > start + (line["seq"] + 1) * 20_000_000 - 1_000_000, (start, line)


def families():
    with suite.case("IPv6"):
        with Fizeaud(f"{conf}storage {os.path.join(folder, 'six')}\n", host="::1") as six:
            for args, mode, source in ((("--ike", "off"), "open", "none"),
                                       (("-m", "encrypted", "--ike-static", sas), "encrypted", "ikev2")):
                result = fizeau_json("oneway", *QUICK, *args, six.owamp_target)
                assert result["server"] == six.owamp_target
                sid = check(result, mode, source)["to"]["sid"]
                again = fizeau_json("fetch", *args, six.owamp_target, sid)["sessions"][0]
                assert again["packets"]["received"] == 20 and again["remote"].startswith("[::1]:"), again
    with suite.case("the default port is 861"):
        #= rfc4656#section-3.1 OW-3.1-01
        for command in (("oneway", "127.0.0.111"), ("fetch", "127.0.0.111", "00" * 16)):
            run = fizeau(*command)
            assert run.returncode == 1 and "port 861" in run.stderr, run


def outputs():
    with suite.case("records: every packet of both directions, and the JSON document adds up"):
        path = os.path.join(folder, "records")
        result = by_direction(fizeau_json("oneway", *QUICK, "--ike", "off", "--records", path, server.owamp_target))
        lines = [json.loads(line) for line in open(path)]
        for direction, session in result.items():
            mine = [line for line in lines if line["direction"] == direction]
            assert sorted(line["seq"] for line in mine) == list(range(20)), mine
            delays = [line["delay_ns"] for line in mine]
            assert (min(delays), max(delays)) == (session["delay_ns"]["min"], session["delay_ns"]["max"])
            assert all(line["received_unix_ns"] - line["sent_unix_ns"] == line["delay_ns"] for line in mine)
            assert session["pdv_ns"]["max"] == max(delays) - min(delays)
            sender = session["clock"]["sender"]
            assert sender["synchronized"] == all(line["send_synchronized"] for line in mine), session["clock"]
            assert sender["error_ns"] == max(line["send_error_ns"] for line in mine), session["clock"]
    with suite.case("the text tells the same in its tables, and whether the clocks can be trusted"):
        run = fizeau("oneway", *QUICK, "--ike", "off", server.owamp_target)
        assert run.returncode == 0 and run.stdout.startswith("OWAMP open, no key\n"), run
        for direction in ("to", "from"):
            row = re.search(rf"^{direction} +(\d+) +(\d+) \(0\.00 %\) +(\d+) +(\d+)", run.stdout, re.M)
            assert row and row.groups() == ("20", "0", "0", "0"), run.stdout
            #= rfc7679#section-3.8 OD-3.8-01
            assert re.search(rf"^{direction} +clocks: .*(right within|cannot be trusted)", run.stdout, re.M), run.stdout
            assert re.search(rf"^{direction} delay\??( +-?\d+\.\d{{3}}){{5}}$", run.stdout, re.M), run.stdout
    with suite.case("-q prints one line for each direction"):
        run = fizeau("oneway", *QUICK, "-q", "--ike", "off", server.owamp_target)
        assert run.returncode == 0 and run.stdout.count("\n") == 2 and run.stderr == "", run
        assert re.match(r"to 127\.0\.0\.1: 20 sent, 0 lost .*\nfrom 127\.0\.0\.1: 20 sent, 0 lost", run.stdout), run
    #= rfc4656#section-4.1.1 OW-4.1.1-03
    with suite.case("a Timeout that nobody can keep: nothing is sent, and that is what is said"):
        run = fizeau("oneway", "--to", "-c", 3, "-i", "1ms", "-w", "1ns", "-m", "open", "--ike", "off", server.owamp_target)
        assert run.returncode == 1 and "late by more than --timeout" in run.stderr, run
    with suite.case("a result that cannot be written is no success"):
        with open("/dev/full", "w") as full:
            run = subprocess.run([FIZEAU, "oneway", "-c", "1", "-i", "1ms", "-w", "50ms", "--ike", "off",
                                  server.owamp_target], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
        assert run.returncode == 2, run


def fetches():
    keyed = ("-m", "encrypted", "--ike-static", sas)
    result = check(fizeau_json("oneway", *QUICK, "-s", 5, "--dscp", "af41", *keyed, server.owamp_target), "encrypted", "ikev2")
    with suite.case("fetch gives what oneway gave"):
        measured, again = result["to"], fizeau_json("fetch", *keyed, server.owamp_target, result["to"]["sid"])["sessions"][0]
        for name in ("sid", "direction", "local", "remote", "dscp", "padding_octets", "schedule", "timeout_ns", "start_time",
                     "ended", "delay_ns", "ipdv_ns", "pdv_ns", "ttl", "clock", "loss_bursts"):
            if name == "clock":
                # Only who was an end knows whose word its clock's error is.
                assert measured[name]["sender"].pop("source") and again[name]["sender"].pop("source") is None
            assert measured[name] == again[name], (name, measured[name], again[name])
        for name in ("wanted", "sent", "skipped", "received", "lost", "duplicates", "reordered"):
            assert measured["packets"][name] == again["packets"][name], name
        assert again["packet_octets"] is None and again["packets"]["discarded"] is None
    with suite.case("a range, as text and records"):
        path = os.path.join(folder, "range")
        run = fizeau("fetch", "--begin", 5, "--end", 9, "--records", path, *keyed, server.owamp_target, result["to"]["sid"])
        assert run.returncode == 0 and re.search(r"^to +5 +0 \(0\.00 %\)", run.stdout, re.M), run
        assert [json.loads(line)["seq"] for line in open(path)] == [5, 6, 7, 8, 9]
    with suite.case("a running session: its SID with -v, denied as a whole, in part what has come so far"):
        #= rfc4656#section-3.9 OW-3.9-03 OW-3.9-04 OW-3.9-10 OW-3.9-11
        client = subprocess.Popen([FIZEAU, "oneway", "-v", "-j", "--to", "-c", "100000", "-i", "5ms", "-w", "300ms", *keyed,
                                   server.owamp_target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = next(line for line in client.stderr if "session to the server started" in line)
        sid = re.search(r"SID ([0-9a-f]{32})$", line).group(1)
        # 100 packets take longer than --timeout: those sent within it before the end do not count.
        part = ("fetch", "--end", 99, *keyed, server.owamp_target, sid)
        until(lambda: (run := fizeau(*part)).returncode == 0 and re.search(r"^to +100 +0 ", run.stdout, re.M))
        document = fizeau_json(*part)["sessions"][0]
        assert document["ended"] == "running" and document["packets"]["received"] == 100, document["packets"]
        run = fizeau("fetch", *keyed, server.owamp_target, sid)
        assert run.returncode == 1 and "still going on" in run.stderr and "--begin" in run.stderr, run
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=30)
        assert client.returncode == 0 and json.loads(out)["sessions"][0]["sid"] == sid, (client.returncode, out, err)
        assert fizeau_json("fetch", *keyed, server.owamp_target, sid)["sessions"][0]["ended"] == "interrupted"
    with suite.case("an unknown SID: what, why and what to do"):
        run = fizeau("fetch", *keyed, server.owamp_target, "ab" * 16)
        assert run.returncode == 1 and run.stdout == "" and run.stderr.count("\n") == 1, run
        assert "ab" * 16 in run.stderr and "Accept" in run.stderr and "does not know it" in run.stderr, run
    with suite.case("a session from the server is not stored there"):
        run = fizeau("fetch", *keyed, server.owamp_target, result["from"]["sid"])
        assert run.returncode == 1 and "Accept" in run.stderr, run


def until(condition):
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("did not come about")


def interrupts():
    with suite.case("Ctrl-C: both ends stop, and what there is is fetched and printed"):
        #= rfc4656#section-3.8 OW-3.8-19 OW-3.8-20
        play = OwampPlay()
        with Server(play) as fake:
            client = subprocess.Popen([FIZEAU, "oneway", "-j", "-c", "5000", "-i", "10ms", "-w", "200ms", "-m", "open",
                                       fake.target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(lambda: play.requests and any(s.next > 60 for s in play.sessions))
            client.send_signal(signal.SIGINT)
            out, err = client.communicate(timeout=30)
        result = by_direction(json.loads(out))
        assert client.returncode == 0, err
        for session in result.values():
            assert session["ended"] == "interrupted", session
            assert 20 < session["packets"]["received"] == session["packets"]["sent"] < 5000, session["packets"]
        #= rfc4656#section-3.8 OW-3.8-09
        (sid, next_seqno, ranges), = play.stops
        assert sid.hex() == result["to"]["sid"] and next_seqno > 60 and ranges == []
        #= rfc4656#section-3.8 OW-3.8-16
        assert result["from"]["packets"]["received"] < play.requests[1].next
    with suite.case("a second Ctrl-C does not wait for the server"):
        play = OwampPlay(stop={"silent": True})
        with Server(play) as fake:
            client = subprocess.Popen([FIZEAU, "oneway", "-j", "-c", "5000", "-i", "5ms", "-w", "100ms", "-m", "open",
                                       fake.target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            until(lambda: play.requests and any(s.next > 60 for s in play.sessions))
            client.send_signal(signal.SIGINT)
            until(lambda: play.stops)
            client.send_signal(signal.SIGINT)
            out, err = client.communicate(timeout=30)
        result = by_direction(json.loads(out))
        assert client.returncode == 1 and "interrupted before" in result["to"]["failure"], (err, result["to"]["failure"])
        assert result["from"]["packets"]["received"] > 0 and "no Stop-Sessions" not in err, (err, result["from"])
    with suite.case("with fizeaud too"):
        client = subprocess.Popen([FIZEAU, "oneway", "-j", "-c", "5000", "-i", "5ms", "-w", "300ms", "--ike", "off",
                                   server.owamp_target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        client.send_signal(signal.SIGTERM)
        out, err = client.communicate(timeout=30)
        assert client.returncode == 0, err
        for session in json.loads(out)["sessions"]:
            assert session["ended"] == "interrupted" and session["packets"]["received"] > 0, session
    with suite.case("Ctrl-C before --timeout has passed for any packet: no result, and why"):
        client = subprocess.Popen([FIZEAU, "oneway", "-v", "-j", "--to", "-c", "5000", "-i", "5ms", "-w", "60s", "--ike", "off",
                                   server.owamp_target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert any("session to the server started" in line for line in client.stderr)
        time.sleep(0.5)
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=30)
        assert client.returncode == 1 and json.loads(out)["sessions"][0]["packets"]["received"] == 0, (out, err)
        assert "interrupted before there was a result" in err and "--timeout" in err and "filtered" not in err, err
    with suite.case("Ctrl-C before the test starts ends it with status 1"):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            client = subprocess.Popen([FIZEAU, "oneway", f"127.0.0.1:{mute.getsockname()[1]}"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
            connection, _ = mute.accept()
            with connection:
                time.sleep(0.2)
                client.send_signal(signal.SIGINT)
                out, err = client.communicate(timeout=20)
        assert client.returncode == 1 and out == "", (client.returncode, out, err)


def measured_with(play, *args, status=0, command="oneway"):
    """A measurement with a played server: the sessions by direction, the document's text and what went to stderr."""
    with Server(play) as fake:
        run = fizeau(command, *QUICK[:2], "-i", "5ms", "-w", "500ms", "-m", "open", "-j", *args, fake.target)
    assert run.returncode == status, f"exit {run.returncode}, wanted {status}: {run.stdout}{run.stderr}"
    return by_direction(json.loads(run.stdout)) if run.stdout else None, run.stderr


def exact():
    with suite.case("loss, skipped packets, duplicates and reordering are counted for each direction"):
        #= rfc4656#section-3.9 OW-3.9-20
        play = OwampPlay(lost={3, 4, 9}, twice={6}, swap=(11, 12), skip={0, 7}, hide={15, 19}, repeat={2, 5})
        result, err = measured_with(play)
        to, back = result["to"], result["from"]
        assert to["packets"]["sent"] == 20 and to["packets"]["skipped"] == 0, to["packets"]
        assert to["packets"]["lost"] == 3 and to["packets"]["received"] == 17 and to["packets"]["loss_ratio"] == 0.15
        assert (to["packets"]["duplicates"], to["packets"]["replicated"], to["packets"]["reordered"]) == (1, 1, 1)
        assert to["loss_bursts"] == {"count": 2, "min": 1, "mean": 1, "median": 1, "max": 2} or \
            to["loss_bursts"]["count"] == 2 and to["loss_bursts"]["max"] == 2, to["loss_bursts"]
        #= rfc7680#section-4.1 OL-4.1-01
        assert back["packets"]["sent"] == 18 and back["packets"]["skipped"] == 2, back["packets"]
        assert back["packets"]["lost"] == 2 and back["packets"]["received"] == 16, back["packets"]
        assert abs(back["packets"]["loss_ratio"] - 2 / 18) < 1e-6
        assert (back["packets"]["duplicates"], back["packets"]["replicated"], back["packets"]["reordered"]) == (2, 2, 0)
        assert err == "", err
    with suite.case("the requests say what was asked for"):
        #= rfc4656#section-3.5 OW-3.5-10 OW-3.5-12 OW-3.5-15 OW-3.5-16 OW-3.5-17 OW-3.5-19
        to, back = play.requests
        assert to.head[:14] == struct.pack(">BBBBIIH", 1, 4, 0, 1, 1, 20, to.sender_port) and to.receiver_port == 0
        assert back.head[:16] == struct.pack(">BBBBIIHH", 1, 4, 1, 0, 1, 20, 0, back.receiver_port)
        for request in (to, back):
            assert request.head[16:48] == (b"\x7f\x00\x00\x01" + bytes(12)) * 2
            assert request.head[64:68] == bytes(4) and abs(request.timeout - int(0.5 * 2**32)) < 9
            assert request.start / 2**32 - 2208988800 > time.time() - 10
        assert to.head[48:64] != bytes(16) and back.head[48:52] == b"\x7f\x00\x00\x01"
        #= rfc4656#section-3.5 OW-3.5-27 OW-3.5-28
        assert result["to"]["sid"] == to.sid.hex() and result["from"]["sid"] == back.sid.hex()
    with suite.case("Stop-Sessions is held back until no packet can arrive in time"):
        #= rfc4656#section-3.8 OW-3.8-17 OW-3.8-18
        assert play.stopped_at > max(seconds(s.due(19)) for s in play.requests) + 0.5, play.stopped_at
    with suite.case("SIDs that the client makes are not alike"):
        other = OwampPlay()
        measured_with(other, "--from")
        assert other.requests[0].sid[12:] != back.sid[12:]
    with suite.case("both clocks synchronised and good: trusted"):
        late = OwampPlay(fetch=lambda play, s: fetch_answer(s, [record(seq, s.due(seq), s.due(seq) + (1 << 28))
                                                               for seq in range(20)]))
        result, err = measured_with(late, "--to")
        #= rfc7679#section-3.8.3 OD-3.8.3-02
        assert result["to"]["clock"]["trusted"] is True, result["to"]["clock"]
        assert result["to"]["delay_ns"]["median"] == 62500000 and err == "", (result, err)
        assert result["to"]["ttl"] == {"min": 64, "max": 64}


def refusals():
    with suite.case("one direction refused: the other one is measured nevertheless, status 1"):
        #= rfc4656#section-3.5 OW-3.5-03 OW-3.5-26
        for refused, other in (("to", "from"), ("from", "to")):
            result, err = measured_with(OwampPlay(refuse={refused: 3}), status=1)
            assert result[other]["packets"]["received"] == 20 and result[other]["failure"] is None, result
            assert result[refused]["sid"] is None and "Accept 3" in result[refused]["failure"], result
            assert result[refused]["packets"]["received"] is None, result
            assert "Accept 3" in err and "--dscp" in err, err
    with suite.case("a server that knows this host by another address (NAT): asked again without it"):
        play = OwampPlay(nat=True)
        result, err = measured_with(play)
        assert len(play.requests) == 4 and err == "", (play.requests, err)
        assert all(session["packets"]["received"] == 20 for session in result.values()), result
    with suite.case("both refused: no document, and what to do"):
        for accept, says in ((1, "log"), (4, "fewer packets"), (5, "try again later"), (77, "failure")):
            result, err = measured_with(OwampPlay(refuse={"to": accept, "from": accept}), status=1)
            assert result is None and f"Accept {accept}" in err and says in err, err
    with suite.case("a server that closes instead of an answer"):
        for when in ("request", "start"):
            result, err = measured_with(OwampPlay(hang_up=when), status=1)
            assert result is None and "closed the connection during" in err, err
    with suite.case("no packet arrives where the server says that it listens"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            result, err = measured_with(OwampPlay(port=nobody.getsockname()[1]), "--to", status=1)
        assert result["to"]["packets"]["received"] == 0 and result["to"]["delay_ns"]["min"] is None, result
        assert "no packet to 127.0.0.1 arrived" in err, err
    with suite.case("a server that refuses the mode"):
        with Server(after_greeting(server_start(1))) as fake:
            run = fizeau("oneway", "-m", "open", fake.target)
        assert run.returncode == 1 and "refused open mode" in run.stderr, run


def endings():
    with suite.case("the control connection breaks during the test: the result of what came, status 1"):
        #= rfc4656#section-3.8 OW-3.8-08 OW-3.8-13 OW-3.8-14
        result, err = measured_with(OwampPlay(hang_up="test", stop_after=1.5, hide={40, 41}), "-c", 1000, status=1)
        assert result["from"]["ended"] == "control_connection" and result["from"]["packets"]["received"] > 0, result
        assert result["to"]["packets"]["received"] is None and "cannot be fetched" in result["to"]["failure"], result
        assert "ended before the test did (closed by the server)" in err, err
    with suite.case("the server stops early: what there is, status 1"):
        result, err = measured_with(OwampPlay(stop_after=1.5), "-c", 1000, status=1)
        for session in result.values():
            assert session["ended"] == "server" and 0 < session["packets"]["received"] < 1000, session
        assert "stopped the session" in err, err
    with suite.case("a server that does not wait for the last packets: complete all the same"):
        result, err = measured_with(OwampPlay(prompt=True))
        for session in result.values():
            assert session["ended"] == "complete" and session["packets"]["received"] == 20, session
        assert err == "", err
    with suite.case("Stop-Sessions that says failure: no result is valid"):
        #= rfc4656#section-3.8 OW-3.8-06 OW-3.8-07
        result, err = measured_with(OwampPlay(stop={"accept": 2}), status=1)
        for session in result.values():
            assert session["ended"] == "invalid" and session["packets"]["received"] is None, session
            assert "Accept 2" in session["failure"], session
        assert "Accept 2" in err, err
    for name, tricks in (("one session too few", {"sessions": 0}), ("an unknown SID", {"sid": bytes(16)}),
                         ("ranges out of order", {"ranges": [(5, 6), (2, 3)]}), ("overlapping ranges", {"ranges": [(2, 5), (4, 6)]}),
                         ("a range beyond Next Seqno", {"ranges": [(15, 25)]})):
        with suite.case(f"Stop-Sessions with {name}: not taken"):
            #= rfc4656#section-3.8 OW-3.8-10
            result, err = measured_with(OwampPlay(stop=tricks), status=1)
            assert err and result["to"]["packets"]["received"] is None, (result, err)
    with suite.case("Next Seqno below a number that arrived: the session is invalid, the other one is not"):
        #= rfc4656#section-3.8 OW-3.8-15
        result, err = measured_with(OwampPlay(stop={"next": 5}), status=1)
        assert result["from"]["ended"] == "invalid" and result["from"]["packets"]["received"] is None, result
        assert result["to"]["packets"]["received"] == 20 and "contradicts" in err, (result, err)
    with suite.case("no Stop-Sessions at all: the result from it, after a while"):
        result, err = measured_with(OwampPlay(stop={"silent": True}), status=1)
        assert "no Stop-Sessions" in err and result["from"]["packets"]["received"] == 20, (result, err)


def garbage():
    def wrong(name, make, says=None):
        with suite.case(f"fetch: {name}: no result, and the other direction's is printed"):
            result, err = measured_with(OwampPlay(fetch=make), status=1)
            assert result["to"]["failure"] and result["to"]["packets"]["received"] is None, result["to"]
            assert result["to"]["packets"]["sent"] == 20 and result["from"]["packets"]["received"] == 20, result
            assert "no result of the session to" in err and (says or "") in err, err
    #= rfc4656#section-3.9 OW-3.9-08
    wrong("refused, with garbage in the rest", lambda p, s: b"\x05" + b"\xff" * 15 + bytes(16), "Accept 5")
    #= rfc4656#section-3.9 OW-3.9-17
    wrong("overlapping ranges", lambda p, s: fetch_answer(s, ranges=[(1, 3), (3, 4)]))
    wrong("unsorted ranges", lambda p, s: fetch_answer(s, ranges=[(5, 6), (1, 2)]))
    wrong("rubbish", lambda p, s: os.urandom(4096))
    wrong("the answer cut short, and closed", lambda p, s: cut_short(p, s))
    wrong("records without end", lambda p, s: fetch_answer(s, count=0xffffffff))
    wrong("records of packets that were never sent",
          lambda p, s: fetch_answer(s, records=s.records + [record(25, s.due(5), s.due(6))]))
    with suite.case("fetch: the server closes instead of an answer"):
        result, err = measured_with(OwampPlay(hang_up="fetch"), status=1)
        assert result["from"]["packets"]["received"] == 20 and "closed the connection during the fetch" in err, err


def cut_short(play, session):
    play.send(fetch_answer(session)[:-100])
    play.connection.shutdown(socket.SHUT_RDWR)
    return b""


def stored_sessions():
    """Fetches of sessions made up here."""
    base = int((time.time() - 100 + 2208988800) * 2**32)
    sid = bytes(range(16))
    slots = struct.pack(">Q", 0) + struct.pack(">Q", 1 << 31) + b"\x01" + bytes(7) + struct.pack(">Q", 1 << 30)
    head = (struct.pack(">BBBBIIHH", 1, 4, 0, 1, 2, 10, 4000, 5000) + b"\xc0\x00\x02\x01" + bytes(12) +
            b"\xc0\x00\x02\x07" + bytes(12) + sid + struct.pack(">IQQI", 30, base, 1 << 32, 0x2e000000) + bytes(8))
    session = Session(head, slots)
    session.next, session.ranges = 10, [(0, 1), (8, 8)]
    session.records = [record(seq, base + (seq << 30), base + (seq << 30) + (1 << 20)) for seq in (2, 3, 5)]
    session.records += [record(seq, base + (seq << 30), base + (7 << 30) + (1 << 20)) for seq in (4, 7, 7)]
    session.records.append(lost_record(6, base + (6 << 30)))

    def fetched(play, *args, status=0):
        with Server(play) as fake:
            run = fizeau("fetch", "-m", "open", *args, fake.target, sid.hex())
        assert run.returncode == status, f"exit {run.returncode}: {run.stdout}{run.stderr}"
        return run

    with suite.case("a stored session: everything comes from the server"):
        #= rfc4656#section-3.9 OW-3.9-02 OW-3.9-14 OW-3.9-15 OW-3.9-18 OW-3.9-19
        document = json.loads(fetched(OwampPlay(stored={sid: session}), "-j").stdout)["sessions"][0]
        assert document["sid"] == sid.hex() and document["direction"] == "to" and document["ended"] == "complete"
        assert (document["local"], document["remote"]) == ("192.0.2.1:4000", "192.0.2.7:5000")
        assert document["dscp"] == 46 and document["padding_octets"] == 30 and document["timeout_ns"] == NS
        assert document["schedule"] == [{"type": "exponential", "mean_ns": 500000000},
                                        {"type": "fixed", "interval_ns": 250000000}]
        packets = document["packets"]
        # Number 9 has no record: neither sent nor lost, as far as anybody knows.
        assert (packets["wanted"], packets["skipped"], packets["received"], packets["lost"]) == (10, 3, 5, 1), packets
        assert (packets["duplicates"], packets["reordered"]) == (1, 1), packets
        assert document["delay_ns"]["median"] == 244141
    with suite.case("a stored session as text"):
        run = fetched(OwampPlay(stored={sid: session}))
        assert "192.0.2.1:4000 to 192.0.2.7:5000, 30 octets of padding, dscp 46, schedule exp:500ms,250ms" in run.stdout, run
    with suite.case("a session that goes on"):
        #= rfc4656#section-3.9 OW-3.9-10 OW-3.9-11
        run = fetched(OwampPlay(fetch=lambda p, s: fetch_answer(session, finished=0, next_seqno=0, ranges=[])), "-j", "--end", 9)
        document = json.loads(run.stdout)["sessions"][0]
        assert document["ended"] == "running" and document["packets"]["received"] == 5, document
        assert "still going on" in run.stderr, run
    with suite.case("a session of which no packet arrived: status 1"):
        empty = Session(head, slots)
        empty.next = 10
        run = fetched(OwampPlay(stored={sid: empty}), status=1)
        assert "no packet of the session arrived" in run.stderr, run
    with suite.case("a fetch that is denied says which session, and what to try"):
        run = fetched(OwampPlay(), status=1)
        assert sid.hex() in run.stderr and "--begin" in run.stderr and run.stdout == "", run
        run = fetched(OwampPlay(), "--begin", 3, status=1)
        assert sid.hex() in run.stderr and "--begin" not in run.stderr, run


def local_faults():
    with suite.case("exit status 2: wrong usage"):
        for args in (("oneway",), ("oneway", "-m", "mixed", "h"), ("oneway", "--begin", "1", "h"), ("fetch", "h"),
                     ("fetch", "h", "77"), ("fetch", "-c", "1", "h", "00" * 16), ("oneway", "--records", "/nonexistent/r", "h"),
                     ("fetch", "--ike-static", "/nonexistent", "h", "00" * 16)):
            run = fizeau(*args)
            assert run.returncode == 2 and run.stdout == "" and run.stderr.count("\n") == 1, run
    with suite.case("exit status 1: unreachable, no such host"):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            run = fizeau("oneway", f"127.0.0.1:{s.getsockname()[1]}")
        assert run.returncode == 1 and "cannot be reached" in run.stderr, run
        run = fizeau("fetch", "host.invalid", "00" * 16)
        assert run.returncode == 1 and "host.invalid" in run.stderr, run
    with suite.case("--help"):
        for command in ("oneway", "fetch"):
            run = fizeau(command, "--help")
            assert run.returncode == 0 and run.stdout.startswith("usage: fizeau " + command) and not run.stderr, run


PRFS = {"hmac-sha1": 20, "hmac-sha2-256": 32, "hmac-sha2-384": 48, "hmac-sha2-512": 64, "aes128-xcbc": 16, "aes128-cmac": 16}


def sa(number, prf):
    return f"0f3c00000000{number:04x} 99ab00{number:02x}000000ff {prf} {'5a' * PRFS[prf]}\n"


suite = Suite()
with tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", "joe swordfish\n")
    all_sas = private_file(folder, "sas", "".join(sa(number, prf) for number, prf in enumerate(PRFS)))
    sas = private_file(folder, "sa", sa(1, "hmac-sha2-256"))
    for name in ("storage", "six"):
        os.mkdir(os.path.join(folder, name))
    conf = f"keys {keys}\nike static {all_sas}\npbkdf2-count 1024\n"
    with Fizeaud(f"{conf}storage {os.path.join(folder, 'storage')}\n") as server:
        modes()
        traffic()
        outputs()
        fetches()
        interrupts()
    families()
    exact()
    refusals()
    endings()
    garbage()
    stored_sessions()
    local_faults()
suite.done()
