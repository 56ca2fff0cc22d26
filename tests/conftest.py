"""What several tests need: a small cache of made-up sequences."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the files with slow tests first: the last one of two processes has less to wait for."""
    slow = {
        item.path
        for item in items
        if item.get_closest_marker("whole_run") or item.get_closest_marker("slow")
    }
    # Those of the cluster take the longest, and mostly wait.
    items.sort(key=lambda item: (item.path not in slow, item.path.name != "test_slurm.py"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return write_cache(tmp_path / "cache.h5")


@pytest.fixture
def tf32() -> Iterator[set[tuple[bool, bool]]]:
    """Allows TF32, as some containers do; where networks compute: in products, in convolutions."""
    backends = torch.backends
    seen: set[tuple[bool, bool]] = set()
    hook = register_module_forward_pre_hook(
        lambda *_: seen.add((backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32))
    )
    backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = True
    yield seen
    hook.remove()
    backends.cuda.matmul.allow_tf32 = False
    backends.cudnn.allow_tf32 = True
