"""How each network is trained: the published recipes, and what a dataset changes of them.

Every method trains by the recipe that its authors published; GaitTAKE's are the defaults of
`train`. What a dataset's `train` changes of GaitTAKE's recipe changes for all: another number of
subjects, sequences, frames or learning rate holds for every method, steps and milestones become
shorter by one factor, and what defines a method (its loss, the order of frames) stays its own.
"""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gaittake.settings.networks import Size
from gaittake.settings.section import Count, Section


class Train(Section):
    """How the network is trained."""

    subjects_per_batch: int = Field(8, ge=2, description="P, subjects; PAPER 4.1")
    sequences_per_subject: int = Field(8, ge=2, description="K, sequences; PAPER 4.1")
    frames: Count = Field(30, description="frames of a clip; PAPER 4.1")
    steps: Count = Field(80_000, description="steps of the optimiser; ASSUME: GaitGL")
    learning_rate: float = Field(1e-4, gt=0, description="Adam's, a step; ASSUME: GaitGL")
    milestones: tuple[Count, ...] = Field(
        (70_000,), description="steps where it falls; ASSUME: GaitGL"
    )
    decay: float = Field(0.1, gt=0, le=1, description="factor at each milestone; ASSUME: GaitGL")
    loss: Literal["adaptive", "batch_all", "batch_hard"] = Field(
        "adaptive", description="weights of eq. 11; ASSUME: Ristani & Tomasi 2018"
    )
    margin: float = Field(0.2, ge=0, description="m of eq. 11, a distance; ASSUME: GaitGL")
    precision: Literal["auto", "float32"] = Field(
        "auto", description="'auto': bfloat16 where the GPU or CPU computes in it; ours"
    )
    log_every: Count = Field(20, description="steps between two rows of train.csv; ours")
    checkpoint_every: Count = Field(200, description="steps between two checkpoints; ours")
    order: Literal["consecutive", "sorted", "any"] = Field(
        "consecutive",
        description="which frames make a clip: consecutive ones; 'sorted': some of a window a "
        "third longer; 'any': any of the sequence, in any order; PAPER 4.1",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="Adam's, factor of the squared weights; ASSUME: none"
    )
    cross_entropy: float = Field(
        0.0, ge=0, description="factor of a loss that names the training subjects; PAPER 3.3: none"
    )
    neck: bool = Field(
        False, description="batch normalisation before it (BNNeck, Luo et al. 2019); PAPER 3.3"
    )
    mirror: bool = Field(False, description="half of the clips exchange left and right; ours")

    @field_validator("neck")
    @classmethod
    def _belongs_to_cross_entropy(cls, neck: bool, found: ValidationInfo) -> bool:
        if neck and not found.data.get("cross_entropy"):
            raise ValueError("it is a part of cross_entropy, which is 0 here; raise that too")
        return neck


# What differs from GaitTAKE's for CASIA-B. GaitSet, GaitPart, GaitGL: their papers; the milestones
# of GaitPart: ASSUME, OpenGait's. MT3D: ASSUME, GaitGL's (of the same first author).
_ALL: dict[str, Any] = {"loss": "batch_all"}
_GAITSET = _ALL | {"order": "any", "sequences_per_subject": 16}
_GAITPART = _ALL | {"order": "sorted", "sequences_per_subject": 16}
_LONG = {"subjects_per_batch": 32, "steps": 250_000, "milestones": (150_000,)}
_GAITGL_LONG = {"subjects_per_batch": 32, "steps": 210_000, "milestones": (150_000, 200_000)}
_CASIAB = {
    "gaittake": {},
    "gaitset": _GAITSET | {"milestones": ()},
    "gaitpart": _GAITPART | {"steps": 120_000, "milestones": (100_000,)},
    "mt3d": _ALL,
    "gaitgl": _ALL,
}
RECIPES: dict[Size, dict[str, dict[str, Any]]] = {
    "casiab": _CASIAB,
    "oumvlp": {
        "gaittake": {"steps": 210_000, "milestones": (150_000,)},
        "gaitset": _GAITSET | _LONG,
        "gaitpart": _GAITPART | _LONG,
        "mt3d": _ALL | _GAITGL_LONG,
        "gaitgl": _ALL | _GAITGL_LONG,
    },
    "small": _CASIAB,
}
# Fields that define a method: a dataset's `train` does not change them for the peers.
OWN = frozenset(("loss", "margin", "order", "weight_decay", "cross_entropy", "neck", "mirror"))


def published(network: str, size: Size) -> Train:
    """Returns a network's published recipe; GaitTAKE's where the network has none."""
    return Train.model_validate(RECIPES[size].get(network, {}))


def peer_recipe(network: str, size: Size, train: Train) -> dict[str, Any]:
    """Returns how a peer of GaitTAKE trains on a dataset.

    Args:
        network: whose recipe.
        size: where it was published.
        train: how GaitTAKE trains on the dataset.

    Returns:
        Fields of Train: the peer's published recipe; where `train` differs from GaitTAKE's
        published one, the value of `train`. Steps and milestones of `train` are multiplied by the
        ratio of the peer's published steps to GaitTAKE's.
    """
    ours, theirs = published("gaittake", size), published(network, size)
    changed = {
        name: value
        for name, value in train.model_dump().items()
        if value != getattr(ours, name) and name not in OWN
    }
    ratio = theirs.steps / ours.steps
    if "steps" in changed:
        changed["steps"] = max(1, round(train.steps * ratio))
    if "milestones" in changed:
        changed["milestones"] = tuple(max(1, round(step * ratio)) for step in train.milestones)
    elif "steps" in changed:
        factor = train.steps / ours.steps
        changed["milestones"] = tuple(max(1, round(step * factor)) for step in theirs.milestones)
    return theirs.model_dump() | changed
