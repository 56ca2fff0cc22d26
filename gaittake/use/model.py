"""A trained model: silhouettes in, embeddings out; two embeddings in, a distance out."""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from gaittake.arrays import describe_array
from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use.about import About
from gaittake.use.describe import describe_origin, describe_synthetic, short_sequence, usable_frames
from gaittake.use.locate import Locate, given_keypoints, no_keypoints
from gaittake.use.model_file import (
    Header,
    has_torch,
    is_onnx,
    read_header,
    read_model,
    read_onnx,
    require_torch,
    shipped_model,
)
from gaittake.use.motion import without_stride
from gaittake.use.network_input import binary_masks, network_input
from gaittake.use.networks import Embedding, Networks
from gaittake.use.rate import rate_warnings
from gaittake.use.usable import two_figures

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


class Comparison(NamedTuple):
    """The distance of two sequences, and what it means.

    Attributes:
        distance: between the embeddings.
        same_farther: share of the measured same-person pairs at a larger distance.
        different_nearer: share of the measured pairs of two people at this distance or less: the
            false accept rate with this distance as the threshold.
        threshold: largest distance with at most 1 % false accepts.
        accepted: whether the distance is at most the threshold.
        calibrated: whether calibration measured such distances; if not, there is no verdict.
    """

    distance: float
    same_farther: float
    different_nearer: float
    threshold: float
    accepted: bool
    calibrated: bool


class SequenceEmbedding(NamedTuple):
    """Embedding of a sequence, and how many of its frames were used.

    Attributes:
        embedding: `[p, d]` float32.
        frames: number of usable frames.
        dropped: number of frames by the reason for which they were dropped.
        warnings: what makes the embedding less reliable, a line each.
    """

    embedding: Embedding
    frames: int
    dropped: Counter[str]
    warnings: tuple[str, ...]


