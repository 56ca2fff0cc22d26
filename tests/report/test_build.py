"""The page: its content, the reasons for empty sections, and that it is self-contained."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gaittake.errors import UserError
from gaittake.report.build import CONTENTS
from gaittake.report.poses import TITLE as KEYPOINTS
from tests.report.made import NASTY, change_metrics, make_page

VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Collects the elements of a page, and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, *names: str) -> list[dict[str, str]]:
        """Returns the attributes of all elements with these names."""
        return [attributes for name, attributes in self.elements if name in names]


@pytest.fixture(scope="module")
def read(page: Path) -> Reader:
    return Reader(page.read_text(encoding="utf-8"))


def test_every_section_is_present_and_linked(read: Reader) -> None:
    titles = [attributes["aria-label"] for attributes in read.of("section")]
    assert titles == list(CONTENTS)
    ids = {f"#{attributes['id']}" for attributes in read.of("section")}
    assert {link["href"] for link in read.of("a")} == ids


def test_the_page_loads_no_other_files_and_runs_no_scripts(page: Path, read: Reader) -> None:
    assert read.of("script", "link", "iframe", "object", "embed") == []
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:image/png;base64,")), address
    assert not re.search(r"url\(|@import", page.read_text(encoding="utf-8"))


def test_every_picture_has_an_alternative_text(read: Reader) -> None:
    pictures = read.of("svg", "img")
    assert len(pictures) > 20
    for attributes in pictures:
        assert len(attributes["aria-label"]) > 10
        assert attributes["role"] == "img"


def test_names_from_files_are_escaped(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert NASTY not in text
    assert text.count("&lt;script&gt;alert(") >= 3  # the note, a setting, a path
    assert "b &amp; c" in text


def test_synthetic_data_is_marked_at_the_top_and_in_every_caption(page: Path, read: Reader) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.index("Rendered people (synthetic).") < text.index("finds the right person")
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert len(captions) >= 10
    assert [c for c in captions if not c.startswith("Synthetic. ")] == []
    assert len(read.of("table")) == len(re.findall(r'<figure class="table">', text))


def test_real_data_is_followed_by_the_published_numbers(dataset: Path, tmp_path: Path) -> None:
    text = make_page(
        dataset, tmp_path / "p.html", methods=("gei",), layout="casiab", synthetic=False
    )
    assert "Synthetic" not in text
    assert "As published" in text
    assert "97.5" in text
    assert "Hsu et al. 2022, Table 1" in text


def test_rendered_people_are_never_shown_with_published_numbers(
    dataset: Path, tmp_path: Path
) -> None:
    text = make_page(dataset, tmp_path / "p.html", methods=("gei",), layout="casiab")
    assert "As published" not in text


def test_the_headline_has_the_best_method_its_intervals_and_the_chance_level(page: Path) -> None:
    lead = re.search(r'<p class="lead">(.*?)</p>', page.read_text(encoding="utf-8"))
    assert lead is not None
    assert re.search(r"\d+\.\d % of normal sequences \(\d+ to \d+\)", lead[1])
    assert "sequences with a bag" in lead[1]
    assert "right for 25.00 %" in lead[1]  # four test people


def test_empty_sections_give_the_reason(dataset: Path, tmp_path: Path) -> None:
    text = make_page(dataset, tmp_path / "p.html", methods=("gei",), poses=False)
    assert "The quality of the keypoints is not measured" in text
    assert "No method of the table has a training history" in text
    assert "No trained network of the table has temporal attention" in text
    titles = [attributes["aria-label"] for attributes in Reader(text).of("section")]
    assert titles == list(CONTENTS)


def test_deleted_frames_are_no_error(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    table = copied / "sequences.csv"
    table.write_text(table.read_text().replace(str(dataset), str(tmp_path / "gone")))
    text = make_page(copied, tmp_path / "p.html", methods=("gaittake",))
    assert text.count("Its frames no longer exist on disk.") == 3


def test_without_colour_frames_the_teachers_panel_is_missing(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    table = copied / "sequences.csv"
    table.write_text(re.sub(r",[^,\n]*/colour/\d+", ",", table.read_text()))
    text = make_page(copied, tmp_path / "p.html", methods=("gaittake",))
    assert KEYPOINTS in text
    assert "Colour, teacher" not in text
    assert text.count("<small>Silhouette, student") == 3
    assert text.count("<small>Silhouette, true") == 3


def test_partial_data_is_marked_at_the_top(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    for method in ("gei", "gaittake"):
        change_metrics(copied / method / "metrics.json", partial={"label": "4 of 9 test subjects"})
    text = make_page(copied, tmp_path / "p.html", methods=("gei", "gaittake"))
    assert text.index("Partial: 4 of 9 test subjects.") < text.index("finds the right person")


def test_a_damaged_file_fails_in_one_line_and_leaves_no_page(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    (copied / "gei/metrics.json").write_text("{")
    with pytest.raises(UserError, match=r"gei/metrics\.json: not a readable JSON file"):
        make_page(copied, tmp_path / "p.html", methods=("gei",))
    assert not (tmp_path / "p.html").exists()


def test_skipped_items_are_counted_by_reason_and_times_by_stage(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(
        r"empty silhouette</td><td class=\"word\">no</td><td class=\"number\">2</td>", text
    )
    assert re.search(r"train</td><td class=\"number\">1</td><td class=\"number\">1 min 01 s", text)
    assert text.index(">train</td>") < text.index(">merge</td>")  # the longest first


def test_a_condition_without_probes_is_shown_as_empty(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    for method in ("gei", "gaittake"):
        metrics = json.loads((copied / method / "metrics.json").read_text())
        empty = metrics["conditions"]["bg"]
        empty |= {"interval": None, "cmc": [None] * 20, "verification": None, "pairs": []}
        for numbers in (empty["mean"], *empty["by_probe_view"].values()):
            numbers.update(dict.fromkeys(numbers))
        change_metrics(copied / method / "metrics.json", conditions=metrics["conditions"])
        ranks = copied / method / "probes.csv"
        ranks.write_text(re.sub(r"(?m)^bg,.*\n", "", ranks.read_text()))
    table = copied / "rank1.csv"
    table.write_text(re.sub(r"(?m)^(blobs,\w+,bg,).*", r"\1,,", table.read_text()))
    text = make_page(copied, tmp_path / "p.html", methods=("gei", "gaittake"))
    assert "– % of sequences with a bag" in text
    assert "Rank-1 by probe and gallery view, with a bag (bg): no value" in text
    assert text.count("with a bag (bg): found, % over rank") == 0


def test_several_seeds_have_a_deviation_and_separate_lines(dataset: Path, tmp_path: Path) -> None:
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    shutil.copytree(copied / "gaittake", copied / "gaittake-seed1")
    text = make_page(copied, tmp_path / "p.html", methods=("gei", "gaittake", "gaittake-seed1"))
    assert text.count(" ± 0.0 [") == 2  # two conditions; both seeds have the same metrics
    assert "GaitTAKE, seed 1 from 0.3 to 0.2" in text
