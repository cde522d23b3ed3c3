import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from compliance_report import formats
from compliance_report.catalogue import Direction
from compliance_report.formats import FORMATS, as_html, as_json, as_markdown
from compliance_report.report import build_report
from compliance_report.verdicts import judge
from policies.judge import Verdict
from tests.unit.compliance_report.examples import (
    ACCEPTED_RISK,
    APPROVAL,
    ENTRY,
    FACTS,
    OBJECTION,
    RULES,
    SIGNER,
    SSL_PASS,
    accepted_report,
    catalogue,
    control,
    examination,
    failed_report,
    finding,
    report,
    requirement,
    rule,
    template,
)

EXPECTED = Path(__file__).parent / "expected"
STYLE = re.compile(r"(<(style|script)>).*?(</\2>)", re.DOTALL)
HOSTILE = "<script>alert('x')</script>\"|`**[a](b)**`@team www.evil.example\n\u202e\x1b[31m\ud800"


HERE = ("report.json", "report.md", "report.html")
"""The formats that are tested in this file."""


@pytest.mark.parametrize("name", HERE)
def test_small_report_is_rendered_as_expected(name: str) -> None:
    document = mixed_report()

    rendered = STYLE.sub(r"\1\3", FORMATS[name](document))

    assert rendered == (EXPECTED / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [report, accepted_report, failed_report])
def test_format_needs_nothing_but_the_content_of_report_json(name: str, make: Any) -> None:
    document = make()

    assert FORMATS[name](json.loads(as_json.render(document))) == FORMATS[name](document)


def mixed_report() -> dict[str, Any]:
    """One requirement met, one met with an accepted deviation, one not met, one without evidence, one to be shown."""
    known = catalogue(
        *catalogue().requirements,
        requirement("DB-04", title="Backups for 7 days", controls=(control("CP-9", Direction.SUPPORTS),)),
        requirement("DB-07", title="Not publicly accessible"),
    )
    broken = finding(Verdict.FAIL, rule="backups", requirement="DB-04", message="it is 1; required: 7", observed="1")
    examined = examination([finding(), SSL_PASS, broken], others=[OBJECTION], covered={OBJECTION: ENTRY})
    return report(examined, entries=[ENTRY], of=known)


def hostile_report() -> dict[str, Any]:
    """A report whose every name and message, as far as a template or a register can make it so, is hostile."""
    evil = finding(
        Verdict.FAIL,
        rule=HOSTILE,
        message=HOSTILE,
        resource=HOSTILE,
        resource_type=HOSTILE,
        construct_path=HOSTILE,
        severity=HOSTILE,
        fix=HOSTILE,
        path=HOSTILE.removesuffix("\ud800"),  # which no template that can be read has in it
        expected=HOSTILE,
        observed=HOSTILE,
    )
    objection = replace(OBJECTION, rule=HOSTILE, message=HOSTILE, construct_path=HOSTILE)
    entry = replace(
        ENTRY,
        resources=(HOSTILE,),
        reason=HOSTILE,
        compensating_control=HOSTILE,
        owner=HOSTILE,
        approval=replace(APPROVAL, by=HOSTILE, role=HOSTILE, reference=HOSTILE),
    )
    examined = examination([evil, SSL_PASS], others=[objection], covered={objection: entry}, problems=(HOSTILE,))
    return report(examined, entries=[entry])


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_holds_the_report_and_is_plain_ascii() -> None:
    document = hostile_report()
    text = as_json.render(document)

    assert json.loads(text) == document
    assert text.isascii()
    assert all(character == "\n" or character.isprintable() for character in text)


# --- Markdown ---------------------------------------------------------------------------------------------------------


def test_markdown_shows_hostile_names_harmlessly() -> None:
    text = as_markdown.render(hostile_report())

    assert all(character == "\n" or character.isprintable() for character in text)
    assert "\n```" not in text
    outside_code = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<script>" not in outside_code
    assert "@" not in outside_code
    assert "www." not in outside_code
    assert "**" not in outside_code


def test_markdown_table_rows_keep_their_cells() -> None:
    for line in as_markdown.render(hostile_report()).splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in {4, 5, 6}, line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("a|b", r"a\|b"),
        ("<b> & </b>", "&lt;b&gt; &amp; &lt;/b&gt;"),
        ("ask @team", "ask `@`team"),
        ("https://evil.example", "https&#58;//evil.example"),
        ("WWW.evil.example", "WWW&#46;evil.example"),
        ("two\nlines", r"two\\nlines"),
    ],
)
def test_markdown_text_means_nothing_but_itself(text: str, shown: str) -> None:
    document = report(examination(problems=(text,)))

    assert f"\n- {shown}\n" in as_markdown.render(document)


