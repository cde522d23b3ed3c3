"""The five rules of the design card, each broken in construct code and by a raw override: every way in says so."""

from dataclasses import dataclass

import pytest

from tests.end_to_end.checkout import Checkout

INSTANCE = "TapStack-dev/Database/Instance/Resource"
SUBNETS = "TapStack-dev/Database/Subnets/Default"
FLOW_LOG = "TapStack-dev/FlowLog/LogGroup/Resource"
PYTHON = (".venv/bin/python", "app.py")
CDK = ("npx", "cdk", "synth")
MAKE = ("make", "synth-audit")


@dataclass(frozen=True)
class Break:
    """A change to one file, and what must be said of it."""

    file: str
    old: str
    new: str
    told: tuple[str, ...]


def in_code(file: str, old: str, new: str, *told: str) -> Break:
    return Break(file, old, new, told)


def by_override(child: str, call: str, *told: str) -> Break:
    """A raw override on an L1 construct, put on the stack where app.py builds it."""
    built = 'TapStack(app, f"TapStack-{suffix}", settings=settings)'
    found = "".join(f'.node.find_child("{part}")' for part in child.split("/"))
    return Break("app.py", built, f"stack = {built}\n    stack{found}.{call}", told)


BREAKS = {
    "retained, in code": in_code(
        "infra/database.py",
        "deletion_protection=False,\n            removal_policy=cdk.RemovalPolicy.DESTROY",
        "deletion_protection=False,\n            removal_policy=cdk.RemovalPolicy.RETAIN",
        *("DST-01", INSTANCE, "Retain"),
    ),
    "retained, by override": by_override(
        "Database/Instance/Resource", 'add_override("DeletionPolicy", "Retain")', "DST-01", INSTANCE, "Retain"
    ),
    "protected, in code": in_code(
        "infra/database.py", "deletion_protection=False", "deletion_protection=True", "DST-02", INSTANCE
    ),
    "protected, by override": by_override(
        "Database/Instance/Resource", 'add_property_override("DeletionProtection", True)', "DST-02", INSTANCE
    ),
    "log prefix, in code": in_code(
        "infra/naming.py",
        "return _LOG_PREFIX + name(resource_type, suffix)",
        'return "/aws/vpc/" + name(resource_type, suffix)',
        *("LOG-01", FLOW_LOG, "/aws/vpc/"),
    ),
    "log prefix, by override": by_override(
        "FlowLog/LogGroup/Resource", 'add_property_override("LogGroupName", "/aws/vpc/x-dev")', "LOG-01", FLOW_LOG
    ),
    "instance class, in code": in_code(
        "infra/database.py",
        'ec2.InstanceType(settings.instance_class.name.removeprefix("db."))',
        'ec2.InstanceType("t3.medium")',
        *("DB-03", INSTANCE, "db.t3.medium"),
    ),
    "instance class, by override": by_override(
        "Database/Instance/Resource", 'add_property_override("DBInstanceClass", "db.r5.large")', "DB-03", INSTANCE
    ),
    "suffix, in code": in_code(
        "infra/database.py",
        'name("postgres-subnet-group", suffix)',
        '"postgres-subnet-group"',
        *("NAM-01", SUBNETS, "postgres-subnet-group"),
    ),
    "suffix, by override": by_override(
        "Database/Subnets/Default", 'add_property_override("DBSubnetGroupName", "subnets")', "NAM-01", SUBNETS
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_stops_synthesis_and_is_named(name: str, checkout: Checkout) -> None:
    one = BREAKS[name]
    checkout.edit(one.file, one.old, one.new)
    done = checkout.run(*PYTHON)
    assert done.returncode == 1, done.stderr
    said = done.stdout + done.stderr
    assert [told for told in (*one.told, "  fix ") if told not in said] == []
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [CDK, MAKE], ids=" ".join)
@pytest.mark.parametrize("name", ["retained, in code", "retained, by override"])
def test_the_cdk_command_line_and_the_audit_say_the_same(
    name: str, command: tuple[str, ...], checkout: Checkout
) -> None:
    one = BREAKS[name]
    checkout.edit(one.file, one.old, one.new)
    done = checkout.run(*command)
    assert done.returncode == 1, done.stderr
    said = done.stdout + done.stderr
    assert [told for told in (*one.told, "fix") if told not in said.replace("Fix", "fix")] == []


def test_the_cdk_command_line_passes_the_stack_as_it_is(checkout: Checkout) -> None:
    done = checkout.run(*CDK, "--quiet", "-c", "environmentSuffix=pr42")
    assert done.returncode == 0, done.stderr
    assert (checkout.folder / "cdk.out" / "plain-synth" / "TapStack-pr42.template.json").exists()
