"""Runs the user data."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest

from .machine import INSTANCE, Machine

# A character of every kind that ElastiCache accepts.
TOKEN = "0123456789abcdefABCDEF!&#$^<>-"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/study-stats:0123456789ab"


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path / "machine")
    made.set("token", TOKEN)
    yield made
    made.stop()


@pytest.fixture
def own(stack, machine):
    """Booted machine, for a single test."""
    assert machine.boot(stack.user_data()) == 0, machine.read("study-stats.service.log")
    return machine


@pytest.fixture(scope="module")
def booted(stack, tmp_path_factory):
    """Booted machine, shared by tests that only read."""
    made = Machine(tmp_path_factory.mktemp("shared") / "machine")
    made.set("token", TOKEN)
    assert made.boot(stack.user_data()) == 0, made.read("study-stats.service.log")
    yield made
    made.stop()


def eventually(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def option(arguments, name):
    return [value for each, value in zip(arguments, arguments[1:]) if each == name]


def test_it_runs_the_image_that_it_pulled_from_the_registry(booted):
    (container,) = booted.calls("container")
    assert container["arguments"][-1] == IMAGE
    assert [call["arguments"][-1] for call in booted.calls("docker", "pull")] == [IMAGE]
    (login,) = booted.calls("docker", "login")
    assert login["arguments"][-1] == IMAGE.split("/")[0] and "--password-stdin" in login["arguments"]
    assert [call["arguments"] for call in booted.calls("dnf")] == [["install", "-y", "docker"]]


def test_the_container_has_the_environment_of_a_replica(stack, booted):
    (container,) = booted.calls("container")
    environment = container["environment"]
    url = environment.pop("REDIS_URL")
    assert environment == {
        "STORE": "redis",
        "REDIS_WAIT_REPLICAS": "1",
        "DRAIN_DELAY": "12s",
        "SHUTDOWN_GRACE": "5s",
        "LOG_FORMAT": "json",
    }
    scheme, token, host = re.fullmatch(r"(.*)://:(.*)@(.*)", url).groups()
    assert (scheme, host) == ("rediss", f"primaryendpoint.{stack.ids['Cache']}.cache.amazonaws.com:6379")
    # The service accepts the characters only in percent encoding.
    assert re.fullmatch(r"[\w.~%-]+", token) and unquote(token) == TOKEN


def test_what_is_optional_reaches_the_container(full_stack, machine):
    assert machine.boot(full_stack.user_data()) == 0
    (container,) = machine.calls("container")
    environment = container["environment"]
    assert environment["METRICS_PORT"] == "9090"
    assert option(container["arguments"], "--publish") == ["80:80", "9090:9090"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert environment["REDIS_WAIT_REPLICAS"] == "0"
    host = f"configurationendpoint.{full_stack.ids['Cache']}.cache.amazonaws.com:6379"
    assert re.fullmatch(rf"rediss\+cluster://:[^@]+@{host}", environment["REDIS_URL"])


def test_the_token_is_in_one_file_that_only_root_reads_and_nowhere_else(booted):
    (container,) = booted.calls("container")
    secret = str(booted.root / "run/study-stats/secret")
    assert container["modes"][secret] == "0o600"
    spelled = (TOKEN, container["environment"]["REDIS_URL"].split("@")[0].split(":")[-1])
    holding = [
        file.relative_to(booted.here)
        for file in booted.here.rglob("*")
        if file.is_file() and any(token in file.read_text() for token in spelled)
        # Files of the stand-ins.
        and file.name not in ("token", "calls")
    ]
    assert [str(file) for file in holding] == ["root/run/study-stats/secret"]
    for call in booted.calls():
        assert not any(token in argument for token in spelled for argument in call["arguments"])


def test_the_user_data_have_no_secret(stack):
    assert stack.token() not in stack.user_data()
    assert "resolve:" not in stack.user_data()
    # Limit of EC2 on user data, in bytes.
    assert len(stack.user_data()) < 16_384


def test_the_container_has_no_more_rights_than_it_needs(booted):
    arguments = booted.calls("container")[0]["arguments"]
    assert "--read-only" in arguments and "--privileged" not in arguments
    assert option(arguments, "--cap-drop") == ["ALL"]
    assert option(arguments, "--security-opt") == ["no-new-privileges"]
    assert not option(arguments, "--network")


def test_its_log_goes_to_the_log_group_and_holds_up_nothing(stack, booted):
    arguments = booted.calls("container")[0]["arguments"]
    assert option(arguments, "--log-driver") == ["awslogs"]
    settings = option(arguments, "--log-opt")
    assert {"mode=non-blocking", f"awslogs-group={stack.ids['Log']}", f"awslogs-stream={INSTANCE}"} <= set(settings)


def test_a_replica_that_is_ready_signals_success(stack, booted):
    assert booted.signals() == ["SUCCESS"]
    (call,) = booted.calls("aws", "cloudformation", "signal-resource")
    for name, value in (("--stack-name", stack.name), ("--logical-resource-id", "Group"), ("--unique-id", INSTANCE)):
        assert option(call["arguments"], name) == [value]


def test_success_is_signalled_when_it_is_ready_and_not_before(stack, machine):
    machine.set("answers", "200 503")
    with ThreadPoolExecutor() as background:
        boot = background.submit(machine.boot, stack.user_data())
        eventually(lambda: len(machine.calls("asked", "/health/ready")) >= 2)
        assert machine.signals() == []
        machine.set("answers", "200 200")
        assert boot.result() == 0
    assert machine.signals() == ["SUCCESS"]


def test_an_instance_that_scaling_starts_is_up_though_no_update_waits_for_its_signal(stack, machine):
    # CloudFormation refuses signals outside an update.
    machine.set("refused", "aws cloudformation")
    assert machine.boot(stack.user_data()) == 0
    assert machine.calls("asked", "/health/ready")


@pytest.mark.parametrize(
    "what",
    ["it never gets ready", "there is no token", "the image is not there", "docker cannot be installed"],
)
def test_what_never_gets_ready_signals_failure(stack, machine, what):
    if what == "it never gets ready":
        machine.set("answers", "200 503")
    elif what == "there is no token":
        (machine.here / "token").unlink()
    elif what == "the image is not there":
        machine.set("refused", "docker pull")
    else:
        machine.set("refused", "dnf")
    assert machine.boot(stack.user_data(), seconds=2) != 0
    assert machine.signals() == ["FAILURE"]


def test_it_starts_again_from_the_image_it_has_when_the_registry_is_away(own):
    own.set("refused", "aws ecr\ndocker login\ndocker pull")
    own.set("token", "another-token-after-a-rotation")
    own.stop()
    eventually(lambda: not (own.here / "container").exists())
    own.run("systemctl", "enable", "--now", "study-stats.service")
    eventually(lambda: len(own.calls("container")) == 2)
    assert "another-token-after-a-rotation" in own.calls("container")[1]["environment"]["REDIS_URL"]


def watchdog(machine):
    assert machine.run(machine.root / "usr/local/bin/study-stats-watchdog").returncode == 0
    return machine.calls("docker", "kill")


def test_the_watchdog_leaves_alone_what_lives_but_is_not_ready(own):
    own.set("answers", "200 503")
    assert not watchdog(own)


@pytest.mark.parametrize("status", ["0", "500"])
def test_the_watchdog_ends_what_does_not_live(own, status):
    own.set("answers", f"{status} {status}")
    # Otherwise the client waits as long as the service's response may take.
    script = own.root / "usr/local/bin/study-stats-watchdog"
    assert "--max-time 5" in script.read_text()
    script.write_text(script.read_text().replace("--max-time 5", "--max-time 0.5"))
    assert len(watchdog(own)) == 1


def test_the_watchdog_leaves_alone_what_does_not_run(own):
    own.stop()
    eventually(lambda: not (own.here / "container").exists())
    assert not watchdog(own)


def seconds(unit, name):
    return int(re.search(rf"^{name}=(\d+)$", unit, re.M).group(1))


def test_a_stop_is_longer_than_the_drain_and_the_drain_than_the_balancers_checks(stack, booted):
    environment = booted.calls("container")[0]["environment"]
    drain, grace = (int(environment[name].removesuffix("s")) for name in ("DRAIN_DELAY", "SHUTDOWN_GRACE"))
    unit = booted.read("root/etc/systemd/system/study-stats.service")
    (stop,) = re.findall(r"ExecStop=.*--time (\d+)", unit)
    (killed_after,) = option(booted.calls("container")[0]["arguments"], "--stop-timeout")
    assert drain + grace < int(stop) == int(killed_after) < seconds(unit, "TimeoutStopSec")
    targets = stack.target_group()
    assert targets["HealthCheckIntervalSeconds"] * targets["UnhealthyThresholdCount"] < drain


def test_systemd_starts_it_again_always_and_the_watchdog_in_turns(booted):
    unit = booted.read("root/etc/systemd/system/study-stats.service")
    assert "\nRestart=always\n" in unit and seconds(unit, "StartLimitIntervalSec") == 0
    assert "After=docker.service" in unit and "WantedBy=multi-user.target" in unit
    assert seconds(booted.read("root/etc/systemd/system/study-stats-watchdog.timer"), "OnUnitInactiveSec") <= 30
    (enabled,) = booted.calls("systemctl", "enable", "--now")
    units = ["docker.service", "study-stats.service", "study-stats-watchdog.timer"]
    assert enabled["arguments"][2:] == units
