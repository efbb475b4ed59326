"""Counts the instructions of redis-server for a record: `make redis-cost`. Needs valgrind."""

import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

from process import Process, free_port
from resp import Connection
from script import LEAST, Call, text

# Calls of the two runs of each script: the difference leaves the start and the end of Redis out.
FEW, MANY = 100, 500
# Most instructions of a record to those of the least script.
BUDGETS = {1: 1.8, 16: 1.5}


class CountedRedis(Process):
    """Empty Redis under callgrind."""

    def __init__(self, directory, number):
        self.counts = os.path.join(directory, f"callgrind.{number}")
        port = free_port()
        super().__init__(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.counts}",
             os.environ.get("REDIS_SERVER", "redis-server"), "--bind", "127.0.0.1", "--port", str(port),
             "--dir", directory, "--save", ""],
            port, os.path.join(directory, "redis.log"))
        self.wait_until_it_listens()

    def instructions(self):
        """Ends the server, and returns the instructions of the whole run."""
        self.stop()
        with open(self.counts, encoding="ascii") as counts:
            return next(int(line.split()[1]) for line in counts if line.startswith("totals:"))


class Records:
    """Script calls with new records of random learners, 20 of each enrolment."""

    def __init__(self, captured, ids):
        self.captured, self.ids, self.made = captured, ids, 0
        keys = int(captured[2])
        self.keys, self.arguments = captured[3:3 + keys], captured[3 + keys:]

    def call(self, records):
        parts = [self.part() for _ in range(records)]
        keys = [key for keys, _ in parts for key in keys]
        arguments = [argument for _, arguments in parts for argument in arguments]
        return [*self.captured[:2], len(keys), *keys, *arguments]

    def part(self):
        learner, course, session = self.ids
        number, self.made = self.made, self.made + 1
        chosen = {learner: uuid.UUID(int=(1 << 120) + number // 20), course: course,
                  session: uuid.UUID(int=(2 << 120) + number)}
        replaced = []
        for argument in [*self.keys, *self.arguments]:
            for old, new in chosen.items():
                argument = argument.replace(text(old), text(new)).replace(old.bytes, new.bytes)
            replaced.append(argument)
        # The deadline, which is the first argument: never.
        replaced[len(self.keys)] = b"9" * 13
        return replaced[:len(self.keys)], replaced[len(self.keys):]


def until_ready(serving):
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{serving.port}/health/ready"):
                return
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the service is not ready")


def counted(directory, service, records, calls):
    """Returns the instructions of Redis for calls with a number of records each; 0 for the least script."""
    redis = CountedRedis(directory, f"{records}.{calls}")
    connection = Connection(redis.port)
    serving = Process(
        [service, "--host", "127.0.0.1", "--port", str(port := free_port()), "--redis-url",
         f"redis://127.0.0.1:{redis.port}", "--store-timeout", "60s", "--request-timeout", "300s",
         "--redis-connect-timeout", "60s", "--redis-lanes", "1", "--log", "error"],
        port, os.path.join(directory, "service.log"))
    with serving:
        serving.wait_until_it_listens()
        until_ready(serving)
        captured = Call.of_service(serving, redis)
    digest = connection.call("SCRIPT", "LOAD", LEAST)
    made = Records(captured.captured, captured.ids)
    for _ in range(calls):
        if records:
            connection.call(*made.call(records))
        else:
            connection.call(b"EVALSHA", digest, *made.call(1)[2:])
    return redis.instructions()


def main():
    service = sys.argv[1]
    with tempfile.TemporaryDirectory() as directory:
        each = {}
        for records in (0, 1, 16):
            few, many = (counted(directory, service, records, calls) for calls in (FEW, MANY))
            each[records] = (many - few) / (MANY - FEW) / max(records, 1)
    print(f"the least script: {each[0]:,.0f} instructions of redis-server")
    for records, budget in BUDGETS.items():
        ratio = each[records] / each[0]
        verdict = "within" if ratio <= budget else "over"
        print(f"{records} records in a call: {each[records]:,.0f} a record, {ratio:.2f} of the least: "
              f"{verdict} the budget of {budget}")


if __name__ == "__main__":
    main()
