"""The credentials: generated, kept in Secrets Manager, and nowhere else in the template (SEC-01)."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from policies.facts.identity import named
from policies.facts.passwords import (
    fetches_password,
    holds_password,
    is_parameter,
    is_password_name,
    secret_reference,
    suspects,
)
from policies.facts.resource_types import DB_INSTANCE
from policies.facts.texts import Leaf, leaves, pieces, raw_texts, text_of
from policies.judge import Outcome, Test, Truth, Verdict, all_of, any_of, holds, is_true, outcome
from policies.nodes import ABSENT, DynamicReference, Node, Reference, Unknown, possible, show
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.rules.database import inherited, origins
from policies.source import as_mapping
from policies.template import Resource, Template

SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
ATTACHMENT: Final = "AWS::SecretsManager::SecretTargetAttachment"
PARAMETER: Final = "AWS::SSM::Parameter"

_NOT_IN_TEMPLATE: Final = "no password in the template"
_LOGICAL_ID: Final = re.compile(r"\$\{(\w+)(?:\.Id)?\}")
_SECTIONS: Final = ("Description", "Metadata", "Mappings", "Conditions", "Rules", "Outputs")
_USE_MANAGED: Final = (
    "Set manage_master_user_password=True on the DatabaseInstance: RDS generates, keeps and rotates the password."
)
_TAKE_OUT: Final = "Take the password out of the code, and let RDS manage it (manage_master_user_password=True)."


@rule(requirement="SEC-01", types=(DB_INSTANCE,), severity=Severity.CRITICAL, fix=_USE_MANAGED)
def master_password_is_generated_in_secrets_manager(database: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the master password is generated and kept in Secrets Manager.

    Either RDS manages it (ManageMasterUserPassword), or CloudFormation fetches it from a secret of this template that
    generates it, and nothing stands beside it. A literal, a stack parameter (NoEcho only hides it in the console) and
    Parameter Store are refused. A secret from elsewhere may hold anything: unknown. A replica uses the password of
    its source, a restore that of its backup.
    """
    password, managed = database.get("MasterUserPassword"), database.get("ManageMasterUserPassword")
    if origins(database) and _all_absent(password) and holds(managed, is_true) is not True:
        password = inherited(database, template, "MasterUserPassword")
        managed = inherited(database, template, "ManageMasterUserPassword")

    def is_kept(value: Node) -> Truth:
        return holds(managed, is_true) if value is ABSENT else _is_generated(value, template)

    is_managed = _all_absent(password)
    yield outcome(
        _in_every(password, is_kept),
        path="Properties/ManageMasterUserPassword" if is_managed else "Properties/MasterUserPassword",
        expected="true" if is_managed else "generated and kept in Secrets Manager",
        observed=managed if is_managed else _masked(password),
    )


def _in_every(node: Node, test: Test) -> Truth:
    """Whether every possible value satisfies the test, which judges undecided ones too: a parameter is refused."""
    truths = {test(value) for value in possible(node)}
    return truths.pop() if len(truths) == 1 else None


def _all_absent(node: Node) -> bool:
    return all(value is ABSENT for value in possible(node))


def _masked(node: Node) -> Node:
    """What a report may show of a password: where it comes from, never what it is."""
    shown = (
        show(value) if isinstance(value, DynamicReference | Unknown | Reference) else "***" for value in possible(node)
    )
    return " or ".join(dict.fromkeys(shown))


def _is_generated(value: Node, template: Template) -> Truth:
    """Whether one possible master password is fetched from a secret of the template that generates it."""
    if isinstance(value, Unknown):
        return False if is_parameter(value) else None
    found = secret_reference(value) if isinstance(value, DynamicReference) else None
    if found is None:
        return False
    secrets = _secrets_called(found[0], template)
    return any_of(_generates(secret, found[1]) for secret in secrets) if secrets else None


def _generates(secret: Resource, wanted_key: str) -> Truth:
    """Whether a secret generates what stands under a key; without a key in the secret, its whole value."""
    generated = secret.get("GenerateSecretString")
    if not _all_absent(secret.get("SecretString")):
        return False

    def is_wanted(settings: Node) -> Truth:
        if not isinstance(settings, dict):
            return False
        key = settings.get("GenerateStringKey", "")
        return holds(key, lambda value: value == wanted_key)

    return holds(generated, is_wanted)


