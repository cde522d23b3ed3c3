"""Templates that nobody here wrote: each is judged, or refused in one line; no rule raises, and none passes.

They are the JSON and YAML files that come with the installed dependencies and speak of resources; few of those are
templates. Templates inside source code and documentation are not looked for. `REAL_TEMPLATES` names a folder with more
files; docs/reliability.md says which ones were tried so. `pytest -rP` shows the counts.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from policies.evaluate import evaluate
from policies.finding import Finding
from policies.rules import ALL_RULES
from policies.source import TemplateError
from policies.template import Template
from tests.effectiveness.changes import SUFFIX

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
MORE = os.environ.get("REAL_TEMPLATES")
FOLDERS = [Path(sysconfig.get_path("purelib")), NODE_MODULES, *([Path(MORE)] if MORE else [])]
ENDINGS = frozenset({".json", ".yaml", ".yml", ".template"})


def candidates() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in folder.rglob("*"):
            if path.suffix in ENDINGS and path.is_file() and b"Resources" in path.read_bytes():
                yield path


def judged(path: Path) -> list[Finding] | str:
    """The findings, or in one line why it is no template."""
    try:
        return evaluate(Template.read(path, suffix=SUFFIX), ALL_RULES)
    except TemplateError as error:
        return str(error)


def test_each_file_is_judged_or_refused_in_one_line() -> None:
    outcomes = {path: judged(path) for path in candidates()}
    templates = {path: outcome for path, outcome in outcomes.items() if not isinstance(outcome, str)}
    sys.stdout.write(f"{len(outcomes)} files: {len(templates)} judged, {len(outcomes) - len(templates)} refused\n")
    assert [outcome for outcome in outcomes.values() if isinstance(outcome, str) and "\n" in outcome] == []
    found = [(path, finding) for path, findings in templates.items() for finding in findings]
    assert [(path, one.rule, one.message) for path, one in found if "the rule itself failed" in one.message] == []
    assert [path for path, findings in templates.items() if not any(one.blocks for one in findings)] == []
    assert NODE_MODULES / "aws-cdk/lib/api/bootstrap/bootstrap-template.yaml" in templates
