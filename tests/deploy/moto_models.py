"""Models of resources that moto does not create through CloudFormation, or only in part. The properties
of a resource go to moto's API of the service: a property that the API refuses fails the stack, and
tests read the result from the API. Importing this module registers the models."""

from functools import cache

import boto3
from moto.core.common_models import CloudFormationModel
from moto.ec2.models.security_groups import SecurityGroup
from moto.ecr.models import Repository
from moto.elbv2.models import FakeLoadBalancer, FakeTargetGroup

# Cached: the creation of a client takes longer than its calls.
client = cache(boto3.client)


def full_name(resource, attribute):
    """Returns an attribute of a load balancer or target group that the template reads."""
    name = resource.arn.split(":")[-1]
    known = {"TargetGroupFullName": name, "LoadBalancerFullName": name.removeprefix("loadbalancer/")}
    return known.get(attribute) or resource.dns_name


FakeLoadBalancer.get_cfn_attribute = full_name
FakeTargetGroup.get_cfn_attribute = full_name


def completed_by(model, complete):
    """Extends the creation of `model` by `complete`, which sets the properties that moto ignores."""
    create = model.create_from_cloudformation_json

    def create_and_complete(name, cloudformation_json, account_id, region, **given):
        resource = create(name, cloudformation_json, account_id, region, **given)
        complete(resource, cloudformation_json["Properties"], region)
        return resource

    model.create_from_cloudformation_json = create_and_complete


def permission(rule):
    """Converts a security group rule of the template to the form of EC2's API."""
    made = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort")}
    if "CidrIp" in rule:
        return {**made, "IpRanges": [{"CidrIp": rule["CidrIp"], "Description": rule["Description"]}]}
    return {**made, "UserIdGroupPairs": [{"GroupId": rule["DestinationSecurityGroupId"]}]}


def with_egress(group, properties, region):
    """Replaces the default rule for all outgoing traffic by the group's own outgoing rules, if any."""
    rules = properties.get("SecurityGroupEgress")
    if not rules:
        return
    ec2 = client("ec2", region)
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group.id, IpPermissions=[everything])
    ec2.authorize_security_group_egress(GroupId=group.id, IpPermissions=[permission(rule) for rule in rules])


def with_attributes(balancer, properties, region):
    # Moto passes None for the condition value AWS::NoValue.
    given = [attribute for attribute in properties["LoadBalancerAttributes"] if attribute]
    client("elbv2", region).modify_load_balancer_attributes(LoadBalancerArn=balancer.arn, Attributes=given)


def with_target_attributes(targets, properties, region):
    given = properties["TargetGroupAttributes"]
    client("elbv2", region).modify_target_group_attributes(TargetGroupArn=targets.arn, Attributes=given)


def with_scan_and_lifecycle(repository, properties, region):
    ecr = client("ecr", region)
    scan = properties["ImageScanningConfiguration"]["ScanOnPush"]
    ecr.put_image_scanning_configuration(
        repositoryName=repository.name, imageScanningConfiguration={"scanOnPush": scan}
    )
    policy = properties["LifecyclePolicy"]["LifecyclePolicyText"]
    ecr.put_lifecycle_policy(repositoryName=repository.name, lifecyclePolicyText=policy)


completed_by(SecurityGroup, with_egress)
completed_by(FakeLoadBalancer, with_attributes)
completed_by(FakeTargetGroup, with_target_attributes)
completed_by(Repository, with_scan_and_lifecycle)


class Substitute:
    """Resource created by a call of boto3; `create` of each subclass makes the call."""

    def __init__(self, name, attributes=None):
        self.physical_resource_id = name
        self.attributes = attributes or {}

    @classmethod
    def cloudformation_type(cls):
        return cls.kind

    @staticmethod
    def cloudformation_name_type():
        return None

    @staticmethod
    def has_cfn_attr(_):
        return True

    def get_cfn_attribute(self, name):
        return self.attributes[name]

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        return cls.create(resource_name, dict(cloudformation_json["Properties"]), region_name)


class Secret(Substitute, CloudFormationModel):
    kind = "AWS::SecretsManager::Secret"

    @classmethod
    def create(cls, name, properties, region):
        secrets = client("secretsmanager", region)
        generate = properties.pop("GenerateSecretString")
        token = secrets.get_random_password(**generate)["RandomPassword"]
        return cls(secrets.create_secret(Name=name, SecretString=token, **properties)["ARN"])


class SubnetGroup(Substitute, CloudFormationModel):
    kind = "AWS::ElastiCache::SubnetGroup"

    @classmethod
    def create(cls, name, properties, region):
        description = properties.pop("Description")
        client("elasticache", region).create_cache_subnet_group(
            CacheSubnetGroupName=name, CacheSubnetGroupDescription=description, **properties
        )
        return cls(name)


class ParameterGroup(Substitute, CloudFormationModel):
    """Parameter group, which moto's ElastiCache lacks: the properties are stored for the test."""

    groups = {}

    kind = "AWS::ElastiCache::ParameterGroup"

    @classmethod
    def create(cls, name, properties, region):
        cls.groups[name] = properties
        return cls(name)


class ReplicationGroup(Substitute, CloudFormationModel):
    kind = "AWS::ElastiCache::ReplicationGroup"

    @classmethod
    def create(cls, name, properties, region):
        reference = properties["AuthToken"]
        assert reference.startswith("{{resolve:secretsmanager:") and reference.endswith("}}"), reference
        secret = reference.removeprefix("{{resolve:secretsmanager:").removesuffix("}}")
        token = client("secretsmanager", region).get_secret_value(SecretId=secret)["SecretString"]
        for number in ("NumNodeGroups", "ReplicasPerNodeGroup", "Port", "SnapshotRetentionLimit"):
            properties[number] = int(properties[number])
        made = client("elasticache", region).create_replication_group(
            ReplicationGroupId="cache-" + name[-8:].lower(), **{**properties, "AuthToken": token}
        )["ReplicationGroup"]
        name = made["ReplicationGroupId"]
        endpoints = {
            f"{kind}.{part}": value
            for kind in ("PrimaryEndPoint", "ConfigurationEndPoint")
            for part, value in (("Address", f"{kind.lower()}.{name}.cache.amazonaws.com"), ("Port", "6379"))
        }
        return cls(name, endpoints)


class ScalingPolicy(Substitute, CloudFormationModel):
    kind = "AWS::AutoScaling::ScalingPolicy"

    @classmethod
    def create(cls, name, properties, region):
        target = properties["TargetTrackingConfiguration"]
        target["TargetValue"] = float(target["TargetValue"])
        client("autoscaling", region).put_scaling_policy(PolicyName=name, **properties)
        return cls(name)


class Alarm(Substitute, CloudFormationModel):
    kind = "AWS::CloudWatch::Alarm"

    @classmethod
    def create(cls, name, properties, region):
        properties["Threshold"] = float(properties["Threshold"])
        client("cloudwatch", region).put_metric_alarm(AlarmName=name, **properties)
        return cls(name)


class Subscription(Substitute, CloudFormationModel):
    kind = "AWS::SNS::Subscription"

    @classmethod
    def create(cls, name, properties, region):
        return cls(client("sns", region).subscribe(**properties)["SubscriptionArn"])


class SecurityGroupEgress(Substitute, CloudFormationModel):
    kind = "AWS::EC2::SecurityGroupEgress"

    @classmethod
    def create(cls, name, properties, region):
        client("ec2", region).authorize_security_group_egress(
            GroupId=properties["GroupId"], IpPermissions=[permission(properties)]
        )
        return cls(name)
