"""The teacher from COCO: downloaded and checked, found in the cache, or a local file."""

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

OFFLINE = "http://127.0.0.1:1"  # nobody listens


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("published"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder, an empty one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def publish(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves the published file to another address; torchvision downloads and checks it there."""
    monkeypatch.setattr(KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.value, "url", url)


def test_the_address_and_hash_are_torchvisions_own_and_the_users_are_told() -> None:
    url = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.url
    assert url in (Path(__file__).parents[2] / "docs" / "casiab.md").read_text()
    assert url.startswith("https://download.pytorch.org/models/keypointrcnn_resnet50_fpn_coco-")
    assert torch.hub.HASH_REGEX.search(url.rpartition("/")[2])


def test_the_published_file_is_downloaded_checked_and_becomes_the_teacher(
    published: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(published.as_uri(), monkeypatch)
    out = tmp_path / "teacher.pt"
    train_teacher(stage("coco", RESNET), checkpoints=tmp_path, out=out, device=CPU)
    assert [path.name for path in cache.iterdir()] == [published.name]
    assert_published(out)


def test_a_file_in_torch_hubs_folder_needs_no_network(
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


def test_without_network_and_file_one_line_says_what_to_fetch_and_where_to_put_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(f"{OFFLINE}/models/keypointrcnn_coco-0123abcd.pth", monkeypatch)
    said = refusal("coco", tmp_path)
    assert said.startswith(f"{OFFLINE}/models/keypointrcnn_coco-0123abcd.pth: ")
    assert "refused" in said
    assert "on a machine that has network" in said
    assert f"put it at {cache}/keypointrcnn_coco-0123abcd.pth" in said
    assert "pose.teacher_weights" in said


def test_without_torch_home_the_file_belongs_below_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    publish(f"{OFFLINE}/keypointrcnn_coco-0123abcd.pth", monkeypatch)
    place = tmp_path / ".cache/torch/hub/checkpoints/keypointrcnn_coco-0123abcd.pth"
    assert f"put it at {place} " in refusal("coco", tmp_path)


def test_a_download_of_another_hash_is_refused_and_not_kept(
    published: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = tmp_path / "keypointrcnn_coco-0123abcd.pth"
    renamed.write_bytes(published.read_bytes())
    publish(renamed.as_uri(), monkeypatch)
    said = refusal("coco", tmp_path)
    assert 'invalid hash value (expected "0123abcd"' in said
    assert not list(cache.iterdir())


def test_a_cut_off_file_in_torch_hubs_folder_is_refused(
    published: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(f"{OFFLINE}/{published.name}", monkeypatch)
    cache.mkdir(parents=True)
    content = published.read_bytes()
    (cache / published.name).write_bytes(content[: len(content) // 2])
    said = refusal("coco", tmp_path)
    assert said.startswith(f"{cache / published.name}: not torchvision's published file")
    assert f"{published.stem[-8:]} is needed" in said
    assert "Delete it" in said


def test_a_cache_folder_that_cannot_be_made_is_named(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    publish(published.as_uri(), monkeypatch)
    said = refusal("coco", tmp_path)
    assert str(tmp_path / "file" / "hub") in said
    assert "TORCH_HOME" in said


def test_coco_weights_are_of_one_backbone(tmp_path: Path) -> None:
    assert "'small': the published COCO weights are of 'resnet50'" in refusal(
        "coco", tmp_path, SMALL
    )