@pytest.mark.parametrize(
    ("name", "code"),
    [("a", "`a`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a|b", r"`a\|b`"), ("<i>", "`<i>`")],
)
def test_markdown_names_are_code(name: str, code: str) -> None:
    document = report(examination([finding(Verdict.FAIL, construct_path=name)]))

    assert f"| {code}<br>" in as_markdown.render(document)


def test_markdown_stays_short() -> None:
    findings = [finding(Verdict.FAIL, resource=f"R{index}", message="m" * 200) for index in range(3000)]
    problems = tuple(f"problem {index}" for index in range(3000))

    text = as_markdown.render(report(examination(findings, problems=problems)))

    assert len(text) < 30_000
    assert "… and 2980 more in the report" in text
    assert "- … and 2981 more in the report" in text


def test_markdown_of_a_plain_pass_has_no_empty_sections() -> None:
    text = as_markdown.render(report())

    assert text.startswith("# PostgreSQL database infrastructure, environment `dev`: passed\n")
    assert re.findall(r"^## .*", text, re.MULTILINE) == [
        "## Open risks",
        "## To be shown",
        "## Every requirement",
    ]
    assert "\n| `DB-02` Multi-AZ | met | supports | design: met |\n" in text
    assert "\n| `CFG-02` SSL not enforced | met | weakens | design: met |\n" in text
    assert "\n| `PRC-02` Unit tests | to be shown | none | none: no record that counts has an outcome on it |\n" in text
    assert "weakens 1 control and leaves 1 risk open" in text


def test_markdown_of_requirements_that_touch_nothing_and_are_not_met_says_no_more() -> None:
    examined = examination([finding(Verdict.FAIL)])
    known = catalogue(requirement("DB-02"))

    text = as_markdown.render(build_report(known, examined, judge(known, examined, RULES[:1], ()), FACTS))

    assert re.findall(r"^## .*", text, re.MULTILINE) == ["## Not met", "## Every requirement"]
    assert "\n| `DB-02` Title of DB-02 | not met | none | design: not met |\n" in text
    assert "Who accepted what" not in text
    assert "weaken" not in text


def test_markdown_says_what_must_be_said() -> None:
    text = as_markdown.render(report())

    assert "Template evidence only." in text
    assert "(clean tree)" in text


def test_markdown_says_who_accepted_when_somebody_has() -> None:
    without, having = accepted_report(), accepted_report(replace(ENTRY, approval=APPROVAL))

    owner = "Head of application engineering"
    exception = f"| exception `tls-not-enforced` | `CFG-02` | {owner} "
    who = "R. Example, Head of risk, 2026-11-02 (CHG-1042)"
    ends = "| 2027-01-10, within 60 days |"
    assert (
        f"| in the register without a valid approval on record; register entry ends 2027-01-10 | {owner} | checkov |"
        in as_markdown.render(without)
    )
    assert f"{exception}| nobody; acceptance not evidenced {ends}" in as_markdown.render(without)
    assert (
        f"| accepted with an approval on record; register entry ends 2027-01-10 | {owner} | checkov |"
        in as_markdown.render(having)
    )
    assert f"{exception}| {who} {ends}" in as_markdown.render(having)


def test_markdown_lists_the_risks_that_are_accepted_by_name() -> None:
    text = as_markdown.render(report(accepted_risks=[ACCEPTED_RISK]))

    named = "| `RISK-CFG-02` | `CFG-02` | Head of data protection | nobody; acceptance not evidenced | 2027-06-30 |"
    assert f"\n{named}\n" in text
    assert (
        "| in the register without a valid approval on record; register entry ends 2027-06-30 | Head of data "
        "protection | none |" in text
    )


def test_no_format_for_people_says_accepted_of_a_deviation_that_nobody_has_approved() -> None:
    without, having = accepted_report(), accepted_report(replace(ENTRY, approval=APPROVAL))

    assert "2 of 3 requirements met (1 with a deviation, its acceptance evidenced for 0)" in as_markdown.render(without)
    assert "2 of 3 requirements met (1 with a deviation, its acceptance evidenced for 1)" in as_markdown.render(having)
    assert "CFG-02 SSL not enforced ◐ Met with a deviation acceptance not evidenced" in page_text(without)
    assert "CFG-02 SSL not enforced ◐ Met with a deviation acceptance evidenced" in page_text(having)


