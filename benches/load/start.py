"""Measures the start time, the memory and the binary size of the service."""

import os
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from statistics import median

import compare
import sides
import table
import wrk
from population import Population, fill
from process import Process, free_port
from resp import Redis

# Wait until background work of a start is done, in seconds.
SETTLED = 2


def run(options):
    figures = {"ready": {}, "memory": {}, "binary": os.path.getsize(sides.OURS)}
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(options.directory))
        data = f"{options.directory}/data"
        ways = {
            "redis": ["--store", "redis", "--redis-url", redis.url],
            "embedded, new": None,
            "embedded, 100,000 sessions": ["--store", "embedded", "--data-dir", data],
        }
        with sides.embedded(options.directory) as service:
            fill(service.port, Population(1_250, 20, 4, 20).records())
        for number in range(max(options.rounds, 3)):
            for way, chosen in ways.items():
                chosen = chosen or ["--store", "embedded", "--data-dir", f"{options.directory}/new{number}"]
                figures["ready"].setdefault(way, []).append(start(options.directory, chosen))
        figures["memory"] = measure_memory(options, stack, redis)
    table.show("Start to ready, in ms", ["store", "median", "least", "most"],
               [[way, median(each), min(each), max(each)] for way, each in figures["ready"].items()])
    table.show("Memory of the process, in MiB", ["store", "idle", "after a load of 64 clients"],
               [[store, *map(table.mib, each)] for store, each in figures["memory"].items()])
    table.show("Release binary", ["MiB"], [[table.mib(figures["binary"])]])
    return figures


def start(directory, chosen):
    """Returns the time from the start of the process until /health/ready is 200, in milliseconds."""
    port = free_port()
    command = [sides.OURS, "--host", "127.0.0.1", "--port", str(port), "--drain-delay", "0s", *chosen]
    with Process(command, port, f"{directory}/start.log") as service:
        while not is_ready(port):
            if service.child.poll() is not None or time.monotonic() - service.started > 10:
                raise SystemExit(f"it did not become ready: {chosen}")
            time.sleep(0.001)
        return (time.monotonic() - service.started) * 1000


def is_ready(port):
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def measure_memory(options, stack, redis):
    """Measures the memory of an idle service, before and after a load."""
    figures = {}
    for store in ("redis", "embedded"):
        directory = f"{options.directory}/{store}"
        os.mkdir(directory)
        service = sides.on_redis(directory, redis) if store == "redis" else sides.embedded(directory)
        stack.enter_context(service)
        time.sleep(SETTLED)
        idle = service.resident()
        population = Population(2_000, 50, 2, 5)
        fill(service.port, population.records())
        files = compare.prepare_requests(directory, population)
        wrk.run(service.port, files["mix"], 64, 2 * options.seconds)
        time.sleep(SETTLED)
        figures[store] = (idle, service.resident())
    return figures
