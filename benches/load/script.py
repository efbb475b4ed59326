"""The script call of a record, in the form that redis-benchmark can repeat."""

import base64
import csv
import json
import re
import subprocess
import uuid

from agree import ask
from resp import Connection

# Placeholder that redis-benchmark replaces by a number, and the length of the number.
RANDOM, DIGITS = "__rand_int__", 12
# Number of enrolments, as in the population of the load comparison.
LEARNERS = 4_000

# Least script that could work: the session, and three sums of numbers that may have fractions, with the keys and
# arguments of the service's call.
LEAST = """redis.call('HSET', KEYS[1], 'm', ARGV[2], 's', ARGV[3], 't', ARGV[4])
redis.call('HINCRBYFLOAT', KEYS[2], 'm', ARGV[2])
redis.call('HINCRBYFLOAT', KEYS[2], 's', ARGV[3])
redis.call('HINCRBYFLOAT', KEYS[2], 't', ARGV[4])
return 'recorded'
"""


class Call:
    """Script call for random learners: for `new` sessions, or for stored sessions."""

    def __init__(self, captured, ids):
        self.captured, self.ids = captured, ids

    @classmethod
    def of_service(cls, service, redis):
        """Captures the service's call for a record, as shown by Redis's MONITOR."""
        learner, course, session = (uuid.UUID(int=number) for number in (11 << 100, 12 << 100, 13 << 100))
        body = json.dumps({"sessionId": str(session), "totalModulesStudied": 7, "averageScore": 82.5,
                           "timeStudied": 123_456})
        record = lambda: ask(service, "POST", f"/courses/{course}", str(learner), body)
        record()  # So that the script is known.
        monitor = Connection(redis.port)
        monitor.call("MONITOR")
        record()
        while True:
            command = parse_monitored(monitor.read().decode())
            if command and command[0].upper() in (b"EVALSHA", b"FCALL"):
                return cls(command, [learner, course, session])

    @classmethod
    def least(cls, redis, full):
        """Returns the least script on a session and its totals."""
        digest = redis.call("SCRIPT", "LOAD", LEAST)
        # With a key of its own for the totals, which are a hash here.
        keys = [key + b":least" for key in full.captured[3:10]]
        return cls([b"EVALSHA", digest, b"7", *keys, *full.captured[10:]], full.ids)

    def arguments(self, new):
        """Returns the arguments for redis-benchmark."""
        learner, course, session = self.ids
        fixed = lambda digit, length: digit * length
        chosen = {
            text(learner): RANDOM + fixed("L", 22 - DIGITS),
            text(course): fixed("C", 22),
            text(session): RANDOM + fixed("S", 22 - DIGITS) if new else fixed("S", 22),
            learner.bytes: RANDOM + fixed("l", 16 - DIGITS),
            course.bytes: fixed("c", 16),
            session.bytes: RANDOM + fixed("s", 16 - DIGITS) if new else fixed("s", 16),
        }
        result = []
        for argument in self.captured:
            for old, replacement in chosen.items():
                argument = argument.replace(old, replacement.encode())
            # The deadline of the call: never.
            result.append(b"9" * 13 if re.fullmatch(rb"1\d{12}", argument) else argument)
        return result

    def repeat(self, redis, new, count, connections, pipeline=1):
        """Runs redis-benchmark with `count` calls; returns calls a second, and the CPU of Redis per call in
        microseconds: in all, and within the script."""
        redis.call("CONFIG", "RESETSTAT")
        before = redis.cpu()
        done = subprocess.run(
            [redis.benchmark, "-p", str(redis.port), "-c", str(connections), "-P", str(pipeline),
             "-n", str(count), "-r", str(LEARNERS), "--csv", *self.arguments(new)],
            capture_output=True, text=True, check=True)
        spent = redis.cpu() - before
        calls = dict(one.split("=") for one in redis.info("commandstats")["cmdstat_evalsha"].split(","))
        if int(calls["failed_calls"]) or int(calls["calls"]) < count:
            raise SystemExit(f"redis-benchmark: calls failed: {calls} {done.stdout}{done.stderr}")
        row = list(csv.reader(done.stdout.splitlines()))[-1]
        return {"rate": float(row[-7]), "cpu": spent * 1e6 / int(calls["calls"]),
                "script": float(calls["usec_per_call"])}


def text(identifier):
    """Encodes an id as in keys."""
    return base64.urlsafe_b64encode(identifier.bytes).rstrip(b"=")


def parse_monitored(line):
    """Parses the arguments of a command from a line of MONITOR; None for a command sent by a script."""
    head, _, rest = line.partition("] ")
    if head.endswith(" lua"):
        return None
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', rest)
    return [one.encode("latin-1").decode("unicode_escape").encode("latin-1") for one in quoted]
