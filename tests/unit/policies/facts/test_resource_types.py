"""The derived file against the schemas inside cloudformation-validate, which somebody else has compiled from AWS's."""

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cloudformation_validate import (
    CompositeEngine,
    RuleFilterConfig,
    SchemaValidator,
    TemplateContent,
    ValidateConfig,
)

import policies.facts.resource_types as module
from policies.facts.resource_types import SOURCE, has_schema, name_paths, name_that_ref_gives, tags_path
from policies.nodes import Unknown
from policies.template import Resource
from tools.derive_resource_types import NOT_OWN_NAMES

FILE = Path(module.__file__).with_suffix(".json")
TYPES: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["types"]
Case = tuple[str, dict[str, Any]]


def bare(resource_type: str, **properties: Any) -> Resource:
    return Resource("It", resource_type, properties)


def template_of(cases: Iterable[Case]) -> TemplateContent:
    resources = {
        f"R{place}": {"Type": name, "Properties": properties} for place, (name, properties) in enumerate(cases)
    }
    return TemplateContent(json.dumps({"Resources": resources}))


def complaints(cases: list[Case]) -> list[dict[str, set[str]]]:
    """For each case what the validator says, by rule: F3002 is a property that the schema does not have."""
    found: list[dict[str, set[str]]] = [{} for _ in cases]
    for diagnostic in SchemaValidator().validate(template_of(cases)):
        said = found[int(diagnostic.entity.logical_id[1:])]
        said.setdefault(diagnostic.rule_id, set()).add(diagnostic.message)
    return found


def nested_value(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split("/")):
        value = [value] if key == "*" else {key: value}
    return dict(value)


def test_the_validator_knows_every_type_and_no_type_is_missing() -> None:
    assert not [case for case in complaints([(name, {}) for name in TYPES]) if "F3006" in case]
    # It has 14 types of SAM besides, which a macro replaces, and one for modules. Another number: derive anew.
    assert SchemaValidator().schema_count() == len(TYPES) + 15


def test_every_name_is_a_property_that_the_schema_has() -> None:
    cases = [(name, nested_value(path, "x")) for name, facts in TYPES.items() for path in facts.get("names", ())]
    refused = [
        (case, said["F3002"])
        for case, said in zip(cases, complaints(cases), strict=True)
        if any(f"'{key}'" in message for message in said.get("F3002", ()) for key in case[1])
    ]
    assert len(cases) > 1000
    assert refused == []


def test_every_property_that_cannot_be_changed_and_is_spelt_like_a_name_is_one_or_is_known_not_to_be() -> None:
    cases: list[Case] = []
    for name in TYPES:
        service, tail = name.split("::")[1:]
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", tail)
        endings = {"".join(words[place:]) for place in range(len(words) + 1)} | {f"{service}{tail}"}
        cases += [(name, {f"{ending}{kind}": "x"}) for ending in endings for kind in ("Name", "Identifier")]
    missed = {
        (name, key)
        for (name, properties), said in zip(cases, complaints(cases), strict=True)
        for key in properties
        if "I9001" in said and key != "Identifier" and key not in TYPES[name].get("names", ())
    }
    assert missed <= NOT_OWN_NAMES


def test_every_property_known_not_to_be_a_name_is_a_property() -> None:
    cases: list[Case] = [(name, {key: "x"}) for name, key in sorted(NOT_OWN_NAMES)]
    assert [case for case, said in zip(cases, complaints(cases), strict=True) if "F3002" in said] == []


def test_tags_are_where_the_schema_has_them_and_nowhere_else() -> None:
    stated = [(name, nested_value(facts["tags"], 3)) for name, facts in TYPES.items() if "tags" in facts]
    assert len(stated) > 1200
    assert not [case for case, said in zip(stated, complaints(stated), strict=True) if "F3002" in said]
    others: list[Case] = [(name, {"Tags": 3}) for name, facts in TYPES.items() if "tags" not in facts]
    accepted = [name for (name, _), said in zip(others, complaints(others), strict=True) if "F3002" not in said]
    assert accepted == ["AWS::CloudFormation::CustomResource"]  # takes whatever its function likes


def test_every_type_that_the_validator_calls_taggable_has_tags() -> None:
    only = ValidateConfig(include=RuleFilterConfig(ids=["I9040"]))
    report = CompositeEngine().validate_template(template_of((name, {}) for name in TYPES), only)
    taggable = [list(TYPES)[int(diagnostic.entity.logical_id[1:])] for diagnostic in report.diagnostics]
    assert len(taggable) > 1200
    assert [name for name in taggable if "tags" not in TYPES[name]] == []


def test_the_file_says_where_it_comes_from_and_is_small_and_quick_to_read() -> None:
    assert re.search("cfn-lint, of 20[0-9-]{8}T", SOURCE)
    assert FILE.stat().st_size < 200 * 1024
    started = time.perf_counter()
    for _ in range(10):
        json.loads(FILE.read_text(encoding="utf-8"))
    assert (time.perf_counter() - started) / 10 < 0.05  # 2 ms measured


@pytest.mark.parametrize(
    ("resource_type", "names", "given_by_ref", "tags"),
    [
        ("AWS::RDS::DBInstance", ("DBInstanceIdentifier",), "DBInstanceIdentifier", "Tags"),
        ("AWS::EC2::SecurityGroup", ("GroupName",), None, "Tags"),
        ("AWS::SNS::Topic", ("TopicName",), None, "Tags"),
        ("AWS::Logs::LogGroup", ("LogGroupName",), "LogGroupName", "Tags"),
        ("AWS::EC2::FlowLog", (), None, "Tags"),
        ("AWS::EC2::Route", (), None, None),
        ("AWS::Route53::HostedZone", ("Name",), None, "HostedZoneTags"),
        ("AWS::EC2::LaunchTemplate", ("LaunchTemplateName",), None, "TagSpecifications/*/Tags"),
        ("AWS::Glue::Table", ("Name", "TableInput/Name"), None, None),
        ("AWS::CDK::Metadata", (), None, None),
    ],
)
def test_a_type(resource_type: str, names: tuple[str, ...], given_by_ref: str | None, tags: str | None) -> None:
    assert has_schema(resource_type)
    assert name_paths(bare(resource_type)) == names
    assert name_that_ref_gives(resource_type) == given_by_ref
    assert tags_path(bare(resource_type)) == tags


def test_a_type_without_a_known_schema() -> None:
    unheard_of = bare("AWS::New::Database", DatabaseIdentifier="x", ClusterName="y", Name="z", Tags=[])
    assert not has_schema(unheard_of.type)
    assert name_paths(unheard_of) == ("DatabaseIdentifier", "Name")
    assert name_that_ref_gives(unheard_of.type) is None
    assert tags_path(unheard_of) == "Tags"
    assert tags_path(bare("AWS::New::Database")) is None
    opened = Resource("It", "AWS::New::Database", Unknown("a macro"))
    assert name_paths(opened) == ()
    assert tags_path(opened) is None


def test_a_custom_resource() -> None:
    assert name_paths(bare("Custom::Thing", Name="x")) == ()
    assert tags_path(bare("Custom::Thing", Tags=[])) is None
