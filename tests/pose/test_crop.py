"""Frames cropped to a box: coordinates in the crop and in the frame."""

import numpy as np
import pytest
import torch

from gaittake.pose.augment import Sample
from gaittake.pose.crop import (
    MARGIN,
    CroppedSamples,
    crop_size,
    crop_to_box,
    to_frame,
    whole,
    windows,
)
from gaittake.pose.locate import Detections
from gaittake.settings import Detector

DETECTOR = Detector(backbone="small", min_size=48, max_size=96)
BOX = (20.0, 10.0, 40.0, 70.0)


def frame() -> np.ndarray:
    """Returns a frame of 80 × 120 with a figure that fills its box."""
    image = np.zeros((80, 120), dtype=np.uint8)
    image[10:70, 20:40] = 255
    return image


def test_the_figure_fills_most_of_the_crop_and_is_centred() -> None:
    found = crop_to_box(frame(), BOX, crop_size(DETECTOR), smooth=False)
    assert found.image.shape == (96, 48)
    rows, columns = np.nonzero(found.image > 127)
    assert rows.max() + 1 - rows.min() == pytest.approx(0.8 * 96, abs=1)
    assert (rows.max() + 1 + rows.min()) / 2 == pytest.approx(48, abs=1)
    assert (columns.max() + 1 + columns.min()) / 2 == pytest.approx(24, abs=1)


def test_a_wide_box_fits_the_width() -> None:
    found = crop_to_box(frame(), (0.0, 30.0, 100.0, 50.0), crop_size(DETECTOR), smooth=False)
    assert found.scale == pytest.approx(0.8 * 48 / 100)


def test_the_box_in_the_crop_encloses_the_figure() -> None:
    found = crop_to_box(frame(), BOX, crop_size(DETECTOR), smooth=False)
    rows, columns = np.nonzero(found.image > 127)
    edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert found.box_to_crop(BOX) == pytest.approx(edges, abs=1)


def test_points_round_trip_between_frame_and_crop() -> None:
    found = crop_to_box(frame(), BOX, crop_size(DETECTOR), smooth=False)
    points = np.array([[20, 10], [33.5, 41.25]], dtype=np.float32)
    assert found.to_frame(found.to_crop(points)) == pytest.approx(points, abs=1e-4)
    assert whole(frame()).to_crop(points) == pytest.approx(points)


def test_rgb_borders_repeat_outside_the_frame_and_silhouettes_get_black() -> None:
    bright = np.full((80, 120, 3), 200, dtype=np.uint8)
    edge = (100.0, 0.0, 120.0, 60.0)
    assert (crop_to_box(bright, edge, crop_size(DETECTOR), smooth=True).image == 200).all()
    assert (crop_to_box(bright[..., 0], edge, crop_size(DETECTOR), smooth=False).image == 0).any()


def test_detections_in_a_crop_are_returned_in_pixels_of_the_frame() -> None:
    found = crop_to_box(frame(), BOX, crop_size(DETECTOR), smooth=False)
    corner = torch.from_numpy(found.box_to_crop(BOX))
    keypoints = torch.full((1, 17, 3), 0.75)
    keypoints[..., :2] = corner[:2]
    placed = to_frame(found, Detections(corner[None], torch.ones(1), keypoints))
    assert placed.boxes.numpy() == pytest.approx(np.array([BOX]), abs=1e-3)
    assert placed.keypoints[0, :, :2].numpy() == pytest.approx(np.tile(BOX[:2], (17, 1)), abs=1e-3)
    assert (placed.keypoints[..., 2] == 0.75).all()


def test_empty_detections_stay_empty() -> None:
    empty = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 17, 3))
    placed = to_frame(whole(frame()), empty)
    assert placed.boxes.shape == (0, 4)
    assert placed.keypoints.shape == (0, 17, 3)


def test_labels_are_cropped_with_their_frame() -> None:
    keypoints = np.ones((17, 3), dtype=np.float32)
    keypoints[:, :2] = (30, 40)
    sample = Sample(np.repeat(frame()[..., None], 3, -1), np.float32(BOX), keypoints)
    (moved,) = CroppedSamples([sample], DETECTOR, smooth=False)
    assert moved.keypoints[:, :2] == pytest.approx(np.tile([24.0, 48.0], (17, 1)), abs=1e-4)
    assert (sample.keypoints[:, :2] == (30, 40)).all()
    assert moved.image.shape == (96, 48, 3)


def large(box: tuple[int, int, int, int]) -> np.ndarray:
    """Returns a frame of 240 × 320 with a figure with a hole that fills its box."""
    image = np.zeros((240, 320), dtype=np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    image[y1 + 8 : y1 + 20, x1 + 3 : x1 + 9] = 0
    return image


@pytest.mark.parametrize("scale", [1.0, 1.25, 0.5])
def test_a_window_equals_its_part_of_the_scaled_frame(scale: float) -> None:
    boxes = [(100, 90, 120, 150), (200, 60, 230, 130), (3, 170, 30, 238)]
    images = [large(box) for box in boxes]
    for image, box, found in zip(images, boxes, windows(images, boxes, scale), strict=True):
        assert found.image.shape[0] % 32 == found.image.shape[1] % 32 == 0
        x, y = (-found.origin).astype(int)
        pixels = torch.from_numpy(image)[None, None].float()
        expected = torch.nn.functional.interpolate(
            pixels, scale_factor=scale, mode="bilinear", recompute_scale_factor=True
        )[0, 0, y : y + found.image.shape[0], x : x + found.image.shape[1]].numpy()
        part = found.image[: expected.shape[0], : expected.shape[1]]
        # cv2 rounds shifts to 1/32 of a pixel.
        assert np.abs(part.astype(float) - expected).max() < 255 / 16
        assert part.max() > 200
        x1, y1, x2, y2 = found.box_to_crop(box)
        assert min(x1, y1) >= 0
        assert x2 <= found.image.shape[1]
        assert y2 <= found.image.shape[0]
        assert (x2 - x1, y2 - y1) == pytest.approx(
            ((box[2] - box[0]) * scale, (box[3] - box[1]) * scale), abs=1e-3
        )


def test_windows_have_the_size_of_the_largest_figure_and_its_margin() -> None:
    boxes = [(100, 90, 120, 150), (200, 60, 250, 130)]
    found = windows([large(box) for box in boxes], boxes, 1.0)
    height, width = 70 + 2 * MARGIN, 50 + 2 * MARGIN
    expected = (-(-height // 32) * 32, -(-width // 32) * 32)
    assert [item.image.shape for item in found] == [expected] * 2


def test_the_window_of_a_figure_that_fills_its_frame_is_the_frame() -> None:
    image = large((5, 0, 315, 240))
    (found,) = windows([image], [(5, 0, 315, 240)], 1.0)
    assert found.image.shape == (256, 320)
    assert (found.image[:240] == image).all()
    assert (found.image[240:] == 0).all()
    assert (found.origin == 0).all()
