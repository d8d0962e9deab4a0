#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every figure that doc/performance.md tells, measured: value, goal, method, as a table or as JSON.

    bench/system/figures.py                     all of them, half an hour
    bench/system/figures.py --only busy         those whose names begin so; repeatable
    bench/system/figures.py --quick             less of everything: to see that it works, not to be quoted

Needs root (memory of processes, network namespaces, open files) and two cores. Exit status 1 if a goal was missed or a
figure could not be measured.
"""
import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402
from rig import Daemon, Sessions, figure, measure, not_yet, suite, tool  # noqa: E402

MODES = ("open", "authenticated", "encrypted", "mixed")


def ratios(of, to):
    return [a / b for a, b in zip(of, to)]


def reflected(options, part):
    packets = 7680 if options.quick else 76800
    out = tool("bench_fizeaud", "--json", "--only", part, suite.FIZEAUD, packets, options.runs)
    ns = out["reflected"][part]["cpu_ns"]
    detail = {name: round(statistics.median(values)) for name, values in ns.items()}
    return ns, {"cpu_ns_a_packet": detail, "packets_not_back": out["lost"]}


def busy(options):
    ns, detail = reflected(options, "busy")
    yield figure("busy", "CPU of a reflected packet, open mode, one busy sender / bare UDP_SEGMENT loop",
                 "768 packets of 41 octets wait for a reflector that is held, then are answered in batches of 32; CPU time of "
                 "all of its processes; the loop is the least that is TWAMP, in batches as large, replies as trains",
                 ratios(ns["open"], ns["bare UDP_SEGMENT"]), at_most=1.15, **detail,
                 to_echo=statistics.median(ratios(ns["open"], ns["echo UDP_SEGMENT"])))


def interleaved(options):
    ns, detail = reflected(options, "interleaved")
    yield figure("interleaved", "the same with 1,000 senders in turn / bare recvmmsg, sendmmsg loop",
                 "as busy, each packet from another host of 127/8, each host a session; the loop has one socket and no sessions",
                 ratios(ns["open"], ns["bare sendmmsg"]), at_most=1.15, **detail,
                 to_echo=statistics.median(ratios(ns["open"], ns["echo sendmmsg"])))


def protected(options):
    ns, detail = reflected(options, "modes")
    for mode, goal in (("authenticated", 0.85), ("encrypted", 0.75)):
        yield figure(f"protected-{mode}", f"packets per CPU second, {mode} / open, same sizes",
                     "as busy, 112 octets both ways in both modes; packets numbered from 0 on, none lost",
                     ratios(ns["open"], ns[mode]), at_least=goal, **detail)


def stamp_busy(options):
    ns, detail = reflected(options, "stamp-busy")
    yield figure("stamp-busy", "CPU of a reflected STAMP packet, open mode, one busy sender / bare UDP_SEGMENT loop",
                 "as busy, with packets of 44 octets, which the loop answers as TWAMP's",
                 ratios(ns["STAMP"], ns["bare UDP_SEGMENT"]), at_most=1.15, **detail,
                 to_twamp=statistics.median(ratios(ns["STAMP"], ns["open"])))


def stamp_interleaved(options):
    ns, detail = reflected(options, "stamp-interleaved")
    yield figure("stamp-interleaved", "the same with 1,000 senders in turn / bare recvmmsg, sendmmsg loop",
                 "as interleaved, with packets of 44 octets; each session has begun with a packet before",
                 ratios(ns["STAMP"], ns["bare sendmmsg"]), at_most=1.15, **detail,
                 to_twamp=statistics.median(ratios(ns["STAMP"], ns["open"])))


def stamp_authenticated(options):
    ns, detail = reflected(options, "stamp-modes")
    yield figure("stamp-authenticated", "packets per CPU second, STAMP authenticated / open, same sizes",
                 "as stamp-busy, 112 octets both ways: HMAC-SHA-256 in, once, and out, once; open with Extra Padding",
                 ratios(ns["STAMP"], ns["STAMP authenticated"]), at_least=0.85, **detail)


def many_cpu(options):
    connections, rate = (100, 10000) if options.quick else (1000, 10000)
    packets = rate
    method = (f"{rate} packets/s, evenly paced and one under way at a time, to either daemon in turn; {10 * connections} sessions "
              f"of {connections} control connections from addresses of their own, one after the other; CPU of all processes")
    many_ns, one_ns, lost = [], [], 0
    with Daemon() as crowded, Daemon() as lonely, Sessions(crowded, "open", connections, 10) as many, \
            Sessions(lonely, "open", 1, 1) as one:
        many.send(packets, rate)
        one.send(packets, rate)
        for _ in range(options.runs):
            for daemon, sessions, ns in ((crowded, many, many_ns), (lonely, one, one_ns)):
                before = daemon.cpu_ns()
                back = sessions.send(packets, rate)["back"]
                ns.append((daemon.cpu_ns() - before) / back)
                lost += packets - back
    yield figure("many-cpu", f"CPU of a packet with {10 * connections} sessions / with 1, at the same total rate", method,
                 ratios(many_ns, one_ns), at_most=1.15, packets_missing=lost,
                 cpu_ns_a_packet={"many": round(statistics.median(many_ns)), "one": round(statistics.median(one_ns))})


def memory(options):
    connections = 100 if options.quick else 1000
    for mode in MODES:
        kib = []
        for _ in range(options.runs):
            with Daemon("static") as daemon:
                with Sessions(daemon, "open", 1, 1):
                    before, processes = daemon.memory(), len(daemon.processes())
                    with Sessions(daemon, mode if mode == "open" else f"{mode}+ike", connections, 10) as sessions:
                        sessions.send(10 * connections, 10000)
                        kib.append((daemon.memory() - before) / (10 * connections) / 1024)
        yield figure(f"memory-{mode}", f"memory of a session more, {mode}",
                     f"{10 * connections} sessions over {connections} control connections, each reflecting: growth of PSS of all "
                     "processes of a fresh fizeaud that has served one, control connections included",
                     kib, at_most=4, unit="KiB", processes=processes)


def set_up_ns(daemon, mode, count):
    """CPU of fizeaud and time on the clock for one set-up."""
    before = daemon.cpu_ns()
    took = tool("set_ups", daemon.port, mode, count)
    return (daemon.cpu_ns() - before) / count, took / count


def set_ups(options):
    count, slow = (100, 5) if options.quick else (1000, 20)
    ike = {"static": "a file of static SAs", "service": "the key service, answered from its table"}
    method = ("set-ups one after the other, each connection closed when accepted; per CPU second of all processes of "
              "fizeaud; {}; wall: the rate on the clock, client and key service included")
    with suite.tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "service")
        service = subprocess.Popen([os.path.join(suite.BUILD, "bench", "system", "key_table"), path],
                                   stdout=subprocess.PIPE, preexec_fn=rig.on_core(rig.OURS))
        service.stdout.readline()
        try:
            for source, text in ike.items():
                yield from set_ups_with(options, source, path if source == "service" else "static", count, slow,
                                        method.format(text))
        finally:
            service.terminate()
            service.wait()
            service.stdout.close()


def set_ups_with(options, name, source, count, slow, method):
    plain, keyed, phrase = [], [], []
    with Daemon(source, count=32768) as daemon:
        for mode in ("open", "authenticated+ike"):
            set_up_ns(daemon, mode, slow)
        for _ in range(options.runs):
            plain.append(set_up_ns(daemon, "open", count))
            keyed.append(set_up_ns(daemon, "authenticated+ike", count))
            phrase.append(set_up_ns(daemon, "authenticated", slow))
    detail = {"set_ups_per_cpu_second": {kind: round(1e9 / statistics.median(cpu for cpu, _ in runs))
                                         for kind, runs in (("open", plain), ("ike", keyed), ("passphrase", phrase))}}
    cpu = [[ns for ns, _ in runs] for runs in (plain, keyed, phrase)]
    wall = [[ns for _, ns in runs] for runs in (plain, keyed, phrase)]
    yield figure(f"set-ups-{name}", "control set-ups, IKEv2-derived key / open mode", method, ratios(cpu[0], cpu[1]),
                 at_least=0.5, wall=statistics.median(ratios(wall[0], wall[1])), **detail)
    yield figure(f"set-ups-{name}-passphrase", "control set-ups, IKEv2-derived key / passphrase, 32768 rounds", method,
                 ratios(cpu[2], cpu[1]), at_least=20, wall=statistics.median(ratios(wall[2], wall[1])), **detail)


def round_trip(options):
    count, interval = (100, 5) if options.quick else (500, 10)
    runs = options.runs if options.quick else 2 * options.runs + 1
    ours, kernels, whole = [], [], []
    with suite.Netns("c", "s") as netns:
        netns.link("c", "192.0.2.1/24", "s", "192.0.2.2/24")
        with Daemon(netns=netns["s"], host="192.0.2.2") as daemon:
            for _ in range(runs):
                echo = tool("kernel_echo", netns["c"], netns["s"], "192.0.2.2", count, interval * 1000000,
                            rig.THEIRS)
                kernels.append(echo["median"])
                whole.append(echo["whole"] / echo["packets"])
                session = measure("twoway", "-m", "open", "--ike", "off", "-c", count, "-i", f"exp:{interval}ms",
                                  daemon.target, netns=netns["c"])
                ours.append(session["round_trip_delay_ns"]["median"])
    made = ratios(ours, kernels)
    value = figure("round-trip", "round-trip median of fizeau twoway / of an echo whose four stamps are the kernel's",
                   f"an idle veth pair between two namespaces, {count} packets of 41 octets, Poisson of {interval} ms, one after "
                   f"the other, {runs} times in turn; the echo's transmit stamps are those of its own error queue at either end, "
                   "its sockets wait in an epoll set, as those of fizeau do",
                   made, at_most=1.1, median_ns={"fizeau": statistics.median(ours), "kernel": statistics.median(kernels)},
                   echo_stamped=min(whole))
    value["goal"]["at_least"] = 0.9
    value["reached"] = 0.9 <= value["value"] <= 1.1
    yield value


def offers(option):
    return option in suite.fizeau("twoway", "--help").stdout


def send_time(options):
    count, runs = (1000, options.runs) if options.quick else (2000, 2 * options.runs + 1)
    method = (f"{count} packets, Poisson of 1 ms, scheduled to the clock right before the system call; the loop sleeps with "
              f"clock_nanosleep and sends; both on the same core in turn, {runs} times, reflectors on the other{{}}")
    rows = (("send-time", "", 1.1, ""),
            ("send-time-busy-poll", "--busy-poll", 0.2, "; with busy-poll in fizeaud, and the loop's reflector does not sleep either"))
    have = [row for row in rows if offers(row[1])]
    ours, bare = {name: [] for name, *_ in rows}, {name: [] for name, *_ in rows}
    with Daemon() as sleeps, Daemon(busy_poll=True) as polls:
        for _ in range(runs):
            for name, option, *_ in have:
                bare[name].append(tool("bare_sender", "poisson", count, 1000000, rig.THEIRS,
                                       *(["poll"] if option else []))["late_ns"])
                session = measure("twoway", "-m", "open", "--ike", "off", "-c", count, "-i", "exp:1ms",
                                  *([option] if option else []), (polls if option else sleeps).target)
                ours[name].append(session["send_error_ns"])
    for name, option, goal, reflectors in rows:
        what = f"send-time error p99 at 1,000 packets/s Poisson{', ' + option if option else ''} / bare clock_nanosleep loop"
        if (name, option, goal, reflectors) not in have:
            yield not_yet(name, what, method.format(reflectors), f"fizeau twoway has no {option} yet", at_most=goal)
            continue
        made = {which: ratios([one[which] for one in ours[name]], [one[which] for one in bare[name]]) for which in ("p99", "median")}
        yield figure(name, what, method.format(reflectors), made["p99"], at_most=goal, ratio_of_medians=round(statistics.median(made["median"]), 4),
                     **{f"{which}_ns": {"fizeau": statistics.median(one[which] for one in ours[name]),
                                        "bare": statistics.median(one[which] for one in bare[name])} for which in made})


def missed_slots(session):
    """Those that fizeau tells."""
    missed = session.get("missed_slots", session["packets"].get("missed_slots"))
    return missed["count"] if isinstance(missed, dict) else missed


def fast(options):
    count, interval = (50000, 20000) if options.quick else (500000, 20000)
    keyed = ("--ike", "off")
    bare = [tool("bare_sender", "periodic", count, interval, rig.THEIRS) for _ in range(options.runs)]
    beside = {key: statistics.median(run[key] for run in bare) for key in ("missed", "received")}
    bare_lost = statistics.median(run["sent"] - run["received"] for run in bare)
    method = (f"{count} packets on loopback, periodic, 20 us; lost: sent and not back; goal: no more than the bare loop "
              "(clock_nanosleep, send, bare reflector) at the same rate in the same run")
    with Daemon("static") as daemon:
        for mode in MODES:
            if mode != "open":
                keyed = ("--ike-static", daemon.static)
            lost, missed, told = [], [], {"lost_local": [], "late": [], "receive_drops": [], "send_drops": [], "sender_late": []}
            full = daemon.status()["counters"]["dropped_receive"]
            for _ in range(options.runs):
                session = measure("twoway", "-m", mode, *keyed, "-c", count, "-i", f"{interval}ns", "-w", "1s", daemon.target)
                lost.append(session["packets"]["lost"])
                missed.append(missed_slots(session))
                for key, values in told.items():
                    values.append(session["packets"].get(key))
            full = daemon.status()["counters"]["dropped_receive"] - full
            value = figure(f"fast-{mode}", f"fizeau twoway at 50,000 packets/s, {mode}: packets lost", method, lost,
                           at_most=bare_lost, unit="packets", bare_lost=bare_lost, missed_slots=missed,
                           bare_missed=beside["missed"], **told, dropped_in_socket_of_fizeaud=full)
            if None not in missed and statistics.median(missed) > beside["missed"]:
                value["reached"] = False
            yield value


GROUPS = {"busy": busy, "interleaved": interleaved, "protected": protected, "stamp-busy": stamp_busy, "stamp-interleaved": stamp_interleaved,
          "stamp-authenticated": stamp_authenticated, "many-cpu": many_cpu, "memory": memory,
          "set-ups": set_ups, "round-trip": round_trip, "send-time": send_time, "fast": fast}


def goal_text(one):
    least, most = one["goal"]["at_least"], one["goal"]["at_most"]
    if least is not None and most is not None:
        return f"{least:g} to {most:g}"
    return f"<= {most:g}" if most is not None else f">= {least:g}" if least is not None else ""


def show(one):
    if one["value"] is None:
        print(f"{one['name']:24} {'not measured':>26}  {goal_text(one):12} {one['not_measured']}")
    else:
        spread = f"{one['value']:.3g} ({one['least']:.3g} to {one['most']:.3g})"
        print(f"{one['name']:24} {spread:>26}  {goal_text(one):12} {'reached' if one['reached'] else 'MISSED'}")
    print(f"    {one['what']}{', ' + one['unit'] if one['unit'] != 'ratio' else ''}")
    print(f"    how: {one['method']}")
    for key, value in one["detail"].items():
        print(f"    {key.replace('_', ' ')}: {json.dumps(value) if isinstance(value, (dict, list)) else value}")
    sys.stdout.flush()


def host():
    cpu = "unknown"
    with open("/proc/cpuinfo") as f:
        cpu = next((line.partition(":")[2].strip() for line in f if line.startswith("model name")), cpu)
    return {"kernel": os.uname().release, "cores": len(rig.CORES), "cpu": cpu, "load_average_before": os.getloadavg()[0]}


def allow_files():
    """As many as are allowed; many_sessions says so if that is too few."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def wanted(group, only):
    return not only or any(name.startswith(group) or group.startswith(name) for name in only)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", default=suite.BUILD, help="the build's folder")
    parser.add_argument("--only", action="append", metavar="NAME", help="figures whose names begin with NAME; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="of each figure; the median counts (5)")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    suite.BUILD = options.build
    suite.FIZEAU, suite.FIZEAUD = (os.path.join(options.build, *path) for path in (("cli", "fizeau"), ("daemon", "fizeaud")))
    allow_files()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whatever runs is ended on the way
    about, before, figures = host(), rig.proc_stat(), []
    if not options.json:
        print(f"Linux {about['kernel']}, {about['cores']} cores, {about['cpu']}; load average {about['load_average_before']:.1f}; "
              f"medians (least to most) of {options.runs} runs")
    for group, run in GROUPS.items():
        if not wanted(group, options.only):
            continue
        try:
            made = list(run(options))
        except (RuntimeError, OSError, KeyError, subprocess.SubprocessError) as error:
            made = [not_yet(group, f"figures of {group}", "", f"{type(error).__name__}: {error}")]
        made = [one for one in made if not options.only or one["value"] is None or
                any(one["name"].startswith(name) for name in options.only)]
        figures.extend(made)
        if not options.json:
            for one in made:
                show(one)
    about["load_average_after"] = os.getloadavg()[0]
    about["stolen"] = round(rig.others_share(before, rig.proc_stat()), 4)
    if options.json:
        print(json.dumps({"schema": "fizeau.bench/1", "host": about, "runs": options.runs, "quick": options.quick,
                          "figures": figures}, indent=1))
    else:
        print(f"load average at the end {about['load_average_after']:.1f}, stolen by the hypervisor {about['stolen']:.1%}")
    return 0 if all(one["reached"] for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
