#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""STAMP keyed by IKEv2 (doc/stamp-ike.md): with static SAs at both ends, and with those that two real charons set up, rekey and delete.
The sender is fizeau stamp, or one that was written from the document alone."""
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testlib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stamp_sender import StampSender, ippm_of, key_of_sa  # noqa: E402
from suite import FIZEAU, Suite, fizeau, private_file  # noqa: E402
from twamp import Fizeaud, counter, status  # noqa: E402
from testlib.ikedpair import VICI, IkedPair, ask, free_udp_port, iked_missing, swanctl_missing, until  # noqa: E402

PRFS = {"hmac-sha1": 20, "hmac-sha2-256": 32, "hmac-sha2-384": 48, "hmac-sha2-512": 64, "aes128-xcbc": 16, "aes128-cmac": 16}
SPI_I, SPI_R = "0f3c00000000{:04x}", "99ab0000000000{:02x}"
SSID = 0x1234


def sa(number, rest="", prf="hmac-sha2-256", sk_d=None):
    """A line of a static file; SK_d is the number's octets unless given."""
    return f"{SPI_I.format(number)} {SPI_R.format(number)} {prf} {(sk_d or f'{number:02x}') * PRFS[prf]} {rest}\n"


def key(number, ssid=SSID):
    return key_of_sa(ippm_of(bytes([number]) * 32), SPI_I.format(number), SPI_R.format(number), ssid)


class Reflector(Fizeaud):
    """A fizeaud that reflects STAMP, keyed by IKEv2 for everybody, or as conf says."""

    def __init__(self, conf, address="127.0.0.1", stamp_key="stamp-key ike net 127.0.0.0/8\n", **options):
        self.stamp_port = free_udp_port(address)
        super().__init__(f"listen stamp {address} {self.stamp_port}\n{stamp_key}{conf}", host=address, **options)
        self.stamp_target = f"{address}:{self.stamp_port}"

    def session(self):
        return next((s for s in status(self)["sessions"]), None)


def measure(reflector, *args, count=5):
    return fizeau("stamp", "-c", count, "-i", "5ms", "-w", "500ms", "-j", *args, reflector.stamp_target)


def keyed(run, lost=0):
    """The key of a measurement that went well."""
    assert run.returncode == 0, run
    result = json.loads(run.stdout)
    packets = result["sessions"][0]["packets"]
    assert result["protocol"] == "STAMP" and result["mode"] == "authenticated" and result["key"]["source"] == "ikev2", result
    assert packets["lost"] == lost and not any(packets["discarded"].values()), packets
    return result["key"]


def unanswered(run):
    assert run.returncode == 1, run
    packets = json.loads(run.stdout)["sessions"][0]["packets"]
    assert packets["received"] == 0 and packets["lost"] == packets["sent"], packets


