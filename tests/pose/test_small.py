"""The small detector: parts written as products of matrices give torchvision's numbers."""

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign

from gaittake.pose.small import BoxFeatures, Heatmaps

INSIDE, OVER_TWO_SIDES, FAR_OUTSIDE = [3.0, 4, 60, 120], [-9.0, -7, 30, 140], [200.0, 190, 230, 220]
NARROW, WHOLE = [10.0, 10, 10.5, 11], [0.0, 0, 80, 128]


@pytest.mark.parametrize("level", [(32, 20), (32, 24)], ids=["unpadded", "padded"])
def test_features_of_boxes_and_their_gradient_are_roi_aligns(level: tuple[int, int]) -> None:
    torch.manual_seed(0)
    features = {"0": torch.randn(3, 5, *level, requires_grad=True)}
    boxes = [
        torch.tensor([INSIDE, OVER_TWO_SIDES, FAR_OUTSIDE]),
        torch.zeros(0, 4),
        torch.tensor([NARROW, WHOLE]),
    ]
    sizes = [(128, 4 * level[1]), (96, 64), (128, 80)]

    def run(pool: MultiScaleRoIAlign) -> tuple[Tensor, Tensor]:
        found = pool(features, boxes, sizes)
        upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
        (gradient,) = torch.autograd.grad(found, features["0"], upstream)
        return found, gradient

    found, expected = run(BoxFeatures(["0"], 14, 2)), run(MultiScaleRoIAlign(["0"], 14, 2))
    assert found[0].shape == (5, 5, 14, 14)
    for ours, torchvisions in zip(found, expected, strict=True):
        assert torch.allclose(ours, torchvisions, atol=1e-4)
    assert expected[0][2].abs().max() == 0, "a box outside of the image has no features"


def test_heatmaps_are_those_of_torchvisions_predictor() -> None:
    torch.manual_seed(0)
    plain, ours = KeypointRCNNPredictor(8, 17), Heatmaps(8, 17)
    ours.load_state_dict(plain.state_dict())
    features = torch.randn(3, 8, 14, 14)
    assert ours(features).shape == (3, 17, 56, 56)
    assert torch.allclose(ours(features), plain(features), atol=1e-5)
