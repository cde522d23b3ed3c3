"""What a test proves: the requirement it is marked with, and each check with what was expected and observed.

A pytest plugin. `@pytest.mark.requirement("DB-02")` names the requirement, the fixture `prove` records a check and then
asserts it, and `--record FOLDER` writes what was proved, one file a ground, as `compliance_report.record` reads it. The
class of the evidence comes from the fixture `ground` of the tests' folder, never from a test.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from compliance_report.bundle import as_json
from compliance_report.evidence import MASKED
from compliance_report.record import digest_of_sources
from policies.facts.passwords import holds_password

ROOT: Final = Path(__file__).parents[1]
CATALOGUE: Final = ROOT / "compliance-report" / "requirements.yaml"
CLOCK: Final = "the system clock of the host, which nobody vouches for"
_GROUP: Final = re.compile(r"@tests/[^\[\]@]*\Z")
"""What xdist adds to the name of a test that belongs to a group (`tests/conftest.py`)."""

_PROOF: Final = "proof"
_GROUND: Final = "ground"
_REQUIREMENT: Final = "requirement"
_TABLE: Final = "table"
_LIMIT: Final = "limit"
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Ground:
    """What tests ran against: the class of the evidence, what was found there, what it is about, the file's place."""

    class_: str
    kind: str
    ran_against: Mapping[str, str]
    subject: Mapping[str, str]
    file: str


@dataclass(slots=True)
class Prove:
    """Records what a test shows, each check before it is asserted."""

    record: Callable[[str, object], None]
    requirements: Sequence[str]
    checks: int = field(default=0, init=False)

    def __call__(
        self,
        what: str,
        *,
        resource: str,
        expected: object,
        observed: object,
        holds: bool | None = None,
        resource_type: str = "",
        command: str = "",
    ) -> None:
        """Record a check, and fail the test where it does not hold.

        `what` is the assertion in words; it holds when `observed` equals `expected`, or as `holds` says. `command`
        shows the observed value again by hand.
        """
        good = observed == expected if holds is None else holds
        self.checks += 1
        for requirement in self.requirements:
            self.record(
                _PROOF,
                {
                    "requirement": requirement,
                    "verdict": "pass" if good else "fail",
                    "resource": resource,
                    "resource_type": resource_type,
                    "what": what,
                    "expected": _text(expected),
                    "observed": _text(observed),
                    "command": command,
                },
            )
        assert good, f"{what} ({resource}): expected {_text(expected)}, observed {_text(observed)}"

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Record a table for the report, each cell as text."""
        cells = [list(row) for row in rows]
        for requirement in self.requirements:
            self.record(_TABLE, {"requirement": requirement, "title": title, "columns": list(columns), "rows": cells})

    def limit(self, text: str) -> None:
        """Record what the tests of this ground cannot show."""
        self.record(_LIMIT, text)


def _text(value: object) -> str:
    """A value for the report: text as it is, anything else as JSON; without what looks like a credential."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)
    return MASKED if holds_password(text) else text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@pytest.fixture(scope="session")
def ground() -> Ground:
    """The ground of the tests that examine what is synthesized; a folder of other tests overrides it."""
    return design_ground()


def design_ground() -> Ground:
    """The template and the code, without anything that runs."""
    about = {"what": "the code and the template that it synthesizes"}
    return Ground("design", "unit test", about, {"sources": digest_of_sources(ROOT)}, "tests.json")


@pytest.fixture
def prove(request: pytest.FixtureRequest, ground: Ground) -> Iterable[Prove]:
    """Records what the test shows of the requirements that it is marked with."""
    marked = _requirements(request.node)
    assert marked, "a test that proves something is marked with its requirement"
    refuse_class_of_others(ground, request.node.path)
    request.node.user_properties.append((_GROUND, asdict(ground)))
    proving = Prove(lambda name, value: request.node.user_properties.append((name, value)), marked)
    yield proving
    assert proving.checks, "the test is marked with a requirement and has proved nothing of it"


