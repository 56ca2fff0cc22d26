"""Typed settings of every stage. Defaults are the paper's; a dataset's YAML states what differs.

Each field names its unit and where its value comes from: PAPER with the section or equation, or
ASSUME where the paper is silent. Cores, GPUs and memory are not settings: they belong to profiles.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

CASIAB_VIEWS = tuple(range(0, 181, 18))
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A group of settings: unknown names are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Section):
    """Where the sequences come from."""

    layout: Literal["walkers", "casiab", "oumvlp"] = Field(
        "casiab", description="how the folders are laid out; 'walkers' are rendered by the project"
    )
    silhouettes: tuple[Path, ...] = Field((), description="folders of silhouettes")
    videos: tuple[Path, ...] = Field((), description="folders of RGB videos; none: no RGB")


class Walkers(Section):
    """The embedded dataset: people rendered by the project, in CASIA-B's layout."""

    seed: int = Field(0, ge=0, description="what everybody is drawn from")
    subjects: Count = Field(48, description="generated people, named 001, 002, …")
    bodies: Count = Field(8, description="body shapes that they share")
    subjects_per_gait: Count = Field(2, description="people who share one gait")
    views: tuple[int, ...] = Field(CASIAB_VIEWS, description="degrees; 90 is the side view")
    normal: Count = Field(6, description="normal walks of each, nm-01, nm-02, …")
    bag: int = Field(2, ge=0, description="walks with a bag, bg-01, …")
    coat: int = Field(2, ge=0, description="walks in a coat, cl-01, …")
    frames: int = Field(24, ge=8, description="frames of a sequence")
    width: int = Field(160, ge=64, description="pixels")
    height: int = Field(120, ge=48, description="pixels")
    fps: int = Field(25, ge=5, description="frames a second, as CASIA-B's videos")
    spread: float = Field(
        1.0, gt=0, le=2, description="differences between people; 1: the recorded people's"
    )
    variation: float = Field(
        1.0, ge=0, le=2, description="differences between a person's walks; 1: the recorded ones'"
    )
    noise: Share = Field(1.0, description="raggedness of the silhouettes; 1 is that of subtraction")
    recorded: Path | None = Field(
        None, description="recorded walks (.npz, its .csv beside it) to render as test subjects"
    )


class Protocol(Section):
    """Who trains, who tests, what is gallery and what is probe. `first..last..step` is a range."""

    train_subjects: tuple[str, ...] = Field(("001..074",), description="CASIA-B LT, PAPER 4")
    test_subjects: tuple[str, ...] = Field(
        ("075..124",), description="CASIA-B LT, PAPER 4; 'recorded': those of walkers.recorded"
    )
    gallery: tuple[str, ...] = ("nm-01..nm-04",)
    probes: dict[str, tuple[str, ...]] = Field(
        {"nm": ("nm-05..nm-06",), "bg": ("bg-01..bg-02",), "cl": ("cl-01..cl-02",)},
        description="sequences of each condition",
    )
    same_view: bool = Field(False, description="count pairs of identical views; PAPER table 1: no")
    partial: bool = Field(False, description="allow view pairs without a single sequence")


class Detector(Section):
    """The keypoint R-CNN of the teacher and the student."""

    backbone: Literal["resnet50", "small"] = Field(
        "resnet50",
        description="torchvision's ResNet-50-FPN, or a narrow network of our own for a laptop",
    )
    min_size: int = Field(800, ge=32, description="pixels of the shorter side; torchvision's")
    max_size: int = Field(1333, ge=32, description="pixels of the longer side; torchvision's")


class PoseTraining(Section):
    """How a detector is trained."""

    steps: Count = 9000
    batch: Count = Field(8, description="images a step")
    learning_rate: float = Field(1e-4, gt=0, description="peak; warm-up, then cosine; AdamW")
    checkpoint_every: Count = Field(100, description="steps")


class PseudoLabel(Section):
    """Which detections of the teacher become labels."""

    every: Count = Field(5, description="one frame in so many; ASSUME")
    min_iou: Share = Field(0.5, description="of the detection's and the silhouette's box; ASSUME")
    min_score: Share = Field(0.9, description="of the detection; ASSUME")
    min_confidence: Share = Field(0.3, description="below it a joint is not visible; ASSUME")
    max_shift: int = Field(3, ge=0, description="frames tried between video and silhouettes")


class Pose(Section):
    """Stage one: from frames to 17 keypoints for each silhouette."""

    student_from: str | None = Field(None, description="dataset whose student is used; no RGB here")
    keypoints: Literal["predicted", "exact"] = Field(
        "predicted", description="'exact' (walkers only): the renderer's own joints"
    )
    teacher_weights: str = Field(
        "coco", description="'coco': torchvision's file; 'walkers': trained here; or a file"
    )
    teacher_people: Count = Field(2400, description="rendered people for the 'walkers' teacher")
    detector: Detector = Detector()
    teacher: PoseTraining = PoseTraining()
    pseudo_label: PseudoLabel = PseudoLabel()
    finetune: PoseTraining = PoseTraining()
    holdout_every: int = Field(8, ge=2, description="one training subject in so many is held out")
    boxes: Literal["detected", "silhouette"] = Field(
        "detected", description="where keypoints are looked for; 'silhouette' skips the proposals"
    )
    batch: Count = Field(16, description="frames predicted at once")


