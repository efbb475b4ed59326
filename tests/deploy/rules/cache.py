"""Rules for the cache that cfn-lint lacks."""

from cfnlint.rules import CloudFormationLintRule, RuleMatch

GROUP = "AWS::ElastiCache::ReplicationGroup"


def replication_groups(cfn):
    for name, resource in cfn.get_resources(GROUP).items():
        yield ["Resources", name], resource, resource.get("Properties", {})


class CacheFailsOver(CloudFormationLintRule):
    """A replication group fails over by itself, to another zone."""

    id = "E9001"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for path, _, properties in replication_groups(cfn):
            for name in ("AutomaticFailoverEnabled", "MultiAZEnabled"):
                if properties.get(name) is not True:
                    yield RuleMatch(path, f"{name} is not true: a lost node ends the service")
            if properties.get("ReplicasPerNodeGroup", 0) == 0:
                yield RuleMatch(path, "there is no replica to fail over to")


class CacheTokenIsSecret(CloudFormationLintRule):
    """The token of a replication group comes from Secrets Manager and goes over TLS."""

    id = "E9002"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for path, _, properties in replication_groups(cfn):
            if properties.get("TransitEncryptionEnabled") is not True:
                yield RuleMatch(path, "there is no TLS: the token would be read on the way, and AWS refuses it")
            if "{{resolve:secretsmanager:" not in str(properties.get("AuthToken")):
                yield RuleMatch(path, "AuthToken is not taken from Secrets Manager")


class CacheKeepsItsData(CloudFormationLintRule):
    """A cache that is a store evicts nothing, and leaves a snapshot where it goes."""

    id = "E9003"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for path, resource, properties in replication_groups(cfn):
            if not properties.get("SnapshotRetentionLimit"):
                yield RuleMatch(path, "there are no snapshots")
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(policy) != "Snapshot":
                    yield RuleMatch(path, f"{policy} is not Snapshot")
            if resource.get("UpdatePolicy", {}).get("UseOnlineResharding") is not True:
                yield RuleMatch(path, "another number of shards would make a new, empty cache")
        for name, group in cfn.get_resources("AWS::ElastiCache::ParameterGroup").items():
            if group["Properties"].get("Properties", {}).get("maxmemory-policy") != "noeviction":
                yield RuleMatch(["Resources", name], "maxmemory-policy is not noeviction: it would throw sessions away")
