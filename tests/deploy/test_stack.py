"""The stack, as created by moto."""

from . import stack as stacks
from .templates import expand, SERVICE


def test_clients_reach_the_balancer_it_the_instances_and_they_the_cache(stack):
    assert stack.security_group("BalancerGroup") == ({("10.0.0.0/8", 80, 80)}, {("InstanceGroup", 80, 80)})
    assert stack.security_group("InstanceGroup") == (
        {("BalancerGroup", 80, 80)},
        {("CacheGroup", 6379, 6379), ("0.0.0.0/0", 443, 443)},
    )
    assert stack.security_group("CacheGroup") == ({("InstanceGroup", 6379, 6379)}, {("127.0.0.1/32", 6379, 6379)})


def test_what_is_optional_opens_its_own_port_and_no_other(full_stack):
    into, out_of = full_stack.security_group("InstanceGroup")
    assert into == {("BalancerGroup", 80, 80), ("10.9.0.0/16", 9090, 9090)}
    assert out_of == {("CacheGroup", 6379, 6379), ("0.0.0.0/0", 443, 443), ("0.0.0.0/0", 4318, 4318)}
    into, out_of = full_stack.security_group("BalancerGroup")
    assert into == {("10.0.0.0/8", 80, 80), ("10.0.0.0/8", 443, 443)}
    assert out_of == {("InstanceGroup", 80, 80)}


def test_each_part_is_in_its_group_and_its_subnets(stack):
    balancer = stack.client("elbv2").describe_load_balancers(LoadBalancerArns=[stack.ids["Balancer"]])["LoadBalancers"][0]
    assert balancer["SecurityGroups"] == [stack.ids["BalancerGroup"]]
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == set(stack.subnets[:2])
    assert stack.launch_template()["SecurityGroupIds"] == [stack.ids["InstanceGroup"]]
    assert stack.group()["VPCZoneIdentifier"].split(",") == stack.subnets[2:4]
    properties = expand(SERVICE)["Resources"]["Cache"]["Properties"]
    assert properties["SecurityGroupIds"] == [{"Ref": "CacheGroup"}]
    assert properties["CacheSubnetGroupName"] == {"Ref": "CacheSubnets"}


def test_there_are_two_to_n_instances_in_two_zones(stack, full_stack):
    group = stack.group()
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (2, 2, 6)
    zones = {instance["AvailabilityZone"] for instance in group["Instances"]}
    assert len(group["Instances"]) == 2 and len(set(group["AvailabilityZones"]) | zones) >= 2
    assert group["TargetGroupARNs"] == [stack.ids["Targets"]]
    assert (full_stack.group()["MinSize"], full_stack.group()["MaxSize"]) == (3, 9)


def test_a_cache_that_fails_over_replaces_no_instance(stack):
    assert stack.group()["HealthCheckType"] == "EC2"


def test_the_balancer_asks_whether_a_replica_is_ready(stack):
    targets = stack.target_group()
    assert (targets["Protocol"], targets["Port"]) == ("HTTP", 80)
    assert targets["HealthCheckPath"] == "/health/ready"
    assert targets["Matcher"] == {"HttpCode": "200"}
    assert targets["HealthCheckTimeoutSeconds"] < targets["HealthCheckIntervalSeconds"] <= 10


def test_connections_end_at_the_balancer_first_and_requests_in_flight_are_finished(stack):
    # The service's IDLE_TIMEOUT is 75 s, its REQUEST_TIMEOUT 5 s.
    assert int(stack.balancer_attributes()["idle_timeout.timeout_seconds"]) < 75
    assert 5 < int(stack.target_attributes()["deregistration_delay.timeout_seconds"]) <= 30


def test_without_a_certificate_there_is_http(stack):
    listeners = stack.listeners()
    assert set(listeners) == {80}
    assert [action["Type"] for action in listeners[80]["DefaultActions"]] == ["forward"]
    assert listeners[80]["DefaultActions"][0]["TargetGroupArn"] == stack.ids["Targets"]
    assert stack.outputs["Url"].startswith("http://")


def test_with_a_certificate_http_redirects_to_https(full_stack):
    listeners = full_stack.listeners()
    assert set(listeners) == {80, 443}
    (action,) = listeners[80]["DefaultActions"]
    assert action["Type"] == "redirect"
    redirect = action["RedirectConfig"]
    assert (redirect["Protocol"], redirect["Port"], redirect["StatusCode"]) == ("HTTPS", "443", "HTTP_301")
    (action,) = listeners[443]["DefaultActions"]
    assert action["Type"] == "forward" and action["TargetGroupArn"] == full_stack.ids["Targets"]
    assert "TLS13" in listeners[443]["SslPolicy"]
    assert full_stack.outputs["Url"].startswith("https://")


def test_access_is_logged_where_a_bucket_is_given(stack, full_stack):
    assert stack.balancer_attributes().get("access_logs.s3.enabled", "false") == "false"
    attributes = full_stack.balancer_attributes()
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.bucket"] == "access-logs"


def test_the_balancer_is_public_unless_it_is_not_to_be(stack, full_stack):
    for each, scheme in ((stack, "internet-facing"), (full_stack, "internal")):
        found = each.client("elbv2").describe_load_balancers(LoadBalancerArns=[each.ids["Balancer"]])
        assert found["LoadBalancers"][0]["Scheme"] == scheme


