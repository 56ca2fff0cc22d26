"""How each network is trained: the published recipes, and how a dataset changes them.

Every method trains with the recipe that its authors published; GaitTAKE's is the default of
`train`. A dataset's changes to `train` apply to every method: the same number of subjects,
sequences and frames and the same learning rate, and steps and milestones scaled by one factor.
What defines a method, such as its loss and the order of its frames, stays as published.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gaittake.settings.networks import Size
from gaittake.settings.section import Count, Section, Share


class Train(Section):
    """How the network is trained."""

    subjects_per_batch: int = Field(8, ge=2, description="P, subjects per batch; PAPER 4.1")
    sequences_per_subject: int = Field(
        8, ge=2, description="K, sequences per subject in a batch; PAPER 4.1"
    )
    frames: Count = Field(30, description="frames per clip; PAPER 4.1")
    steps: Count = Field(80_000, description="optimiser steps; ASSUME: GaitGL")
    optimiser: Literal["adam", "sgd"] = Field(
        "adam", description="'sgd': with a momentum of 0.9; ASSUME: GaitGL"
    )
    learning_rate: float = Field(
        1e-4, gt=0, description="learning rate of the optimiser; ASSUME: GaitGL"
    )
    milestones: tuple[Count, ...] = Field(
        (70_000,), description="steps at which the learning rate falls; ASSUME: GaitGL"
    )
    decay: float = Field(
        0.1, gt=0, le=1, description="factor of the learning rate at each milestone; ASSUME: GaitGL"
    )
    loss: Literal["adaptive", "batch_all", "batch_all_self", "batch_hard"] = Field(
        "adaptive",
        description="weights of the triplet loss, eq. 11; 'batch_all_self': all triplets, also "
        "those whose positive is the anchor (GaitSet, OpenGait); ASSUME: Ristani & Tomasi 2018",
    )
    margin: float = Field(0.2, ge=0, description="m of eq. 11, a distance; ASSUME: GaitGL")
    precision: Literal["auto", "float32"] = Field(
        "auto",
        description="'auto' computes in bfloat16 if the GPU or CPU supports it; project default",
    )
    log_every: Count = Field(20, description="steps between rows of train.csv; project default")
    checkpoint_every: Count = Field(200, description="steps between checkpoints; project default")
    order: Literal["consecutive", "sorted", "any"] = Field(
        "consecutive",
        description="frames of a clip: 'consecutive'; 'sorted': drawn in order from a window a "
        "third longer; 'any': drawn from the whole sequence in any order; PAPER 4.1",
    )
    weight_decay: float = Field(0.0, ge=0, description="weight decay (L2); ASSUME: none")
    cross_entropy: float = Field(
        0.0,
        ge=0,
        description="weight of a loss that classifies the training subjects; PAPER 3.3: none",
    )
    neck: bool = Field(
        False,
        description="batch norm before the classifier (BNNeck, Luo et al. 2019); PAPER 3.3",
    )
    cosine: float = Field(
        0.0,
        ge=0,
        description="factor of the cosine in the classifier's scores, OpenGait's is 16; 0: linear "
        "scores; project default",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the classifier's target that all classes share; project default",
    )
    mirror: Share = Field(
        0.0, description="0…1, share of the clips that are mirrored; project default"
    )
    rotate: Share = Field(
        0.0, description="0…1, share of the clips rotated by up to 10 degrees; project default"
    )
    perspective: Share = Field(
        0.0, description="0…1, share of the clips seen in another perspective; project default"
    )
    erase: Share = Field(
        0.0, description="0…1, share of the clips with a rectangle erased; project default"
    )
    corrupt: Share = Field(
        0.0, description="0…1, share of the clips that get faults of real masks; project default"
    )

    @field_validator("neck", "cosine", "label_smoothing")
    @classmethod
    def _belongs_to_cross_entropy(cls, value: float, found: ValidationInfo) -> float:
        if value and not found.data.get("cross_entropy"):
            raise ValueError(
                "it is a part of cross_entropy, which is 0 here; set cross_entropy as well"
            )
        return value


def untrained_neck(model: Mapping[str, Any], train: Train) -> str:
    """Returns what is wrong if a network has a BNNeck that its training leaves out, else ''."""
    behind = [f"model.{name}" for name in ("neck", "head") if model.get(name) in (True, "bnneck")]
    if not behind or train.neck:
        return ""
    return (
        f"{behind[0]}: its embeddings are those behind a BNNeck, which is not trained: set "
        f"train.neck: true and train.cross_entropy: 1, or another {behind[0]}"
    )


# Differences from GaitTAKE's recipe for CASIA-B. ASSUME: 'batch_all' without the self-pairs of
# GaitSet's and OpenGait's code ('batch_all_self'). GaitSet, GaitPart, GaitGL: their papers; the
# milestones of GaitPart: ASSUME, OpenGait's. MT3D: ASSUME, GaitGL's (of the same first author).
# GaitBase, DeepGaitV2: OpenGait's; its window of a clip is up to 34 frames, 'sorted' takes up to
# 40. SkeletonGait++: ASSUME, its milestones for CCPG, DeepGaitV2's steps for OU-MVLP.
_ALL: dict[str, Any] = {"loss": "batch_all"}
_GAITSET = _ALL | {"order": "any", "sequences_per_subject": 16}
_GAITPART = _ALL | {"order": "sorted", "sequences_per_subject": 16}
_LONG = {"subjects_per_batch": 32, "steps": 250_000, "milestones": (150_000,)}
_GAITGL_LONG = {"subjects_per_batch": 32, "steps": 210_000, "milestones": (150_000, 200_000)}
_RESIDUAL = _ALL | {
    "optimiser": "sgd",
    "learning_rate": 0.1,
    "weight_decay": 5e-4,
    "cross_entropy": 1.0,
    "neck": True,
    "cosine": 16.0,
    "label_smoothing": 0.1,
}
_SHORT = {"sequences_per_subject": 16, "steps": 60_000, "milestones": (20_000, 40_000, 50_000)}
_RESIDUAL_LONG = {
    "subjects_per_batch": 32,
    "steps": 120_000,
    "milestones": (60_000, 80_000, 100_000),
}
_GAITBASE = _RESIDUAL | {"order": "any"}
_DEEP = _RESIDUAL | {"order": "sorted", "mirror": 0.2, "rotate": 0.2, "perspective": 0.2}
_CASIAB: dict[str, dict[str, Any]] = {
    "gaittake": {},
    "energynet": _ALL,
    "gaitset": _GAITSET | {"milestones": ()},
    "gaitpart": _GAITPART | {"steps": 120_000, "milestones": (100_000,)},
    "mt3d": _ALL,
    "gaitgl": _ALL,
    "gaitbase": _GAITBASE | _SHORT | {"rotate": 0.3, "erase": 0.3},
    "deepgaitv2": _DEEP | _SHORT,
    "skeletongait_plus": _DEEP | _SHORT | {"milestones": (20_000, 30_000, 40_000)},
}
RECIPES: dict[Size, dict[str, dict[str, Any]]] = {
    "casiab": _CASIAB,
    "oumvlp": {
        "gaittake": {"steps": 210_000, "milestones": (150_000,)},
        "energynet": _ALL,
        "gaitset": _GAITSET | _LONG,
        "gaitpart": _GAITPART | _LONG,
        "mt3d": _ALL | _GAITGL_LONG,
        "gaitgl": _ALL | _GAITGL_LONG,
        "gaitbase": _GAITBASE | _RESIDUAL_LONG,
        "deepgaitv2": _DEEP | _RESIDUAL_LONG,
        "skeletongait_plus": _DEEP | _RESIDUAL_LONG,
    },
    "small": _CASIAB,
}
# Fields that define a method: a dataset's `train` changes them for GaitTAKE only.
OWN = frozenset(
    (
        "optimiser",
        "loss",
        "margin",
        "order",
        "weight_decay",
        "cross_entropy",
        "neck",
        "cosine",
        "label_smoothing",
        "mirror",
        "rotate",
        "perspective",
        "erase",
    )
)


def published(network: str, size: Size) -> Train:
    """Returns a network's published recipe; GaitTAKE's if the network has none."""
    return Train.model_validate(RECIPES[size].get(network, {}))


def peer_recipe(network: str, size: Size, train: Train) -> dict[str, Any]:
    """Returns how a peer of GaitTAKE trains on a dataset.

    Args:
        network: the peer.
        size: which of its published recipes.
        train: GaitTAKE's training on the dataset.

    Returns:
        Fields of Train: the peer's published recipe, with those values of `train` that differ from
        GaitTAKE's published recipe. Steps and milestones of `train` are multiplied by the ratio of
        the peer's published steps to GaitTAKE's. A learning rate is for one optimiser only.
    """
    gaittake, peer = published("gaittake", size), published(network, size)
    changed = {
        name: value
        for name, value in train.model_dump().items()
        if value != getattr(gaittake, name) and name not in OWN
    }
    if peer.optimiser != train.optimiser:
        changed.pop("learning_rate", None)
    ratio = peer.steps / gaittake.steps
    if "steps" in changed:
        changed["steps"] = max(1, round(train.steps * ratio))
    if "milestones" in changed:
        changed["milestones"] = tuple(max(1, round(step * ratio)) for step in train.milestones)
    elif "steps" in changed:
        factor = train.steps / gaittake.steps
        changed["milestones"] = tuple(max(1, round(step * factor)) for step in peer.milestones)
    return peer.model_dump() | changed
