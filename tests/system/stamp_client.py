#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fizeau stamp against a reflector written from RFC 8762 and RFC 8972 (testlib/stamp_reflector.py): what it sends, what it makes
of what comes back, and of reflectors that do something else."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
from stamp_reflector import ACCESS, CLASS, DIRECT, FOLLOW_UP, HMAC, INFORMATION, LOCATION, PADDING  # noqa: E402
from stamp_reflector import I, M, Reflector, U, mac  # noqa: E402
from suite import FIZEAU, Fizeaud, Suite, fizeau, fizeau_json, private_file  # noqa: E402

QUICK = ("-c", 8, "-i", "4ms", "-w", "500ms")
KEY = b"correct horse battery staple"
ALL_TLVS = "location,timestamp-information,class-of-service=ef,direct-measurement,follow-up,access-report=2:1"


def session_of(*args, status=0, **kwargs):
    document = fizeau_json("stamp", *QUICK, *args, status=status, **kwargs)
    session, = document["sessions"]
    return session


def measured(session, count=8):
    packets = session["packets"]
    assert (packets["sent"], packets["received"], packets["lost"]) == (count, count, 0), packets
    # Between ends on one host a stamp may be wrong by more than the packet took: it is then in no delay.
    delays = (session["round_trip_delay_ns"]["n"] or 0) + packets["impossible"]
    assert delays == count, session
    return session["stamp"]


def refused(reflector, *args):
    """The line that says why."""
    run = fizeau("stamp", *QUICK, *args, reflector.target)
    assert run.returncode == 1 and run.stderr.startswith("fizeau: ") and run.stderr.count("\n") == 1, run
    return run.stderr


def packets():
    #= rfc8762#section-4.2.1 ST-4.2.1-01 ST-4.2.1-04 ST-4.2.1-06
    #= rfc8762#section-4.2 ST-4.2-01
    #= rfc8972#section-3 SX-3-01 SX-3-03
    with suite.case("open base packets: 44 octets, numbers from 0, NTP, one SSID that is not 0, all else zero"):
        with Reflector() as reflector:
            document = fizeau_json("stamp", *QUICK, reflector.target)
        assert (document["protocol"], document["mode"], document["key"]["source"]) == ("STAMP", "open", "none"), document
        stamp = measured(document["sessions"][0])
        assert [p.seq for p in reflector.packets] == list(range(8))
        assert {p.ssid for p in reflector.packets} == {stamp["ssid"]} and stamp["ssid"] > 0
        for packet in reflector.packets:
            assert len(packet.octets) == 44 and packet.octets[16:] == bytes(28), packet.octets.hex()
            assert packet.error & 0x4000 == 0 and abs((packet.stamp >> 32) - 2208988800 - time.time()) < 60
            assert packet.ttl == 255
        assert stamp["ssid_returned"] == stamp["ssid"], stamp
    #= rfc8762#section-4.2.2 ST-4.2.2-01 ST-4.2.2-02
    #= rfc8762#section-4.4 ST-4.4-01
    with suite.case("authenticated base packets: 112 octets, HMAC-SHA-256 of the first 96"):
        with Reflector(key=KEY) as reflector:
            document = fizeau_json("stamp", *QUICK, *keyed, reflector.target)
        stamp = measured(document["sessions"][0])
        assert (document["mode"], document["key"]["source"], document["key"]["keyid"]) == ("authenticated", "passphrase", "joe")
        for packet in reflector.packets:
            octets = packet.octets
            assert len(octets) == 112 and octets[4:16] == bytes(12) and octets[28:96] == bytes(68), octets.hex()
            assert octets[96:] == mac(KEY, octets[:96]) and packet.ssid == stamp["ssid"]
    with suite.case("--ssid N and --ssid 0"):
        with Reflector() as reflector:
            assert measured(session_of("--ssid", 4711, reflector.target))["ssid"] == 4711
            assert {p.ssid for p in reflector.packets} == {4711}
            reflector.packets.clear()
            stamp = measured(session_of("--ssid", 0, reflector.target))
            assert stamp["ssid"] is None and stamp["ssid_returned"] is None, stamp
            assert {p.ssid for p in reflector.packets} == {0}
    #= rfc8762#section-4.2.1 ST-4.2.1-03 ST-4.2.1-05
    with suite.case("--ptp: PTPv2 here, NTP there, and the other way round"):
        with Reflector() as reflector:
            stamp = measured(session_of("--ptp", reflector.target))
            assert (stamp["stamp_format"], stamp["reflector_stamp_format"]) == ("ptp", "ntp"), stamp
            for packet in reflector.packets:
                assert packet.error & 0x4000 and abs((packet.stamp >> 32) - 37 - time.time()) < 60
                assert packet.stamp & 0xFFFFFFFF < 10**9
        with Reflector(z=0x4000, format="ptp") as reflector:
            stamp = measured(session_of(reflector.target))
            assert (stamp["stamp_format"], stamp["reflector_stamp_format"]) == ("ntp", "ptp"), stamp
    #= rfc8972#section-4.1 SX-4.1-01 SX-4.1-02
    with suite.case("--padding is an Extra Padding TLV, of zeros if asked for"):
        with Reflector() as reflector:
            assert measured(session_of("-s", 52, reflector.target)) and session_of("-s", 52, "--zero-padding", reflector.target)
        for packet in reflector.packets:
            assert len(packet.octets) == 100 and [(t.flags, t.type) for t in packet.tlvs] == [(U, PADDING)]
        values = [p.tlv(PADDING) for p in reflector.packets]
        assert len(set(values[:8])) == 8 and set(values[8:]) == {bytes(52)}
    with suite.case("--dscp, IPv6, --source, --ports"):
        with Reflector(host="::1") as reflector:
            session = session_of("--dscp", "af41", "-I", "::1", "-p", "41000-41999", reflector.target)
            measured(session)
        assert {p.tos >> 2 for p in reflector.packets} == {34} and session["remote"] == reflector.target
        assert 41000 <= int(session["local"].rpartition(":")[2]) <= 41999


