"""What several tests need: a small cache of made-up sequences."""

from pathlib import Path

import numpy as np
import pytest

from gaittake.io.ragged import RaggedWriter
from gaittake.sequence import type_of


def write_cache(path: Path, *, subjects: int = 4, walks: int = 3, frames: int = 12) -> Path:
    """Writes a cache of blobs: each subject has its own place for them; lengths differ."""
    generator = np.random.default_rng(0)
    with RaggedWriter(
        path,
        kind="cache",
        arrays={"silhouettes": ("uint8", (16, 8)), "keypoints": ("float32", (17, 3))},
        attributes={"settings": "{}", "keypoints": "keypoints"},
    ) as out:
        for subject in range(1, subjects + 1):
            for walk in range(1, walks + 1):
                count = frames - walk
                silhouettes = generator.integers(0, 60, (count, 16, 8))
                silhouettes[:, subject * 2 : subject * 2 + 4] += 150
                out.append(
                    (f"{subject:03d}", type_of("nm", walk), "090"),
                    silhouettes=silhouettes.astype(np.uint8),
                    keypoints=generator.random((count, 17, 3), dtype=np.float32),
                )
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return write_cache(tmp_path / "cache.h5")
