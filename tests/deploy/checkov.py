"""Runs checkov on the templates, in the form that AWS computes from them."""

import json
import subprocess
import sys


def check(templates, directory):
    """Checks templates (JSON by name). Returns the number of unreadable templates, and the ids of the failed
    and of the skipped checks, each with the template's name and the resource."""
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
