"""Motion capture: reading, names and numbers, the shared body, malformed files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gaittake.settings import Walkers
from gaittake.sources.walkers.people import make_walker
from gaittake.sources.walkers.recorded import (
    NEEDED,
    kept_clips,
    read_clips,
    recorded_walks,
)
from gaittake.sources.walkers.retarget import clip_channels
from gaittake.sources.walkers.skeleton import COCO, JOINT, joint_positions
from tests.sources.walker_files import EXTRA, clip_positions, rewrite, write_clips

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "cmu_walks.npz"
needs_recorded = pytest.mark.skipif(
    not RECORDED.exists(), reason="the recordings are not available here"
)


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    bones = [
        (f"{side}_{upper}", f"{side}_{lower}")
        for side in "lr"
        for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"))
    ]
    ends = [(joints[:, JOINT[a]], joints[:, JOINT[b]]) for a, b in bones]
    return np.array([np.linalg.norm(a - b, axis=1).mean() for a, b in ends])


def test_people_with_one_clip_are_skipped(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Zoe": 2, "Ann": 3, "Once": 1})
    assert list(recorded_walks(path, halves=False)) == ["Ann", "Zoe"]


def test_of_two_skeletons_of_a_person_the_one_with_more_clips_is_kept(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Ann": 5})
    table = pd.read_csv(path.with_suffix(".csv"), dtype=str)
    table["skeleton"] = ["t", "s", "s", "t", "s"]
    table.to_csv(path.with_suffix(".csv"), index=False)
    kept = kept_clips(read_clips(path))["Ann"]
    assert [clip.trial for clip in kept] == ["01", "02", "04"]


def test_the_first_half_of_the_clips_is_gallery_and_the_rest_probe(tmp_path: Path) -> None:
    settings = Walkers(recorded=write_clips(tmp_path, {"Ann": 5}))
    takes = make_walker(settings, "Ann").takes
    assert [(w.condition, w.number) for w in takes if w.number <= 50] == [
        ("nm", 1),
        ("nm", 2),
        ("nm", 3),
    ]
    assert {(w.condition, w.number) for w in takes if w.number > 50} == {
        (condition, number) for condition in ("nm", "bg", "cl") for number in (51, 52)
    }


def test_clips_are_resampled_over_their_whole_length(tmp_path: Path) -> None:
    settings = Walkers(recorded=write_clips(tmp_path, {"Ann": 2}, frames=61, fps=60.0), fps=25)
    assert len(make_walker(settings, "Ann").takes[0].joints) == 26  # 60/60 s at 25 per second


def test_directions_do_not_depend_on_the_body(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Ann": 2})
    clip = read_clips(path)[0]
    settings = Walkers(recorded=path)
    from gaittake.sources.walkers.people import shared_body

    joints = joint_positions(clip_channels(clip, 30.0), shared_body(settings, 0))
    source = clip_positions(0, 0)
    for upper, lower in (("l_hip", "l_knee"), ("r_knee", "r_ankle"), ("l_elbow", "l_wrist")):
        directions = []
        for each in (joints, source):
            bone = each[:, JOINT[lower]] - each[:, JOINT[upper]]
            directions.append(bone / np.linalg.norm(bone, axis=1, keepdims=True))
        np.testing.assert_allclose(directions[0], directions[1], atol=1e-4)


@needs_recorded
def test_all_recorded_people_share_one_body() -> None:
    settings = Walkers(recorded=RECORDED)
    subjects = list(recorded_walks(RECORDED, halves=False))
    assert len(subjects) == 8
    lengths = [bone_lengths(make_walker(settings, s).takes[0].joints) for s in subjects]
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], np.shape(lengths)))


@needs_recorded
def test_recorded_people_stand_on_the_ground() -> None:
    for take in make_walker(Walkers(recorded=RECORDED), "CMU16").takes[:4]:
        lowest = take.joints[:, [JOINT[n] for n in ("l_toe", "r_toe", "l_heel", "r_heel")], 2]
        assert np.abs(lowest.min(axis=1)).max() < 0.12
        assert take.joints[:, : len(COCO), 2].max() < 2.1


def test_head_and_toes_may_be_missing(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Ann": 2}, names=NEEDED)
    channels = clip_channels(read_clips(path)[0], 25.0)
    assert np.isfinite(channels).all()


def test_a_missing_joint_is_named(tmp_path: Path) -> None:
    names = tuple(n for n in NEEDED + EXTRA if n != "r_knee")
    path = write_clips(tmp_path, {"Ann": 2}, names=names)
    with pytest.raises(ValueError, match=r"walks\.npz: joints \['r_knee'\] are missing"):
        read_clips(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": None}, "'fps' is missing"),
        ({"fps": np.float32(0)}, "fps must lie in"),
        ({"parents": np.zeros(3, np.int16)}, "16 joints need one parent each"),
        ({"Ann_01": None}, "clip 'Ann_01' of the table is not in the file"),
        ({"Ann_01": np.zeros((90, 7, 3), np.float32)}, r"'Ann_01' must be \[frames, 16, 3\]"),
        ({"Ann_01": np.zeros((9, 16, 3), np.float32)}, "30 frames at 30 fps.*has 9"),
        ({"Ann_01": np.full((90, 16, 3), np.nan)}, "'Ann_01' has positions that are not finite"),
        ({"Ann_01": np.zeros((90, 16, 3))}, "'Ann_01': from l_shoulder to l_elbow it is 0"),
    ],
)
def test_a_malformed_file_is_refused(
    tmp_path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    path = write_clips(tmp_path, {"Ann": 2})
    rewrite(path, **change)
    with pytest.raises(ValueError, match=message):
        read_clips(path)


def test_a_missing_table_or_column_is_named(tmp_path: Path) -> None:
    path = write_clips(tmp_path, {"Ann": 2})
    table = pd.read_csv(path.with_suffix(".csv"))
    table.drop(columns="skeleton").to_csv(path.with_suffix(".csv"), index=False)
    with pytest.raises(ValueError, match="skeleton"):
        recorded_walks(path, halves=False)
    path.with_suffix(".csv").unlink()
    with pytest.raises(ValueError, match=r"walks\.csv: motion capture needs this file"):
        recorded_walks(path, halves=False)


def test_an_unknown_subject_is_refused(tmp_path: Path) -> None:
    settings = Walkers(recorded=write_clips(tmp_path, {"Ann": 2, "Bob": 1}))
    with pytest.raises(ValueError, match="Bob needs two sequences"):
        make_walker(settings, "Bob")
    with pytest.raises(ValueError, match=r"require walkers\.recorded"):
        make_walker(Walkers(), "Ann")


@pytest.mark.parametrize(
    ("turned", "message"),
    [
        (lambda p: p[..., [0, 2, 1]], "z must point up"),
        (lambda p: p * [-1, -1, 1], r"must walk towards \+x"),
        (lambda p: p * 1000, "must be in metres"),
    ],
)
def test_clips_in_other_axes_or_units_are_refused(
    tmp_path: Path, turned: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = write_clips(tmp_path, {"Ann": 2})
    with np.load(path) as file:
        positions = turned(file["Ann_01"].astype(np.float64))
    rewrite(path, Ann_01=positions)
    with pytest.raises(ValueError, match=message):
        read_clips(path)
