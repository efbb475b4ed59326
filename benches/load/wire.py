"""HTTP requests as bytes, prepared before the measurement.

In a request that records a new session, the last twelve digits of the session id are `NEW`. `wrk.lua`
replaces `NEW` by a counter, so every recorded session is new for any duration of the run.
"""

import json

from population import Draw, SEED

NEW = "#" * 12
# Number of prepared requests, sent in turn.
PREPARED = 20_000


def request(method, path, learner=None, body=None):
    """Returns the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if learner:
        lines.append(f"X-User-Id: {learner}")
    if body is None:
        return "\r\n".join([*lines, "", ""]).encode()
    if not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Requests:
    """Draws random requests for a population."""

    def __init__(self, population, seed=SEED):
        self.population = population
        self.draw = Draw(seed)

    def post(self):
        """Returns a record: half of the records are new sessions of an enrolment, half replace a stored
        session."""
        if self.draw.random() < 0.5:
            learner, course = self.draw.choice(self.population.pairs)
            session = self.draw.id()[:-12] + NEW
        else:
            learner, course, session = self.draw.choice(self.population.sessions)
        body = {"sessionId": session, **self.draw.numbers()}
        return request("POST", f"/courses/{course}", learner, body)

    def totals(self):
        """Returns a read of the totals of an enrolment."""
        learner, course = self.draw.choice(self.population.pairs)
        return request("GET", f"/courses/{course}", learner)

    def session(self):
        """Returns a read of a session."""
        learner, course, session = self.draw.choice(self.population.sessions)
        return request("GET", f"/courses/{course}/sessions/{session}", learner)

    def mix(self):
        """Returns a record, a read of totals or a read of a session, in the ratio 1 : 2 : 1."""
        return self.draw.choices([self.post, self.totals, self.session], [1, 2, 1])[0]()


def write(path, requests):
    """Writes requests to a file for wrk, each after its length."""
    with open(path, "wb") as file:
        for one in requests:
            file.write(b"%d\n%s\n" % (len(one), one))
    return path
