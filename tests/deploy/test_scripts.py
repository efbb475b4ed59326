"""Runs shellcheck on every shell script of the project, and on every script embedded in a file."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .templates import ROOT

SHELLCHECK = Path(sys.executable).parent / "shellcheck"


def scripts():
    """Returns the tracked files that begin as a shell script or with a directive for shellcheck."""
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, known.split("\0")):
        file = ROOT / name
        head = file.read_bytes()[:400] if file.is_file() else b""
        if re.match(rb"#!\S*[/ ](ba)?sh\b", head) or name.endswith(".sh") or b"# shellcheck shell=" in head:
            yield name


def shellcheck(*files, **more):
    return subprocess.run([SHELLCHECK, *files], cwd=ROOT, capture_output=True, text=True, **more)


def test_every_script_is_found():
    found = set(scripts())
    assert {".ci/run", "deploy/aws/deploy.sh", "scripts/lib.sh"} <= found
    assert {f"scripts/{each.name}" for each in (ROOT / "scripts").iterdir()} <= found


@pytest.mark.parametrize("name", list(scripts()))
def test_shellcheck_finds_nothing(name):
    done = shellcheck(name)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_user_data_and_the_scripts_it_writes(stack, tmp_path):
    user_data = stack.user_data()
    written = re.findall(r"cat >\S+ <<'END'\n(#!/bin/bash\n.*?)^END$", user_data, re.S | re.M)
    assert len(written) == 2
    for number, script in enumerate([user_data, *written]):
        (tmp_path / str(number)).write_text(script)
        done = shellcheck(tmp_path / str(number))
        assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing_in_the_commands_of_the_readme():
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "deploy/aws/README.md").read_text(), re.S | re.M)
    assert len(blocks) >= 5
    for block in blocks:
        done = shellcheck("--shell=bash", "--exclude=SC2154", "-", input=block)
        assert done.returncode == 0, block + done.stdout


def test_a_fault_in_a_script_is_found(tmp_path):
    script = tmp_path / "deploy.sh"
    shutil.copy(ROOT / "deploy/aws/deploy.sh", script)
    script.write_text(script.read_text().replace('"${arguments[@]}"', "${arguments[*]}", 1))
    assert "SC2048" in shellcheck(script).stdout
