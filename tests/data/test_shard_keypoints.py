"""Predicted and true keypoints in the cache, and noise on them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gaittake.data.build_cache import cache_shard, merge_caches
from gaittake.data.memory import Place
from gaittake.data.shard_keypoints import ShardKeypoints
from gaittake.data.store import gather_clips, gather_whole, load_store
from gaittake.errors import UserError
from gaittake.io.ragged import RaggedWriter, open_ragged
from gaittake.io.tables import read_sequences, write_sequences
from tests.data.test_build_cache import SETTINGS, index, write_dataset, write_keypoints

CPU = torch.device("cpu")
FRAMES = 9


def write_truth(path: Path, table: Path) -> None:
    """Writes keypoints 10 pixels below those of `write_keypoints`; frames are counted from 1."""
    with RaggedWriter(path, kind="truth", arrays={"joints": ("float32", (17, 2))}) as out:
        for s in read_sequences(table):
            points = np.zeros((FRAMES, 17, 2), dtype=np.float32)
            points[:, :, 0] = 25.0 * (np.arange(1, FRAMES + 1)[:, None] - 3)
            points[:, :, 1] = 85.0
            out.append(
                s.identity,
                joints=points,
            )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with `index.csv`, `keypoints.h5` and `truth.h5`."""
    write_dataset(tmp_path / "silhouettes")
    table = index(tmp_path / "silhouettes", tmp_path)
    write_keypoints(tmp_path / "keypoints.h5", table)
    write_truth(tmp_path / "truth.h5", table)
    return tmp_path


def build(files: Path, *, keypoints: bool, truth: bool) -> Path:
    """Returns the cache of these files."""
    cache_shard(
        SETTINGS,
        index=files / "index.csv",
        keypoints=files / "keypoints.h5" if keypoints else None,
        truth=files / "truth.h5" if truth else None,
        out=files / "cache.h5",
        rejects=files / "cache.rejects.csv",
    )
    return files / "cache.h5"


def test_true_and_predicted_keypoints_are_of_the_same_frames(files: Path) -> None:
    cache = build(files, keypoints=True, truth=True)
    predicted = load_store(cache, ["001"], CPU)
    truth = load_store(cache, ["001"], CPU, keypoints="truth")
    assert len(predicted.keypoints) == 6
    # The figure is 100 pixels tall: 10 pixels are a tenth of it.
    lower = truth.keypoints - predicted.keypoints
    assert lower[..., 1].numpy() == pytest.approx(0.1, abs=1e-5)
    assert lower[..., 0].numpy() == pytest.approx(0.0, abs=1e-5)
    assert (truth.keypoints[..., 2] == 1).all()


def test_without_predictions_the_truth_is_the_array_keypoints(files: Path) -> None:
    cache = build(files, keypoints=False, truth=True)
    with open_ragged(cache, kind="cache") as opened:
        assert set(opened.arrays) == {"silhouettes", "keypoints"}
    asked = load_store(cache, ["001"], CPU, keypoints="truth").keypoints
    assert torch.equal(asked, load_store(cache, ["001"], CPU).keypoints)


def test_true_keypoints_of_a_real_dataset_are_an_error_with_the_fix(files: Path) -> None:
    cache = build(files, keypoints=True, truth=False)
    with pytest.raises(UserError, match=r"only rendered .*; set its keypoints to 'predicted'"):
        load_store(cache, ["001"], CPU, keypoints="truth")


def silhouettes_only(files: Path) -> Path:
    """Returns a cache without keypoints."""
    cache_shard(
        SETTINGS.model_copy(update={"keypoints": False}),
        index=files / "index.csv",
        keypoints=None,
        truth=None,
        out=files / "without.h5",
        rejects=files / "without.rejects.csv",
    )
    return files / "without.h5"


@pytest.mark.parametrize("place", ["device", "cache"])
def test_a_cache_of_silhouettes_only_gives_batches_without_keypoints(
    files: Path, place: Place
) -> None:
    cache = silhouettes_only(files)
    with open_ragged(cache, kind="cache") as opened:
        assert set(opened.arrays) == {"silhouettes"}
        assert opened.attributes["keypoints"] == "none"
    store = load_store(cache, ["001"], CPU, keypoints="none", noise=0.1, place=place)
    batch = gather_clips(store, np.array([[0, 1], [4, 5]]))
    assert batch.keypoints.shape == (2, 2, 0, 3)
    usual = load_store(build(files, keypoints=True, truth=False), ["001"], CPU)
    assert torch.equal(batch.silhouettes, gather_clips(usual, np.array([[0, 1], [4, 5]]))[0])
    whole = gather_whole(store, [0, 1])
    assert (whole.silhouettes.shape, whole.keypoints.shape) == ((2, 3, 64, 44), (2, 3, 0, 3))
    with pytest.raises(UserError, match=r"without keypoints.*set pose.keypoints to 'predicted'"):
        load_store(cache, ["001"], CPU)


def test_shards_without_keypoints_are_merged(files: Path) -> None:
    shards, tables = [silhouettes_only(files)] * 2, [files / "index.csv"]
    merge_caches(shards, index=tables, out=files / "all.h5", out_sequences=files / "all.csv")
    with open_ragged(files / "all.h5", kind="cache") as opened:
        assert len(opened.sequences) == 8
        assert set(opened.arrays) == {"silhouettes"}


def test_keypoints_and_settings_must_agree(files: Path) -> None:
    with pytest.raises(UserError, match="a file of keypoints is required, found no file"):
        build(files, keypoints=False, truth=False)
    paths = {name: files / f"{name}.h5" for name in ("keypoints", "out")}
    with pytest.raises(UserError, match=r"pose\.keypoints is none, found .*keypoints.h5"):
        cache_shard(
            SETTINGS.model_copy(update={"keypoints": False}),
            index=files / "index.csv",
            truth=None,
            rejects=files / "rejects.csv",
            **paths,
        )


def test_a_sequence_keeps_the_path_of_its_own_keypoints(files: Path) -> None:
    first, *others = read_sequences(files / "index.csv")
    assert first.keypoints is None
    changed = [first._replace(keypoints=Path("a/b-pose.pkl")), *others]
    write_sequences(changed, files / "index.csv")
    assert read_sequences(files / "index.csv") == changed


def test_a_frame_needs_both_kinds(files: Path) -> None:
    with ShardKeypoints(files / "keypoints.h5", files / "truth.h5") as shard:
        sequence = read_sequences(files / "index.csv")[0]
        assert shard.arrays == ("keypoints", "truth")
        assert sorted(shard.of(sequence) or {}) == [7, 8, 9]
        assert shard.of(sequence._replace(subject="nobody")) == {}


def test_noise_has_the_set_size_and_is_the_same_each_time(files: Path) -> None:
    cache = build(files, keypoints=True, truth=True)
    clean = load_store(cache, ["001", "002"], CPU).keypoints
    noisy = load_store(cache, ["001", "002"], CPU, noise=0.02).keypoints
    moved = (noisy - clean)[..., :2]
    assert float(moved.std()) == pytest.approx(0.02, rel=0.1)
    assert torch.equal(noisy[..., 2], clean[..., 2])
    assert torch.equal(noisy, load_store(cache, ["001", "002"], CPU, noise=0.02).keypoints)
