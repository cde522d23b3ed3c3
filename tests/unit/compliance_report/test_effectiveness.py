"""The measurement of the rules in the report: of the tool, and of the day on which it was made."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance_report.audit import MEASURED as FILE
from compliance_report.effectiveness import EffectivenessError, read_effectiveness
from compliance_report.reading import effectiveness_in_words, reliability
from tests.unit.compliance_report.examples import DIGEST, FACTS, FIGURES, MEASURED, OLD, recorded_report
from tests.unit.compliance_report.test_report import requirement_of, validate

AS_MEASURED: dict[str, Any] = {
    "tried": 12,
    "detected": 12,
    "constructs": {"tried": 10, "detected": 9},
    "noticed_by": {"checkov": 3, "cloudformation-validate": 0},
    "noticed_by_any": 3,
}
RESULTS: dict[str, Any] = {
    "schema": "1.0",
    "rules": DIGEST,
    "tools": {"AWS CDK": "2.275.0"},
    "catalogue": DIGEST,
    "violations": AS_MEASURED,
    "harmless": {"tried": 140, "false_alarms": 0},
    "scanners": {"checkov": {"tried": 12, "noticed": 3, "refused": 0}},
    "requirements": {"DB-02": {**AS_MEASURED, "rules": {"database-is-multi-az": 12}, "survived": []}},
}


def test_a_measurement_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS))
    assert read_effectiveness(path) == replace(MEASURED, content=path.read_bytes())
    assert read_effectiveness(tmp_path / "nowhere.json") is None


def test_the_measurement_of_this_repository_can_be_read_and_is_about_its_catalogue() -> None:
    found = read_effectiveness(FILE)
    assert found is not None
    assert found.requirements["DB-02"]["tried"] >= 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data.update(schema="2.0"), "it is of schema '2.0', not 1.0"),
        (lambda data: data.pop("rules"), "KeyError: 'rules'"),
        (lambda data: data.update(rules="sha256:1"), "'sha256:1' is no digest"),
        (lambda data: data.update(rules=1), "1 is no text"),
        (lambda data: data.update(tools={"AWS CDK": None}), "None is no text"),
        (lambda data: data.update(tools=[]), "AttributeError"),
        (lambda data: data["violations"].update(tried=-1), "-1 is no count"),
        (lambda data: data["violations"].update(tried=True), "True is no count"),
        (lambda data: data["violations"].update(detected=13), "13 of 12 violations cannot have been detected"),
        (lambda data: data["violations"].update(tried=0, detected=0), "0 of 0 violations cannot have been detected"),
        (lambda data: data["requirements"].update({"DB-02": []}), "TypeError"),
    ],
)
def test_what_is_no_measurement_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[Any], object], reason: str
) -> None:
    data = json.loads(json.dumps(RESULTS))
    change(data)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(data))
    with pytest.raises(EffectivenessError) as refused:
        read_effectiveness(path)
    message = str(refused.value)
    assert reason in message
    assert message.startswith("results.json is no measurement of the rules (")
    assert message.endswith("; run make effectiveness again, or remove it")
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000], ids=["empty", "no text", "deep"])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(EffectivenessError, match="run make effectiveness again"):
        read_effectiveness(tmp_path / "results.json")


def test_the_report_shows_it_as_a_whole_and_by_requirement() -> None:
    document = recorded_report()
    validate(document)
    assert document["effectiveness"]["out_of_date"] == []
    assert requirement_of(document, "DB-02")["effectiveness"] == FIGURES
    assert requirement_of(document, "CFG-02")["effectiveness"] is None
    without = recorded_report(measured=None)
    validate(without)
    assert (without["effectiveness"], without["requirements"][0]["effectiveness"]) == (None, None)
    assert reliability(without) == ""


def test_other_rules_or_tools_make_it_out_of_date() -> None:
    changed = replace(MEASURED, rules=OLD, tools={"AWS CDK": "2.274.0", "jq": "1.7"})
    assert changed.as_data(FACTS)["out_of_date"] == [
        "The rules, or the code that applies them, have changed.",
        "AWS CDK was 2.274.0, and is 2.275.0.",
        "jq was 1.7, and is absent.",
    ]


def test_the_figures_are_told_in_words() -> None:
    assert (
        effectiveness_in_words(FIGURES)
        == "12 of 12 violations detected, other scanners noticed 3 of 12 tried by checkov"
    )
    alone = {**FIGURES, "noticed_by": [{"scanner": "checkov", "noticed": 0}]}
    assert effectiveness_in_words(alone) == "12 of 12 violations detected, none of these by another scanner"
    narrow = {
        **FIGURES,
        "noticed_by": [{"scanner": "cdk-nag AwsSolutions", "noticed": 2}, {"scanner": "checkov", "noticed": 3}],
    }
    assert effectiveness_in_words(narrow) == (
        "12 of 12 violations detected, other scanners noticed 2 of 10 tried by cdk-nag AwsSolutions, "
        "3 of 12 tried by checkov"
    )
    assert reliability(recorded_report()) == (
        "12 of 12 violations detected, other scanners noticed 3 of 12 tried by checkov; "
        "0 false alarms on 140 harmless variants."
    )