def _secrets_called(secret: str, template: Template) -> list[Resource]:
    """The secrets of the template that a dynamic reference means: `${LogicalId}`, also of an attachment, or a name."""
    logical_id = _LOGICAL_ID.fullmatch(secret)
    if logical_id is None:
        return [found for found in named(secret, template, SECRET, "Name") if found.get("Name") == secret]
    found = template.resources.get(logical_id.group(1))
    if found is not None and found.type == ATTACHMENT:
        found = template.target(found.get("SecretId"))
    return [found] if found is not None and found.type == SECRET else []


@lru_cache(maxsize=8)
def master_secrets(template: Template) -> Mapping[str, str]:
    """The secrets of the template that hold a master password, by logical id, each with the DB instance."""
    found: dict[str, str] = {}
    for database in template.of_type(DB_INSTANCE):
        for value in possible(database.get("MasterUserPassword")):
            reference = secret_reference(value) if isinstance(value, DynamicReference) else None
            for secret in _secrets_called(reference[0], template) if reference else ():
                found[secret.logical_id] = database.logical_id
    for attachment in template.of_type(ATTACHMENT):
        secret_of, target = template.target(attachment.get("SecretId")), template.target(attachment.get("TargetId"))
        if secret_of is not None and target is not None and target.type == DB_INSTANCE:
            found[secret_of.logical_id] = target.logical_id
    return found


@rule(
    requirement="SEC-01",
    types=(SECRET,),
    severity=Severity.CRITICAL,
    fix="Give the Secret generate_secret_string instead of a value.",
)
def secret_is_generated(secret: Resource, _template: Template) -> Iterator[Outcome]:
    """Check that the value of each secret is generated by Secrets Manager, not stated in the template.

    A SecretString, and a password in a SecretStringTemplate, stand in clear in the template, in the bootstrap bucket
    and in the history of the stack; a parameter only moves the password to whoever deploys. What is fetched from
    elsewhere is unknown.
    """
    stated = secret.get("SecretString")
    yield outcome(
        _in_every(stated, _is_not_stated),
        path="Properties/SecretString",
        expected="absent: generated by Secrets Manager",
        observed=ABSENT if _all_absent(stated) else _masked(stated),
    )
    pattern = secret.get("GenerateSecretString", "SecretStringTemplate")
    if not _all_absent(pattern):
        truth = _in_every(pattern, _has_no_password)
        yield outcome(
            truth,
            path="Properties/GenerateSecretString/SecretStringTemplate",
            expected="no password: GenerateStringKey names what is generated",
            observed=pattern if truth else _masked(pattern),
        )


def _is_not_stated(value: Node) -> Truth:
    if isinstance(value, Unknown):
        return False if is_parameter(value) else None
    return None if isinstance(value, DynamicReference) else value is ABSENT


def _has_no_password(value: Node) -> Truth:
    if value is ABSENT:
        return True
    text = text_of(value)
    if holds_password(text):
        return False
    try:
        data = as_mapping(json.loads(text))
    except ValueError:
        return None
    return not any(is_password_name(str(key)) for key in data)


