"""Rules for the load balancer that cfn-lint lacks."""

from cfnlint.rules import CloudFormationLintRule, RuleMatch

# Defaults of AWS.
INTERVAL, TIMEOUT = 30, 5


class HealthCheckEndsBeforeTheNext(CloudFormationLintRule):
    """A health check times out before the next one begins; AWS refuses anything else."""

    id = "E9101"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        for name, resource in cfn.get_resources("AWS::ElasticLoadBalancingV2::TargetGroup").items():
            properties = resource["Properties"]
            interval = int(properties.get("HealthCheckIntervalSeconds", INTERVAL))
            timeout = int(properties.get("HealthCheckTimeoutSeconds", TIMEOUT))
            if timeout >= interval:
                yield RuleMatch(["Resources", name], f"it waits {timeout} s for an answer, and asks every {interval} s")


class RequestsAreCountedAtAListener(CloudFormationLintRule):
    """A policy on requests for each target comes after a listener: the target group is no balancer's before."""

    id = "E9102"
    shortdesc = description = __doc__
    tags = ["study-stats"]

    def match(self, cfn):
        listeners = set(cfn.get_resources("AWS::ElasticLoadBalancingV2::Listener"))
        for name, resource in cfn.get_resources("AWS::AutoScaling::ScalingPolicy").items():
            if "ALBRequestCountPerTarget" in str(resource) and not listeners & self.before(cfn, name):
                yield RuleMatch(["Resources", name], "no listener is made before this policy")

    @staticmethod
    def before(cfn, name):
        """Returns all resources that are created before the resource `name`."""
        found, waiting = set(), [name]
        while waiting:
            targets = {target for _, target in cfn.graph.graph.out_edges(waiting.pop())} - found
            found |= targets
            waiting += targets
        return found
