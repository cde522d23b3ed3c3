"""The digest of the rules: what changes it."""

from pathlib import Path

import pytest

import policies
from policies.digest import digest_of_rules


def test_digest_of_the_rules_changes_with_rules_data_and_the_code_that_applies_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rules/database.py", "rules/types.json", "judge.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("before")
    monkeypatch.setattr(policies, "__path__", [str(tmp_path)])
    digests = [digest_of_rules()]
    for name in ("rules/database.py", "rules/types.json", "judge.py"):
        (tmp_path / name).write_text("after")
        digests.append(digest_of_rules())
    (tmp_path / "notes.txt").write_text("after")

    assert len(set(digests)) == 4
    assert digest_of_rules() == digests[-1]
