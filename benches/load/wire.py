"""Requests as they go over the wire, prepared before anything is measured.

A request is its bytes. In those that record a new session, the last twelve digits of its id are
`NEW`, which wrk counts up in `wrk.lua`: however long it runs, each of them is new.
"""

import json

from population import Draw, SEED

NEW = "#" * 12
# So many are sent in turn.
PREPARED = 20_000


def request(method, path, learner=None, body=None):
    """The bytes of a request."""
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
    """Draws requests on a population."""

    def __init__(self, population, seed=SEED):
        self.population = population
        self.draw = Draw(seed)

    def post(self):
        """Records: half of them new sessions of a learner in one of his courses, half the replacement
        of one that is there."""
        if self.draw.random() < 0.5:
            learner, course = self.draw.choice(self.population.pairs)
            session = self.draw.id()[:-12] + NEW
        else:
            learner, course, session = self.draw.choice(self.population.sessions)
        body = {"sessionId": session, **self.draw.numbers()}
        return request("POST", f"/courses/{course}", learner, body)

    def totals(self):
        """A learner's totals in a course."""
        learner, course = self.draw.choice(self.population.pairs)
        return request("GET", f"/courses/{course}", learner)

    def session(self):
        """One session."""
        learner, course, session = self.draw.choice(self.population.sessions)
        return request("GET", f"/courses/{course}/sessions/{session}", learner)

    def mix(self):
        """A record to two totals to one session."""
        return self.draw.choices([self.post, self.totals, self.session], [1, 2, 1])[0]()


def write(path, requests):
    """Writes requests to a file for wrk: each behind its length."""
    with open(path, "wb") as file:
        for one in requests:
            file.write(b"%d\n%s\n" % (len(one), one))
    return path
