"""Keypoints of other programs: COCO's results and labels, and GaitGraph's table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io import json_items as items_module
from gaittake.io import people as people_module
from gaittake.io.json_items import json_items
from gaittake.io.people import People, first_image, people_files, read_people
from tests.pose.people import COLUMNS, entries, rows, write_results, write_table


def read(*files: Path) -> People:
    """Returns the people of all blocks together."""
    blocks = list(read_people(list(files)))
    return People(
        [image for block in blocks for image in block.images],
        np.concatenate([block.keypoints for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
    )


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_both_formats_give_the_same_people_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(people_module, "BLOCK", block)
    expected = rows()
    for path, score in (
        (write_table(tmp_path / "a.csv", expected), 1.0),
        (write_results(tmp_path / "a.json", expected), 0.95),
    ):
        people = read(path)
        assert people.images == [name for name, _ in expected]
        np.testing.assert_allclose(
            people.keypoints, np.stack([points for _, points in expected]), atol=1e-4
        )
        assert people.scores == pytest.approx(score)
        assert first_image([path]) == "./001-nm-01-090/000001.jpg"


@pytest.mark.parametrize("order", [("images", "annotations"), ("annotations", "images")])
def test_numbers_of_images_are_looked_up_in_any_of_the_files(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    found = entries(rows())
    names = [entry["image_id"] for entry in found]
    images = [{"id": 7 + place, "file_name": name} for place, name in enumerate(names)]
    numbered = [entry | {"image_id": 7 + place} for place, entry in enumerate(found)]
    lists: dict[str, Any] = {"images": images, "annotations": [*numbered, {"bbox": [1, 2]}]}
    whole = tmp_path / "labels.json"
    whole.write_text(json.dumps({"info": {"year": 2026}} | {name: lists[name] for name in order}))
    assert read(whole).images == names
    results, only = tmp_path / "results.json", tmp_path / "images.json"
    results.write_text(json.dumps(numbered))
    only.write_text(json.dumps({"images": images, "annotations": []}))
    assert read(results, only).images == names
    assert first_image([results, only]) is None
    assert first_image([only, results]) == names[0]
    with pytest.raises(UserError, match=r"entry 1 is of image 7, a number; add the JSON file"):
        read(results)


def test_visibility_2_is_a_confidence_of_1(tmp_path: Path) -> None:
    [(name, points)] = rows(subjects=["001"])[:1]
    points[:, 2] = 2
    points[3, 2] = -0.5
    people = read(write_results(tmp_path / "a.json", [(name, points)]))
    assert people.keypoints[0, [0, 3, 16], 2].tolist() == [1, 0, 1]


@pytest.mark.parametrize("chunk", [1, 3, 50, 1000])
def test_json_is_read_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(items_module, "CHUNK", chunk)
    content = {
        "a": 12345,
        "b": [1, [2, "x]y"], {"c": None}],
        "é": "\u2028",
        "d": [],
        "e": [-1.5e10],
    }
    path = tmp_path / "a.json"
    for indent in (None, 2):
        path.write_text(json.dumps(content, indent=indent, ensure_ascii=False), encoding="utf-8")
        found = list(json_items(path))
        assert found == [("b", 1), ("b", [2, "x]y"]), ("b", {"c": None}), ("e", -1.5e10)]
    path.write_text(" [12, 345]\n")
    assert list(json_items(path)) == [("", 12), ("", 345)]


def test_a_file_is_read_as_far_as_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[" + "1, " * 2_000_000 + "broken")
    items = json_items(path)
    assert [next(items)[1] for _ in range(3)] == [1, 1, 1]
    with pytest.raises(UserError, match=r"a\.json: not readable JSON"):
        list(items)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "", "it ends too early"),
        ("a.json", "[{", "not readable JSON"),
        ("a.json", "3", r"must begin with \[ or \{"),
        ("a.json", '{"a" 3}', "a colon is missing"),
        ("a.json", "[]", "no person in it"),
        ("a.json", '{"images": []}', "no person in it"),
        ("a.json", '{"images": [{"id": 3}]}', "an entry of 'images' lacks id or file_name: {'id'"),
        ("a.json", "[3]", "entry 1 has no list of keypoints"),
        ("a.json", '[{"image_id": "a"}]', "entry 1 has no list of keypoints"),
        ("a.json", '[{"image_id": "a", "keypoints": [1, 2]}]', "has 2 keypoint values; 51 numbers"),
        ("a.json", json.dumps([{"keypoints": ["x"] * 51}]), "51 numbers are required"),
        ("a.json", json.dumps([{"keypoints": [1] * 51}]), "neither image_id nor file_name"),
        ("a.json", json.dumps([{"keypoints": [1] * 51, "score": "x"}]), "the score 'x'"),
        ("a.json", "[\udcff]", "not readable JSON"),
        ("a.csv", "", "not a readable CSV table"),
        ("a.csv", "image,x,y\na,1,2\n", "52 columns .* found 3, 'image' is ano"),
        ("a.csv", ",".join(COLUMNS) + "\n", "no person in it"),
        ("a.csv", ",".join(COLUMNS) + "\n" + ",".join(["a"] + ["x"] * 51), "not a readable CSV"),
        ("a.csv", ",".join(COLUMNS) + "\n" + ",".join([""] + ["1"] * 51), "row 1 has no image_na"),
        ("a.csv", ",".join(COLUMNS[:-3]) + "\n", r"52 columns .* found 49$"),
    ],
)
def test_what_is_no_file_of_keypoints_is_one_line(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(UserError, match=said) as error:
        first_image([path])
    assert str(path) in str(error.value)


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    names = ("b/2.json", "b/1.JSON", "a.csv", "notes.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = people_files([tmp_path], setting="pose.labels")
    assert [path.name for path in found] == ["a.csv", "1.JSON", "2.json"]
    (tmp_path / "empty").mkdir()
    for place, said in (
        ("empty", "no file in it; pose.labels names it"),
        ("nowhere", "no such file or folder; pose.labels"),
        (
            "notes.txt",
            r"\.json\) or GaitGraph's table \(\.csv\) are required; pose.labels names it",
        ),
    ):
        with pytest.raises(UserError, match=said):
            people_files([tmp_path / place], setting="pose.labels")
