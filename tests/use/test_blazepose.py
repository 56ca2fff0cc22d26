"""BlazePose: the geometry of its regions, and the person followed from frame to frame."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from gaittake.errors import UserError
from gaittake.io.mediapipe import DETECTOR, LANDMARKS
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use import blazepose
from gaittake.use.blazepose import (
    BlazePose,
    Person,
    Region,
    anchors,
    crop_matrix,
    detected_region,
    letterbox,
    mask_in_frame,
    region_around,
)
from gaittake.use.people import people_masks, published_blazepose
from tests.use.tiny import film, write_images, write_video

LEANING = Region(70.0, 40.0, 50.0, 0.3)


def test_anchors_are_the_middles_of_the_detectors_cells() -> None:
    found = anchors()
    assert found.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2)
    assert found[:4].tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]]
    assert found[1568].tolist() == [8, 8]
    assert found[-1].tolist() == [208, 208]


def test_the_region_is_upright_around_the_body() -> None:
    upright = region_around(np.array([50.0, 60.0]), np.array([50.0, 20.0]))
    assert upright == pytest.approx((50, 60, 100, 0))
    right = region_around(np.array([50.0, 60.0]), np.array([90.0, 60.0]))
    assert right == pytest.approx((50, 60, 100, np.pi / 2))


def test_the_body_is_upright_and_central_in_the_crop() -> None:
    matrix = crop_matrix(LEANING, 200)
    head = np.array([LEANING.x + 20 * np.sin(0.3), LEANING.y - 20 * np.cos(0.3)])
    place = matrix @ np.array([*head, 1.0])
    assert place == pytest.approx([100, 100 - 20 * 200 / 50])
    assert matrix @ np.array([LEANING.x, LEANING.y, 1.0]) == pytest.approx([100, 100])


def test_a_detection_is_a_region_of_the_frame() -> None:
    to_frame = cv2.invertAffineTransform(letterbox(100, 200))
    box = np.zeros(12, np.float32)
    box[4:8] = [12, 0, 12, -56]
    found = detected_region(box, np.array([100.0, 112.0], np.float32), to_frame)
    assert found == pytest.approx((100, 50, 2.5 * 50, 0), abs=1e-4)


def test_a_mask_cut_from_a_frame_returns_to_its_place() -> None:
    frame = np.zeros((90, 140), np.float32)
    cv2.ellipse(frame, (70, 40), (8, 18), 15, 0, 360, 1.0, -1)
    matrix = crop_matrix(LEANING, 256)
    crop = blazepose._warp(np.repeat((255 * frame).astype(np.uint8)[..., None], 3, 2), matrix, 256)
    back = mask_in_frame(crop[..., 0] / 255, cv2.invertAffineTransform(matrix), 90, 140)
    assert back.shape == (90, 140)
    both, either = (back > 0.5) & (frame > 0.5), (back > 0.5) | (frame > 0.5)
    assert both.sum() / either.sum() > 0.97
    assert np.argwhere(back > 0.5).mean(axis=0) == pytest.approx(
        np.argwhere(frame > 0.5).mean(axis=0), abs=0.1
    )


def test_shrinking_a_large_frame_keeps_the_place() -> None:
    frame = np.zeros((900, 1400, 3), np.uint8)
    cv2.circle(frame, (701, 402), 60, (255, 255, 255), -1)
    matrix = crop_matrix(Region(700.5, 401.5, 800.0, 0.0), 100)
    crop = blazepose._warp(frame, matrix, 100)
    assert np.argwhere(crop[..., 0] > 127).mean(axis=0) + 0.5 == pytest.approx([50, 50], abs=0.2)


class Networks(BlazePose):
    """Finds a white square: the detector only if it is large, the landmarks wherever it is."""

    def __init__(self) -> None:
        self.detections = 0

    def detect(self, frame: Image) -> Region | None:
        self.detections += 1
        return self._around(frame) if (frame[..., 0] > 0).sum() > 50 else None

    def look(self, frame: Image, region: Region) -> Person:
        mask = (frame[..., 0] > 0).astype(np.float32)
        around = self._around(frame)
        return Person(mask, 0.9 if around else 0.1, around or region)

    @staticmethod
    def _around(frame: Image) -> Region | None:
        rows = np.argwhere(frame[..., 0])
        return Region(*rows.mean(axis=0)[::-1], 20.0, 0.0) if len(rows) else None


def filmed(sizes: list[int]) -> Image:
    """Returns RGB frames `[n, 40, 40, 3]`, each with a white square of this size."""
    frames = np.zeros((len(sizes), 40, 40, 3), np.uint8)
    for frame, size in zip(frames, sizes, strict=True):
        frame[10 : 10 + size, 10 : 10 + size] = 255
    return frames


def test_a_person_is_followed_through_frames_in_which_the_detector_misses(tmp_path: Path) -> None:
    source = write_images(filmed([5, 9, 5, 5, 0, 5, 9]), tmp_path / "sequence")
    networks, rejects = Networks(), list[Reject]()
    masks = [mask for _, mask in people_masks(source, networks, rejects=rejects)]
    assert [int((mask > 0).sum()) for mask in masks] == [0, 81, 25, 25, 0, 0, 81]
    assert {value for mask in masks for value in np.unique(mask)} == {0, 255}
    assert networks.detections == 5
    assert rejects == []


def test_unreadable_frames_are_rejected(tmp_path: Path) -> None:
    source = write_images(filmed([9, 9]), tmp_path / "sequence")
    (source / "001.png").write_bytes(b"no image")
    rejects: list[Reject] = []
    assert [n for n, _ in people_masks(source, Networks(), rejects=rejects)] == [2]
    assert [row.reason for row in rejects] == ["unreadable image"]


@pytest.mark.parametrize("view", [0, 90])
def test_the_published_networks_segment_rendered_people(view: int, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="requires the extra people")
    folder = Path(torch.hub.get_dir(), "checkpoints")
    if not all((folder / Path(item.name).name).is_file() for item in (DETECTOR, LANDMARKS)):
        pytest.skip("MediaPipe's networks are not downloaded")
    rendered, _ = film(across=0.0, frames=8, view=view)
    source = write_video(rendered.colour, tmp_path / "sequence.avi")
    masks = [mask for _, mask in people_masks(source, published_blazepose(), rejects=[])]
    for mask, true in zip(masks, rendered.clean, strict=True):
        both, either = (mask > 0) & (true > 0), (mask > 0) | (true > 0)
        assert both.sum() / either.sum() > 0.9


def test_without_litert_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(UserError, match=r"pip install '.\[people\]"):
        BlazePose(tmp_path / "a.tflite", tmp_path / "b.tflite")
