#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The feature bits of TWAMP (RFC 6038, RFC 7750, RFC 8186) from end to end: fizeaud against octets that were written from the
RFCs, and fizeau against fizeaud."""
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "testlib"))
from octets import ntp  # noqa: E402
from suite import Netns, Suite, fizeau, fizeau_json, namespaces_work, private_file  # noqa: E402
from twamp import IP_TOS, Control, Fizeaud, Sender, counter, status  # noqa: E402
from wire import Capture  # noqa: E402

REFLECT, SYMMETRICAL, IKE, DSCP_ECN, PTP = 32, 64, 128, 256, 512
NAMES = {REFLECT: "reflect-octets", SYMMETRICAL: "symmetrical", DSCP_ECN: "dscp-ecn", PTP: "ptp"}
FEATURES = REFLECT | SYMMETRICAL | DSCP_ECN | PTP
COMBINATIONS = [sum(bit for i, bit in enumerate(NAMES) if n >> i & 1) for n in range(16)]
TAI_UTC = 37  # where the kernel was not told; any other value of today's is near enough for what is looked at here
SERVER_OCTETS = 0x1234
ALL = f"features individual,reflect-octets,symmetrical,dscp-ecn,ptp\nserver-octets {SERVER_OCTETS}"
suite = Suite()


def names(modes):
    return [name for bit, name in NAMES.items() if modes & bit]


def heads(modes):
    """Header octets of a packet and of its reflection, in open mode."""
    back = 44 if modes & DSCP_ECN else 41
    return back if modes & SYMMETRICAL else 14, back


def least_padding(modes, length):
    there, back = heads(modes)
    return max(back - there + length, length + 1) if modes & REFLECT else back - there


def test_packet(modes, seq, padding, when=None):
    there, _ = heads(modes)
    octets = struct.pack(">IQH", seq, ntp(when or time.time()), 0x8001).ljust(there, b"\xff")  # MBZ that is not
    return octets + padding


def padding_of(octets):
    return bytes(i % 251 for i in range(octets))


def unix_time(stamp, estimate):
    """Of a stamp by the Z of its Error Estimate."""
    if estimate & 0x4000:
        assert stamp & 0xffffffff < 10**9, hex(stamp)
        return (stamp >> 32) - TAI_UTC + (stamp & 0xffffffff) / 1e9
    return stamp / 2**32 - 2208988800


#= rfc6038#section-4.1 RO-4.1-01
#= rfc6038#section-7 RO-7-01
#= rfc7750#section-2.1 DE-2.1-01
#= rfc7750#section-3 DE-3-01
#= rfc8186#section-2 PT-2-02
#= rfc8186#section-2.2 PT-2.2-01
#= rfc8186#section-3 PT-3-01
with suite.case("the greeting offers the features that are configured, by default all but ptp"):
    for directive, offered in (("", FEATURES & ~PTP), ("features none", 0), ("features ptp", PTP),
                               ("features reflect-octets,dscp-ecn", REFLECT | DSCP_ECN), (ALL, FEATURES)):
        with Fizeaud(directive) as server, Control(server) as control:
            assert control.modes & FEATURES == offered, f"{directive}: {control.modes:#x}"
            assert control.modes & 15 == 1, hex(control.modes)
            assert [name for name in status(server)["features"] if name != "individual"] == names(offered)

#= rfc6038#section-1 RO-1-01
#= rfc7750#section-1 DE-1-01
with suite.case("a feature that is not offered, and features without a mode, are refused"):
    with Fizeaud("features symmetrical") as server:
        for mode in (1 | REFLECT, 1 | DSCP_ECN, 1 | PTP, 1 | SYMMETRICAL | PTP):
            with Control(server) as control:
                assert control.set_up(mode) == 3, hex(mode)
        with Control(server) as control:
            assert control.set_up(SYMMETRICAL) == 3
        with Control(server) as control:
            assert control.set_up(1 | SYMMETRICAL) == 0
    with Fizeaud("class a any\nlimit a deny yes") as server, Control(server) as control:
        assert control.modes == 0, hex(control.modes)  # not willing, whatever the features


#= rfc6038#section-3 RO-3-01 RO-3-02
#= rfc6038#section-4.2 RO-4.2-03 RO-4.2-04
#= rfc6038#section-4.3 RO-4.3-01 RO-4.3-04
#= rfc6038#section-5.1.2 RO-5.1.2-04
#= rfc6038#section-5.2 RO-5.2-01 RO-5.2-02
#= rfc6038#section-5.2.1 RO-5.2.1-01 RO-5.2.1-02 RO-5.2.1-03 RO-5.2.1-05 RO-5.2.1-06
#= rfc6038#section-5.2.2 RO-5.2.2-02
#= rfc6038#section-5.2.3 RO-5.2.3-01
#= rfc7750#section-2.2.1 DE-2.2.1-01 DE-2.2.1-02 DE-2.2.1-03 DE-2.2.1-05 DE-2.2.1-06 DE-2.2.1-09
#= rfc8186#section-2.2 PT-2.2-02 PT-2.2-05
#= rfc8186#section-2.3 PT-2.3-01
def one_session(server, modes):
    """A session of packets of several lengths and classes, each of which comes back as the RFCs say."""
    there, back = heads(modes)
    least = least_padding(modes, 8)
    with Control(server) as control, Sender(server) as sender:
        assert control.set_up(1 | modes) == 0
        answer = control.request(sender_port=sender.port, padding=least, dscp=10,
                                 reflect=(0xABCD, 8) if modes & REFLECT else (0, 0))
        assert answer[0] == 0, answer[:20].hex()
        octets = struct.unpack(">HH", answer[20:24])
        assert octets == ((0xABCD, SERVER_OCTETS) if modes & REFLECT else (0, 0)), octets
        port = struct.unpack(">H", answer[2:4])[0]
        control.start()
        session, = (s for s in status(server)["sessions"] if s["sid"] == answer[4:20].hex())
        assert session["features"] == names(modes), session
        for seq, tos in enumerate((0xB9, 0x00, 0x03, 0xB8)):
            sender.sock.setsockopt(socket.IPPROTO_IP, IP_TOS, tos)
            padding = struct.pack(">H", SERVER_OCTETS) + padding_of(least + seq * 100)[2:]
            sent = sender.send(port, octets=test_packet(modes, seq, padding))
            came, _, _, came_tos = sender.receive()
            assert len(came) == len(sent), (modes, len(sent), len(came))
            assert came[back:] == sent[there:there + len(came) - back], "padding"
            number, t3, estimate, mbz, t2, sender_seq = struct.unpack(">IQHHQI", came[:28])
            assert (number, sender_seq, mbz) == (seq, seq, 0), (number, sender_seq, mbz)
            assert came[28:38] == sent[4:14], "the sender's stamp and Error Estimate come back as they were"
            assert bool(estimate & 0x4000) == bool(modes & PTP), hex(estimate)
            for stamp in (t2, t3):
                assert abs(unix_time(stamp, estimate) - time.time()) < 10, hex(stamp)
            if modes & DSCP_ECN:
                assert came[41:44] == bytes([tos, 0, 0]), came[41:44].hex()
            # The DSCP is the one that was asked for, and the ECN none, whatever came.
            assert came_tos == 10 << 2, came_tos
        control.stop()


with suite.case("every combination of features reflects as the RFCs say"):
    with Fizeaud(ALL) as server:
        for features in COMBINATIONS:
            one_session(server, features)

#= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08
#= rfc6038#section-4.3 RO-4.3-02 RO-4.3-03 RO-4.3-06
with suite.case("padding too short for what is to come back is refused with 3, one octet more is not"):
    with Fizeaud(ALL) as server:
        for features in (REFLECT, REFLECT | DSCP_ECN, REFLECT | SYMMETRICAL, REFLECT | SYMMETRICAL | DSCP_ECN):
            with Control(server) as control, Sender(server) as sender:
                assert control.set_up(1 | features) == 0
                for length in (0, 1, 8, 500):
                    least = least_padding(features, length)
                    assert control.refused(sender_port=sender.port, padding=least - 1, reflect=(7, length)) == 3
                    answer = control.request(sender_port=sender.port, padding=least, reflect=(7, length))
                    assert answer[0] == 0, (features, length)
                    # Server octets have no place in less than two.
                    assert struct.unpack(">HH", answer[20:24]) == (7, SERVER_OCTETS if length >= 2 else 0)
        with Control(server) as control, Sender(server) as sender:
            assert control.set_up(1 | REFLECT) == 0
            assert control.refused(sender_port=sender.port, padding=10, reflect=(0, 8)) == 3
    with Fizeaud() as server, Control(server) as control, Sender(server) as sender:
        assert control.set_up(1 | REFLECT) == 0
        answer = control.request(sender_port=sender.port, padding=100, reflect=(0xFFFF, 8))
        assert answer[20:32] == b"\xff\xff" + bytes(10), answer.hex()

#= rfc6038#section-1 RO-1-03
with suite.case("without the feature its octets of a request are ignored, and none come back"):
    with Fizeaud(ALL) as server, Control(server) as control, Sender(server) as sender:
        control.open()
        answer = control.request(sender_port=sender.port, padding=0, reflect=(0xFFFF, 0xFFFF))
        assert answer[0] == 0 and answer[20:32] == bytes(12), answer.hex()

#= rfc6038#section-5.2.1 RO-5.2.1-02
with suite.case("packets that are too short for the session are dropped and counted"):
    with Fizeaud(ALL) as server:
        for features, shortest in ((REFLECT, 49), (REFLECT | DSCP_ECN, 52), (SYMMETRICAL, 41), (SYMMETRICAL | DSCP_ECN, 41)):
            with Control(server) as control, Sender(server) as sender:
                assert control.set_up(1 | features) == 0
                port, _ = control.session(sender_port=sender.port, padding=100, reflect=(0, 8) if features & REFLECT else (0, 0))
                control.start()
                before = counter(server, "dropped_length")
                sender.send(port, octets=test_packet(features, 0, padding_of(100))[:shortest - 1])
                sent = sender.send(port, octets=test_packet(features, 1, padding_of(100))[:shortest])
                came = sender.receive()[0]
                assert struct.unpack(">I", came[24:28]) == (1,), came.hex()
                assert len(came) == max(len(sent), heads(features)[1])
                assert counter(server, "dropped_length") == before + 1
                control.stop()

#= rfc7750#section-2.2.1 DE-2.2.1-11
with suite.case("marks of congestion change nothing"):
    with Fizeaud(ALL) as server, Control(server) as control, Sender(server) as sender:
        assert control.set_up(1 | DSCP_ECN) == 0
        port, _ = control.session(sender_port=sender.port, padding=30)
        control.start()
        sender.sock.setsockopt(socket.IPPROTO_IP, IP_TOS, 3)
        for seq in range(200):
            sender.send(port, octets=test_packet(DSCP_ECN, seq, padding_of(30)))
            came, _, _, tos = sender.receive()
            assert (came[41], tos) == (3, 0), (came[41], tos)
        control.stop()


def measured(server, *options):
    """A short measurement; what has to be right whatever the options."""
    result = fizeau_json("twoway", "-c", "20", "-i", "2ms", *options, server.target)
    session, = result["sessions"]
    packets = session["packets"]
    assert packets["received"] == 20 and not any(packets["discarded"].values()), packets
    # One clock: neither 37 s nor 70 years off. What a step of it leaves without a meaning is null.
    for delay in ("forward_delay_ns", "backward_delay_ns"):
        assert not session["clock"]["usable"] or -10**9 < session[delay]["median"] < 10**9, session[delay]
    return result, session


def one_measurement(server, modes, mode):
    listed = ",".join(names(modes))
    result, session = measured(server, "--dscp", "10", "-k", "joe", "--keys", server.keys, "--mode", mode,
                               *(["--features", listed] if listed else []))
    assert result["mode"] == mode and result["features"] == names(modes), result["features"]
    is_open = mode in ("open", "mixed")
    there, back = heads(modes) if is_open else (112 if modes & SYMMETRICAL else 48, 112)
    least = max(back - there + 8, 9) if modes & REFLECT else back - there if is_open else 0
    assert (session["padding_octets"], session["packet_octets"]) == (least, there + least), session
    wanted = {"length": 8, "server_octets": SERVER_OCTETS, "came_back": 20, "altered": 0} if modes & REFLECT else None
    assert session["reflect_octets"] == wanted, session["reflect_octets"]
    one_class = [{"dscp": 10, "ecn": 0, "packets": 20}]
    wanted = {"forward": one_class, "backward": one_class} if modes & DSCP_ECN else None
    assert session["dscp_ecn"] == wanted, session["dscp_ecn"]
    assert (session["ptp"] or {}).get("reflections") == (20 if modes & PTP else None), session["ptp"]


#= rfc6038#section-3 RO-3-01 RO-3-02
#= rfc6038#section-4.1 RO-4.1-02 RO-4.1-03
#= rfc6038#section-5.1.3 RO-5.1.3-01 RO-5.1.3-02
#= rfc7750#section-2.1 DE-2.1-02
#= rfc8186#section-2 PT-2-01
#= rfc8186#section-2.2 PT-2.2-03 PT-2.2-04
#= rfc8186#section-2.3 PT-2.3-03
with suite.case("fizeau measures with every combination in every mode"), tempfile.TemporaryDirectory() as folder:
    keys = private_file(folder, "keys", "joe opensesame\n")
    with Fizeaud(f"{ALL}\nkeys {keys}\npbkdf2-count 1024") as server:
        server.keys = keys
        for security in ("open", "authenticated", "encrypted", "mixed"):
            for features in COMBINATIONS:
                one_measurement(server, features, security)
            # Whatever the packets are like, their session may be started by itself.
            for features in ("individual", "individual,dscp-ecn,ptp", "individual,reflect-octets,symmetrical"):
                result, _ = measured(server, "-k", "joe", "--keys", keys, "--mode", security, "--features", features)
                assert ",".join(result["features"]).startswith("individual"), result["features"]

with suite.case("fizeau measures with features and a key from IKEv2"), tempfile.TemporaryDirectory() as folder:
    sa = f"0f3c010203040506 99ab112233445566 hmac-sha2-256 {'ab' * 32} remote 127.0.0.1\n"
    table = private_file(folder, "sas", sa)
    with Fizeaud(f"{ALL}\nike static {table}") as server:
        for security in ("authenticated", "encrypted", "mixed"):
            result, _ = measured(server, "--ike", "require", "--ike-static", table, "--mode", security,
                                 "--features", "ptp,individual,dscp-ecn,symmetrical,reflect-octets=20")
            assert result["key"]["source"] == "ikev2" and result["features"] == ["individual", *NAMES.values()], result

#= rfc6038#section-4.2 RO-4.2-07 RO-4.2-08 RO-4.2-09
with suite.case("how much of the padding comes back can be chosen"):
    with Fizeaud(ALL) as server:
        for options, length, padding in ((("--features", "reflect-octets=100"), 100, 127),
                                         (("--features", "reflect-octets", "--padding", "500"), 473, 500),
                                         (("--features", "reflect-octets=5", "--padding", "500", "--zero-padding"), 5, 500),
                                         (("--features", "reflect-octets,symmetrical", "--padding", "500"), 499, 500),
                                         (("--features", "reflect-octets,dscp-ecn", "--padding", "31"), 1, 31)):
            _, session = measured(server, *options)
            assert session["padding_octets"] == padding, (options, session["padding_octets"])
            reflected = session["reflect_octets"]
            assert (reflected["length"], reflected["came_back"]) == (length, 20), (options, reflected)
            assert reflected["server_octets"] == (SERVER_OCTETS if length > 1 else None), (options, reflected)
        run = fizeau("twoway", "-c", "1", "--features", "reflect-octets=8", "--padding", "34", server.target)
        assert run.returncode == 2 and "35 at least" in run.stderr, (run.returncode, run.stderr)

with suite.case("features that the server does not offer are an error that names what it offers"):
    with Fizeaud() as server:
        run = fizeau("twoway", "-c", "1", "--features", "symmetrical,ptp", server.target)
        assert run.returncode == 1, run
        assert "does not offer ptp" in run.stderr and "dscp-ecn" in run.stderr, run.stderr
    with Fizeaud("features none") as server:
        run = fizeau("twoway", "-c", "1", "--features", "dscp-ecn", server.target)
        assert run.returncode == 1 and "does not offer dscp-ecn (features it offers: none)" in run.stderr, run.stderr
    for wrong in ("", "frobnicate", "ptp,ptp", "reflect-octets=0", "reflect-octets=65001", "ptp=1", "symmetrical,"):
        run = fizeau("twoway", "--features", wrong, "127.0.0.1")
        assert run.returncode == 2 and "must list some of" in run.stderr, (wrong, run.stderr)

with suite.case("people read it too"):
    with Fizeaud(ALL) as server:
        run = fizeau("twoway", "-c", "10", "-i", "1ms", "--dscp", "ef",
                     "--features", "reflect-octets,dscp-ecn,ptp", server.target)
        assert run.returncode == 0, run.stderr
        for line in ("TWAMP open, features reflect-octets, dscp-ecn, ptp, no key",
                     "type: forward dscp 46 not-ect in 10; backward dscp 46 not-ect in 10",
                     f"padding: 8 octets came back unchanged in 10 reflections; the server's octets: 0x{SERVER_OCTETS:04x}",
                     "format: PTP in 10 reflections, TAI less UTC "):
            assert f"\n{line}" in f"\n{run.stdout}", (line, run.stdout)


def rewrites(netns, what):
    """Each UDP packet that comes into the namespace is changed."""
    rules = f"add table ip mangle\nadd chain ip mangle pre {{ type filter hook prerouting priority -150; }}\n" \
            f"add rule ip mangle pre meta l4proto udp {what}\n"
    subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", "-"], input=rules, text=True, check=True)


#= rfc7750#section-2.2.1 DE-2.2.1-01 DE-2.2.1-02 DE-2.2.1-05
if namespaces_work() and shutil.which("nft"):
    with suite.case("a class that is changed on the way shows in its direction"), Netns("client", "server") as netns:
        netns.link("client", "10.77.1.1/24", "server", "10.77.1.2/24")
        rewrites(netns["server"], "ip dscp set af41 ip ecn set ce")
        rewrites(netns["client"], "ip dscp set cs1")
        with Fizeaud(ALL, host="10.77.1.2", netns=netns["server"]) as server:
            for features in ("dscp-ecn", "dscp-ecn,symmetrical", "dscp-ecn,ptp,reflect-octets"):
                result = fizeau_json("twoway", "-c", 20, "-i", "2ms", "--dscp", "ef", "--features", features, server.target,
                                     netns=netns["client"])
                assert result["sessions"][0]["dscp_ecn"] == {
                    "forward": [{"dscp": 34, "ecn": 3, "packets": 20}],
                    "backward": [{"dscp": 8, "ecn": 0, "packets": 20}]}, result["sessions"][0]["dscp_ecn"]
else:
    suite.skip("a class that is changed on the way shows in its direction", "no namespaces, or no nft")

if namespaces_work() and shutil.which("tshark"):
    with suite.case("tshark reads the modes, the lengths and Z as they were meant"), Netns("only") as netns, \
            tempfile.TemporaryDirectory() as folder, Fizeaud(ALL, netns=netns["only"], port=862) as server:
        for features in (DSCP_ECN | PTP, SYMMETRICAL, REFLECT | SYMMETRICAL | DSCP_ECN | PTP):
            capture = Capture(netns["only"], os.path.join(folder, f"{features}.pcap"))
            try:
                result = fizeau_json("twoway", "-c", 10, "-i", "5ms", "--features", ",".join(names(features)), server.target,
                                     netns=netns["only"])
            finally:
                capture.stop()
            (offered,), = capture.fields("twamp.control.modes", "twamp.control.modes")
            (chosen,), = capture.fields("twamp.control.mode", "twamp.control.mode")
            assert (int(offered, 0) & ~16, int(chosen, 0)) == (1 | FEATURES, 1 | features), (offered, chosen)
            session, = result["sessions"]
            port = session["remote"].rsplit(":", 1)[1]
            there, back = heads(features)
            sent = capture.fields(f"udp.dstport == {port}", "udp.length")
            assert [int(row[0]) for row in sent] == [8 + there + session["padding_octets"]] * 10, sent
            came = capture.fields(f"udp.srcport == {port}", "udp.length", "twamp.test.seq_number",
                                  "twamp.test.sender_seq_number", "twamp.test.sender_ttl", "twamp.test.error_estimate.z")
            z = {"1", "True"} if features & PTP else {"0", "False"}
            for number, row in enumerate(came):
                assert int(row[0]) == int(sent[0][0]) and row[1:4] == [str(number), str(number), "255"], row
                assert set(row[4].split(",")) <= z, row
else:
    suite.skip("tshark reads the modes, the lengths and Z as they were meant", "no namespaces, or no tshark")

suite.done()
