import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import app
from compliance_report.__main__ import main
from compliance_report.audit import CATALOGUE
from compliance_report.catalogue import Catalogue, load_catalogue
from compliance_report.diff import CHANGED, NO_CHANGE, NOT_DONE, compare
from compliance_report.facts import Facts
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.evaluate import SCANNER, evaluate
from policies.examination import Examination
from policies.exceptions import Acceptance
from policies.finding import Scan
from policies.register import AcceptedException, AcceptedRisk, Level, load_register
from policies.rules import ALL_RULES
from policies.template import Stack, Template
from tests.unit.compliance_report.examples import (
    ACCEPTED_RISK,
    APPROVAL,
    DIGEST,
    ENTRY,
    FACTS,
    accepted_report,
    failed_report,
    report,
)
from tests.unit.compliance_report.hostility import SCHEMA, TEXTS, hostile

Edit = Callable[[dict[str, Any]], object]


def told(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["kind"], change["id"]) for change in compare(old, new)]


def edited(edit: Edit, document: dict[str, Any] | None = None) -> dict[str, Any]:
    made = deepcopy(document or report())
    edit(made)
    return made


# --- the audited stack, as it was and with five changes ---------------------------------------------------------------


def audited(
    content: dict[str, Any],
    *,
    catalogue: Catalogue | None = None,
    entries: tuple[AcceptedException, ...] | None = None,
    facts: Facts = FACTS,
) -> dict[str, Any]:
    """The report on a template by all of our rules and the catalogue as it stands."""
    stack = Stack("TapStack-dev", "us-east-1", termination_protection=False, construct_path="TapStack-dev")
    template = Template("TapStack-dev.template.json", json.dumps(content, indent=1), suffix="dev", stack=stack)
    findings = tuple(evaluate(template, ALL_RULES))
    roster = {rule.name: 1 for rule in ALL_RULES}
    examination = Examination("dev", (template,), (Scan(SCANNER, "1.0", findings, roster),), Acceptance())
    catalogue = catalogue or load_catalogue(CATALOGUE)
    entries = load_register(app.REGISTER).exceptions if entries is None else entries
    facts = replace(facts, templates={template.name: (template.name, DIGEST)})
    return build_report(catalogue, examination, judge(catalogue, examination, ALL_RULES, entries), facts)


