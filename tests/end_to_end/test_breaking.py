"""The five rules of the design card, each broken in construct code and by a raw override: every way in says so."""

from collections.abc import Callable

import pytest

from tests.end_to_end.checkout import Checkout

INSTANCE = "TapStack-dev/Database/Instance/Resource"
SUBNETS = "TapStack-dev/Database/Subnets/Default"
FLOW_LOG = "TapStack-dev/FlowLog/LogGroup/Resource"
PYTHON = (".venv/bin/python", "app.py")
CDK = ("npx", "cdk", "synth")
MAKE = ("make", "synth-audit")


TOLD = (
    ("DST-01", INSTANCE, "Retain"),
    ("DST-02", INSTANCE, "DeletionProtection"),
    ("LOG-01", FLOW_LOG, "/aws/vpc/"),
    ("DB-03", INSTANCE, "db.t3.medium"),
    ("NAM-01", SUBNETS, "subnets-of-nobody"),
)
"""What is said of each of the five: the requirement, the construct, what was found there."""

IN_CODE = (
    (
        "infra/database.py",
        "deletion_protection=False,\n            removal_policy=cdk.RemovalPolicy.DESTROY",
        "deletion_protection=True,\n            removal_policy=cdk.RemovalPolicy.RETAIN",
    ),
    (
        "infra/naming.py",
        "return _LOG_PREFIX + name(resource_type, suffix)",
        'return "/aws/vpc/" + name(resource_type, suffix)',
    ),
    (
        "infra/database.py",
        'ec2.InstanceType(settings.instance_class.name.removeprefix("db."))',
        'ec2.InstanceType("t3.medium")',
    ),
    ("infra/database.py", 'name("postgres-subnet-group", suffix)', '"subnets-of-nobody"'),
)
"""The five broken in construct code: file, what stands there, what stands there then."""

BUILT = 'TapStack(app, f"TapStack-{suffix}", settings=settings)'
"""Where app.py builds the stack."""
OVERRIDES = (
    ("Database/Instance/Resource", 'add_override("DeletionPolicy", "Retain")'),
    ("Database/Instance/Resource", 'add_property_override("DeletionProtection", True)'),
    ("FlowLog/LogGroup/Resource", 'add_property_override("LogGroupName", "/aws/vpc/x-dev")'),
    ("Database/Instance/Resource", 'add_property_override("DBInstanceClass", "db.t3.medium")'),
    ("Database/Subnets/Default", 'add_property_override("DBSubnetGroupName", "subnets-of-nobody")'),
)
"""The five broken by a raw override on an L1 construct: its path in the stack, the call."""


def in_code(checkout: Checkout) -> None:
    for file, old, new in IN_CODE:
        checkout.edit(file, old, new)


def by_override(checkout: Checkout) -> None:
    calls = [
        "".join(f'.node.find_child("{part}")' for part in path.split("/")) + f".{call}" for path, call in OVERRIDES
    ]
    checkout.edit("app.py", BUILT, "\n    stack".join((f"stack = {BUILT}", *calls)))


@pytest.mark.parametrize("command", [PYTHON, CDK, MAKE], ids=" ".join)
@pytest.mark.parametrize("broken", [in_code, by_override], ids=["in code", "by override"])
def test_each_broken_rule_is_named_with_its_construct_and_how_to_mend_it(
    broken: Callable[[Checkout], None], command: tuple[str, ...], checkout: Checkout
) -> None:
    broken(checkout)
    done = checkout.run(*command)
    assert done.returncode == 1, done.stderr
    said = done.stdout + done.stderr
    for requirement, construct, observed in TOLD:
        assert [told for told in (requirement, construct, observed) if told not in said] == []
    assert "fix" in said.lower()
    assert "Traceback" not in said


def test_the_cdk_command_line_passes_the_stack_as_it_is(checkout: Checkout) -> None:
    done = checkout.run(*CDK, "--quiet", "-c", "environmentSuffix=pr42")
    assert done.returncode == 0, done.stderr
    assert (checkout.folder / "cdk.out" / "plain-synth" / "TapStack-pr42.template.json").exists()
