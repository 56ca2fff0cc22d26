"""Layouts of datasets as they are released, on made-up trees, through index and cache."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.sequence import ALIGNED
from gaittake.sources.layouts import LAYOUTS
from tests.data.test_own_keypoints import person, write_json, write_text
from tests.sources.released import Made, aligned, run, write_figures


def names(made: Made) -> list[str]:
    return [row.name for row in made.sequences]


def of_layout(root: Path, layout: str, *subjects: str, **source: Any) -> Made:
    """Returns what index and cache make of `root/data`."""
    return run(root, subjects, layout=layout, silhouettes=[root / "data"], **source)


def surveyed(root: Path, layout: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns the subjects in `root/data`, and path and reason of all else."""
    subjects, others = LAYOUTS[layout].survey((root / "data",), ())
    return sorted(subjects), [(row.path.replace(f"{root}/data/", ""), row.reason) for row in others]


def test_gait3d(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_figures(data / "0000/camid0_videoid2/seq0", "human_crop_f17{:03d}")
    write_figures(data / "0000/camid0_videoid2/seq1", "human_crop_f18{:03d}")
    write_figures(data / "0002/0002/camid33_videoid2/seq0", "human_crop_f1{:03d}")  # doubled
    write_figures(data / "0002/camid34_videoid2/seq0", "human_crop_f1{:03d}")
    write_figures(data / "0000/camid0/seq0", "human_crop_f1{:03d}")
    made = of_layout(tmp_path, "gait3d", "0000", "0002", "0003")
    assert names(made) == [
        "0000/camid0_videoid2/seq0",
        "0000/camid0_videoid2/seq1",
        "0002/camid33_videoid2/seq0",
        "0002/camid34_videoid2/seq0",
    ]
    assert sorted(made.cache) == names(made)
    assert made.cache["0000/camid0_videoid2/seq0"]["silhouettes"].shape == (3, 64, 44)
    assert made.rejects == [
        ("data/0000/camid0", "not a folder of the layout: camid0_videoid2 is required"),
        ("data/0003", "subject of the protocol missing"),
    ]
    (data / "readme.txt").write_text("")
    assert surveyed(tmp_path, "gait3d") == (
        ["0000", "0002"],
        [("readme.txt", "not a folder of the layout: 0000 is required")],
    )


def test_gait3d_with_its_keypoints(tmp_path: Path) -> None:
    data, poses = tmp_path / "data", tmp_path / "2D_Poses"
    for sequence in ("seq0", "seq1"):
        write_figures(data / "0000/camid0_videoid2" / sequence, "human_crop_f17{:03d}")
    for number in (1, 3):  # frame 2 has none
        at = person(20, 64, 72 + 4 * number)
        write_text(poses / f"0000/camid0_videoid2/seq0/human_crop_f17{number:03d}.txt", at)
    made = of_layout(tmp_path, "gait3d", "0000", own=True, keypoints=[poses])
    assert names(made) == ["0000/camid0_videoid2/seq0"]
    assert made.rejects == [
        ("data/0000/camid0_videoid2/seq1", "no keypoints of the sequence"),
        ("data/0000/camid0_videoid2/seq0#17002", "no keypoints"),
    ]
    found = made.cache["0000/camid0_videoid2/seq0"]["keypoints"]
    assert found.shape == (2, 17, 3)
    assert found[:, 0, 1] == pytest.approx(1 - 0.936, abs=0.03)  # the head of a figure's height


def test_ccpg(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for place in ("U0_D0_BG/00_1", "U0_D0/00_1", "U3_D3/09_2020_1", "U1_D0/03"):
        write_figures(data / "000" / place, "{:04d}", ending="jpg")
    write_figures(data / "000/U0/00_1", "{:04d}")
    made = of_layout(tmp_path, "ccpg", "000")
    assert names(made) == [
        "000/U0_D0/00_1",
        "000/U0_D0_BG/00_1",
        "000/U1_D0/03",
        "000/U3_D3/09_2020_1",
    ]
    assert sorted(made.cache) == names(made)
    assert made.rejects == [("data/000/U0", "not a folder of the layout: U0_D0_BG is required")]


def test_casiae(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for place in ("H/scene1/nm/000/1", "L/scene3_s/cl/270/2", "H/scene2/bg/015/1"):
        write_figures(data / "001" / place, "{:03d}", ending="jpg")
    write_figures(data / "001/H/scene4/nm/000/1", "{:03d}")
    write_figures(data / "001/H/scene1/nm/000/3", "{:03d}")
    made = of_layout(tmp_path, "casiae", "001")
    assert names(made) == [
        "001/H-scene1-nm-1/000",
        "001/H-scene2-bg-1/015",
        "001/L-scene3_s-cl-2/270",
    ]
    assert sorted(made.cache) == names(made)
    assert made.rejects == [
        ("data/001/H/scene1/nm/000/3", "not a folder of the layout: 1 or 2 is required"),
        ("data/001/H/scene4", "not a folder of the layout: scene1 is required"),
    ]


def test_fvg(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for place in ("session1/001_02", "session1/001_10", "session2/148_07", "session3/001_02"):
        write_figures(data / place, "{:05d}")
    write_figures(data / "session1/001_13", "{:05d}")
    made = of_layout(tmp_path, "fvg", "001", "148", "200")
    assert names(made) == [
        "001/s1-02/front",
        "001/s1-10/front",
        "001/s3-02/front",
        "148/s2-07/front",
    ]
    assert sorted(made.cache) == names(made)
    assert made.rejects == [("data/session*/200_*", "subject of the protocol missing")]
    assert surveyed(tmp_path, "fvg") == (
        ["001", "148"],
        [("session1/001_13", "not a folder of the layout: 001_02 is required")],
    )


def write_grew(folder: Path, frames: int, seed: int = 0, *, poses: bool = True) -> None:
    """Writes a sequence of GREW: aligned pictures, keypoints of another picture, a GEI."""
    folder.mkdir(parents=True)
    images = aligned(frames, seed)
    for number, image in enumerate(images, 1):
        cv2.imwrite(str(folder / f"{number:05d}.png"), image)
        if poses:
            write_text(folder / f"{number:05d}_2d_pose.txt", person(300, 400, 900))
            (folder / f"{number:05d}_3d_pose.txt").write_text("1,2,3")
    cv2.imwrite(str(folder / f"{folder.name}_gei.png"), images.mean(axis=0))


def test_grew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_grew(data / "train/00001/4XPn5Z28", 5, seed=1)
    write_grew(data / "train/00001/4XPn5Z29", 3, seed=2)
    for place, name in enumerate(("aa", "bb", "cc")):
        write_grew(data / "test/gallery/00001" / name, 3, seed=3 + place)
    write_grew(data / "test/probe/4Zqk", 4)
    write_grew(data / "distractors/4Zqz", 4)
    made = of_layout(tmp_path, "grew", "00001train", "00001", "probe", "00002")
    assert names(made) == [
        "00001/01/aa",
        "00001/02/bb",
        "00001train/00/4XPn5Z28",
        "00001train/00/4XPn5Z29",
        "probe/03/4Zqk",
    ]
    assert {row.masks for row in made.sequences} == {ALIGNED}
    found = made.cache["00001train/00/4XPn5Z28"]["silhouettes"]
    assert np.array_equal(found, aligned(5, seed=1)[:, :, 10:54])  # taken as they are
    assert made.rejects == [
        ("data/00002", "subject of the protocol missing"),
        ("data/test/gallery/00001/cc", "third gallery sequence of a subject"),
    ]
    assert surveyed(tmp_path, "grew") == (
        ["00001", "00001train", "probe"],
        [("distractors", "distractors, which no protocol here uses")],
    )


def test_grew_with_its_keypoints(tmp_path: Path) -> None:
    write_grew(tmp_path / "data/train/00001/4XPn5Z28", 3)
    (tmp_path / "data/train/00001/4XPn5Z28/00002_2d_pose.txt").write_text("480,640,1")
    made = of_layout(tmp_path, "grew", "00001train", own=True, keypoints=[tmp_path / "data"])
    wanted = person(0, 64, 32) / (64, 64, 1)
    found = made.cache["00001train/00/4XPn5Z28"]["keypoints"]
    assert found.shape == (2, 17, 3)
    assert np.abs(found - np.clip(wanted, 0, 1)).max() < 1e-4
    assert [reason for _, reason in made.rejects] == [
        "no keypoints",
        "unreadable file of keypoints: 3 numbers, 53 are required",
    ]


def test_oumvlp_pose(tmp_path: Path) -> None:
    """Of several people, the one on the silhouette; the first subject has names of its own."""
    poses = tmp_path / "alphapose"
    write_figures(tmp_path / "data/Silhouette_090-01/00001", "{:04d}")
    for number in (1, 2):
        here, beside = person(20, 64, 72 + 4 * number), person(20, 64, 20)
        write_json(poses / f"00001/090_01/0_090_{number:04d}_keypoints.json", [beside, here])
    made = of_layout(tmp_path, "oumvlp", "00001", own=True, keypoints=[poses])
    assert names(made) == ["00001/nm-01/090"]
    found = made.cache["00001/nm-01/090"]["keypoints"]
    assert len(found) == 2
    assert np.abs(found[:, [0, 5, 6], 0] - 0.5).max() < 0.15  # beside it, x would be 0
    assert made.rejects == [("data/Silhouette_090-01/00001#3", "no keypoints")]


@pytest.mark.parametrize("layout", ["gait3d", "grew", "ccpg", "casiae", "fvg"])
def test_a_folder_of_another_layout_stops_the_index(tmp_path: Path, layout: str) -> None:
    (tmp_path / "data/something").mkdir(parents=True)
    with pytest.raises(UserError, match=f"holds something; source.layout '{layout}' requires"):
        of_layout(tmp_path, layout, "001")
