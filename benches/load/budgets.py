"""Budgets of the service, compared with the measured figures."""

from statistics import median

import ceiling
import compare
import growth
import rates
import table

MIB = 2**20


def show(results):
    """Prints every budget of the measured parts."""
    rows = []
    for part, judge in JUDGES.items():
        if part in results:
            rows += judge(results[part])
    if rows:
        table.show("Budgets", ["budget", "measured", "met"], rows)


def verdict(budget, measured, is_met):
    """Returns a row of the table: `measured` has figures by name, `is_met` compares a figure with the budget."""
    text = " · ".join(f"{name}: {table.number(value)}" if name else table.number(value)
                      for name, value in measured.items())
    met = [name for name, value in measured.items() if is_met(value)]
    if len(met) == len(measured):
        return [budget, text, "yes"]
    return [budget, text, f"no, only {', '.join(met)}" if met else "no"]


def load(figures):
    rows = []
    for figure, text, is_met in (("server_cpu", "CPU a request, to the better peer: at most 0.8", lambda r: r <= 0.8),
                                 ("rate", "requests/s, to the better peer: at least 1.2", lambda r: r >= 1.2)):
        for one in compare.LOADS:
            measured = {f"{n}": compare.to_the_better(figures, one, n, figure) for n in compare.CONNECTIONS}
            rows.append(verdict(f"{compare.TITLES[one]}: {text}", measured, is_met))
    return rows


def against_redis(figures):
    measured = {f"{n}": table.ratios(*zip(*rounds))[1] for n, rounds in figures["rates"].items()}
    spent = table.ratios(*([one[side]["cpu"] for one in figures["costs"][ceiling.AS_SENT]] for side in (0, 1)))[1]
    return [verdict("POST/s, to redis-benchmark with the same script: at least 0.8", measured, lambda r: r >= 0.8),
            verdict("Redis CPU of a record, to the least script: at most 2", {"": spent}, lambda r: r <= 2)]


def reads(figures):
    spread = {store: growth.totals_ratio(figures, store) for store in ("redis", "embedded")}
    # Equal within noise: each of the two was faster in some rounds.
    kept = [store for store, (least, middle, most) in spread.items() if least <= 1 <= most or abs(middle - 1) < 0.05]
    text = " · ".join(f"{store}: {table.spread(*each)}" for store, each in spread.items())
    return [["GET totals with 100,000 sessions to 10, p50: the same", text, "yes" if len(kept) == 2 else "no"]]


def bytes_each(figures):
    return [verdict("Redis bytes a session at 20 a course: at most 260", {"": figures[20]["all"]}, lambda b: b <= 260)]


def sessions_a_second(figures):
    batches = {}
    for store in ("redis", "embedded"):
        for clients in rates.CLIENTS:
            series = (figures[store, clients, way] for way in ("batch", "single"))
            batches[f"{store}, {clients}"] = table.ratios(*series)[1]
    single, many = ([rate for rate, _ in figures["durable"][clients]] for clients in (1, 64))
    return [verdict("Batches of 1,000, to single POSTs, sessions/s: at least 5", batches, lambda r: r >= 5),
            verdict("Embedded POST/s of 64 clients, to 1: at least 10", {"": table.ratios(many, single)[1]}, lambda r: r >= 10)]


def small(figures):
    ready = {way: median(each) for way, each in figures["ready"].items()}
    memory = {store: idle / MIB for store, (idle, _) in figures["memory"].items()}
    return [verdict("Start to ready: at most 100 ms", ready, lambda ms: ms <= 100),
            verdict("Idle memory: at most 20 MiB", memory, lambda mib: mib <= 20),
            verdict("Release binary: at most 15 MiB", {"": figures["binary"] / MIB}, lambda mib: mib <= 15)]


JUDGES = {"load": load, "ceiling": against_redis, "growth": reads, "room": bytes_each, "rates": sessions_a_second,
          "start": small}
