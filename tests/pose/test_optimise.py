"""The detector's loss: torchvision's, or that of the keypoints in given boxes alone."""

import pytest
import torch
from torchvision.models.detection import KeypointRCNN
from torchvision.models.detection.roi_heads import keypointrcnn_loss

from gaittake.pose.detector import build_detector
from gaittake.pose.optimise import Batch, detector_loss
from gaittake.settings import Detector

SIZES = {"equal": [(96, 64), (96, 64)], "different": [(96, 64), (80, 72)]}
INPUTS = {"the network's": (64, 96), "smaller": (48, 72)}


def model_of(min_size: int, max_size: int) -> KeypointRCNN:
    """Returns a small detector in training mode, which takes all proposals and draws none."""
    torch.manual_seed(0)
    sizes = {"backbone": "small", "min_size": min_size, "max_size": max_size}
    model = build_detector(Detector.model_validate(sizes)).train()
    for sampler in (model.rpn.fg_bg_sampler, model.roi_heads.fg_bg_sampler):
        sampler.batch_size_per_image = 100_000
    return model


def batch(sizes: list[tuple[int, int]]) -> Batch:
    """Returns an image of noise of each size, with a person whose last keypoint has no label."""
    generator = torch.Generator().manual_seed(1)
    images, targets = [], []
    for rows, columns in sizes:
        images.append(torch.randint(0, 256, (3, rows, columns), generator=generator).byte())
        points = 12 + torch.rand(1, 17, 2, generator=generator) * torch.tensor([30.0, 60])
        known = torch.ones(1, 17, 1)
        known[:, -1] = 0
        targets.append(
            {
                "boxes": torch.tensor([[10.0, 8, 46, 76]]),
                "labels": torch.ones(1, dtype=torch.int64),
                "keypoints": torch.cat([points, known], dim=2),
            }
        )
    return Batch(images, targets)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=list(SIZES))
@pytest.mark.parametrize("inputs", INPUTS.values(), ids=list(INPUTS))
def test_the_loss_of_detection_is_that_of_the_whole_model(
    sizes: list[tuple[int, int]], inputs: tuple[int, int]
) -> None:
    samples = batch(sizes)
    found = detector_loss(model_of(*inputs), samples, boxes_given=False)
    expected = model_of(*inputs)([image / 255 for image in samples.images], samples.targets)
    assert set(expected) > {"loss_keypoint", "loss_objectness"}
    together = float(sum(loss.detach() for loss in expected.values()))
    assert float(found.detach()) == pytest.approx(together, rel=1e-4)


def test_with_given_boxes_the_loss_is_that_of_the_keypoints_in_them() -> None:
    model, samples = model_of(64, 96), batch(SIZES["equal"])
    found = detector_loss(model, samples, boxes_given=True)
    heads = model.roi_heads
    prepared, _ = model.transform([image / 255 for image in samples.images])
    boxes = [target["boxes"] for target in samples.targets]
    features = model.backbone(prepared.tensors)
    pooled = heads.keypoint_roi_pool(features, boxes, prepared.image_sizes)
    heatmaps = heads.keypoint_predictor(heads.keypoint_head(pooled))
    labels = [target["keypoints"] for target in samples.targets]
    person = [torch.tensor([0])] * 2
    expected = keypointrcnn_loss(heatmaps, boxes, labels, person)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)


def test_with_given_boxes_only_backbone_and_keypoint_head_learn() -> None:
    model = model_of(64, 96)
    detector_loss(model, batch(SIZES["equal"]), boxes_given=True).backward()
    moved = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    heads = {name for name, p in model.roi_heads.named_parameters() if p.grad is not None}
    assert moved == {"backbone", "roi_heads"}
    assert heads
    assert all(name.startswith("keypoint") for name in heads)