def light():
    #= rfc8762#section-4.6 ST-4.6-04
    with suite.case("--light: 14 octets and padding, no SSID, reflections of 41 octets"):
        with Reflector(light=True) as reflector:
            document = fizeau_json("stamp", *QUICK, "--light", reflector.target)
            stamp = measured(document["sessions"][0])
            assert document["protocol"] == "TWAMP Light" and stamp["ssid"] is None, document
            assert {len(p.octets) for p in reflector.packets} == {41}
            reflector.packets.clear()
            measured(session_of("--light", "-s", 0, reflector.target))
            assert {len(p.octets) for p in reflector.packets} == {14}
            measured(session_of("--light", "-s", 500, reflector.target))
    with suite.case("--light takes 44 octets and what has its padding untouched"):
        with Reflector(octets=44) as reflector:
            measured(session_of("--light", reflector.target))
        with Reflector(light=True, touch=lambda out: out[:41] + bytes(27)) as reflector:
            measured(session_of("--light", reflector.target))


def loss():
    #= rfc8762#section-4 ST-4-02
    with suite.case("a stateful reflector: loss by direction"):
        with Reflector(lose_forward={2, 5}, lose_backward={3}) as reflector:
            session = session_of(reflector.target)
        packets, stamp = session["packets"], session["stamp"]
        assert (packets["lost"], packets["lost_forward"], packets["lost_backward"]) == (3, 2, 1), packets
        assert (stamp["reflector_numbers"], stamp["loss_by_direction"]) == ("own", "numbers"), stamp
    #= rfc8762#section-4 ST-4-01
    with suite.case("a stateless reflector: which way packets were lost is null, and the text says why"):
        with Reflector(copied=True, lose_forward={2}, lose_backward={3}) as reflector:
            session = session_of(reflector.target)
            packets, stamp = session["packets"], session["stamp"]
            assert (packets["lost"], packets["lost_forward"], packets["lost_backward"]) == (2, None, None), packets
            assert (stamp["reflector_numbers"], stamp["loss_by_direction"]) == ("copied", None), stamp
            text = fizeau("stamp", *QUICK, reflector.target).stdout
        assert "loss by direction: not known, the reflector's numbers are copies" in text, text
        with Reflector(copied=True) as reflector:
            session = session_of(reflector.target)
        assert (session["packets"]["lost_forward"], session["packets"]["lost_backward"]) == (0, 0), session["packets"]
    with suite.case("numbers that start late: what lies between them counts"):
        with Reflector(first=70000, lose_forward={2}, lose_backward={3, 4}) as reflector:
            packets = session_of(reflector.target)["packets"]
        assert (packets["lost"], packets["lost_forward"], packets["lost_backward"]) == (3, 1, 2), packets
    #= rfc8972#section-4.5 SX-4.5-01
    with suite.case("Direct Measurement tells it of a reflector with copied numbers, wherever its counters begin"):
        for counters in (0, 2**32 - 3):
            with Reflector(copied=True, lose_forward={2}, lose_backward={3, 4}, counters=counters) as reflector:
                session = session_of("--tlv", "direct-measurement", reflector.target)
            packets, stamp = session["packets"], session["stamp"]
            assert (packets["lost"], packets["lost_forward"], packets["lost_backward"]) == (3, 1, 2), packets
            assert stamp["loss_by_direction"] == "direct_measurement", stamp
            assert stamp["direct_measurement"] == {"sent": 7, "reflector_received": 6, "reflector_sent": 6, "received": 4,
                                                   "lost_forward": 1, "lost_backward": 2}, stamp
            assert [struct.unpack(">I", p.tlv(DIRECT)[:4])[0] for p in reflector.packets] == list(range(1, 9))
    with suite.case("counters that count something else are no measurement"):
        with Reflector(copied=True, lose_forward={2}, touch=foreign_counters()) as reflector:
            session = session_of("--tlv", "direct-measurement", reflector.target)
        assert session["packets"]["lost_forward"] is None, session["packets"]
        assert set(session["stamp"]["direct_measurement"].values()) == {None}, session["stamp"]


