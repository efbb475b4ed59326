"""Runs wrk, and measures the CPU of the servers during the load."""

import json
import os
import subprocess
import time

from machine import busy
from process import cpu_of_children

SCRIPT = os.path.join(os.path.dirname(__file__), "wrk.lua")


def run(port, requests, connections, seconds, first_new=0):
    """Sends the requests of a file over `connections` connections for `seconds`; returns wrk's figures.

    An error response or a timeout ends the whole run: errors are faster than responses, and would
    falsify the figures.
    """
    # One thread: it sends faster than any measured server answers, and leaves a core to the server.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "-s", SCRIPT,
               f"http://127.0.0.1:{port}", "--", requests, str(first_new)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"wrk failed: {done.stdout}{done.stderr}")
    figures = json.loads(done.stdout.splitlines()[-1])
    if any(figures["errors"].values()) or not figures["requests"]:
        raise SystemExit(f"wrk met errors on port {port}: {figures}")
    return figures


def measure(server, redis, requests, connections, seconds, first_new=0):
    """Measures the cost of a load and its latencies: rates in requests a second, times in microseconds,
    memory in bytes. `redis` is None for the embedded store."""
    parties = {"server": server, "redis": redis} if redis else {"server": server}
    server.reset_peak()
    before = {name: party.cpu() for name, party in parties.items()}
    client, machine, start = cpu_of_children(), busy(), time.monotonic()
    figures = run(server.port, requests, connections, seconds, first_new)
    client, machine = cpu_of_children() - client, busy() - machine
    spent = {name: party.cpu() - before[name] for name, party in parties.items()}
    count = figures["requests"]
    return {
        "requests": count,
        "rate": count * 1e6 / figures["micros"],
        **{name: figures[name] for name in ("p50", "p90", "p99", "p999", "max")},
        "wrk_cpu": client * 1e6 / count,
        **{f"{name}_cpu": seconds * 1e6 / count for name, seconds in spent.items()},
        "peak": server.peak(),
        # Share of the machine's CPU used by other processes.
        "others": (machine - client - sum(spent.values())) / (time.monotonic() - start) / os.cpu_count(),
    }
