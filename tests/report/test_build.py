"""The page: its content, the reasons for empty sections, and that it is self-contained."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from gaittake.errors import UserError
from gaittake.report.build import CONTENTS
from gaittake.report.poses import TITLE as KEYPOINTS
from gaittake.report.script import SCRIPT
from tests.report.made import NASTY, change_metrics, make_page

VOID = {"meta", "img"}
DOWNLOADS = ("data:text/csv;charset=utf-8,", "data:application/x-tex;charset=utf-8,")


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
    assert {link["href"] for link in read.of("a") if "download" not in link} == ids


def test_the_page_loads_no_other_files(page: Path, read: Reader) -> None:
    assert read.of("link", "iframe", "object", "embed") == []
    assert read.of("script") == [{}]  # one, inside the page
    assert not re.search(r"fetch|XMLHttp|WebSocket|import|eval|innerHTML|cookie|Storage", SCRIPT)
    assert re.findall(r"https?:[^\"]*", SCRIPT) == ["http://www.w3.org/2000/svg"]  # a namespace
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:image/png;base64,", *DOWNLOADS)), address
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
    assert text.count("</script>") == 1
    assert "b &amp; c" in text


def visible(text: str) -> str:
    """Returns the text of a page, without its style, script and attributes."""
    bare = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", bare)


def test_synthetic_data_is_marked_once_before_the_first_number(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count('class="banner"') == 1
    words = visible(text)
    assert len(re.findall("synthetic", words, re.IGNORECASE)) == 1
    assert words.index("Rendered people (synthetic).") < words.index("finds the right person")


def test_what_is_downloaded_from_a_synthetic_page_is_marked(read: Reader) -> None:
    links = {link["download"]: unquote(link["href"]) for link in read.of("a") if "download" in link}
    assert list(links) == ["blobs_synthetic_rank1.csv", "blobs_synthetic_rank1.tex"]
    assert "\\caption{Rendered people (synthetic). Rank-1" in links["blobs_synthetic_rank1.tex"]
    (body,) = read.of("body")
    assert body == {"data-name": "blobs", "data-mark": "Rendered people (synthetic)"}  # for the SVG


def test_the_downloads_have_the_numbers_of_the_table(dataset: Path, read: Reader) -> None:
    csv, tex = (unquote(link["href"]) for link in read.of("a") if "download" in link)
    table = (dataset / "rank1.csv").read_text()
    assert csv == DOWNLOADS[0] + table
    rows = pd.read_csv(dataset / "rank1.csv", dtype=str, keep_default_na=False)
    lines = [line for line in tex.splitlines() if line.endswith(r"\\")][1:]
    assert len(lines) == len(rows) == 6
    rows = pd.concat([rows[rows["condition"] == name] for name in ("nm", "bg")])
    for line, row in zip(lines, rows.to_dict("records"), strict=True):
        assert line.startswith(row["condition"] + " & ")
        shown = re.findall(r"(?<=[ {])\d+\.\d\d(?=[ }])", line)
        assert shown == [row["mean"], row["000"], row["090"]]


def test_real_data_with_a_student_of_rendered_people_has_a_banner(
    dataset: Path, tmp_path: Path
) -> None:
    made = {"methods": ("gei",), "synthetic": False}
    text = make_page(dataset, tmp_path / "p.html", rendered_student="walkers", **made)
    (banner,) = re.findall(r'<p class="banner">(.*?)</p>', text)
    assert "learnt from rendered people (synthetic)" in banner
    assert "learnt from walkers." in banner
    assert 'data-mark=""' in text
    assert 'class="banner"' not in make_page(dataset, tmp_path / "q.html", **made)


def test_a_synthetic_page_has_no_second_banner_for_its_student(
    dataset: Path, tmp_path: Path
) -> None:
    text = make_page(dataset, tmp_path / "p.html", methods=("gei",), rendered_student="walkers")
    assert text.count('class="banner"') == 1


def test_the_number_of_people_stands_behind_the_first_numbers(
    dataset: Path, page: Path, tmp_path: Path
) -> None:
    words = " ".join(visible(page.read_text(encoding="utf-8")).split())
    assert "Measured on 4 people , with 24 sequences in gallery and probes." in words
    assert words.index("finds the right person") < words.index("Measured on 4 people")
    assert words.index("Measured on 4 people") < words.index("A note with")
    copied = tmp_path / "blobs"
    shutil.copytree(dataset, copied)
    metrics = json.loads((copied / "gei/metrics.json").read_text())
    metrics["conditions"]["bg"]["subjects"] = 3
    change_metrics(copied / "gei/metrics.json", conditions=metrics["conditions"])
    text = make_page(copied, tmp_path / "p.html", methods=("gei",))
    assert "<strong>4 people (nm) and 3 people (bg)</strong>" in text


def test_the_values_of_every_figure_can_be_read_without_the_script(
    dataset: Path, page: Path
) -> None:
    words = " ".join(visible(page.read_text(encoding="utf-8")).split())
    metrics = json.loads((dataset / "gaittake/metrics.json").read_text())["conditions"]["nm"]
    first = [f"{100 * share:.3g}" for share in metrics["cmc"][:5]]
    assert f"nm GaitTAKE {' '.join(first)}" in words
    best = json.loads((dataset / "gei/metrics.json").read_text())["conditions"]["nm"]
    quantiles = best["verification"]["quantiles"]
    shares = dict(zip(quantiles["shares"], quantiles["same"], strict=True))
    assert "GEI finds the right person" in words  # the distances are the best method's
    assert re.search(rf"nm same person {shares[0.01]:.3g} {shares[0.05]:.3g}", words)
    assert "loss GaitTAKE 0.3 0.2" in words  # the training: all of its steps
    quality = json.loads((dataset / "pose/quality.json").read_text())
    found = quality["student_against_pseudo_labels"]
    assert f"knee {100 * found['error_by_keypoint']['left_knee']:.1f}" in words
    assert f"90° {100 * found['swaps_by_view']['090']['swapped']:.1f}" in words


def test_each_method_has_its_heat_maps_and_the_best_one_is_open(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    section = text[text.index('<section id="view-against-view"') :]
    section = section[: section.index("</section>")]
    shown = re.findall(r"<details( open)?><summary>(\w+)</summary>", section)
    assert sorted(name for _, name in shown) == ["GEI", "GaitTAKE"]
    assert [is_open for is_open, _ in shown] == [" open", ""]
    assert section.count("<svg") == 4  # two conditions each


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
    row = r'train</td><td class="number">1</td><td class="number" data-sort="61">1 min 01 s'
    assert re.search(row, text)
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