def with_instance_class(content: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(content)
    (database,) = (one for one in made["Resources"].values() if one["Type"] == "AWS::RDS::DBInstance")
    database["Properties"]["DBInstanceClass"] = "db.r6g.xlarge"
    return made


def without_swap_alarm(content: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(content)
    made["Resources"] = {
        name: one for name, one in made["Resources"].items() if not name.startswith("MonitoringSwapUsageAlarm")
    }
    assert len(made["Resources"]) == len(content["Resources"]) - 1
    return made


def with_edited_text(catalogue: Catalogue) -> Catalogue:
    one, *others = catalogue.requirements
    return replace(catalogue, requirements=(replace(one, text="Another text."), *others))


WITH_TOOL = replace(FACTS, tools={**FACTS.tools, "AWS CDK": "2.276.0"})


def test_five_changes_of_the_audited_stack_are_each_told_once_and_nothing_else(dev_template: dict[str, Any]) -> None:
    before = audited(dev_template)
    after = audited(
        without_swap_alarm(with_instance_class(dev_template)),
        catalogue=with_edited_text(load_catalogue(CATALOGUE)),
        entries=(*load_register(app.REGISTER).exceptions, ENTRY),
        facts=WITH_TOOL,
    )

    changes = compare(before, after)

    assert [change["text"].partition("769B88A3")[0] for change in changes] == [
        "DB-01: its text was edited.",
        "Resource MonitoringSwapUsageAlarm",
        "DatabaseInstanceAA8A5FDE/Properties/DBInstanceClass: db.r6g.large became db.r6g.xlarge (DB-03).",
        f"Exception tls-not-enforced: added, until 2027-01-10, owner {ENTRY.owner}, acceptance not evidenced.",
        "AWS CDK: was 2.275.0, is 2.276.0.",
    ]
    assert compare(before, before) == []


def test_a_removed_alarm_that_is_required_turns_a_verdict_and_is_gone(dev_template: dict[str, Any]) -> None:
    broken = deepcopy(dev_template)
    (alarm,) = (name for name in broken["Resources"] if name.startswith("MonitoringCPUUtilizationAlarm"))
    del broken["Resources"][alarm]

    changes = compare(audited(dev_template), audited(broken))

    assert [(change["kind"], change["id"]) for change in changes] == [("verdict", "MON-01"), ("resource", alarm)]
    assert changes[0]["was"] == "met"
    assert changes[0]["now"] == "not met"


# --- one change each --------------------------------------------------------------------------------------------------


def first(kind: str) -> Callable[[dict[str, Any]], Any]:
    return lambda document: document[kind][0]


def set_in(find: Callable[[dict[str, Any]], Any], **fields: Any) -> Edit:
    return lambda document: find(document).update(fields)


SAID_OF_RISK = (
    "Traffic in clear text. Whoever can read the traffic reads the data. Inherent high, residual medium. "
    "The database is Multi-AZ. Compensates. A second database stands by. Does not compensate. Somebody watches. "
    "Does not compensate. Exit: Every client speaks TLS."
)
CHANGES: dict[str, tuple[Edit, str, str, str | None, str | None, str]] = {
    "product": (
        lambda document: document.update(product="Another"),
        "system",
        "product",
        "PostgreSQL database infrastructure",
        "Another",
        "Product: was PostgreSQL database infrastructure, is Another.",
    ),
    "environment": (
        lambda document: document.update(suffix="prod"),
        "system",
        "environment",
        "dev",
        "prod",
        "Environment: was dev, is prod.",
    ),
    "account": (
        set_in(lambda document: document["assembly"], account="123456789012"),
        "system",
        "account",
        "account-agnostic",
        "123456789012",
        "Account: was account-agnostic, is 123456789012.",
    ),
    "regions": (
        set_in(lambda document: document["assembly"], regions=[]),
        "system",
        "regions",
        "us-east-1",
        "none",
        "Regions: was us-east-1, is none.",
    ),
    "data classification": (
        lambda document: document.update(data_classification="secret"),
        "system",
        "data classification",
        "none stated",
        "secret",
        "Data classification: was none stated, is secret.",
    ),
    "verdict": (
        set_in(first("requirements"), status="no evidence"),
        "verdict",
        "DB-02",
        "met",
        "no evidence",
        "DB-02 Multi-AZ: was met, is no evidence.",
    ),
    "title": (
        set_in(first("requirements"), title="Two zones"),
        "text",
        "DB-02",
        "Multi-AZ: What must hold.",
        "Two zones: What must hold.",
        "DB-02: its text was edited.",
    ),
    "requirement gone": (
        lambda document: document["requirements"].pop(),
        "requirement",
        "PRC-02",
        "Unit tests: What must hold.",
        None,
        "Requirement PRC-02: gone (Unit tests: What must hold.).",
    ),
    "rule gone": (
        lambda document: document["requirements"][1]["rules"].pop(),
        "rules",
        "CFG-02",
        "policies no-other-thing, policies ssl-is-not-forced",
        "policies ssl-is-not-forced",
        "CFG-02: its rules changed; gone: policies no-other-thing.",
    ),
    "direction": (
        lambda document: document["requirements"][1]["controls"][1].update(direction="supports", fit_checked=True),
        "mappings",
        "CFG-02",
        "partial PCI DSS v4.0.1 6.3.3 (fit not checked), weakens NIST SP 800-53 r5 SC-8 (in transit)",
        "supports PCI DSS v4.0.1 6.3.3, weakens NIST SP 800-53 r5 SC-8 (in transit)",
        (
            "CFG-02: its mappings changed; new: supports PCI DSS v4.0.1 6.3.3; "
            "gone: partial PCI DSS v4.0.1 6.3.3 (fit not checked)."
        ),
    ),
    "risk gone": (
        lambda document: document["risks"].clear(),
        "risk",
        "RISK-CFG-02",
        SAID_OF_RISK,
        None,
        f"Risk RISK-CFG-02: gone ({SAID_OF_RISK}).",
    ),
    "resource type": (
        lambda document: [
            piece.update(resource_type="AWS::RDS::DBCluster")
            for one in document["requirements"]
            for piece in one["evidence"]
        ],
        "resource",
        "Database",
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBCluster",
        "Resource Database: was AWS::RDS::DBInstance, is AWS::RDS::DBCluster.",
    ),
    "resource that no rule judges": (
        lambda document: document["population"]["resources_not_examined"].clear(),
        "resource",
        "CpuAlarm",
        "AWS::CloudWatch::Alarm",
        None,
        "Resource CpuAlarm: gone (AWS::CloudWatch::Alarm).",
    ),
    "value": (
        lambda document: document["requirements"][0]["evidence"][0].update(observed="yes"),
        "value",
        "Database/Properties/MultiAZ",
        "true",
        "yes",
        "Database/Properties/MultiAZ: true became yes (DB-02).",
    ),
    "value of no place": (
        lambda document: document["requirements"][1]["evidence"][0].update(observed="1"),
        "value",
        "Database",
        "0",
        "1",
        "Database: 0 became 1 (CFG-02).",
    ),
    "template": (
        set_in(first("stacks"), digest=f"sha256:{'1' * 64}"),
        "template",
        "TapStack-dev.template.json",
        DIGEST,
        f"sha256:{'1' * 64}",
        "TapStack-dev.template.json: something changed in it that no rule observes.",
    ),
    "tool": (
        lambda document: document["tools"][0].update(version="2.276.0"),
        "tool",
        "AWS CDK",
        "2.275.0",
        "2.276.0",
        "AWS CDK: was 2.275.0, is 2.276.0.",
    ),
    "new tool": (
        lambda document: document["tools"].append({"name": "jq", "version": "1.7"}),
        "tool",
        "jq",
        None,
        "1.7",
        "jq: was absent, is 1.7.",
    ),
    "rules digest": (
        set_in(lambda document: document["rules"], digest=f"sha256:{'2' * 64}"),
        "tool",
        "rules",
        DIGEST,
        f"sha256:{'2' * 64}",
        "The rules, or the code that applies them, were edited.",
    ),
}


@pytest.mark.parametrize("expected", CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_once_and_nothing_else(expected: tuple[Edit, str, str, str | None, str | None, str]) -> None:
    edit, kind, name, was, now, text = expected

    assert compare(report(), edited(edit)) == [{"kind": kind, "id": name, "was": was, "now": now, "text": text}]


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.update(schema_version="2.0", limits=["Another."], repeat=[]),
        lambda document: document["as_of"].update(date="2027-01-01", at="2027-01-01T00:00:00+00:00"),
        lambda document: document["commit"].update(id="another", tree="dirty"),
        lambda document: document["requirements"][0].update(summary="In other words."),
        lambda document: document["requirements"][0]["evidence"][0]["pointer"].update(line=99),
        lambda document: document["requirements"][0]["evidence"][0].update(message="In other words."),
        lambda document: document["requirements"][0]["evidence"][0].update(kind="repository", observed="another"),
        lambda document: document["requirements"].reverse(),
        lambda document: document["requirements"][1]["controls"].reverse(),
        lambda document: document["tools"].reverse(),
    ],
    ids=[
        "words",
        "time",
        "commit",
        "summary",
        "line",
        "message",
        "repository",
        "order",
        "order of controls",
        "order of tools",
    ],
)
def test_what_is_no_change_is_not_told(edit: Edit) -> None:
    assert compare(report(), edited(edit)) == []


def test_what_is_new_is_told_as_what_is_gone_is() -> None:
    gone = edited(lambda document: (document["requirements"].pop(), document["risks"].clear()))

    changes = compare(gone, report())

    assert [(change["kind"], change["id"], change["was"]) for change in changes] == [
        ("requirement", "PRC-02", None),
        ("risk", "RISK-CFG-02", None),
    ]
    assert changes[0]["text"] == "Requirement PRC-02: new (Unit tests: What must hold.)."


def test_a_risk_that_is_said_to_be_lower_is_a_change() -> None:
    (change,) = compare(report(), edited(lambda document: document["risks"][0].update(residual="low")))

    assert (change["kind"], change["text"]) == ("risk", "RISK-CFG-02: what is said of the risk changed.")


def test_a_value_that_turned_a_verdict_is_told_with_the_verdict() -> None:
    changes = compare(report(), failed_report())

    assert [(change["kind"], change["id"]) for change in changes] == [("verdict", "DB-02"), ("verdict", "CFG-02")]
    assert changes[0]["text"] == "DB-02 Multi-AZ: was met, is not met (Database/Properties/MultiAZ: true became false)."


def test_a_value_that_several_rules_observe_is_told_once() -> None:
    def twice(document: dict[str, Any], observed: str) -> dict[str, Any]:
        one, other, _ = document["requirements"]
        one["evidence"][0]["observed"] = observed
        other["evidence"] = [{**one["evidence"][0], "rule": "another-rule"}]
        return document

    (change,) = compare(twice(report(), "1"), twice(report(), "2"))

    assert change["text"] == "Database/Properties/MultiAZ: 1 became 2 (DB-02, CFG-02)."


# --- exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"expires": date(2027, 3, 1)}, "extended from 2027-01-10 to 2027-03-01"),
        ({"expires": date(2026, 12, 1)}, "shortened from 2027-01-10 to 2026-12-01"),
        ({"expires": date(2026, 11, 1)}, "shortened from 2027-01-10 to 2026-11-01; ended on 2026-11-01"),
        ({"owner": "Another"}, "edited (owner)"),
        (
            {"reason": "Another.", "compensating_control": "Another."},
            "edited (reason, compensating control)",
        ),
        ({"environments": ("dev",)}, "edited (environments)"),
    ],
)
def test_an_exception_is_told_by_what_became_of_it(fields: dict[str, Any], text: str) -> None:
    changes = compare(accepted_report(), accepted_report(replace(ENTRY, **fields)))

    assert [change["text"] for change in changes] == [f"Exception tls-not-enforced: {text}."]


