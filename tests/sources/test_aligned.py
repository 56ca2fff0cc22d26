"""Silhouettes that are aligned already are used as they are, so that they must be silhouettes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gaittake.errors import UserError
from tests.sources.released import aligned, run, write_pickle
from tests.sources.test_opengait import opengait


def inverted(frames: Any) -> Any:
    return 255 - frames


def parts(frames: Any) -> Any:
    """Returns labels of a body's parts from 1, from head to foot, as Gait3D-Parsing has."""
    return np.where(frames > 127, np.arange(64)[:, None] // 6 + 1, 0).astype(np.uint8)


def two_levels(frames: Any) -> Any:
    return (frames > 127).astype(np.uint8) * 2


def grey(frames: Any) -> Any:
    """Returns pictures in shades of grey."""
    noise = np.random.default_rng(0).integers(-30, 30, frames.shape)
    return np.where(frames > 127, 90 + noise, 150 + noise).astype(np.uint8)


@pytest.mark.parametrize("layout", ["opengait", "grew"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (inverted, "the person is dark and the background bright"),
        (parts, "the images have the levels 0, 1, 2, 3, 4, 5, … only: labels"),
        (two_levels, "the images have the levels 0, 2 only: labels"),
        (grey, "% of the pixels are neither black nor white"),
    ],
)
def test_what_is_no_aligned_silhouette_stops_at_the_index(
    tmp_path: Path, change: Any, said: str, layout: str
) -> None:
    """Nothing chooses a rule for aligned silhouettes, so that the files must be right."""
    frames, remedy = change(aligned(9)), "255 for the person (docs/masks.md). The same holds for 3"
    subject, root = "001", dict[str, Any](root=tmp_path / "data")
    if layout == "grew":
        subject, root = "00001train", {"silhouettes": [tmp_path / "data"]}
    for name in "abc":
        if layout == "opengait":
            write_pickle(tmp_path / f"data/001/nm-01/{name}/a.pkl", frames)
        else:
            folder = tmp_path / "data/train/00001" / name
            folder.mkdir(parents=True)
            for number, frame in enumerate(frames, 1):
                cv2.imwrite(str(folder / f"{number:05d}.png"), frame)
    with pytest.raises(UserError) as stopped:
        run(tmp_path, (subject,), layout=layout, **root)
    assert said in str(stopped.value)
    assert remedy in str(stopped.value)


def test_few_sequences_and_frames_that_are_no_silhouettes_are_rows(tmp_path: Path) -> None:
    frames = aligned(9)
    for name, content in zip(
        "abcd", (frames, frames, parts(frames), inverted(frames)), strict=True
    ):
        write_pickle(tmp_path / f"data/001/nm-01/{name}/a.pkl", content)
    mixed = frames.copy()
    mixed[3], mixed[6] = 255, 255 - mixed[6]
    write_pickle(tmp_path / "data/001/nm-01/e/a.pkl", mixed)
    made = opengait(tmp_path, "001")
    assert sorted(made.rejects) == [
        ("data/001/nm-01/c/a.pkl", "mask without contrast"),
        ("data/001/nm-01/d/a.pkl", "mask and background exchanged"),
        ("data/001/nm-01/e/a.pkl#4", "mask fills the whole frame"),
        ("data/001/nm-01/e/a.pkl#7", "mask and background exchanged"),
    ]
    assert [len(arrays["silhouettes"]) for arrays in made.cache.values()] == [9, 9, 7]


@pytest.mark.parametrize("height", [8, 16, 40])
def test_silhouettes_with_broad_soft_edges_are_no_photographs(tmp_path: Path, height: int) -> None:
    """People who are small in their video have them: few pixels, scaled up."""
    small = [cv2.resize(frame, None, fx=height / 64, fy=height / 64) for frame in aligned(12)]
    sharp = [(frame > 127).astype(np.uint8) * 255 for frame in small]
    soft = [cv2.resize(frame, (64, 64), interpolation=cv2.INTER_CUBIC) for frame in sharp]
    write_pickle(tmp_path / "data/001/nm-01/000/a.pkl", np.stack(soft))
    made = opengait(tmp_path, "001")
    assert made.rejects == []
    cached = made.cache["001/nm-01/000"]["silhouettes"]
    assert np.array_equal(cached, np.stack(soft)[:, :, 10:54])
