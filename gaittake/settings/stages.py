"""The settings that each stage reads, as one small record per stage.

A rule passes its stage's record as one canonical JSON string. So Snakemake re-runs only the stages
whose own settings changed, and a stage cannot read a setting that its rule does not track.
"""

import hashlib
import json
from typing import Any

from pydantic import Field

from gaittake.settings.dataset import Align, Evaluate, Settings
from gaittake.settings.networks import learns
from gaittake.settings.pose import Detector, PoseTraining, PseudoLabel
from gaittake.settings.protocol import Protocol
from gaittake.settings.section import Place, Section
from gaittake.settings.source import Source, Walkers
from gaittake.settings.training import Train


class RenderStage(Section):
    """Settings of `render`."""

    walkers: Walkers
    subjects: tuple[str, ...]


class SegmentStage(Section):
    """Settings of `segment`."""

    source: Source
    subjects: tuple[str, ...]


class IndexStage(Section):
    """Settings of `index`."""

    source: Source
    subjects: tuple[str, ...]


class CheckStage(Section):
    """Settings of `check`.

    Attributes:
        dataset: its name.
        protocol: gallery, probes and views.
        train_subjects: those that networks are trained on.
        test_subjects: those that are evaluated.
        largest_batch: the method with the most subjects in a training batch, and their number;
            empty if no method is trained on this dataset.
        labels: whether pseudo-labels are made, which requires colour.
        rendered: whether the project renders the dataset.
    """

    dataset: str
    protocol: Protocol
    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    largest_batch: dict[str, int]
    labels: bool
    rendered: bool


class SurveyStage(Section):
    """Settings of `survey`; `frames` is the length of the longest training clip of all methods."""

    source: Source
    protocol: Protocol
    frames: int


class TeacherStage(Section):
    """Settings of `teacher`."""

    seed: int
    weights: str
    people: int
    walkers: Walkers
    detector: Detector
    boxes: str = "detected"
    training: PoseTraining


class CollectStage(Section):
    """Settings of `collect`: files and folders of keypoints."""

    files: tuple[Place, ...]


class AssignKeypointsStage(Section):
    """Settings of `assign-keypoints`; `max_shift` as in PseudoLabel."""

    max_shift: int
    subjects: tuple[str, ...]


class AssignLabelsStage(Section):
    """Settings of `assign-labels`; `subjects` are training subjects only."""

    pseudo_label: PseudoLabel
    subjects: tuple[str, ...]


class PseudoLabelStage(Section):
    """Settings of `pseudo-label`; `subjects` are training subjects only."""

    detector: Detector
    boxes: str = "detected"
    pseudo_label: PseudoLabel
    batch: int
    subjects: tuple[str, ...]


class FinetuneStage(Section):
    """Settings of `finetune`; `subjects` are the training subjects that are not held out."""

    seed: int
    detector: Detector
    boxes: str = "detected"
    training: PoseTraining
    subjects: tuple[str, ...]


class PredictStage(Section):
    """Settings of `predict`; `boxes` may be `known`: whole frames, in silhouettes' boxes.

    `follow` is missing in model files of before it existed, whose students were used without it.
    """

    detector: Detector
    boxes: str
    follow: bool = False
    precision: str = "auto"
    batch: int

    @property
    def finds_people(self) -> bool:
        """Whether the student must find the people in whole frames."""
        return self.boxes == "detected"


class QualityStage(Section):
    """Settings of `quality`: subjects held out of fine-tuning, and test subjects."""

    held_out: tuple[str, ...]
    test_subjects: tuple[str, ...]


class CacheStage(Section):
    """Settings of `cache`.

    Attributes:
        align: how silhouettes are aligned.
        keypoints: whether it holds keypoints, too.
        own_keypoints: whether these are the sequences' own, which the index names.
    """

    align: Align
    keypoints: bool = True
    own_keypoints: bool = False


class TrainStage(Section):
    """Settings of `train`; `model` has the fields of the network's section."""

    seed: int
    network: str
    model: dict[str, Any]
    train: Train
    keypoints: str = "predicted"
    noise: float = 0.0
    subjects: tuple[str, ...]

    @property
    def learns(self) -> bool:
        """Whether the network is trained."""
        return learns(self.network)


class EmbedStage(Section):
    """Settings of `embed`; `model` as in TrainStage.

    `train_subjects` are those of the weights; None: the weights are another dataset's.
    """

    network: str
    model: dict[str, Any]
    keypoints: str = "predicted"
    noise: float = 0.0
    subjects: tuple[str, ...]
    train_subjects: tuple[str, ...] | None = None

    @property
    def learns(self) -> bool:
        """Whether the network is trained."""
        return learns(self.network)


class EvaluateStage(Section):
    """Settings of `evaluate`.

    `subjects` are for the test, `trained_on` is the lending dataset, if any. `unpublished` has the
    settings that differ from the published ones, `train.steps`: `2 instead of 80000`.
    """

    dataset: str
    method: str
    seed: int = 0
    protocol: Protocol
    evaluate: Evaluate
    trained_on: str | None = None
    synthetic: bool
    note: str = ""
    subjects: tuple[str, ...]
    unpublished: dict[str, str] = Field({})


class CompareStage(Section):
    """Settings of `compare`; `methods` are the rows of the table, in their order."""

    dataset: str
    table: str
    layout: str
    same_view: bool
    methods: tuple[str, ...] = ()


class ReportStage(Section):
    """Settings of `report`.

    `changed` has the non-default settings; `keypoints_from` is that of Settings. `rendered_student`
    names the rendered people from whom the student of the keypoints learnt; empty: from none.
    """

    dataset: str
    layout: str
    synthetic: bool
    note: str = ""
    protocol: Protocol
    distance: str
    held_out: tuple[str, ...]
    test_subjects: tuple[str, ...]
    keypoints_from: str = "teacher"
    rendered_student: str = ""
    changed: dict[str, str]


def changed(settings: Settings) -> dict[str, str]:
    """Returns the settings that differ from the defaults, as `{"train.steps": "1000"}`."""
    usual = _flat(Settings(dataset=settings.dataset, note=settings.note).model_dump(mode="json"))
    return {
        name: v
        for name, v in _flat(settings.model_dump(mode="json")).items()
        if usual.get(name) != v
    }


def _flat(content: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{name}.")
        else:
            found[before + name] = json.dumps(value, ensure_ascii=False)
    return found


def canonical(section: Section) -> str:
    """Returns a stage's settings as one JSON string; equal settings give equal strings."""
    return _text(section.model_dump(mode="json"))


def decisive(section: Section) -> str:
    """Returns the settings that a training's result depends on, as `canonical`.

    They lack how often it is saved: that may change while it runs.
    """

    def chosen(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: chosen(each) for name, each in value.items() if name != "checkpoint_every"}

    return _text(chosen(section.model_dump(mode="json")))


def _text(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


def digest_of(section: Section) -> str:
    """Returns the settings' SHA-256 digest, its first 16 hexadecimal digits."""
    return hashlib.sha256(canonical(section).encode()).hexdigest()[:16]
