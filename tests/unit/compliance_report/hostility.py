"""Reports in which every text that may come from a template, a register or a catalogue is hostile."""

import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from compliance_report import report as report_module

SCHEMA: dict[str, Any] = json.loads(
    Path(report_module.__file__).with_name("report.schema.json").read_text(encoding="utf-8")
)

TEXTS = {
    "markup": "<script>alert('x')</script><!-- ]]> &amp; **[a](b)** `c` | d",
    "formula": "=cmd|' /C calc'!A0,\"';+1",
    "lines": "one\r\ntwo\n# three\n- four\u2028five",
    "control": "\x00\x07\x1b[31mred\x9b\ud800\ufffe",
    "direction": "\u202ea\u2066b\u200b",
    "blank": " \t",
}


def hostile(document: dict[str, Any], text: str) -> dict[str, Any]:
    """The report with the text before and after each free text of it; equal texts stay equal, so references hold."""
    fixed = {value for value, free in _strings(document, SCHEMA) if not free}
    made: dict[str, Any] = _changed(document, text, fixed)
    Draft202012Validator(SCHEMA).validate(made)
    return made


def _changed(value: Any, text: str, fixed: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _changed(item, text, fixed) for key, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, text, fixed) for item in value]
    if isinstance(value, str) and value and value not in fixed:
        return f"{text}{value}{text}"
    return value


def _strings(value: Any, schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Every text of a report, and whether its schema leaves it free."""
    if "anyOf" in schema:
        schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
    if "$ref" in schema:
        schema = reduce(lambda part, key: part[key], schema["$ref"].removeprefix("#/").split("/"), SCHEMA)
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, schema["properties"][key])
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, schema["items"])
    elif isinstance(value, str):
        yield value, not {"enum", "const", "pattern", "format"} & schema.keys()
