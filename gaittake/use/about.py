"""What a model file says of its model: settings, calibration, origin."""

import json
from typing import Any, Literal

from pydantic import Field, model_validator

from gaittake.settings import Align, Count, PredictStage, Section, follows_order
from gaittake.use.calibration import Calibration

STRIDE_FRAMES = 25  # about one stride (two steps) at 25 frames per second


class Origin(Section):
    """How a model was trained and measured."""

    dataset: str = Field(description="dataset of the measurement")
    trained_on: str = Field(description="dataset of the training")
    method: str = Field(description="method of the dataset")
    synthetic: bool = Field(description="whether the people of the measurement are rendered")
    trained_synthetic: bool | None = Field(
        description="whether those of the training are; null: unknown (weights of a file), or not "
        "trained"
    )
    trained_fps: float | None = Field(
        None,
        gt=0,
        description="frames per second of the training's recordings, or of the measurement's if "
        "nothing was trained; null: unknown",
    )
    note: str = Field(description="note of the dataset, printed with every table")
    training_subjects: int = Field(ge=0, description="number of training subjects; 0: not trained")
    training: str = Field(description="settings of the training, JSON; `none`: not trained")
    data_digest: str = Field(description="digest of the cache used for the measurement")

    @model_validator(mode="before")
    @classmethod
    def _as_measured(cls, content: Any) -> Any:
        """Fills in what model files of before do not say: all were trained as measured."""
        if not isinstance(content, dict) or "trained_synthetic" in content:
            return content
        trained = content.get("synthetic") if content.get("training_subjects") else None
        return content | {"trained_synthetic": trained}

    @property
    def training_frames(self) -> int:
        """Frames of a training clip; 0 for a network that is not trained, or not by gaittake."""
        training = {} if self.training == "none" else json.loads(self.training)
        return int(training.get("train", {}).get("frames", 0))

    @property
    def reliable_frames(self) -> int:
        """Frames that a sequence should have at least: a training clip, and a whole stride."""
        return max(STRIDE_FRAMES, self.training_frames)


class About(Section):
    """Everything in a model file except the weights."""

    network: str = Field(description="name of the network")
    model: dict[str, Any] = Field(description="arguments of the network")
    parts: Count = Field(description="parts of an embedding, p")
    embedding: Count = Field(description="numbers of each part, d")
    keypoints: Literal["none", "student", "truth", "given"] = Field(
        description="keypoints the network takes: none, the student's, a renderer's true ones, or "
        "those of another program, given by the user"
    )
    predict: PredictStage | None = Field(description="settings of keypoint prediction")
    align: Align = Field(description="settings of silhouette alignment")
    distance: Literal["parts", "flat"] = Field(description="distance between embeddings")
    calibration: Calibration
    same_view: bool = Field(description="whether the calibration includes pairs within one view")
    origin: Origin

    @property
    def fps(self) -> float | None:
        """Frames per second that recordings should have; None: unknown, or any will do."""
        return self.origin.trained_fps if self.follows_order else None

    @property
    def follows_order(self) -> bool:
        """Whether embeddings depend on the order of the frames, and so on their rate."""
        return follows_order(self.network, self.model)

    @property
    def requires_keypoints(self) -> bool:
        """Whether the user must give the keypoints: the file has no student to predict them."""
        return self.keypoints in ("truth", "given")
