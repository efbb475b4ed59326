"""Learners, courses and sessions: ids and numbers from a seeded generator, the same in every run."""

import json
import random
import time
import uuid
from http.client import HTTPConnection

SEED = 1
BATCH = 1_000


class Draw(random.Random):
    """Seeded generator of ids and numbers of records."""

    def id(self):
        return str(uuid.UUID(int=self.getrandbits(128)))

    def numbers(self):
        """Returns the measures of a session in the form that clients send: whole, or with a digit or two."""
        score = round(self.uniform(0, 100), self.choice([0, 1, 2]))
        return {
            "totalModulesStudied": self.randrange(20),
            "averageScore": int(score) if score == int(score) else score,
            "timeStudied": self.randrange(10_000_000),
        }


class Population:
    """Learners with sessions in some of the courses."""

    def __init__(self, learners, courses, courses_each, sessions_each, seed=SEED):
        draw = Draw(seed)
        self.courses = [draw.id() for _ in range(courses)]
        self.pairs = []
        for _ in range(learners):
            learner = draw.id()
            self.pairs += [(learner, course) for course in draw.sample(self.courses, courses_each)]
        self.sessions = [(*pair, draw.id()) for pair in self.pairs for _ in range(sessions_each)]

    def records(self, seed=SEED):
        """Yields a record of each session, in the form of a batch."""
        draw = Draw(seed)
        for learner, course, session in self.sessions:
            yield {"userId": learner, "courseId": course, "sessionId": session, **draw.numbers()}


def batches(records):
    """Yields the bodies of batches of the records."""
    batch = []
    for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch_body(batch)
            batch = []
    if batch:
        yield batch_body(batch)


def batch_body(records):
    return json.dumps({"sessions": records}, separators=(",", ":")).encode()


def fill(port, records):
    """Records all sessions through the service on `port`, and checks the outcomes; returns the duration in
    seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    seconds = 0
    for body in batches(records):
        start = time.monotonic()
        connection.request("POST", "/sessions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        seconds += time.monotonic() - start
        outcomes = json.loads(text).get("results", [])
        if answer.status != 200 or any(o["outcome"] != "stored" for o in outcomes):
            raise SystemExit(f"a batch was not recorded: {answer.status} {text[:500]!r}")
    connection.close()
    return seconds
