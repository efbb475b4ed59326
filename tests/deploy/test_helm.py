"""Lints and renders the Helm chart with Helm itself (its library, from PyPI), and validates the objects
against the schemas of Kubernetes."""

import copy
import re

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from .templates import ROOT

CHART = str(ROOT / "deploy/helm")
LEAST = {"redis": {"secretName": "redis"}}
ALL = {
    "image": {"repository": "registry.example.org/study-stats", "tag": "1", "pullSecrets": [{"name": "registry"}]},
    "redis": {"secretName": "redis", "secretKey": "it", "waitReplicas": 1, "caSecretName": "ca"},
    "env": {"MAX_REQUESTS": "2048", "LOG_FORMAT": "text"},
    "service": {"type": "LoadBalancer", "annotations": {"a/b": "c"}},
    "metrics": {"enabled": True, "port": 9191, "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "tracing": {"endpoint": "http://collector:4318"},
    "networkPolicy": {"redisTo": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "redisPorts": [6379, 6380]},
    "podAnnotations": {"x": "y"},
    "podLabels": {"team": "stats"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
}
BARE = {**LEAST, "autoscaling": {"enabled": False}, "podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False}}
# Types of the Prometheus operator, unknown to Kubernetes.
FOREIGN = {"ServiceMonitor"}


def render(values, name="study-stats"):
    """Renders the chart; returns its objects by kind and name."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name=name, namespace="stats")
    texts = [text for file, text in files.items() if file.endswith(".yaml")]
    objects = [each for text in texts for each in yaml.safe_load_all(text) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def container(objects):
    return objects["Deployment", "study-stats"]["spec"]["template"]["spec"]["containers"][0]


def environment(objects):
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(objects)["env"]}


@pytest.mark.parametrize("values", [LEAST, ALL, BARE], ids=["least", "all", "bare"])
def test_helm_lint_finds_nothing(values):
    report = helm.lint(CHART, values, strict=True)
    # The only permitted message is the missing icon.
    assert [message for message in report["messages"] if message["error"] != "icon is recommended"] == []
    assert report["errors"] == []


@pytest.mark.parametrize("version", ["1.27", "1.32", "1.37"])
@pytest.mark.parametrize("values", [LEAST, ALL, BARE], ids=["least", "all", "bare"])
def test_kubernetes_takes_every_object(values, version):
    for (kind, _), each in render(values).items():
        if kind not in FOREIGN:
            kubernetes_validate.validate(each, version, strict=True)


def test_a_wrong_object_would_be_refused():
    wrong = copy.deepcopy(render(LEAST)["Deployment", "study-stats"])
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["period"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.32", strict=True)


@pytest.mark.parametrize("values", [
    {}, {"redis": {"secretName": ""}}, {**LEAST, "replica": 3}, {**LEAST, "image": {"tag": "latest"}},
    {**LEAST, "env": {"REDIS_URL": "redis://:secret@host"}}, {**LEAST, "shutdown": {"grace": "5s"}},
    {"redis": {"url": "redis://:secret@host"}},
], ids=str)
def test_wrong_values_are_refused(values):
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmValuesError):
        chart.validate_schema(chart.merge_values(values))


def test_the_chart_is_of_the_services_version():
    (version,) = re.findall(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)
    with helm.Chart.load(CHART) as chart:
        assert chart.metadata["appVersion"] == version


def test_there_is_what_was_asked_for_and_no_more():
    always = {("Deployment", "study-stats"), ("Service", "study-stats"), ("ServiceAccount", "study-stats")}
    assert set(render(BARE)) == always
    least = always | {(kind, "study-stats") for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy")}
    assert set(render(LEAST)) == least
    assert set(render(ALL)) == least | {("Service", "study-stats-metrics"), ("ServiceMonitor", "study-stats")}


def test_liveness_asks_whether_it_lives_and_readiness_whether_it_is_ready():
    made = container(render(LEAST))
    assert made["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}
    assert made["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
    assert "startupProbe" not in made
    assert {port["name"]: port["containerPort"] for port in made["ports"]} == {"http": 8080}
    assert environment(render(LEAST))["PORT"] == "8080"


@pytest.mark.parametrize("shutdown", [{}, {"preStop": 20, "drainDelay": 30, "grace": 40}, {"preStop": 0, "drainDelay": 0}], ids=str)
def test_kubernetes_waits_longer_than_the_drain(shutdown):
    objects = render({**LEAST, "shutdown": shutdown})
    pod = objects["Deployment", "study-stats"]["spec"]["template"]["spec"]
    (command, waits) = container(objects)["lifecycle"]["preStop"]["exec"]["command"]
    drain, grace = (int(environment(objects)[name].removesuffix("s")) for name in ("DRAIN_DELAY", "SHUTDOWN_GRACE"))
    assert command == "sleep" and int(waits) == {"preStop": 5, **shutdown}["preStop"]
    assert drain == {"drainDelay": 5, **shutdown}["drainDelay"]
    assert pod["terminationGracePeriodSeconds"] == int(waits) + drain + grace + 5
    probe = container(render(LEAST))["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < 5


def test_the_secret_is_a_reference():
    objects = render(ALL)
    assert environment(objects)["REDIS_URL"] == {"secretKeyRef": {"name": "redis", "key": "it"}}
    assert environment(objects)["REDIS_CA_FILE"] == "/etc/redis-ca/ca.crt"
    assert container(objects)["volumeMounts"][0]["mountPath"] == "/etc/redis-ca"
    assert not any(kind == "Secret" for kind, _ in objects)


def test_the_service_is_configured_as_the_values_say():
    least, everything = environment(render(LEAST)), environment(render(ALL))
    assert least["STORE"] == everything["STORE"] == "redis"
    assert (least["REDIS_WAIT_REPLICAS"], everything["REDIS_WAIT_REPLICAS"]) == ("0", "1")
    assert (least["LOG_FORMAT"], everything["LOG_FORMAT"]) == ("json", "text")
    assert not {"METRICS_PORT", "OTEL_EXPORTER_OTLP_ENDPOINT", "REDIS_CA_FILE"} & set(least)
    assert everything["METRICS_PORT"] == "9191"
    assert everything["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert everything["MAX_REQUESTS"] == "2048"
    names = [each["name"] for each in container(render(ALL))["env"]]
    assert len(names) == len(set(names))
    assert container(render(ALL))["image"] == "registry.example.org/study-stats:1"


def test_the_variables_are_those_that_the_service_knows():
    known = (ROOT / "docs/CONFIGURATION.md").read_text()
    for name in environment(render(ALL)):
        assert f"| `{name}` |" in known, name


def test_the_number_of_replicas_is_the_autoscalers_where_there_is_one():
    assert "replicas" not in render(LEAST)["Deployment", "study-stats"]["spec"]
    assert render(BARE)["Deployment", "study-stats"]["spec"]["replicas"] == 3
    scaler = render(LEAST)["HorizontalPodAutoscaler", "study-stats"]["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "study-stats"}
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 12)


def test_everything_selects_the_pods_of_its_release():
    objects = render(ALL)
    labels = objects["Deployment", "study-stats"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects["Deployment", "study-stats"]["spec"]["selector"]["matchLabels"],
        objects["Service", "study-stats"]["spec"]["selector"],
        objects["Service", "study-stats-metrics"]["spec"]["selector"],
        objects["PodDisruptionBudget", "study-stats"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy", "study-stats"]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector == {"app.kubernetes.io/name": "study-stats", "app.kubernetes.io/instance": "study-stats"}
        assert selector.items() <= labels.items()
    assert labels["team"] == "stats"
    monitored = objects["ServiceMonitor", "study-stats"]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= objects["Service", "study-stats-metrics"]["metadata"]["labels"].items()
    assert not monitored.items() <= objects["Service", "study-stats"]["metadata"]["labels"].items()
    (endpoint,) = objects["ServiceMonitor", "study-stats"]["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in objects["Service", "study-stats-metrics"]["spec"]["ports"]]
    assert objects["ServiceMonitor", "study-stats"]["metadata"]["labels"]["release"] == "prometheus"


def test_the_network_lets_through_what_is_needed_and_no_more():
    def ports(rules):
        return [sorted((port["protocol"], port["port"]) for port in rule["ports"]) for rule in rules]

    least = render(LEAST)["NetworkPolicy", "study-stats"]["spec"]
    assert least["policyTypes"] == ["Ingress", "Egress"]
    assert least["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": "http"}]}]
    dns = [("TCP", 53), ("TCP", 5353), ("UDP", 53), ("UDP", 5353)]
    assert ports(least["egress"]) == [dns, [("TCP", 6379), ("TCP", 26379)]]
    everything = render(ALL)["NetworkPolicy", "study-stats"]["spec"]
    assert ports(everything["ingress"]) == [[("TCP", "http")], [("TCP", "metrics")]]
    assert ports(everything["egress"])[1:] == [[("TCP", 6379), ("TCP", 6380)], [("TCP", 4318)]]
    assert everything["egress"][1]["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]


def test_a_replica_has_no_more_rights_than_it_needs():
    objects = render(ALL)
    pod = objects["Deployment", "study-stats"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == 10001
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert objects["ServiceAccount", "study-stats"]["automountServiceAccountToken"] is False


def test_the_memory_fits_the_connections():
    made = render(LEAST)
    limit = int(container(made)["resources"]["limits"]["memory"].removesuffix("Mi"))
    connections = int(environment(made)["MAX_CONNECTIONS"])
    # Idle memory, large bodies twice, and 64 KiB for each connection, in MiB.
    assert 20 + 2 * 64 + connections * 64 / 1024 <= limit


def test_two_releases_in_a_namespace_stay_apart():
    other = render(ALL, name="other")
    assert not {name for _, name in other} & {name for _, name in render(ALL)}
    labels = other["Deployment", "other-study-stats"]["spec"]["selector"]["matchLabels"]
    assert labels["app.kubernetes.io/instance"] == "other"
