#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our programs against perfSONAR's twping and twampd, both ways, on loopback.

    tests/interop/perfsonar.py BIN_DIR [BUILD_DIR]

BIN_DIR holds twping and twampd of perfSONAR's owamp 5.x; BUILD_DIR is a build of ours (build). Not part of ./check:
Debian has no package of theirs.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

MODES = {"open": "O", "authenticated": "A", "encrypted": "E", "mixed": "M"}
PADDINGS = (0, 27, 200, 1400)
PASSPHRASE = "secret-passphrase"
COUNT = 20


def unprivileged():
    """twampd will not run as root without more options; nobody will do."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def wait_for_port(port, process, host="127.0.0.1"):
    import socket
    for _ in range(100):
        if process.poll() is not None:
            raise SystemExit(f"server ended with {process.returncode} before it listened")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def start_twampd(bin_dir, folder):
    conf, var = os.path.join(folder, "conf"), os.path.join(folder, "var")
    os.mkdir(conf)
    os.mkdir(var)
    open(os.path.join(conf, "twamp-server.conf"), "w").close()
    with open(os.path.join(conf, "twamp-server.limits"), "w") as f:
        f.write("limit root with bandwidth=0, disk=0, delete_on_fetch=on, allow_open_mode=on\nassign default root\n")
    pfs = os.path.join(conf, "twamp-server.pfs")
    with open(os.path.join(folder, "client.pfs"), "w") as f, open(pfs, "w") as g:
        for out in (f, g):
            out.write(f"joe {PASSPHRASE.encode().hex()}\n")
    os.chmod(pfs, 0o600)
    os.chmod(folder, 0o755)
    if os.getuid() == 0:
        for path in (conf, var, pfs):
            os.chown(path, 65534, 65534)
    log = open(os.path.join(folder, "twampd.log"), "w")
    process = subprocess.Popen([os.path.join(bin_dir, "twampd"), "-c", conf, "-R", var, "-d", var,
                                "-S", "127.0.0.1:18621", "-P", "18760-18960", "-Z"],
                               stdout=log, stderr=log, preexec_fn=unprivileged)
    wait_for_port(18621, process)
    return process


def start_fizeaud(build, folder):
    keys = os.path.join(folder, "keys")
    with open(keys, "w") as f:
        f.write(f"joe {PASSPHRASE}\n")
    os.chmod(keys, 0o600)
    conf = os.path.join(folder, "fizeaud.conf")
    with open(conf, "w") as f:
        f.write(f"listen twamp 127.0.0.1 18622\nkeys {keys}\nike off\nuser -\ncontrol {folder}/ctl\n"
                "pbkdf2-count 2048\nclass anyone any\nlimit anyone padding 9000\n")
    log = open(os.path.join(folder, "fizeaud.log"), "w")
    process = subprocess.Popen([os.path.join(build, "daemon", "fizeaud"), "-f", "-c", conf], stdout=log, stderr=log)
    wait_for_port(18622, process)
    return process


def ours_to_theirs(build, folder, mode, padding, dscp):
    command = [os.path.join(build, "cli", "fizeau"), "twoway", "-c", str(COUNT), "-i", "2ms", "-s", str(padding), "-m", mode,
               "--ike", "off", "--dscp", str(dscp), "-w", "500ms", "-j", "127.0.0.1:18621"]
    if mode != "open":
        command[2:2] = ["-k", "joe", "--keys", os.path.join(folder, "keys")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if run.returncode != 0:
        return run.stderr.strip()
    packets = json.loads(run.stdout)["sessions"][0]["packets"]
    return None if packets["received"] == COUNT and packets["lost"] == 0 else json.dumps(packets)


def theirs_to_ours(bin_dir, folder, mode, padding, dscp):
    command = [os.path.join(bin_dir, "twping"), "-A", MODES[mode], "-c", str(COUNT), "-i", "0.01f", "-s", str(padding),
               "-D", str(dscp), "-L", "0.5"]
    if mode != "open":
        command += ["-u", "joe", "-k", os.path.join(folder, "client.pfs")]
    run = subprocess.run(command + ["127.0.0.1:18622"], capture_output=True, text=True, timeout=60)
    if f"{COUNT} sent, 0 lost" in run.stdout:
        return None
    return (run.stdout + run.stderr).strip()


def main():
    bin_dir = sys.argv[1]
    build = sys.argv[2] if len(sys.argv) > 2 else "build"
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        servers = [start_fizeaud(build, folder), start_twampd(bin_dir, folder)]
        try:
            for mode in MODES:
                for padding in PADDINGS:
                    for dscp in (0, 46):
                        for name, wrong in (
                                ("fizeau -> twampd", ours_to_theirs(build, folder, mode, padding, dscp)),
                                ("twping -> fizeaud", theirs_to_ours(bin_dir, folder, mode, padding, dscp))):
                            if wrong is None:
                                passed += 1
                            else:
                                failed += 1
                                print(f"FAILED {name} {mode} padding {padding} dscp {dscp}: {wrong}")
        finally:
            for server in servers:
                server.terminate()
                server.wait(10)
        if failed:
            print(open(os.path.join(folder, "fizeaud.log")).read()[-2000:])
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
