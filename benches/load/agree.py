"""Checks that all services do the same work: otherwise no comparison is valid."""

from http.client import HTTPConnection

from sides import NAME
from population import Draw


def check(sides, population, redis):
    """Checks that every service answers the same requests with the same bytes, and reads the records of every
    other service."""
    learner, course, session = population.sessions[0]
    paths = [f"/courses/{course}", f"/courses/{course}/sessions/{session}"]
    for name, side in sides.items():
        for path in paths:
            same(sides, name, path, learner)
        draw = Draw(name)
        for body in bodies(draw, session):
            status, text = ask(side, "POST", paths[0], learner, body)
            if (status, text) != (201, b'{"message":"OK"}'):
                raise SystemExit(f"{name} answers a record with {status} {text!r}")
            # Every service reads the write, so keys and digits are the same.
            for path in paths:
                same(sides, name, path, learner)
    for path, learner, body, expected in refusals(population):
        for name, side in sides.items():
            status, _ = ask(side, "POST" if body else "GET", path, learner, body)
            if status != expected:
                raise SystemExit(f"{name} answers {path} {body!r} with {status} and not {expected}")
    redis.restore_state()


def bodies(draw, known):
    """Yields records of a stored session and of new sessions, with numbers of every kind."""
    numbers = [0, 7, 12.5, 0.1, 0.8401365565378639, 1e-7, 999_999_999_999.5, draw.uniform(0, 1e12)]
    for number in numbers:
        for session in (known, draw.id()):
            score = -number if draw.random() < 0.5 else number
            yield ('{"sessionId":"%s","totalModulesStudied":%r,"averageScore":%r,"timeStudied":%r}'
                   % (session, number, score, number))


def refusals(population):
    """Returns invalid requests, with the expected status."""
    learner, course, session = population.sessions[0]
    other = Draw("nobody").id()
    good = f'{{"sessionId":"{session}","totalModulesStudied":1,"averageScore":1,"timeStudied":1}}'
    path = f"/courses/{course}"
    return [
        (path, other, None, 404),
        (f"{path}/sessions/{other}", learner, None, 404),
        ("/courses/x", learner, None, 400),
        (path, "x", None, 400),
        (path, None, None, 400),
        (path, None, good, 400),
        ("/courses/x", learner, good, 400),
        (path, learner, "{", 400),
        (path, learner, good.replace(session, "x"), 400),
        (path, learner, good.replace('ed":1', 'ed":-1'), 400),
        (path, learner, good.replace('re":1', 're":1e13'), 400),
        (path, learner, good.replace('"timeStudied":1', '"timeStudied":null'), 400),
        (path, learner, good[:-1] + ',"occurredAt":"yesterday"}', 400),
    ]


def same(sides, written_by, path, learner):
    answers = {name: ask(side, "GET", path, learner) for name, side in sides.items()}
    ours = answers[NAME]
    if ours[0] != 200 or any(answer != ours for answer in answers.values()):
        raise SystemExit(f"after a write of {written_by}, {path} is answered differently: {answers}")


def ask(side, method, path, learner, body=None):
    connection = HTTPConnection("127.0.0.1", side.port, timeout=10)
    headers = {"X-User-Id": learner} if learner else {}
    if body:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text
