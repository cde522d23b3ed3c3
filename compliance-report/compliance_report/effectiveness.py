"""How reliable the rules are: how many violations of each requirement they detected when that was last measured.

`make effectiveness` measures it and writes `tests/effectiveness/results.json`. It speaks of the tool, not of the
database, and of the rules and tools with which it was measured.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compliance_report.facts import Facts

_VERSION: Final = "1.0"
_DIGEST: Final = re.compile("sha256:[0-9a-f]{64}")


class EffectivenessError(ValueError):
    """The measurement cannot be used as it is written; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """A measurement as `report.schema.json` has it: as a whole, and by requirement; `content` is its file."""

    content: bytes
    rules: str
    tools: Mapping[str, str]
    whole: Mapping[str, Any]
    requirements: Mapping[str, Mapping[str, Any]]

    def as_data(self, facts: Facts) -> dict[str, Any]:
        """The measurement as a whole, and why it is out of date: nothing, where it was made with today's tools."""
        reasons = (
            [] if self.rules == facts.rules_digest else ["The rules, or the code that applies them, have changed."]
        )
        reasons += [
            f"{name} was {was}, and is {facts.tools.get(name, 'absent')}."
            for name, was in self.tools.items()
            if facts.tools.get(name) != was
        ]
        return {"out_of_date": reasons, "rules": self.rules, **self.whole}


def read_effectiveness(path: Path) -> Effectiveness | None:
    """Read a measurement; None where there is none.

    Raises `EffectivenessError` when it is not as `make effectiveness` writes it.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        return _effectiveness(content, json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise EffectivenessError(
            f"{path.name} is no measurement of the rules ({reason:.160}); run make effectiveness again, or remove it"
        ) from error


def _effectiveness(content: bytes, data: Mapping[str, Any]) -> Effectiveness:
    if data["schema"] != _VERSION:
        raise ValueError(f"it is of schema {data['schema']!r}, not {_VERSION}")
    return Effectiveness(
        content,
        _digest(data["rules"]),
        {name: _text(version) for name, version in data["tools"].items()},
        {
            "violations": _figures(data["violations"]),
            "harmless": {name: _number(data["harmless"][name]) for name in ("tried", "false_alarms")},
            "scanners": [
                {"name": name, **{field: _number(one[field]) for field in ("tried", "noticed", "refused")}}
                for name, one in data["scanners"].items()
            ],
        },
        {name: _figures(one) for name, one in data["requirements"].items()},
    )


def _figures(data: Mapping[str, Any]) -> dict[str, Any]:
    tried, detected = _number(data["tried"]), _number(data["detected"])
    if not detected <= tried > 0:
        raise ValueError(f"{detected} of {tried} violations cannot have been detected")
    return {
        "tried": tried,
        "detected": detected,
        "tried_on_constructs": _number(data["constructs"]["tried"]),
        "detected_on_constructs": _number(data["constructs"]["detected"]),
        "noticed_by": [{"scanner": name, "noticed": _number(count)} for name, count in data["noticed_by"].items()],
        "noticed_by_any": _number(data["noticed_by_any"]),
    }


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _digest(value: object) -> str:
    if not _DIGEST.fullmatch(_text(value)):
        raise ValueError(f"{value!r} is no digest")
    return str(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
