"""Full load for a long time: shows whether memory and latency stay constant."""

from contextlib import ExitStack

import compare
import sides
import table
import wrk
from resp import Redis

CONNECTIONS = 64
# Number of rows of the table.
ROWS = 10


def run(options):
    """Runs the mixed load in slices of time. Each slice continues the numbers of the slice before: half of
    the records are new sessions, so only Redis's data should grow."""
    figures = []
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(options.directory))
        service = stack.enter_context(sides.on_redis(options.directory, redis))
        population = compare.prepare(service)
        mix = compare.prepare_requests(options.directory, population)["mix"]
        recorded = 0
        for number in range(ROWS):
            seconds = max(1, options.soak // ROWS)
            measured = wrk.measure(service, redis, mix, CONNECTIONS, seconds, recorded)
            recorded += measured["requests"]
            figures.append({**measured, "until": (number + 1) * seconds, "resident": service.resident(),
                            "data": int(redis.info("memory")["used_memory"])})
    table.show(
        f"The mixed load of {CONNECTIONS} connections for {figures[-1]['until']} s",
        ["until s", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "most ms", "service CPU µs", "memory MiB", "Redis MiB"],
        [[str(one["until"]), one["rate"], *(table.millis(one[p]) for p in ("p50", "p99", "p999", "max")),
          one["server_cpu"], table.mib(one["resident"]), table.mib(one["data"])] for one in figures])
    return figures
