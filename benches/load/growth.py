"""Measures the growth of a read's cost: with the sessions of the course, and with the depth of the page."""

import json
from contextlib import ExitStack
from http.client import HTTPConnection

import sides
import table
import wire
import wrk
from population import Draw, fill
from resp import Redis

SESSIONS = [10, 1_000, 100_000]
LEARNERS = [1, 100, 10_000]
PAGES = ["first", "middle", "deepest"]
# Sessions on a measured page, and on the pages of the walk to a page.
PAGE, STRIDE = 50, 500


def run(options):
    """Measures each read on both stores, in turn with the reads of the same comparison."""
    figures = {}
    for store in ("redis", "embedded"):
        with ExitStack() as stack:
            redis = stack.enter_context(Redis(options.directory)) if store == "redis" else None
            service = sides.on_redis(options.directory, redis) if redis else sides.embedded(options.directory)
            stack.enter_context(service)
            reads = prepare(service.port)
            for _ in range(options.rounds):
                for name, one in reads.items():
                    path = wire.write(f"{options.directory}/one", [one])
                    measured = wrk.measure(service, redis, path, 1, options.seconds)
                    figures.setdefault((store, name), []).append(measured)
    show(figures)
    return figures


def prepare(port):
    """Records the sessions to read; returns the requests by name."""
    draw = Draw("growth")
    reads = {}
    for sessions in SESSIONS:
        learner, course = draw.id(), draw.id()
        fill(port, (record(draw, learner, course) for _ in range(sessions)))
        reads[f"totals, {sessions:,} sessions in the course"] = wire.request("GET", f"/courses/{course}", learner)
    for name, query in pages(port, learner, course).items():
        reads[f"page of {PAGE} of {sessions:,} sessions, {name}"] = wire.request(
            "GET", f"/courses/{course}/sessions?limit={PAGE}{query}", learner)
    for learners in LEARNERS:
        course = draw.id()
        fill(port, (record(draw, draw.id(), course) for _ in range(learners)))
        reads[f"summary, learners: {learners:,}"] = wire.request("GET", f"/courses/{course}/summary")
        reads[f"page of {PAGE} learners of {learners:,}"] = wire.request(
            "GET", f"/courses/{course}/learners?limit={PAGE}")
    return reads


def record(draw, learner, course):
    return {"userId": learner, "courseId": course, "sessionId": draw.id(), **draw.numbers()}


def pages(port, learner, course):
    """Returns the queries for pages of a list, by depth."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    cursors = []
    while not cursors or cursors[-1]:
        cursor = f"&cursor={cursors[-1]}" if cursors else ""
        connection.request("GET", f"/courses/{course}/sessions?limit={STRIDE}{cursor}", headers={"X-User-Id": learner})
        cursors.append(json.load(connection.getresponse()).get("nextCursor"))
    connection.close()
    found = {"first": "", "middle": cursors[len(cursors) // 2], "deepest": cursors[-2]}
    return {name: cursor and f"&cursor={cursor}" for name, cursor in found.items()}


def show(figures):
    rows = []
    for (store, name), rounds in figures.items():
        middle = table.medians(rounds)
        rows.append([store, name, middle["p50"], middle["p99"], middle["server_cpu"], middle.get("redis_cpu")])
    table.show("Reads by how much there is, one client",
               ["store", "read", "p50 µs", "p99 µs", "service CPU µs", "Redis CPU µs"], rows)


def totals_ratio(figures, store):
    """Returns the ratio of the median time of totals with the most sessions to the fewest, per round."""
    series = [[one["p50"] for one in figures[store, f"totals, {sessions:,} sessions in the course"]]
              for sessions in (SESSIONS[-1], SESSIONS[0])]
    return table.ratios(*series)
