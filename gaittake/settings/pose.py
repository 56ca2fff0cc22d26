"""Settings of stage one: the detectors, how they are trained, which of their finds are labels."""

from typing import Literal

from pydantic import Field

from gaittake.settings.section import Count, Section, Share


class Detector(Section):
    """The keypoint R-CNN of the teacher and the student."""

    backbone: Literal["resnet50", "small"] = Field(
        "resnet50",
        description="torchvision's ResNet-50-FPN, or ours for a laptop; ASSUME: torchvision's",
    )
    min_size: int = Field(800, ge=32, description="pixels of a frame's shorter side; torchvision's")
    max_size: int = Field(1333, ge=32, description="pixels of a frame's longer side; torchvision's")


class PoseTraining(Section):
    """How a detector is trained."""

    steps: Count = Field(9000, description="steps of the optimiser; ASSUME")
    batch: Count = Field(8, description="frames a step; ASSUME")
    learning_rate: float = Field(1e-4, gt=0, description="AdamW's, a step, at its peak; ASSUME")
    mirror: bool = Field(
        False, description="also learn frames mirrored, left and right swapped; ours"
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="'auto': bfloat16 where the GPU or CPU computes in it; ours"
    )
    checkpoint_every: Count = Field(100, description="steps between two checkpoints; ours")


class PseudoLabel(Section):
    """Which detections of the teacher become labels."""

    every: Count = Field(5, description="one of so many frames is labelled; ASSUME")
    min_iou: Share = Field(0.5, description="0…1, detection's and silhouette's box; ASSUME")
    min_score: Share = Field(0.9, description="0…1, of the detection; ASSUME")
    min_confidence: Share = Field(0.3, description="0…1, below it a joint is not learnt; ASSUME")
    max_shift: int = Field(3, ge=0, description="frames, video against silhouettes; ours")


class Pose(Section):
    """Stage one: from frames to 17 keypoints for each silhouette."""

    student_from: str | None = Field(None, description="dataset that lends its student; PAPER 3.2")
    keypoints: Literal["predicted", "truth"] = Field(
        "predicted", description="by the student, or 'truth': the walkers' own; PAPER 3.2"
    )
    teacher_weights: str = Field(
        "coco", description="'coco', 'walkers' (made here), or a file of weights; PAPER 3.2"
    )
    teacher_people: Count = Field(2400, description="rendered people of a 'walkers' teacher; ours")
    detector: Detector = Detector()
    teacher: PoseTraining = Field(PoseTraining(), description="of a 'walkers' teacher; ours")
    pseudo_label: PseudoLabel = PseudoLabel()
    finetune: PoseTraining = Field(PoseTraining(), description="of the student; PAPER 3.2")
    holdout_every: int = Field(
        8, ge=2, description="one training subject in so many is held out; ours"
    )
    boxes: Literal["detected", "silhouette"] = Field(
        "detected",
        description="where keypoints are sought, 'silhouette': frames cut to its box; PAPER 3.2",
    )
    proposals: bool = Field(
        True,
        description="predict whole frames with the detector's own boxes, as published; false: in "
        "the silhouettes', seeing of a frame only what is around them; ours",
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="predict, 'auto': bfloat16 where the GPU or CPU computes in it; ours"
    )
    batch: Count = Field(16, description="frames predicted at once; ours")
