"""Keypoints that datasets have of their own."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from gaittake.arrays import Float32s
from gaittake.data.own_keypoints import at_figures, keypoints_on
from gaittake.io.pose_files import DAMAGED, read_poses
from gaittake.keypoints import FROM_18, NAMES, place_of
from gaittake.sequence import Reject
from tests.sources.test_skeleton import standing

# OpenPose's 18 joints.
OPENPOSE = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip


def person(top: float = 20, height: float = 100, centre: float = 80) -> Float32s:
    """Returns `[17, 3]`: somebody upright whose figure has this place."""
    points = np.array(standing()[0])
    points[:5, 1], points[15:, 1] = 1 - 0.936, 1 - 0.039
    points[:, 0] = (points[:, 0] - 0.5) * height + centre
    points[:, 1] = points[:, 1] * height + top
    return points


def test_18_joints_become_17_by_their_names() -> None:
    assert tuple(OPENPOSE[joint] for joint in FROM_18) == NAMES


def test_the_place_of_a_body_is_found_without_its_silhouette() -> None:
    assert place_of(person(20, 100, 80)) == pytest.approx((20, 100, 80), abs=1e-3)


def test_unknown_joints_do_not_move_the_place() -> None:
    points = person()
    points[[1, 7, 9, 15]] = 0  # an eye, an arm, an ankle: not detected
    found = place_of(points)
    assert found is not None
    assert found.height == pytest.approx(100, abs=1e-3)
    points[16] = 0
    assert place_of(points) is None


def test_keypoints_of_another_picture_are_put_on_the_aligned_silhouette() -> None:
    image = np.full((64, 44), 255, np.uint8)
    here = keypoints_on(person(0, 64, 22)[None], image, aligned=True)
    there = keypoints_on(person(200, 400, 900)[None], image, aligned=True)
    assert here is not None
    assert there is not None
    assert np.abs(here - person(0, 64, 22)).max() == 0  # already in its pixels
    assert np.abs(there - here).max() < 1e-3


def test_a_body_without_feet_has_no_place() -> None:
    points = person(200, 400, 900)
    points[15:] = 0
    assert keypoints_on(points[None], np.zeros((64, 44), np.uint8), aligned=True) is None


@pytest.mark.parametrize("aligned", [True, False])
def test_a_person_without_a_joint_has_no_place(aligned: bool) -> None:
    """A detector that found nobody often leaves zeros; the other numbers mean nothing then."""
    image = np.full((64, 44), 255, np.uint8)
    for nobody in (np.zeros((17, 3), np.float32), person(200, 400, 900) * np.float32([1, 1, 0])):
        assert keypoints_on(nobody[None], image, aligned=aligned) is None


def normalised(points: Float32s) -> Float32s:
    """Returns keypoints in pixels of a silhouette of 64×44 as the cache has them."""
    return np.stack([points[:, 0] / 64 + 10 / 64, points[:, 1] / 64, points[:, 2]], 1).clip(0, 1)


def test_keypoints_lie_at_the_figure_or_elsewhere() -> None:
    figure = np.zeros((64, 44), np.uint8)
    figure[:, 12:32] = 255
    here, half = person(0, 64, 22), person(0, 64, 22)
    half[11:, 2] = 0  # legs that are hidden
    bag, flat = person(0, 64, 31), here[:, [1, 0, 2]]
    for points, expected in (
        (here, True),
        (half, True),
        (bag, True),
        (person(0, 64, 60), False),  # beside it
        (here / (64, 64, 1), False),  # shares of the picture in place of pixels
        (flat, False),  # rows before columns
        (here * (0.1, 0.1, 1) + (20, 30, 0), False),  # in pixels of a smaller picture
    ):
        found = at_figures(figure[None], normalised(points)[None])
        assert found.tolist() == [expected]


def test_of_several_people_the_one_on_the_silhouette_is_taken() -> None:
    image = np.zeros((200, 300), np.uint8)
    image[20:120, 50:110] = 255
    people = np.stack([person(10, 150, 250), person(20, 100, 80), person(20, 100, 5)])
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        found = keypoints_on(people[order], image, aligned=False)
        assert np.array_equal(np.asarray(found), people[1])


def write_text(path: Path, keypoints: Float32s) -> None:
    """Writes a file of GREW's or Gait3D's form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(",".join(f"{number:.4f}" for number in [480, 640, *keypoints.ravel()]))


