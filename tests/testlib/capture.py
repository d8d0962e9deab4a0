# SPDX-License-Identifier: MIT
"""What passes a namespace's loopback, captured by tshark and read by it."""
import os
import signal
import subprocess
import time


class Capture:
    """A capture of a namespace's loopback."""

    def __init__(self, netns, path):
        self.path, self.netns = path, netns
        self.process = subprocess.Popen(["ip", "netns", "exec", netns, "tshark", "-q", "-i", "lo", "-w", path],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.mark("the capture begins")

    def mark(self, word):
        """Sends a datagram until it is in the file: what follows is captured, and what came before is written."""
        for _ in range(200):
            subprocess.run(["ip", "netns", "exec", self.netns, "bash", "-c", f"printf '{word}' >/dev/udp/127.0.0.1/9"],
                           check=True)
            time.sleep(0.1)
            if os.path.exists(self.path):
                with open(self.path, "rb") as file:
                    if word.encode() in file.read():
                        return
        raise AssertionError("tshark captures nothing")

    def stop(self):
        self.mark("the capture ends")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def fields(self, display_filter, *fields):
        """One list of values for each packet that matches."""
        command = ["tshark", "-r", self.path, "-Y", display_filter, "-T", "fields", "-E", "separator=;"]
        for field in fields:
            command += ["-e", field]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split(";") for line in text.splitlines()]