def foreign_counters():
    """Of a box that counts all traffic."""
    counted = iter(range(10**6, 10**9, 1000))

    def touch(out):
        value = next(counted)
        return out[:52] + struct.pack(">II", value, value) + out[60:]
    return touch


def tlvs():
    kinds = [LOCATION, INFORMATION, CLASS, DIRECT, ACCESS, FOLLOW_UP]
    #= rfc8972#section-4 SX-4-01 SX-4-03 SX-4-07
    #= rfc8972#section-4.2 SX-4.2-01
    #= rfc8972#section-4.3 SX-4.3-01
    #= rfc8972#section-4.4 SX-4.4-01 SX-4.4-02 SX-4.4-04
    with suite.case("all TLVs are asked for, and what they tell is told"):
        with Reflector() as reflector:
            session = session_of("--dscp", "cs1", "--tlv", ALL_TLVS, reflector.target)
        stamp = measured(session)
        first = reflector.packets[0]
        assert [t.type for t in first.tlvs] == kinds and {t.flags for t in first.tlvs} == {U}, first
        assert first.tlv(CLASS) == bytes([46 << 2, 0, 0, 0]) and first.tlv(INFORMATION) == bytes(4)
        assert first.tlv(FOLLOW_UP) == bytes(16) and first.tlv(DIRECT) == struct.pack(">III", 1, 0, 0)
        assert {len(p.octets) for p in reflector.packets} == {len(first.octets)}, "all are of one length"
        host, port = session["local"].split(":")
        assert stamp["location"] == {"destination": "127.0.0.1", "destination_port": reflector.port, "source": host,
                                     "source_port": int(port), "source_mac": None, "changes": 0}, stamp
        assert stamp["timestamp_information"] == {"sync_in": "ntp", "method_in": "software", "sync_out": "free_running",
                                                  "method_out": "control_plane"}, stamp
        assert stamp["class_of_service"] == {"dscp_wanted": 46, "dscp_received": {"8": 8}, "ecn_received": {"0": 8},
                                             "dscp_refused": 0}, stamp
        for name, counts in stamp["tlvs"].items():
            answered = 1 if name == "access-report" else 8
            assert counts == {"answered": answered, "unknown": 0, "malformed": 0, "integrity": 0, "missing": 0}, (name, counts)
        assert len(stamp["tlvs"]) == 6, stamp
    #= rfc8972#section-4.4 SX-4.4-03
    with suite.case("a DSCP that is refused"):
        with Reflector(dscp_allowed=False) as reflector:
            stamp = measured(session_of("--tlv", "class-of-service=af11", reflector.target))
            text = fizeau("stamp", *QUICK, "--tlv", "class-of-service=af11", reflector.target).stdout
        assert stamp["class_of_service"]["dscp_refused"] == 8 and "dscp 10 was refused for 8 reflections" in text, text
    #= rfc8972#section-4.7 SX-4.7-01
    with suite.case("Follow-Up: T3 is when the reflection really left"):
        records = os.path.join(folder, "records")
        with Reflector(departure_ns=100_000, residence_ns=1_000_000) as reflector:
            session = session_of("--tlv", "follow-up", "--records", records, reflector.target)
        stamp = measured(session)
        assert stamp["follow_up"] == {"told": 7, "used": 7, "method": "software"}, stamp
        assert stamp["reflector_numbers"] == "own" or session["packets"]["lost"] == 0
        with open(records) as f:
            reflector_ns = {r["seq"]: r["reflector_ns"] for r in map(json.loads, f)}
        plain = sorted(reflector_ns)[-1]
        assert all(ns >= 1_100_000 - 1 for seq, ns in reflector_ns.items() if seq != plain), reflector_ns
    with suite.case("a Follow-Up that cannot be is not used"):
        with Reflector(departure_ns=-10**12) as reflector:
            stamp = measured(session_of("--tlv", "follow-up", reflector.target))
        assert stamp["follow_up"]["told"] == 7 and stamp["follow_up"]["used"] == 0, stamp
    without_report = ALL_TLVS.rpartition(",")[0]
    #= rfc8972#section-4 SX-4-08
    with suite.case("U is skipped, M ends it, I discards all, and what does not come back is missing"):
        with Reflector(unknown={LOCATION}) as reflector:
            counts = measured(session_of("--tlv", without_report, reflector.target))["tlvs"]
            assert counts["location"]["unknown"] == 8 and counts["follow-up"]["answered"] == 8, counts
        with Reflector(flags={CLASS: M}) as reflector:
            stamp = measured(session_of("--tlv", without_report, reflector.target))
            assert stamp["tlvs"]["class-of-service"]["malformed"] == 8 and stamp["location"] is not None, stamp
            assert stamp["tlvs"]["follow-up"]["answered"] == 0 and stamp["class_of_service"] is None, stamp
        with Reflector(flags={FOLLOW_UP: I}) as reflector:
            stamp = measured(session_of("--tlv", without_report, reflector.target))
            assert stamp["tlvs"]["follow-up"]["integrity"] == 8, stamp
            assert stamp["location"] is None and stamp["class_of_service"] is None, stamp
        with Reflector(octets=44) as reflector:
            stamp = measured(session_of("--tlv", "location", reflector.target))
            text = fizeau("stamp", *QUICK, "--tlv", "location", reflector.target).stdout
            assert stamp["tlvs"]["location"]["missing"] == 8 and "tlv location: 8 did not come back" in text, text


