from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance_report.catalogue import (
    CatalogueError,
    Compensation,
    Direction,
    Risk,
    ShownBy,
    TemplateValue,
    load_catalogue,
)
from policies.register import Level

CATALOGUE = Path(__file__).parents[3] / "compliance-report" / "requirements.yaml"

IDS = (
    *(f"DB-{number:02}" for number in range(1, 8)),
    *("SEC-01", "SEC-02", "CFG-01", "CFG-02", "LOG-01", "LOG-02", "LOG-03"),
    *(f"MON-{number:02}" for number in range(1, 9)),
    *("NET-01", "NET-02", "NET-03", "NET-04", "IAM-01", "IAM-02", "NAM-01", "NAM-02", "NAM-03", "TAG-01", "OUT-01"),
    *("DST-01", "DST-02", "DST-03", "DST-04"),
    *(f"PRC-{number:02}" for number in range(1, 8)),
)


@pytest.fixture
def data() -> dict[str, Any]:
    """A small catalogue without fault, to break."""
    return {
        "groups": {"DB": "Database"},
        "frameworks": {"nist": {"name": "NIST", "titles": {"CP-9": "System Backup"}}, "soc2": {"name": "SOC 2"}},
        "limits": ["Template evidence only."],
        "requirements": [
            {
                "id": "DB-01",
                "title": "A database",
                "text": "There is one.",
                "source": {"section": "Constraints", "quote": "Have one"},
                "shown_by": "synthesis",
                "controls": [
                    {"framework": "nist", "control": "CP-9", "direction": "supports"},
                    {
                        "framework": "soc2",
                        "control": "A1.2",
                        "direction": "weakens",
                        "note": "why",
                        "fit_checked": False,
                    },
                ],
                "risk": {
                    "title": "No backup",
                    "statement": "Nothing is left.",
                    "inherent": "high",
                    "residual": "low",
                    "compensations": [
                        {"what": "A", "template": {"type": "AWS::S3::Bucket", "path": "Tags", "value": "kept"}},
                        {"what": "B", "required_by": "DB-02"},
                        {"what": "C"},
                    ],
                    "exit": "Keep one.",
                },
                "limits": ["No restore has been tried."],
            },
            {
                "id": "DB-02",
                "title": "Deployed",
                "text": "It runs.",
                "source": {"section": "Constraints", "quote": "Run it"},
                "shown_by": "deployment",
                "shown_with": "a look at it",
            },
        ],
    }


def write(folder: Path, data: object) -> Path:
    file = folder / "requirements.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return file


def test_catalogue_of_the_repository_holds_every_requirement_in_order() -> None:
    assert load_catalogue(CATALOGUE).ids == IDS


def test_catalogue_of_the_repository_says_what_shows_each_process_requirement() -> None:
    shown = {one.id: one.shown_by for one in load_catalogue(CATALOGUE).requirements if one.shown_by != "synthesis"}

    assert shown == {
        "PRC-02": ShownBy.TESTS,
        "PRC-03": ShownBy.DEPLOYMENT,
        "PRC-04": ShownBy.REPOSITORY,
        "PRC-06": ShownBy.REPOSITORY,
        "PRC-07": ShownBy.DEPLOYMENT,
    }


def test_requirements_that_work_against_a_control_are_known() -> None:
    weakening = {
        one.id
        for one in load_catalogue(CATALOGUE).requirements
        if any(control.direction is Direction.WEAKENS for control in one.controls)
    }

    assert weakening == {"DB-05", "CFG-01", "CFG-02", "DST-01", "DST-02", "DST-03", "DST-04"}


@pytest.mark.parametrize("name", ["DB-01", "LOG-01", "NET-04", "OUT-01", "PRC-01"])
def test_nothing_is_claimed_for_a_requirement_that_touches_no_control(name: str) -> None:
    (found,) = [one for one in load_catalogue(CATALOGUE).requirements if one.id == name]

    assert found.controls == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SEC-02", "log_statement=all"),
        ("CFG-02", "CKV2_AWS_69"),
        ("LOG-03", "RDSOSMetrics"),
        ("DST-04", "KMS key waits out its 7 days"),
        ("DB-05", "3.5.1 is not claimed"),
    ],
)
def test_what_no_scanner_says_is_said_as_a_limit(name: str, words: str) -> None:
    (found,) = [one for one in load_catalogue(CATALOGUE).requirements if one.id == name]

    assert any(words in limit for limit in found.limits)


def test_every_field_of_a_requirement_is_read(tmp_path: Path, data: dict[str, Any]) -> None:
    first, second = load_catalogue(write(tmp_path, data)).requirements

    assert (first.id, first.group, first.title, first.text) == ("DB-01", "Database", "A database", "There is one.")
    assert (first.source.section, first.source.quote) == ("Constraints", "Have one")
    assert first.limits == ("No restore has been tried.",)
    backup, availability = first.controls
    assert (backup.framework, backup.title, backup.note, backup.fit_checked) == ("NIST", "System Backup", "", True)
    assert (availability.title, availability.note, availability.fit_checked) == ("", "why", False)
    assert first.weakened == (availability,)
    assert first.risk == Risk(
        title="No backup",
        statement="Nothing is left.",
        inherent=Level.HIGH,
        residual=Level.LOW,
        compensations=(
            Compensation("A", "", TemplateValue("AWS::S3::Bucket", "Tags", "kept")),
            Compensation("B", "DB-02", None),
            Compensation("C", "", None),
        ),
        exit="Keep one.",
    )
    assert (second.shown_by, second.shown_with, second.controls) == (ShownBy.DEPLOYMENT, "a look at it", ())
    assert (second.risk, second.weakened) == (None, ())


