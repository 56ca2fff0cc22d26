"""Presets: one word in a dataset's file that sets many settings for a kind of machine."""

from typing import Any

# A dataset's own values replace those of its preset, section by section.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    # Trains in minutes on two cores: small networks, small crops, short clips.
    "laptop": {
        "size": "small",
        "pose": {
            "boxes": "silhouette",
            "batch": 64,
            "detector": {"backbone": "small", "min_size": 80, "max_size": 128},
        },
        "train": {
            "subjects_per_batch": 8,
            "sequences_per_subject": 4,
            "frames": 12,
            "steps": 1400,
            "learning_rate": 2e-3,
            "milestones": [1050],
            "loss": "batch_all",
        },
    },
}


def with_preset(content: dict[str, Any]) -> dict[str, Any]:
    """Returns what a file sets, completed by the preset it names."""
    preset = content.get("preset")
    return _merged(PRESETS.get(preset, {}) if isinstance(preset, str) else {}, content)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = base | own
    for name in base.keys() & own.keys():
        if isinstance(base[name], dict) and own[name] is None:
            merged[name] = base[name]
        elif isinstance(base[name], dict) and isinstance(own[name], dict):
            merged[name] = _merged(base[name], own[name])
    return merged