def integrity():
    #= rfc8972#section-4.8 SX-4.8-01 SX-4.8-02 SX-4.8-03
    with suite.case("authenticated mode: an HMAC TLV behind the others, before Extra Padding"):
        with Reflector(key=KEY) as reflector:
            stamp = measured(session_of(*keyed, "-s", 20, "--tlv", "location,direct-measurement", reflector.target))
        for packet in reflector.packets:
            assert [t.type for t in packet.tlvs] == [LOCATION, DIRECT, HMAC, PADDING], packet
            covered = b"".join(t.octets() for t in packet.tlvs[:2])
            assert packet.tlv(HMAC) == mac(KEY, packet.octets[:4], covered)
        assert stamp["tlvs"]["location"]["answered"] == 8, stamp
    with suite.case("no HMAC TLV for Extra Padding alone"):
        with Reflector(key=KEY) as reflector:
            measured(session_of(*keyed, "-s", 20, reflector.target))
        assert {tuple(t.type for t in p.tlvs) for p in reflector.packets} == {(PADDING,)}
    #= rfc8972#section-4.8 SX-4.8-06
    with suite.case("--tlv hmac: open packets, TLVs under an HMAC"):
        with Reflector(hmac_key=KEY) as reflector:
            document = fizeau_json("stamp", *QUICK, *keyed, "--tlv", "class-of-service,hmac", reflector.target)
        stamp = measured(document["sessions"][0])
        assert document["mode"] == "open" and stamp["tlvs"]["class-of-service"]["answered"] == 8, document
        for packet in reflector.packets:
            assert len(packet.octets) == 44 + 8 + 20 and packet.octets[16:44] == bytes(28)
            assert packet.tlv(HMAC) == mac(KEY, packet.octets[:4], packet.octets[44:52])
    #= rfc8972#section-4.8 SX-4.8-05
    with suite.case("TLVs whose HMAC is wrong tell nothing; delays are measured all the same"):
        with Reflector(key=KEY, touch=lambda out: out[:-1] + bytes([out[-1] ^ 1])) as reflector:
            stamp = measured(session_of(*keyed, "--tlv", "class-of-service", reflector.target))
        assert stamp["class_of_service"] is None and stamp["tlvs"]["class-of-service"]["integrity"] == 8, stamp
    #= rfc8762#section-4.4 ST-4.4-03
    with suite.case("reflections with a wrong HMAC do not count, and the line says so"):
        with Reflector(key=KEY, touch=lambda out: out[:40] + bytes([out[40] ^ 1]) + out[41:]) as reflector:
            line = refused(reflector, *keyed)
            session = session_of(*keyed, reflector.target, status=1)
        assert "both ends must have the same key" in line, line
        assert (session["packets"]["received"], session["packets"]["discarded"]["hmac"]) == (0, 8), session["packets"]
    with suite.case("a reflector with another key answers nothing"):
        with Reflector(key=b"another") as reflector:
            assert "no packet came back" in refused(reflector, *keyed)


