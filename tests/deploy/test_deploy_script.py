"""Runs deploy.sh in a temporary repository, on a machine of stand-ins."""

import shutil
import subprocess

import pytest

from .machine import Machine
from .templates import ROOT

REQUIRED = ("VpcId=vpc-1", "PublicSubnets=subnet-1,subnet-2", "PrivateSubnets=subnet-3,subnet-4", "AllowedCidr=10.0.0.0/8")
X86 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
ARM = X86.replace("x86_64", "arm64")


class Operator(Machine):
    """Machine of an operator who deploys from a clean clone."""

    def __init__(self, here, tools=("aws", "docker")):
        super().__init__(here, tools)
        self.clone = here / "clone"
        shutil.copytree(ROOT / "deploy/aws", self.clone / "deploy/aws")
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "all")
        self.tag = self.git("rev-parse", "--short=12", "HEAD").strip()
        self.image = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/study-stats:{self.tag}"

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.clone, check=True, capture_output=True, text=True).stdout

    def deploy(self, *arguments, **environment):
        known = {**self.environment(), **environment}
        command = ["bash", "deploy/aws/deploy.sh", *arguments]
        return subprocess.run(
            command, cwd=self.clone, env=known, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    def stacks(self):
        """Returns the deployed stacks, in order: name, template, parameters."""
        deployed = []
        for call in self.calls("aws", "cloudformation", "deploy"):
            arguments = call["arguments"]
            name, template = (arguments[arguments.index(option) + 1] for option in ("--stack-name", "--template-file"))
            overrides = arguments[arguments.index("--parameter-overrides") + 1 :]
            deployed.append((name, template, dict(each.split("=", 1) for each in overrides)))
        return deployed


@pytest.fixture
def operator(tmp_path):
    return Operator(tmp_path / "operator")


def test_the_first_time_it_makes_the_registry_pushes_the_image_and_makes_the_service(operator):
    done = operator.deploy(*REQUIRED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"deploy: {operator.tag} runs at http://balancer"
    registry, service = operator.stacks()
    assert registry == ("study-stats-registry", "deploy/aws/registry.yaml", {"Repository": "study-stats"})
    assert service[:2] == ("study-stats", "deploy/aws/service.yaml")
    given = dict(parameter.split("=", 1) for parameter in REQUIRED)
    assert service[2] == {"Tag": operator.tag, "Repository": "study-stats", "ImageId": X86, **given}
    (build,) = operator.calls("docker", "build")
    assert build["arguments"] == ["build", "--platform", "linux/amd64", "--tag", operator.image, "."]
    order = [(call["tool"], *call["arguments"][:2]) for call in operator.calls()]
    steps = [("aws", "cloudformation", "deploy"), ("docker", "login", "--username"), ("docker", "build", "--platform"),
             ("docker", "push", operator.image), ("aws", "cloudformation", "deploy")]
    assert [step for step in order if step in steps] == steps


def test_again_it_needs_no_parameters_and_builds_no_image_that_is_there(operator):
    assert operator.deploy(*REQUIRED).returncode == 0
    done = operator.deploy("MaxInstances=9")
    assert done.returncode == 0, done.stderr
    assert len(operator.calls("docker", "build")) == len(operator.calls("docker", "push")) == 1
    always = {"Tag": operator.tag, "Repository": "study-stats", "ImageId": X86}
    assert operator.stacks()[-1][2] == {**always, "MaxInstances": "9"}


@pytest.mark.parametrize("known, asked, image, platform", [
    (X86, None, X86, "linux/amd64"), (ARM, None, ARM, "linux/arm64"),
    (X86, "arm64", ARM, "linux/arm64"), (ARM, "x86_64", X86, "linux/amd64"),
])
def test_the_architecture_stays_unless_another_is_asked_for(operator, known, asked, image, platform):
    operator.set("stack", f'{{"StackStatus": "UPDATE_COMPLETE", "Url": "u", "ImageId": "{known}"}}')
    assert operator.deploy(**({"ARCH": asked} if asked else {})).returncode == 0
    assert operator.stacks()[-1][2]["ImageId"] == image
    assert operator.calls("docker", "build")[0]["arguments"][2] == platform


@pytest.mark.parametrize("shards, replicas, nodes", [
    ("1", "1", "001,002"), ("1", "2", "001,002,003"), ("2", "1", "0001-001,0001-002,0002-001,0002-002"),
])
def test_the_alarms_know_the_nodes_of_the_cache(operator, shards, replicas, nodes):
    assert operator.deploy(*REQUIRED, f"CacheShards={shards}", f"CacheReplicas={replicas}").returncode == 0
    assert operator.stacks()[-1][2]["CacheNodes"] == nodes


def dirty(operator):
    (operator.clone / "deploy/aws/service.yaml").write_text("changed")


def untracked(operator):
    (operator.clone / "new").write_text("")


REFUSED = {
    "no engine": (lambda operator: operator.set("refused", "docker version"), REQUIRED, "no Docker engine answers"),
    "no credentials": (lambda operator: operator.set("refused", "aws sts"), REQUIRED, "takes no credentials"),
    "no region": (lambda operator: operator.set("refused", "aws configure"), REQUIRED, "set AWS_REGION"),
    "changes": (dirty, REQUIRED, "there are changes beside commit"),
    "new files": (untracked, REQUIRED, "there are changes beside commit"),
    "no repository": (lambda operator: shutil.rmtree(operator.clone / ".git"), REQUIRED, "this is no git repository"),
    "a network that is missing": (lambda _: None, REQUIRED[1:], "needs VpcId="),
    "clients that are missing": (lambda _: None, REQUIRED[:3], "needs AllowedCidr="),
    "one zone": (lambda _: None, (*REQUIRED[:2], "PrivateSubnets=subnet-3", REQUIRED[3]), "must be in two zones"),
    "no right to look at the stack": (
        lambda operator: operator.set("refused", "aws cloudformation describe-stacks"), REQUIRED, "refused",
    ),
    "a parameter that is none": (lambda _: None, (*REQUIRED, "MaxInstance=9"), "no parameter MaxInstance"),
    "a word": (lambda _: None, (*REQUIRED, "help"), "what is help?"),
    "a tag": (lambda _: None, (*REQUIRED, "Tag=latest"), "Tag is set by this script"),
    "shards alone": (lambda _: None, (*REQUIRED, "CacheShards=2"), "CacheReplicas together"),
    "a stack that was never created": (
        lambda operator: operator.set("stack", '{"StackStatus": "ROLLBACK_COMPLETE"}'), (), "aws cloudformation delete-stack",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses_before_it_does_anything(operator, what):
    prepare, arguments, message = REFUSED[what]
    prepare(operator)
    done = operator.deploy(*arguments)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("deploy: ") and message in line
    assert not operator.stacks() and not operator.calls("docker", "build")


@pytest.mark.parametrize("missing", ["aws", "docker"])
def test_it_says_which_tool_is_missing(tmp_path, missing):
    operator = Operator(tmp_path / "operator", [tool for tool in ("aws", "docker") if tool != missing])
    for tool in ("bash", "dirname", "git", "sed", "grep"):
        (operator.here / "bin" / tool).symlink_to(shutil.which(tool))
    done = operator.deploy(*REQUIRED, PATH=str(operator.here / "bin"))
    assert done.returncode == 1 and f"there is no {missing}" in done.stderr


def test_a_stack_that_fails_is_told_with_its_reasons(operator):
    operator.set("refused", "aws cloudformation deploy")
    done = operator.deploy(*REQUIRED)
    assert done.returncode == 1
    assert "stack study-stats-registry failed" in done.stderr
    assert operator.calls("aws", "cloudformation", "describe-stack-events")
    assert not operator.calls("docker", "build")
