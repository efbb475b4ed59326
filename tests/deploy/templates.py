"""The CloudFormation templates: their text, what is wrong with it, and what AWS makes of it."""

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
    """The rules of cfn-lint and our own that the template breaks, as `rule: message`."""
    return told(api.lint(text, config=ManualArgs(regions=REGIONS, append_rules=[RULES])))


def lint_ours(text):
    """Those of our own only, which is much faster."""
    rules = RulesCollection()
    rules.extend(load_plugins(RULES))
    return told(api.lint(text, rules=rules, regions=REGIONS))


def told(matches):
    return [f"{match.rule.id}: {match.message}" for match in matches]


def expand(text, **parameters):
    """The template as JSON, its loops unrolled as AWS does it, with these defaults of parameters."""
    template, errors = decode_str(text)
    assert not errors, errors
    for name, value in parameters.items():
        template["Parameters"][name]["Default"] = value
    cfn = Template("template", template, REGIONS)
    assert not cfn.transform()
    expanded = json.loads(json.dumps(cfn.template))
    expanded.pop("Transform", None)
    return expanded
