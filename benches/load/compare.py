"""Load comparison: this service and its peers, in turn, on the same Redis."""

import itertools
from contextlib import ExitStack
from statistics import median

import agree
import sides
import table
import wire
import wrk
from population import Population, fill
from resp import Redis

LOADS = ["post", "totals", "session", "mix"]
TITLES = {"post": "POST", "totals": "GET totals", "session": "GET session", "mix": "mix 1 : 2 : 1"}
WRITING = ("post", "mix")
CONNECTIONS = [1, 64, 512]


def run(options):
    """Measures every load at every number of connections; returns all figures of all rounds."""
    figures = {}
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(options.directory))
        servers = sides.start_all(stack, options.directory, redis, options.control)
        population = prepare(servers[sides.NAME])
        redis.keep_state()
        agree.check(servers, population, redis)
        files = prepare_requests(options.directory, population)
        for server in servers.values():
            wrk.run(server.port, files["mix"], 64, 1)
        for number in range(options.rounds):
            # Each service is first in some rounds.
            first = number % len(servers)
            names = list(servers)[first:] + list(servers)[:first]
            for load, connections in itertools.product(LOADS, CONNECTIONS):
                for name in names:
                    if load in WRITING or name == names[0]:
                        redis.restore_state()
                    measured = wrk.measure(servers[name], redis, files[load], connections, options.seconds)
                    figures.setdefault((load, connections, name), []).append(measured)
    show(figures, options)
    return figures


def prepare(service):
    """Records the sessions to read and replace, through the service: 2,000 learners, each with 5 sessions
    in each of two of 50 courses."""
    population = Population(learners=2_000, courses=50, courses_each=2, sessions_each=5)
    fill(service.port, population.records())
    return population


def prepare_requests(directory, population):
    """Writes a file of requests for each load."""
    files = {}
    for load in LOADS:
        draw = getattr(wire.Requests(population), load)
        files[load] = wire.write(f"{directory}/{load}", (draw() for _ in range(wire.PREPARED)))
    return files


def show(figures, options):
    """Prints the figures of each load, and then the ratios."""
    names = list(dict.fromkeys(name for _, _, name in figures))
    for load in LOADS:
        rows = []
        for connections in CONNECTIONS:
            for name in names:
                middle = table.medians(figures[load, connections, name])
                rows.append([
                    str(connections), name, middle["rate"],
                    *(table.millis(middle[p]) for p in ("p50", "p99", "p999")),
                    middle["server_cpu"], middle["redis_cpu"], middle["wrk_cpu"],
                    table.mib(middle["peak"]),
                ])
        table.show(
            f"{TITLES[load]}: medians of {options.rounds} rounds of {options.seconds} s",
            ["connections", "service", "requests/s", "p50 ms", "p99 ms", "p99.9 ms",
             "service CPU µs", "Redis CPU µs", "wrk CPU µs", "peak MiB"],
            rows)
    rows = []
    for load in LOADS:
        for connections in CONNECTIONS:
            for name in names[1:]:
                rows.append([TITLES[load], str(connections), name]
                            + [table.spread(*ratio(figures, load, connections, name, figure))
                               for figure in ("rate", "server_cpu", "redis_cpu", "p50", "p99")])
    table.show(
        "Ratios of study-stats to each peer, round by round: median (least–most)",
        ["load", "connections", "peer", "requests/s", "service CPU", "Redis CPU", "p50", "p99"], rows)
    others = [one["others"] for rounds in figures.values() for one in rounds]
    print(f"Others took {median(others):.0%} of the machine meanwhile, {max(others):.0%} at most.\n")


def ratio(figures, load, connections, name, figure):
    """Returns the ratio of this service to a peer in a figure, per round."""
    series = [[one[figure] for one in figures[load, connections, side]] for side in (sides.NAME, name)]
    return table.ratios(*series)


def to_the_better(figures, load, connections, figure):
    """Returns the ratio of this service to the better peer in a figure, as the median of the rounds: the lower
    ratio for requests a second, the higher ratio for CPU a request."""
    names = {name for _, _, name in figures} - {sides.NAME, "control"}
    each = [ratio(figures, load, connections, name, figure)[1] for name in names]
    return min(each) if figure == "rate" else max(each)
