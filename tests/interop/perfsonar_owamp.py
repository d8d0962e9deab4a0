#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our programs against perfSONAR's owping, owfetch and owampd, both ways, on loopback.

    tests/interop/perfsonar_owamp.py BIN_DIR [BUILD_DIR]

BIN_DIR holds owping, owfetch and owampd of perfSONAR's owamp 5.x; BUILD_DIR is a build of ours (build). Not part of
./check: Debian has no package of theirs.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from perfsonar import PASSPHRASE, unprivileged, wait_for_port

MODES = {"open": "O", "authenticated": "A", "encrypted": "E"}
COUNT = 30
# Ours and theirs: one fixed slot, one exponential, several of both kinds.
SCHEDULES = {"3ms": "0.003f", "exp:3ms": "0.003e", "exp:4ms,0s,2ms": "0.004e,0f,0.002f"}
DIRECTIONS = {"both": ((), ()), "to": (("--to",), ("-t",)), "from": (("--from",), ("-f",))}
THEIRS, OURS = 18611, 18612


def start_owampd(bin_dir, folder, host):
    conf, var, data = (os.path.join(folder, name) for name in ("conf", "var", "data"))
    for path in (conf, var, data):
        os.mkdir(path)
    open(os.path.join(conf, "owamp-server.conf"), "w").close()
    with open(os.path.join(conf, "owamp-server.limits"), "w") as f:
        f.write("limit root with bandwidth=0, disk=0, delete_on_fetch=off, allow_open_mode=on\nassign default root\n")
    pfs = os.path.join(conf, "owamp-server.pfs")
    with open(os.path.join(folder, "client.pfs"), "w") as f, open(pfs, "w") as g:
        for out in (f, g):
            out.write(f"joe {PASSPHRASE.encode().hex()}\n")
    os.chmod(pfs, 0o600)
    os.chmod(folder, 0o755)
    if os.getuid() == 0:
        for path in (conf, var, data, pfs):
            os.chown(path, 65534, 65534)
    log = open(os.path.join(folder, "owampd.log"), "w")
    process = subprocess.Popen([os.path.join(bin_dir, "owampd"), "-c", conf, "-R", var, "-d", data,
                                "-S", f"{host}:{THEIRS}", "-P", "18760-18960", "-Z"],
                               stdout=log, stderr=log, preexec_fn=unprivileged)
    wait_for_port(THEIRS, process, host.strip("[]"))
    return process


def start_fizeaud(build, folder, host):
    keys = os.path.join(folder, "keys")
    with open(keys, "w") as f:
        f.write(f"joe {PASSPHRASE}\n")
    os.chmod(keys, 0o600)
    os.mkdir(os.path.join(folder, "storage"))
    conf = os.path.join(folder, "fizeaud.conf")
    with open(conf, "w") as f:
        f.write(f"listen owamp {host} {OURS}\nkeys {keys}\nike off\nuser -\ncontrol {folder}/ctl\n"
                f"storage {folder}/storage\npbkdf2-count 2048\nclass anyone any\nlimit anyone padding 9000\n")
    log = open(os.path.join(folder, "fizeaud.log"), "w")
    process = subprocess.Popen([os.path.join(build, "daemon", "fizeaud"), "-f", "-c", conf], stdout=log, stderr=log)
    wait_for_port(OURS, process, host)
    return process


def fizeau(build, folder, command, mode, *args):
    keyed = [] if mode == "open" else ["-k", "joe", "--keys", os.path.join(folder, "keys")]
    return subprocess.run([os.path.join(build, "cli", "fizeau"), command, "-m", mode, "--ike", "off", "-j", *keyed, *args],
                          capture_output=True, text=True, timeout=60)


def theirs(bin_dir, folder, program, mode, *args):
    keyed = [] if mode == "open" else ["-u", "joe", "-k", os.path.join(folder, "client.pfs")]
    return subprocess.run([os.path.join(bin_dir, program), "-A", MODES[mode], *keyed, *args], capture_output=True, text=True,
                          timeout=60)


def complete(session):
    packets = session["packets"]
    return packets["received"] == COUNT and packets["lost"] == 0 and session["schedule"]


