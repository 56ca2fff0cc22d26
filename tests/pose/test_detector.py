"""The detector: torchvision's network for resnet50; valid and invalid files."""

from pathlib import Path

import pytest
import torch
from torchvision.models.detection import (
    KeypointRCNN_ResNet50_FPN_Weights,
    keypointrcnn_resnet50_fpn,
)

from gaittake.errors import UserError
from gaittake.pose.detector import build_detector, load_detector, save_detector
from gaittake.pose.teacher import train_teacher
from tests.pose.teacher_files import CPU, RESNET, stage
from tests.pose.tiny import SMALL


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the keys and shapes of torchvision's published file."""
    torch.manual_seed(1)
    state = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    kept = {name: value for name, value in state.items() if "num_batches" not in name}
    path = tmp_path_factory.mktemp("weights") / "published.pth"
    torch.save(kept, path)
    return path


def test_resnet50_has_torchvisions_keys_and_shapes(published: Path) -> None:
    wanted = torch.load(published, weights_only=True)
    found = build_detector(RESNET).state_dict()
    assert {n: v.shape for n, v in found.items()} == {n: v.shape for n, v in wanted.items()}


def test_published_weights_give_torchvisions_detections(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(published, weights_only=True)
    monkeypatch.setattr(
        KeypointRCNN_ResNet50_FPN_Weights, "get_state_dict", lambda *_, **__: dict(state)
    )
    reference = keypointrcnn_resnet50_fpn(
        weights=KeypointRCNN_ResNet50_FPN_Weights.COCO_V1, min_size=64, max_size=96
    ).eval()
    train_teacher(
        stage("coco", RESNET), checkpoints=tmp_path, out=tmp_path / "t.pt", device=CPU, code="x"
    )
    model = load_detector(tmp_path / "t.pt", RESNET).eval()
    for detector in (reference, model):
        # The keypoint head takes half a minute for the usual thousand proposals.
        detector.rpn._post_nms_top_n["testing"] = 20
        detector.roi_heads.detections_per_img = 2
    image = torch.rand(3, 64, 96)
    with torch.inference_mode():
        expected, found = reference([image])[0], model([image])[0]
    assert len(expected["scores"]) > 0
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_a_detector_round_trips_through_its_file(weights: Path, tmp_path: Path) -> None:
    model = load_detector(weights, SMALL)
    save_detector(model, SMALL, tmp_path / "again.pt")
    again = load_detector(tmp_path / "again.pt", SMALL)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_damaged_detector_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(UserError, match="not a weights file that can be read safely"):
        load_detector(tmp_path / "damaged.pt", SMALL)


def test_a_missing_detector_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_detector(tmp_path / "absent.pt", SMALL)


def test_a_state_dict_is_not_a_detector_of_this_pipeline(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "bare.pt")
    with pytest.raises(UserError, match="a detector of this pipeline is required"):
        load_detector(tmp_path / "bare.pt", SMALL)


def test_a_detector_of_another_backbone_is_an_error(weights: Path) -> None:
    with pytest.raises(UserError, match="'resnet50' is required, this one has 'small'"):
        load_detector(weights, RESNET)