def test_an_exception_that_time_has_ended_has_ended() -> None:
    later = edited(lambda document: document["exceptions"][0].update(days_left=-1), accepted_report())

    (change,) = compare(accepted_report(), later)

    assert change["text"] == "Exception tls-not-enforced: ended on 2027-01-10."
    assert compare(later, edited(lambda document: document["exceptions"][0].update(days_left=-2), later)) == []


UNTIL = "until 2027-06-30, owner Head of data protection, acceptance not evidenced"


@pytest.mark.parametrize(
    ("was", "now", "text"),
    [
        ([], [ACCEPTED_RISK], f"added, {UNTIL}"),
        ([ACCEPTED_RISK], [], "ended, taken from the register"),
        (
            [ACCEPTED_RISK],
            [replace(ACCEPTED_RISK, expires=date(2027, 7, 31))],
            "extended from 2027-06-30 to 2027-07-31",
        ),
        ([ACCEPTED_RISK], [replace(ACCEPTED_RISK, owner="Nobody", reason="None.")], "edited (reason, owner)"),
        ([ACCEPTED_RISK], [replace(ACCEPTED_RISK, approval=APPROVAL)], "edited (approval)"),
        ([ACCEPTED_RISK], [replace(ACCEPTED_RISK, residual_risk=Level.HIGH)], "edited (residual risk)"),
    ],
    ids=["added", "ended", "extended", "edited", "approved", "raised"],
)
def test_a_risk_that_is_accepted_by_name_is_told_by_what_became_of_it(
    was: list[AcceptedRisk], now: list[AcceptedRisk], text: str
) -> None:
    (change,) = compare(report(accepted_risks=was), report(accepted_risks=now))
    assert (change["kind"], change["id"]) == ("acceptance", "RISK-CFG-02")
    assert change["text"] == f"Acceptance of RISK-CFG-02: {text}."


