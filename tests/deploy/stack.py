"""The service's stack, created by moto, and queries on its resources."""

import ast
import base64
import json
from itertools import count

from . import moto_models
from .templates import REGISTRY, SERVICE, expand

REGION = "us-east-1"
NUMBERS = count(1)


class Stack:
    """Stack of a template text, with the required parameters and the given parameters."""

    def __init__(self, text=SERVICE, **parameters):
        ec2 = self.client("ec2")
        network = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        self.subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        self.name = f"study-stats-{next(NUMBERS)}"
        given = {
            "VpcId": network,
            "PublicSubnets": ",".join(self.subnets[:2]),
            "PrivateSubnets": ",".join(self.subnets[2:4]),
            "AllowedCidr": "10.0.0.0/8",
            "Tag": "0123456789ab",
            **parameters,
        }
        # Loops are unrolled over the default of their parameter.
        loops = {name: value for name, value in given.items() if name == "CacheNodes"}
        create(self.name, expand(text, **loops), given)
        described = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        assert described["StackStatus"] == "CREATE_COMPLETE"
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        resources = self.client("cloudformation").describe_stack_resources(StackName=self.name)
        # Resources that only connect two resources have no id.
        self.ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources["StackResources"]
            if "PhysicalResourceId" in resource
        }

    @staticmethod
    def client(service):
        return moto_models.client(service, REGION)

    def security_group(self, name):
        """Rules of a security group, in and out: peer, first port, last port."""
        ec2 = self.client("ec2")
        found = ec2.describe_security_groups(GroupIds=[self.ids[name]])["SecurityGroups"][0]
        names = {identity: known for known, identity in self.ids.items()}

        def rules(permissions):
            return {
                (peer, permission.get("FromPort"), permission.get("ToPort"))
                for permission in permissions
                for peer in [names.get(pair["GroupId"]) for pair in permission["UserIdGroupPairs"]]
                + [cidr["CidrIp"] for cidr in permission["IpRanges"]]
            }

        return rules(found["IpPermissions"]), rules(found["IpPermissionsEgress"])

    def launch_template(self):
        versions = self.client("ec2").describe_launch_template_versions(LaunchTemplateId=self.ids["Template"])
        return versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]

    def user_data(self):
        return base64.b64decode(self.launch_template()["UserData"]).decode()

    def group(self):
        groups = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.ids["Group"]])
        return groups["AutoScalingGroups"][0]

    def target_group(self):
        elb = self.client("elbv2")
        return elb.describe_target_groups(TargetGroupArns=[self.ids["Targets"]])["TargetGroups"][0]

    def balancer_attributes(self):
        elb = self.client("elbv2")
        found = elb.describe_load_balancer_attributes(LoadBalancerArn=self.ids["Balancer"])["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in found}

    def target_attributes(self):
        elb = self.client("elbv2")
        found = elb.describe_target_group_attributes(TargetGroupArn=self.ids["Targets"])["Attributes"]
        return {attribute["Key"]: attribute["Value"] for attribute in found}

    def listeners(self):
        """Listeners of the balancer, by port."""
        found = self.client("elbv2").describe_listeners(LoadBalancerArn=self.ids["Balancer"])["Listeners"]
        return {listener["Port"]: listener for listener in found}

    def cache(self):
        groups = self.client("elasticache").describe_replication_groups(ReplicationGroupId=self.ids["Cache"])
        return groups["ReplicationGroups"][0]

    def cache_parameters(self):
        return moto_models.ParameterGroup.groups[self.ids["CacheParameters"]]["Properties"]

    def token(self):
        secrets = self.client("secretsmanager")
        return secrets.get_secret_value(SecretId=self.ids["CacheToken"])["SecretString"]

    def statements(self):
        """Permissions of the instances, by the statement's name."""
        iam = self.client("iam")
        policy = iam.get_role_policy(RoleName=self.ids["InstanceRole"], PolicyName="service")["PolicyDocument"]
        return {statement["Sid"]: statement for statement in ast.literal_eval(policy)["Statement"]}

    def alarms(self):
        """Alarms by their names in the template."""
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate()
        found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
        return {name: found[identity] for name, identity in self.ids.items() if "Alarm" in name and identity in found}

    def scaling(self):
        """Targets of scaling, by metric."""
        policies = self.client("autoscaling").describe_policies(AutoScalingGroupName=self.ids["Group"])
        targets = [policy["TargetTrackingConfiguration"] for policy in policies["ScalingPolicies"]]
        return {target["PredefinedMetricSpecification"]["PredefinedMetricType"]: target for target in targets}


def registry():
    """Repository created by the registry's stack."""
    create("registry", expand(REGISTRY), {})
    return moto_models.client("ecr", REGION).describe_repositories()["repositories"][0]


def create(name, template, parameters):
    moto_models.client("cloudformation", REGION).create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
