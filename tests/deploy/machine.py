"""A machine whose aws, docker, dnf and systemctl are stand-ins, to run the project's scripts on."""

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
    """Its files are in `here`; stand_in.py says what they mean."""

    def __init__(self, here, tools=("aws", "docker", "dnf", "systemctl")):
        self.here = here
        self.root = here / "root"
        (here / "bin").mkdir(parents=True)
        for tool in tools:
            # By this very Python, as one that is looked up may change the PATH of what it starts; and
            # without packages, as it starts faster so.
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
        """The script with this machine's root, and the port that its container has here."""
        moved = re.sub(r"(?<![\w.$}/-])/(etc|run|usr/local|var)/", rf"{self.root}/\1/", script)
        return moved.replace("http://127.0.0.1:80/", f"http://127.0.0.1:{self.read('port')}/")

    def boot(self, user_data, seconds=20):
        """Runs user data as cloud-init does, with less patience; the exit code."""
        script = self.at_home(user_data).replace("READY_SECONDS=600", f"READY_SECONDS={seconds}")
        script = script.replace("sleep 1", "sleep 0.1")
        self.set("user-data", script)
        return self.run("bash", self.here / "user-data").returncode

    def run(self, *command, **more):
        return subprocess.run(
            command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **more
        )

    def calls(self, *words):
        """The calls that begin with these words, the tool's name first."""
        if not (self.here / "calls").exists():
            return []
        calls = [json.loads(line) for line in self.read("calls").splitlines()]
        return [call for call in calls if [call["tool"], *call["arguments"]][: len(words)] == list(words)]

    def signals(self):
        """What CloudFormation was told."""
        calls = [call["arguments"] for call in self.calls("aws", "cloudformation", "signal-resource")]
        return [arguments[arguments.index("--status") + 1] for arguments in calls]

    def stop(self):
        """Ends the services, however far they have come."""
        if (self.here / "services").exists():
            for group in self.read("services").split():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int(group), signal.SIGTERM)
            (self.here / "services").unlink()
