"""Redis server of the runner, and a connection to the server."""

import os
import shutil
import socket

from process import Process, free_port


class Redis(Process):
    """Empty Redis without automatic snapshots."""

    def __init__(self, directory, *options):
        server = os.environ.get("REDIS_SERVER", "redis-server")
        if not shutil.which(server):
            raise SystemExit(f"there is no {server}: install redis-server 7 or newer")
        # Beside the server, also for a server outside the PATH.
        self.benchmark = shutil.which(server.replace("-server", "-benchmark"))
        port = free_port()
        super().__init__(
            [server, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory,
             "--save", "", "--enable-debug-command", "local", *options],
            port,
            os.path.join(directory, "redis.log"),
        )
        self.url = f"redis://127.0.0.1:{port}"
        self.wait_until_it_listens()
        self.connection = Connection(port)

    def call(self, *arguments):
        """The reply of a command."""
        return self.connection.call(*arguments)

    def info(self, section):
        """Returns the fields of a section of INFO."""
        lines = self.call("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def keep_state(self):
        """Saves a snapshot of the data."""
        self.call("SAVE")

    def restore_state(self):
        """Restores the data of the last snapshot; the script cache stays."""
        self.call("DEBUG", "RELOAD", "NOSAVE")


class Connection:
    """Connection that speaks RESP."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.reader = self.socket.makefile("rb")

    def call(self, *arguments):
        """The reply of a command."""
        return self.pipeline([arguments])[0]

    def pipeline(self, commands):
        """Sends commands in a pipeline, and returns the replies."""
        self.socket.sendall(b"".join(map(encode, commands)))
        return [self.read() for _ in commands]

    def read(self):
        """Reads the next reply."""
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        raise SystemExit(f"Redis: {line.decode().strip()}")


def encode(arguments):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
