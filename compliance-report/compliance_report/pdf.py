"""The report's page as a PDF. It lies beside the bundle, which is sealed and gets no further file."""

import argparse
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, Final

from compliance_report.publishing import exclusive, replace_file
from compliance_report.seal import read_sealed
from policies.suffix import SUFFIX, SUFFIX_RULE

MADE: Final = 0
NOT_DONE: Final = 2

_PAGE: Final = "report.html"
# WeasyPrint's documentation, "First Steps": the packages of its own dependencies, by system
_WHAT_TO_INSTALL: Final = (
    "Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; Fedora: dnf install pango; "
    "macOS: brew install pango libffi"
)


class PdfError(RuntimeError):
    """No PDF can be made; the message is one line that says why and what to do."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `report-pdf` to the command line."""
    parser = commands.add_parser(
        "report-pdf",
        allow_abbrev=False,
        help="the report as a PDF, beside its bundle: exit 0 made, 2 could not be made (`make report-pdf` sets it up)",
    )
    parser.add_argument("--suffix", required=True, help="the environment suffix, for instance dev")
    parser.set_defaults(run=lambda given: report_pdf(given.suffix))


def report_pdf(suffix: str) -> int:
    """Write the report of an environment to `compliance-report/out/<suffix>.pdf`.

    Gives 0 when it is written and 2 when it cannot be: no such suffix, no report that is as an audit sealed it, no
    WeasyPrint, or none of the libraries that it draws with. Then the message says what to do.
    """
    from compliance_report.audit import REPORTS  # noqa: PLC0415 - it imports all that an audit needs

    place = REPORTS / suffix
    try:
        content = _rendered(_page(suffix, place), _weasyprint())
        with exclusive(place):
            replace_file(place, place.with_suffix(".pdf"), content)
    except (PdfError, OSError) as error:
        print(f"no PDF made: {error}", file=sys.stderr)  # noqa: T201 - the message is for whoever runs this
        return NOT_DONE
    print(place.with_suffix(".pdf"))  # noqa: T201 - the outcome
    return MADE


def _page(suffix: str, place: Path) -> str:
    if not SUFFIX.fullmatch(suffix):
        raise PdfError(f"the environment suffix is {suffix!r}; {SUFFIX_RULE}")
    page = read_sealed(place, _PAGE)
    if page is None:
        raise PdfError(f"{place} holds no {_PAGE} as an audit seals it; run make synth-audit SUFFIX={suffix} first")
    return page.decode()


def _weasyprint() -> Any:  # noqa: ANN401 - a module that is not there when types are checked
    try:
        with redirect_stdout(StringIO()):  # where it finds a library missing, it prints ten lines about itself
            return import_module("weasyprint")
    except ImportError as error:
        raise PdfError(f"WeasyPrint is not installed ({error}); make report-pdf installs it") from error
    except OSError as error:
        reason = " ".join(str(error).split())
        raise PdfError(f"WeasyPrint misses a library of the system ({reason}); {_WHAT_TO_INSTALL}") from error


def _rendered(page: str, weasyprint: Any) -> bytes:  # noqa: ANN401 - as above
    # the page holds all that it shows, so nothing is fetched from anywhere
    fetcher = weasyprint.URLFetcher(allowed_protocols=["data"], fail_on_errors=True)
    pdf: bytes = weasyprint.HTML(string=page, url_fetcher=fetcher).write_pdf()
    return pdf
