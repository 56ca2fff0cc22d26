"""Keypoints in given boxes: those of torchvision, for one frame or many."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

from gaittake.pose.detector import load_detector
from gaittake.pose.locate import detect, locate_in_boxes, peaks, prepare, scale_of
from gaittake.settings import Detector
from tests.pose.tiny import SMALL


@pytest.mark.parametrize("size", [(64, 96), (50, 70), (120, 90)])
def test_images_are_prepared_as_by_torchvision(weights: Path, size: tuple[int, int]) -> None:
    model = load_detector(weights, SMALL).eval()
    images = torch.rand(3, 3, *size)
    wanted, _ = model.transform(list(images))
    found = prepare(model, images)
    assert found.image_sizes == wanted.image_sizes
    assert torch.allclose(found.tensors, wanted.tensors, atol=1e-6)


def test_single_frames_give_the_keypoints_of_a_batch(weights: Path) -> None:
    model = load_detector(weights, SMALL).eval()
    images = torch.rand(5, 3, 64, 96)
    boxes = torch.tensor([[10.0, 8, 30 + i, 60] for i in range(5)])
    together = locate_in_boxes(model, images, boxes)
    for i in range(5):
        alone = locate_in_boxes(model, images[i : i + 1], boxes[i : i + 1])[0]
        assert torch.allclose(alone, together[i], atol=1e-3)


def test_given_boxes_scale_with_the_image(weights: Path) -> None:
    plain = load_detector(weights, SMALL).eval()
    doubled = load_detector(weights, Detector(backbone="small", min_size=128, max_size=192)).eval()
    images = torch.rand(2, 3, 64, 96)
    larger = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear")
    boxes = torch.tensor([[10.0, 8, 30, 60]] * 2)
    seen = locate_in_boxes(doubled, images, boxes)
    same = locate_in_boxes(doubled, larger, boxes * 2)
    assert torch.allclose(seen[..., :2] * 2, same[..., :2], atol=1e-3)
    assert not torch.allclose(seen, locate_in_boxes(plain, images, boxes))


def test_images_at_the_networks_scale_are_not_scaled_again(weights: Path) -> None:
    model = load_detector(weights, SMALL).eval()
    images = torch.rand(2, 3, 128, 64)
    boxes = torch.tensor([[10.0, 8, 30, 100]] * 2)
    assert scale_of(model, 128, 64) == 0.75
    assert prepare(model, images, scale=1).image_sizes == [(128, 64)] * 2
    seen = locate_in_boxes(model, images, boxes, scale=1)
    unscaled = load_detector(weights, Detector(backbone="small", min_size=64, max_size=128)).eval()
    assert torch.equal(seen, locate_in_boxes(unscaled, images, boxes))


def test_peaks_equal_torchvisions_up_to_a_bin() -> None:
    side, boxes = 56, torch.tensor([[10.0, 20, 66, 132], [3.0, 4, 31, 60]])
    grid = torch.arange(side).float()
    centre = torch.rand(2, 17, 2, generator=torch.Generator().manual_seed(0)) * 44 + 6
    distance = (grid[:, None] - centre[..., 1, None, None]) ** 2 + (
        grid - centre[..., 0, None, None]
    ) ** 2
    heatmaps = 6 - distance / 20
    found = peaks(heatmaps, boxes)
    theirs, scores = heatmaps_to_keypoints(heatmaps, boxes)
    bin_size = (boxes[:, 2:] - boxes[:, :2])[:, None] / side
    assert (
        (found[..., :2] - theirs[..., :2]).abs() <= torch.maximum(bin_size, torch.ones(1))
    ).all()
    expected = boxes[:, None, :2] + (centre + 0.5) * bin_size
    assert torch.allclose(found[..., :2], expected, atol=1e-3)
    assert torch.allclose(found[..., 2], scores.sigmoid(), atol=0.05)


def test_a_peak_at_the_border_stays_inside_the_box() -> None:
    heatmaps = torch.zeros(1, 17, 8, 8)
    heatmaps[..., 0, 7] = 5.0
    x, y, _ = peaks(heatmaps, torch.tensor([[0.0, 0, 8, 16]]))[0, 0].tolist()
    assert (x, y) == pytest.approx((7.5, 1.0))


def test_confidence_is_the_sigmoid_of_torchvisions_scores(weights: Path) -> None:
    model = load_detector(weights, SMALL).eval()
    model.roi_heads.score_thresh = 0.0
    image = torch.rand(3, 64, 96)
    with torch.inference_mode():
        raw = model([image])[0]
    found = detect(model, [image])[0]
    assert len(found.scores) > 0
    expected = 1 / (1 + np.exp(-raw["keypoints_scores"].numpy().astype(np.float64)))
    assert np.allclose(found.keypoints[..., 2].numpy(), expected, atol=1e-6)
    assert torch.equal(found.keypoints[..., :2], raw["keypoints"][..., :2])
