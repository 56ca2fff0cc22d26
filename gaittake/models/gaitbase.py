"""GaitBase: a residual network of single frames (Fan et al., OpenGait, CVPR 2023)."""

from collections.abc import Sequence

from gaittake.models.deepgaitv2 import DeepGaitV2


def build_gaitbase(
    *,
    height: int = 64,
    width: int = 44,
    channels: Sequence[int] = (64, 128, 256, 512),
    parts: int = 16,
    shrink: int = 1,
    embedding: int = 256,
    neck: bool = False,
) -> DeepGaitV2:
    """Returns GaitBase with random weights: nine layers of 2D convolutions, maximum, strips.

    It is the network that its authors later deepened to DeepGaitV2: one block in each stage, and
    no convolution over time.

    Args:
        height: rows of a silhouette.
        width: columns of a silhouette; any value works.
        channels: of each of the four stages.
        parts: horizontal bins; must divide the rows of the last map.
        shrink: side of the average pool on the input.
        embedding: numbers of each embedding, d.
        neck: embeddings for tests are those behind the BNNeck.
    """
    return DeepGaitV2(
        height=height,
        width=width,
        channels=channels,
        blocks=(1, 1, 1, 1),
        mode="2d",
        parts=parts,
        shrink=shrink,
        embedding=embedding,
        neck=neck,
    )
