"""The templates pass the rules of cfn-lint, of checkov and of the project."""

import pytest

from . import checkov
from .templates import REGISTRY, SERVICE, expand, lint


@pytest.mark.parametrize("text", [REGISTRY, SERVICE], ids=["registry", "service"])
def test_cfn_lint_finds_nothing(text):
    assert lint(text) == []


@pytest.mark.parametrize("text", [REGISTRY, SERVICE], ids=["registry", "service"])
def test_the_command_line_takes_the_template_as_it_is(text):
    assert len(text.encode()) < 51_200


def test_checkov_finds_nothing_and_every_skip_says_why_and_is_needed(tmp_path):
    templates = {"registry": expand(REGISTRY), "service": expand(SERVICE)}
    summary, failed, skipped = checkov.check(templates, tmp_path)
    # checkov does not count an unreadable template as a failure.
    assert summary["parsing_errors"] == 0
    assert summary["resource_count"] >= sum(len(template["Resources"]) for template in templates.values())
    assert failed == set()
    declared = {
        (name, resource, skip["id"])
        for name, template in templates.items()
        for resource, properties in template["Resources"].items()
        for skip in properties.get("Metadata", {}).get("checkov", {}).get("skip", [])
        if len(skip["comment"]) > 20
    }
    assert skipped == declared