def access():
    access_tlv = ("--tlv", "access-report=1:2")
    #= rfc8972#section-4.6 SX-4.6-01 SX-4.6-02
    with suite.case("an Access Report is sent once when it is echoed"):
        with Reflector() as reflector:
            stamp = measured(session_of(*access_tlv, reflector.target))
        reports = [p.seq for p in reflector.packets if p.tlv(ACCESS)]
        assert reports == [0] and reflector.packets[0].tlv(ACCESS) == bytes([0x10, 2, 0, 0]), reports
        assert stamp["access_report"] == {"id": 1, "code": 2, "sent": 1, "echoed": True}, stamp
    #= rfc8972#section-4.6 SX-4.6-02 SX-4.6-03
    with suite.case("and again when it is not: as often as allowed, also behind the last packet of the schedule"):
        with Reflector(mute=True) as reflector:
            session = session_of(*access_tlv, "--access-timeout", "60ms", "--access-retries", 3, reflector.target, status=1)
        reports = [p.seq for p in reflector.packets if p.tlv(ACCESS)]
        assert len(reports) == 4 and session["stamp"]["access_report"]["sent"] == 4, (reports, session["stamp"])
        assert not session["stamp"]["access_report"]["echoed"] and reports[-1] == session["packets"]["sent"] - 1, session
    with suite.case("the echo of the second one ends it"):
        with Reflector(lose_backward={0}) as reflector:
            stamp = session_of(*access_tlv, "--access-timeout", "30ms", reflector.target)["stamp"]
        assert stamp["access_report"] == {"id": 1, "code": 2, "sent": 2, "echoed": True}, stamp
    with suite.case("none is sent again to a reflector that does not know the TLV"):
        with Reflector(unknown={ACCESS}) as reflector:
            stamp = measured(session_of(*access_tlv, "--access-timeout", "50ms", reflector.target))
        assert stamp["access_report"] == {"id": 1, "code": 2, "sent": 1, "echoed": False}, stamp
    with suite.case("the report stands under the HMAC, and so does what takes its place"):
        with Reflector(key=KEY) as reflector:
            stamp = measured(session_of(*keyed, "--tlv", "access-report=2:1,class-of-service", reflector.target))
        assert stamp["access_report"]["echoed"] and stamp["tlvs"]["class-of-service"]["answered"] == 8, stamp


