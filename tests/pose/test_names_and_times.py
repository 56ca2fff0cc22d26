"""Stage one and the cache with names beyond ASCII and frames named by time."""

from pathlib import Path

import numpy as np
import torch

from gaittake.data.build_cache import cache_shard, merge_caches
from gaittake.io.frames import frame_files
from gaittake.io.ragged import open_ragged
from gaittake.io.tables import read_rejects, write_sequences
from gaittake.pose.predict import predict_keypoints
from gaittake.settings import Align, CacheStage, PredictStage
from tests.pose.tiny import FRAMES, SMALL, Dataset

NAMES = ("Jörg", "张三", "Zoë")
BEGIN = 1_597_314_245_123  # milliseconds; more than 32 bits


def test_names_and_times_go_from_the_index_to_the_cache(
    dataset: Dataset, weights: Path, tmp_path: Path
) -> None:
    for sequence in dataset.sequences:
        for number, path in frame_files(sequence.silhouettes):
            path.rename(path.with_name(f"{BEGIN + 40 * number}.png"))
    sequences = [
        sequence._replace(subject=name)
        for sequence, name in zip(dataset.sequences, NAMES, strict=True)
    ]
    write_sequences(sequences, dataset.index)
    predict_keypoints(
        PredictStage(detector=SMALL, boxes="silhouette", precision="float32", batch=5),
        index=dataset.index,
        student=weights,
        out=tmp_path / "keypoints.h5",
        rejects=tmp_path / "rejects.csv",
        device=torch.device("cpu"),
    )
    with open_ragged(tmp_path / "keypoints.h5", kind="keypoints") as opened:
        assert opened.read("frame", 0, FRAMES).tolist() == [
            BEGIN + 40 * number for number in range(1, FRAMES + 1)
        ]
    cache_shard(
        CacheStage(align=Align(min_mass=100)),
        index=dataset.index,
        keypoints=tmp_path / "keypoints.h5",
        truth=None,
        out=tmp_path / "shard.h5",
        rejects=tmp_path / "cache.rejects.csv",
    )
    for name in ("rejects.csv", "cache.rejects.csv"):
        assert read_rejects(tmp_path / name) == []
    merge_caches(
        [tmp_path / "shard.h5"],
        index=[dataset.index],
        out=tmp_path / "cache.h5",
        out_sequences=tmp_path / "sequences.csv",
    )
    with open_ragged(tmp_path / "cache.h5", kind="cache") as cache:
        assert sorted(cache.sequences["subject"]) == sorted(NAMES)
        assert cache.sequences["frame_count"].tolist() == [FRAMES] * 3
        assert np.isfinite(cache.read("keypoints")).all()
