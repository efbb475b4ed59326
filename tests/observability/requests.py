"""Sends POSTs and GETs to the service on a port of this machine, one after the other, once the service is
ready. Arguments: the port, the number of each."""

import http.client
import json
import sys
import time
import uuid

PATIENCE = 60


def connected(port):
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            if ask(connection, "GET", "/health/ready") == 200:
                return connection
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service does not get ready")


def ask(connection, method, path, body=None):
    headers = {"X-User-Id": str(uuid.UUID(int=1)), "Content-Type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def main():
    connection, path = connected(int(sys.argv[1])), f"/courses/{uuid.UUID(int=2)}"
    for number in range(int(sys.argv[2])):
        session = {
            "sessionId": str(uuid.UUID(int=number % 50)),
            "totalModulesStudied": 5,
            "averageScore": 82.5,
            "timeStudied": 120_000,
        }
        assert ask(connection, "POST", path, session) == 201
        assert ask(connection, "GET", path) == 200


main()
