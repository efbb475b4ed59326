"""Measures the service: `make bench`, or `scripts/bench --help`."""

import argparse
import json
import resource
import sys
import tempfile

import abuse
import budgets
import ceiling
import compare
import fleet
import growth
import machine
import rates
import room
import soak
import start

PARTS = {
    "load": compare.run,
    "ceiling": ceiling.run,
    "growth": growth.run,
    "room": room.run,
    "fleet": fleet.run,
    "rates": rates.run,
    "start": start.run,
    "abuse": abuse.run,
    "soak": soak.run,
}


def main():
    options = arguments()
    # Limit on open files, for 512 connections of client and server.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    described = machine.describe()
    print(*(f"- {line}" for line in described), sep="\n", flush=True)
    results = {}
    for part in options.parts:
        with tempfile.TemporaryDirectory() as options.directory:
            results[part] = PARTS[part](options)
    budgets.show(results)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": described, **plain(results)}, file, indent=1)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without any")
    parser.add_argument("--rounds", type=int, default=6, help="times that each is measured (%(default)s)")
    parser.add_argument("--seconds", type=int, default=1, help="how long each time (%(default)s)")
    parser.add_argument("--soak", type=int, default=30, metavar="SECONDS", help="how long (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round of one second: only a look")
    parser.add_argument("--control", action="store_true", help="with a second study-stats as a peer")
    parser.add_argument("--json", metavar="FILE", help="write all figures of all rounds")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    options.parts = options.parts or list(PARTS)
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part}")
    return options


def plain(value):
    """Converts the keys of dictionaries to strings, for JSON."""
    if isinstance(value, dict):
        return {", ".join(map(str, key)) if isinstance(key, tuple) else str(key): plain(one)
                for key, one in value.items()}
    return value


if __name__ == "__main__":
    sys.exit(main())
