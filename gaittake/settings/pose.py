"""Settings of stage one: the keypoint detectors, their training, and the choice of labels."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from gaittake.settings.section import (
    Count,
    Files,
    OtherDataset,
    Section,
    Share,
    expanded,
)


class Detector(Section):
    """The keypoint R-CNN of the teacher and the student."""

    backbone: Literal["resnet50", "small"] = Field(
        "resnet50",
        description="'resnet50': torchvision's ResNet-50-FPN; 'small': for a laptop; ASSUME: "
        "torchvision's",
    )
    min_size: int = Field(800, ge=32, description="a frame's shorter side, pixels; torchvision's")
    max_size: int = Field(
        1333, ge=32, description="a frame's longer side at most, pixels; torchvision's"
    )

    @model_validator(mode="after")
    def _sides(self) -> Self:
        if self.min_size > self.max_size:
            raise ValueError(
                f"min_size: {self.min_size}, the shorter side, is above max_size: {self.max_size}, "
                "the longer one; lower it, or raise max_size"
            )
        return self


class PoseTraining(Section):
    """How a detector is trained."""

    steps: Count = Field(9000, description="optimiser steps; ASSUME")
    batch: Count = Field(8, description="frames per step; ASSUME")
    learning_rate: float = Field(1e-4, gt=0, description="AdamW's peak learning rate; ASSUME")
    mirror: bool = Field(
        False, description="also train on mirrored frames, left and right swapped; project default"
    )
    precision: Literal["auto", "float32"] = Field(
        "auto",
        description="'auto' computes in bfloat16 if the GPU or CPU supports it; project default",
    )
    checkpoint_every: Count = Field(100, description="steps between checkpoints; project default")


class PseudoLabel(Section):
    """Which of the teacher's detections become pseudo-labels."""

    every: Count = Field(5, description="label every n-th frame; ASSUME")
    min_iou: Share = Field(
        0.5, description="minimum IoU of the boxes of detection and silhouette, 0…1; ASSUME"
    )
    min_score: Share = Field(0.9, description="minimum score of a detection, 0…1; ASSUME")
    min_confidence: Share = Field(
        0.5, description="minimum confidence of a keypoint to be a label, 0…1; ASSUME"
    )
    max_shift: int = Field(
        3,
        ge=0,
        description="largest shift tried between the frame numbers of video and silhouettes, "
        "frames; project default",
    )


class Pose(Section):
    """Stage one: predicts 17 keypoints for each silhouette."""

    student_from: OtherDataset | None = Field(
        None, description="dataset whose student is borrowed instead of training one; PAPER 3.2"
    )
    keypoints: Literal["predicted", "truth", "none"] = Field(
        "predicted",
        description="'predicted': the student's; 'truth': the renderer's (walkers only); 'none': "
        "silhouettes only, without stage one; PAPER 3.2",
    )
    labels: Files = Field(
        (),
        description="files of keypoints that another program found in the colour frames, COCO "
        "results or CSV, as labels in place of the teacher's; yours",
    )
    teacher_weights: Annotated[str, AfterValidator(expanded)] = Field(
        "coco",
        description="'coco': torchvision's; 'walkers': trained here on rendered people; or a "
        "file of weights. The student starts from them, also with pose.labels (ASSUME); PAPER 3.2",
    )
    teacher_people: Count = Field(
        2400, description="rendered people that train a 'walkers' teacher; project default"
    )
    detector: Detector = Detector()
    teacher: PoseTraining = Field(
        PoseTraining(), description="for a 'walkers' teacher; project default"
    )
    pseudo_label: PseudoLabel = PseudoLabel()
    finetune: PoseTraining = Field(PoseTraining(), description="for the student; PAPER 3.2")
    holdout_every: int = Field(
        8,
        ge=2,
        description="hold out every n-th training subject to measure the student; ASSUME",
    )
    boxes: Literal["detected", "silhouette"] = Field(
        "detected",
        description="where keypoints are searched: 'detected' in whole frames; 'silhouette' in "
        "frames cropped to its box, and the student learns to find keypoints alone, not people; "
        "PAPER 3.2",
    )
    proposals: bool = Field(
        True,
        description="predict whole frames with the detector's own boxes, as published; false: only "
        "in the silhouette's box and its surroundings, faster; project default",
    )
    follow: bool = Field(
        True,
        description="tell left and right elbows, wrists, knees and ankles apart by following them "
        "through the sequence; false: each frame by itself; ASSUME",
    )
    precision: Literal["auto", "float32"] = Field(
        "auto",
        description="'auto' predicts in bfloat16 if the GPU or CPU supports it; project default",
    )
    batch: Count = Field(16, description="frames per batch of prediction; project default")
