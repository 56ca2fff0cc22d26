"""The page in a real browser: wide and narrow, light and dark."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from gaittake.evaluation.error_tables import RATES
from gaittake.report.build import CONTENTS
from gaittake.report.html import table
from gaittake.report.style import STYLE
from tests.report.browser import Browser, chromium, find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium; `apt-get install chromium` installs it"
)
SVG = "{http://www.w3.org/2000/svg}"
CHART = "document.querySelector('#identification svg[data-x]')"
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


@pytest.fixture(scope="module")
def opened(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The page in a dark window."""
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.open(page, width=1440, dark=True)
        yield browser


def test_the_first_screen_has_the_number_and_how_many_people_stand_behind_it(
    opened: Browser, page: Path
) -> None:
    for width in (390, 1440):
        opened.open(page, width=width, dark=True)
        bottom = "document.querySelector('.people').getBoundingClientRect().bottom"
        assert opened.value(bottom) < 900
        edge = "Math.max(...[...document.querySelectorAll('#rank-1 .mean')].map(cell => "
        assert opened.value(f"{edge}cell.getBoundingClientRect().right))") <= width


def test_a_table_of_all_error_rates_with_intervals_fits_a_wide_window(
    opened: Browser, page: Path, tmp_path: Path
) -> None:
    head = ["condition", "method", *(title for title, _ in RATES.values())]
    cells = ["nm", "SkeletonGait++", *["85.9 [82.2, 91.8]"] * 4, "100.0", "100.0"]
    drawn = table(head, [cells], caption="Error rates", words=2)
    wide = tmp_path / "wide.html"
    wide.write_text(f"<!doctype html><meta charset='utf-8'><style>{STYLE}</style>{drawn}")
    opened.open(wide, width=1440)
    box = "document.querySelector('.scroll')"
    assert opened.value(f"{box}.scrollWidth") <= opened.value(f"{box}.clientWidth")
    opened.open(page, width=1440, dark=True)


def test_without_script_nothing_is_missing(opened: Browser, page: Path) -> None:
    opened.send("Emulation.setScriptExecutionDisabled", value=True)
    opened.open(page, width=390)
    opened.send("Emulation.setScriptExecutionDisabled", value=False)
    assert opened.value("document.querySelectorAll('button').length") == 0
    plain = opened.value("document.querySelector('main').textContent")
    opened.open(page, width=1440, dark=True)
    assert opened.value("document.querySelectorAll('button').length") > 20
    added = opened.value("document.querySelector('main').textContent")
    without_buttons = re.sub("EnlargeSVG", "", added)
    assert sorted(without_buttons.split()) == sorted(plain.split())


def test_a_figure_is_saved_as_an_svg_that_stands_alone(opened: Browser) -> None:
    """Well-formed, light, without variables and classes, with its legend and the mark."""
    opened.value("HTMLAnchorElement.prototype.click = function () {"
                 " (window.saved ??= []).push([this.download, this.href]); }")  # fmt: skip
    opened.value("document.querySelectorAll('.tools button:last-child').forEach(b => b.click())")
    saved = {name: unquote(address) for name, address in opened.value("saved")}
    drawn = opened.value("document.querySelectorAll('figure .picture svg').length")
    assert len(saved) == drawn > 15
    for name, address in saved.items():
        start, _, text = address.partition(",")
        assert start == "data:image/svg+xml;charset=utf-8", name
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert not re.search(r"var\(|class=|data-tip|url\(|script", text), name
        _, top, width, height = (float(n) for n in root.attrib["viewBox"].split())
        assert float(root.attrib["width"]) == width
        assert root[0].tag == f"{SVG}rect"
        assert root[0].attrib["fill"] == "#ffffff"
        words = [part.text for part in root.iter(f"{SVG}text")]
        assert "Rendered people (synthetic)" in words, name
        for part in root.iter(f"{SVG}text"):
            if "y" in part.attrib:
                assert top <= float(part.attrib["y"]) <= top + height
        for picture in root.iter(f"{SVG}image"):
            assert picture.attrib["href"].startswith("data:image/png;base64,")
    curve = ElementTree.fromstring(saved["blobs_identification_1.svg"].partition(",")[2])
    words = [part.text for part in curve.iter(f"{SVG}text")]
    assert {"GEI", "GaitTAKE", "rank"} <= set(words)
    (title,) = (part for part in curve.iter(f"{SVG}text") if part.text == "normal walking (nm)")
    assert title.attrib["font-weight"] == "600"
    assert curve.attrib["fill"] != "none"
    ink = title.attrib.get("fill", curve.attrib["fill"])
    assert ink == "rgb(28, 29, 32)"  # of the light page, although the window is dark


