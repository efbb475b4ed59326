"""Checkov, on the templates as AWS makes them."""

import json
import subprocess
import sys


def check(templates, directory):
    """Of these templates (by name, as JSON): how many could not be read, and the ids of the checks
    that failed and of those that were skipped, each with the template's name and the resource."""
    for name, template in templates.items():
        (directory / f"{name}.json").write_text(json.dumps(template, indent=1))
    found = subprocess.run(
        [sys.executable, "-m", "checkov.main", "--directory", ".", "--framework", "cloudformation",
         "--output", "json", "--compact", "--skip-download"],
        cwd=directory, capture_output=True, text=True, timeout=110,
    )
    report = json.loads(found.stdout)
    results = {
        kind: {
            (each["file_path"].strip("/").removesuffix(".json"), each["resource"].split(".")[-1], each["check_id"])
            for each in report["results"].get(f"{kind}_checks", [])
        }
        for kind in ("failed", "skipped")
    }
    return report["summary"], results["failed"], results["skipped"]
