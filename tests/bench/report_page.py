"""`python -m tests.bench.report_page`: how long the page of a report takes to open and to filter, small and large."""

import json
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.browser import reports
from tests.browser.browser import Browser, browsing

ROUNDS: Final = 7
RESOURCES: Final = 500

# From the change of a field until the browser has painted what came of it, in milliseconds.
FILTERED: Final = """new Promise((done) => {{
  const field = document.getElementById({field!r});
  const started = performance.now();
  field.value = {value!r};
  field.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - started)));
}})"""


def measure(browser: Browser, page: Path) -> dict[str, float]:
    """The median milliseconds of each step; each round has a fresh profile, and a first one warms up uncounted."""
    times: dict[str, list[float]] = {}
    steps: dict[str, Callable[[], float]] = {
        "open, until the content is ready": lambda: browser.open(page),
        "filter by verdict": lambda: browser.run(FILTERED.format(field="by-effect", value="weakens")),
        "show all again": lambda: browser.run(FILTERED.format(field="by-effect", value="")),
        "search, first letter": lambda: browser.run(FILTERED.format(field="words", value="d")),
        "search, a further one": lambda: browser.run(FILTERED.format(field="words", value="db")),
    }
    for number in range(ROUNDS + 1):
        for name, step in steps.items():
            taken = step()
            if number:
                times.setdefault(name, []).append(taken)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Audit, make both pages, measure and print."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        bundle = reports.audited(Path(folder))
        template = json.loads((bundle / "templates" / "TapStack-dev.template.json").read_text(encoding="utf-8"))
        pages = {
            len(template["Resources"]): bundle / "report.html",
            RESOURCES: reports.written(reports.of_many(template, RESOURCES), Path(folder) / "large.html"),
        }
        print(f"{os.cpu_count()} cores, {browser.name}; medians of {ROUNDS} rounds")
        for resources, page in pages.items():
            print(f"\n{resources} resources, {page.stat().st_size / 1e6:.1f} MB")
            for name, taken in measure(browser, page).items():
                print(f"{name:36} {taken:6.0f} ms")


if __name__ == "__main__":
    main()