def test_an_instance_is_amazon_linux_2023_with_imdsv2_an_encrypted_disk_and_no_key(stack):
    data = stack.launch_template()
    parameter = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    image = stack.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    assert data["ImageId"] == image and image.startswith("ami-")
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert [disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"]] == [True]
    assert "KeyName" not in data
    assert data["Monitoring"] == {"Enabled": True}


def test_the_instances_may_do_no_more_than_they_must(stack):
    statements = stack.statements()
    pull = statements["PullTheImage"]
    assert sorted(pull["Action"]) == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert pull["Resource"] == "arn:aws:ecr:us-east-1:123456789012:repository/study-stats"
    assert statements["ReadTheToken"]["Action"] == "secretsmanager:GetSecretValue"
    assert statements["ReadTheToken"]["Resource"] == stack.ids["CacheToken"]
    assert stack.ids["Log"] in statements["WriteTheLog"]["Resource"]
    assert f":stack/{stack.name}/" in statements["SayThatItIsReady"]["Resource"]
    everywhere = [statement for statement in statements.values() if "*" == statement["Resource"]]
    assert {action for statement in everywhere for action in statement["Action"]} == {
        "ecr:GetAuthorizationToken",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    attached = stack.client("iam").list_attached_role_policies(RoleName=stack.ids["InstanceRole"])
    assert attached["AttachedPolicies"] == []


def test_scaling_aims_at_cpu_and_at_requests_for_each_replica(stack):
    scaling = stack.scaling()
    assert set(scaling) == {"ASGAverageCPUUtilization", "ALBRequestCountPerTarget"}
    assert scaling["ASGAverageCPUUtilization"]["TargetValue"] == 60
    requests = scaling["ALBRequestCountPerTarget"]
    assert requests["TargetValue"] > 0
    balancer, targets = (stack.ids[name].split(":")[-1] for name in ("Balancer", "Targets"))
    label = f"{balancer.removeprefix('loadbalancer/')}/{targets}"
    assert requests["PredefinedMetricSpecification"]["ResourceLabel"] == label


def test_an_update_waits_for_each_new_instance():
    group = expand(SERVICE)["Resources"]["Group"]
    update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert update["WaitOnResourceSignals"] is True
    assert update["MaxBatchSize"] == 1
    assert update["MinInstancesInService"] == {"Ref": "MinInstances"}
    assert group["CreationPolicy"]["ResourceSignal"]["Count"] == {"Ref": "MinInstances"}
    # An update does not reset a capacity that scaling has set.
    assert "DesiredCapacity" not in group["Properties"]


def test_the_cache_fails_over_by_itself_between_zones(stack):
    cache = stack.cache()
    assert (cache["MultiAZ"], cache["AutomaticFailover"]) == ("enabled", "enabled")
    assert len(cache["NodeGroups"]) == 1 and len(cache["NodeGroups"][0]["NodeGroupMembers"]) == 3


def test_the_cache_speaks_tls_asks_for_the_token_and_keeps_what_it_has(stack):
    cache = stack.cache()
    assert cache["TransitEncryptionEnabled"] and cache["AtRestEncryptionEnabled"] and cache["AuthTokenEnabled"]
    assert stack.token().isalnum() and len(stack.token()) == 64
    assert cache["SnapshotRetentionLimit"] == 7
    assert stack.cache_parameters() == {"maxmemory-policy": "noeviction", "cluster-enabled": "no"}
    resource = expand(SERVICE)["Resources"]["Cache"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Snapshot"


def test_more_shards_make_it_a_cluster(full_stack):
    assert full_stack.cache_parameters()["cluster-enabled"] == "yes"
    assert len(full_stack.cache()["NodeGroups"]) == 2
    # A changed number of shards moves slots, and creates no new cache.
    assert expand(SERVICE)["Resources"]["Cache"]["UpdatePolicy"] == {"UseOnlineResharding": True}


def test_every_alarm_reaches_the_topic(stack, full_stack):
    for each in (stack, full_stack):
        for alarm in each.alarms().values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [each.outputs["AlarmTopic"]]
    topics = full_stack.client("sns")
    subscribed = topics.list_subscriptions_by_topic(TopicArn=full_stack.outputs["AlarmTopic"])["Subscriptions"]
    assert [(each["Protocol"], each["Endpoint"]) for each in subscribed] == [("email", "operator@example.org")]


def test_there_are_alarms_of_the_balancer_and_of_every_node_of_the_cache(stack, full_stack):
    watched = {"CacheCpuAlarm": "EngineCPUUtilization", "CacheMemoryAlarm": "DatabaseMemoryUsagePercentage",
               "CacheEvictionsAlarm": "Evictions", "CacheLagAlarm": "ReplicationLag"}
    nodes = {"stack": ["001", "002", "003"], "full": ["0001-001", "0001-002", "0002-001", "0002-002"]}
    for each, names in ((stack, nodes["stack"]), (full_stack, nodes["full"])):
        alarms = each.alarms()
        assert alarms["LatencyAlarm"]["MetricName"] == "TargetResponseTime"
        assert alarms["UnhealthyAlarm"]["MetricName"] == "UnHealthyHostCount"
        parts = [part["MetricStat"]["Metric"] for part in alarms["ErrorsAlarm"]["Metrics"] if "MetricStat" in part]
        metrics = {metric["MetricName"] for metric in parts}
        assert metrics == {"HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "RequestCount"}
        for name, metric in watched.items():
            for node in names:
                alarm = alarms[name + node.replace("-", "")]
                assert alarm["MetricName"] == metric
                assert alarm["Dimensions"] == [{"Name": "CacheClusterId", "Value": f"{each.ids['Cache']}-{node}"}]
        assert len(alarms) == 3 + 4 * len(names)


def test_tags_of_images_are_never_moved_and_images_are_scanned(aws):
    repository = stacks.registry()
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    policy = stacks.Stack.client("ecr").get_lifecycle_policy(repositoryName=repository["repositoryName"])
    assert "imageCountMoreThan" in policy["lifecyclePolicyText"]