def fizeau_to_owampd(build, folder, host, mode, schedule, directions, padding, dscp):
    """oneway, and fetch of the session that owampd keeps: whole, and a part of it."""
    target = f"{host}:{THEIRS}"
    run = fizeau(build, folder, "oneway", mode, "-c", str(COUNT), "-i", schedule, "-w", "300ms", "-s", str(padding),
                 "--dscp", str(dscp), *DIRECTIONS[directions][0], target)
    if run.returncode != 0:
        return run.stderr.strip()
    sessions = json.loads(run.stdout)["sessions"]
    if len(sessions) != (2 if directions == "both" else 1) or not all(map(complete, sessions)):
        return json.dumps([session["packets"] for session in sessions])
    if sessions[0]["direction"] != "to":
        return None
    measured = sessions[0]
    # owampd does not tell the sender's address, by which it would be seen.
    run = fizeau(build, folder, "fetch", mode, "--same-clock", target, measured["sid"])
    if run.returncode != 0:
        return f"fetch: {run.stderr.strip()}"
    stored, = json.loads(run.stdout)["sessions"]
    for name in ("sid", "remote", "dscp", "padding_octets", "schedule", "timeout_ns", "start_time", "delay_ns", "ipdv_ns"):
        if stored[name] != measured[name]:
            return f"fetch: {name} {stored[name]}, measured {measured[name]}"
    run = fizeau(build, folder, "fetch", mode, "--begin", "5", "--end", "9", target, measured["sid"])
    if run.returncode != 0 or json.loads(run.stdout)["sessions"][0]["packets"]["received"] != 5:
        return f"fetch of a part: {run.stdout}{run.stderr}"
    return None


def owping_to_fizeaud(bin_dir, folder, host, mode, schedule, directions, padding, dscp):
    """owping, and owfetch of the session that fizeaud keeps."""
    target = f"{host}:{OURS}"
    run = theirs(bin_dir, folder, "owping", mode, "-c", str(COUNT), "-i", SCHEDULES[schedule], "-L", "0.3", "-E", "0.2",
                 "-s", str(padding), "-D", str(dscp), *DIRECTIONS[directions][1], target)
    if run.stdout.count(f"{COUNT} sent, 0 lost") != (2 if directions == "both" else 1):
        return (run.stdout + run.stderr).strip()
    if directions == "from":
        return None
    sid = re.search(r"SID:\s+([0-9a-f]{32})", run.stdout).group(1)
    path = os.path.join(folder, "fetched.owp")
    run = theirs(bin_dir, folder, "owfetch", mode, target, sid, path)
    if f"{COUNT} sent, 0 lost" not in run.stdout:
        return f"owfetch: {(run.stdout + run.stderr).strip()}"
    return None


def main():
    bin_dir = os.path.abspath(sys.argv[1])
    build = sys.argv[2] if len(sys.argv) > 2 else "build"
    passed = failed = 0
    for host in ("127.0.0.1", "[::1]"):
        with tempfile.TemporaryDirectory() as folder:
            bare = host.strip("[]")
            servers = [start_fizeaud(build, folder, bare), start_owampd(bin_dir, folder, host)]
            try:
                for mode in MODES:
                    for schedule in SCHEDULES:
                        for directions in DIRECTIONS:
                            for padding, dscp in ((0, 0), (200, 46)) if host == "127.0.0.1" else ((27, 0),):
                                what = (host, mode, schedule, directions, padding, dscp)
                                for name, wrong in (
                                        ("fizeau -> owampd", fizeau_to_owampd(build, folder, *what)),
                                        ("owping -> fizeaud", owping_to_fizeaud(bin_dir, folder, *what))):
                                    if wrong is None:
                                        passed += 1
                                    else:
                                        failed += 1
                                        print(f"FAILED {name} {what}: {wrong}")
            finally:
                for server in servers:
                    server.terminate()
                    server.wait(10)
            if failed:
                for name in ("fizeaud.log", "owampd.log"):
                    print(open(os.path.join(folder, name)).read()[-2000:])
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