def static_sas(suite, folder):
    mine, theirs = os.path.join(folder, "mine"), os.path.join(folder, "theirs")
    ike = ("--ike", "require", "--ike-static", mine)

    def files(here, there):
        private_file(folder, "mine", here)
        private_file(folder, "theirs", there)

    for number, prf in enumerate(PRFS, 1):
        with suite.case(f"static SAs, {prf}: both ends say which SA it was, nobody says the key"):
            files(sa(number, "remote-id CN=r", prf), sa(number, "remote-id CN=s", prf))
            with Reflector(f"ike static {theirs}") as reflector:
                told = keyed(measure(reflector, *ike))
                log = reflector.log()
            spis = SPI_I.format(number), SPI_R.format(number)
            assert (told["spi_i"], told["spi_r"], told["prf"], told["peer_id"]) == (*spis, prf, "CN=r"), told
            assert "/".join(spis) in log and "CN=s" in log, log
            assert f"{number:02x}" * 12 not in log, log
    with suite.case("several SAs: the sender takes its newest, the reflector finds it among its own"):
        files(sa(1) + sa(2), "".join(sa(n) for n in (5, 2, 3, 4)))
        with Reflector(f"ike static {theirs}") as reflector:
            assert keyed(measure(reflector, *ike))["spi_i"] == SPI_I.format(2)
    with suite.case("eight of the reflector's are tried, the newest, and not the ninth"):
        files(sa(1), "".join(sa(n) for n in range(1, 9)))
        with Reflector(f"ike static {theirs}") as reflector:
            keyed(measure(reflector, *ike))
            files(sa(1), "".join(sa(n) for n in range(1, 10)))
            unanswered(measure(reflector, *ike))
            assert counter(reflector, "refused_key") > 0
    with suite.case("class ike-id: who is no operator has no answer, and the log says why"):
        files(sa(1), sa(1, "remote-id CN=operator") + sa(2, "remote-id CN=mallory"))
        with Reflector(f"ike static {theirs}\nclass good ike-id CN=operator\nclass rest any\nlimit rest deny") as reflector:
            keyed(measure(reflector, *ike))
            private_file(folder, "mine", sa(2))
            unanswered(measure(reflector, *ike))
            assert counter(reflector, "refused_deny") > 0, status(reflector)["counters"]
            assert "denied" in reflector.log(), reflector.log()
    with suite.case("no SA with the sender's address at the reflector: no answer, counted, told once"):
        files(sa(1), sa(1, "remote 192.0.2.1"))
        with Reflector(f"ike static {theirs}") as reflector:
            unanswered(measure(reflector, *ike, count=50))
            assert counter(reflector, "refused_no_ike_sa") == 1, status(reflector)["counters"]
            assert reflector.log().count("no IKE SA with its address") == 1, reflector.log()
    with suite.case("another SK_d at the reflector: no answer"):
        files(sa(1), sa(1, sk_d="77"))
        with Reflector(f"ike static {theirs}") as reflector:
            unanswered(measure(reflector, *ike))
            assert counter(reflector, "refused_key") > 0
    with suite.case("open packets from where IKEv2 keys are asked for: no answer"):
        with Reflector(f"ike static {theirs}") as reflector:
            unanswered(measure(reflector))
    with suite.case("the sender has no SA: require fails and says how to get one; auto says so and goes on as asked"):
        files(sa(1, "remote 192.0.2.1"), sa(1))
        with Reflector(f"ike static {theirs}", stamp_key="") as reflector:
            run = measure(reflector, *ike)
            assert run.returncode == 1 and "no IKE SA with 127.0.0.1" in run.stderr and "--initiate" in run.stderr, run
            run = measure(reflector, "--ike", "auto", "--ike-static", mine)
            assert run.returncode == 0 and "no IKE SA with 127.0.0.1" in run.stderr, run
            assert json.loads(run.stdout)["mode"] == "open", run.stdout
    with suite.case("no SSID, no key of this kind: wrong usage"):
        for more in (("--ssid", 0), ("--light",)):
            run = fizeau("stamp", *ike, *more, "127.0.0.1")
            assert run.returncode == 2 and more[0] in run.stderr and "key" in run.stderr, run
    with suite.case("a session goes on when its SA is gone; a new one does not begin"):
        files(sa(1), sa(1))
        with Reflector(f"ike static {theirs}") as reflector, Running(reflector, *ike) as running:
            files(sa(2), sa(2))
            keyed(measure(reflector, *ike))
            files(sa(1), sa(2))
            unanswered(measure(reflector, *ike))
            running.noticed_nothing()
    with suite.case("the reflector learns of the SA later: the session begins late, and then runs"):
        files(sa(1), sa(2))
        with Reflector(f"ike static {theirs}") as reflector, Running(reflector, *ike, wait=False) as running:
            until(lambda: counter(reflector, "refused_key") > 0, "no refusal")
            private_file(folder, "theirs", sa(1))
            until(reflector.session, "no session")
            until(lambda: reflector.session()["received"] > 5, "nothing is reflected")
            packets = running.end()["packets"]
            assert packets["received"] > 0 and packets["lost"] > 0, packets


