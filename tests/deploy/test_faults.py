"""Faults planted in the templates, and the check that finds each fault. A check that has never failed
may check nothing."""

import shutil

import pytest

from . import checkov, test_helm, test_stack, test_user_data
from .machine import Machine
from .stack import Stack
from .templates import ROOT, SERVICE, expand, lint, lint_ours


def planted(*replacements):
    """Returns the service's template with replaced texts; each text occurs exactly once."""
    text = SERVICE
    for old, new in replacements:
        assert text.count(old) == 1, f"{text.count(old)} times: {old}"
        text = text.replace(old, new)
    return text


# Found by cfn-lint's own rules (E3…) and the project's rules (E9…).
LINTED = {
    "a reference to nothing": ("E1010", ("!GetAtt InstanceProfile.Arn", "!GetAtt Profile.Arn")),
    "a property that does not exist": ("E3002", ("MultiAZEnabled: true", "MultiAvailabilityZone: true")),
    "a number that is none": ("E3016", ("MaxBatchSize: 1", "MaxBatchSize: one")),
    "a cache without failover": ("E9001", ("AutomaticFailoverEnabled: true", "AutomaticFailoverEnabled: false")),
    "a cache in one zone": ("E9001", ("MultiAZEnabled: true", "MultiAZEnabled: false")),
    "a cache without replicas": ("E9001", ("ReplicasPerNodeGroup: !Ref CacheReplicas", "ReplicasPerNodeGroup: 0")),
    "a token without TLS": ("E9002", ("TransitEncryptionEnabled: true", "TransitEncryptionEnabled: false")),
    "a token that is spelled out": ("E9002", ("'{{resolve:secretsmanager:${CacheToken}}}'", "token-for-everybody")),
    "a cache that evicts": ("E9003", ("maxmemory-policy: noeviction", "maxmemory-policy: allkeys-lru")),
    "a cache without snapshots": ("E9003", ("SnapshotRetentionLimit: !Ref SnapshotDays", "SnapshotRetentionLimit: 0")),
    "a resharding that empties the cache": ("E9003", ("UseOnlineResharding: true", "UseOnlineResharding: false")),
    "a health check longer than its interval": ("E9101", ("HealthCheckTimeoutSeconds: 4", "HealthCheckTimeoutSeconds: 6")),
    "a health check as long as its interval": ("E9101", ("HealthCheckTimeoutSeconds: 4", "HealthCheckTimeoutSeconds: 5")),
    "a policy on requests before the listener": ("E9102", ("    DependsOn: HttpListener\n", "")),
    "IMDSv1": ("E9201", ("HttpTokens: required", "HttpTokens: optional")),
    "the instance's role within the container's reach": ("E9201", ("HttpPutResponseHopLimit: 1", "HttpPutResponseHopLimit: 2")),
    "a disk that is not encrypted": ("E9201", ("Encrypted: true", "Encrypted: false")),
    "an SSH key": ("E9201", ("Monitoring: {Enabled: true}", "KeyName: mine")),
    "the token in the user data": ("E9201", ("TOKEN_SECRET=${CacheToken}", "TOKEN_SECRET={{resolve:secretsmanager:${CacheToken}}}")),
    "SSH from the balancer": ("E9202", ("      FromPort: 80\n      ToPort: 80\n      Description: load balancer",
                                        "      FromPort: 22\n      ToPort: 80\n      Description: load balancer")),
    "a balancer open to everybody": ("E9202", ("ToPort: 80, CidrIp: !Ref AllowedCidr", "ToPort: 80, CidrIp: 0.0.0.0/0")),
    "an update that does not wait": ("E9203", ("WaitOnResourceSignals: true", "WaitOnResourceSignals: false")),
    "a failover that replaces the fleet": ("E9203", ("HealthCheckType: EC2", "HealthCheckType: ELB")),
    "a role that may do everything with secrets": ("E9204", ("secretsmanager:GetSecretValue", "secretsmanager:*")),
}


@pytest.mark.parametrize("fault", LINTED)
def test_cfn_lint_finds(fault):
    rule, replacement = LINTED[fault]
    look = lint_ours if rule.startswith("E9") else lint
    assert rule in {found.split(":")[0] for found in look(planted(replacement))}


# Found by checkov, which runs once for all faults.
CHECKED = {
    "a cache whose disk is not encrypted": ("CKV_AWS_29", ("AtRestEncryptionEnabled: true", "AtRestEncryptionEnabled: false")),
    "an old version of TLS": ("CKV_AWS_103", ("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08")),
    "headers that are invalid": ("CKV_AWS_131", ("fields.enabled, Value: 'true'", "fields.enabled, Value: 'false'")),
    "a role for everybody": ("CKV_AWS_60", ("Principal: {Service: ec2.amazonaws.com}", "Principal: {AWS: '*'}")),
}


