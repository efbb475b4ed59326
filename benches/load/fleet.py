"""Measures the cost of more replicas, and of more nodes of a Cluster: all share this machine."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import compare
import sides
import table
import wrk
from resp import Redis

CONNECTIONS = 64
REPLICAS = [1, 2, 4]
NODES = [1, 3, 6]
FAR = 1_000_000_000


def run(options):
    """Runs the mixed load over several replicas on one Redis, and over one replica on several nodes."""
    figures = {}
    for count in REPLICAS:
        figures["replicas", count] = measured(options, count, lambda stack: stack.enter_context(Redis(options.directory)))
    for count in NODES:
        figures["nodes", count] = measured(options, 1, lambda stack, count=count: Cluster(stack, options.directory, count))
    table.show(
        f"The mixed load of {CONNECTIONS} connections, over more replicas and over more nodes of a Cluster",
        ["what", "how many", "requests/s", "services' CPU µs", "Redis CPU µs, all nodes"],
        [[what, str(count), one["rate"], one["server_cpu"], one["redis_cpu"]] for (what, count), one in figures.items()])
    return figures


def measured(options, replicas, start):
    """Returns medians of the rounds, over all replicas and all servers of Redis together."""
    rounds = []
    with ExitStack() as stack:
        redis = start(stack)
        services = [stack.enter_context(sides.on_redis(options.directory, redis, name=f"replica-{n}"))
                    for n in range(replicas)]
        population = compare.prepare(services[0])
        mix = compare.prepare_requests(options.directory, population)["mix"]
        pool = stack.enter_context(ThreadPoolExecutor(replicas))
        # First number of new sessions per replica, far enough apart that no replica repeats another's sessions.
        sent = [number * FAR for number in range(replicas)]
        for _ in range(options.rounds):
            before = [sum(s.cpu() for s in services), redis.cpu()]
            loads = [pool.submit(wrk.run, service.port, mix, CONNECTIONS // replicas, options.seconds, first_new)
                     for service, first_new in zip(services, sent)]
            figures = [load.result() for load in loads]
            spent = [sum(s.cpu() for s in services) - before[0], redis.cpu() - before[1]]
            sent = [first_new + one["requests"] for first_new, one in zip(sent, figures)]
            count = sum(one["requests"] for one in figures)
            rounds.append({"rate": sum(one["requests"] * 1e6 / one["micros"] for one in figures),
                           "server_cpu": spent[0] * 1e6 / count, "redis_cpu": spent[1] * 1e6 / count})
    return table.medians(rounds)


class Cluster:
    """Cluster of masters that share the slots."""

    def __init__(self, stack, directory, count):
        self.nodes = [stack.enter_context(Redis(directory, "--cluster-enabled", "yes",
                                                "--cluster-config-file", f"node-{count}-{n}.conf"))
                      for n in range(count)]
        share = 16_384 / count
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER", "ADDSLOTSRANGE", round(number * share), round((number + 1) * share) - 1)
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.call("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        self.wait_until_it_is_whole()
        self.url = f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def wait_until_it_is_whole(self):
        for _ in range(600):
            if all(self.is_whole(node) for node in self.nodes):
                return
            time.sleep(0.05)
        raise SystemExit(f"{len(self.nodes)} nodes did not become a Cluster")

    def is_whole(self, node):
        info = node.call("CLUSTER", "INFO")
        return b"cluster_state:ok" in info and f"cluster_known_nodes:{len(self.nodes)}".encode() in info

    def cpu(self):
        return sum(node.cpu() for node in self.nodes)
