"""The presets of the real datasets at a tiny size."""

from typing import Any

import yaml

from tests.workflow.passers import DETECTOR
from tests.workflow.project import Project

Nested = dict[str, Any]
BOTH: Nested = {
    "shard_subjects": 10,
    "pose": {"detector": DETECTOR.model_dump()},
    "train": {
        "subjects_per_batch": 2,
        "sequences_per_subject": 2,
        "frames": 8,
        "steps": 4,
        "milestones": [3],
    },
    "methods": {"gei": {"network": "gei"}, "gaittake": {}},
}
TINY: dict[str, Nested] = {
    "casiab": {
        "protocol": {
            "train_subjects": ["001..004"],
            "test_subjects": ["075", "077..079"],
            "views": [36, 90],
            "partial": True,
        },
        "pose": {
            "teacher_weights": "data/teacher.pt",
            "holdout_every": 3,
            "finetune": {"steps": 4, "batch": 4},
            "pseudo_label": {"every": 2, "min_score": 0.3, "min_iou": 0.3},
        },
        "model": {"channels": [4, 8, 8, 8], "clip_length": 4, "embedding": 8},
    },
    "oumvlp": {
        "protocol": {
            "train_subjects": ["00001..00005..2"],
            "test_subjects": ["00002..00006..2", "10307"],
            "views": [0, 90, 270],
            "partial": True,
        },
        "model": {"channels": [4, 8, 8, 8, 8, 8], "clip_length": 4, "embedding": 8},
    },
}


def make_tiny(project: Project, dataset: str, changes: Nested) -> None:
    """Changes sizes in a preset; where the data lies stays as it is."""
    path = project.folder / "config" / f"{dataset}.yaml"
    settings = yaml.safe_load(path.read_text())
    for more in (BOTH, changes):
        update(settings, more)
    path.write_text(yaml.safe_dump(settings))


def update(settings: Nested, changes: Nested) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(settings.get(name), dict):
            update(settings[name], value)
        else:
            settings[name] = value
