"""The networks' settings: a section for each network, and the sizes that were published.

Every field's default is the value that the network's authors used for CASIA-B. `shrink` is an
addition for small presets: it averages the silhouettes over squares of that many pixels.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from gaittake.settings.section import Count, Section

Size = Literal["casiab", "oumvlp", "small"]
SHRINK = "side of an average pool on the input, pixels; project default"


class GaitTakeModel(Section):
    """The GaitTAKE network."""

    channels: tuple[Count, ...] = Field(
        (32, 64, 128, 128),
        min_length=3,
        description="channels of the stem and of each GLConv; ASSUME: GaitGL v1",
    )
    strips: Count = Field(8, description="m of eq. 2, number of strips; ASSUME: GaitGL v1")
    shrink: Count = Field(1, description=SHRINK)
    lta: bool = Field(False, description="GaitGL's local temporal aggregation; PAPER eq. 1-6")
    clip_length: Count = Field(10, description="L of eq. 6, frames; ASSUME")
    temporal: Literal["attention", "max", "mean"] = Field(
        "attention", description="how the features of all frames become one; PAPER eq. 7-9"
    )
    attention_input: Literal["flat", "strips"] = Field(
        "flat",
        description="input of the attention: all values of a feature map ('flat') or the mean "
        "of each row ('strips'); PAPER eq. 5",
    )
    attention_width: Count = Field(256, description="channels of δ1; ASSUME")
    pose_attention_width: Count = Field(64, description="channels of the pose branch's δ1; ASSUME")
    silhouettes: bool = Field(True, description="use the silhouettes; PAPER 3.1")
    keypoints: bool = Field(True, description="use the keypoints; PAPER 3.2")
    fusion: Literal["appended", "apart", "attention"] = Field(
        "appended",
        description="keypoints: 'appended' to each strip, 'apart' in an embedding of their own, or "
        "drawn as maps and fused with the silhouettes by 'attention' (SkeletonGait++); PAPER 3.2",
    )
    gem_power: float = Field(
        6.5, gt=0, description="initial exponent p of eq. 10; ASSUME: GaitGL v1"
    )
    embedding: Count = Field(128, description="dimensions of each embedding; ASSUME: GaitGL v1")
    pose_channels: int = Field(
        0,
        ge=0,
        description="channels of a trained pose encoder; 0: the 51 keypoint values; PAPER 3.2",
    )
    skeleton_maps: bool = Field(
        False,
        description="add maps of keypoints and limbs to the silhouettes (SkeletonGait); PAPER 3.1",
    )
    map_deviation: float = Field(
        1 / 32,
        gt=0,
        le=1,
        description="standard deviation of the maps' Gaussians, share of the height; "
        "SkeletonGait's: 0.0625; ASSUME",
    )

    @model_validator(mode="after")
    def _sees_something(self) -> Self:
        if not (self.silhouettes or self.keypoints or self.skeleton_maps):
            raise ValueError("silhouettes, keypoints or skeleton_maps: one must be true")
        if self.fusion == "attention" and (
            self.skeleton_maps or not (self.silhouettes and self.keypoints)
        ):
            raise ValueError(
                "fusion: 'attention' needs silhouettes and keypoints, and no skeleton_maps"
            )
        return self


class GaitSetModel(Section):
    """GaitSet (Chao et al., AAAI 2019)."""

    channels: tuple[Count, Count, Count] = Field(
        (32, 64, 128), description="channels of each block; GaitSet's PAPER"
    )
    bins: tuple[Count, ...] = Field(
        (16, 8, 4, 2, 1),
        min_length=1,
        description="number of strips at each scale; GaitSet's PAPER",
    )
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(256, description="dimensions of each embedding; GaitSet's PAPER")


class GaitPartModel(Section):
    """GaitPart (Fan et al., CVPR 2020)."""

    channels: tuple[Count, ...] = Field(
        (32, 64, 128), min_length=1, description="channels of each block; GaitPart's PAPER"
    )
    strips: tuple[Count, ...] = Field(
        (1, 4, 8),
        min_length=1,
        description="p, number of parts in each block's layers; GaitPart's PAPER",
    )
    parts: Count = Field(16, description="horizontal bins with separate weights; GaitPart's PAPER")
    squeeze: Count = Field(
        4, description="factor by which an MCM reduces the channels; GaitPart's PAPER"
    )
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(128, description="dimensions of each embedding; GaitPart's PAPER")

    @model_validator(mode="after")
    def _blocks_fit(self) -> Self:
        if len(self.strips) != len(self.channels):
            raise ValueError(
                f"strips: one number for each of the {len(self.channels)} channels is required, "
                f"found {list(self.strips)}"
            )
        if self.squeeze > self.channels[-1]:
            raise ValueError(
                f"squeeze: {self.squeeze} is above the last of channels, {self.channels[-1]}; "
                "lower it, or raise that"
            )
        return self


class GaitGlModel(Section):
    """GaitGL (Lin et al., arXiv 2011.01461 v1, and ICCV 2021).

    The ICCV version is `{network: gaitgl, model: {head: iccv}, train: {cross_entropy: 1,
    weight_decay: 0.0005}}` (the weight decay: ASSUME, OpenGait's).
    """

    channels: tuple[Count, ...] = Field(
        (32, 64, 128, 128),
        min_length=3,
        description="channels of the stem and of each GLConv; GaitGL's PAPER",
    )
    strips: Count = Field(8, description="number of strips in the local branch; GaitGL's PAPER")
    shrink: Count = Field(1, description=SHRINK)
    gem_power: float = Field(
        6.5, gt=0, description="initial exponent of GeM pooling; GaitGL's PAPER"
    )
    embedding: Count = Field(128, description="dimensions of each embedding; GaitGL's PAPER")
    head: Literal["v1", "iccv", "bnneck"] = Field(
        "v1",
        description="'iccv': the embedding is the output of batch normalisation; 'bnneck': for "
        "tests it is the output of the BNNeck (OpenGait); GaitGL's PAPER",
    )
    stem_repeats: Count = Field(
        1,
        description="number of convolutions in the stem; OpenGait's for OU-MVLP: 2; GaitGL's PAPER",
    )
    repeats: Count = Field(
        1, description="number of GLConvs of each width; OpenGait's for OU-MVLP: 2; GaitGL's PAPER"
    )


Widths = tuple[Count, Count, Count, Count]
NECK = "tests use the embeddings behind the BNNeck, which needs train.neck (OpenGait's use_emb2)"


class GaitBaseModel(Section):
    """GaitBase (Fan et al., OpenGait, CVPR 2023)."""

    channels: Widths = Field(
        (64, 128, 256, 512), description="channels of each stage; GaitBase's PAPER"
    )
    parts: Count = Field(16, description="horizontal bins; GaitBase's PAPER")
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(256, description="dimensions of each embedding; GaitBase's PAPER")
    neck: bool = Field(False, description=f"{NECK}; ASSUME: OpenGait")


class DeepGaitV2Model(Section):
    """DeepGaitV2 (Fan et al., 2023)."""

    mode: Literal["2d", "3d", "p3d"] = Field(
        "p3d",
        description="convolutions of the last three stages: of frames, of space and time, or of "
        "frames with one over time between; DeepGaitV2's PAPER",
    )
    blocks: Widths = Field(
        (1, 1, 1, 1),
        description="number of residual blocks in each stage; for Gait3D and GREW: 1, 4, 4, 1; "
        "DeepGaitV2's PAPER",
    )
    channels: Widths = Field(
        (64, 128, 256, 512), description="channels of each stage; DeepGaitV2's PAPER"
    )
    parts: Count = Field(16, description="horizontal bins; DeepGaitV2's PAPER")
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(256, description="dimensions of each embedding; DeepGaitV2's PAPER")
    neck: bool = Field(False, description=f"{NECK}; ASSUME: OpenGait")


class SkeletonGaitPlusModel(Section):
    """SkeletonGait++ (Fan et al., AAAI 2024)."""

    skeleton_maps: Literal["centred", "aligned"] = Field(
        "centred",
        description="how keypoints are drawn: 'centred' on the hips, all of one height, or "
        "'aligned' with the silhouette; SkeletonGait's PAPER",
    )
    map_deviation: float = Field(
        1 / 16,
        gt=0,
        le=1,
        description="standard deviation of the maps' Gaussians, share of the height; "
        "SkeletonGait's PAPER",
    )
    blocks: Widths = Field(
        (1, 1, 1, 1),
        description="number of residual blocks in each stage; for Gait3D and GREW: 1, 4, 4, 1; "
        "SkeletonGait's PAPER",
    )
    channels: Widths = Field(
        (64, 128, 256, 512), description="channels of each stage; SkeletonGait's PAPER"
    )
    parts: Count = Field(16, description="horizontal bins; SkeletonGait's PAPER")
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(256, description="dimensions of each embedding; SkeletonGait's PAPER")
    neck: bool = Field(False, description=f"{NECK}; ASSUME: OpenGait")


class Mt3dModel(Section):
    """MT3D (Lin et al., ACM MM 2020)."""

    channels: tuple[Count, ...] = Field(
        (32, 64, 128, 128),
        min_length=3,
        description="channels of the stem and of each block; MT3D's PAPER",
    )
    shrink: Count = Field(1, description=SHRINK)
    embedding: Count = Field(128, description="dimensions of each embedding; ASSUME")


class GeiModel(Section):
    """The gait energy image (Han & Bhanu 2006), which has no settings."""


class EnergyNetModel(Section):
    """EnergyNet: a small network on four gait energy images; project default."""

    channels: Count = Field(
        32,
        description="channels before the pooling, twice as many after it; project default",
    )
    embedding: Count = Field(64, description="numbers of each embedding; project default")
    saturation: float = Field(
        0.0,
        ge=0,
        description="distance at which a part saturates, in units of the embeddings' spread in "
        "training, 0: never; project default",
    )
    gei_scale: float = Field(
        0.0,
        ge=0,
        description="add strips of the energy image; they saturate at this difference in 0…1, "
        "0: none; project default",
    )

    @model_validator(mode="after")
    def _saturated(self) -> Self:
        if self.gei_scale and not self.saturation:
            raise ValueError(
                "gei_scale: only saturated parts can be compared with strips of the energy image; "
                "set saturation, for example 0.3"
            )
        return self


SECTIONS: dict[str, type[Section]] = {
    "gei": GeiModel,
    "energynet": EnergyNetModel,
    "gaitset": GaitSetModel,
    "gaitpart": GaitPartModel,
    "mt3d": Mt3dModel,
    "gaitgl": GaitGlModel,
    "gaitbase": GaitBaseModel,
    "deepgaitv2": DeepGaitV2Model,
    "skeletongait_plus": SkeletonGaitPlusModel,
    "gaittake": GaitTakeModel,
}


def learns(network: str) -> bool:
    """Returns whether a network is trained; the gait energy image is not."""
    return network != "gei"


def uses_keypoints(model: Mapping[str, Any]) -> bool:
    """Returns whether a network with these settings takes keypoints."""
    return bool(model.get("keypoints") or model.get("skeleton_maps"))


def follows_order(network: str, model: Mapping[str, Any]) -> bool:
    """Returns whether an embedding depends on the order of the frames, and so on their rate.

    Args:
        network: a key of SECTIONS.
        model: its settings.
    """
    sets = {"gei", "energynet", "gaitset", "gaitbase"}
    return network not in sets and model.get("mode") != "2d"


PAPERS = {
    "gei": "Han & Bhanu, PAMI 2006",
    "energynet": "this project",
    "gaitset": "Chao et al., AAAI 2019",
    "gaitpart": "Fan et al., CVPR 2020",
    "mt3d": "Lin et al., ACM MM 2020",
    "gaitgl": "Lin et al., arXiv 2020",
    "gaitbase": "Fan et al., CVPR 2023",
    "deepgaitv2": "Fan et al., 2023",
    "skeletongait_plus": "Fan et al., AAAI 2024",
    "gaittake": "Hsu et al., 2022",
}

# Differences from the defaults. OU-MVLP: GaitSet's paper; GaitGL v1's; GaitPart's two more layers
# as in OpenGait's reimplementation (ASSUME); MT3D's paper gives no size (ASSUME: CASIA-B's).
# GaitBase, DeepGaitV2 and SkeletonGait++ have one size for both.
# Small, for two CPU cores: a stem of 8 channels and 16 after it, on images of half the side.
_SMALL_RESIDUAL = {"channels": (8, 16, 32, 32), "parts": 8, "shrink": 2, "embedding": 64}
SIZES: dict[Size, dict[str, dict[str, Any]]] = {
    "casiab": {},
    "oumvlp": {
        "gaitset": {"channels": (64, 128, 256)},
        "gaitpart": {"channels": (32, 64, 128, 256), "strips": (1, 1, 8, 8), "embedding": 256},
        "gaitgl": {"channels": (32, 64, 128, 128, 256, 256), "strips": 2, "embedding": 256},
        "gaittake": {"channels": (32, 64, 128, 128, 256, 256), "strips": 2, "embedding": 256},
    },
    "small": {
        "gaitset": {"channels": (8, 16, 16), "bins": (8, 4, 2, 1), "shrink": 2, "embedding": 128},
        "gaitpart": {"channels": (8, 16, 16), "parts": 8, "shrink": 2},
        "mt3d": {"channels": (8, 16, 16, 16), "shrink": 2},
        "gaitgl": {"channels": (8, 16, 16, 16), "shrink": 2},
        "gaitbase": _SMALL_RESIDUAL,
        "deepgaitv2": _SMALL_RESIDUAL,
        "skeletongait_plus": _SMALL_RESIDUAL,
        "gaittake": {
            "channels": (8, 16, 16, 16),
            "shrink": 2,
            "attention_input": "strips",
            "clip_length": 6,
        },
    },
}
