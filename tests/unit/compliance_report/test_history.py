"""The history: lines that hold on to each other."""

import json

import pytest

from compliance_report.history import appended, lines_of, read_history


def history(lines: int) -> bytes:
    content = b""
    for number in range(lines):
        content = appended(content, {"number": number}, None)
    return content


def test_each_line_holds_the_digest_of_the_one_before() -> None:
    entries, problems = read_history(history(3))
    assert problems == []
    assert [entry["number"] for entry in entries] == [0, 1, 2]
    assert entries[0]["previous"] == ""
    assert len({entry["previous"] for entry in entries}) == 3


def test_nothing_is_no_history_and_no_problem() -> None:
    assert read_history(b"") == ([], [])


@pytest.mark.parametrize("dropped", [0, 1])
def test_a_line_dropped_is_named_by_the_one_that_follows(dropped: int) -> None:
    lines = lines_of(history(3))
    del lines[dropped]
    entries, problems = read_history(b"\n".join(lines) + b"\n")
    assert len(entries) == dropped
    assert problems == [
        f"line {dropped + 1} does not follow the line before it: a line was changed, dropped or put in there"
    ]


def test_a_line_changed_breaks_the_next_one() -> None:
    _, problems = read_history(history(3).replace(b'"number":1', b'"number":7'))
    assert problems[0].startswith("line 3 ")


def test_what_another_hand_has_damaged_stays_as_it_is_and_is_not_hidden() -> None:
    torn = history(2)[:-20]
    content = appended(torn, {"number": 2}, None)
    assert content.startswith(torn + b"\n")
    assert json.loads(lines_of(content)[-1])["number"] == 2
    assert read_history(content)[1] == ["line 2 is no JSON object"]


def test_a_line_nested_without_end_is_no_crash() -> None:
    assert read_history(b"[" * 100_000)[1] == ["line 1 is no JSON object"]
