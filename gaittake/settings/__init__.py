"""Typed settings of a dataset, its networks and trainings, and the record of each stage.

Import from here. Defaults are the paper's; a dataset's YAML sets only what differs.
"""

from gaittake.settings.dataset import Align, Evaluate, Settings
from gaittake.settings.methods import Method
from gaittake.settings.networks import (
    PAPERS,
    SECTIONS,
    SIZES,
    GaitTakeModel,
    Size,
    follows_order,
    learns,
    uses_keypoints,
)
from gaittake.settings.opengait import OPENGAIT
from gaittake.settings.pose import Detector, Pose, PoseTraining, PseudoLabel
from gaittake.settings.protocol import Protocol
from gaittake.settings.read import describe, load_settings, split_changes
from gaittake.settings.section import Count, Section, Share
from gaittake.settings.source import Source, Walkers
from gaittake.settings.stages import (
    AssignKeypointsStage,
    AssignLabelsStage,
    CacheStage,
    CheckStage,
    CollectStage,
    CompareStage,
    EmbedStage,
    EvaluateStage,
    FinetuneStage,
    IndexStage,
    PredictStage,
    PseudoLabelStage,
    QualityStage,
    RenderStage,
    ReportStage,
    SegmentStage,
    SurveyStage,
    TeacherStage,
    TrainStage,
    canonical,
    changed,
    decisive,
    digest_of,
)
from gaittake.settings.text import settings_text
from gaittake.settings.training import Train

__all__ = [
    "OPENGAIT",
    "PAPERS",
    "SECTIONS",
    "SIZES",
    "Align",
    "AssignKeypointsStage",
    "AssignLabelsStage",
    "CacheStage",
    "CheckStage",
    "CollectStage",
    "CompareStage",
    "Count",
    "Detector",
    "EmbedStage",
    "Evaluate",
    "EvaluateStage",
    "FinetuneStage",
    "GaitTakeModel",
    "IndexStage",
    "Method",
    "Pose",
    "PoseTraining",
    "PredictStage",
    "Protocol",
    "PseudoLabel",
    "PseudoLabelStage",
    "QualityStage",
    "RenderStage",
    "ReportStage",
    "Section",
    "SegmentStage",
    "Settings",
    "Share",
    "Size",
    "Source",
    "SurveyStage",
    "TeacherStage",
    "Train",
    "TrainStage",
    "Walkers",
    "canonical",
    "changed",
    "decisive",
    "describe",
    "digest_of",
    "follows_order",
    "learns",
    "load_settings",
    "settings_text",
    "split_changes",
    "uses_keypoints",
]
