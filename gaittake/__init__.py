"""GaitTAKE: gait recognition by temporal attention and keypoint-guided embedding.

Axis letters used in every docstring of this package:

    n  sequences in a batch     s  frames of a sequence or clip     c  channels
    h  rows of a feature map    w  columns of a feature map         p  horizontal parts (strips)
    k  keypoints (17, COCO)     d  numbers of each part of an embedding

Silhouettes are uint8 (0 or 255) on disk and in the cache, float32 in 0…1 inside a network.
Keypoints are (x, y, confidence).
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from gaittake.use.model import Model

__version__ = "0.1.0"


def load(path: str | Path | None = None, device: "str | torch.device" = "cpu") -> "Model":
    """Returns the model in a file written by `gaittake model export`; logs its origin.

    The log level is WARNING for a model trained or measured on rendered people, else INFO.

    Args:
        path: of the model file; None: the model that gaittake ships.
        device: where to compute, `cpu` or `cuda`.

    Raises:
        UserError: the file does not exist, cannot be read, is not a model file, is damaged, or
            does not fit this version of gaittake; or gaittake ships none.
    """
    # Imported here because every `import gaittake.…` runs this file, and torch takes seconds.
    from gaittake.use.model import load as load_model

    return load_model(path, device)
