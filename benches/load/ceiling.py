"""Compares the service's rate with redis-benchmark's, and measures the cost of its script in Redis."""

from contextlib import ExitStack
from statistics import mean, median

import compare
import sides
import table
import wire
import wrk
from resp import Redis
from script import Call, LEARNERS

TRIAL = 2_000
# Ways to keep 64 calls in flight, as connections and pipelined calls per connection: like many clients,
# and like a service, which pipelines ready calls over a few connections.
AS_SENT = "4 connections, 16 at once"
WAYS = {"64 connections": (64, 1), AS_SENT: (4, 16)}


def run(options):
    """Measures the service and redis-benchmark in turn, and then the service's script and the least
    script."""
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(options.directory))
        service = stack.enter_context(sides.on_redis(options.directory, redis))
        population = compare.prepare(service)
        call = Call.of_service(service, redis)
        least = Call.least(redis, call)
        for script in (call, least):
            # After the calls, nearly all learners have totals and a session to replace.
            script.repeat(redis, False, 4 * LEARNERS, 64)
        redis.keep_state()
        draw = wire.Requests(population)
        posts = wire.write(f"{options.directory}/post", (draw.post() for _ in range(wire.PREPARED)))
        return {"rates": rates(options, redis, service, call, posts), "costs": costs(options, redis, call, least)}


def rates(options, redis, service, call, posts):
    """Measures requests a second through the service, and calls a second of redis-benchmark."""
    figures = {}
    for _ in range(options.rounds):
        for connections in compare.CONNECTIONS:
            redis.restore_state()
            through = wrk.measure(service, redis, posts, connections, options.seconds)
            straight = half_new(redis, call, options.seconds, connections)
            figures.setdefault(connections, []).append((through["rate"], straight["rate"]))
    rows = [[str(connections), median(a for a, _ in rounds), median(b for _, b in rounds),
             table.spread(*table.ratios(*zip(*rounds)))] for connections, rounds in figures.items()]
    table.show("POST through the service, and its script by redis-benchmark without pipelining",
               ["connections", "POST/s", "redis-benchmark/s", "ratio"], rows)
    return figures


def half_new(redis, call, seconds, connections, pipeline=1):
    """Runs redis-benchmark with half of the calls for new sessions, as in the load; returns its figures."""
    halves = []
    for new in (True, False):
        redis.restore_state()
        trial = call.repeat(redis, new, TRIAL, connections, pipeline)
        count = max(TRIAL, int(trial["rate"] * seconds / 2))
        halves.append(call.repeat(redis, new, count, connections, pipeline))
    return {"rate": 2 / sum(1 / half["rate"] for half in halves),
            "cpu": mean(half["cpu"] for half in halves),
            "script": mean(half["script"] for half in halves)}


def costs(options, redis, call, least):
    """Measures the CPU of Redis for the service's script and for the least script."""
    figures = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way, (connections, pipeline) in WAYS.items():
            figures[way].append([half_new(redis, script, options.seconds, connections, pipeline)
                                 for script in (call, least)])
    rows = []
    for way, rounds in figures.items():
        for name, figure in (("Redis in all", "cpu"), ("within the script", "script")):
            pairs = [(full[figure], small[figure]) for full, small in rounds]
            rows.append([way, name, median(a for a, _ in pairs), median(b for _, b in pairs),
                         table.spread(*table.ratios(*zip(*pairs)))])
    table.show("Redis CPU of a record, in µs, against the least script",
               ["redis-benchmark", "what", "record", "least", "ratio"], rows)
    return figures
