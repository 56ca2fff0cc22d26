"""People of the user's files by sequence and frame, and what names of images are understood."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.io.ragged import open_ragged
from gaittake.pose.image_names import check_people, place_of
from gaittake.pose.people import boxes_around
from gaittake.pose.people_file import KIND, PeopleFile, collect_people
from gaittake.sequence import Sequence
from tests.pose.people import points_in, rows, write_results, write_table

SEQUENCE = Sequence("001", "nm-01", "090", 12, Path("s"), None)


@pytest.mark.parametrize(
    "form",
    [
        "./{subject}-nm-01-090/{frame:06d}.jpg",  # GaitGraph's
        "/data/frames/{subject}-nm-01-090/{frame}.png",
        "{subject}/nm-01/090/{subject}-nm-01-090-{frame:03d}.png",  # the silhouettes' own
        "root\\{subject}\\nm-01\\90\\frame_{frame}.jpg",
        "{subject}-nm-01-090-{frame:03d}.png",
        "images/{subject}-nm-01-090_{frame:03d}",
    ],
)
def test_names_of_images_say_sequence_and_frame(tmp_path: Path, form: str) -> None:
    collect_people([write_table(tmp_path / "a.csv", rows(form))], out=tmp_path / "people.h5")
    with PeopleFile(tmp_path / "people.h5") as people:
        assert people.has(SEQUENCE)
        found = people.of(SEQUENCE)
        assert sorted(found) == list(range(1, 13))
        assert people.of(SEQUENCE._replace(view="018")) == {}
        assert not people.has(SEQUENCE._replace(type="nm-02"))


@pytest.mark.parametrize(
    "name", ["000012.jpg", "a/b/12.jpg", "nm-01/090/000012.jpg", "001-bg-01-000/x.jpg", "", "12"]
)
def test_a_name_without_a_sequence_is_refused_with_the_forms(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"no sequence and frame .* 001-bg-01-000/000012\.jpg"):
        place_of(name)
    if name:
        path = write_results(tmp_path / "a.json", [(name, points_in((0, 0, 9, 9)))])
        with pytest.raises(UserError, match=rf"a\.json: image '{name}': no sequence"):
            check_people([path])
        with pytest.raises(UserError, match=f"image '{name}'"):
            collect_people([path], out=tmp_path / "people.h5")
        assert not (tmp_path / "people.h5").exists()


def test_a_dataset_of_other_identities_is_found_by_its_names() -> None:
    assert place_of("0000/camid0_videoid2/seq0/00012.jpg") == ("0000/camid0_videoid2/seq0/", 12)
    assert place_of("p-1-coat-02-000-7.png") == ("p-1-coat-02-000", 7)


def test_people_are_sorted_by_sequence_and_frame_whatever_their_order(tmp_path: Path) -> None:
    shuffled = rows() + rows(subjects=["001"], leave=range(3, 13))  # two people in frames 1, 2
    np.random.default_rng(0).shuffle(shuffled)  # type: ignore[arg-type]
    half = len(shuffled) // 2
    files = [
        write_table(tmp_path / "a.csv", shuffled[:half]),
        write_results(tmp_path / "b.json", shuffled[half:], score=0.5),
    ]
    collect_people(files, out=tmp_path / "people.h5")
    with open_ragged(tmp_path / "people.h5", kind=KIND) as opened:
        assert sorted(opened.sequences["frame_count"]) == [12, 12, 14]
    with PeopleFile(tmp_path / "people.h5") as people:
        found = people.of(SEQUENCE)
    assert [len(found[number].scores) for number in range(1, 13)] == [2, 2] + 10 * [1]
    expected = dict(rows(subjects=["001"]))
    for number, each in found.items():
        name = f"./001-nm-01-090/{number:06d}.jpg"
        for keypoints in each.keypoints:
            np.testing.assert_allclose(keypoints.numpy(), expected[name], atol=1e-4)


def test_people_without_keypoints_are_dropped(tmp_path: Path) -> None:
    found = rows(subjects=["001"])
    found[2][1][:, 2] = 0
    found[5][1][3, 0] = np.nan
    path = write_results(tmp_path / "a.json", found)
    collect_people([path], out=tmp_path / "people.h5")
    with PeopleFile(tmp_path / "people.h5") as people:
        assert sorted(people.of(SEQUENCE)) == [1, 2, 4, 5, *range(7, 13)]
    found[0][1][:, 2] = 0
    write_results(path, found[:1])
    with pytest.raises(UserError, match="no person with keypoints among 1 entries of all files"):
        collect_people([path], out=tmp_path / "people.h5")


def test_a_box_around_keypoints_is_about_that_of_the_body() -> None:
    box = (20.0, 10.0, 60.0, 110.0)
    points = points_in(box)
    points[4] = (0, 0, 0)  # not found
    np.testing.assert_allclose(boxes_around(points[None])[0], box, atol=8)
