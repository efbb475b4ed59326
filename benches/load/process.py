"""Processes started by the runner, with their CPU time and memory from the kernel."""

import os
import random
import signal
import socket
import subprocess
import time


def free_port():
    """Returns a free port below the range of client connections."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Process:
    """Server on a port of this machine; stopped at the end of the context."""

    def __init__(self, command, port, log):
        self.port = port
        self.log = log
        self.started = time.monotonic()
        with open(log, "ab") as output:
            self.child = subprocess.Popen(command, stdout=output, stderr=output)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def wait_until_it_listens(self):
        for _ in range(3_000):
            if self.child.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise SystemExit(f"it did not start: {self.child.args}\n{log.read()}")

    def cpu(self):
        """Returns user and system time of all threads so far, in seconds."""
        return cpu_of(self.pid)

    def resident(self):
        """Returns the resident memory, in bytes."""
        return self._status("VmRSS")

    def peak(self):
        """Returns the peak of the resident memory since `reset_peak`, in bytes."""
        return self._status("VmHWM")

    def reset_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def _status(self, field):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise SystemExit(f"/proc has no {field}")


def cpu_of(pid):
    # The kernel's CPU clock of a process, ended threads included: in nanoseconds, while /proc/PID/stat counts
    # ticks of 10 ms. See clock_getcpuclockid(3).
    return time.clock_gettime(~pid << 3 | 2)


def cpu_of_children():
    """Returns user and system time of all ended children, in seconds."""
    times = os.times()
    return times.children_user + times.children_system
