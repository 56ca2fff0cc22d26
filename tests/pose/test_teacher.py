"""The teacher from COCO: downloaded, from torch hub's folder, or missing."""

from pathlib import Path

import pytest
import torch
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights

from gaittake.pose.teacher import coco_weights, train_teacher
from tests.pose.teacher_files import (
    CPU,
    RESNET,
    assert_published,
    older_name,
    refusal,
    resnet_weights,
    stage,
    write_published,
)
from tests.pose.tiny import SMALL

OFFLINE = "http://127.0.0.1:1"  # no server


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder; it does not exist yet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def publish(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the address that torchvision downloads the published file from."""
    monkeypatch.setattr(KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.value, "url", url)


def test_the_address_in_the_docs_is_torchvisions_and_ends_with_a_hash() -> None:
    url = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.url
    assert url in (Path(__file__).parents[2] / "docs" / "casiab.md").read_text()
    assert url.startswith("https://download.pytorch.org/models/keypointrcnn_resnet50_fpn_coco-")
    assert torch.hub.HASH_REGEX.search(url.rpartition("/")[2])


def test_the_published_file_is_downloaded_and_becomes_the_teacher(
    published: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(published.as_uri(), monkeypatch)
    out = tmp_path / "teacher.pt"
    train_teacher(stage("coco", RESNET), checkpoints=tmp_path, out=out, device=CPU, code="x")
    assert [path.name for path in cache.iterdir()] == [published.name]
    assert_published(out)


def test_a_file_in_torch_hubs_folder_requires_no_network(
    published: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(f"{OFFLINE}/{published.name}", monkeypatch)
    cache.mkdir(parents=True)
    (cache / published.name).write_bytes(published.read_bytes())
    state, place = coco_weights("resnet50")
    assert place == cache / published.name
    assert "rpn.head.conv.weight" in state
    assert "backbone.fpn.inner_blocks.3.weight" in state
    assert {name: value.shape for name, value in state.items()} == {
        older_name(name): value.shape for name, value in resnet_weights().items()
    }


def test_a_failed_download_is_one_line_with_the_address_and_the_folder(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(f"{OFFLINE}/models/keypointrcnn_coco-0123abcd.pth", monkeypatch)
    message = refusal("coco", tmp_path)
    assert message.startswith(f"{OFFLINE}/models/keypointrcnn_coco-0123abcd.pth: ")
    assert "refused" in message
    assert "on a machine with internet access" in message
    assert f"copy it to {cache}/keypointrcnn_coco-0123abcd.pth" in message
    assert "pose.teacher_weights" in message


def test_without_torch_home_the_folder_is_below_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    publish(f"{OFFLINE}/keypointrcnn_coco-0123abcd.pth", monkeypatch)
    place = tmp_path / ".cache/torch/hub/checkpoints/keypointrcnn_coco-0123abcd.pth"
    assert f"copy it to {place} " in refusal("coco", tmp_path)


def test_a_download_of_another_hash_is_an_error_and_not_kept(
    published: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = tmp_path / "keypointrcnn_coco-0123abcd.pth"
    renamed.write_bytes(published.read_bytes())
    publish(renamed.as_uri(), monkeypatch)
    message = refusal("coco", tmp_path)
    assert 'invalid hash value (expected "0123abcd"' in message
    assert not list(cache.iterdir())


def test_a_truncated_file_in_torch_hubs_folder_is_an_error(
    published: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(f"{OFFLINE}/{published.name}", monkeypatch)
    cache.mkdir(parents=True)
    content = published.read_bytes()
    (cache / published.name).write_bytes(content[: len(content) // 2])
    message = refusal("coco", tmp_path)
    assert message.startswith(f"{cache / published.name}: not torchvision's published file")
    assert f"{published.stem[-8:]} is required" in message
    assert "Delete it" in message


def test_a_folder_that_cannot_be_created_is_named(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    publish(published.as_uri(), monkeypatch)
    message = refusal("coco", tmp_path)
    assert str(tmp_path / "file" / "hub") in message
    assert "TORCH_HOME" in message


def test_coco_weights_require_resnet50(tmp_path: Path) -> None:
    assert "'small': the published COCO weights are of 'resnet50'" in refusal(
        "coco", tmp_path, SMALL
    )
