"""Augmentation: clips mirrored at random, silhouettes and keypoints together.

Random choices depend only on the step's generator, so a continued training repeats them.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gaittake.data.store import Batch
from gaittake.keypoints import MIRROR

MIRROR_SHARE = 0.5


def mirror_half(batch: Batch, generator: np.random.Generator) -> Batch:
    """Returns the batch with each clip mirrored with probability 0.5.

    Args:
        batch: clips without padding.
        generator: of the step.
    """
    return mirrored(batch, generator.random(len(batch.silhouettes)) < MIRROR_SHARE)


def mirrored(batch: Batch, which: npt.NDArray[np.bool_]) -> Batch:
    """Returns the batch with the clips in `which` `[n]` flipped left to right.

    A person at a view of 30 degrees becomes one at 150; the left wrist becomes the right one.
    """
    chosen = _on_device(batch, which)[:, None, None, None]
    order = _on_device(batch, np.array(MIRROR[: batch.keypoints.shape[2]], dtype=np.int64))
    x, y, confidence = batch.keypoints[:, :, order].unbind(dim=3)
    keypoints = torch.stack([1 - x, y, confidence], dim=3)
    return batch._replace(
        silhouettes=torch.where(chosen, batch.silhouettes.flip(3), batch.silhouettes),
        keypoints=torch.where(chosen, keypoints, batch.keypoints),
    )


def _on_device(batch: Batch, values: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(values).to(batch.silhouettes.device, non_blocking=True)