def first(data: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = data["requirements"][0]
    return entry


def compensation(data: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = first(data)["risk"]["compensations"][number]
    return found


MISTAKES: dict[str, tuple[Any, str]] = {
    "no requirements": (lambda data: data["requirements"].clear(), "requirements: the list is empty"),
    "requirements no list": (lambda data: data.update(requirements={}), "requirements: is no list"),
    "a section missing": (lambda data: data.pop("limits"), "the catalogue: the field limits is missing"),
    "a section unknown": (lambda data: data.update(risks=[]), "the catalogue: the field 'risks' is not known"),
    "an entry no object": (lambda data: data["requirements"].append("DB-03"), "requirement number 3: is no object"),
    "an entry without id": (lambda data: first(data).pop("id"), "requirement number 1: the field id is missing"),
    "a field missing": (lambda data: first(data).pop("text"), "DB-01: the field text is missing"),
    "a field unknown": (lambda data: first(data).update(owner="x"), "DB-01: the field 'owner' is not known"),
    "a field that is no text": (lambda data: first(data).update(title=15), "DB-01, title: 15 is no text"),
    "a field that is empty": (lambda data: first(data).update(text="  "), "DB-01, text: '  ' is no text"),
    "an id twice": (lambda data: data["requirements"][1].update(id="DB-01"), "DB-01: the id stands twice"),
    "an id of no group": (lambda data: first(data).update(id="XX-01"), "XX-01: the id is no group, hyphen"),
    "an id of another shape": (lambda data: first(data).update(id="DB-1"), "DB-1: the id is no group, hyphen"),
    "shown by something unknown": (
        lambda data: first(data).update(shown_by="hope"),
        "DB-01, shown_by: 'hope' is not known; give one of synthesis, repository, tests, deployment",
    ),
    "deployment without shown_with": (
        lambda data: first(data).update(shown_by="deployment"),
        "DB-01, shown_with: belongs to what is shown by deployment or tests",
    ),
    "synthesis with shown_with": (lambda data: first(data).update(shown_with="x"), "DB-01, shown_with: belongs to"),
    "a direction unknown": (
        lambda data: first(data)["controls"][0].update(direction="helps"),
        "DB-01, control number 1, direction: 'helps' is not known",
    ),
    "a framework unknown": (
        lambda data: first(data)["controls"][1].update(framework="iso"),
        "DB-01, control number 2, framework: 'iso' is not known; give one of nist, soc2",
    ),
    "a control twice": (
        lambda data: first(data)["controls"].append({"framework": "nist", "control": "CP-9", "direction": "supports"}),
        "DB-01: the control CP-9 stands twice as supports",
    ),
    "fit_checked no truth": (
        lambda data: first(data)["controls"][0].update(fit_checked="yes"),
        "DB-01, control number 1, fit_checked: 'yes' is neither true nor false",
    ),
    "a weakened control without a risk": (lambda data: first(data).pop("risk"), "DB-01, risk: belongs to what weakens"),
    "a risk without a weakened control": (
        lambda data: first(data)["controls"].pop(),
        "DB-01, risk: belongs to what weakens a control",
    ),
    "a level unknown": (
        lambda data: first(data)["risk"].update(residual="none"),
        "DB-01, risk, residual: 'none' is not known; give one of high, medium, low",
    ),
    "compensations no list": (
        lambda data: first(data)["risk"].update(compensations={}),
        "DB-01, risk, compensations: is no list",
    ),
    "a compensation that is required and evidenced": (
        lambda data: compensation(data, 0).update(required_by="DB-02"),
        "DB-01, risk, compensation number 1: required_by and template exclude each other",
    ),
    "a compensation that nothing known requires": (
        lambda data: compensation(data, 1).update(required_by="DB-09"),
        "DB-01, risk: 'DB-09' is required by no requirement",
    ),
    "a template value without a value": (
        lambda data: compensation(data, 0)["template"].pop("value"),
        "DB-01, risk, compensation number 1, template: the field value is missing",
    ),
    "a limit empty": (lambda data: first(data).update(limits=[""]), "DB-01, limits, number 1: '' is no text"),
    "a source without quote": (lambda data: first(data)["source"].pop("quote"), "DB-01, source: the field quote"),
    "groups no object": (lambda data: data.update(groups=["DB"]), "groups: is no object with names"),
    "a name no text": (lambda data: data["groups"].update({1: "x"}), "groups: is no object with names"),
    "a framework without name": (
        lambda data: data["frameworks"]["soc2"].clear(),
        "frameworks, soc2: the field name is missing",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_in_one_line_that_names_it(tmp_path: Path, data: dict[str, Any], mistake: str) -> None:
    change, message = MISTAKES[mistake]
    change(data)

    with pytest.raises(CatalogueError) as refused:
        load_catalogue(write(tmp_path, data))

    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["{", "a: 1\na: 2", "", "- a list"])
def test_file_that_is_no_catalogue_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "requirements.yaml"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(CatalogueError) as refused:
        load_catalogue(file)

    assert "\n" not in str(refused.value)


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"^requirements\.yaml: cannot be read: "):
        load_catalogue(tmp_path / "requirements.yaml")


def test_control_may_be_supported_and_weakened_by_one_requirement(tmp_path: Path, data: dict[str, Any]) -> None:
    first(data)["controls"].append({"framework": "nist", "control": "CP-9", "direction": "weakens"})

    found = load_catalogue(write(tmp_path, data)).requirements[0]

    assert [control.direction for control in found.controls] == ["supports", "weakens", "weakens"]
