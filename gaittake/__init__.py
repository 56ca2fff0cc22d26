"""GaitTAKE: gait recognition by temporal attention and keypoint-guided embedding.

Axis letters used in every docstring of this package:

    n  sequences in a batch     s  frames of a sequence or clip     c  channels
    h  rows of a feature map    w  columns of a feature map         p  horizontal parts (strips)
    k  keypoints (17, COCO)     d  numbers of one embedding

Frames are uint8 (0 or 255) on disk and in the cache, float32 in 0...1 inside a network. Keypoints
are (x, y, confidence).
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from gaittake.use.model import Model

__version__ = "0.1.0"


def load(path: str | Path, device: "str | torch.device" = "cpu") -> "Model":
    """Returns the model in a file of `gaittake model export`; tells what it was trained on.

    Args:
        path: of the file.
        device: where to compute, `cpu` or `cuda`.

    Raises:
        UserError: no such file, or it is damaged, foreign, of another format or does not fit.
    """
    # Inside: `import gaittake` stays quick, and every module of the package runs this file first.
    from gaittake.use.model import load as load_model

    return load_model(path, device)
