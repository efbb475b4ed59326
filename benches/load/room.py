"""Measures the bytes a session, indexes and aggregates included, by the sessions in a course."""

import os
from contextlib import ExitStack

import sides
import table
from population import Population, fill
from resp import Redis

EACH = [1, 20, 200]
SESSIONS = 100_000
KINDS = {"s": "session", "a": "totals", "i": "timeline", "u": "courses", "y": "summary", "r": "roster"}


def run(options):
    """Fills both stores, and divides their sizes by the sessions."""
    figures = {}
    for each in EACH:
        with ExitStack() as stack:
            directory = os.path.join(options.directory, str(each))
            os.mkdir(directory)
            # Four of 20 courses for each learner.
            population = Population(SESSIONS // each // 4, 20, 4, each)
            count = len(population.sessions)
            redis = stack.enter_context(Redis(directory))
            service = stack.enter_context(sides.on_redis(directory, redis))
            before = used(redis)
            fill(service.port, population.records())
            total, kinds = used(redis) - before, by_kind(redis)
            figures[each] = {"all": total, **kinds, "table": total - sum(kinds.values())}
            figures[each] = {name: octets / count for name, octets in figures[each].items()}
            service = stack.enter_context(sides.embedded(directory))
            fill(service.port, population.records())
            service.stop()
            figures[each]["embedded"] = os.path.getsize(os.path.join(directory, "data", "study-stats.redb")) / count
    rows = [[str(each), figures[each]["all"], *(figures[each][kind] for kind in KINDS.values()),
             figures[each]["table"], figures[each]["embedded"]] for each in EACH]
    table.show(f"Bytes a session, {SESSIONS:,} sessions of learners with four courses each",
               ["sessions a course", "Redis in all", *KINDS.values(), "the rest", "embedded file"], rows)
    return figures


def used(redis):
    """Returns the memory of the data, without client buffers and cached scripts."""
    info = redis.info("memory")
    rest = ("mem_clients_normal", "used_memory_scripts")
    return int(info["used_memory"]) - sum(int(info.get(field, 0)) for field in rest)


def by_kind(redis):
    """Returns the bytes of each kind of key, from MEMORY USAGE."""
    sums, cursor = dict.fromkeys(KINDS.values(), 0), None
    while cursor != b"0":
        cursor, keys = redis.call("SCAN", cursor or 0, "MATCH", "*:{*", "COUNT", 1_000)
        sizes = redis.connection.pipeline([("MEMORY", "USAGE", key, "SAMPLES", 0) for key in keys])
        for key, size in zip(keys, sizes):
            sums[KINDS[key.decode().split(":")[2]]] += size
    return sums