class Align(Section):
    """Silhouettes as the network takes them (GaitSet's and OpenGait's steps)."""

    height: int = Field(64, ge=16, description="pixels; PAPER 3.1 through GaitGL")
    width: int = Field(44, ge=11, description="pixels; PAPER 3.1 through GaitGL")
    min_mass: int = Field(10_000, ge=0, description="sum of pixel values below which a frame goes")


class Model(Section):
    """The GaitTAKE network."""

    channels: tuple[Count, ...] = Field(
        (32, 64, 128, 128), min_length=3, description="stem, then each GLConv; ASSUME: GaitGL v1"
    )
    strips: Count = Field(8, description="m of eq. 2; ASSUME: GaitGL v1")
    shrink: Count = Field(1, description="side of the average pool on the input; 1: none, PAPER")
    lta: bool = Field(False, description="GaitGL's local temporal aggregation; PAPER eq. 1-6: no")
    clip_length: Count = Field(10, description="frames, L of eq. 6; ASSUME")
    temporal: Literal["attention", "max", "mean"] = Field("attention", description="PAPER eq. 7-9")
    attention_input: Literal["flat", "strips"] = Field("flat", description="PAPER eq. 5: flat")
    attention_width: Count = Field(256, description="channels of δ1; ASSUME")
    pose_attention_width: Count = Field(64, description="channels of the pose branch's δ1; ASSUME")
    silhouettes: bool = Field(True, description="use the silhouettes")
    keypoints: bool = Field(True, description="use the keypoints; PAPER 3.2")
    gem_power: float = Field(6.5, gt=0, description="initial p of eq. 10; ASSUME: GaitGL v1")
    embedding: Count = Field(128, description="numbers of each of the C embeddings; ASSUME")


class Train(Section):
    """How the network is trained."""

    subjects_per_batch: int = Field(8, ge=2, description="P; PAPER 4.1")
    sequences_per_subject: int = Field(8, ge=2, description="K; PAPER 4.1")
    frames: Count = Field(30, description="consecutive frames of a clip; PAPER 4.1")
    steps: Count = Field(80_000, description="ASSUME: GaitGL")
    learning_rate: float = Field(1e-4, gt=0, description="Adam; ASSUME: GaitGL")
    milestones: tuple[Count, ...] = Field((70_000,), description="steps where it falls; ASSUME")
    decay: float = Field(0.1, gt=0, le=1, description="factor at each milestone; ASSUME")
    loss: Literal["adaptive", "batch_all", "batch_hard"] = Field(
        "adaptive", description="weights of eq. 11; ASSUME: Ristani & Tomasi 2018"
    )
    margin: float = Field(0.2, ge=0, description="m of eq. 11; ASSUME: GaitGL")
    precision: Literal["auto", "float32"] = Field(
        "auto", description="'auto': bfloat16 where the GPU or CPU computes in it"
    )
    log_every: Count = Field(20, description="steps")
    checkpoint_every: Count = Field(200, description="steps")


class Method(Section):
    """A row of the table: a network, and what differs from the dataset's `model` and `train`."""

    network: Literal["gaittake", "gei"] = "gaittake"
    model: dict[str, Any] = {}
    train: dict[str, Any] = {}


class Evaluate(Section):
    """How embeddings are compared."""

    distance: Literal["parts", "flat"] = Field(
        "parts", description="mean over the C embeddings of Euclidean distances, or one; ASSUME"
    )


class Settings(Section):
    """Everything that a dataset's YAML may say."""

    dataset: str
    note: str = Field("", description="what stands beside every table of this dataset")
    seed: int = Field(0, ge=0, description="of training")
    shard_subjects: Count = Field(16, description="subjects handled by one job")
    source: Source = Source()
    walkers: Walkers = Walkers()
    protocol: Protocol = Protocol()
    pose: Pose = Pose()
    align: Align = Align()
    model: Model = Model()
    train: Train = Train()
    methods: dict[str, Method] = {"gei": Method(network="gei"), "gaittake": Method()}
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _resolve_methods(self) -> Self:
        """A method's overrides are checked when the file is read, not hours later."""
        for name in self.methods:
            if not re.fullmatch(r"[a-z0-9_]+", name):
                raise ValueError(f"methods.{name}: a name has a-z, 0-9 and _ only")
            self.method_model(name)
            self.method_train(name)
        return self

    def method_model(self, method: str) -> Model:
        """Returns the network's settings for one method."""
        return Model.model_validate(self.model.model_dump() | self.methods[method].model)

    def method_train(self, method: str) -> Train:
        """Returns the training's settings for one method."""
        return Train.model_validate(self.train.model_dump() | self.methods[method].train)
