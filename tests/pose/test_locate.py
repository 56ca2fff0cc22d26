"""Keypoints in given boxes: those of torchvision, for one frame or many."""

from pathlib import Path

import pytest
import torch
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints

from gaittake.pose.detector import load_detector
from gaittake.pose.follow import FOLLOWED
from gaittake.pose.heatmaps import read_heatmaps
from gaittake.pose.locate import (
    detect,
    locate_in_boxes,
    prepare,
    scale_of,
)
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


def gaussians(centre: torch.Tensor, *, side: int = 56, deviation: float = 1.0) -> torch.Tensor:
    """Returns logits `[n, 17, side, side]` of Gaussians at `centre` `[n, 17, 2]`: x, y in bins."""
    grid = torch.arange(side).float()
    rows, columns = (grid - centre[..., axis, None] for axis in (1, 0))
    squares = rows[..., :, None] ** 2 + columns[..., None, :] ** 2
    return 6 - squares / (2 * deviation**2)


def test_keypoints_lie_between_the_bins_and_within_a_bin_of_torchvisions() -> None:
    boxes = torch.tensor([[10.0, 20, 66, 132], [3.0, 4, 31, 60]])
    centre = torch.rand(2, 17, 2, generator=torch.Generator().manual_seed(0)) * 44 + 6
    heatmaps = gaussians(centre)
    found = read_heatmaps(heatmaps, boxes)[:, :, 0]
    theirs, _ = heatmaps_to_keypoints(heatmaps, boxes)
    bin_size = (boxes[:, 2:] - boxes[:, :2])[:, None] / 56
    assert (
        (found[..., :2] - theirs[..., :2]).abs() <= torch.maximum(bin_size, torch.ones(1))
    ).all()
    expected = boxes[:, None, :2] + (centre + 0.5) * bin_size
    assert torch.allclose(found[..., :2], expected, atol=5e-3)
    assert (found[..., 2] > 0.99).all()


def test_confidence_is_the_probability_of_the_best_window() -> None:
    one, other = torch.full((1, 17, 2), 12.0), torch.full((1, 17, 2), 40.0)
    shares = torch.linspace(0.55, 0.95, 17)
    here, there = (
        gaussians(centre).flatten(2).softmax(2).reshape(1, 17, 56, 56) for centre in (one, other)
    )
    bins = shares[:, None, None] * here + (1 - shares[:, None, None]) * there
    boxes = torch.tensor([[0.0, 0, 56, 56]])
    found = read_heatmaps((bins + 1e-30).log(), boxes)[0, :, 0]
    assert torch.allclose(found[:, 2], shares, atol=1e-4)
    assert torch.allclose(found[:, :2], torch.tensor(12.5), atol=1e-2)
    # A constant added to all logits is not seen by the softmax, nor here.
    assert torch.allclose(read_heatmaps((bins + 1e-30).log() + 9, boxes)[0, :, 0], found, atol=1e-4)


def test_pairs_share_two_places_with_the_probability_of_each_side() -> None:
    one, other = torch.full((1, 17, 2), 12.0), torch.full((1, 17, 2), 40.0)
    here, there = (
        gaussians(centre).flatten(2).softmax(2).reshape(1, 17, 56, 56) for centre in (one, other)
    )
    share = torch.full((17,), 0.7)
    share[[8, 10, 14, 16]] = 0.4  # right limbs
    bins = share[:, None, None] * here + (1 - share[:, None, None]) * there
    found = read_heatmaps((bins + 1e-30).log(), torch.tensor([[0.0, 0, 56, 56]]))[0]
    assert found.shape == (17, 3, 3)
    for left, right in FOLLOWED:
        assert torch.allclose(found[left, 1, :2], torch.tensor(12.5), atol=1e-2)
        assert torch.allclose(found[left, 2, :2], torch.tensor(40.5), atol=1e-2)
        assert torch.equal(found[left, 1:, :2], found[right, 1:, :2])
        assert torch.allclose(found[left, 1:, 2], torch.tensor([0.7, 0.3]), atol=1e-3)
        assert torch.allclose(found[right, 1:, 2], torch.tensor([0.4, 0.6]), atol=1e-3)
        assert torch.allclose(found[right, 0], torch.tensor([40.5, 40.5, 0.6]), atol=1e-2)
    rest = [joint for joint in range(17) if all(joint not in pair for pair in FOLLOWED)]
    assert (found[rest, 1:] == 0).all()


def test_a_single_high_bin_counts_less_than_a_likely_region() -> None:
    region = gaussians(torch.full((1, 17, 2), 30.0), deviation=2).flatten(2).softmax(2)
    bins = 0.9 * region.reshape(1, 17, 56, 56)
    bins[..., 5, 5] += 0.1
    assert int(bins[0, 0].argmax()) == 5 * 56 + 5
    found = read_heatmaps(bins.log(), torch.tensor([[0.0, 0, 56, 56]]))[0, :, 0]
    assert torch.allclose(found[:, :2], torch.tensor(30.5), atol=1e-2)


def test_a_peak_at_the_border_stays_inside_the_box() -> None:
    heatmaps = torch.zeros(1, 17, 8, 8)
    heatmaps[..., 0, 7] = 50.0
    found = read_heatmaps(heatmaps, torch.tensor([[0.0, 0, 8, 16]]))[0, 0, 0].tolist()
    assert found == pytest.approx((7.5, 1.0, 1.0))


def test_detections_have_torchvisions_boxes_and_the_keypoints_in_them(weights: Path) -> None:
    model = load_detector(weights, SMALL).eval()
    model.roi_heads.score_thresh = 0.0
    images = [torch.rand(3, 64, 96), torch.rand(3, 50, 96)]
    with torch.inference_mode():
        theirs = model(images)
    for image, found, raw in zip(images, detect(model, images), theirs, strict=True):
        assert len(found.scores) > 0
        assert torch.equal(found.boxes, raw["boxes"])
        assert torch.equal(found.scores, raw["scores"])
        many = image.expand(len(found.boxes), -1, -1, -1)
        within = locate_in_boxes(model, many, found.boxes)[:, :, 0]
        assert torch.allclose(found.keypoints, within, atol=1e-2)


def test_an_image_without_people_has_no_detections(weights: Path) -> None:
    model = load_detector(weights, SMALL).eval()
    model.roi_heads.score_thresh = 1.0
    (found,) = detect(model, [torch.rand(3, 64, 96)])
    assert found.boxes.shape == (0, 4)
    assert found.keypoints.shape == (0, 17, 3)
