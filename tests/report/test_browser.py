"""The page in a real browser: wide and narrow, light and dark."""

from pathlib import Path

import pytest

from gaittake.report.build import CONTENTS
from tests.report.browser import chromium, find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium; `apt-get install chromium` installs it"
)
COLOUR = "getComputedStyle(document.body).backgroundColor"


def test_the_page_requests_nothing_else_and_fits_the_window(page: Path, tmp_path: Path) -> None:
    colours = set()
    with chromium(tmp_path) as browser:
        for width in (1280, 390):
            for dark in (False, True):
                browser.open(page, width=width, dark=dark)
                assert browser.requests() == [page.resolve().as_uri()]
                assert browser.console() == []
                assert browser.value("window.innerWidth") == width
                assert browser.value("document.documentElement.scrollWidth") <= width
                assert browser.value("document.querySelectorAll('section').length") == len(CONTENTS)
                colours.add(browser.value(COLOUR))
    assert len(colours) == 2


def test_these_checks_fail_on_a_bad_page(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<meta name='viewport' content='width=device-width'><div style='width:2000px'>wide</div>"
        "<img src='missing.png'><script>console.error('oh')</script>"
    )
    with chromium(tmp_path / "profile") as browser:
        browser.open(bad, width=390)
        assert len(browser.requests()) == 2
        assert "oh" in "".join(browser.console())
        assert browser.value("document.documentElement.scrollWidth") >= 2000
