"""Simulated machine with stand-ins for aws, docker, dnf and systemctl, which runs the project's scripts."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

STAND_IN = Path(__file__).parent / "stand_in.py"
INSTANCE = "i-0123456789abcdef0"


class Machine:
    """Machine with its files in `here`; stand_in.py describes the files."""

    def __init__(self, here, tools=("aws", "docker", "dnf", "systemctl")):
        self.here = here
        self.root = here / "root"
        (here / "bin").mkdir(parents=True)
        for tool in tools:
            # Uses the running Python: an interpreter found on the PATH may change the PATH of its children.
            # Without site packages, for a faster start.
            (here / "bin" / tool).write_text(f"#!{sys.executable} -IS\n{STAND_IN.read_text()}")
            (here / "bin" / tool).chmod(0o755)
        for directory in ("etc/systemd/system", "run", "usr/local/bin", "var/lib/cloud/data"):
            (self.root / directory).mkdir(parents=True)
        self.set("root/var/lib/cloud/data/instance-id", INSTANCE + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.set("port", str(free.getsockname()[1]))
        self.set("answers", "200 200")

    def set(self, name, text):
        (self.here / name).write_text(text)

    def read(self, name):
        return (self.here / name).read_text()

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**kept, "PATH": f"{self.here}/bin:{os.environ['PATH']}", "STAND_IN": str(self.here)}

    def at_home(self, script):
        """Rewrites a script for this machine's root directory and the port of its container."""
        moved = re.sub(r"(?<![\w.$}/-])/(etc|run|usr/local|var)/", rf"{self.root}/\1/", script)
        return moved.replace("http://127.0.0.1:80/", f"http://127.0.0.1:{self.read('port')}/")

    def boot(self, user_data, seconds=20):
        """Runs user data like cloud-init, with a shorter timeout; returns the exit code."""
        script = self.at_home(user_data).replace("READY_SECONDS=600", f"READY_SECONDS={seconds}")
        script = script.replace("sleep 1", "sleep 0.1")
        self.set("user-data", script)
        return self.run("bash", self.here / "user-data").returncode

    def run(self, *command, **more):
        return subprocess.run(
            command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **more
        )

    def calls(self, *words):
        """Returns the calls that begin with `words`, the tool's name first."""
        if not (self.here / "calls").exists():
            return []
        calls = [json.loads(line) for line in self.read("calls").splitlines()]
        return [call for call in calls if [call["tool"], *call["arguments"]][: len(words)] == list(words)]

    def signals(self):
        """Returns the signals sent to CloudFormation."""
        calls = [call["arguments"] for call in self.calls("aws", "cloudformation", "signal-resource")]
        return [arguments[arguments.index("--status") + 1] for arguments in calls]

    def stop(self):
        """Stops the services, also after an incomplete start."""
        if (self.here / "services").exists():
            for group in self.read("services").split():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(group), signal.SIGTERM)
            (self.here / "services").unlink()
