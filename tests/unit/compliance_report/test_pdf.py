"""The report as a PDF, as far as it can be tried without WeasyPrint, which nothing but `make report-pdf` installs."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from compliance_report import audit as auditing
from compliance_report import pdf
from compliance_report.__main__ import main
from compliance_report.seal import sums_of

Output = pytest.CaptureFixture[str]


class Drawing:
    """Stands for WeasyPrint: what it was given, and a PDF that shows as much."""

    def __init__(self) -> None:
        self.fetchers: list[dict[str, object]] = []

    def URLFetcher(self, **options: object) -> dict[str, object]:  # noqa: N802 - its name
        self.fetchers.append(options)
        return options

    def HTML(self, *, string: str, url_fetcher: object) -> SimpleNamespace:  # noqa: N802 - its name
        assert url_fetcher in self.fetchers
        return SimpleNamespace(write_pdf=f"%PDF of {string}".encode)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the bundle of `dev` stands, with a sealed page."""
    monkeypatch.setattr(auditing, "REPORTS", tmp_path)
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "report.html").write_text("<p>§ a page</p>", encoding="utf-8")
    (folder / "SHA256SUMS").write_text(sums_of(folder), encoding="utf-8")
    return folder


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Drawing:
    drawing = Drawing()
    monkeypatch.setitem(sys.modules, "weasyprint", drawing)
    return drawing


def refused(capsys: Output) -> str:
    """The one line of a PDF that was not made."""
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("no PDF made: ")
    return line


def test_the_page_is_drawn_beside_the_bundle_and_nothing_is_fetched(
    place: Path, drawing: Drawing, capsys: Output
) -> None:
    before = sorted(path.name for path in place.iterdir())
    assert main(["report-pdf", "--suffix", "dev"]) == 0
    made = place.with_suffix(".pdf")
    assert made.read_bytes() == "%PDF of <p>§ a page</p>".encode()
    assert capsys.readouterr().out == f"{made}\n"
    assert drawing.fetchers == [{"allowed_protocols": ["data"], "fail_on_errors": True}]
    assert sorted(path.name for path in place.iterdir()) == before
    assert sorted(path.name for path in place.parent.iterdir()) == [".dev.lock", "dev", "dev.pdf"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda place: (place / "report.html").unlink(), id="no page"),
        pytest.param(lambda place: (place / "SHA256SUMS").unlink(), id="no seal"),
        pytest.param(lambda place: (place / "report.html").write_text("<p>forged</p>"), id="another page"),
    ],
)
@pytest.mark.usefixtures("drawing")
def test_without_a_page_as_an_audit_sealed_it_there_is_no_pdf(
    place: Path, capsys: Output, spoil: Callable[[Path], object]
) -> None:
    spoil(place)
    assert pdf.report_pdf("dev") == 2
    assert "holds no report.html as an audit seals it; run make synth-audit SUFFIX=dev first" in refused(capsys)
    assert not place.with_suffix(".pdf").exists()


@pytest.mark.parametrize("suffix", ["Dev", "../dev", "", "dev;rm"])
@pytest.mark.usefixtures("place", "drawing")
def test_a_suffix_that_is_none_is_refused(capsys: Output, suffix: str) -> None:
    assert pdf.report_pdf(suffix) == 2
    assert f"the environment suffix is {suffix!r}; give 2 to 20 lower-case" in refused(capsys)


@pytest.mark.usefixtures("place")
def test_without_weasyprint_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert pdf.report_pdf("dev") == 2
    assert refused(capsys).endswith("; make report-pdf installs it")


@pytest.mark.usefixtures("place")
def test_without_the_libraries_of_the_system_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def missing(name: str) -> object:
        assert name == "weasyprint"
        print("-----\nWeasyPrint could not import some external libraries")  # noqa: T201 - as it does
        raise OSError("cannot load library 'libpango-1.0-0':\nno such file")

    monkeypatch.setattr(pdf, "import_module", missing)
    assert pdf.report_pdf("dev") == 2
    line = refused(capsys)
    for told in ("libpango-1.0-0': no such file", "apt install libpango", "dnf install pango", "brew install pango"):
        assert told in line
