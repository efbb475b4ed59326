"""Runs every query of the dashboard and of the rules on a Prometheus that scrapes a service on each store.
Each query must be valid, and the queries of the dashboard must have results."""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SERVER = sys.argv[1]
DASHBOARD = pathlib.Path("deploy/observability/grafana/study-stats.json")
# Queries without results on a healthy service.
SILENT = ["status=~\"5..\"", "verify_last_timestamp_seconds", "limit_bytes", "replica_lag_seconds"]
PATIENCE = 60


def ask(path, **parameters):
    url = f"{SERVER}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{parameters}: {error.read().decode()}") from error


def until(what, condition):
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > PATIENCE:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(0.2)


def dashboard_queries():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m")
            yield panel["title"], query.replace("$instance", ".*")


def finds_something(query):
    return bool(ask("query", query=query)["result"])


def main():
    until("both services are ready", lambda: finds_something("sum(study_stats_ready) == 2"))
    queries = list(dashboard_queries())
    for title, query in queries:
        if any(part in query for part in SILENT):
            ask("query", query=query)
        else:
            until(f"{title}: {query}", lambda query=query: finds_something(query))

    def rules():
        return [rule for group in ask("rules")["groups"] for rule in group["rules"]]

    until("all rules are looked at", lambda: all(rule["health"] != "unknown" for rule in rules()))
    wrong = [(rule["name"], rule.get("lastError")) for rule in rules() if rule["health"] != "ok"]
    if wrong:
        raise SystemExit(f"rules that cannot be evaluated: {wrong}")
    print(f"observability: {len(queries)} queries and {len(rules())} rules find what they ask for")


main()
