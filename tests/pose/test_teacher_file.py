"""The teacher from a local file: valid files, and the messages for invalid ones."""

from pathlib import Path

import pytest
import torch

from gaittake.errors import UserError
from gaittake.pose.detector import build_detector, load_detector, save_detector
from gaittake.pose.teacher import local_weights, train_teacher
from tests.pose.teacher_files import (
    CPU,
    RESNET,
    assert_published,
    refusal,
    stage,
    write_published,
)
from tests.pose.tiny import SMALL


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


def test_the_published_file_works_as_a_local_file(published: Path, tmp_path: Path) -> None:
    out = tmp_path / "teacher.pt"
    train_teacher(stage(published, RESNET), checkpoints=tmp_path, out=out, device=CPU, code="x")
    assert_published(out)


def test_a_detector_of_this_pipeline_works_as_a_local_file(tmp_path: Path) -> None:
    torch.manual_seed(4)
    model = build_detector(SMALL)
    save_detector(model, SMALL, tmp_path / "mine.pt")
    out = tmp_path / "teacher.pt"
    train_teacher(
        stage(tmp_path / "mine.pt", SMALL), checkpoints=tmp_path, out=out, device=CPU, code="x"
    )
    found = load_detector(out, SMALL).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(found[name], value), name


def test_a_missing_local_file_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    message = refusal(tmp_path / "absent.pth", tmp_path)
    assert message.startswith(
        f"{tmp_path / 'absent.pth'}: no such file, but pose.teacher_weights names it"
    )


def test_other_keys_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    state = build_detector(SMALL).state_dict()
    first, second = list(state)[:2]
    del state[first], state[second]
    state["stranger.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "wrong.pth")
    message = refusal(tmp_path / "wrong.pth", tmp_path, SMALL)
    assert message.startswith(f"{tmp_path / 'wrong.pth'}: weights of another network: 2 missing")
    assert f"(first: ['{first}', '{second}'])" in message
    assert "1 unexpected (first: ['stranger.weight'])" in message
    assert "pose.detector.backbone" in message


def test_other_shapes_are_named_with_found_and_required_shape(tmp_path: Path) -> None:
    state = build_detector(SMALL).state_dict()
    name = "roi_heads.keypoint_predictor.kps_score_lowres.bias"
    state[name] = torch.zeros(3)  # three keypoints
    torch.save(state, tmp_path / "wrong.pth")
    message = refusal(tmp_path / "wrong.pth", tmp_path, SMALL)
    assert f"{name} has shape (3,), (17,) is required" in message
    assert "one class besides the background, and 17 keypoints" in message


def test_weights_of_another_backbone_are_an_error(published: Path, tmp_path: Path) -> None:
    message = refusal(published, tmp_path, SMALL)
    assert message.startswith(f"{published}: weights of another network")
    assert "pose.detector.backbone" in message


@pytest.mark.parametrize("content", [{"model": {}, "epoch": 3}, {"state": 3}, {1: torch.zeros(1)}])
def test_a_file_of_other_content_is_an_error(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "wrong.pth")
    message = refusal(tmp_path / "wrong.pth", tmp_path, SMALL)
    assert message.startswith(f"{tmp_path / 'wrong.pth'}: weights of another network")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_file_that_is_not_a_torch_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "wrong.pth").write_bytes(content)
    message = refusal(tmp_path / "wrong.pth", tmp_path)
    assert "not a weights file that can be read safely" in message


class Code:
    """An object that writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_local_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Code(tmp_path / "ran")}, tmp_path / "wrong.pth")
    with pytest.raises(UserError, match="not a weights file that can be read safely"):
        local_weights(tmp_path / "wrong.pth")
    assert not (tmp_path / "ran").exists()
