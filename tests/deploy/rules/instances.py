"""Rules for the instances that cfn-lint lacks."""

from cfnlint.rules import CloudFormationLintRule, RuleMatch


class InstancesAreClosed(CloudFormationLintRule):
    """An instance has IMDSv2 only, out of its containers' reach, encrypted disks and no SSH key."""

    id = "E9201"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for name, resource in cfn.get_resources("AWS::EC2::LaunchTemplate").items():
            path, data = ["Resources", name], resource["Properties"]["LaunchTemplateData"]
            options = data.get("MetadataOptions", {})
            if options.get("HttpTokens") != "required":
                yield RuleMatch(path, "IMDSv1 is answered")
            if options.get("HttpPutResponseHopLimit") != 1:
                yield RuleMatch(path, "a container can take the instance's role")
            if "KeyName" in data:
                yield RuleMatch(path, "there is an SSH key")
            if not all(disk["Ebs"].get("Encrypted") is True for disk in data.get("BlockDeviceMappings", [{"Ebs": {}}])):
                yield RuleMatch(path, "a disk is not encrypted")
            if "resolve:secretsmanager" in str(data) or "resolve:ssm-secure" in str(data):
                yield RuleMatch(path, "a secret would be in the launch template, for all to read")


class NoGroupLetsInSsh(CloudFormationLintRule):
    """No security group opens SSH, or anything to everybody."""

    id = "E9202"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        rules = []
        for name, resource in cfn.get_resources("AWS::EC2::SecurityGroup").items():
            rules += [(name, rule) for rule in resource["Properties"].get("SecurityGroupIngress", [])]
        for name, resource in cfn.get_resources("AWS::EC2::SecurityGroupIngress").items():
            rules.append((name, resource["Properties"]))
        for name, rule in rules:
            if rule.get("IpProtocol") == "-1" or int(rule["FromPort"]) <= 22 <= int(rule["ToPort"]):
                yield RuleMatch(["Resources", name], "it opens port 22")
            if rule.get("CidrIp") == "0.0.0.0/0":
                yield RuleMatch(["Resources", name], "it is open to everybody, whatever AllowedCidr says")


class UpdatesAreWatched(CloudFormationLintRule):
    """A group is updated one by one, each new instance having signalled; its health is EC2's."""

    id = "E9203"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for name, resource in cfn.get_resources("AWS::AutoScaling::AutoScalingGroup").items():
            path = ["Resources", name]
            update = resource.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
            if update.get("WaitOnResourceSignals") is not True or "PauseTime" not in update:
                yield RuleMatch(path, "an update does not wait for a signal: a broken version would go everywhere")
            if not update.get("MinInstancesInService"):
                yield RuleMatch(path, "an update may leave no instance in service")
            if "ResourceSignal" not in resource.get("CreationPolicy", {}):
                yield RuleMatch(path, "the stack would be complete before an instance is ready")
            if resource["Properties"].get("HealthCheckType", "EC2") != "EC2":
                yield RuleMatch(path, "a cache that fails over would have all instances replaced")


class MayDoOnlyWhatItNames(CloudFormationLintRule):
    """No role may do everything of a service, or is handed a policy from outside."""

    id = "E9204"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for name, resource in cfn.get_resources("AWS::IAM::Role").items():
            path, properties = ["Resources", name], resource["Properties"]
            if properties.get("ManagedPolicyArns"):
                yield RuleMatch(path, "a managed policy grants more than is needed")
            for policy in properties.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"]
                    for action in [actions] if isinstance(actions, str) else actions:
                        if "*" in action:
                            yield RuleMatch(path, f"{action} is more than is needed")
