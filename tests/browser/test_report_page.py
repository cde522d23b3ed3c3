"""What a reader does with the report, in a browser, without a mouse, without a network and without script."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser import Browser

OPEN_ALL = "document.querySelectorAll('details').forEach((it) => { it.open = true; })"
# axe-core takes long for thousands of rows of evidence that differ in their words only: of each kind of requirement,
# and of whatever else opens, the first is opened; the other requirements are taken off the page.
OPEN_ONE_OF_A_KIND = """{
  const seen = new Set();
  for (const it of document.querySelectorAll("details:not(.hand)")) {
    const kind = `${it.className} ${it.dataset.effect}`;
    if (!seen.has(kind)) it.open = true;
    else if (it.matches(".requirement")) it.remove();
    seen.add(kind);
  }
  document.querySelector("details[open] .hand").open = true;
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = "details.requirement > summary .id"
SERIOUS = {"serious", "critical"}


def ids(report: dict[str, Any], **wanted: str) -> list[str]:
    """The requirements with the values that are wanted."""
    return [one["id"] for one in report["requirements"] if all(one[name] == value for name, value in wanted.items())]


def open_ids(browser: Browser) -> list[str]:
    return browser.visible("details.requirement[open] > summary .id")


def in_view(browser: Browser, selector: str) -> bool:
    """Whether the beginning of an element is in the window."""
    top = browser.run(f"document.querySelector({selector!r}).getBoundingClientRect().top / innerHeight")
    return 0 <= float(top) < 1


def open_at_requirements(browser: Browser, page: Path, *, script: bool = True) -> None:
    browser.open(page, script=script)
    browser.press("Tab", "Enter")


class TestKeyboard:
    def test_the_first_tab_leads_past_the_beginning_to_the_requirements(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.press("Tab", "Enter", "Tab")
        assert browser.focused("#words")

    def test_filters_by_the_first_verdict(self, browser: Browser, page: Path, report: dict[str, Any]) -> None:
        open_at_requirements(browser, page)
        assert browser.visible(SHOWN) == ids(report)
        browser.tab_to("#by-status")
        browser.type("to be shown")
        to_be_shown = ids(report, status="to be shown")
        assert browser.visible(SHOWN) == to_be_shown
        assert browser.visible("#shown") == [f"{len(to_be_shown)} of {len(ids(report))} requirements"]

    def test_filters_by_the_second_verdict(self, browser: Browser, page: Path, report: dict[str, Any]) -> None:
        open_at_requirements(browser, page)
        browser.tab_to("#by-effect")
        browser.type("weakens")
        assert browser.visible(SHOWN) == ids(report, effect="weakens")

    def test_a_verdict_that_no_requirement_has_shows_none(self, browser: Browser, page: Path) -> None:
        open_at_requirements(browser, page)
        browser.tab_to("#by-status")
        browser.type("not met")
        assert browser.visible(SHOWN) == []
        assert browser.visible(".group > h3") == []

    def test_searches_and_shows_all_again(self, browser: Browser, page: Path, report: dict[str, Any]) -> None:
        open_at_requirements(browser, page)
        browser.tab_to("#words")
        browser.type("MULTI-az is-multi")  # every word, in any case, also in evidence that is closed
        assert browser.visible(SHOWN) == ["DB-02"]
        browser.tab_to(".filter button")
        browser.press("Enter")
        assert browser.visible(SHOWN) == ids(report)

    def test_opens_a_requirement_and_closes_it(self, browser: Browser, page: Path) -> None:
        open_at_requirements(browser, page)
        browser.tab_to("details.requirement > summary")
        first = browser.visible(SHOWN)[0]
        browser.press("Enter")
        assert open_ids(browser) == [first]
        browser.press("Space")
        assert open_ids(browser) == []

    def test_jumps_from_the_summary_to_the_evidence_and_back(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.tab_to('.chip[href="#MON-02"]')
        browser.press("Enter")
        browser.tab_to("#MON-02 .hand > summary")
        assert open_ids(browser) == ["MON-02"]
        browser.press("Enter")
        assert "jq" in browser.visible("#MON-02 .hand[open] .command")[0]
        browser.tab_to("#MON-02 .back a")
        browser.press("Enter")
        assert in_view(browser, "#summary")
        browser.press("Tab")
        assert browser.run("Boolean(document.activeElement.closest('[aria-labelledby=summary]'))")

    def test_jumps_to_the_evidence_from_where_the_reader_is(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.tab_to('.chip[href="#MON-02"]')
        browser.press("Enter")
        assert browser.run("document.activeElement.innerText").startswith("MON-02")
        assert in_view(browser, "#MON-02")

    def test_goes_back_in_the_history(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.tab_to('.chip[href="#MON-02"]')
        before = browser.run("scrollY")
        browser.press("Enter")
        assert browser.run("scrollY") > before
        browser.run(
            "new Promise((done) => { addEventListener('popstate', () => setTimeout(done, 50)); history.back(); })"
        )
        assert in_view(browser, '.chip[href="#MON-02"]')

    def test_a_link_leads_to_a_requirement_that_the_filter_hides(self, browser: Browser, page: Path) -> None:
        open_at_requirements(browser, page)
        browser.tab_to("#words")
        browser.type("MON-02 nothing has all of these words")
        assert browser.visible(SHOWN) == []
        browser.tab_to("#frameworks ~ details summary")
        browser.press("Enter")
        browser.tab_to('.framework-of a[href="#DB-02"]')
        browser.press("Enter")
        assert open_ids(browser) == ["DB-02"]
        assert in_view(browser, "#DB-02")

    def test_jumps_from_a_requirement_to_its_risk_and_back(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.tab_to('.chip[href="#CFG-02"]')
        browser.press("Enter")
        browser.tab_to("#CFG-02 dd a")
        browser.press("Enter")
        assert in_view(browser, browser.run("location.hash"))
        browser.tab_to('.risk a[href="#CFG-02"]')
        browser.press("Enter")
        assert in_view(browser, "#CFG-02")

    def test_the_keyboard_leads_through_the_page_and_out_again(self, browser: Browser, page: Path) -> None:
        browser.open(page)
        browser.tab_to("details.framework-of > summary")
        browser.tab_to("a.skip")  # past the end of the page, and around


def serious(found: Any) -> list[Any]:
    return [one for one in found["violations"] if one["impact"] in SERIOUS]


class TestAccessibility:
    @pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
    @pytest.mark.parametrize("name", ["page", "failed_page"])
    def test_no_serious_violation(
        self, browser: Browser, request: pytest.FixtureRequest, name: str, scheme: str, width: int
    ) -> None:
        browser.open(request.getfixturevalue(name), scheme=scheme, width=width)
        browser.run(OPEN_ONE_OF_A_KIND)
        found = browser.axe()
        assert serious(found) == []
        assert "color-contrast" in found["passes"]  # it did look

    def test_a_serious_violation_would_be_found(self, browser: Browser, tmp_path: Path) -> None:
        bad = tmp_path / "bad.html"
        bad.write_text(
            "<title>Bad</title><p style='color: #ccc; background: #fff'>Hardly to be read.</p><img src='data:,'>"
        )
        browser.open(bad)
        assert {one["id"] for one in serious(browser.axe())} >= {"color-contrast", "image-alt", "html-has-lang"}


class TestSelfContained:
    @pytest.mark.parametrize("name", ["page", "failed_page"])
    def test_fetches_nothing_but_itself(self, browser: Browser, request: pytest.FixtureRequest, name: str) -> None:
        file = request.getfixturevalue(name)
        open_at_requirements(browser, file)
        browser.run(OPEN_ALL)
        browser.tab_to("#words")
        browser.type("database")
        assert browser.requested == [file.as_uri()]
        assert browser.complaints == []

    def test_a_fetch_would_be_seen(self, browser: Browser, tmp_path: Path) -> None:
        bad = tmp_path / "bad.html"
        bad.write_text("<title>Bad</title><img src='https://fetched.example/picture.png' alt=''>")
        browser.open(bad)
        assert browser.requested == [bad.as_uri(), "https://fetched.example/picture.png"]
        assert browser.complaints != []

    def test_its_policy_stops_what_should_ever_slip_in(self, browser: Browser, page: Path, tmp_path: Path) -> None:
        hurt = tmp_path / "hurt.html"
        image = "<img src='https://fetched.example/picture.png' alt=''></main>"
        hurt.write_text(page.read_text(encoding="utf-8").replace("</main>", image), encoding="utf-8")
        browser.open(hurt)
        assert browser.requested == [hurt.as_uri()]
        assert "Content Security Policy" in browser.complaints[0]


class TestLayout:
    @pytest.mark.parametrize("width", [1280, 390])
    @pytest.mark.parametrize("name", ["page", "failed_page"])
    def test_the_page_does_not_scroll_sideways(
        self, browser: Browser, request: pytest.FixtureRequest, name: str, width: int
    ) -> None:
        browser.open(request.getfixturevalue(name), width=width)
        assert browser.run(OVERFLOW) == 0
        browser.run(OPEN_ALL)
        assert browser.run(OVERFLOW) == 0

    def test_a_page_that_does_would_be_seen(self, browser: Browser, tmp_path: Path) -> None:
        bad = tmp_path / "bad.html"
        bad.write_text(
            "<title>Bad</title><meta name=viewport content='width=device-width'><p style='width: 600px'>Wide"
        )
        browser.open(bad, width=390)
        assert browser.run(OVERFLOW) > 0


class TestWithoutScript:
    def test_all_is_there(self, browser: Browser, page: Path, report: dict[str, Any]) -> None:
        browser.open(page, script=False)
        text = " ".join(browser.run("document.body.textContent").split())
        for one in report["requirements"]:
            wanted = [one["id"], one["title"], one["text"], one["summary"], *one["limits"]]
            wanted += [piece[name] for piece in one["evidence"] for name in ("observed", "expected", "resource")]
            wanted += [piece["repeat"]["command"] for piece in one["evidence"]]
            assert [it for it in wanted if " ".join(str(it).split()) not in text] == []

    def test_a_requirement_opens_and_what_needs_script_is_not_shown(self, browser: Browser, page: Path) -> None:
        open_at_requirements(browser, page, script=False)
        assert browser.visible(".filter") == []
        browser.tab_to("details.requirement > summary")
        browser.press("Enter")
        assert len(open_ids(browser)) == 1

    def test_a_link_opens_the_requirement_that_it_leads_to(self, browser: Browser, page: Path) -> None:
        browser.open(page, script=False)
        browser.tab_to('.chip[href="#MON-02"]')
        browser.press("Enter")
        assert in_view(browser, "#MON-02")


def test_500_resources_are_searched_and_filtered(browser: Browser, large_page: Path) -> None:
    open_at_requirements(browser, large_page)
    browser.tab_to("#words")
    browser.type("filler7-dev")
    found = browser.visible(SHOWN)
    assert "LOG-01" in found
    assert "DB-02" not in found