@rule(
    requirement="SEC-01",
    types=(PARAMETER,),
    severity=Severity.CRITICAL,
    fix="Keep the password in Secrets Manager only; a parameter may hold the secret's ARN.",
)
def no_password_lies_in_parameter_store(parameter: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no parameter in Parameter Store holds a password.

    CloudFormation makes no SecureString parameters ("AWS::SSM::Parameter", Type), so whatever stands in one is plain
    text. A parameter that is called a password may hold the ARN of the secret, nothing else.
    """
    name, value = parameter.get("Name"), parameter.get("Value")
    is_called_password = any(
        is_password_name(text_of(option) or parameter.logical_id, template.suffix) for option in possible(name)
    )

    def is_harmless(one: Node) -> Truth:
        if isinstance(one, DynamicReference):
            return not fetches_password(one)
        if is_called_password:
            return _no_password_under_its_name(one, template)
        return not holds_password(text_of(one))

    truth = _in_every(value, is_harmless)
    yield outcome(
        truth, path="Properties/Value", expected=_NOT_IN_TEMPLATE, observed=value if truth else _masked(value)
    )


@rule(requirement="SEC-01", types=(EVERY_TYPE,), severity=Severity.CRITICAL, fix=_TAKE_OUT)
def no_password_stands_in_a_resource(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no resource holds a password in clear, from a stack parameter or from Parameter Store.

    Looks at each property, list, environment variable and text (start-up scripts and metadata too): at what is called
    a password, at connection strings, and at what CloudFormation would fetch from Parameter Store. A password that is
    fetched from Secrets Manager where one belongs is fine.
    """
    paths: dict[str, Truth] = {}
    for leaf in leaves(template)[resource.logical_id]:
        truth = _is_harmless(leaf, resource, template)
        if truth is not True:
            paths[f"Properties/{leaf.path}"] = all_of((truth, paths.get(f"Properties/{leaf.path}", True)))
    parameters = as_mapping(template.raw.get("Parameters"))
    for section in ("Properties", "Metadata") if resource.logical_id in suspects(template) else ():
        for path, name, text in raw_texts(resource.raw.get(section)):
            named_so = section == "Metadata" and is_password_name(name, template.suffix)
            if holds_password(text, parameters) or (named_so and _no_password_under_its_name(text, template) is False):
                paths.setdefault(f"{section}/{path.partition('/Fn::')[0]}", False)
    for path, truth in paths.items():
        yield outcome(truth, path=path, expected=_NOT_IN_TEMPLATE, observed="what looks like a password")
    if not paths:
        yield Outcome(Verdict.PASS, "Properties", _NOT_IN_TEMPLATE, "none")


def _is_harmless(leaf: Leaf, resource: Resource, template: Template) -> Truth:
    if resource.type == DB_INSTANCE and leaf.path == "MasterUserPassword":
        return True  # has a rule of its own
    value = leaf.value
    if isinstance(value, DynamicReference) and "{{resolve:ssm" in value.text and fetches_password(value):
        return False
    if not any(is_password_name(name, template.suffix) for name in leaf.names):
        return not holds_password(text_of(value))
    if leaf.path.endswith(("ValueFrom", "valueFrom")):
        return _is_from_secret(value, template)
    return _no_password_under_its_name(value, template)


def _is_from_secret(value: Node, template: Template) -> Truth:
    """Whether a container fetches what is called a password from a secret; else it does from Parameter Store."""
    if isinstance(value, Unknown):
        return None
    first = template.target(next(iter(pieces(value)), ABSENT))
    return ":secretsmanager:" in text_of(value) or (first is not None and first.type in {SECRET, ATTACHMENT})


def _no_password_under_its_name(value: Node, template: Template) -> Truth:
    """Whether what is called a password is none, or comes from Secrets Manager."""
    if isinstance(value, Unknown):
        return False if is_parameter(value) else None
    if isinstance(value, DynamicReference):
        return secret_reference(value) is not None
    if isinstance(value, Reference):
        target = template.target(value)
        in_store = target is not None and target.type == PARAMETER
        return not in_store and not is_password_name(value.attribute or "")
    text = str(value) if isinstance(value, int | float) else text_of(value)
    return text.lower() in {"", "true", "false"} or (text.startswith("arn:") and ":ssm:" not in text)


@rule(requirement="SEC-01", types=(TEMPLATE,), severity=Severity.CRITICAL, fix=_TAKE_OUT)
def no_parameter_carries_a_password(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that the stack asks for no password by a parameter.

    Whoever deploys types it, the shell remembers it, and NoEcho hides it in the console only. A parameter that takes
    its value from Parameter Store (`AWS::SSM::Parameter::Value<…>`) is no better.
    """
    parameters = as_mapping(template.raw.get("Parameters"))
    bad = [name for name, body in parameters.items() if _carries_password(str(name), as_mapping(body), template)]
    for name in bad:
        yield Outcome(Verdict.FAIL, f"Parameters/{name}", "no parameter for a password", str(name))
    if not bad:
        yield Outcome(Verdict.PASS, "Parameters", "no parameter for a password", f"{len(parameters)} others")


def _carries_password(name: str, body: Mapping[str, Any], template: Template) -> bool:
    default = str(body.get("Default", ""))
    fetched = str(body.get("Type", "")).startswith("AWS::SSM::Parameter::") and is_password_name(
        default, template.suffix
    )
    return fetched or is_password_name(name) or holds_password(default)


@rule(requirement="SEC-01", types=(TEMPLATE,), severity=Severity.CRITICAL, fix=_TAKE_OUT)
def no_password_stands_beside_the_resources(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no mapping, metadata, condition, output or description of the template holds a password.

    They are as readable as the resources are: whoever may describe the stack reads them.
    """
    bad = [
        path
        for section in _SECTIONS
        for path, name, text in raw_texts(template.raw.get(section), section)
        if holds_password(text)
        or (
            section in {"Mappings", "Metadata"}
            and is_password_name(name, template.suffix)
            and not text.startswith("arn:")
        )
    ]
    for path in bad:
        yield Outcome(Verdict.FAIL, path, _NOT_IN_TEMPLATE, "what looks like a password")
    if not bad:
        yield Outcome(Verdict.PASS, "", _NOT_IN_TEMPLATE, "none")
