"""GaitTAKE from plain numbers: the parts of figure 1, or of one of its ablations."""

from collections.abc import Sequence

from torch import nn

from gaittake.models.attention import EqualWeights, Maximum, TemporalAttention, WeightedMean
from gaittake.models.blocks import xavier
from gaittake.models.gaittake import (
    ApartHeads,
    AppearanceBranch,
    GaitTake,
    Images,
    JoinedHeads,
    PoseBranch,
)
from gaittake.models.glconv import Backbone, even_rows
from gaittake.models.pooling import GeM
from gaittake.models.pose import KEYPOINT_NUMBERS, KeypointNumbers, PoseEncoder


def build_gaittake(
    *,
    height: int = 64,
    width: int = 44,
    channels: Sequence[int] = (32, 64, 128, 128),
    strips: int = 8,
    shrink: int = 1,
    lta: bool = False,
    clip_length: int = 10,
    temporal: str = "attention",
    attention_input: str = "flat",
    attention_width: int = 256,
    pose_attention_width: int = 64,
    silhouettes: bool = True,
    keypoints: bool = True,
    fusion: str = "appended",
    gem_power: float = 6.5,
    embedding: int = 128,
    pose_channels: int = 0,
    skeleton_maps: bool = False,
    map_deviation: float = 1 / 32,
) -> GaitTake:
    """Returns GaitTAKE with random weights; the defaults are the paper's.

    Args:
        height: rows of a silhouette; an even number after `shrink`.
        width: columns of a silhouette.
        channels: of the stem, then of each GLConv.
        strips: m of eq. 2; at least 1.
        shrink: side of the average pool on the input.
        lta: use GaitGL's local temporal aggregation.
        clip_length: L of eq. 6.
        temporal: how frames become one feature: `attention`, `max` or `mean`.
        attention_input: `flat` (the whole map, eq. 5) or `strips` (the mean of each row).
        attention_width: channels of δ1.
        pose_attention_width: channels of δ1 in the pose branch.
        silhouettes: use the silhouettes.
        keypoints: use the pose branch.
        fusion: `appended`: the pose feature is appended to the feature of each part; `apart`: it
            has its own heads. Without both branches, all features are joined. `attention`: in place
            of the pose branch, the keypoints are drawn as two images with a stem of their own, and
            fused with the silhouettes' features pixel by pixel.
        gem_power: initial p of eq. 10.
        embedding: d.
        pose_channels: of a learned encoder of the keypoints; 0 for the 51 numbers of a frame.
        skeleton_maps: draw the keypoints as two images beside the silhouettes, or in their place.
        map_deviation: of the Gaussians of these images, as a share of their height.

    Raises:
        ValueError: no input is used, an unknown `temporal`, `attention_input` or `fusion`, a
            `fusion` that lacks an input, or an odd number of rows.
    """
    if not (silhouettes or keypoints or skeleton_maps):
        raise ValueError("silhouettes, keypoints or skeleton_maps: at least one must be used")
    if attention_input not in ("flat", "strips"):
        raise ValueError(f"attention_input must be 'flat' or 'strips', not {attention_input!r}")
    if fusion not in ("appended", "apart", "attention"):
        raise ValueError(f"fusion must be 'appended', 'apart' or 'attention', not {fusion!r}")
    attention = fusion == "attention"
    if attention and (skeleton_maps or not (silhouettes and keypoints)):
        raise ValueError("fusion 'attention' needs silhouettes and keypoints, and no skeleton_maps")
    planes = int(silhouettes) + 2 * int(skeleton_maps)
    parts = even_rows(height, shrink) if planes else 1
    branches: dict[str, nn.Module] = {}
    features: dict[str, int] = {}
    if planes:
        by_rows = attention_input == "strips"
        columns = 1 if by_rows else width // shrink // 2
        features["appearance"] = channels[-1]
        branches["appearance"] = AppearanceBranch(
            images=Images(
                shrink=shrink,
                silhouettes=silhouettes,
                skeleton=skeleton_maps or attention,
                deviation=map_deviation,
            ),
            backbone=Backbone(
                channels, strips=strips, lta=lta, planes=planes, maps=2 if attention else 0
            ),
            pool=temporal_pool(
                temporal,
                channels[-1] * parts * columns,
                attention_width,
                clip_length=clip_length,
                by_rows=by_rows,
            ),
            gem=GeM(gem_power),
        )
    if keypoints and not attention:
        features["pose"] = pose_channels or KEYPOINT_NUMBERS
        branches["pose"] = PoseBranch(
            encoder=PoseEncoder(pose_channels) if pose_channels else KeypointNumbers(),
            pool=temporal_pool(
                temporal, features["pose"], pose_attention_width, clip_length=clip_length
            ),
        )
    heads: nn.Module
    if fusion == "apart" and len(branches) == 2:
        heads = ApartHeads(parts, **features, embedding=embedding)
    else:
        heads = JoinedHeads(parts, sum(features.values()), embedding)
    network = GaitTake(branches, heads)
    xavier(network)  # ASSUME: the initialisation, GaitGL's
    return network


def temporal_pool(
    temporal: str, features: int, width: int, *, clip_length: int, by_rows: bool = False
) -> nn.Module:
    """Returns the module that makes one feature of a sequence's frames.

    Args:
        temporal: `attention`, `max` or `mean`.
        features: length of the vector that describes a frame.
        width: channels of the attention's first convolution.
        clip_length: frames of a clip.
        by_rows: see WeightedMean.

    Raises:
        ValueError: an unknown `temporal`.
    """
    if temporal == "attention":
        attention = TemporalAttention(features, width, clip_length=clip_length)
        return WeightedMean(attention, by_rows=by_rows)
    if temporal == "mean":
        return WeightedMean(EqualWeights(clip_length=clip_length))
    if temporal == "max":
        return Maximum()
    raise ValueError(f"temporal must be 'attention', 'max' or 'mean', not {temporal!r}")
