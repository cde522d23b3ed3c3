from dataclasses import replace

from compliance_report.population import Population, populations, reconcile, together, unreconciled
from policies.judge import Verdict
from policies.rule import EVERY_TYPE, TEMPLATE
from tests.unit.compliance_report.examples import FACTS, NAME, RULES, examination, finding, scan, template

FILE = "TapStack-dev.template.json"


def test_population_is_counted_in_the_template_and_not_in_the_findings() -> None:
    found = populations(examination([finding()]), RULES)

    assert found["policies", "database-is-multi-az"] == Population(((NAME, "Database"),), ((NAME, "Database"),))
    assert found["policies", "no-other-thing"] == Population(((NAME, "Database"),), ())
    assert found["policies", "no-other-thing"].not_examined == ((NAME, "Database"),)


def test_rule_on_every_type_is_about_every_resource_and_one_on_the_template_about_each_template() -> None:
    rules = [replace(RULES[0], resource_types=(EVERY_TYPE,)), replace(RULES[1], resource_types=(TEMPLATE,))]

    found = populations(examination([finding()]), rules)

    assert found["policies", RULES[0].name].exist == ((NAME, "CpuAlarm"), (NAME, "Database"))
    assert found["policies", RULES[0].name].not_examined == ((NAME, "CpuAlarm"),)
    assert found["policies", RULES[1].name].exist == ((NAME, "(template)"),)


def test_finding_that_does_not_apply_examined_nothing() -> None:
    examined = examination([finding(Verdict.NOT_APPLICABLE)])

    assert populations(examined, RULES)["policies", "database-is-multi-az"].examined == ()
    assert len(reconcile(examined, FACTS)["resources_not_examined"]) == 2


def test_what_another_tool_examined_is_all_that_it_is_about() -> None:
    examined = examination(scans=(scan("repository", [finding(scanner="repository", resource="cpu-alarm")]),))

    found = populations(examined, ())["repository", "database-is-multi-az"]

    assert found == Population(((NAME, "cpu-alarm"),), ((NAME, "cpu-alarm"),))


def test_populations_of_several_rules_count_each_thing_once() -> None:
    one, other = Population((("t", "a"), ("t", "b")), (("t", "a"),)), Population((("t", "b"),), (("t", "b"),))

    assert together([one, other]) == Population((("t", "a"), ("t", "b")), (("t", "a"), ("t", "b")))
    assert together([]) == Population((), ())


def test_resource_that_no_rule_of_ours_judged_is_listed() -> None:
    examined = examination([finding()], others=[finding(scanner="checkov", resource="CpuAlarm")])

    assert reconcile(examined, FACTS)["resources_not_examined"] == [
        {"file": FILE, "resource": "CpuAlarm", "type": "AWS::CloudWatch::Alarm"}
    ]


def test_templates_are_set_against_the_manifest_and_against_what_lies_there() -> None:
    facts = replace(
        FACTS,
        templates={**FACTS.templates, "stray": ("Stray.template.json", FACTS.rules_digest)},
        manifest=replace(FACTS.manifest, named=(FILE, "Named.template.json"), held=(FILE, "Held.template.json")),
    )

    found = reconcile(examination(templates=(template(), template("stray"))), facts)

    assert found["templates"] == {
        "manifest": ["Named.template.json", FILE],
        "examined": ["Stray.template.json", FILE],
        "not_examined": ["Held.template.json", "Named.template.json"],
        "not_in_manifest": ["Stray.template.json"],
    }
    assert [line.split()[2] for line in unreconciled(found)] == [
        "Held.template.json",
        "Named.template.json",
        "Stray.template.json",
    ]


def test_templates_that_agree_are_no_problem() -> None:
    assert unreconciled(reconcile(examination(), FACTS)) == []
