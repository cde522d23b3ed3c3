"""What people get to read: outputs, descriptions, tags, environment variables and names tell no password (SEC-02)."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final

from policies.facts.passwords import fetches_password, holds_password, is_password_name, is_secret_parameter, suspects
from policies.facts.texts import leaves, pieces, raw_texts, text_of
from policies.judge import Outcome, Verdict
from policies.nodes import DynamicReference, Node, Partial, Reference, Unknown, possible, show
from policies.rule import EVERY_TYPE, TEMPLATE, Severity, rule
from policies.rules.credentials import PARAMETER
from policies.source import as_mapping
from policies.template import Resource, Template

_READABLE: Final = re.compile(
    r"description|environment|variables|tags(?:/|$)|name(?:/|$)|identifier(?:/|$)|userdata|command|comment|title|message|body",
    re.IGNORECASE,
)
"""Where a property is read by people: in its path."""

_NOTHING: Final = "no password and no connection string with one"
_FIX: Final = "Hand on the ARN of the secret instead, and let the reader fetch the password from Secrets Manager."


@rule(requirement="SEC-02", types=(TEMPLATE,), severity=Severity.CRITICAL, fix=_FIX)
def no_output_reveals_a_password(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no output, its export name and its description included, reveals a password.

    Outputs are shown to everybody who may describe the stack, and stay in the log of each deployment. The ARN of the
    secret is fine; a value fetched from it, a parameter that is not echoed, and a connection string with a password
    are not. CloudFormation hides NoEcho values in outputs of the stack itself, not in what imports them.
    """
    for logical_id, output in template.outputs.items():
        path = f"Outputs/{logical_id}"
        reveals = False
        for part, names in (("Value", (logical_id,)), ("ExportName", ()), ("Description", ())):
            for value in possible(output[part]):
                why = _reveals(value, names, template)
                if why and not reveals:
                    reveals = True
                    yield Outcome(Verdict.FAIL, f"{path}/{part.removesuffix('Name')}", _NOTHING, why)
        if not reveals:
            yield Outcome(Verdict.PASS, f"{path}/Value", _NOTHING, show(output["Value"]))


@rule(requirement="SEC-02", types=(TEMPLATE,), severity=Severity.HIGH, fix=_FIX)
def no_description_of_the_template_reveals_a_password(_itself: Resource, template: Template) -> Iterator[Outcome]:
    """Check that neither the template's description nor that of a parameter spells out a password.

    Both are shown wherever the stack is listed.
    """
    texts = [("Description", str(template.raw.get("Description", "")))]
    texts += [
        (f"Parameters/{name}/{part}", str(as_mapping(body).get(part, "")))
        for name, body in as_mapping(template.raw.get("Parameters")).items()
        for part in ("Description", "ConstraintDescription")
    ]
    bad = [path for path, text in texts if holds_password(text)]
    for path in bad:
        yield Outcome(Verdict.FAIL, path, _NOTHING, "a password")
    if not bad:
        yield Outcome(Verdict.PASS, "Description", _NOTHING, texts[0][1])


@rule(requirement="SEC-02", types=(EVERY_TYPE,), severity=Severity.CRITICAL, fix=_FIX)
def no_readable_text_reveals_a_password(resource: Resource, template: Template) -> Iterator[Outcome]:
    """Check that no name, tag, description, environment variable or start-up script of a resource reveals a password.

    CloudFormation resolves `{{resolve:secretsmanager:…}}` in an environment variable or a start-up script to plain
    text, which the console then shows. The ARN of the secret is fine there, and so is the user's name.
    """
    seen = 0
    bad: dict[str, str] = {}
    for leaf in leaves(template)[resource.logical_id]:
        if _is_readable(leaf.path):
            seen += 1
            why = _reveals(leaf.value, leaf.names, template)
            if why:
                bad[leaf.path] = why
    parameters = as_mapping(template.raw.get("Parameters"))
    source = resource.raw.get("Properties") if resource.logical_id in suspects(template) else {}
    for path, _, text in raw_texts(source):
        if _is_readable(path) and (holds_password(text, parameters) or _is_fetched_in_script(path, text)):
            bad.setdefault(path.partition("/Fn::")[0], "a password")
    for path, why in bad.items():
        yield Outcome(Verdict.FAIL, f"Properties/{path}", _NOTHING, why)
    if seen and not bad:
        yield Outcome(
            Verdict.PASS, "Properties", _NOTHING, f"{seen} names, tags, descriptions and variables without one"
        )


@lru_cache(maxsize=4096)
def _is_readable(path: str) -> bool:
    return _READABLE.search(path) is not None


def _is_fetched_in_script(path: str, text: str) -> bool:
    """Whether a text below `Fn::Base64`, which the engine leaves as it is, has a secret put into it, whole or begun."""
    begun = text.rpartition("{{")[2]
    is_begun = begun.startswith("resolve:secretsmanager:") and "}}" not in begun
    return "Fn::Base64" in path and (is_begun or fetches_password(DynamicReference(text)))


def _reveals(value: Node, names: Collection[str], template: Template) -> str:
    """What a possible value reveals, in words; empty when nothing."""
    text = text_of(value)
    if isinstance(value, DynamicReference) and fetches_password(value):
        return "a password that CloudFormation fetches while it deploys"
    if holds_password(text):
        return "a password in the text"
    for piece in pieces(value):
        if isinstance(piece, Unknown) and is_secret_parameter(piece, template):
            return f"a password from {piece.reason}"
        if isinstance(piece, Reference) and _is_password_of(piece, template):
            return f"a password from {piece}"
    called = any(is_password_name(name, template.suffix) for name in names)
    if called and isinstance(value, str | Partial) and text and not text.startswith("arn:"):
        return "a password by its name"
    return "a password by its name" if called and isinstance(value, Unknown) else ""


def _is_password_of(reference: Reference, template: Template) -> bool:
    target = template.target(reference)
    if target is not None and target.type == PARAMETER and reference.attribute == "Value":
        return is_password_name(reference.target) or is_password_name(text_of(target.get("Name")), template.suffix)
    return is_password_name((reference.attribute or "").rpartition(".")[2])
