"""The compared services, a process each."""

import os

from process import Process, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = os.path.join(ROOT, "target/release/study-stats")
PEERS = os.path.join(ROOT, "benches/peers/target/release")
NAME = "study-stats"


def start_ours(directory, *options, name=NAME, command=(OURS,)):
    """Starts this service with the default configuration, except for the given options."""
    port = free_port()
    command = [*command, "--host", "127.0.0.1", "--port", str(port), "--drain-delay", "0s", *options]
    return Process(command, port, os.path.join(directory, f"{name}.log")).wait_until_it_listens()


def on_redis(directory, redis, **how):
    """Starts this service on a Redis or a Cluster."""
    return start_ours(directory, "--store", "redis", "--redis-url", redis.url, **how)


def embedded(directory):
    """Starts this service on an embedded store in a directory."""
    return start_ours(directory, "--store", "embedded", "--data-dir", os.path.join(directory, "data"))


def start_peer(name, directory, redis):
    port = free_port()
    command = [os.path.join(PEERS, f"{name}-peer"), f"127.0.0.1:{port}", redis.url]
    return Process(command, port, os.path.join(directory, f"{name}.log")).wait_until_it_listens()


def start_all(stack, directory, redis, control):
    """Starts all services, this service first; returns the services by name. The control is a second instance
    of this service, with an expected ratio of 1."""
    sides = {NAME: stack.enter_context(on_redis(directory, redis))}
    for name in ("axum", "actix"):
        sides[name] = stack.enter_context(start_peer(name, directory, redis))
    if control:
        sides["control"] = stack.enter_context(on_redis(directory, redis, name="control"))
    return sides
