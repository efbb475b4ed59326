"""Profiles the service under a load, for `scripts/profile`, which chooses the profiler."""

import collections
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack

import compare
import sides
import wrk
from resp import Redis

OUTPUT = os.path.join(sides.ROOT, "target/profile")
BINARY = os.path.join(OUTPUT, "profiling/study-stats")
CONNECTIONS, SECONDS = 64, 15
# A prime, so that samples do not fall in step with periodic work.
HERTZ = 997


def main(means, load):
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        redis = stack.enter_context(Redis(directory))
        tool = [] if means != "callgrind" else [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={OUTPUT}/callgrind.out"]
        service = stack.enter_context(sides.on_redis(directory, redis, command=[*tool, BINARY]))
        population = compare.prepare(service)
        requests = compare.prepare_requests(directory, population)[load]
        if means == "callgrind":
            wrk.run(service.port, requests, CONNECTIONS, SECONDS)
            service.stop()
            report("functions.txt", ["callgrind_annotate", f"{OUTPUT}/callgrind.out"])
            report("callers.txt", ["callgrind_annotate", "--inclusive=yes", "--tree=both", f"{OUTPUT}/callgrind.out"])
        else:
            sample(means, service, requests)
    print(f"profile: {load} load; reports are in {OUTPUT}")


def sample(event, service, requests):
    """Samples the stacks of the service during the load."""
    data = f"{OUTPUT}/perf.data"
    recorder = subprocess.Popen(["perf", "record", "-q", "-g", "-e", event, "-F", str(HERTZ), "-o", data,
                                 "-p", str(service.pid)])
    figures = wrk.run(service.port, requests, CONNECTIONS, SECONDS)
    recorder.send_signal(2)
    recorder.wait()
    print(f"profile: {figures['requests'] * 1e6 / figures['micros']:,.0f} requests/s meanwhile")
    perf = ["perf", "report", "-i", data, "--stdio", "--percent-limit", "0.5"]
    report("functions.txt", [*perf, "--no-children", "-g", "none"])
    report("callers.txt", [*perf, "--children", "-g", "caller,0.5,callee"])
    fold(data)


def report(name, command):
    with open(os.path.join(OUTPUT, name), "w", encoding="utf-8") as file:
        subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)


def fold(data):
    """Writes the stacks with their counts, a line each, in the format of flame graph tools."""
    shown = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym"], capture_output=True, text=True, check=True)
    counts, stack = collections.Counter(), []
    for line in shown.stdout.splitlines():
        if not line.strip():
            thread, *frames = stack
            counts[";".join([thread, *reversed(frames)])] += 1
            stack = []
        elif line[0].isspace():
            stack.append(line.split(None, 1)[1])
        else:
            stack.append(line.strip())
    with open(os.path.join(OUTPUT, "stacks.folded"), "w", encoding="utf-8") as file:
        file.writelines(f"{stack} {count}\n" for stack, count in counts.most_common())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
