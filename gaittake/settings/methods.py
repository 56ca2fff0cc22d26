"""The rows of the tables: the paper's methods, and GaitTAKE with one change each."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gaittake.settings.networks import learns
from gaittake.settings.section import Place, Section


class Method(Section):
    """A row of a table: a network, with changes of its settings, training and keypoints."""

    network: Literal[
        "gei",
        "energynet",
        "gaitset",
        "gaitpart",
        "mt3d",
        "gaitgl",
        "gaitbase",
        "deepgaitv2",
        "skeletongait_plus",
        "gaittake",
    ] = Field("gaittake", description="the network; PAPER 3, or a peer's own paper")
    model: dict[str, Any] = Field(
        {}, description="changes of the dataset's model, or of the peer's size; yours"
    )
    train: dict[str, Any] = Field(
        {}, description="changes of the dataset's train, or of the peer's recipe; yours"
    )
    keypoints: Literal["predicted", "truth"] = Field(
        "predicted", description="'predicted', or 'truth': the renderer's (walkers only); PAPER 3.2"
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="added to the keypoints, share of the body's height; project default",
    )
    weights: Place | None = Field(
        None,
        description="weights file to test in place of a training, for example one that `gaittake "
        "weights import` wrote; model then starts from the network's defaults; yours",
    )

    @model_validator(mode="after")
    def _trains_something(self) -> Self:
        if self.train and not learns(self.network):
            raise ValueError(f"train: {self.network} is not trained; remove train")
        return self

    @model_validator(mode="after")
    def _weights_are_of_something(self) -> Self:
        if self.weights is None:
            return self
        if not learns(self.network):
            raise ValueError(f"weights: {self.network} has no weights; remove them")
        if self.train:
            raise ValueError("weights: the network is not trained; remove train, or the weights")
        return self

    @property
    def learns(self) -> bool:
        """Whether the method trains a network."""
        return learns(self.network) and self.weights is None


def _changed(model: dict[str, Any] | None = None, **other: Any) -> Method:
    return Method.model_validate({"model": model or {}} | other)


# Methods that every dataset has without defining them.
KNOWN: dict[str, Method] = {
    "gei": Method(network="gei"),
    "energynet": Method(network="energynet"),
    "gaitset": Method(network="gaitset"),
    "gaitpart": Method(network="gaitpart"),
    "mt3d": Method(network="mt3d"),
    "gaitgl": Method(network="gaitgl"),
    "gaitgl_iccv": Method(
        network="gaitgl",
        model={"head": "iccv"},
        train={"cross_entropy": 1.0, "weight_decay": 5e-4},
    ),
    "gaitbase": Method(network="gaitbase"),
    "deepgaitv2": Method(network="deepgaitv2"),
    "skeletongait_plus": Method(network="skeletongait_plus"),
    "gaittake": Method(),
    "silhouettes_only": _changed({"keypoints": False}),
    "keypoints_only": _changed({"silhouettes": False}),
    "max_over_time": _changed({"temporal": "max"}),
    "mean_over_time": _changed({"temporal": "mean"}),
    "attention_flat": _changed({"attention_input": "flat"}),
    "attention_strips": _changed({"attention_input": "strips"}),
    "lta": _changed({"lta": True}),
    "clip_5": _changed({"clip_length": 5}),
    "clip_10": _changed({"clip_length": 10}),
    "clip_15": _changed({"clip_length": 15}),
    "clip_30": _changed({"clip_length": 30}),
    "adaptive": _changed(train={"loss": "adaptive"}),
    "batch_all": _changed(train={"loss": "batch_all"}),
    "batch_hard": _changed(train={"loss": "batch_hard"}),
    "true_keypoints": _changed(keypoints="truth"),
    "noise_1": _changed(keypoints="truth", noise=0.01),
    "noise_2": _changed(keypoints="truth", noise=0.02),
    "noise_4": _changed(keypoints="truth", noise=0.04),
    # Beyond the paper.
    "pose_encoder": _changed({"pose_channels": 64}),
    "skeleton_maps": _changed({"skeleton_maps": True}),
    "attention_fusion": _changed({"fusion": "attention", "map_deviation": 1 / 16}),
    "pose_apart": _changed({"pose_channels": 64, "fusion": "apart"}),
    "bnneck": _changed(train={"cross_entropy": 1.0, "neck": True}),
    "mirror": _changed(train={"mirror": 0.5}),
    # The additions that improved the results, together.
    "gaittake_plus": _changed(
        {"pose_channels": 64, "fusion": "apart"}, train={"cross_entropy": 1.0, "neck": True}
    ),
}
PEERS = ("gei", "gaitset", "gaitpart", "gaitgl", "mt3d", "gaittake")
ABLATION = (
    "gaittake",
    "silhouettes_only",
    "keypoints_only",
    "max_over_time",
    "mean_over_time",
    "attention_flat",
    "attention_strips",
    "lta",
    "clip_5",
    "clip_10",
    "clip_15",
    "clip_30",
    "adaptive",
    "batch_all",
    "batch_hard",
    "pose_encoder",
    "pose_apart",
    "skeleton_maps",
    "attention_fusion",
    "bnneck",
    "mirror",
    "gaittake_plus",
)
# Rows that need the renderer's true keypoints.
TRUTH = ("true_keypoints", "noise_1", "noise_2", "noise_4")
