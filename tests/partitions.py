"""Partition files in the place where a dataset's settings expect them."""

import json
import re
from pathlib import Path


def write_partition(settings: Path, root: Path) -> None:
    """Writes the file that a settings file names as its partition, below `root`, if it does."""
    named = re.search(r"partition: ([^,}\s]+)", settings.read_text(encoding="utf-8"))
    if named:
        path = root / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        sets = {
            "TRAIN_SET": [f"{number:04d}" for number in range(40)],
            "TEST_SET": [f"{number:04d}" for number in range(50, 56)],
            "PROBE_SET": ["0050-camid0_videoid2-seq0"],
        }
        path.write_text(json.dumps(sets))
