"""How each network is trained: the published recipes, and how a dataset changes them.

Every method trains with the recipe that its authors published; GaitTAKE's is the default of
`train`. A dataset's changes to `train` apply to every method: the same number of subjects,
sequences and frames and the same learning rate, and steps and milestones scaled by one factor.
What defines a method, such as its loss and the order of its frames, stays as published.
"""

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
    learning_rate: float = Field(1e-4, gt=0, description="Adam's learning rate; ASSUME: GaitGL")
    milestones: tuple[Count, ...] = Field(
        (70_000,), description="steps at which the learning rate falls; ASSUME: GaitGL"
    )
    decay: float = Field(
        0.1, gt=0, le=1, description="factor of the learning rate at each milestone; ASSUME: GaitGL"
    )
    loss: Literal["adaptive", "batch_all", "batch_hard"] = Field(
        "adaptive",
        description="weights of the triplet loss, eq. 11; ASSUME: Ristani & Tomasi 2018",
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
    weight_decay: float = Field(0.0, ge=0, description="Adam's weight decay (L2); ASSUME: none")
    cross_entropy: float = Field(
        0.0,
        ge=0,
        description="weight of a loss that classifies the training subjects; PAPER 3.3: none",
    )
    neck: bool = Field(
        False,
        description="batch norm before the classifier (BNNeck, Luo et al. 2019); PAPER 3.3",
    )
    mirror: bool = Field(False, description="mirror half of the clips; project default")
    corrupt: Share = Field(
        0.0, description="0…1, share of the clips that get faults of real masks; project default"
    )

    @field_validator("neck")
    @classmethod
    def _belongs_to_cross_entropy(cls, neck: bool, found: ValidationInfo) -> bool:
        if neck and not found.data.get("cross_entropy"):
            raise ValueError("it is a part of cross_entropy, which is 0 here; set that as well")
        return neck


# Differences from GaitTAKE's recipe for CASIA-B. GaitSet, GaitPart, GaitGL: their papers; the
# milestones of GaitPart: ASSUME, OpenGait's. MT3D: ASSUME, GaitGL's (of the same first author).
_ALL: dict[str, Any] = {"loss": "batch_all"}
_GAITSET = _ALL | {"order": "any", "sequences_per_subject": 16}
_GAITPART = _ALL | {"order": "sorted", "sequences_per_subject": 16}
_LONG = {"subjects_per_batch": 32, "steps": 250_000, "milestones": (150_000,)}
_GAITGL_LONG = {"subjects_per_batch": 32, "steps": 210_000, "milestones": (150_000, 200_000)}
_CASIAB = {
    "gaittake": {},
    "energynet": _ALL,
    "gaitset": _GAITSET | {"milestones": ()},
    "gaitpart": _GAITPART | {"steps": 120_000, "milestones": (100_000,)},
    "mt3d": _ALL,
    "gaitgl": _ALL,
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
    },
    "small": _CASIAB,
}
# Fields that define a method: a dataset's `train` changes them for GaitTAKE only.
OWN = frozenset(("loss", "margin", "order", "weight_decay", "cross_entropy", "neck", "mirror"))


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
        the peer's published steps to GaitTAKE's.
    """
    gaittake, peer = published("gaittake", size), published(network, size)
    changed = {
        name: value
        for name, value in train.model_dump().items()
        if value != getattr(gaittake, name) and name not in OWN
    }
    ratio = peer.steps / gaittake.steps
    if "steps" in changed:
        changed["steps"] = max(1, round(train.steps * ratio))
    if "milestones" in changed:
        changed["milestones"] = tuple(max(1, round(step * ratio)) for step in train.milestones)
    elif "steps" in changed:
        factor = train.steps / gaittake.steps
        changed["milestones"] = tuple(max(1, round(step * factor)) for step in peer.milestones)
    return peer.model_dump() | changed
