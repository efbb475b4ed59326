"""Stand-in for aws, docker, dnf, systemctl and other tools, selected by the name of the call. Simulates
the behaviour that the scripts can see, and records each call, in the directory $STAND_IN:

calls        recorded calls, a line of JSON each: the tool, its arguments; the environment of a container,
             and the requests to the container
token        token of the cache; without the file, Secrets Manager returns an error
answers      status of /health/live and of /health/ready, as in "200 503"; 0 for no response
images       names of the pulled images
refused      first words of calls that fail
stack        CloudFormation's description of the service's stack, if the stack exists
port         port of the running container
container    process of the container, while running
services     process groups of the started services, a line each
"""

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(os.environ["STAND_IN"])
PASSWORD = "the-password-of-the-registry"


def read(name):
    return (HERE / name).read_text() if (HERE / name).exists() else ""


def note(tool, arguments, **more):
    with open(HERE / "calls", "a") as calls:
        fcntl.flock(calls, fcntl.LOCK_EX)
        calls.write(json.dumps({"tool": tool, "arguments": arguments, **more}) + "\n")


def options(arguments, name):
    return [value for option, value in zip(arguments, arguments[1:]) if option == name]


def aws(arguments):
    if arguments[:2] == ["secretsmanager", "get-secret-value"]:
        print(read("token") or sys.exit("no such secret"))
    elif arguments[:2] == ["ecr", "get-login-password"]:
        print(PASSWORD)
    elif arguments[:2] == ["ecr", "describe-images"]:
        wanted = options(arguments, "--image-ids")[0].removeprefix("imageTag=")
        sys.exit(0 if f":{wanted}\n" in read("images") else 1)
    elif arguments[:2] == ["sts", "get-caller-identity"]:
        print("123456789012")
    elif arguments[:2] == ["configure", "get"]:
        print("eu-central-1")
    elif arguments[:2] == ["cloudformation", "deploy"] and "deploy/aws/service.yaml" in arguments and not read("stack"):
        (HERE / "stack").write_text('{"StackStatus": "CREATE_COMPLETE", "Url": "http://balancer"}')
    elif arguments[:2] == ["cloudformation", "describe-stacks"]:
        query = options(arguments, "--query")[0]
        known = json.loads(read("stack") or sys.exit("Stack with id study-stats does not exist"))
        # The quoted name in a query for a parameter or an output, else the end of the query.
        print(known.get(query.split("'")[1] if "'" in query else query.split(".")[1], "None"))


def docker(arguments):
    if arguments[0] == "login" and sys.stdin.read().strip() != PASSWORD:
        sys.exit("denied")
    elif arguments[0] in ("pull", "push"):
        with open(HERE / "images", "a") as images:
            images.write(arguments[-1] + "\n")
    elif arguments[:2] == ["image", "inspect"]:
        sys.exit(0 if arguments[2] + "\n" in read("images") else 1)
    elif arguments[0] == "inspect":
        print("true" if read("container") else sys.exit("no such container"))
    elif arguments[0] in ("kill", "stop"):
        os.kill(int(read("container")), signal.SIGTERM)
    elif arguments[0] == "run" and "--detach" not in arguments:
        run(arguments)


def run(arguments):
    """Records the environment of a container, and answers its health checks until a kill."""
    environment, modes = {}, {}
    for file in options(arguments, "--env-file"):
        modes[file] = oct(os.stat(file).st_mode & 0o777)
        environment |= dict(line.split("=", 1) for line in Path(file).read_text().splitlines())
    note("container", arguments, environment=environment, modes=modes)
    serve()


def serve():
    # Local import: the import is slow, and most calls do not need the module.
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            note("asked", [self.path])
            live, ready = read("answers").split()
            status = int({"/health/live": live, "/health/ready": ready}[self.path])
            if not status:
                time.sleep(30)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", int(read("port"))), Health)
    signal.signal(signal.SIGTERM, lambda *_: (HERE / "container").unlink(missing_ok=True) or os._exit(0))
    (HERE / "container").write_text(str(os.getpid()))
    server.serve_forever()


def systemctl(arguments):
    """Runs the command of a service's unit in the background, for `enable --now`."""
    if arguments[:2] == ["enable", "--now"]:
        for unit in arguments[2:]:
            file = HERE / "root/etc/systemd/system" / unit
            if unit.endswith(".service") and file.exists():
                (command,) = [line for line in file.read_text().splitlines() if line.startswith("ExecStart=")]
                log = open(HERE / f"{unit}.log", "w")
                started = shlex.split(command.removeprefix("ExecStart="))
                with open(HERE / "services", "a") as services:
                    nothing = subprocess.DEVNULL
                    service = subprocess.Popen(started, stdin=nothing, stdout=log, stderr=log, start_new_session=True)
                    services.write(f"{service.pid}\n")


def main():
    tool, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    note(tool, arguments)
    line = " ".join([tool, *arguments])
    if any(line.startswith(refused) for refused in read("refused").splitlines()):
        sys.exit(f"{line}: refused")
    if tool == "sudo":
        os.execvp(arguments[0], arguments)
    {"aws": aws, "docker": docker, "systemctl": systemctl}.get(tool, lambda _: None)(arguments)


main()