def refuse_class_of_others(ground: Ground, test: Path) -> None:
    """Refuse evidence about a running database from tests that do not talk to a deployment, whatever they say."""
    if ground.class_ in {"implemented", "operated"} and ROOT / "tests" / "integration" not in test.parents:
        raise pytest.UsageError(f"{test.name} gives evidence of the class {ground.class_}: only tests/integration may")


def _requirements(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers(_REQUIREMENT) for name in mark.args]


# --- the plugin -------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--record`."""
    parser.addoption("--record", type=Path, metavar="FOLDER", help="write what the tests proved, for the report")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the mark, and begin to collect."""
    config.addinivalue_line("markers", "requirement(id): the requirement of the catalogue that the test proves")
    if config.getoption("record") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config.getoption("record")))


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse a mark that names no requirement of the catalogue, and one on a test that cannot prove anything."""
    marked = [(item, name) for item in items for name in _requirements(item)]
    known = (
        {one["id"] for one in yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["requirements"]} if marked else {}
    )
    for item, name in marked:
        if name not in known:
            raise pytest.UsageError(f"{item.nodeid} is marked with the requirement {name!r}, which the catalogue lacks")
        if "prove" not in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} is marked with {name} and proves nothing: let it use `prove`")
        item.user_properties.append((_REQUIREMENT, name))


class Recorder:
    """Collects what the tests prove, those of other processes too, and writes it when all have run.

    A test that fails before its ground is known is in no record: whoever asks for records removes the old ones first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = datetime.now(tz=UTC)
        self._records: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test has proved once it has ended, and once for a set-up or an end that failed."""
        properties = [(name, value) for name, value in report.user_properties if isinstance(value, dict)]
        grounds = [value for name, value in properties if name == _GROUND]
        if not grounds or not (report.when == "call" or report.failed):
            return
        record = self._record(grounds[0])
        test = _GROUP.sub("", report.nodeid)
        proofs = [value for name, value in properties if name == _PROOF] if report.when == "call" else []
        record["outcomes"] += [{"test": test, **proof} for proof in proofs]
        if report.failed and not any(proof["verdict"] == "fail" for proof in proofs):
            named = [value for name, value in report.user_properties if name == _REQUIREMENT]
            record["outcomes"] += [_not_carried_out(report, test, str(name)) for name in named]
        if report.when == "call":
            record["tables"] += [value for name, value in properties if name == _TABLE]
            record["limits"] += [value for name, value in report.user_properties if name == _LIMIT]

    def _record(self, ground: Mapping[str, Any]) -> dict[str, Any]:
        about = {"class": ground["class_"], **{name: ground[name] for name in ("kind", "subject", "ran_against")}}
        return self._records.setdefault(ground["file"], {**about, "outcomes": [], "tables": [], "limits": []})

    def pytest_sessionfinish(self) -> None:
        """Write the records, each in an order that does not depend on which test ran first."""
        for name, record in self._records.items():
            record["outcomes"].sort(key=lambda outcome: outcome["test"])  # a test's own checks stay in their order
            record["tables"].sort(key=lambda table: (table["requirement"], table["title"]))
            record["limits"] = sorted(set(record["limits"]))
            finished = datetime.now(tz=UTC)
            times = {"started": self._started.isoformat(), "finished": finished.isoformat(), "clock": CLOCK}
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            beside.write_text(as_json({"schema": "1.0", **record, **times}), encoding="utf-8")
            beside.replace(path)


def _not_carried_out(report: pytest.TestReport, test: str, requirement: str) -> dict[str, str]:
    """The outcome of a test that failed otherwise than by a check."""
    crash = getattr(report.longrepr, "reprcrash", None)
    reason = str(crash.message if crash else report.longrepr).partition("\n")[0]
    return {
        "test": test,
        "requirement": requirement,
        "verdict": "fail",
        "resource": "",
        "resource_type": "",
        "what": "the test can be carried out",
        "expected": "yes",
        "observed": _text(" ".join(reason.split())),
        "command": "",
    }
