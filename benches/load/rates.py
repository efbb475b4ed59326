"""Measures the rate of recorded sessions: single, in batches, by import; and the flush rate of the disk."""

import os
import subprocess
import time
from contextlib import ExitStack
from statistics import median

import sides
import table
import wire
import wrk
from population import BATCH, Population, batch_body, batches, fill
from resp import Redis

CLIENTS = [1, 16]
IMPORTED = 100_000
# Number of prepared batches, sent in turn.
PREPARED = 40


def run(options):
    figures = {}
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(options.directory))
        services = {"redis": stack.enter_context(sides.on_redis(options.directory, redis)),
                    "embedded": stack.enter_context(sides.embedded(options.directory))}
        files = prepare(options.directory, services)
        for _ in range(options.rounds):
            for store, service in services.items():
                for clients in CLIENTS:
                    for way, sessions in (("single", 1), ("batch", BATCH)):
                        done = wrk.run(service.port, files[way], clients, options.seconds)
                        rate = done["requests"] * sessions * 1e6 / done["micros"]
                        figures.setdefault((store, clients, way), []).append(rate)
    show_batches(figures)
    figures["import"] = measure_imports(options)
    figures["durable"] = measure_durable(options)
    return figures


def prepare(directory, services):
    """Fills the stores; returns files of requests that replace the stored sessions, single and in batches:
    equal work for both, and no growth."""
    population = Population(2_000, 50, 2, 10)
    for service in services.values():
        fill(service.port, population.records())
    records = list(population.records("again"))
    singles = (wire.request("POST", f"/courses/{one['courseId']}", one["userId"], one) for one in records)
    bodies = (batch_body(records[n * BATCH:(n + 1) * BATCH]) for n in range(PREPARED))
    return {"single": wire.write(f"{directory}/single", singles),
            "batch": wire.write(f"{directory}/batch", (wire.request("POST", "/sessions", body=body) for body in bodies))}


def show_batches(figures):
    rows = []
    for store, clients in dict.fromkeys((store, clients) for store, clients, _ in figures):
        single, batch = (figures[store, clients, way] for way in ("single", "batch"))
        rows.append([store, str(clients), median(single), median(batch), table.spread(*table.ratios(batch, single))])
    table.show(f"Sessions a second, one by one and in batches of {BATCH:,}",
               ["store", "clients", "single POSTs", "batches", "ratio"], rows)


def measure_imports(options):
    """Measures the sessions a second of the command import, on each store."""
    population = Population(IMPORTED // 80, 500, 4, 20)
    lines = f"{options.directory}/lines"
    with open(lines, "wb") as file:
        for body in batches(population.records()):
            # A batch is a list of records; a line of an import is a record.
            records = body[len(b'{"sessions":['):-len(b"]}")]
            file.write(records.replace(b"},{", b"}\n{") + b"\n")
    figures = {}
    with Redis(options.directory) as redis:
        stores = {"redis": ["--store", "redis", "--redis-url", redis.url],
                  "embedded": ["--store", "embedded", "--data-dir", f"{options.directory}/imported"]}
        for store, chosen in stores.items():
            start = time.monotonic()
            subprocess.run([sides.OURS, "import", lines, *chosen], check=True, capture_output=True)
            figures[store] = IMPORTED / (time.monotonic() - start)
    table.show(f"Import of {IMPORTED:,} sessions", ["store", "sessions/s"], list(map(list, figures.items())))
    return figures


def measure_durable(options):
    """Measures POSTs a second to the embedded store, at 1 and 64 clients, and flushes a second of its disk."""
    figures = {"flushes": [], 1: [], 64: []}
    with sides.embedded(options.directory) as service:
        draw = wire.Requests(Population(2_000, 50, 2, 5))
        posts = wire.write(f"{options.directory}/posts", (draw.post() for _ in range(wire.PREPARED)))
        for number in range(options.rounds):
            # Each load is first in some rounds: after heavy writes, a disk is slower for a while.
            first = number % len(figures)
            for what in (list(figures) * 2)[first:first + len(figures)]:
                if what == "flushes":
                    figures[what].append(flushes(options.directory, options.seconds))
                else:
                    # New records are new to all rounds.
                    done = wrk.run(service.port, posts, what, options.seconds, (2 * number + (what > 1)) * 10**6)
                    figures[what].append((done["requests"] * 1e6 / done["micros"], done["p50"]))
    names = {"flushes": "write and flush of 4 KiB", 1: "POST, 1 client", 64: "POST, 64 clients"}
    rows = []
    for key, name in names.items():
        ratio = table.ratios(*([rate for rate, _ in figures[side]] for side in (key, "flushes")))
        rows.append([name, *map(median, zip(*figures[key])), table.spread(*ratio)])
    table.show("Durable POSTs to the embedded store, and flushes of the same disk",
               ["what", "a second", "p50 µs", "to flushes a second"], rows)
    return figures


def flushes(directory, seconds):
    """Measures durable writes of 4 KiB: the number a second, and the median duration in microseconds."""
    path, block, times = f"{directory}/flushed", b"x" * 4096, []
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    # The file is allocated first, as in the store, so that a flush writes only data.
    os.pwrite(file, block * 256, 0)
    os.fsync(file)
    start = last = time.monotonic()
    while last - start < seconds:
        os.pwrite(file, block, len(times) % 256 * 4096)
        os.fdatasync(file)
        times.append(time.monotonic() - last)
        last += times[-1]
    os.close(file)
    return len(times) / (last - start), median(times) * 1e6