def quirks():
    with suite.case("spare octets that are not zero"):
        for args, options in (((), {}), (keyed, {"key": KEY})):
            with Reflector(spare=0xA5, **options) as reflector:
                measured(session_of(*args, reflector.target))
    with suite.case("T2 = T3, and a TTL that could not be read"):
        with Reflector(instant=True, ttl=255) as reflector:
            session = session_of(reflector.target)
        measured(session)
        assert session["reflector_ns"]["max"] == 0, session["reflector_ns"]
    with suite.case("Error Estimates of 0x0001 and 0x3FFF: measured, and the clock counts as not synchronised"):
        for estimate in (0x0001, 0x3FFF):
            with Reflector(estimate=estimate) as reflector:
                session = session_of(reflector.target)
            measured(session)
            assert session["clock"]["receiver"]["synchronized"] is False, session["clock"]
    with suite.case("an Error Estimate of 0 is refused, by name"):
        with Reflector(estimate=0) as reflector:
            assert "a Multiplier of 0 in the Error Estimate" in refused(reflector)
    with suite.case("Z copied from the packet though the stamps are in the other format: refused, with the remedy"):
        with Reflector(z="echo", format="ptp") as reflector:
            assert "measure with --ptp" in refused(reflector)
            measured(session_of("--ptp", reflector.target))
        with Reflector(z="echo", format="ntp") as reflector:
            assert "measure without --ptp" in refused(reflector, "--ptp")
            measured(session_of(reflector.target))
    #= rfc8972#section-3 SX-3-08
    with suite.case("an SSID of 0 in return: measured and said, or the end with --need-ssid"):
        with Reflector(ssid=0) as reflector:
            stamp = measured(session_of(reflector.target))
            assert stamp["ssid_returned"] == 0, stamp
            assert "came back as 0" in fizeau("stamp", *QUICK, reflector.target).stdout
            reflector.packets.clear()
            run = fizeau("stamp", "-c", 1000, "-i", "20ms", "-w", "200ms", "--need-ssid", reflector.target)
            assert run.returncode == 1 and "does not return the session identifier" in run.stderr, run
            assert len(reflector.packets) < 1000
    with suite.case("something else in the SSID's place: refused with the remedy, which helps"):
        with Reflector(ssid=7) as reflector:
            assert "measure with --ssid 0" in refused(reflector, "--ssid", 8)
            measured(session_of("--ssid", 0, reflector.target))
    with suite.case("reflections of 41 octets, as of TWAMP Light"):
        with Reflector(octets=41) as reflector:
            measured(session_of(reflector.target))
    with suite.case("reflections that are too short are refused, by name"):
        with Reflector(octets=40) as reflector:
            assert "they are too short" in refused(reflector)
        with Reflector(key=KEY, octets=44) as reflector:
            assert "they are too short" in refused(reflector, *keyed)