def test_checkov_finds(tmp_path):
    templates = {rule: expand(planted(replacement)) for rule, replacement in CHECKED.values()}
    _, failed, _ = checkov.check(templates, tmp_path)
    assert {name for name, _, rule in failed if rule == name} == set(templates)


# Found by the tests of the stack.
STACKED = {
    "instances that everybody reaches": (
        test_stack.test_clients_reach_the_balancer_it_the_instances_and_they_the_cache,
        ("      SourceSecurityGroupId: !Ref BalancerGroup\n", "      CidrIp: 10.0.0.0/8\n"),
    ),
    "a cache that the balancer reaches": (
        test_stack.test_clients_reach_the_balancer_it_the_instances_and_they_the_cache,
        ("      GroupId: !Ref CacheGroup\n      SourceSecurityGroupId: !Ref InstanceGroup",
         "      GroupId: !Ref CacheGroup\n      SourceSecurityGroupId: !Ref BalancerGroup"),
    ),
    "instances that may call everybody": (
        test_stack.test_clients_reach_the_balancer_it_the_instances_and_they_the_cache,
        ("FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0", "FromPort: 0, ToPort: 65535, CidrIp: 0.0.0.0/0"),
    ),
    "instances in the public subnets": (
        test_stack.test_each_part_is_in_its_group_and_its_subnets,
        ("VPCZoneIdentifier: !Ref PrivateSubnets", "VPCZoneIdentifier: !Ref PublicSubnets"),
    ),
    "one instance": (
        test_stack.test_there_are_two_to_n_instances_in_two_zones,
        ("      MinSize: !Ref MinInstances", "      MinSize: 1"),
    ),
    "a health check that a draining replica passes": (
        test_stack.test_the_balancer_asks_whether_a_replica_is_ready,
        ("HealthCheckPath: /health/ready", "HealthCheckPath: /health/live"),
    ),
    "connections that the service closes first": (
        test_stack.test_connections_end_at_the_balancer_first_and_requests_in_flight_are_finished,
        ("idle_timeout.timeout_seconds, Value: '60'", "idle_timeout.timeout_seconds, Value: '120'"),
    ),
    "requests that are cut off": (
        test_stack.test_connections_end_at_the_balancer_first_and_requests_in_flight_are_finished,
        ("deregistration_delay.timeout_seconds, Value: '15'", "deregistration_delay.timeout_seconds, Value: '1'"),
    ),
    "more than one secret to read": (
        test_stack.test_the_instances_may_do_no_more_than_they_must,
        ("                Resource: !Ref CacheToken", "                Resource: '*'"),
    ),
    "a cache without its last replica": (
        test_stack.test_the_cache_fails_over_by_itself_between_zones,
        ("ReplicasPerNodeGroup: !Ref CacheReplicas", "ReplicasPerNodeGroup: 1"),
    ),
    "a token that breaks a URL": (
        test_stack.test_the_cache_speaks_tls_asks_for_the_token_and_keeps_what_it_has,
        ("ExcludePunctuation: true", "ExcludePunctuation: false"),
    ),
    "requests that are counted elsewhere": (
        test_stack.test_scaling_aims_at_cpu_and_at_requests_for_each_replica,
        ("${Balancer.LoadBalancerFullName}/${Targets.TargetGroupFullName}", "${Balancer.LoadBalancerFullName}/targets"),
    ),
    "a user data with a secret": (
        test_user_data.test_the_user_data_have_no_secret,
        ("TOKEN_SECRET=${CacheToken}", "TOKEN_SECRET={{resolve:secretsmanager:${CacheToken}}}"),
    ),
}


@pytest.mark.parametrize("fault", STACKED)
def test_the_tests_of_the_stack_find(aws, fault):
    test, replacement = STACKED[fault]
    arguments = [Stack(planted(replacement))] * test.__code__.co_argcount
    with pytest.raises(AssertionError):
        test(*arguments)


