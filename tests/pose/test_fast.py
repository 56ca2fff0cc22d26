"""Detectors for prediction: the same keypoints, norms folded, heavy parts in bfloat16."""

import copy
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torchvision.models.detection import KeypointRCNN
from torchvision.ops import FrozenBatchNorm2d

from gaittake import device as device_module
from gaittake.pose import fast
from gaittake.pose.detector import build_detector
from gaittake.pose.fast import Norm, autocast_heavy_parts, fold_norms, for_prediction
from gaittake.pose.locate import detect, locate_in_boxes
from gaittake.settings import Detector
from tests.pose.tiny import SMALL

BOXES = torch.tensor([[10.0, 8, 30, 60], [20, 4, 52, 62]])


def detector(backbone: str) -> KeypointRCNN:
    """Returns a detector with non-trivial norms that always detects two people."""
    torch.manual_seed(0)
    sizes = {"backbone": backbone, "min_size": 64, "max_size": 96}
    model = build_detector(Detector.model_validate(sizes)).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d | FrozenBatchNorm2d):
                module.weight.uniform_(0.5, 1.0)
                module.bias.uniform_(-0.2, 0.2)
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 2.0)
    model.rpn._post_nms_top_n["testing"] = 20
    model.roi_heads.score_thresh, model.roi_heads.detections_per_img = 0.0, 2
    return model


def images() -> torch.Tensor:
    """Returns two images `[2, 3, 64, 96]`."""
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_keypoints_are_those_of_the_unchanged_detector(backbone: str) -> None:
    model = detector(backbone)
    ready = for_prediction(model, "float32")
    together = detect(ready, list(images()))
    for image, found in zip(images(), together, strict=True):
        (plain,) = detect(model, [image])
        assert len(found.boxes) == 2
        assert torch.allclose(found.boxes, plain.boxes, atol=1e-2)
        assert torch.allclose(found.scores, plain.scores, atol=1e-4)
        assert torch.allclose(found.keypoints, plain.keypoints, atol=1e-2)
    known = locate_in_boxes(model, images(), BOXES)
    assert torch.allclose(locate_in_boxes(ready, images(), BOXES), known, atol=1e-2)


def test_all_norms_are_folded_and_the_original_detector_is_unchanged() -> None:
    model = detector("resnet50")
    before = copy.deepcopy(model.state_dict())
    ready = for_prediction(model, "float32")
    norms = [m for m in ready.modules() if isinstance(m, nn.BatchNorm2d | FrozenBatchNorm2d)]
    assert norms == []
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_norm_folds_into_a_convolution_with_and_without_bias(bias: bool, frozen: bool) -> None:
    norm = nn.BatchNorm2d(6)
    plain = nn.Sequential(nn.Conv2d(3, 6, 3, bias=bias), norm, nn.ReLU()).train()
    plain(torch.rand(8, 3, 9, 9) * 5)
    plain.eval()
    if frozen:
        plain[1] = FrozenBatchNorm2d(6)
        plain[1].load_state_dict(norm.state_dict())
    folded = copy.deepcopy(plain)
    fold_norms(folded)
    assert isinstance(folded[1], nn.Identity)
    x = torch.rand(2, 3, 9, 9)
    assert torch.allclose(folded(x), plain(x), atol=1e-5)


def test_a_norm_that_does_not_follow_a_convolution_is_kept() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3))
    fold_norms(module)
    assert isinstance(module[2], nn.BatchNorm2d)


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_heavy_parts_compute_in_bfloat16_and_return_float32(
    backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: True)
    model = detector(backbone)
    half, full = (for_prediction(model, precision) for precision in ("auto", "float32"))
    heads = half.roi_heads
    for part in (half.backbone, heads.box_head, heads.keypoint_head):
        assert {p.dtype for p in part.parameters()} == {torch.bfloat16}
    for part in (half.rpn, heads.box_predictor, heads.keypoint_predictor):
        assert {p.dtype for p in part.parameters()} == {torch.float32}
    wanted, found = full.backbone(images()), half.backbone(images())
    for level, features in wanted.items():
        assert found[level].dtype == torch.float32
        assert (found[level] - features).norm() < 0.03 * features.norm()
    for people in (
        detect(half, list(images()))[0].keypoints,
        locate_in_boxes(half, images(), BOXES)[:, :, 0],
    ):
        assert people.shape == (2, 17, 3)
        assert people.dtype == torch.float32


def test_device_without_bfloat16_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: False)
    ready = for_prediction(build_detector(SMALL), "auto")
    assert {p.dtype for p in ready.parameters()} == {torch.float32}


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_in_training_heavy_parts_compute_in_bfloat16_and_proposals_are_float32(
    backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "has_bfloat16", lambda device: True)
    model = detector(backbone).train()
    dtypes: dict[str, set[torch.dtype]] = {}

    def record(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _given: object, returned: object) -> None:
            found = dtypes.setdefault(name, set())
            found |= {tensor.dtype for tensor in tensors(returned)}

        return hook

    heads = model.roi_heads
    for name, module in model.named_modules():
        if name.startswith("backbone.") and isinstance(module, nn.Conv2d | Norm):
            module.register_forward_hook(record("inside"))
    for part in (model.backbone, model.rpn, model.rpn.head, heads.box_head, heads.keypoint_head):
        part.register_forward_hook(record("outside"))
    targets = [
        {"boxes": box[None], "labels": torch.ones(1, dtype=torch.int64), "keypoints": keypoints}
        for box, keypoints in zip(BOXES, torch.full((2, 1, 17, 3), 25.0), strict=True)
    ]
    with autocast_heavy_parts(model, torch.device("cpu"), "auto"):
        losses = model(list(images()), targets)
    assert dtypes == {"inside": {torch.bfloat16}, "outside": {torch.float32}}
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert not any("forward" in vars(module) for module in model.modules())


def tensors(content: object) -> Iterator[torch.Tensor]:
    """Yields the tensors in nested containers."""
    if isinstance(content, torch.Tensor):
        yield content
    elif isinstance(content, dict | list | tuple):
        for part in content.values() if isinstance(content, dict) else content:
            yield from tensors(part)


def test_autocast_in_float32_changes_nothing() -> None:
    model = detector("small")
    expected = model.backbone(images())
    with autocast_heavy_parts(model, torch.device("cpu"), "float32"):
        found = model.backbone(images())
    assert all(torch.equal(found[level], expected[level]) for level in expected)