def test_a_column_sorts_the_rows_of_each_condition(opened: Browser) -> None:
    rows = (
        "[...document.querySelectorAll('#rank-1 tbody')].map(body => [...body.rows].map(row =>"
        " parseFloat(row.cells[2].dataset.sort)))"
    )
    head = "document.querySelector('#rank-1 th.mean')"
    for direction, down in (("descending", True), ("ascending", False)):
        opened.value(f"{head}.querySelector('button').click()")
        assert opened.value(f"{head}.getAttribute('aria-sort')") == direction
        found = opened.value(rows)
        assert len(found) == 2
        assert all(values == sorted(values, reverse=down) for values in found)
        assert len(set(found[0])) > 1
    opened.value(f"{head}.nextElementSibling.querySelector('button').click()")
    assert opened.value("document.querySelectorAll('#rank-1 [aria-sort]').length") == 1


def test_values_appear_below_the_pointer_and_by_arrow_keys(opened: Browser) -> None:
    tip = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').innerText"
    opened.value(f"{CHART}.scrollIntoView({{block: 'center'}})")
    box = opened.value(f"{CHART}.getBoundingClientRect().toJSON()")
    opened.move(box["left"] + box["width"] - 8, box["top"] + box["height"] / 2)
    assert opened.value(tip) == "rank 20\nGEI 100\nGaitTAKE 100"
    opened.move(2, 2)
    assert opened.value(tip) == ""
    assert opened.value("document.querySelectorAll('.guide').length") == 0
    opened.value(f"{CHART}.focus()")
    opened.press("ArrowRight")
    first = opened.value(tip)
    opened.press("ArrowRight")
    assert first.startswith("rank 1\n")
    assert opened.value(tip).startswith("rank 2\n")
    opened.value(f"{CHART}.blur()")
    cell = "document.querySelector('#confusion-matrix rect')"
    opened.value(f"{cell}.scrollIntoView({{block: 'center'}})")
    box = opened.value(f"{cell}.getBoundingClientRect().toJSON()")
    opened.move(box["left"] + 5, box["top"] + 5)
    assert opened.value(tip) == opened.value(f"{cell}.dataset.tip")
    assert opened.value(tip).startswith("003 found: ")


def test_a_figure_is_enlarged_and_closed_again(opened: Browser) -> None:
    usual = opened.value(f"{CHART}.getBoundingClientRect().height")
    opened.value(f"{CHART}.closest('.picture').querySelector('button').click()")
    assert opened.value("document.querySelector('dialog').open")
    assert opened.value("document.querySelector('dialog svg').getBoundingClientRect().height") > (
        2 * usual
    )
    opened.value("document.querySelector('dialog button').click()")
    assert not opened.value("document.querySelector('dialog').open")


def test_everything_is_open_in_print(opened: Browser) -> None:
    assert opened.value("document.querySelectorAll('details:not([open])').length") > 2
    opened.value("dispatchEvent(new Event('beforeprint'))")
    assert opened.value("document.querySelectorAll('details:not([open])').length") == 0
    assert opened.console() == []