# Found by the tests of the user data.
BOOTED = {
    "another image": (
        test_user_data.test_it_runs_the_image_that_it_pulled_from_the_registry,
        ("/${Repository}:${Tag}\n", "/${Repository}:latest\n"),
    ),
    "a replica with a store of its own": (
        test_user_data.test_the_container_has_the_environment_of_a_replica,
        ("STORE=redis\n", "STORE=embedded\n"),
    ),
    "a token as it comes, in a URL": (
        test_user_data.test_the_container_has_the_environment_of_a_replica,
        ('urllib.parse.quote(sys.stdin.read().rstrip("\\n"), safe="")', "sys.stdin.read().strip()"),
    ),
    "a secret that others read": (
        test_user_data.test_the_token_is_in_one_file_that_only_root_reads_and_nowhere_else,
        ("umask 077", "umask 022"),
    ),
    "a token in the arguments of docker": (
        test_user_data.test_the_token_is_in_one_file_that_only_root_reads_and_nowhere_else,
        ("--read-only --tmpfs /data", '--env REDIS_URL="x:$token" --read-only --tmpfs /data'),
    ),
    "a container with all rights": (
        test_user_data.test_the_container_has_no_more_rights_than_it_needs,
        ("--cap-drop ALL", "--privileged"),
    ),
    "a log that holds up the service": (
        test_user_data.test_its_log_goes_to_the_log_group_and_holds_up_nothing,
        ("mode=non-blocking", "mode=blocking"),
    ),
    "a stop that is shorter than the drain": (
        test_user_data.test_a_stop_is_longer_than_the_drain_and_the_drain_than_the_balancers_checks,
        ("docker stop --time 25", "docker stop --time 10"),
    ),
    "a drain that the balancer does not notice": (
        test_user_data.test_a_stop_is_longer_than_the_drain_and_the_drain_than_the_balancers_checks,
        ("DRAIN_DELAY=12s", "DRAIN_DELAY=3s"),
    ),
    "a container that is not started again": (
        test_user_data.test_systemd_starts_it_again_always_and_the_watchdog_in_turns,
        ("Restart=always", "Restart=no"),
    ),
    "a watchdog that is not started": (
        test_user_data.test_systemd_starts_it_again_always_and_the_watchdog_in_turns,
        ("study-stats.service study-stats-watchdog.timer", "study-stats.service"),
    ),
}


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path / "machine")
    made.set("token", test_user_data.TOKEN)
    yield made
    made.stop()


@pytest.mark.parametrize("fault", BOOTED)
def test_the_tests_of_the_user_data_find(aws, machine, fault):
    test, replacement = BOOTED[fault]
    stack = Stack(planted(replacement))
    machine.boot(stack.user_data())
    with pytest.raises(AssertionError):
        wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
        test(*[{"stack": stack, "booted": machine}[name] for name in wanted])


def test_a_signal_that_does_not_wait_is_found(aws, machine):
    waiting = SERVICE[SERVICE.index('                timeout "$READY_SECONDS"') : SERVICE.index("                signal SUCCESS")]
    stack = Stack(planted((waiting, "")))
    with pytest.raises(AssertionError):
        test_user_data.test_what_never_gets_ready_signals_failure(stack, machine, "it never gets ready")


def test_a_failure_that_is_not_signalled_is_found(aws, machine):
    stack = Stack(planted(("trap 'signal FAILURE' ERR", ":")))
    with pytest.raises(AssertionError):
        test_user_data.test_what_never_gets_ready_signals_failure(stack, machine, "it never gets ready")


def test_a_watchdog_that_asks_whether_it_is_ready_is_found(aws, machine):
    stack = Stack(planted(("/health/live; then", "/health/ready; then")))
    machine.boot(stack.user_data())
    with pytest.raises(AssertionError):
        test_user_data.test_the_watchdog_leaves_alone_what_lives_but_is_not_ready(machine)


# Found by the tests of the chart.
CHARTED = {
    "a failover that restarts the pods": (
        test_helm.test_liveness_asks_whether_it_lives_and_readiness_whether_it_is_ready,
        "deployment", ("/health/live", "/health/ready"),
    ),
    "a pod that is killed while it drains": (
        lambda: test_helm.test_kubernetes_waits_longer_than_the_drain({}),
        "deployment", ("terminationGracePeriodSeconds: {{ add", "terminationGracePeriodSeconds: {{ max"),
    ),
    "a field that Kubernetes does not know": (
        lambda: test_helm.test_kubernetes_takes_every_object(test_helm.LEAST, "1.32"),
        "disruptionbudget", ("maxUnavailable:", "maxUnavailible:"),
    ),
    "a template that does not render": (
        lambda: test_helm.test_helm_lint_finds_nothing(test_helm.LEAST),
        "service", (".Values.service.type", ".Values.service.kind.name"),
    ),
    "a URL in the deployment": (
        test_helm.test_the_secret_is_a_reference,
        "deployment", ("secretKeyRef:", "configMapKeyRef:"),
    ),
    "a selector that changes with the version": (
        test_helm.test_everything_selects_the_pods_of_its_release,
        "deployment", ('    matchLabels: {{- include "study-stats.selector" . | nindent 6 }}',
                       '    matchLabels: {{- include "study-stats.labels" . | nindent 6 }}'),
    ),
    "a network that is open": (
        test_helm.test_the_network_lets_through_what_is_needed_and_no_more,
        "networkpolicy", ("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]"),
    ),
    "a container that may write": (
        test_helm.test_a_replica_has_no_more_rights_than_it_needs,
        "deployment", ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ),
}


@pytest.mark.parametrize("fault", CHARTED)
def test_the_tests_of_the_chart_find(fault, tmp_path, monkeypatch):
    test, template, (old, new) = CHARTED[fault]
    chart = shutil.copytree(ROOT / "deploy/helm", tmp_path / "chart")
    file = chart / "templates" / f"{template}.yaml"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))
    monkeypatch.setattr(test_helm, "CHART", str(chart))
    with pytest.raises((AssertionError, test_helm.kubernetes_validate.ValidationError)):
        test()
