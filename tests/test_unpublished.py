"""Settings that differ from the published ones are found, and only those."""

import pytest

from gaittake.pipeline.origin import unpublished
from gaittake.settings import load_settings
from tests.workflow.project import REPOSITORY


@pytest.mark.parametrize("dataset", ["casiab", "oumvlp", "walkers", "smoke"])
def test_the_presets_differ_in_nothing(dataset: str) -> None:
    settings = load_settings(REPOSITORY / "config" / f"{dataset}.yaml")
    for method in (*settings.methods, "gaitset", "gaitgl_iccv", "gaittake_plus"):
        assert unpublished(settings, method) == {}


@pytest.mark.parametrize(
    ("changes", "method", "expected"),
    [
        (("train.steps=2",), "gaittake", {"train.steps": "2 instead of 80000"}),
        (("train.log_every=2",), "gaittake", {}),
        (
            ("pose.finetune.steps=5", "model.embedding=8"),
            "gaittake",
            {"model.embedding": "8 instead of 128", "pose.finetune.steps": "5 instead of 9000"},
        ),
        (
            ("methods={gaittake: {train: {frames: 9}}}",),
            "gaittake",
            {"train.frames": "9 instead of 30"},
        ),
        (("train.steps=2",), "gei", {}),
    ],
)
def test_a_change_of_casiabs_preset_is_named(
    changes: tuple[str, ...], method: str, expected: dict[str, str]
) -> None:
    settings = load_settings(REPOSITORY / "config" / "casiab.yaml", changes)
    assert unpublished(settings, method) == expected
