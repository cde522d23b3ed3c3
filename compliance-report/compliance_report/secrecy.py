"""What looks like a credential is kept out of the bundle, the console and the history."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from compliance_report.bundle import TEMPLATES
from compliance_report.evidence import MASKED, masked
from policies.examination import Examination

_NAME: Final = re.compile(r"passw|pwd|secret|token|credential|private_?key", re.IGNORECASE)
_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})
"""Where the shell is and was, by which POSIX means folders and no passwords."""

_DISTINCT: Final = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9]).{8,}", re.DOTALL)
"""What is masked wherever it stands; any other (`postgres`) may be a word elsewhere, so only at its own place."""


def secrets_of(*settings: Mapping[str, str]) -> frozenset[str]:
    """The values in an environment or a CDK context that go by the name of a password, a secret, a token or a key."""
    return frozenset(
        value
        for given in settings
        for name, value in given.items()
        if _NAME.search(name) and name not in _FOLDERS and _DISTINCT.fullmatch(value)
    )


def without(text: str, secrets: Collection[str]) -> str:
    """A text with `(masked)` in place of each of these secrets, the longest first."""
    for secret in sorted(secrets, key=lambda secret: (-len(secret), secret)):
        text = text.replace(secret, MASKED)
    return text


def hidden(value: Any, secrets: Collection[str]) -> Any:  # noqa: ANN401 - plain JSON
    """Plain JSON with `(masked)` in place of each of these secrets in any of its texts."""
    if not secrets:
        return value
    if isinstance(value, dict):
        return {key: hidden(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(item, secrets) for item in value]
    return without(value, secrets) if isinstance(value, str) else value


def hide(examination: Examination, secrets: Collection[str]) -> tuple[Examination, frozenset[str]]:
    """An examination whose findings quote no credential; where a template holds one, a problem says where.

    `secrets` are known beforehand. Gives them with those that templates hold.
    """
    raw = [template.raw for template in examination.templates]
    known = frozenset(secrets).union(
        text for data in raw for _, text in _differences(data, masked(data)) if _DISTINCT.fullmatch(text)
    )
    problems = [
        f"{Path(template.name).name} holds what looks like a credential at {path}: take it out (the bundle masks it)"
        for template, data in zip(examination.templates, raw, strict=True)
        for path, _ in _differences(data, hidden(masked(data), known))
    ]
    if not problems:
        return examination, known
    scans = [
        replace(
            scan,
            findings=tuple(
                replace(
                    finding,
                    message=without(finding.message, known),
                    expected=without(finding.expected, known),
                    observed=without(finding.observed, known),
                )
                for finding in scan.findings
            ),
        )
        for scan in examination.scans
    ]
    acceptance = replace(examination.acceptance, problems=(*examination.acceptance.problems, *problems))
    return replace(examination, scans=tuple(scans), acceptance=acceptance), known


def mask_templates(folder: Path, secrets: Collection[str]) -> None:
    """Mask the credentials in the templates of a bundle; one that holds none stays as it is, byte for byte."""
    for file in (folder / TEMPLATES).rglob("*.template.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        shown = hidden(masked(data), secrets)
        if shown != data:
            # as CDK writes it, so that lines keep their numbers
            file.write_text(json.dumps(shown, indent=1, ensure_ascii=False), encoding="utf-8")


def _differences(value: Any, other: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - plain JSON
    """Where two values of one shape hold another text, and the text of the first."""
    if isinstance(value, dict | list):
        items: Sequence[Any] = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for key, item in items:
            yield from _differences(item, other[key], f"{path}/{key}" if path else str(key))
    elif value != other:
        yield path, value
