"""Runs the commands of deploy/aws/README.md as printed, on machines of stand-ins."""

import re

from .machine import Machine
from .templates import ROOT, SERVICE, expand
from .test_deploy_script import Operator

README = (ROOT / "deploy/aws/README.md").read_text()
ONE, SCALED = README.split("\n## Scaled\n")


def blocks(text):
    return re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)


def option(call, name):
    arguments = call["arguments"]
    return arguments[arguments.index(name) + 1]


def test_one_instance_runs_the_image_that_was_pushed(tmp_path):
    push, role, instance, shell, address = blocks(ONE)
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/study-stats"
    here = Operator(tmp_path / "here", ("aws", "docker", "curl"))
    here.set("stack", f'{{"Outputs[0]": "{image}"}}')
    done = here.run("bash", "-euo", "pipefail", "-c", push + role + instance + address, cwd=here.clone)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split()
    assert f"{image}:{here.tag}" in printed
    assert [call["arguments"][-1] for call in here.calls("docker", "push")] == [f"{image}:{here.tag}"]
    assert option(here.calls("aws", "ec2", "authorize-security-group-ingress")[0], "--port") == "80"

    there = Machine(tmp_path / "there", ("aws", "docker", "dnf", "systemctl", "sudo"))
    written = re.search(r"^image=(.*)$", shell, re.M)[1]
    shell = shell.replace(written, f"{image}:{here.tag}")
    done = there.run("bash", "-euo", "pipefail", "-c", shell)
    assert done.returncode == 0, done.stderr
    assert option(there.calls("aws", "ecr")[0], "--region") == "eu-central-1"
    assert there.calls("docker", "pull")[0]["arguments"][-1] == f"{image}:{here.tag}"
    (run,) = there.calls("docker", "run")
    assert run["arguments"][-1] == f"{image}:{here.tag}"
    assert option(run, "-p") == "80:80" and option(run, "-v") == "study-stats:/data"
    assert option(run, "--restart") == "unless-stopped"
    assert [call["arguments"] for call in there.calls("dnf")] == [["install", "-y", "docker"]]
    assert there.calls("systemctl") and "amazon-linux-extras" not in shell


def test_the_scaled_way_is_one_command(tmp_path):
    here = Operator(tmp_path / "here")
    done = here.run("bash", "-euo", "pipefail", "-c", blocks(SCALED)[0], cwd=here.clone)
    assert done.returncode == 0, done.stderr
    assert [name for name, _, _ in here.stacks()] == ["study-stats-registry", "study-stats"]
    assert "http://balancer" in done.stdout


def test_what_is_done_by_hand_names_what_the_stack_has(tmp_path):
    here = Operator(tmp_path / "here", ("aws", "docker", "sudo"))
    here.set("stack", '{"LogGroup": "log"}')
    done = here.run("bash", "-euo", "pipefail", "-c", "".join(blocks(SCALED)[1:]), cwd=here.clone)
    assert done.returncode == 0, done.stderr
    template = expand(SERVICE)
    for call in here.calls("aws", "cloudformation", "describe-stack-resource"):
        assert option(call, "--logical-resource-id") in template["Resources"]
    assert set(re.findall(r"OutputKey=='(\w+)'", README)) <= set(template["Outputs"])


def test_every_parameter_is_told_with_its_default():
    told = {}
    for names, default in re.findall(r"^\| (`[A-Z].*?) \| (.*?) \|", README, re.M):
        names, defaults = re.findall(r"`(\w+)`", names), default.replace("`", "").split(", ")
        told |= dict(zip(names, defaults if len(defaults) == len(names) else defaults * len(names)))
    for name, parameter in expand(SERVICE)["Parameters"].items():
        if name not in ("Tag", "Repository", "ImageId"):
            assert told[name] == (str(parameter.get("Default", "")) or "none"), name


def test_every_alarm_is_told_with_what_to_do():
    alarms = {name for name, each in expand(SERVICE)["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    told = re.findall(r"^\| `(\w+Alarm)(…?)` \|", README, re.M)
    for name, more in told:
        assert any(alarm.startswith(name) if more else alarm == name for alarm in alarms), name
    assert all(any(alarm.startswith(name) for name, _ in told) for alarm in alarms)
