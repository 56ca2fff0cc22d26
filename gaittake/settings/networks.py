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
    fusion: Literal["appended", "apart"] = Field(
        "appended",
        description="keypoints: 'appended' to each strip, or 'apart' in an embedding of their own; "
        "PAPER 3.2",
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

    @model_validator(mode="after")
    def _sees_something(self) -> Self:
        if not (self.silhouettes or self.keypoints or self.skeleton_maps):
            raise ValueError("silhouettes, keypoints or skeleton_maps: one must be true")
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
    head: Literal["v1", "iccv"] = Field(
        "v1",
        description="'iccv': the embedding is the output of batch normalisation; GaitGL's PAPER",
    )


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
        32, description="channels of the first half, the second twice; project default"
    )
    embedding: Count = Field(64, description="numbers of each embedding; project default")
    saturation: float = Field(
        0.0,
        ge=0,
        description="distance where a part saturates, spreads, 0: nowhere; project default",
    )


SECTIONS: dict[str, type[Section]] = {
    "gei": GeiModel,
    "energynet": EnergyNetModel,
    "gaitset": GaitSetModel,
    "gaitpart": GaitPartModel,
    "mt3d": Mt3dModel,
    "gaitgl": GaitGlModel,
    "gaittake": GaitTakeModel,
}


def learns(network: str) -> bool:
    """Returns whether a network is trained; the gait energy image is not."""
    return network != "gei"


def uses_keypoints(model: Mapping[str, Any]) -> bool:
    """Returns whether a network with these settings takes keypoints."""
    return bool(model.get("keypoints") or model.get("skeleton_maps"))


PAPERS = {
    "gei": "Han & Bhanu, PAMI 2006",
    "energynet": "this project",
    "gaitset": "Chao et al., AAAI 2019",
    "gaitpart": "Fan et al., CVPR 2020",
    "mt3d": "Lin et al., ACM MM 2020",
    "gaitgl": "Lin et al., arXiv 2020",
    "gaittake": "Hsu et al., 2022",
}

# Differences from the defaults. OU-MVLP: GaitSet's paper; GaitGL v1's; GaitPart's two more layers
# as in OpenGait's reimplementation (ASSUME); MT3D's paper gives no size (ASSUME: CASIA-B's).
# Small, for two CPU cores: a stem of 8 channels and 16 after it, on images of half the side.
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
        "gaittake": {
            "channels": (8, 16, 16, 16),
            "shrink": 2,
            "attention_input": "strips",
            "clip_length": 6,
        },
    },
}
