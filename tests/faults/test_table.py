"""The table of faults in docs/reliability.md names tests that there are."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SECTION = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8").partition("\n## Faults\n")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in SECTION.partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| fault ", "| --- "))
]


def test_the_table_has_a_row_for_each_fault() -> None:
    assert len(ROWS) > 30
    assert len({fault for fault, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_says_what_must_happen_and_names_tests_that_exist(row: list[str]) -> None:
    _, must_happen, tests = row
    assert must_happen
    named = re.findall(r"`([^`]*)`", tests)
    assert named
    assert ", ".join(f"`{name}`" for name in named) == tests
    for name in named:
        file, _, function = name.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name