def from_the_document(suite, folder):
    """A sender that shares nothing with ours but the page."""
    theirs = private_file(folder, "theirs", sa(1) + sa(2))
    with Reflector(f"ike static {theirs}") as reflector:
        def sender(key_, ssid=SSID):
            return StampSender("127.0.0.1", reflector.stamp_port, key_, ssid)

        for number in (1, 2):
            with suite.case(f"an independent sender with SA {number}: every reflection is authentic"), sender(key(number)) as s:
                for n in range(5):
                    sent, back = s.echo()
                    assert s.is_good(back) and len(back) == len(sent), back.hex()
                    assert back[:4] == back[48:52] == n.to_bytes(4, "big"), back.hex()
        wrong = (
            ("prf(SK_d, IPPM) itself", ippm_of(b"\1" * 32)),
            ("its leftmost 16 octets, the Token's key", ippm_of(b"\1" * 32)[:16]),
            ("SK_d", b"\1" * 32),
            ("the SPIs the other way round", key_of_sa(ippm_of(b"\1" * 32), SPI_R.format(1), SPI_I.format(1), SSID)),
            ("another SSID's key", key(1, SSID + 1)),
        )
        for name, key_ in wrong:
            with suite.case(f"the key is not {name}"), sender(key_) as s, sender(key(1), SSID + 2) as other:
                other.key = key(1, SSID + 2)
                s.send()
                other.echo()  # whatever came before it was answered by then, or not at all
                assert s.receive(0.3) is None
        with suite.case("a packet of one session from another port is nobody's: its SSID's key is its key there too"), \
                sender(key(1)) as s, sender(key(1)) as again:
            packet, _ = s.echo()
            _, back = again.echo(packet)
            assert again.is_good(back)  # a replay: answered where it claims to come from, with no more octets
            assert len(back) == len(packet)
        with suite.case("flipped bits are dropped; the session goes on"), sender(key(1)) as s:
            s.echo()
            for bit in range(0, 96 * 8, 61):
                packet = bytearray(s.packet())
                packet[bit // 8] ^= 1 << bit % 8
                if bit // 8 not in (26, 27):  # another SSID is another session
                    s.send(bytes(packet))
            _, back = s.echo()
            assert s.is_good(back)
            assert counter(reflector, "dropped_hmac") > 0, status(reflector)["counters"]


class Running:
    """A session that goes on until it is asked to end; entered as soon as packets come back."""

    def __init__(self, reflector, *args, wait=True):
        self.reflector, self.wait = reflector, wait
        self.command = [FIZEAU, "stamp", "-c", "1000000", "-i", "20ms", "-w", "3s", "-j", *map(str, args), reflector.stamp_target]

    def __enter__(self):
        before = {s["remote"] for s in status(self.reflector)["sessions"]}
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.wait:
            until(lambda: any(s["received"] > 2 and s["remote"] not in before for s in status(self.reflector)["sessions"]),
                  "the session does not run")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def end(self):
        assert self.process.poll() is None, self.process.communicate()
        self.process.send_signal(signal.SIGINT)
        out, error = self.process.communicate(timeout=60)
        session, = json.loads(out)["sessions"]
        assert session["ended"] == "interrupted", (self.process.returncode, session, error)
        return session

    def noticed_nothing(self):
        packets = self.end()["packets"]
        assert packets["lost"] == 0 and packets["sent"] > 2, packets


def state(daemon, sa_):
    _, sas = ask(daemon.socket, lookup=1, spi_i=sa_["spi_i"], spi_r=sa_["spi_r"])
    return sas[0]["state"] if sas else None


def newest(daemon, host):
    _, sas = ask(daemon.socket, lookup=1, remote_host=host)
    return sas[0]


def charons(suite):
    def at(pair, conf=""):
        return Reflector(f"ike socket {pair.b.socket}\n{conf}", address=pair.b.address)

    def ike(pair, mode="require"):
        return "--ike", mode, "--ike-socket", pair.a.socket, "-I", pair.a.address

    def of(told):
        return told["spi_i"], told["spi_r"]

    with IkedPair(more=VICI) as pair, at(pair, "class ours ike-id CN=a.example.org\nclass named ike-id a.example.org") as reflector:
        with suite.case("charons: no SA is an error, with the remedy"):
            run = measure(reflector, *ike(pair))
            assert run.returncode == 1 and "--initiate" in run.stderr, run
        with suite.case("charons: --ike initiate sets one up, with a line on stderr"):
            run = measure(reflector, *ike(pair, "initiate"))
            keyed(run)
            assert "having one set up" in run.stderr, run.stderr
        sa_ = newest(pair.a, pair.b.address)
        with suite.case("charons: keyed, as the identity that IKE authenticated"):
            told = keyed(measure(reflector, *ike(pair)))
            assert of(told) == of(sa_) and "b.example.org" in told["peer_id"], told
            assert "a.example.org" in reflector.log() and f"{sa_['spi_i']}/{sa_['spi_r']}" in reflector.log(), reflector.log()
        with suite.case("charons: rekeying during a session; it keeps its key, the next takes the new SA"), \
                Running(reflector, *ike(pair)) as running:
            for end, name in ((pair.a, "b"), (pair.b, "a")):
                old = newest(pair.a, pair.b.address)
                end.swanctl("--rekey", "--ike", name)
                until(lambda: of(newest(pair.a, pair.b.address)) == of(newest(pair.b, pair.a.address)) != of(old), "the rekeying")
                assert of(keyed(measure(reflector, *ike(pair)))) == of(newest(pair.b, pair.a.address))
            running.noticed_nothing()
        with suite.case("charons: a session that was keyed just before a rekeying begins after it"):
            old = newest(pair.a, pair.b.address)
            full, ssid = bytes.fromhex(old["key"]), 77
            pair.a.swanctl("--rekey", "--ike", "b")
            until(lambda: state(pair.b, old) == "rekeyed", "the rekeying")
            with StampSender(pair.b.address, reflector.stamp_port, key_of_sa(full, *of(old), ssid), ssid, pair.a.address) as s:
                _, back = s.echo()
                assert s.is_good(back)
        with suite.case("charons: the SA is deleted during a session; it goes on, and nothing new begins"), \
                Running(reflector, *ike(pair)) as running:
            old = newest(pair.a, pair.b.address)
            pair.a.swanctl("--terminate", "--ike", "b")
            until(lambda: {state(d, old) for d in pair.daemons} == {"deleted"}, "the deletion")
            run = measure(reflector, *ike(pair))
            assert run.returncode == 1 and "no IKE SA" in run.stderr, run
            full, ssid = bytes.fromhex(old["key"]), 78
            with StampSender(pair.b.address, reflector.stamp_port, key_of_sa(full, *of(old), ssid), ssid, pair.a.address) as s:
                s.send()
                until(lambda: counter(reflector, "refused_no_ike_sa") > 0, "the refusal")
                assert s.receive(0.3) is None
            running.noticed_nothing()
        with suite.case("charons: both are killed during a session; it runs to its end"):
            keyed(measure(reflector, *ike(pair, "initiate")))
            with Running(reflector, *ike(pair)) as running:
                pair.a.kill()
                pair.b.kill()
                run = measure(reflector, *ike(pair))
                assert run.returncode == 1 and pair.a.socket in run.stderr, run
                running.noticed_nothing()


def main():
    suite = Suite()
    with tempfile.TemporaryDirectory() as folder:
        static_sas(suite, folder)
        from_the_document(suite, folder)
    reason = iked_missing() or swanctl_missing()
    if reason:
        suite.skip("with two charons", reason)
    else:
        charons(suite)
    suite.done()


if __name__ == "__main__":
    main()