def absence():
    #= rfc8762#section-4.1 ST-4.1-01 ST-4.1-02
    with suite.case("the reflector's port is 862 unless told otherwise"):
        for target, remote in (("127.77.3.9", "127.77.3.9:862"), ("127.77.3.9:4862", "127.77.3.9:4862")):
            run = fizeau("stamp", *QUICK, "-j", target)
            assert json.loads(run.stdout)["sessions"][0]["remote"] == remote, run
    with suite.case("nobody listens: ICMP's port unreachable is named"):
        for host in ("127.0.0.1", "::1"):
            with Reflector(host=host) as reflector:
                pass
            line = refused(reflector)
            assert f"nothing listens at UDP port {reflector.port}" in line and "HOST:PORT" in line, line
    with suite.case("a reflector that is mute"):
        with Reflector(mute=True) as reflector:
            line = refused(reflector)
        assert f"no packet came back from {reflector.target}" in line, line
    with suite.case("an answer from another port"):
        with Reflector(mute=True) as reflector, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            process = subprocess.Popen([FIZEAU, "stamp", *map(str, QUICK), "-w", "1s", reflector.target], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            end = time.monotonic() + 20
            while not reflector.packets:
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.001)
            other.sendto(reflector.packets[0].octets, reflector.packets[0].peer)
            _, error = process.communicate(timeout=60)
        assert process.returncode == 1 and "they came from another address or port" in error, error
    with suite.case("Ctrl-C ends it, with what there is"):
        with Reflector() as reflector:
            process = subprocess.Popen([FIZEAU, "stamp", "-c", "100000", "-i", "5ms", "-j", "--tlv", "access-report=1:1",
                                        reflector.target], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            end = time.monotonic() + 20
            while len(reflector.packets) < 5:
                assert time.monotonic() < end and process.poll() is None
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        session, = json.loads(out)["sessions"]
        assert process.returncode == 0 and session["ended"] == "interrupted" and session["packets"]["sent"] >= 5, session


def many():
    #= rfc8972#section-3 SX-3-02
    with suite.case("many targets: one document, an SSID of its own for each"):
        with Reflector() as one, Reflector(copied=True) as other:
            targets = [one.target, other.target, one.target, other.target]
            document = fizeau_json("stamp", *QUICK, *targets)
            assert (document["protocol"], document["targets"], document["measured"]) == ("STAMP", 4, 4), document
            ssids = {measured(result["sessions"][0])["ssid"] for result in document["results"]}
            assert len(ssids) == 4 and len({p.ssid for p in one.packets}) == 2, ssids
            document = fizeau_json("stamp", *QUICK, "--ssid", 100, *targets)
            assert [r["sessions"][0]["stamp"]["ssid"] for r in document["results"]] == [100, 101, 102, 103]
            assert [r["target"] for r in document["results"]] == targets
    with suite.case("the table, one absent"):
        with Reflector() as one, Reflector() as gone:
            pass
        with Reflector() as one:
            run = fizeau("stamp", *QUICK, one.target, gone.target)
        assert run.returncode == 1 and run.stdout.startswith("STAMP, 2 targets: 1 measured, 1 not\n"), run
        assert "unreachable: nothing listens at UDP port" in run.stdout, run.stdout


def free_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def with_fizeaud():
    port = free_udp()
    target, conf = f"127.0.0.1:{port}", f"listen stamp 127.0.0.1 {port}\nkeys {keyed[3]}\n"
    with suite.case("fizeaud answers all of it: open, TWAMP Light, PTPv2, every TLV"):
        with Fizeaud(conf):
            session = session_of("--dscp", "cs1", "--tlv", ALL_TLVS, target)
            stamp = measured(session)
            assert all(c["answered"] == (1 if name == "access-report" else 8) for name, c in stamp["tlvs"].items()), stamp
            host, client_port = session["local"].split(":")
            assert (stamp["location"]["source"], stamp["location"]["source_port"]) == (host, int(client_port)), stamp
            assert stamp["class_of_service"]["dscp_received"] == {"8": 8} and stamp["class_of_service"]["dscp_refused"] == 0
            assert stamp["follow_up"]["told"] == 7 and stamp["access_report"]["echoed"], stamp
            assert stamp["direct_measurement"]["sent"] == stamp["direct_measurement"]["received"] == 7, stamp
            measured(session_of("--light", target))
            measured(session_of("--ptp", "-s", 1000, target))
            assert "both ends must have the same key" in fizeau("stamp", *QUICK, *keyed, target).stderr
    with suite.case("and with a key, several sessions at once, stateless and with a policy of its own"):
        with Fizeaud(f"{conf}stamp-key joe net 127.0.0.0/8\nstamp-dscp none\nstamp-stateless yes\nstamp-location no\n"):
            document = fizeau_json("stamp", *QUICK, *keyed, "--tlv", "class-of-service=ef,follow-up,location", *[target] * 3)
            assert document["measured"] == 3, document
            for result in document["results"]:
                stamp = measured(result["sessions"][0])
                assert result["mode"] == "authenticated" and stamp["class_of_service"]["dscp_refused"] == 8, result
                assert stamp["follow_up"]["told"] == 0 and stamp["location"]["source"] is None, stamp


def usage():
    with suite.case("wrong usage: exit status 2 and one line"):
        with Reflector() as reflector:
            for args in (("--tlv", "colour"), ("--tlv", "location,location"), ("--tlv", "access-report"),
                         ("--tlv", "access-report=3:1"), ("--tlv", "hmac"), ("--ssid", "65536"), ("--light", "--ssid", 1),
                         ("--light", "--tlv", "location"), ("--light", *keyed), ("--light", "--ptp"),
                         ("--need-ssid", "--ssid", 0), ("-m", "encrypted"), ("--access-retries", "x"),
                         ("--tlv", "class-of-service=99"), ("-s", 65391, *keyed, "--tlv", "location")):
                run = fizeau("stamp", *args, reflector.target)
                assert run.returncode == 2 and run.stderr.startswith("fizeau: ") and run.stderr.count("\n") == 1, (args, run)
            run = fizeau("stamp", "--ssid", 65535, reflector.target, reflector.target)
            assert run.returncode == 2 and "65536" in run.stderr, run
        assert not reflector.packets


suite = Suite()
with tempfile.TemporaryDirectory(prefix="stamp-client-") as folder:
    keyed = ("-k", "joe", "--keys", private_file(folder, "keys", f"joe {KEY.decode()}\n"))
    packets()
    light()
    loss()
    tlvs()
    integrity()
    access()
    quirks()
    absence()
    many()
    with_fizeaud()
    usage()
suite.done()