class Model:
    """A trained network with its student, settings and calibration. Created by `load`.

    Args:
        header: what the model file says.
        path: of the model file, for messages.
        networks: what computes.

    Attributes:
        about: settings, calibration and origin.
        digest: identifies the model; embeddings of two models cannot be compared.
        package: version of gaittake that wrote the file.
    """

    def __init__(self, header: Header, path: Path, networks: Networks) -> None:
        self.about: About = header.about
        self.digest = header.digest
        self.package = header.package
        self.path = path
        self._networks = networks

    def embed(
        self,
        silhouettes: npt.NDArray[np.generic],
        keypoints: npt.NDArray[np.floating] | None = None,
        *,
        fps: float | None = None,
    ) -> Embedding:
        """Returns the embedding `[p, d]` float32 of a sequence.

        Uses the frames that show a whole person. If the person walks to the right, uses the mirror
        images. Logs a warning if frames are dropped, or if the embedding is less reliable: too few
        frames, a person who stands, less than a stride, two figures, or a frame rate unlike that
        which the model learnt from (`about.fps`).

        Args:
            silhouettes: `[frames, rows, columns]` masks of whole frames, uint8, 0 or 255.
            keypoints: `[frames, 17, 3]`: x and y in pixels of the frames, confidence in 0…1; None:
                predicted by the model's student.
            fps: frames per second of the recording; None: unknown, not compared.

        Raises:
            UserError: arrays of another shape or dtype, no frame is usable, or more than 1,000
                frames show a person.
        """
        masks = binary_masks(silhouettes)
        locate = None if keypoints is None else given_keypoints(keypoints, len(masks))
        if locate is not None and self.about.keypoints == "none":
            logger.warning("%s: the model uses no keypoints; those given are ignored", self.path)
        found = self.embed_frames(masks, name="silhouettes", locate=locate)
        if found.dropped:
            logger.warning("silhouettes: %s", usable_frames(found.frames, found.dropped))
        rates = {} if fps is None else {"silhouettes": fps}
        for warning in (*found.warnings, *rate_warnings(rates, self.about)):
            logger.warning(warning)
        return found.embedding

    def embed_frames(
        self, frames: Iterable[Image], *, name: str, locate: Locate | None = None
    ) -> SequenceEmbedding:
        """Returns the embedding of a sequence, as `embed` does, and what makes it less reliable.

        Args:
            frames: `[rows, columns]` uint8 each, 0 or 255.
            name: of the sequence, for messages.
            locate: returns the keypoints of frames; None: predicted by the model's student.

        Raises:
            UserError: no frame is usable, more than 1,000 show a person, or the model requires
                keypoints.
        """
        rejects: list[Reject] = []
        if self.about.keypoints == "none":
            locate = no_keypoints
        locate = locate or self._predicted(rejects)
        found = network_input(frames, settings=self.about.align, locate=locate, name=name)
        embedding = self._networks.embed(found)
        count = len(found.silhouettes)
        doubts = [
            f"{name}: {len(rejects)} frames, {rejects[0].reason}" if rejects else None,
            short_sequence(name, count, self.about),
            without_stride(name, found.silhouettes),
            two_figures(name, count, found.with_two),
        ]
        warnings = tuple(filter(None, doubts))
        return SequenceEmbedding(embedding, count, found.dropped, warnings)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Returns the distance between two embeddings `[p, d]`, as evaluation measures it.

        Raises:
            UserError: as `require_embeddings`.
        """
        self.require_embeddings(one, other)
        return float(distances(one[None], other[None], kind=self.about.distance)[0, 0])

    def require_embeddings(self, *embeddings: Embedding) -> None:
        """Checks that these are embeddings of such a model.

        Raises:
            UserError: one is no array `[p, d]` of finite floating-point numbers.
        """
        shape = (self.about.parts, self.about.embedding)
        for each in embeddings:
            fits = isinstance(each, np.ndarray) and each.shape == shape and each.dtype.kind == "f"
            if not fits or not np.isfinite(each).all():
                found = f"{describe_array(each)}{', not all of them finite' if fits else ''}"
                raise UserError(
                    f"embeddings {list(shape)} of finite floating-point numbers are required; "
                    f"found {found}. Compute them with this model."
                )

    def compare(self, one: Embedding, other: Embedding) -> Comparison:
        """Returns the distance between two embeddings `[p, d]` and its rank among measured ones.

        Raises:
            UserError: as `require_embeddings`.
        """
        distance, measured = self.distance(one, other), self.about.calibration
        return Comparison(
            distance,
            measured.same_farther(distance),
            measured.different_nearer(distance),
            measured.threshold,
            distance <= measured.threshold,
            distance <= measured.largest,
        )

    def _predicted(self, rejects: list[Reject]) -> Locate:
        if self._networks.student is None:
            truth = self.about.keypoints == "truth"
            source = "the renderer's true keypoints" if truth else "keypoints of another program"
            raise UserError(
                f"{self.path}: trained on {source}, so it has no student to predict them; pass "
                "keypoints, or export a method with predicted keypoints"
            )
        return self._networks.student(rejects)


def load(path: str | Path | None = None, device: "str | torch.device" = "cpu") -> Model:
    """Returns the model in a file written by `gaittake model export`; logs its origin.

    ONNX Runtime computes a file that ends with `.onnx`, PyTorch any other. The log level is WARNING
    for a model trained or measured on rendered people, else INFO.

    Args:
        path: of the model file; None: the model that gaittake ships.
        device: where to compute, `cpu` or `cuda`.

    Raises:
        UserError: the file does not exist, cannot be read, is not a model file, is damaged, or
            does not fit this version of gaittake; gaittake ships none; PyTorch is required and not
            installed; another device, or no such GPU; or an ONNX file on a GPU.
    """
    kind = _kind(device)
    if kind not in ("cpu", "cuda"):
        raise UserError(f"device '{device}': 'cpu' or 'cuda' is required")
    path = shipped_model(gpu=kind != "cpu") if path is None else Path(path)
    header, networks = _onnx(path, device) if is_onnx(path) else _torch(path, device)
    model = Model(header, path, networks)
    origin = header.about.origin
    level = logging.WARNING if describe_synthetic(origin) else logging.INFO
    logger.log(level, "%s: %s", path, describe_origin(origin))
    return model


def _onnx(path: Path, device: "str | torch.device") -> tuple[Header, Networks]:
    if _kind(device) != "cpu":
        raise UserError(
            f"{path}: an ONNX file is computed on the CPU, not on '{device}'; for a GPU, use the "
            "model's .safetensors file"
        )
    from gaittake.use.run_onnx import onnx_networks

    header, network = read_onnx(path)
    return header, onnx_networks(header, network, path)


def _torch(path: Path, device: "str | torch.device") -> tuple[Header, Networks]:
    if not has_torch():
        read_header(path)  # a missing or damaged file is reported first
        require_torch(path)
    import torch

    from gaittake.device import require_gpu
    from gaittake.use.run_torch import torch_networks

    content = read_model(path)
    chosen = torch.device(device)
    if chosen.type == "cuda":
        require_gpu(chosen)
    return content.header, torch_networks(content, path, chosen)


def _kind(device: "str | torch.device") -> str:
    """Returns `cuda` of `cuda:1`, without an import of PyTorch."""
    return str(device).partition(":")[0]
