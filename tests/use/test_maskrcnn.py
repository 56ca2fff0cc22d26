"""Mask R-CNN: where its weights come from, and which person the mask shows."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

from gaittake.errors import UserError
from gaittake.use.maskrcnn import maskrcnn_masks, person_mask, published_maskrcnn
from tests.use.tiny import write_images

CPU = torch.device("cpu")
NAME = "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"


class Detector(nn.Module):
    """Returns one detection per label: its mask is one row of the image."""

    def __init__(self, labels: list[int], scores: list[float]) -> None:
        super().__init__()
        self.labels, self.scores = labels, scores

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        (image,) = images
        assert image.dtype == torch.float32
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
        masks = torch.zeros(len(self.labels), 1, *image.shape[1:])
        for row in range(len(self.labels)):
            masks[row, 0, row] = 0.9
        found = {"labels": torch.tensor(self.labels), "scores": torch.tensor(self.scores)}
        return [found | {"masks": masks}]


@pytest.mark.parametrize(
    ("labels", "scores", "row"),
    [([1], [0.9], 0), ([3, 1, 1], [0.99, 0.6, 0.8], 2), ([1, 1], [0.4, 0.3], None), ([], [], None)],
)
def test_the_mask_is_that_of_the_person_with_the_highest_score(
    labels: list[int], scores: list[float], row: int | None
) -> None:
    mask = person_mask(Detector(labels, scores), np.full((4, 6, 3), 255, np.uint8), CPU)
    expected = np.zeros((4, 6), np.uint8)
    if row is not None:
        expected[row] = 255
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, expected)


def test_every_frame_of_a_sequence_has_a_mask(tmp_path: Path) -> None:
    source = write_images(np.zeros((3, 8, 6, 3), np.uint8), tmp_path / "sequence")
    masks = list(maskrcnn_masks(source, Detector([1], [0.9]), device=CPU, rejects=[]))
    assert [(number, mask.shape) for number, mask in masks] == [(n, (8, 6)) for n in (1, 2, 3)]


def test_without_network_and_file_the_place_for_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(UserError) as error:
        published_maskrcnn()
    said = str(error.value)
    assert "\n" not in said
    for text in (
        "download of torchvision's COCO weights failed",
        str(tmp_path / "hub/checkpoints" / NAME),
        "background",
    ):
        assert text in said


def test_a_file_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(b"another")
    with pytest.raises(UserError, match=r"not torchvision's published file.*bf2d0c1e is required"):
        published_maskrcnn()


def test_the_published_weights_fit_and_the_model_returns_a_mask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    state = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(
        MaskRCNN_ResNet50_FPN_Weights.COCO_V1.__class__, "get_state_dict", lambda *_, **__: state
    )
    model = published_maskrcnn()
    assert not model.training
    frame = np.random.default_rng(0).integers(0, 255, (64, 48, 3)).astype(np.uint8)
    model.transform.min_size, model.transform.max_size = (64,), 64
    mask = person_mask(model, frame, CPU)
    assert mask.shape == (64, 48)
    assert set(np.unique(mask)) <= {0, 255}