def write_json(path: Path, people: list[Float32s]) -> None:
    """Writes a file of OUMVLP-Pose's form; the neck is between the shoulders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = []
    for each in people:
        named = dict(zip(NAMES, each, strict=True))
        named["neck"] = (named["left_shoulder"] + named["right_shoulder"]) / 2
        content.append({"pose_keypoints_2d": [float(n) for name in OPENPOSE for n in named[name]]})
    path.write_text(json.dumps({"version": 1.0, "people": content}))


def test_text_files_of_grew_and_gait3d(tmp_path: Path) -> None:
    write_text(tmp_path / "00007_2d_pose.txt", person(1))
    write_text(tmp_path / "human_crop_f17279.txt", person(2))
    (tmp_path / "00007_3d_pose.txt").write_text("1,2,3")
    (tmp_path / "00007.png").write_bytes(b"")
    rejects: list[Reject] = []
    found = read_poses(tmp_path, rejects)
    assert sorted(found) == [7, 17279]
    assert np.abs(found[7] - person(1)).max() < 1e-3
    assert found[7].shape == (1, 17, 3)
    assert rejects == []


def test_confidences_are_brought_into_their_range(tmp_path: Path) -> None:
    points = person(1)
    points[:3, 2] = -0.2, 1.04, 2
    write_text(tmp_path / "1.txt", points)
    write_json(tmp_path / "2.json", [points])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(points[None]))
    for found in (read_poses(tmp_path, []), read_poses(tmp_path / "a.pkl", [])):
        for people in found.values():
            assert people[0, :3, 2].tolist() == [0, 1, 1]
            assert np.array_equal(people[0, 3:, 2], points[3:, 2])


def test_json_of_oumvlp_pose(tmp_path: Path) -> None:
    write_json(tmp_path / "0003.json", [person(1), person(2)])
    write_json(tmp_path / "0004_keypoints.json", [])
    write_json(tmp_path / "00_000_0012_pose.json", [person(3)])  # of the first subject
    rejects: list[Reject] = []
    found = read_poses(tmp_path, rejects)
    assert {number: len(people) for number, people in found.items()} == {3: 2, 12: 1}
    assert np.abs(found[3][1] - person(2)).max() < 1e-3
    assert rejects == []


def test_damaged_files_are_rows(tmp_path: Path) -> None:
    (tmp_path / "00001_2d_pose.txt").write_text("1,2,3")
    (tmp_path / "00002_2d_pose.txt").write_text("no numbers")
    write_text(tmp_path / "00003_2d_pose.txt", person() * np.float32(np.nan))
    (tmp_path / "0004.json").write_text("{")
    (tmp_path / "0005.json").write_text('{"people": [{"pose_keypoints_2d": [1, 2]}]}')
    (tmp_path / "0006.json").write_text("[1]")
    rejects: list[Reject] = []
    assert read_poses(tmp_path, rejects) == {}
    assert [row.kind for row in rejects] == [DAMAGED] * 6
    assert rejects[0].reason == f"{DAMAGED}: 3 numbers, 53 are required"


def test_a_pickle_has_frames_from_1(tmp_path: Path) -> None:
    path = tmp_path / "pose.pkl"
    path.write_bytes(pickle.dumps(np.stack([person(1), person(2)]).astype(np.float64)))
    found = read_poses(path, [])
    assert sorted(found) == [1, 2]
    assert np.array_equal(found[2][0], person(2))
    path.write_bytes(b"")
    rejects: list[Reject] = []
    assert read_poses(path, rejects) == {}
    assert rejects == [Reject("cache", str(path), "unreadable pickle: empty file")]
