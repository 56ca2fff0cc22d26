"""The user's keypoints and labels at the silhouettes of the tiny dataset."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gaittake.arrays import Float32s
from gaittake.errors import UserError
from gaittake.io.frames import frame_files
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_sequences
from gaittake.pose.assign import assign_keypoints, assign_labels
from gaittake.pose.people_file import collect_people
from gaittake.settings import AssignKeypointsStage, AssignLabelsStage, PseudoLabel
from tests.pose.people import Row, points_in, rows, write_results
from tests.pose.tiny import FRAMES, SUBJECTS, Dataset, bar


def keypoints(dataset: Dataset, found: list[Row], folder: Path) -> Path:
    """Returns the file of the keypoints."""
    collect_people([write_results(folder / "a.json", found)], out=folder / "people.h5")
    assign_keypoints(
        AssignKeypointsStage(max_shift=3, subjects=SUBJECTS),
        index=dataset.index,
        people=folder / "people.h5",
        out=folder / "keypoints.h5",
        rejects=folder / "rejects.csv",
    )
    return folder / "keypoints.h5"


def labels(dataset: Dataset, found: list[Row], folder: Path, **rules: Any) -> Path:
    """Returns the file of the labels of two subjects."""
    collect_people([write_results(folder / "a.json", found)], out=folder / "people.h5")
    assign_labels(
        AssignLabelsStage(
            pseudo_label=PseudoLabel.model_validate({"every": 2} | rules), subjects=("001", "003")
        ),
        index=dataset.index,
        people=folder / "people.h5",
        out=folder / "labels.h5",
        rejects=folder / "rejects.csv",
    )
    return folder / "labels.h5"


def reasons(folder: Path) -> dict[tuple[str, str], int]:
    """Returns how often each reason is given, and whether the data was used."""
    return Counter((row.kind, row.used) for row in read_rejects(folder / "rejects.csv"))


def elsewhere(points: Float32s) -> Float32s:
    """Returns the keypoints of an image of twice the size."""
    return points * np.array([2, 2, 1], dtype=np.float32)


@pytest.mark.parametrize("shift", [0, -1, 2])
def test_every_silhouette_has_the_keypoints_of_its_frame(
    dataset: Dataset, tmp_path: Path, shift: int
) -> None:
    path = keypoints(dataset, rows(shift=shift), tmp_path)
    with open_ragged(path, kind="keypoints") as opened:
        assert opened.sequences["subject"].tolist() == list(SUBJECTS)
        assert opened.sequences["frame_count"].tolist() == [FRAMES] * 3
        assert opened.read("frame", 0, FRAMES).tolist() == list(range(1, FRAMES + 1))
        assert opened.attributes["shift"] == shift
        expected = np.stack([points_in(bar(number)) for number in range(1, FRAMES + 1)])
        np.testing.assert_allclose(opened.read("keypoints", FRAMES, FRAMES), expected, atol=1e-3)
        assert opened.read("boxes", 0, 1).tolist() == [list(bar(1))]
    assert read_rejects(tmp_path / "rejects.csv") == []


def test_of_several_people_the_one_at_the_silhouette_is_taken(
    dataset: Dataset, tmp_path: Path
) -> None:
    other = rows(change=lambda points: points + np.array([-40, 0, 0.1], dtype=np.float32))
    path = keypoints(dataset, other + rows(), tmp_path)
    with open_ragged(path, kind="keypoints") as opened:
        expected = np.stack([points_in(bar(number)) for number in range(1, FRAMES + 1)])
        np.testing.assert_allclose(opened.read("keypoints", 0, FRAMES), expected, atol=1e-3)


def test_short_gaps_are_interpolated_and_longer_ones_are_counted(
    dataset: Dataset, tmp_path: Path
) -> None:
    found = rows(subjects=["001"], leave=(3, 4, 12)) + rows(subjects=["002"], leave=range(4, 10))
    path = keypoints(dataset, found + rows(subjects=["003"]), tmp_path)
    with open_ragged(path, kind="keypoints") as opened:
        assert opened.sequences["frame_count"].tolist() == [11, 6, 12]
        expected = np.stack([points_in(bar(number)) for number in range(1, 12)])
        np.testing.assert_allclose(opened.read("keypoints", 0, 11), expected, atol=1e-3)
        assert opened.read("frame", 11, 6).tolist() == [1, 2, 3, 10, 11, 12]
    assert reasons(tmp_path) == {
        ("keypoints interpolated between the frames around", "yes"): 2,
        ("no person in the files for this silhouette", "no"): 7,
    }


def test_a_keypoint_that_one_side_of_a_gap_lacks_stays_unknown(
    dataset: Dataset, tmp_path: Path
) -> None:
    found = rows(leave=(3,))
    for _, points in found[1::11]:  # frame 2 of each subject
        points[5] = (0, 0, 0)
    with open_ragged(keypoints(dataset, found, tmp_path), kind="keypoints") as opened:
        gap = opened.read("keypoints", 2, 1)[0]
    assert gap[5, 2] == 0
    assert gap[4, 2] == pytest.approx(0.8)
    np.testing.assert_allclose(gap[4], points_in(bar(3))[4], atol=1e-3)


def test_empty_silhouettes_and_other_people_have_no_keypoints(
    dataset: Dataset, tmp_path: Path
) -> None:
    files = dict(frame_files(dataset.sequences[0].silhouettes))
    cv2.imwrite(str(files[12]), np.zeros((64, 96), dtype=np.uint8))
    found = rows()
    found[0] = found[0][0], found[0][1] + np.float32([70, 0, 0])
    path = keypoints(dataset, found, tmp_path)
    with open_ragged(path, kind="keypoints") as opened:
        assert opened.read("frame", 0, 10).tolist() == list(range(2, 12))
    assert reasons(tmp_path) == {("no person of the files at the silhouette", "no"): 1}


def test_a_sequence_that_the_files_lack_is_a_reject(dataset: Dataset, tmp_path: Path) -> None:
    keypoints(dataset, rows(subjects=["001", "003"]), tmp_path)
    [row] = read_rejects(tmp_path / "rejects.csv")
    assert row.reason == "no keypoints of this sequence in the files"
    assert row.path == str(dataset.sequences[1].silhouettes)


def test_files_of_other_sequences_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"001/nm-01/090: none of 3 .* example '075-nm-01-090/'"):
        keypoints(dataset, rows(subjects=["075"]), tmp_path)


@pytest.mark.parametrize("make", [keypoints, labels])
def test_keypoints_of_another_image_size_are_refused_with_both_places(
    dataset: Dataset, tmp_path: Path, make: Callable[[Dataset, list[Row], Path], Path]
) -> None:
    several = [dataset.sequences[0]._replace(view=view) for view in ("000", "018", "036")]
    form = "./{subject}-nm-01-view/{frame:06d}.jpg"
    found = [row for s in several for row in rows(form.replace("view", s.view), change=elsewhere)]
    write_sequences(several, dataset.index)
    with pytest.raises(
        UserError,
        match=r"keypoints and silhouettes do not match: frame \d+ has keypoints at \d+-\d+, \d+-\d+"
        r", a figure at .* none of 3 sequences.*must be in pixels",
    ):
        make(dataset, found, tmp_path)


def test_a_single_sequence_elsewhere_is_a_reject(dataset: Dataset, tmp_path: Path) -> None:
    found = rows(subjects=["001", "002"]) + rows(subjects=["003"], change=elsewhere)
    path = keypoints(dataset, found, tmp_path)
    assert reasons(tmp_path) == {("keypoints and silhouettes do not match", "no"): 1}
    with open_ragged(path, kind="keypoints") as opened:
        assert opened.sequences["frame_count"].tolist() == [12, 12, 0]


def test_labels_are_chosen_by_the_rules_of_a_teachers(dataset: Dataset, tmp_path: Path) -> None:
    found = rows(leave=(5,))
    for _, points in found:
        points[4, 2] = 0.2
    path = labels(dataset, found, tmp_path)
    with open_ragged(path, kind="pseudo_labels") as opened:
        assert opened.sequences["subject"].tolist() == ["001", "003"]
        assert opened.read("frame").tolist() == [1, 3, 7, 9, 11] * 2
        assert opened.read("keypoints")[:, 4, 2].tolist() == [0] * 10
        assert opened.read("keypoints")[:, 3, 2] == pytest.approx(0.8)
    assert reasons(tmp_path) == {("no video frame for this silhouette", "no"): 2}
    labels(dataset, found, tmp_path, min_score=0.97)
    assert reasons(tmp_path)[("no detection above the score limit", "no")] == 10
