"""Measures a client that takes all it can get: the times of the other clients, readiness, and memory."""

import json
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from datetime import date
from http.client import HTTPConnection
from statistics import quantiles

import sides
import table
import wire
from fleet import Cluster
from population import Draw, batch_body, fill
from resp import Redis
from wrk import SCRIPT

SESSIONS, COURSES = 50_000, 500
# Seconds of a flood.
SECONDS = 5
# Connections that read nothing.
DEAF = 4_000
# Other clients; between two requests each waits for the pause, in seconds.
OTHERS, PAUSE = 4, 0.01


def run(options):
    """Measures the other clients under each flood, on each store."""
    stores = {
        "one Redis": lambda stack: sides.on_redis(options.directory, stack.enter_context(Redis(options.directory))),
        "Cluster of 3": lambda stack: sides.on_redis(options.directory, Cluster(stack, options.directory, 3)),
        "embedded": lambda stack: sides.embedded(options.directory),
    }
    figures = {}
    for store, start in stores.items():
        with ExitStack() as stack:
            service = stack.enter_context(start(stack))
            for name, (connections, requests) in prepare(service.port).items():
                path = wire.write(f"{options.directory}/flood", requests)
                figures[store, name] = measured(service, lambda: flood(service.port, path, connections))
            figures[store, f"{DEAF:,} connections, pages of 500, unread"] = measured(
                service, lambda: deaf(service.port, requests_of_pages))
    rows = [[store, name, *one.values()] for (store, name), one in figures.items()]
    table.show("Other clients while one takes all it can get",
               ["store", "flood", "others' p50 ms", "p99 ms", "others' errors", "not ready", "peak MiB"], rows)
    return figures


requests_of_pages = []


def prepare(port):
    """Records the sessions to read; returns the floods by name: connections and requests."""
    draw = Draw("abuse")
    learner, course = draw.id(), draw.id()
    own = [{"userId": learner, "courseId": course, "sessionId": draw.id(), **draw.numbers()} for _ in range(SESSIONS)]
    own += [{"userId": learner, "courseId": draw.id(), "sessionId": draw.id(), **draw.numbers()} for _ in range(COURSES)]
    fill(port, own)
    get = lambda path: wire.request("GET", path, learner)
    requests_of_pages[:] = [get("/courses?limit=500")]
    batches = [wire.request("POST", "/sessions", body=batch_body(own[n:n + 1_000])) for n in range(0, 10_000, 1_000)]
    return {
        "none": (1, [get("/health/live")]),
        "400 clients, summaries of any course": (
            400, [get(f"/courses/{draw.id()}/summary") for _ in range(wire.PREPARED)]),
        "400 clients, summaries of one course": (400, [get(f"/courses/{course}/summary")]),
        "128 clients, pages of 500": (128, [get(f"/courses/{course}/sessions?limit=500")]),
        "128 clients, rosters of any course": (
            128, [get(f"/courses/{draw.id()}/learners?limit=500") for _ in range(wire.PREPARED)]),
        "16 clients, activity of 50,000 sessions": (16, [get(f"/courses/{course}/activity?to={date.today()}")]),
        "16 clients, batches of 1,000": (16, batches),
    }


def flood(port, path, connections):
    """Sends requests as fast as answers come, whatever the answers are."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "10s", "-s", SCRIPT,
               f"http://127.0.0.1:{port}", "--", path, "0"]
    subprocess.run(command, capture_output=True, check=False)


def deaf(port, requests):
    """Opens connections that send requests and read nothing."""
    streams = []
    for _ in range(DEAF):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(requests[0] * 4)
        streams.append(stream)
    time.sleep(SECONDS)
    for stream in streams:
        stream.close()


def measured(service, attack):
    """Returns the figures of the other clients while an attack runs."""
    service.reset_peak()
    attacker = threading.Thread(target=attack)
    results = [[] for _ in range(OTHERS)]
    probes = []
    ended = threading.Event()
    clients = [threading.Thread(target=other, args=(service.port, ended, result)) for result in results]
    clients.append(threading.Thread(target=probe, args=(service.port, ended, probes)))
    attacker.start()
    # The flood has begun.
    time.sleep(0.5)
    for client in clients:
        client.start()
    attacker.join()
    ended.set()
    for client in clients:
        client.join()
    times = [micros for result in results for micros, _ in result]
    cuts = quantiles(times, n=100)
    return {
        "p50": table.millis(cuts[49]), "p99": table.millis(cuts[98]),
        "errors": str(sum(not good for result in results for _, good in result)),
        "not_ready": f"{sum(not good for good in probes)} of {len(probes)}",
        "peak": table.mib(service.peak()),
    }


def other(port, ended, result):
    """Records and reads totals in turn, until the end."""
    draw = Draw(threading.get_ident())
    learner, course = draw.id(), draw.id()
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"X-User-Id": learner, "Content-Type": "application/json"}
    while not ended.is_set():
        body = json.dumps({"sessionId": draw.id(), **draw.numbers()})
        for method, text in (("POST", body), ("GET", None)):
            start = time.monotonic()
            good = ask(connection, method, f"/courses/{course}", text, headers) in (200, 201)
            result.append(((time.monotonic() - start) * 1e6, good))
        time.sleep(PAUSE)


def probe(port, ended, results):
    """Asks for readiness on a connection of its own each time, as platforms do."""
    while not ended.is_set():
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        results.append(ask(connection, "GET", "/health/ready", None, {}) == 200)
        connection.close()
        time.sleep(0.1)


def ask(connection, method, path, body, headers):
    """Returns the status; 0 for a lost connection or a timeout."""
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        connection.close()
        return 0
