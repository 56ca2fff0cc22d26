"""The page in a real browser: on a desk and on a telephone, in light and in dark."""

from pathlib import Path

import pytest

from gaittake.report.build import CONTENTS
from tests.report.browser import chromium, find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium here; `apt-get install chromium` brings one"
)
COLOUR = "getComputedStyle(document.body).backgroundColor"


def test_a_browser_opens_the_page_alone_and_it_fits_the_window(page: Path, tmp_path: Path) -> None:
    colours = set()
    with chromium(tmp_path) as browser:
        for width in (1280, 390):
            for dark in (False, True):
                browser.open(page, width=width, dark=dark)
                assert browser.requests() == [page.resolve().as_uri()]
                assert browser.complaints() == []
                assert browser.value("window.innerWidth") == width
                assert browser.value("document.documentElement.scrollWidth") <= width
                assert browser.value("document.querySelectorAll('section').length") == len(CONTENTS)
                colours.add(browser.value(COLOUR))
    assert len(colours) == 2


def test_the_browser_of_these_tests_notices_what_must_not_be(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<meta name='viewport' content='width=device-width'><div style='width:2000px'>wide</div>"
        "<img src='missing.png'><script>console.error('oh')</script>"
    )
    with chromium(tmp_path / "profile") as browser:
        browser.open(bad, width=390)
        assert len(browser.requests()) == 2
        assert "oh" in "".join(browser.complaints())
        assert browser.value("document.documentElement.scrollWidth") >= 2000
