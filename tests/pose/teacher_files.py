"""Small weights files for teachers: each weight is one number, expanded."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import keypointrcnn_resnet50_fpn

from gaittake.errors import UserError
from gaittake.pose.detector import load_detector
from gaittake.pose.teacher import train_teacher
from gaittake.settings import Detector, PoseTraining, TeacherStage, Walkers

RESNET = Detector(backbone="resnet50", min_size=64, max_size=96)
CPU = torch.device("cpu")
State = dict[str, Tensor]


def resnet_weights() -> State:
    """Returns weights for torchvision's network, each key with another value."""
    with torch.device("meta"):
        model = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    named = [(n, v) for n, v in model.state_dict().items() if "num_batches" not in n]
    return {n: torch.tensor(i / 8).expand(v.shape) for i, (n, v) in enumerate(named)}


def older_name(name: str) -> str:
    """Returns the name of a weight in older versions of torchvision, as in the published file."""
    if name.startswith(("backbone.fpn.inner_blocks.", "backbone.fpn.layer_blocks.")):
        return name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
    return name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")


def write_published(folder: Path) -> Path:
    """Writes a file like the published one: with older names, and its hash in the file name."""
    torch.save({older_name(name): v for name, v in resnet_weights().items()}, folder / "weights")
    digest = hashlib.sha256((folder / "weights").read_bytes()).hexdigest()
    return (folder / "weights").rename(folder / f"keypointrcnn_coco-{digest[:8]}.pth")


def stage(weights: Path | str, detector: Detector) -> TeacherStage:
    """Returns the settings of a teacher from these weights."""
    return TeacherStage(
        seed=0,
        weights=str(weights),
        people=4,
        walkers=Walkers(subjects=1),
        detector=detector,
        training=PoseTraining(steps=1, batch=2),
    )


def refusal(weights: Path | str, tmp_path: Path, detector: Detector = RESNET) -> str:
    """Returns the error message of a failed teacher; checks that it is one line without a file."""
    out = tmp_path / "teacher.pt"
    with pytest.raises(UserError) as caught:
        train_teacher(stage(weights, detector), checkpoints=tmp_path, out=out, device=CPU, code="x")
    assert not out.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_published(out: Path) -> None:
    """Checks that a teacher has all weights of the published file."""
    values, found = resnet_weights(), load_detector(out, RESNET).state_dict()
    assert set(found) == set(values)
    for name, value in values.items():
        assert torch.equal(found[name], value), name