def test_markdown_marks_a_draft_above_everything_else() -> None:
    draft = "\n\n**Draft, not audit evidence.** The bundle is not signed.\n\n"

    assert draft in as_markdown.render(report(signer=None))
    assert "Draft" not in as_markdown.render(report())


def test_markdown_lists_changes_where_there_is_an_earlier_report() -> None:
    document = report()
    assert "Changed" not in as_markdown.render(document)

    document["changes"] = []
    assert "## Changed since the earlier report\n\nNothing.\n" in as_markdown.render(document)

    document["changes"] = [{"kind": "tool", "id": "x", "was": None, "now": "1", "text": f"x{n}|"} for n in range(22)]
    text = as_markdown.render(document)
    assert "\n- x19\\|\n- … and 2 more in the report\n" in text


# --- HTML -------------------------------------------------------------------------------------------------------------

VOID = {"meta", "link", "br", "img", "col", "input"}


class Page(HTMLParser):
    """Reads a page: its elements with their attributes, its text, and whether each element that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(params=[report, accepted_report, failed_report, mixed_report, hostile_report])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(as_html.render(request.param()))


def test_html_closes_what_it_opens(page: Page) -> None:
    assert page.open == []
    assert [attributes["lang"] for attributes in page.all("html")] == ["en-GB"]


def test_html_fetches_nothing_and_leads_nowhere_else(page: Page) -> None:
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "action", "data", "onload", "onerror"} & set(attributes), tag
        if "href" in attributes:
            assert str(attributes["href"]).startswith(("#", "data:,")), tag
    assert list(page.all("script")) == [{}]


def test_html_links_lead_to_something_and_ids_are_unique(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    links = {str(attributes["href"])[1:] for attributes in page.all("a")}

    assert len(ids) == len(set(ids))
    assert links <= set(ids)
    assert {"summary", "requirements", "DB-02"} <= links


def test_html_headings_descend_one_level_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_html_tables_have_headers_and_what_scrolls_can_be_reached_by_keyboard(page: Page) -> None:
    assert all(attributes.get("scope") for attributes in page.all("th"))
    for attributes in page.all("div"):
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["role"] == "region"
            assert attributes["aria-label"]


def test_html_says_what_the_report_does_not_say(page: Page) -> None:
    assert "Template evidence only" in page.text
    assert "nothing is known of a running database" in page.text
    assert "No compliance with any framework is claimed" in page.text


def test_html_is_closed_to_script_from_elsewhere(page: Page) -> None:
    policies = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]

    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"]


def test_html_shows_hostile_names_as_text() -> None:
    text = as_html.render(hostile_report())

    assert all(character == "\n" or character.isprintable() for character in text)
    assert "alert('x')" not in text
    assert "<script>alert(&#39;x&#39;)</script>" not in text
    shown = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;|`**[a](b)**`@team www.evil.example"
    assert f"{shown}\\n\\u202e\\x1b[31m\\ud800" in text


def test_html_shows_verdicts_in_words_and_not_by_colour_alone() -> None:
    text = Page(as_html.render(mixed_report())).text

    for words in ("✓ Met", "◐ Met with a deviation", "✕ Not met", "? No evidence", "○ To be shown"):
        assert words in text
    assert "↑ supports CP-10 System Recovery" in text
    assert "↓ weakens SC-8 (in transit)" in text
    assert "↗ partial 6.3.3 † fit not checked" in text


def page_text(document: dict[str, Any]) -> str:
    return Page(as_html.render(document)).text


def test_html_says_of_each_requirement_who_accepted_what() -> None:
    nothing = "Who accepted what? Nothing to accept: it opens no risk, and no scanner objects."
    assert nothing in page_text(report())
    unaccepted = "Who accepted what? RISK-CFG-02: acceptance not evidenced , approved by nobody; owner nobody."
    assert unaccepted in page_text(report())

    approved = accepted_report(replace(ENTRY, approval=APPROVAL))
    assert (
        "Who accepted what? exception tls-not-enforced: accepted by R. Example, Head of risk, on 2026-11-02 (CHG-1042) "
        "; owner Head of application engineering; register entry ends 2027-01-10."
    ) in page_text(approved)

    named = page_text(report(accepted_risks=[ACCEPTED_RISK]))
    assert (
        "Who accepted what? RISK-CFG-02: acceptance not evidenced , approved by nobody; owner Head of data protection; "
        "register entry ends 2027-06-30."
    ) in named
    assert "Reason to accept it Nobody has yet moved the last legacy client. Level: medium. Environments: *." in named
    assert "Approved by nobody. Ends 2027-06-30 (220 days left)" in named
    by_name = page_text(report(accepted_risks=[replace(ACCEPTED_RISK, approval=APPROVAL, expires=date(2026, 12, 1))]))
    assert "Approved by R. Example, Head of risk, on 2026-11-02 (CHG-1042). Ends 2026-12-01 (9 days left)" in by_name
    assert "! within 60 days" in by_name


def test_html_says_beside_the_verdict_what_is_left_open() -> None:
    assert "✓ Passed 1 risk open, 0 accepted with an approval on record 2 of 3 requirements met" in page_text(report())
    assert "risk open" not in page_text(report(of=catalogue(requirement("DB-02"))))


def test_html_says_on_how_many_there_was_nothing_to_judge() -> None:
    several = (rule("database-is-multi-az", "DB-02"), *RULES[1:])
    content = json.dumps(
        {"Resources": {name: {"Type": "AWS::RDS::DBInstance"} for name in ("Database", "Other", "More")}}
    )
    examined = examination(templates=(template(content=content),))
    document = build_report(catalogue(), examined, judge(catalogue(), examined, several, ()), FACTS)
    assert "What was examined? 1 examined; nothing to judge on 2 more that were looked at. Named below" in page_text(
        document
    )


def test_html_shows_evidence_resource_by_resource() -> None:
    text = Page(as_html.render(report())).text

    assert "database-is-multi-az policies 1.0; design; 1 of 1 examined Check that it holds. Expected: true" in text
    assert (
        "TapStack-dev/Database/Resource Database · AWS::RDS::DBInstance true Properties/MultiAZ, line 6 ✓ pass By hand "
        "jq -r .Resources.Database.Properties.MultiAZ templates/TapStack-dev.template.json In the bundle; prints: true"
    ) in text
    assert "no-other-thing policies 1.0; looked through 1, nothing of its kind in the stack" in text
    assert "Nothing to judge on: Database" in text


def test_html_says_of_a_rule_that_there_is_nothing_of_its_kind_and_of_a_requirement_that_there_is_no_evidence() -> None:
    document = report()
    nothing = document["requirements"][1]["rules"][1]
    nothing.update(exist=0, not_examined=[])
    assert "no-other-thing policies 1.0; nothing of its kind in the stack" in page_text(document)
    document["requirements"][1]["status"] = "no evidence"
    assert "no-other-thing policies 1.0; no evidence; 0 examined" in page_text(document)


def test_html_says_that_a_template_is_counted_beside_its_resources() -> None:
    document = report()
    note = "A template as a whole counts as one more beside its resources, and is named (template)."
    assert note not in page_text(document)
    document["requirements"][0]["rules"][0]["types"] = ["the template itself"]
    assert note in page_text(document)


def test_html_says_why_the_checks_of_the_aspects_do_not_add_up() -> None:
    document = report()
    note = "the checks of “aspects” do not add up"
    assert note not in page_text(document)
    document["scanners"].append({**document["scanners"][0], "name": "aspects", "violations": []})
    assert note in page_text(document)


def test_html_says_how_many_pieces_are_supporting() -> None:
    document = report()
    one = document["requirements"][0]
    assert "of these supporting tests" not in page_text(document)
    one["evidence"].append({**one["evidence"][0], "supporting": True})
    assert "1 of these supporting tests" in page_text(document)


def test_html_explains_its_words() -> None:
    text = page_text(report())
    assert "Inherent, residual How high a risk is before and after what counts as compensating." in text
    assert "that scanner's own: nobody has reconciled the two" in text


def test_html_says_the_expectation_at_each_resource_where_it_differs() -> None:
    document = report(examination([finding(), finding(resource="Other", expected="false")]))

    text = Page(as_html.render(document)).text

    assert "2 of 2 examined Check that it holds. TapStack-dev" in text
    assert "true Expected: true Properties/MultiAZ" in text
    assert "true Expected: false Resources/Database/Properties/MultiAZ" in text


def test_html_names_a_resource_without_construct_path_by_its_logical_id() -> None:
    bare = [finding(construct_path=""), finding(resource="Plain", construct_path="", resource_type="")]

    text = Page(as_html.render(report(examination(bare)))).text

    assert "Database AWS::RDS::DBInstance true Properties" in text
    assert "Plain true " in text


def test_html_shows_the_exception_and_what_compensates() -> None:
    text = Page(as_html.render(accepted_report())).text

    assert "Covered by the exception tls-not-enforced until 2027-01-10 (49 days left), owner Head of" in text
    assert "application engineering; acceptance not evidenced" in text
    assert "What its owner says compensates: Only the application's security group reaches the database." in text
    assert "49 days left register entry ends 2027-01-10 ! within 60 days" in text


def test_html_shows_who_accepted_and_when_an_exception_has_ended() -> None:
    document = accepted_report(replace(ENTRY, approval=APPROVAL, requirement=""))
    document["exceptions"][0] |= {"days_left": -3}

    text = Page(as_html.render(document)).text

    assert "R. Example, Head of risk, on 2026-11-02 (CHG-1042)" in text
    assert "expired 3 days ago" in text
    assert "demands it." not in text


def test_html_marks_a_tree_that_differs_from_the_commit() -> None:
    document = report()
    document["commit"]["tree"] = "dirty"
    document["assembly"]["regions"] = []
    document["stacks"][0] |= {"nested_in": "Parent.template.json"}

    text = Page(as_html.render(document)).text

    assert "dirty tree" in text
    assert "not bound to one" in text
    assert "nested in Parent.template.json" in text


def test_html_of_requirements_that_weaken_nothing_has_no_such_section() -> None:
    text = Page(as_html.render(report(of=catalogue(requirement("DB-02"))))).text

    assert "Weakened controls" not in text
    assert "No control of any framework is claimed for it." in text


def test_html_marks_a_draft_across_the_page() -> None:
    draft, final = as_html.render(report(signer=None)), as_html.render(report())

    assert '<body class="passed draft">' in draft
    assert "Draft, not audit evidence. The bundle is not signed." in Page(draft).text
    assert "UNSIGNED" in Page(draft).text
    assert '<body class="passed">' in final
    assert "Draft" not in Page(final).text
    assert SIGNER in Page(final).text


def test_html_shows_each_risk_with_what_compensates_and_who_accepts_it() -> None:
    text = Page(as_html.render(accepted_report())).text

    assert "RISK-CFG-02 Traffic in clear text Whoever can read the traffic reads the data." in text
    assert "Level inherent high → residual medium" in text
    assert (
        "In the register without a valid approval on record . No approval is on record for exception "
        "'tls-not-enforced'." in text
    )
    assert "Ends 2027-01-10 (49 days left)" in text
    assert "✓ Compensates: The database is Multi-AZ." in text
    assert "✕ Does not count: A second database stands by." in text
    assert "A control that is required anyway does not compensate: DB-02" in text
    assert "✕ Does not count: Somebody watches. Nothing here: no evidence." in text


def test_html_says_that_nobody_accepts_a_risk_that_no_scanner_objects_to() -> None:
    text = Page(as_html.render(report())).text

    assert "In no entry of the register . No entry of the register speaks of this risk" in text
    assert "none; their silence is not agreement" in text
    assert "no date: nothing is accepted" in text


def test_html_says_who_has_accepted_a_risk() -> None:
    text = Page(as_html.render(accepted_report(replace(ENTRY, approval=APPROVAL)))).text

    assert (
        "Accepted with an approval on record . Approved by somebody other than the owner: exception 'tls-not-enforced'."
        in text
    )
    assert "owner Head of application engineering: acceptance evidenced. Only" in text


def test_html_says_where_the_approver_is_the_owner_and_where_an_exception_does_not_hold() -> None:
    own = replace(ENTRY, approval=replace(APPROVAL, role=ENTRY.owner), environments=("prod",))

    text = Page(as_html.render(report(entries=[own]))).text

    assert "Acceptance not evidenced: the approver is the owner" in text
    assert "prod: it does not hold for this one" in text


def test_html_sets_what_is_demanded_beside_who_refuses_it() -> None:
    text = Page(as_html.render(accepted_report())).text

    assert (
        "Demanded What must hold. CFG-02 decides. Refused checkov CKV2_AWS_69 on TapStack-dev/Database/Resource" in text
    )
    assert "Covered tls-not-enforced until 2027-01-10, owner Head of application engineering:" in text
    assert "Left open: RISK-CFG-02" in text


def test_html_shows_a_disagreement_that_no_requirement_decides() -> None:
    alone = replace(ENTRY, requirement="")
    known = catalogue(requirement("DB-02"))

    text = Page(
        as_html.render(report(examination(others=[OBJECTION], covered={OBJECTION: alone}), entries=[alone], of=known))
    ).text

    assert "No requirement decides; the reason of the exception does." in text


def test_html_shows_the_controls_of_each_framework_and_what_is_out_of_scope() -> None:
    text = Page(as_html.render(report())).text

    assert "NIST SP 800-53 r5 2 controls touched, 1 of them weakened" in text
    assert "CP-10 System Recovery ↑ Supports DB-02 Multi-AZ: supports, met" in text
    assert "SC-8 ↓ Weakens CFG-02 SSL not enforced: weakens, met (in transit)" in text
    assert "Out of scope: every control of PCI DSS v4.0.1 that is not listed here" in text


def test_html_lists_what_was_not_examined() -> None:
    document = report()
    document["population"]["templates"] |= {"not_examined": ["A.template.json"], "not_in_manifest": ["B.template.json"]}

    text = Page(as_html.render(document)).text

    assert "1 of 2 resources, 0 templates : listed below" in text
    assert "Not examined: A.template.json." in text
    assert "Not in the manifest: B.template.json." in text
    assert "Resources that no rule judged (1) CpuAlarm , AWS::CloudWatch::Alarm" in text


def test_html_says_so_where_everything_was_examined() -> None:
    both = examination([finding(), SSL_PASS, finding(resource="CpuAlarm")])

    text = Page(as_html.render(report(both))).text

    assert "Of 2 resources in 1 template none was left out: on each of them at least one rule found something" in text
    assert "Resources that no rule judged" not in text


def test_html_names_no_more_than_a_dozen_that_there_was_nothing_to_judge_on() -> None:
    document = report()
    document["requirements"][1]["rules"][1]["not_examined"] = [f"R{number}" for number in range(13)]

    assert "Nothing to judge on 13 others (named in report.json)" in Page(as_html.render(document)).text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (None, "No change is known of: no earlier report stood here, or none that says anything else."),
        ([], "Changed since the earlier report Nothing."),
        (
            [{"kind": "tool", "id": "x", "was": "1", "now": "2", "text": "x went from 1 to 2."}],
            "Changed since the earlier report tool x went from 1 to 2.",
        ),
    ],
)
def test_html_tells_the_changes_since_an_earlier_report(changes: Any, words: str) -> None:
    document = report()
    document["changes"] = changes

    assert words in Page(as_html.render(document)).text


def test_html_offers_to_filter_only_where_script_runs() -> None:
    page = Page(as_html.render(report()))

    (form,) = page.all("form")
    assert "hidden" in form
    found = [(it["data-status"], it["data-effect"]) for it in page.all("details") if "data-status" in it]
    assert found == [("met", "supports"), ("met", "weakens"), ("to be shown", "none")]


def test_html_names_the_classification_of_the_data_where_it_is_stated() -> None:
    document = report()
    assert "Data classification" not in Page(as_html.render(document)).text

    document["data_classification"] = "confidential"
    assert "Data classification confidential" in Page(as_html.render(document)).text


def test_html_says_of_each_requirement_what_is_known_of_a_running_database() -> None:
    text = Page(as_html.render(report())).text

    assert "What is known of a running database? Nothing. Evidence of the class design only." in text
    assert "What is known of a running database? Nothing. There is no evidence of any class." in text


def test_html_links_an_open_finding_to_its_requirement() -> None:
    text = as_html.render(failed_report())

    assert '<a href="#DB-02">DB-02</a> <code>database-is-multi-az</code>' in text
    assert "Problems of the audit (1)" in text


# --- style ------------------------------------------------------------------------------------------------------------

CSS = (Path(formats.__file__).parent.parent / "templates" / "report.css").read_text(encoding="utf-8")
STATES = ("met", "deviation", "not-met", "no-evidence", "later")


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


LIGHT, DARK, *_ = (colours(block) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL))


def luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.2, "relative luminance")."""
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = [
    *((text, ground) for text in ("ink", "quiet", "accent") for ground in ("paper", "panel", "tint")),
    *((state, ground) for state in STATES for ground in ("panel", f"{state}-tint")),
    ("deviation", "paper"),
]


@pytest.mark.parametrize(("text", "ground"), PAIRS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    palette = {**LIGHT, **DARK} if scheme == "dark" else LIGHT

    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_masthead_stands_out_from_its_ground(scheme: str) -> None:
    palette = {**LIGHT, **DARK} if scheme == "dark" else LIGHT

    for text in ("masthead-ink", "masthead-quiet"):
        assert contrast(palette[text], palette["masthead"]) >= 4.5


def test_style_fetches_nothing() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
