"""Background subtraction on rendered sequences, against their true outlines."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from gaittake.errors import UserError
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use.background import background_masks, mask_of
from tests.use.tiny import film, write_images, write_video


def overlap(one: Image, other: Image) -> float:
    """Returns the mean IoU of two sequences of masks."""
    both, either = (one > 0) & (other > 0), (one > 0) | (other > 0)
    return float((both.sum(axis=(1, 2)) / either.sum(axis=(1, 2))).mean())


def found(source: Path, empty_scene: Path | None = None) -> Image:
    rejects: list[Reject] = []
    numbered = list(background_masks(source, empty_scene=empty_scene, rejects=rejects))
    assert [number for number, _ in numbered] == list(range(1, len(numbered) + 1))
    masks = np.stack([mask for _, mask in numbered])
    assert rejects == []
    assert set(np.unique(masks)) == {0, 255}
    return masks


def test_a_person_who_crosses_the_picture_needs_no_empty_scene(tmp_path: Path) -> None:
    rendered, _ = film(across=3.2)
    masks = found(write_video(rendered.colour, tmp_path / "sequence.avi"))
    assert overlap(masks, rendered.clean) > 0.84


@pytest.mark.parametrize("view", [0, 36, 90])
def test_a_person_who_stays_in_place_is_segmented_with_an_empty_scene(
    tmp_path: Path, view: int
) -> None:
    rendered, scene = film(across=0.0, view=view)
    source = write_video(rendered.colour, tmp_path / "sequence.avi")
    empty = write_images(scene[None], tmp_path / "empty")
    assert overlap(found(source, empty), rendered.clean) > 0.85


@pytest.mark.parametrize("view", [0, 36, 90])
def test_a_person_who_stays_in_place_requires_an_empty_scene(tmp_path: Path, view: int) -> None:
    rendered, _ = film(across=0.0, view=view)
    source = write_video(rendered.colour, tmp_path / "sequence.avi")
    with pytest.raises(UserError, match=r"stays in one place.*--empty-scene"):
        found(source)


def test_empty_scene_of_another_size_is_refused(tmp_path: Path) -> None:
    rendered, scene = film(across=0.0, frames=8)
    source = write_video(rendered.colour, tmp_path / "sequence.avi")
    empty = write_images(scene[None, :, :-8], tmp_path / "empty")
    with pytest.raises(UserError, match=r"152 × 120 pixels.*has 160 × 120"):
        found(source, empty)


def test_frames_of_another_size_are_rejected(tmp_path: Path) -> None:
    rendered, scene = film(across=0.0, frames=8)
    source = write_images(rendered.colour, tmp_path / "sequence")
    write_images(scene[None, :, :-8], tmp_path / "other")
    (tmp_path / "other" / "001.png").rename(source / "099.png")
    empty = write_images(scene[None], tmp_path / "empty")
    rejects: list[Reject] = []
    masks = list(background_masks(source, empty_scene=empty, rejects=rejects))
    assert len(masks) == 8
    assert [row.reason for row in rejects] == ["frame of another size"]


def test_files_without_readable_frames_are_refused(tmp_path: Path) -> None:
    (tmp_path / "001.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="no readable frame"):
        found(tmp_path)


def test_specks_and_small_holes_are_removed() -> None:
    scene = np.full((60, 40, 3), 90, np.float32)
    frame = np.full((60, 40, 3), 90, np.uint8)
    frame[10:50, 15:25] = 200
    frame[30, 20] = 90
    frame[5, 35] = 255
    mask = mask_of(frame, scene, 30.0)
    assert mask[30, 20] == 255
    assert mask[5, 35] == 0
    true = np.zeros((60, 40), np.uint8)
    true[10:50, 15:25] = 255
    assert overlap(mask[None], true[None]) > 0.9


def test_a_cast_shadow_is_removed_and_another_exposure_changes_little(tmp_path: Path) -> None:
    rendered, scene = film(across=0.0, frames=8)
    empty = write_images(scene[None], tmp_path / "empty")
    shadowed = np.stack(
        [with_shadow(*pair) for pair in zip(rendered.colour, rendered.clean, strict=True)]
    )
    changed = (shadowed != rendered.colour).any(axis=3).mean(axis=(1, 2))
    assert changed.min() > 0.3 * (rendered.clean > 0).mean()
    for name, frames, least in (
        ("shadow", shadowed, 0.88),
        ("bright", np.clip(rendered.colour * 1.2, 0, 255).astype(np.uint8), 0.85),
    ):
        masks = found(write_images(frames, tmp_path / name), empty)
        assert overlap(masks, rendered.clean) > least


def with_shadow(frame: Image, mask: Image) -> Image:
    """Returns the frame with a soft shadow of the person on the floor."""
    rows, columns = np.nonzero(mask)
    foot = np.array([columns[rows > rows.max() - 6].mean(), rows.max() - 2.0])
    flat = np.array([[1.0, -0.9], [0.0, -0.25]])
    shape = (mask.shape[1], mask.shape[0])
    cast = cv2.warpAffine(mask, np.column_stack([flat, foot - flat @ foot]), shape)
    dark = 0.45 * cv2.GaussianBlur(cast, (5, 5), 0) / 255 * (mask == 0)
    return (frame * (1 - dark[..., None])).astype(np.uint8)
