"""The CloudFormation templates: their text, their lint errors, and their expanded form."""

import json
from pathlib import Path

from cfnlint import api
from cfnlint.config import ManualArgs
from cfnlint.decode.decode import decode_str
from cfnlint.helpers import load_plugins
from cfnlint.rules import RulesCollection
from cfnlint.template.template import Template

ROOT = Path(__file__).parents[2]
SERVICE = (ROOT / "deploy/aws/service.yaml").read_text()
REGISTRY = (ROOT / "deploy/aws/registry.yaml").read_text()
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2"]


RULES = str(Path(__file__).parent / "rules")


def lint(text):
    """Returns the broken rules of cfn-lint and of the project, as `rule: message`."""
    return told(api.lint(text, config=ManualArgs(regions=REGIONS, append_rules=[RULES])))


def lint_ours(text):
    """Returns the broken rules of the project only; much faster."""
    rules = RulesCollection()
    rules.extend(load_plugins(RULES))
    return told(api.lint(text, rules=rules, regions=REGIONS))


def told(matches):
    return [f"{match.rule.id}: {match.message}" for match in matches]


def expand(text, **parameters):
    """Returns the template as JSON, with loops unrolled as in AWS, with `parameters` as defaults."""
    template, errors = decode_str(text)
    assert not errors, errors
    for name, value in parameters.items():
        template["Parameters"][name]["Default"] = value
    cfn = Template("template", template, REGIONS)
    assert not cfn.transform()
    expanded = json.loads(json.dumps(cfn.template))
    expanded.pop("Transform", None)
    return expanded