def test_an_exception_that_is_taken_from_the_register_has_ended() -> None:
    without = edited(lambda document: document["exceptions"].clear(), accepted_report())

    (change,) = compare(accepted_report(), without)

    assert change["text"] == "Exception tls-not-enforced: ended, taken from the register."
    assert change["now"] is None


# --- the command ------------------------------------------------------------------------------------------------------


def written(folder: Path, document: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """The folders of two bundles, in the second of which an exception has a new owner."""
    old = written(tmp_path / "old", accepted_report())
    new = written(tmp_path / "new", accepted_report(replace(ENTRY, owner="<b>Another</b>\x1b[31m")))
    return str(old), str(new)


def test_no_change_is_said_and_gives_0(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    old, _ = two

    assert main(["diff", old, f"{old}/report.json"]) == NO_CHANGE
    assert capsys.readouterr().out == (
        "dev of 2026-11-22T19:00:00+00:00 (commit 4f1c0de00000) and dev of 2026-11-22T19:00:00+00:00 "
        "(commit 4f1c0de00000): nothing changed.\n"
    )


def test_changes_are_printed_as_text_and_give_1(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *two]) == CHANGED
    assert capsys.readouterr().out == (
        "dev of 2026-11-22T19:00:00+00:00 (commit 4f1c0de00000) -> dev of 2026-11-22T19:00:00+00:00 "
        "(commit 4f1c0de00000): 1 change\n"
        "\n"
        "exception  Exception tls-not-enforced: edited (owner).\n"
    )


def test_changes_are_printed_as_json(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *two, "--format", "json"]) == CHANGED

    printed = json.loads(capsys.readouterr().out)
    identity = {
        "suffix": "dev",
        "as_of": "2026-11-22T19:00:00+00:00",
        "commit": {"id": FACTS.commit.id, "tree": "clean"},
        "assembly": DIGEST,
        "verdict": "passed",
    }
    assert printed["old"] == identity
    assert printed["new"] == identity
    assert [change["id"] for change in printed["changes"]] == ["tls-not-enforced"]
    schema = {**SCHEMA["properties"]["changes"], "$defs": SCHEMA["$defs"]}
    Draft202012Validator(schema).validate(printed["changes"])


