"""What each stage reads of the settings: one small record for each, and how it is made.

A rule passes its stage's record as one canonical JSON string. So Snakemake re-runs just those
stages whose own settings changed, and a stage cannot read a setting that its rule does not track.
"""

import json

from gaittake.settings import (
    Align,
    Detector,
    Evaluate,
    Model,
    PoseTraining,
    Protocol,
    PseudoLabel,
    Section,
    Source,
    Train,
    Walkers,
)


class RenderStage(Section):
    """Settings of `render`."""

    walkers: Walkers
    subjects: tuple[str, ...]


class IndexStage(Section):
    """Settings of `index`."""

    source: Source
    subjects: tuple[str, ...]


class TeacherStage(Section):
    """Settings of `teacher`."""

    seed: int
    weights: str
    people: int
    walkers: Walkers
    detector: Detector
    training: PoseTraining


class PseudoLabelStage(Section):
    """Settings of `pseudo-label`; `subjects` are training subjects only."""

    detector: Detector
    pseudo_label: PseudoLabel
    batch: int
    subjects: tuple[str, ...]


class FinetuneStage(Section):
    """Settings of `finetune`; `subjects` are the training subjects that are not held out."""

    seed: int
    detector: Detector
    training: PoseTraining
    subjects: tuple[str, ...]


class PredictStage(Section):
    """Settings of `predict`."""

    detector: Detector
    boxes: str
    batch: int


class QualityStage(Section):
    """Settings of `quality`: who was held out of fine-tuning, who tests."""

    held_out: tuple[str, ...]
    test_subjects: tuple[str, ...]


class CacheStage(Section):
    """Settings of `cache`."""

    align: Align


class TrainStage(Section):
    """Settings of `train`."""

    seed: int
    network: str
    model: Model
    train: Train
    subjects: tuple[str, ...]


class EmbedStage(Section):
    """Settings of `embed`."""

    network: str
    model: Model
    subjects: tuple[str, ...]


class EvaluateStage(Section):
    """Settings of `evaluate`; `subjects` are the test subjects."""

    dataset: str
    method: str
    protocol: Protocol
    evaluate: Evaluate
    synthetic: bool
    note: str = ""
    subjects: tuple[str, ...]


def canonical(section: Section) -> str:
    """Returns a stage's settings as one JSON string, the same for the same settings."""
    return json.dumps(section.model_dump(mode="json"), separators=(",", ":"))
