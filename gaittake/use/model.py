"""A trained model: silhouettes in, embeddings out; two embeddings in, a distance out."""

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from gaittake.device import without_tf32
from gaittake.errors import UserError
from gaittake.evaluation.distance import distances
from gaittake.models import trained_network
from gaittake.sequence import Reject
from gaittake.silhouette import Image
from gaittake.use.about import About
from gaittake.use.describe import describe_origin, short_sequence, usable_frames
from gaittake.use.locate import Locate, given_keypoints, no_keypoints, student_keypoints
from gaittake.use.model_file import EXPORT, Content, read_model, shipped_model
from gaittake.use.motion import without_stride
from gaittake.use.network_input import NetworkInput, binary_masks, network_input

if TYPE_CHECKING:
    from gaittake.pose.vision import KeypointRCNN

logger = logging.getLogger(__name__)
Embedding = npt.NDArray[np.float32]


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
        content: of the model file.
        path: of the model file, for messages.
        device: where to compute.

    Attributes:
        about: settings, calibration and origin.
        digest: identifies the model; embeddings of two models cannot be compared.
        package: version of gaittake that wrote the file.

    Raises:
        UserError: the weights do not fit the settings.
    """

    def __init__(self, content: Content, path: Path, device: torch.device) -> None:
        self.about: About = content.header.about
        self.digest = content.header.digest
        self.package = content.header.package
        self.path = path
        self._device = device
        self._network = _network(content, path).to(device)
        self._student = _student(content, path, device)

    def embed(
        self,
        silhouettes: npt.NDArray[np.generic],
        keypoints: npt.NDArray[np.floating] | None = None,
    ) -> Embedding:
        """Returns the embedding `[p, d]` float32 of a sequence.

        Uses the frames that show a whole person. If the person walks to the right, uses the mirror
        images. Logs a warning if frames are dropped, or if the embedding is less reliable: too few
        frames, a person who stands, or less than a stride.

        Args:
            silhouettes: `[frames, rows, columns]` masks of whole frames, uint8, 0 or 255.
            keypoints: `[frames, 17, 3]`: x and y in pixels of the frames, confidence in 0…1; None:
                predicted by the model's student.

        Raises:
            UserError: arrays of another shape or dtype, no frame is usable, or more than 1,000
                frames show a person.
        """
        masks = binary_masks(silhouettes)
        locate = None if keypoints is None else given_keypoints(keypoints, len(masks))
        found = self.embed_frames(masks, name="silhouettes", locate=locate)
        if found.dropped:
            logger.warning("silhouettes: %s", usable_frames(found.frames, found.dropped))
        for warning in found.warnings:
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
        with without_tf32():  # as the stages that measured this model
            found = network_input(frames, settings=self.about.align, locate=locate, name=name)
            embedding = self._embedding(found)
        count = len(found.silhouettes)
        doubts = [
            f"{name}: {len(rejects)} frames, {rejects[0].reason}" if rejects else None,
            short_sequence(name, count, self.about),
            without_stride(name, found.silhouettes),
        ]
        warnings = tuple(filter(None, doubts))
        return SequenceEmbedding(embedding, count, found.dropped, warnings)

    def distance(self, one: Embedding, other: Embedding) -> float:
        """Returns the distance between two embeddings `[p, d]`, as evaluation measures it.

        Raises:
            UserError: an embedding of another shape.
        """
        shape = (self.about.parts, self.about.embedding)
        for embedding in (one, other):
            if embedding.shape != shape:
                raise UserError(
                    f"embeddings {list(shape)} are required; found {list(embedding.shape)}. "
                    "Compute both with this model."
                )
        return float(distances(one[None], other[None], kind=self.about.distance)[0, 0])

    def compare(self, one: Embedding, other: Embedding) -> Comparison:
        """Returns the distance between two embeddings `[p, d]` and its rank among measured ones.

        Raises:
            UserError: an embedding of another shape.
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
        if self._student is None or self.about.predict is None:
            truth = self.about.keypoints == "truth"
            source = "the renderer's true keypoints" if truth else "keypoints of another program"
            raise UserError(
                f"{self.path}: trained on {source}, so it has no student to predict them; pass "
                "keypoints, or export a method with predicted keypoints"
            )
        return student_keypoints(self._student, self.about.predict, rejects)

    @torch.inference_mode()
    def _embedding(self, found: NetworkInput) -> Embedding:
        silhouettes = torch.from_numpy(found.silhouettes).to(self._device)
        keypoints = torch.from_numpy(found.keypoints).to(self._device)
        rows = self._network(silhouettes.float()[None] / 255, keypoints[None], None)
        return np.asarray(rows[0].float().cpu().numpy(), dtype=np.float32)


def load(path: str | Path | None = None, device: str | torch.device = "cpu") -> Model:
    """Returns the model in a file written by `gaittake model export`; logs its origin.

    The log level is WARNING for a model trained on rendered people, else INFO.

    Args:
        path: of the model file; None: the model that gaittake ships.
        device: where to compute, `cpu` or `cuda`.

    Raises:
        UserError: the file does not exist, cannot be read, is not a model file, is damaged, or
            does not fit this version of gaittake; or gaittake ships none.
    """
    path = shipped_model() if path is None else Path(path)
    content = read_model(path)
    model = Model(content, path, torch.device(device))
    origin = content.header.about.origin
    level = logging.WARNING if origin.synthetic else logging.INFO
    logger.log(level, "%s: %s", path, describe_origin(origin))
    return model


def _network(content: Content, path: Path) -> nn.Module:
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


def _student(content: Content, path: Path, device: torch.device) -> "KeypointRCNN | None":
    predict = content.header.about.predict
    if (predict is None) != (content.student is None):
        raise UserError(
            f"{path}: the student's settings or weights are missing. Export the model again with "
            f"`{EXPORT}`."
        )
    if predict is None or content.student is None:
        return None
    # torchvision takes a second, and models without a student do not need it.
    from gaittake.pose.detector import build_detector, load_state
    from gaittake.pose.fast import for_prediction

    student = build_detector(predict.detector)
    load_state(student, content.student, path)
    return for_prediction(student.to(device), predict.precision)
