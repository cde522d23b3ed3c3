"""`make bench`: how long an audit takes, beside other ways to do the same work; every ratio from one interleaved run.

Times of a shared machine wander, so each round measures every variant, and what counts is the ratio of the medians.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

from policies.evaluate import evaluate
from policies.rules import ALL_RULES
from policies.template import Template
from tests.bench.large_template import large_template

ROUNDS: Final = 5
ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "cdk.out" / "dev" / "TapStack-dev.template.json"
SMALL, LARGE = 500, 5000

Timed = Callable[[], object]


def commands(*several: Sequence[str]) -> Timed:
    """Runs commands one after another; a command's own verdict does not matter here, that it could run does."""

    def run() -> None:
        for command in several:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if "Traceback" in done.stderr or done.returncode not in {0, 1}:
                sys.exit(f"bench: {' '.join(command)} could not run: {done.stderr[-2000:]}")

    return run


def measure(variants: Mapping[str, Timed], rounds: int = ROUNDS) -> dict[str, float]:
    """The median time of each variant in seconds; a first round warms up and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            started = time.perf_counter()
            run()
            if number:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(taken) for name, taken in times.items()}


def audits() -> dict[str, float]:
    """The warm audit, a bare synthesis, and the tools of the audit one after another."""
    python = sys.executable
    checkov = ["-f", str(TEMPLATE), "--skip-download", "--framework", "cloudformation", "--quiet", "--compact"]
    with_cdk_nag = f"{python} -m tests.bench.bare_app --cdk-nag"
    validate = "import sys, cloudformation_validate as v; v.CompositeEngine().validate_template(sys.argv[1])"
    return measure(
        {
            "audit": commands(["make", "--silent", "synth-audit", "SUFFIX=dev"]),
            "bare app": commands([python, "-m", "tests.bench.bare_app"]),
            "one after another": commands(
                ["npx", "cdk", "synth", "--quiet", "--output", "cdk.out/bare-app-cli", "--app", with_cdk_nag],
                [str(Path(python).with_name("checkov")), *checkov],
                [python, "-c", validate, str(TEMPLATE)],
                [python, "-m", "policies", "check", str(TEMPLATE), "--suffix", "dev"],
            ),
        }
    )


def rules(folder: Path) -> dict[str, float]:
    """All rules over a template of 500 and one of 5,000 resources, and Checkov in this process over the smaller."""
    from checkov.cloudformation.runner import Runner  # noqa: PLC0415 - seconds of imports
    from checkov.runner_filter import RunnerFilter  # noqa: PLC0415 - as above

    files = {}
    for size in (SMALL, LARGE):
        files[size] = folder / f"{size}.json"
        files[size].write_text(json.dumps(large_template(json.loads(TEMPLATE.read_text()), size)))

    def judge(size: int) -> Timed:
        return lambda: evaluate(Template.read(files[size], suffix="dev"), ALL_RULES)

    def checkov() -> None:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            Runner().run(root_folder=None, files=[str(files[SMALL])], runner_filter=RunnerFilter(["cloudformation"]))

    return measure({"rules, 500": judge(SMALL), "rules, 5,000": judge(LARGE), "Checkov, 500": checkov})


def main() -> None:
    """Measure and print; the aims are those of docs/performance.md."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands(["make", "--silent", "synth-audit", "SUFFIX=dev"])()
    with tempfile.TemporaryDirectory() as folder:
        seconds = audits() | rules(Path(folder))
    shutil.rmtree(ROOT / "cdk.out" / "bare-app", ignore_errors=True)
    shutil.rmtree(ROOT / "cdk.out" / "bare-app-cli", ignore_errors=True)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}; medians of {ROUNDS} interleaved rounds\n")
    for name, taken in seconds.items():
        print(f"{name:20} {taken:8.2f} s")
    print()
    for letter, above, below, aim in (
        ("a", "audit", "one after another", 0.5),
        ("b", "audit", "bare app", 1.3),
        ("c", "rules, 500", "Checkov, 500", 0.1),
        ("c", "rules, 5,000", "rules, 500", 11.0),
    ):
        ratio = seconds[above] / seconds[below]
        print(f"({letter}) {above} / {below}: {ratio:.2f}, aim {aim} or less: {'met' if ratio <= aim else 'MISSED'}")


if __name__ == "__main__":
    main()