class Words(HTMLParser):
    """The text of a page, and what it would fetch or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name in {"src", "onload", "onclick"} for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_changes_are_printed_as_a_page_that_fetches_nothing(
    two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *two, "--format", "html"]) == CHANGED

    page = capsys.readouterr().out
    words = Words(page)
    assert "until 2027-01-10, owner <b>Another</b>\\x1b[31m, acceptance not evidenced" in words.text
    assert {"script", "b", "img"}.isdisjoint(words.tags)
    assert "http://" not in page
    assert "https://" not in page


def test_a_page_on_no_change_says_so(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    old, _ = two

    assert main(["diff", old, old, "--format", "html"]) == NO_CHANGE
    assert "Nothing changed." in Words(capsys.readouterr().out).text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_hostile_texts_do_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, text: str) -> None:
    old = written(tmp_path / "old", hostile(accepted_report(), text))
    new = written(tmp_path / "new", hostile(failed_report(), text))

    assert main(["diff", str(old), str(new), "--format", form]) == CHANGED
    printed = capsys.readouterr().out
    assert all(character == "\n" or character.isprintable() for character in printed)
    if form == "html":
        assert {"script", "b", "a"}.isdisjoint(Words(printed).tags)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is no JSON; give a report.json, or the folder of a bundle"),
        (b"\xff", "is no JSON; give a report.json, or the folder of a bundle"),
        (b"[" * 100_000, "is no JSON; give a report.json, or the folder of a bundle"),
        (b"[]", "is no report of schema version 3.0 (it says None); compare reports that this version made"),
        (b'{"schema_version": "1.0"}', "is no report of schema version 3.0 (it says '1.0'); compare reports"),
        (b'{"schema_version": "3.0"}', "is no report as report.schema.json has it (the report: '"),
    ],
    ids=["no JSON", "no text", "deep", "no object", "other version", "incomplete"],
)
def test_what_is_no_report_gives_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str
) -> None:
    given = tmp_path / "given.json"
    given.write_bytes(content)

    assert main(["diff", str(given), str(given)]) == NOT_DONE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"not compared: {given} {problem}")
    assert printed.err.count("\n") == 1


def test_a_wrong_value_is_named_by_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = written(tmp_path / "old", edited(lambda document: document["requirements"][0].update(status="fine\n")))

    assert main(["diff", str(wrong), str(wrong)]) == NOT_DONE
    assert "(requirements/0/status: 'fine\\n' is not one of" in capsys.readouterr().err.replace("\\\\", "\\")


def test_a_folder_without_a_report_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(tmp_path), str(tmp_path)]) == NOT_DONE
    assert capsys.readouterr().err == (
        f"not compared: {tmp_path}/report.json cannot be read (No such file or directory); give a report.json, or the "
        "folder of a bundle\n"
    )
