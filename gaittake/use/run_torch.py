"""The networks of a model file, computed by PyTorch."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from gaittake.arrays import Float32s
from gaittake.device import without_tf32
from gaittake.errors import UserError
from gaittake.models import trained_network
from gaittake.sequence import Reject
from gaittake.use.locate import Locate, Shown, student_keypoints
from gaittake.use.model_file import EXPORT, Content
from gaittake.use.network_input import NetworkInput
from gaittake.use.networks import Embedding, Networks


def torch_networks(content: Content, path: Path, device: torch.device) -> Networks:
    """Returns the networks of a model file.

    Args:
        content: of the model file.
        path: of the model file, for messages.
        device: where to compute.

    Raises:
        UserError: the weights do not fit the settings.
    """
    network = network_of(content, path).to(device)

    @torch.inference_mode()
    def embed(found: NetworkInput) -> Embedding:
        silhouettes = torch.from_numpy(found.silhouettes).to(device)
        keypoints = torch.from_numpy(found.keypoints).to(device)
        with without_tf32():  # as the stages that measured this model
            rows = network(silhouettes.float()[None] / 255, keypoints[None], None)
        return np.asarray(rows[0].float().cpu().numpy(), dtype=np.float32)

    predict = content.header.about.predict
    if (predict is None) != (content.student is None):
        raise UserError(
            f"{path}: the student's settings or weights are missing. Export the model again with "
            f"`{EXPORT}`."
        )
    if predict is None or content.student is None:
        return Networks(embed, None)
    # torchvision takes a second, and models without a student do not need it.
    from gaittake.pose.detector import build_detector, load_state
    from gaittake.pose.fast import for_prediction

    loaded = build_detector(predict.detector)
    load_state(loaded, content.student, path)
    ready = for_prediction(loaded.to(device), predict.precision)

    def student(rejects: list[Reject]) -> Locate:
        locate = student_keypoints(ready, predict, rejects)

        def exactly(masks: list[Shown]) -> Float32s:
            with without_tf32():
                return locate(masks)

        return exactly

    return Networks(embed, student)


def network_of(content: Content, path: Path) -> nn.Module:
    """Returns the recognition network of a model file, on the CPU.

    Raises:
        UserError: the weights do not fit the settings.
    """
    about = content.header.about
    try:
        return trained_network(
            about.network,
            content.network,
            height=about.align.height,
            width=about.align.width,
            **about.model,
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: weights do not fit the network '{about.network}' of this version of gaittake "
            f"({reason}). Use gaittake {content.header.package}, which wrote the file, or export "
            f"the model again with `{EXPORT}`."
        ) from error
