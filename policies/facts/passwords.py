"""Recognizing a password: by the name it goes by, by the text around it, by where CloudFormation fetches it from."""

import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from policies.facts.texts import HOLE
from policies.nodes import DynamicReference, Unknown
from policies.source import as_mapping
from policies.template import Template

_NAME: Final = re.compile(
    r"(?:password|passwd|passphrase|passcode|pwd|(?:^|[-_./])(?:pass|pw)|(?-i:(?<![Bb]y)Pass|(?<=[a-z])P[Ww]))"
    r"s?[-_]?(?:value|text)?[0-9]*\Z",
    re.IGNORECASE,
)
"""What the name of a password ends in: `DB_PASSWORD`, `MasterUserPassword`, `/db/password`, not `PasswordLength`."""

_SUSPECT: Final = re.compile(r"pass|pwd|://", re.IGNORECASE)
_SUSPECT_SOURCE: Final = re.compile(r"pass|pwd|://|resolve:", re.IGNORECASE)
_IN_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@\"'<>]*:(?P<password>[^\s/@\"'<>]+)@", re.IGNORECASE)
_QUOTED: Final = re.compile(
    r"(?:password|passwd|passphrase|pwd)[\"']?\s*(?:=|:|=>)\s*[\"'](?P<password>[^\"'\s]+)[\"']", re.IGNORECASE
)
_UNQUOTED: Final = re.compile(
    r"(?:^|[\s;&?,'\"-])(?:[a-z_]*password|passwd|pwd)=(?P<password>[^\s\"',;&()\[\]]+)(?=$|[\s;&\"'])", re.IGNORECASE
)
_IN_WORDS: Final = re.compile(
    r"(?:password|passwd|passphrase)\s*(?:is|:|=|->)\s*(?P<password>(?=\S*[0-9])(?=\S*[a-z])\S{6,})", re.IGNORECASE
)
_STATEMENT: Final = re.compile(r"\bpassword\s+'(?P<password>[^']+)'", re.IGNORECASE)
_TEXTS: Final = (_IN_ADDRESS, _QUOTED, _UNQUOTED, _IN_WORDS, _STATEMENT)

_PLACEHOLDER: Final = re.compile(r"\$(?:\{(?P<variable>[^{}]*)\}|\w+|\().*|[{<%].*|[*x.…]+|arn:.*", re.IGNORECASE)
"""What stands for a password and is none: `$PASSWORD`, `${PASSWORD}`, `<password>`, `***`, `{{resolve:…}}`, an ARN."""

_REFERENCE: Final = re.compile(r"\{\{resolve:(?P<service>[^:{}]+):(?P<rest>(?:[^{}]|\$\{[^{}]*\})*)\}\}")
_HARMLESS_KEYS: Final = frozenset(
    {"username", "host", "port", "dbname", "engine", "dbInstanceIdentifier", "dbClusterIdentifier", "masterarn"}
)
"""The keys of a database's secret ("JSON structure of AWS Secrets Manager secrets") that are no password."""


@lru_cache(maxsize=4096)
def is_password_name(name: str, suffix: str = "") -> bool:
    """Whether something of this name holds a password; an environment suffix at its end does not count."""
    stem = name.removesuffix(f"-{suffix}") if suffix else name
    return _NAME.search(stem) is not None


def holds_password(text: str, parameters: Collection[str] = ()) -> bool:
    """Whether a text spells a password out, in a connection string or beside the word; `parameters` are the stack's.

    A place left for one (`<password>`, `$PGPASSWORD`) is none, but `${Parameter}` of a stack parameter and `HOLE` are.
    """
    if _SUSPECT.search(text) is None:
        return False
    return any(
        _spelt_out(match.group("password"), parameters) for pattern in _TEXTS for match in pattern.finditer(text)
    )


@lru_cache(maxsize=8)
def suspects(template: Template) -> frozenset[str]:
    """The logical ids of the resources whose source has a word of passwords in it: only those need a closer look."""
    return frozenset(
        logical_id
        for logical_id, resource in template.resources.items()
        if _SUSPECT_SOURCE.search(json.dumps(resource.raw, default=str))
    )


def _spelt_out(found: str, parameters: Collection[str]) -> bool:
    if HOLE in found:
        return True
    placeholder = _PLACEHOLDER.fullmatch(found)
    return placeholder is None or placeholder.group("variable") in parameters


def secret_reference(value: DynamicReference) -> tuple[str, str] | None:
    """The secret and the key in it that a text fetches from Secrets Manager and nothing else; None for any other text.

    The secret is `${LogicalId}`, a name or an ARN; the key is empty where the whole value is fetched.
    """
    reference = _REFERENCE.fullmatch(value.text)
    if reference is None or reference.group("service") != "secretsmanager":
        return None
    return _secret_and_key(reference.group("rest"))


def _secret_and_key(rest: str) -> tuple[str, str]:
    secret, _, selection = rest.partition(":SecretString")
    return secret, selection.removeprefix(":").partition(":")[0]


def fetches_password(value: DynamicReference) -> bool:
    """Whether CloudFormation puts a password where the text stands: from a secret, or from Parameter Store."""
    for reference in _REFERENCE.finditer(value.text):
        service, rest = reference.group("service"), reference.group("rest")
        if service == "secretsmanager":
            if _secret_and_key(rest)[1] not in _HARMLESS_KEYS:
                return True
        elif service == "ssm-secure" or is_password_name(re.sub(r":[0-9]+$", "", rest)):
            return True
    return False


def is_parameter(value: Unknown) -> bool:
    """Whether a parameter of the stack decides the value."""
    return value.reason.startswith("parameter ")


def is_secret_parameter(value: Unknown, template: Template) -> bool:
    """Whether what is undecided carries a password: a parameter that is not echoed, or anything called one."""
    parameter = as_mapping(as_mapping(template.raw.get("Parameters")).get(value.reason.removeprefix("parameter ")))
    return str(parameter.get("NoEcho")).lower() == "true" or is_password_name(value.reason, template.suffix)
