"""Description of the machine, and its load by other processes."""

import os
import platform
import subprocess
import time

from sides import ROOT


def describe():
    """Describes the machine, the programs and the commit, a line each."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    redis = os.environ.get("REDIS_SERVER", "redis-server")
    return [
        f"{os.cpu_count()} × {models[0] if models else platform.machine()}, {memory:.0f} GiB, Linux {platform.release()}",
        "; ".join(first_line(*one) for one in ((redis, "--version"), ("wrk", "-v"), ("rustc", "--version"))),
        f"{time.strftime('%Y-%m-%d')}, commit {first_line('git', '-C', ROOT, 'describe', '--always', '--dirty')}",
    ]


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"no {command[0]}"
    return (done.stdout + done.stderr).splitlines()[0].strip()


def busy():
    """Returns the busy time of all cores since boot, in seconds, the time stolen by other machines included."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")
